"""Photographs that are nearly the same picture, kept on one side when a set is split."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.fft import dctn

from course_utils._arguments import as_float_array, require_finite, require_generator, shown
from course_utils.datasets.dataset import Dataset
from course_utils.datasets.photographs.fitting import resample

__all__ = ["photograph_groups", "split_photographs"]

# Side of the grey image that is hashed, and of the block of its lowest frequencies that are kept.
HASHED, KEPT = 32, 8
# Two hashes of 63 bits are of one picture if at most so many differ.
ALIKE = 10
# What `load_photographs` pads with.
PADDING = 128
# Rows of the table of distances that are held at once.
ROWS = 1024


def photograph_groups(photographs: Dataset) -> npt.NDArray[np.int64]:
    """Tell which photographs are nearly the same picture.

    Parameters
    ----------
    photographs : Dataset
        Of one photograph or more.

    Returns
    -------
    (N,) int64
        The group of each, numbered from 0 in the order of their first members. Two photographs of which the
        perceptual hashes differ in at most 10 of 63 bits are in one group, and so are all that a chain of
        such pairs connects.

    Raises
    ------
    ValueError
        For no photograph.

    Notes
    -----
    The hash is the usual one: grey, 32 × 32 pixels, the 63 lowest frequencies of its cosine transform apart
    from the mean, and of each whether it exceeds their median. Padding is left out.

    The threshold was measured on 1,000 photographs of a few rooms, taken by a moving camera, and on 400 rendered
    scenes, with copies of 150 of each altered on purpose. JPEG of quality 20, less contrast, blur and half the
    resolution change 4 bits at most; 30 % more light, a crop by 2 % and a shift by 2 % change 4 in the middle and
    12 at most; a crop by 5 % changes 12 in the middle. Half of all pairs of the photographs differ in 28 to 34
    bits, half of those taken one after the other in 24 to 32: only 6 % of these are one picture. Of 79,800 pairs
    of rendered scenes none came as close as 10. From 14 on, chains of unrelated pictures form. A mirrored picture
    counts as another one, and so does the same room seen from another place: to hold out whole rooms, split by
    your own notes.

    Examples
    --------
    >>> from course_utils.datasets import render_dataset
    >>> photograph_groups(render_dataset(3, seed=0)[[0, 1, 0, 2]]).tolist()
    [0, 1, 0, 2]
    """
    if not isinstance(photographs, Dataset) or len(photographs) == 0:
        raise ValueError(f"photographs: expected a Dataset of one photograph or more, got {shown(photographs)}")
    hashes, same = np.unique(_hashes(photographs.images), axis=0, return_inverse=True)
    signs = np.where(hashes, np.float32(1), np.float32(-1))
    # The product of two rows is the number of equal bits less that of the others.
    least = signs.shape[1] - 2 * ALIKE
    starts = range(0, len(signs), ROWS)
    pairs = [np.argwhere(signs[i : i + ROWS] @ signs.T >= least) + np.array([i, 0]) for i in starts]
    one, other = np.concatenate(pairs).T
    # 0.15 s that the processes which draw scenes do not need
    from scipy.sparse import coo_array, csgraph  # noqa: PLC0415

    graph = coo_array((np.ones(len(one), bool), (one, other)), shape=(len(signs), len(signs)))
    components = csgraph.connected_components(graph, directed=False)[1][same.ravel()]
    _, first, groups = np.unique(components, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[groups.ravel()].astype(np.int64)


def split_photographs(
    photographs: Dataset,
    shares: Sequence[float] = (0.7, 0.15, 0.15),
    *,
    rng: np.random.Generator,
) -> tuple[npt.NDArray[np.int64], ...]:
    """Split photographs at random, and keep together those that are nearly the same picture.

    A random split of frames of a film would test on what was trained on.

    Parameters
    ----------
    photographs : Dataset
    shares : sequence of float
        Of the parts, such as training, validation and test; each above 0, their sum 1.
    rng : np.random.Generator

    Returns
    -------
    tuple of int64 arrays, one a share
        Indices into the set, increasing; each photograph is in one part, none is empty. The groups of
        :func:`photograph_groups` are dealt out from the largest to the smallest, in random order among
        equals, each to the part that lacks most: a group that is larger than every share goes to the largest
        share, and the parts are then as near to their shares as whole groups allow.

    Raises
    ------
    ValueError
        For shares that are not positive or do not sum to 1, or fewer groups than shares.

    Examples
    --------
    >>> from course_utils.datasets import render_dataset
    >>> scenes = render_dataset(20, seed=0, height=32, width=48)
    >>> training, test = split_photographs(scenes, (0.8, 0.2), rng=np.random.default_rng(0))
    >>> len(training), len(test)
    (16, 4)
    """
    require_generator(rng)
    wanted = require_finite("shares", as_float_array("shares", shares, rank=1)).astype(np.float64)
    if len(wanted) == 0 or (wanted <= 0).any() or abs(wanted.sum() - 1) > 1e-6:
        raise ValueError(f"shares: expected numbers above 0 that sum to 1, got {wanted.tolist()}")
    groups = photograph_groups(photographs)
    sizes = np.bincount(groups)
    if len(sizes) < len(wanted):
        raise ValueError(
            f"photographs: {len(groups)} make {len(sizes)} groups of nearly the same picture, too few for "
            f"{len(wanted)} parts; take more that differ, or fewer shares"
        )
    order = rng.permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    lacking = wanted * len(groups)
    parts: list[list[int]] = [[] for _ in wanted]
    for place, group in enumerate(order):
        empty = [part for part, members in enumerate(parts) if not members]
        # The last groups are kept for the parts that have none yet.
        allowed = empty if len(order) - place <= len(empty) else range(len(parts))
        chosen = max(allowed, key=lambda part: lacking[part])
        parts[chosen].append(int(group))
        lacking[chosen] -= sizes[group]
    return tuple(np.flatnonzero(np.isin(groups, members)) for members in parts)


def _hashes(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """(N, 63) bits."""
    bits = np.empty((len(images), KEPT * KEPT - 1), bool)
    for index, image in enumerate(images):
        filled = (image != PADDING).any(axis=2)
        rows = int(np.flatnonzero(filled.any(axis=1)).max(initial=0)) + 1
        columns = int(np.flatnonzero(filled.any(axis=0)).max(initial=0)) + 1
        grey = resample(image[:rows, :columns], HASHED, HASHED).mean(axis=2, dtype=np.float64)
        # Rounded, so that a last bit does not decide between equal values, as in a picture of one colour.
        low = np.round(dctn(grey)[:KEPT, :KEPT].ravel()[1:], 3)
        bits[index] = low > np.median(low)
    return bits
