"""Sets of rendered scenes: drawn on all cores, kept on disk, the same on every call."""

import os
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import joblib
import numpy as np
import numpy.typing as npt

from course_utils._arguments import as_count
from course_utils._progress import ProgressBar
from course_utils.datasets.dataset import Dataset, Scene
from course_utils.datasets.drinks.cache import load_cached, store_cached
from course_utils.datasets.drinks.job import Arrays, Job, draw_part

__all__ = ["render_dataset"]

# Scenes that a process draws before it reports: a fraction of a second at the smaller sizes.
PART = 32
# From this many scenes on, starting processes pays.
WORTH_PROCESSES = 4 * PART


def render_dataset(
    n: int,
    seed: int,
    height: int = 96,
    width: int = 128,
    workers: int | None = None,
    difficulty: int = 1,
) -> Dataset:
    """Draw ``n`` scenes, or fetch them from the cache if they were drawn before.

    Parameters
    ----------
    n : int
        1 or more.
    seed : int
        0 or more. Scene i is ``render_scene(numpy.random.default_rng([seed, i]), …)``: sets of
        different seeds share no scene, and a smaller set is the beginning of a larger one.
    height, width : int
        In pixels, 32 or more.
    workers : int, optional
        Processes of joblib's that draw; by default one for each core that this process may use, and none
        but this one for 127 scenes or fewer. The scenes do not depend on it.
    difficulty : int
        0 to 2, as in :func:`~course_utils.datasets.drinks.scenes.render_scene`.

    Returns
    -------
    Dataset
        Its arrays are read-only.

    Raises
    ------
    ValueError
        For a number out of range.
    RuntimeError
        If a process that draws is ended from outside.

    Notes
    -----
    Sets are kept in :func:`~course_utils.datasets.drinks.cache.cache_folder`, in a file each: 38 kB a scene at
    96 × 128 pixels. ``python -m course_utils.datasets clear`` removes them. What takes longer than a second
    shows a progress bar on standard error.
    Calling this in a script needs no ``if __name__ == "__main__"``.
    Within ``joblib.parallel_config`` another backend draws, such as a Dask cluster (in a script that is guarded,
    which Dask needs).

    Examples
    --------
    >>> dataset = render_dataset(2, seed=3, height=32, width=48)
    >>> dataset.images.dtype, dataset.label_maps.shape, len(dataset.boxes)
    (dtype('uint8'), (2, 32, 48), 2)
    """
    n, seed = as_count("n", n), as_count("seed", seed, low=0)
    if workers is not None:
        as_count("workers", workers)
    job = Job(
        seed, as_count("height", height), as_count("width", width), as_count("difficulty", difficulty, low=0)
    )
    first = job.draw(0)  # which also checks the settings
    arrays = load_cached(job, n, first.image)
    if arrays is None:
        arrays = _draw(job, n, first, workers)
        store_cached(job, arrays)
    return _unpack(arrays, n)


def _draw(job: Job, n: int, first: Scene, workers: int | None) -> Arrays:
    """Packed scenes, drawn part by part."""
    parts = [(start, min(start + PART, n)) for start in range(0, n, PART)]
    stacked = {
        name: np.zeros((n, *array.shape), array.dtype)
        for name, array in (
            ("images", first.image),
            ("label_maps", first.label_map),
            ("instance_ids", first.instance_ids),
        )
    }
    lists: list[Arrays] = []
    bar = ProgressBar(n, "drawing scenes")
    jobs = workers or (-1 if n >= WORTH_PROCESSES else 1)
    parallel = joblib.Parallel(jobs, return_as="generator")
    drawn = parallel(joblib.delayed(draw_part)(job, *part, os.getpid()) for part in parts)
    try:
        for (start, stop), arrays in zip(parts, drawn, strict=True):
            for name, into in stacked.items():
                into[start:stop] = arrays.pop(name)
            lists.append(arrays)
            bar.show(stop)
    finally:
        drawn.close()  # after an interrupt nothing goes on drawing
        bar.close()
    return stacked | {name: np.concatenate([arrays[name] for arrays in lists]) for name in lists[0]}


def _unpack(arrays: Arrays, n: int) -> Dataset:
    """The first ``n`` of some packed scenes."""
    if n < len(arrays["images"]):  # let go of the rest of a larger set
        arrays = arrays | {name: arrays[name][:n].copy() for name in ("images", "label_maps", "instance_ids")}
    for array in arrays.values():
        array.flags.writeable = False
    object_ends = np.cumsum(arrays["object_counts"])
    corner_ends = np.cumsum(arrays["corner_counts"])
    boxes, class_ids = _cut(arrays["boxes"], object_ends), _cut(arrays["class_ids"], object_ends)
    polygons = _cut(arrays["points"], corner_ends)
    return Dataset(
        images=arrays["images"],
        label_maps=arrays["label_maps"],
        instance_ids=arrays["instance_ids"],
        boxes=boxes[:n],
        class_ids=class_ids[:n],
        polygons=tuple(polygons[start:stop] for start, stop in pairwise([0, *object_ends[:n].tolist()])),
    )


def _cut(array: npt.NDArray[Any], ends: Sequence[int] | npt.NDArray[np.int64]) -> tuple[npt.NDArray[Any], ...]:
    return tuple(np.split(array, ends)[:-1])
