"""How well label maps are predicted: the confusion matrix and what follows from it.

Everything is computed from counts of (true class, predicted class). Counts of images add up, so
the metric of a data set comes from the sum of its matrices, and a resample of images is a weighted
sum. Pixels whose true label is 255 are left out.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from course_utils._arguments import (
    IGNORE,
    FloatArray,
    IntArray,
    as_array,
    as_comparable,
    as_count,
    as_float_array,
    as_integer,
    as_integer_array,
    require_finite,
    shown,
)
from course_utils.metrics.intervals import percentile_interval, resample_counts

__all__ = [
    "MeanIoU",
    "as_ignored",
    "bootstrap_mean_iou",
    "confusion_matrices",
    "confusion_matrix",
    "mean_iou",
    "mean_iou_interval",
    "per_image_mean_iou",
    "pixel_accuracy",
]


class MeanIoU(NamedTuple):
    """What :func:`mean_iou` returns."""

    mean: float
    per_class: FloatArray


def confusion_matrix(
    y_true: npt.ArrayLike, y_pred: npt.ArrayLike, n_classes: int, ignore: int | None = IGNORE
) -> IntArray:
    """Count the pixels of each true class that were given each class.

    Parameters
    ----------
    y_true, y_pred : (…) int
        Label maps of equal shape, of any rank and integer dtype.
    n_classes : int
        K ≥ 1.
    ignore : int or None
        Pixels of this true label are left out, whatever was predicted there; None leaves out
        none. With more than 255 classes 255 is one of them and is counted. The label may be one of
        the K classes; :func:`mean_iou` must then be told so too.

    Returns
    -------
    (K, K) int64
        Rows are true classes, columns predicted ones; all 0 if no pixel counts.

    Raises
    ------
    ValueError
        For shapes that differ, dtypes that are not integer ones (booleans are not), a true label
        outside 0 … K − 1, or a predicted one at a pixel that counts: 255 is no prediction.

    Examples
    --------
    >>> confusion_matrix([[0, 0, 1], [1, 1, 255]], [[0, 1, 1], [1, 1, 0]], n_classes=2)
    array([[1, 1],
           [0, 3]])
    """
    size = as_count("n_classes", n_classes)
    left_out = as_ignored(ignore, size)
    truth = as_integer_array("y_true", y_true, low=0, high=size, ignore=left_out)
    guess = as_array("y_pred", y_pred)
    if guess.shape != truth.shape:
        raise ValueError(f"y_pred: expected the shape of y_true, {truth.shape}, got {guess.shape}")
    rows = truth.astype(np.int64)  # not in uint8, which 16 × 16 already leaves
    if left_out is not None and (dropped := truth == as_comparable(left_out, truth)).any():
        rows[dropped] = size  # one row more, cut off below
        if guess.dtype.kind in "iu":
            guess = np.where(dropped, 0, guess)
    guess = as_integer_array("y_pred", guess, low=0, high=size)
    cells = rows * size + guess.astype(np.int64, copy=False)
    return np.bincount(cells.ravel(), minlength=size**2)[: size**2].reshape(size, size)


def confusion_matrices(
    y_true: npt.ArrayLike | Sequence[npt.ArrayLike],
    y_pred: npt.ArrayLike | Sequence[npt.ArrayLike],
    n_classes: int,
    ignore: int | None = IGNORE,
) -> IntArray:
    """One :func:`confusion_matrix` an image.

    Parameters
    ----------
    y_true, y_pred : (N, …) int, or lists of N label maps of any sizes
        N ≥ 1.
    n_classes, ignore
        As in :func:`confusion_matrix`.

    Returns
    -------
    (N, K, K) int64
        Their sum over the first axis is the confusion matrix of all images.

    Raises
    ------
    ValueError
        As in :func:`confusion_matrix`, and for no image or unequal numbers of them.

    Examples
    --------
    >>> confusion_matrices([[0, 1], [1, 1]], [[0, 0], [1, 1]], n_classes=2).tolist()
    [[[1, 0], [1, 0]], [[0, 0], [0, 2]]]
    """
    truths, guesses = _images("y_true", y_true), _images("y_pred", y_pred)
    if not truths or len(truths) != len(guesses):
        raise ValueError(
            f"y_pred: expected as many images as y_true and at least one, got {len(guesses)} for {len(truths)}"
        )
    pairs = zip(truths, guesses, strict=True)
    return np.stack([confusion_matrix(truth, guess, n_classes, ignore) for truth, guess in pairs])


def mean_iou(confusion: npt.ArrayLike, ignore: int | None = None) -> MeanIoU:
    """Intersection over union of each class, TP / (TP + FP + FN), and its mean over the classes.

    Parameters
    ----------
    confusion : (K, K) array_like
        Counts as :func:`confusion_matrix` returns, or a weighted sum of such.
    ignore : int or None
        The label that the matrix was counted without. If it is one of the K classes, it is none here:
        NaN, and left out of the mean. A matrix alone cannot tell: a class whose pixels were left out
        looks like one that is only predicted.

    Returns
    -------
    (mean, per_class) : MeanIoU of float and (K,) float
        In [0, 1]. A class that is neither true nor predicted anywhere is NaN and left out of the
        mean; the mean is NaN if all are. A class that is only predicted is 0 and counts.

    Raises
    ------
    ValueError
        For another shape, counts that are negative or not finite, or another ``ignore``.

    Notes
    -----
    Pixels of all images are counted together first, as in Long, Shelhamer and Darrell 2015, *Fully
    Convolutional Networks for Semantic Segmentation*, section 5, and in PASCAL VOC.

    Examples
    --------
    >>> mean_iou([[3, 1, 0], [0, 4, 0], [0, 0, 0]])
    MeanIoU(mean=0.775, per_class=array([0.75, 0.8 ,  nan]))

    What lies at pixels of class 0 is not asked for. To call another pixel 0 is still a mistake.

    >>> counts = confusion_matrix([1, 1, 2, 2, 0, 0], [0, 1, 2, 2, 1, 2], n_classes=3, ignore=0)
    >>> mean_iou(counts, ignore=0)
    MeanIoU(mean=0.75, per_class=array([nan, 0.5, 1. ]))
    """
    per_class = _ious(_as_counts("confusion", confusion, rank=2), ignore)
    return MeanIoU(float(_mean_of_known(per_class)), per_class)


def pixel_accuracy(confusion: npt.ArrayLike) -> float:
    """Share of the counted pixels that were given their class; NaN if none counts.

    Argument and errors are those of :func:`mean_iou`.

    Examples
    --------
    >>> pixel_accuracy([[3, 1], [0, 4]])
    0.875
    """
    counts = _as_counts("confusion", confusion, rank=2)
    return float(np.trace(counts) / counts.sum()) if counts.any() else float("nan")


def per_image_mean_iou(
    y_true: npt.ArrayLike | Sequence[npt.ArrayLike],
    y_pred: npt.ArrayLike | Sequence[npt.ArrayLike],
    n_classes: int,
    ignore: int | None = IGNORE,
) -> float:
    """Mean IoU of each image over the classes that are true in it, averaged over the images.

    Not what data sets report: a class that is predicted where it never occurs costs nothing of its
    own, and a class of a few pixels weighs in its image as much as one that fills it. To be
    compared with :func:`mean_iou` of the summed confusion matrix.

    Arguments and errors are those of :func:`confusion_matrices`; a class that is ignored is true
    nowhere. NaN if no pixel counts; images
    of which none does are left out.

    Examples
    --------
    The first image is right. The second is all background, half of it called class 1.

    >>> truth = np.array([[0] * 9 + [1], [0] * 10])
    >>> guess = np.array([[0] * 9 + [1], [0] * 5 + [1] * 5])
    >>> per_image_mean_iou(truth, guess, n_classes=2)
    0.75
    >>> round(mean_iou(confusion_matrix(truth, guess, n_classes=2)).mean, 3)
    0.452
    """
    counts = confusion_matrices(y_true, y_pred, n_classes, ignore).astype(np.float64)
    present = counts.sum(axis=2) > 0
    return float(_mean_of_known(_mean_of_known(np.where(present, _ious(counts), np.nan))))


def bootstrap_mean_iou(
    confusions: npt.ArrayLike, n: int, rng: np.random.Generator, ignore: int | None = None
) -> FloatArray:
    """Mean IoU of n resamples of the images, drawn with replacement.

    With equal seeds two models are judged on equal resamples, so that the difference of two
    results is paired.

    Parameters
    ----------
    confusions : (N, K, K) array_like
        One confusion matrix an image, as :func:`confusion_matrices` returns.
    n : int
        1 or more.
    rng : numpy.random.Generator
    ignore : int or None
        As in :func:`mean_iou`.

    Returns
    -------
    (n,) float
        NaN for a resample in which no pixel counts.

    Raises
    ------
    ValueError
        For another shape, no image, counts that are negative or not finite, n below 1 or another ``rng``.

    Examples
    --------
    >>> bootstrap_mean_iou([[[3, 1], [0, 4]]], 2, np.random.default_rng(0))
    array([0.775, 0.775])
    """
    counts = _as_counts("confusions", confusions, rank=3)
    if not len(counts):
        raise ValueError(f"confusions: expected at least one image, got shape {counts.shape}")
    draws = resample_counts(len(counts), n, rng).astype(np.float64)
    sums = draws @ counts.reshape(len(counts), -1)
    return _mean_of_known(_ious(sums.reshape(n, *counts.shape[1:]), ignore))


def mean_iou_interval(
    confusions: npt.ArrayLike, n: int, level: float, rng: np.random.Generator, ignore: int | None = None
) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean IoU over images.

    Parameters
    ----------
    confusions : (N, K, K) array_like
        As in :func:`bootstrap_mean_iou`.
    n, level, rng
        As in :func:`bootstrap_interval`, whose interval this is.
    ignore : int or None
        As in :func:`mean_iou`.

    Returns
    -------
    (low, high) : tuple of float

    Raises
    ------
    ValueError
        As in these.

    Examples
    --------
    >>> confusions = [[[8, i], [i, 8]] for i in range(10)]
    >>> low, high = mean_iou_interval(confusions, 1000, 0.95, np.random.default_rng(0))
    >>> round(mean_iou(np.sum(confusions, axis=0)).mean, 2), round(low, 2), round(high, 2)
    (0.47, 0.38, 0.6)
    """
    return percentile_interval(bootstrap_mean_iou(confusions, n, rng, ignore), level)


