"""What is to be drawn, and drawn scenes as a few arrays that a file or a pipe can carry."""

import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from multiprocessing import current_process
from typing import Any

import numpy as np
import numpy.typing as npt

from course_utils.datasets.dataset import Scene
from course_utils.datasets.drinks.scenes import render_scene

__all__ = ["Arrays", "Job", "draw_part", "pack"]

Arrays = dict[str, npt.NDArray[Any]]


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


def draw_part(job: Job, start: int, stop: int, caller: int) -> Arrays:
    """Render the scenes from ``start`` to before ``stop``, packed, in whatever process.

    Parameters
    ----------
    job : Job
    start, stop : int
    caller : int
        Identifier of the process that asked. A process that joblib started for it ends if it is killed.
    """
    _end_with(caller)
    return pack([job.draw(index) for index in range(start, stop)])


@cache
def _end_with(caller: int) -> None:
    """Watch the parent of a process of joblib's own, which would wait for ever for one that was killed."""

    def watch() -> None:
        while os.getppid() == caller:
            time.sleep(1)
        os._exit(1)

    if current_process().name.startswith("LokyProcess"):
        threading.Thread(target=watch, daemon=True).start()


def pack(scenes: Sequence[Scene]) -> Arrays:
    """The fields of some scenes as a few arrays.

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
