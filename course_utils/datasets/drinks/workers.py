"""Scenes drawn by several processes.

Plain child processes that are told through a pipe which scenes to draw. The pools of the standard
library would run the caller's script once more in each process: a script without a guard would call
itself, and one that imports TensorFlow would pay seconds and memory for it in every worker.
"""

import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from course_utils.datasets.drinks.scenes import Scene, render_scene

__all__ = ["Arrays", "Job", "core_count", "draw_in_processes", "pack", "serve"]

Arrays = dict[str, npt.NDArray[Any]]

# A child reads its tasks from standard input; it gets the caller's sys.path, and never its script.
CHILD = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from course_utils.datasets.drinks.workers import serve; serve(json.loads(sys.argv[2]))"
)
# The processes share the cores already.
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
LENGTH_BYTES = 8


@dataclass(frozen=True)
class Job:
    """The settings of a set of scenes; scene i depends on them and on i alone."""

    seed: int
    height: int
    width: int
    difficulty: int

    def draw(self, index: int) -> Scene:
        """Render one scene."""
        rng = np.random.default_rng([self.seed, index])
        return render_scene(rng, self.height, self.width, self.difficulty)


def core_count() -> int:
    """Cores that this process may use.

    Examples
    --------
    >>> core_count() >= 1
    True
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def pack(scenes: Sequence[Scene]) -> Arrays:
    """The fields of some scenes as a few arrays that a file or a pipe can carry.

    Returns
    -------
    dict
        ``images``, ``label_maps``, ``instance_ids``: stacked. ``boxes``, ``class_ids``, ``points``: of
        all scenes one after another; ``object_counts`` (one a scene) and ``corner_counts`` (one an
        object) say where to cut.

    Examples
    --------
    >>> arrays = pack([Job(0, 32, 48, 0).draw(i) for i in range(2)])
    >>> arrays["images"].shape, arrays["boxes"].shape == (arrays["object_counts"].sum(), 4)
    ((2, 32, 48, 3), True)
    """
    polygons = [polygon for scene in scenes for polygon in scene.polygons]
    return {
        "images": np.stack([scene.image for scene in scenes]),
        "label_maps": np.stack([scene.label_map for scene in scenes]),
        "instance_ids": np.stack([scene.instance_ids for scene in scenes]),
        "object_counts": np.array([len(scene.boxes) for scene in scenes], np.int64),
        "boxes": np.concatenate([np.zeros((0, 4)), *(scene.boxes for scene in scenes)]),
        "class_ids": np.concatenate([np.zeros(0, np.int64), *(scene.class_ids for scene in scenes)]),
        "corner_counts": np.array([len(polygon) for polygon in polygons], np.int64),
        "points": np.concatenate([np.zeros((0, 2)), *polygons]),
    }


def draw_in_processes(
    job: Job, parts: Sequence[tuple[int, int]], workers: int, store: Callable[[int, Arrays], None]
) -> None:
    """Draw scenes in child processes, and hand each part over as it is finished.

    Parameters
    ----------
    job : Job
    parts : sequence of (int, int)
        First scene of a part, and the one after its last.
    workers : int
        Number of processes.
    store : function
        Called with the number of a part and its packed scenes, in any order, from several threads.

    Raises
    ------
    RuntimeError
        If a process ends before its work is done; the message holds the end of what it said.
    """
    waiting: SimpleQueue[tuple[int, tuple[int, int]]] = SimpleQueue()
    for task in enumerate(parts):
        waiting.put(task)

    def work(child: _Child) -> None:
        while True:
            try:
                number, part = waiting.get_nowait()
            except Empty:
                return
            store(number, child.ask(part))

    children: list[_Child] = []
    try:
        children.extend(_Child(job) for _ in range(min(workers, len(parts))))
        with ThreadPoolExecutor(len(children)) as threads:
            try:
                for future in [threads.submit(work, child) for child in children]:
                    future.result()
            except BaseException:  # an interrupt too: the threads wait for children that end now
                for child in children:
                    child.process.kill()
                raise
    finally:
        for child in children:
            child.close()


class _Child:
    """One process that draws what it is asked for."""

    def __init__(self, job: Job):
        self.said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-c", CHILD, json.dumps(sys.path), json.dumps(vars(job))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.said,
            env=os.environ | ONE_THREAD,
        )

    def ask(self, part: tuple[int, int]) -> Arrays:
        """Have a part drawn."""
        assert self.process.stdin is not None and self.process.stdout is not None
        with contextlib.suppress(OSError):  # it has ended: then the answer below is empty
            self.process.stdin.write(f"{part[0]} {part[1]}\n".encode())
            self.process.stdin.flush()
        length = int.from_bytes(self.process.stdout.read(LENGTH_BYTES), "little")
        payload = self.process.stdout.read(length)
        if not payload or len(payload) < length:
            self.process.kill()
            code = self.process.wait()
            self.said.seek(0)
            said = self.said.read().decode(errors="replace").strip()[-500:]
            raise RuntimeError(
                f"a process that draws scenes ended early (code {code}): {said or 'it said nothing'}"
            )
        with np.load(io.BytesIO(payload), allow_pickle=False) as archive:
            return dict(archive)

    def close(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self.process.wait()
        self.said.close()


def serve(settings: Mapping[str, int]) -> None:
    """Draw what standard input asks for until it ends; what a child process runs.

    Parameters
    ----------
    settings : mapping
        The fields of a :class:`Job`.
    """
    answers, sys.stdout = sys.stdout.buffer, sys.stderr
    job = Job(**settings)
    for line in sys.stdin:
        start, stop = map(int, line.split())
        payload = io.BytesIO()
        arrays: dict[str, Any] = pack([job.draw(index) for index in range(start, stop)])
        np.savez(payload, **arrays)
        answers.write(len(payload.getbuffer()).to_bytes(LENGTH_BYTES, "little"))
        answers.write(payload.getbuffer())
        answers.flush()