def as_ignored(ignore: int | None, n_classes: int) -> int | None:
    """Return the label to leave out, None if 255 is one of more than 255 classes.

    Examples
    --------
    >>> as_ignored(255, n_classes=4), as_ignored(255, n_classes=300)
    (255, None)
    """
    if ignore is None:
        return None
    label = as_integer("ignore", ignore, "an integer or None")
    return None if label == IGNORE and n_classes > IGNORE else label


def _ious(counts: FloatArray, ignore: int | None = None) -> FloatArray:
    """IoU (…, K) of matrices (…, K, K); NaN for an absent class and for the one that is ignored."""
    label = as_ignored(ignore, counts.shape[-1])
    if label is not None and 0 <= label < counts.shape[-1]:
        counts = counts.copy()
        counts[..., label, :] = 0  # its pixels, if the matrix still has them
        ious = _ious(counts)
        ious[..., label] = np.nan
        return ious
    shared = np.diagonal(counts, axis1=-2, axis2=-1)
    union = counts.sum(axis=-1) + counts.sum(axis=-2) - shared
    return np.asarray(np.divide(shared, union, out=np.full(union.shape, np.nan), where=union > 0))


def _mean_of_known(values: FloatArray) -> FloatArray:
    """Mean over the last axis of what is not NaN; NaN if all is."""
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(known, values, 0).sum(axis=-1) / known.sum(axis=-1))


def _as_counts(name: str, value: npt.ArrayLike, *, rank: int) -> FloatArray:
    counts = require_finite(name, as_float_array(name, value, rank=rank)).astype(np.float64)
    if counts.shape[-1] != counts.shape[-2] or not counts.shape[-1]:
        expected = "(K, K)" if rank == 2 else "(N, K, K)"
        raise ValueError(f"{name}: expected shape {expected}, got {counts.shape}")
    if (counts < 0).any():
        raise ValueError(f"{name}: expected counts of 0 or more, got {counts.min():g}")
    return counts


def _images(name: str, value: npt.ArrayLike | Sequence[npt.ArrayLike]) -> list[npt.ArrayLike]:
    if isinstance(value, (list, tuple)):
        return list(value)
    array = as_array(name, value)
    if array.ndim == 0:
        raise ValueError(f"{name}: expected (N, …) label maps or a list of them, got {shown(value)}")
    return list(array)
