"""How well label maps are predicted where classes meet, which metrics of whole maps hardly feel.

Distances are Euclidean, from pixel centre to pixel centre, by SciPy's exact transform. The rim of
the image is no outline, and one that runs along pixels labelled 255 is left out.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt

from course_utils._arguments import (
    IGNORE,
    FloatArray,
    IntArray,
    as_array,
    as_comparable,
    as_count,
    as_integer_array,
    require_within,
)
from course_utils.metrics.segmentation import as_ignored

__all__ = ["BoundaryScores", "boundary_f_score", "trimap"]

Mask = npt.NDArray[np.bool_]
WIDEST = 2**31  # of label ids where the number of classes does not matter


class BoundaryScores(NamedTuple):
    """What :func:`boundary_f_score` returns: the mean F score, and three values a class."""

    mean: float
    per_class: FloatArray
    precision: FloatArray
    recall: FloatArray


def boundary_f_score(
    y_true: npt.ArrayLike,
    y_pred: npt.ArrayLike,
    n_classes: int,
    tolerance: float,
    ignore: int | None = IGNORE,
) -> BoundaryScores:
    """Agreement of outlines up to a tolerance, class by class.

    The outline of a class are its pixels with a 4-neighbour of another class. Precision is the
    share of the predicted outline that lies within the tolerance of the true one, recall the share
    of the true outline within the tolerance of the predicted one, both over all images.

    Parameters
    ----------
    y_true, y_pred : (H, W) or (N, H, W) int
        Label maps of equal shape.
    n_classes : int
        K ≥ 1.
    tolerance : float
        In pixels, 0 or more; a distance that equals it is enough.
    ignore : int or None
        As in :func:`confusion_matrix`. If it is one of the K classes, it has no outline: NaN, and
        left out of the mean.

    Returns
    -------
    BoundaryScores
        ``per_class``, (K,) float in [0, 1]: 2 PR / (P + R), 0 if only one of the maps has such an
        outline, NaN if neither has; ``mean`` over those that are not NaN, NaN if all are;
        ``precision`` and ``recall``, (K,), NaN for the share of nothing.

    Raises
    ------
    ValueError
        As in :func:`confusion_matrix`, and for another rank or a tolerance below 0.

    Notes
    -----
    Csurka, Larlus and Perronnin 2013, *What is a good evaluation measure for semantic
    segmentation?* They score each image and average; their tolerance is 0.75 % of its diagonal.

    Examples
    --------
    An edge that is one pixel off:

    >>> truth, guess = np.zeros((2, 8, 8), int)
    >>> truth[:, 4:], guess[:, 5:] = 1, 1
    >>> [boundary_f_score(truth, guess, 2, tolerance).mean for tolerance in (0, 1)]
    [0.0, 1.0]
    """
    size = as_count("n_classes", n_classes)
    reach = require_within("tolerance", tolerance, 0, np.inf)
    left_out = as_ignored(ignore, size)
    truths, counted = _label_maps("y_true", y_true, size, left_out)
    shape = np.shape(y_true)
    guess = as_array("y_pred", y_pred)
    if guess.shape != shape:
        raise ValueError(f"y_pred: expected the shape of y_true, {shape}, got {guess.shape}")
    if guess.dtype.kind in "iu":
        guess = np.where(counted.reshape(shape), guess, 0)
    guesses, _ = _label_maps("y_pred", guess, size, None)
    totals, near = np.zeros((2, size)), np.zeros((2, size))
    for truth, seen, inside in zip(truths, guesses, counted, strict=True):
        edges = _edges(truth, inside), _edges(seen, inside)
        for class_id in np.setdiff1d(
            np.union1d(truth[edges[0]], seen[edges[1]]), [-1 if left_out is None else left_out]
        ):
            true, predicted = edges[0] & (truth == class_id), edges[1] & (seen == class_id)
            totals[:, class_id] += predicted.sum(), true.sum()
            near[:, class_id] += _count_near(predicted, true, reach), _count_near(true, predicted, reach)
    precision, recall = np.divide(near, totals, out=np.full(near.shape, np.nan), where=totals > 0)
    both = np.nan_to_num(precision) + np.nan_to_num(recall)
    scores = np.divide(
        2 * precision * recall, both, out=np.zeros(size), where=(totals > 0).all(axis=0) & (both > 0)
    )
    known = totals.any(axis=0)
    scores[~known] = np.nan
    return BoundaryScores(float(scores[known].mean()) if known.any() else float("nan"), scores, precision, recall)


def trimap(y_true: npt.ArrayLike, width: float, ignore: int | None = IGNORE) -> Mask:
    """Pixels close to where two classes meet, on both sides.

    Metrics of such a band of several widths tell how wrong pixels are spread about outlines:
    ``confusion_matrix(y_true[band], y_pred[band], n_classes)``.

    Parameters
    ----------
    y_true : (H, W) or (N, H, W) int
        Label maps, each an image.
    width : float
        In pixels, 1 or more.
    ignore : int or None
        This label is no class: it is outside the band and makes none. None where 255 is a class.

    Returns
    -------
    bool array of y_true's shape
        True at most ``width`` pixels from a pixel of another class.

    Raises
    ------
    ValueError
        For another rank or dtype, a negative label, or a width below 1.

    Notes
    -----
    Kohli, Ladický and Torr 2009, *Robust Higher Order Potentials for Enforcing Label Consistency*.

    Examples
    --------
    >>> trimap(np.array([[0, 0, 0, 1, 1, 1]]), width=2).astype(int)
    array([[0, 1, 1, 1, 1, 0]])
    """
    reach = require_within("width", width, 1, np.inf)
    labels, counted = _label_maps("y_true", y_true, WIDEST, as_ignored(ignore, 1))
    band = np.zeros(labels.shape, bool)
    for index, (label, inside) in enumerate(zip(labels, counted, strict=True)):
        classes = np.unique(label[inside])
        for class_id in classes if len(classes) > 1 else ():
            own = inside & (label == class_id)
            band[index] |= own & (distance_transform_edt(own | ~inside) <= reach)
    return band.reshape(np.shape(y_true))


def _label_maps(name: str, value: npt.ArrayLike, n_classes: int, ignore: int | None) -> tuple[IntArray, Mask]:
    """Label maps (N, H, W), and which of their pixels count."""
    labels = as_integer_array(name, value, low=0, high=n_classes, ignore=ignore)
    if labels.ndim not in (2, 3) or not labels.size:
        raise ValueError(f"{name}: expected shape (H, W) or (N, H, W), not empty, got {labels.shape}")
    maps = labels.reshape(-1, *labels.shape[-2:]).astype(np.int64, copy=False)  # ids of both maps have one dtype
    return maps, np.ones(maps.shape, bool) if ignore is None else np.asarray(maps != as_comparable(ignore, maps))


def _edges(labels: IntArray, counted: Mask) -> Mask:
    """Counted pixels (H, W) with a counted 4-neighbour of another class."""
    edges = np.zeros(labels.shape, bool)
    for one, other in ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:])):
        differ = (labels[one] != labels[other]) & counted[one] & counted[other]
        edges[one] |= differ
        edges[other] |= differ
    return edges


def _count_near(points: Mask, targets: Mask, reach: float) -> int:
    """Number of points at most ``reach`` from a target."""
    if not (points.any() and targets.any()):
        return 0
    return int(np.sum(distance_transform_edt(~targets)[points] <= reach))
