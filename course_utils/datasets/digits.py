"""Handwritten digits, and disjoint parts of any labelled set."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from course_utils._arguments import as_array, as_count, as_integer_array, require_generator, shown
from course_utils.data import data_path

__all__ = ["load_digits", "split"]


def load_digits() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
    """5,000 handwritten digits of MNIST, 500 of each class, ordered by class.

    Returns
    -------
    images : (5000, 28, 28) float32
        Grey values in [0, 1]; 0 is the background, 1 the ink.
    labels : (5000,) uint8
        The digit, 0 to 9.

    Raises
    ------
    FileNotFoundError, ValueError
        As :func:`data_path`.

    Notes
    -----
    LeCun, Bottou, Bengio and Haffner 1998, *Gradient-Based Learning Applied to Document
    Recognition*. ``data/README.md`` says where this subset comes from.

    Examples
    --------
    >>> images, labels = load_digits()
    >>> images.shape, images.dtype, np.bincount(labels).tolist()[:3]
    ((5000, 28, 28), dtype('float32'), [500, 500, 500])
    """
    with np.load(data_path("digits.npz"), allow_pickle=False) as archive:
        return archive["images"].astype(np.float32) / np.float32(255), archive["labels"]


def split(
    labels: npt.ArrayLike, sizes: Sequence[int], rng: np.random.Generator
) -> tuple[npt.NDArray[np.intp], ...]:
    """Disjoint random parts of a data set, each with the classes in the whole set's proportions.

    Parameters
    ----------
    labels : (N,) int
        Class ids, 0 or more.
    sizes : sequence of int
        Samples in each part; together N at most.
    rng : numpy.random.Generator

    Returns
    -------
    tuple of (size,) int arrays
        Indices into ``labels``, one array a part, in random order. A class misses its exact share
        of a part by less than two samples.

    Raises
    ------
    ValueError
        If the sizes are not positive or sum to more than N, or a part would lack a class.

    Examples
    --------
    >>> train, test = split([0, 0, 1, 1, 1, 1], (3, 3), np.random.default_rng(0))
    >>> sorted([*train, *test]) == [0, 1, 2, 3, 4, 5]
    True
    """
    ids = as_integer_array("labels", labels, low=0, high=np.iinfo(np.int64).max)
    if ids.ndim != 1:
        raise ValueError(f"labels: expected rank 1, got shape {ids.shape}")
    if as_array("sizes", sizes).ndim != 1:
        raise ValueError(f"sizes: expected a sequence of integers, got {shown(sizes)}")
    require_generator(rng)
    counts = [as_count("sizes", size) for size in sizes]
    if not counts or sum(counts) > len(ids):
        raise ValueError(f"sizes: expected positive integers of sum {len(ids)} at most, got {tuple(sizes)}")

    # Spread each class evenly over [0, 1] and sort all samples by that place: then every stretch of
    # the result holds the classes in proportion, and the parts are cut from it one after another.
    place = np.empty(len(ids))
    for class_id in np.unique(ids):
        members = rng.permutation(np.flatnonzero(ids == class_id))
        place[members] = (np.arange(len(members)) + 0.5) / len(members)
    order = np.lexsort((rng.random(len(ids)), place))
    parts = np.split(order, np.cumsum(counts))[:-1]

    classes = np.unique(ids)
    for number, part in enumerate(parts):
        absent = np.setdiff1d(classes, ids[part])
        if len(absent):
            raise ValueError(
                f"sizes: part {number} of {len(part)} samples would hold none of class {absent[0]}, "
                f"which has {np.sum(ids == absent[0])} of {len(ids)} samples"
            )
    return tuple(rng.permutation(part) for part in parts)
