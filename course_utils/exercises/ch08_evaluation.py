"""Exercises of chapter 08 on the evaluation of label maps."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from course_utils._arguments import IGNORE, IntArray
from course_utils.exercises import Exercise, Mistake
from course_utils.metrics import confusion_matrix, mean_iou, per_image_mean_iou

__all__ = ["EVALUATION"]

Case = tuple[Any, ...]


def _mean_iou(confusion: IntArray) -> Any:
    return mean_iou(confusion).mean


def _mean_with(
    confusion: IntArray,
    *,
    over: str = "union",
    absent: float | None = None,
    keep: str = "any",
    first: int = 0,
    weighted: bool = False,
) -> Any:
    """What a mistake makes of the counts: another divisor, other classes, other weights."""
    counts = np.asarray(confusion, float)
    right, truth, guess = np.diagonal(counts), counts.sum(axis=1), counts.sum(axis=0)
    divisor = {
        "union": truth + guess - right,
        "sum": truth + guess,
        "truth": truth,
        "guess": guess,
        "errors": truth + guess - 2 * right,
        "twice the truth": 2 * truth - right,
        "all": np.full(len(right), counts.sum()),
    }[over]
    with np.errstate(all="ignore"):
        scores = right / divisor
    if absent is not None:
        scores = np.where(truth + guess > 0, scores, absent)
    present = truth + guess > 0 if absent is None else np.full(len(right), True)
    kept = {"any": present, "truth": truth > 0, "guess": guess > 0, "found": right > 0, "all": present | True}[
        keep
    ]
    kept = kept & ~np.isnan(scores) if keep != "all" else kept
    if weighted:
        return (scores * truth)[kept].sum() / truth.sum()
    kept = kept & (np.arange(len(scores)) >= first)
    return scores[kept].sum() / max(kept.sum(), 1)


def _counts_as(**changes: Any) -> Callable[[IntArray], Any]:
    return lambda confusion: _mean_with(confusion, **changes)


def _dice_of(confusion: IntArray) -> Any:
    return 2 * _mean_with(confusion, over="sum")


def _accuracy(confusion: IntArray) -> Any:
    return np.trace(confusion) / np.sum(confusion)


def _two_sided_accuracy(confusion: IntArray) -> Any:
    errors = np.sum(confusion, axis=0) + np.sum(confusion, axis=1) - 2 * np.diagonal(confusion)
    return np.mean(1 - errors / np.sum(confusion))


def _pooled(confusion: IntArray) -> Any:
    right, total = np.trace(confusion), np.sum(confusion)
    return right / (2 * total - right)


def _confusion_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield (np.array([[3, 1], [0, 4]]),)
    yield (np.array([[3, 1, 0], [0, 4, 0], [0, 0, 0]]),)
    yield (np.array([[5, 0, 1], [0, 4, 0], [0, 0, 0]]),)
    yield (np.array([[4, 0, 0], [2, 0, 0], [0, 0, 3]]),)
    for n_classes in (3, 5):
        yield (rng.integers(0, 30, (n_classes, n_classes)) + np.diag([900] + [40] * (n_classes - 1)),)
    sparse = rng.integers(1, 9, (6, 6)) + np.diag(rng.integers(20, 90, 6))
    sparse[4], sparse[:, 4] = 0, 0
    yield (sparse,)


def _dataset(label_maps: IntArray, predictions: IntArray, n_classes: int) -> Any:
    return mean_iou(confusion_matrix(label_maps, predictions, n_classes)).mean


def _of_summed_counts(function: Callable[[IntArray], Any], ignored: str = "left out") -> Callable[..., Any]:
    """Apply a mistake in the score to the right counts, or the right score to wrong counts."""

    def answer(label_maps: IntArray, predictions: IntArray, n_classes: int) -> Any:
        return function(_counts(label_maps, predictions, n_classes, ignored))

    return answer


def _counts(label_maps: IntArray, predictions: IntArray, n_classes: int, ignored: str) -> IntArray:
    truth = np.where(label_maps == IGNORE, 0, label_maps) if ignored == "background" else label_maps
    if ignored == "wrong":  # a row of their own, which is no class and yet makes false positives
        return _bin(np.where(truth == IGNORE, n_classes, truth), predictions, n_classes + 1)
    return confusion_matrix(truth, predictions, n_classes)


def _bin(truth: IntArray, guess: IntArray, size: int) -> IntArray:
    cells = truth.astype(np.int64) * size + guess
    return np.bincount(cells.ravel(), minlength=size**2).reshape(size, size)


def _row_of_ignored_is_no_class(confusion: IntArray) -> Any:
    counts = confusion.astype(float)
    union = counts.sum(axis=1) + counts.sum(axis=0) - np.diagonal(counts)
    with np.errstate(all="ignore"):
        return np.nanmean((np.diagonal(counts) / union)[:-1])


def _in_bytes(label_maps: IntArray, predictions: IntArray, n_classes: int) -> Any:
    counted = label_maps != IGNORE
    cells = label_maps[counted] * np.uint8(n_classes) + predictions[counted]  # wraps at 256
    counts = np.bincount(cells, minlength=n_classes**2)[: n_classes**2]
    return _mean_iou(counts.reshape(n_classes, n_classes))


def _mean_of_images(function: Callable[[IntArray], Any]) -> Callable[..., Any]:
    def answer(label_maps: IntArray, predictions: IntArray, n_classes: int) -> Any:
        pairs = zip(label_maps, predictions, strict=True)
        return np.mean([function(confusion_matrix(truth, guess, n_classes)) for truth, guess in pairs])

    return answer


def _class_by_class(label_maps: IntArray, predictions: IntArray, n_classes: int) -> Any:
    pairs = zip(label_maps, predictions, strict=True)
    scores = np.stack([mean_iou(confusion_matrix(truth, guess, n_classes)).per_class for truth, guess in pairs])
    known = ~np.isnan(scores)
    with np.errstate(all="ignore"):
        return np.nanmean(np.where(known, scores, 0).sum(axis=0) / known.sum(axis=0))


def _map_cases(rng: np.random.Generator) -> Iterator[Case]:
    truth = np.array([[[0, 0, 0, 1]], [[0, 0, 0, 0]]], np.uint8)
    yield truth, np.array([[[0, 0, 1, 1]], [[0, 1, 1, 0]]], np.uint8), 2
    yield truth, np.array([[[0, 0, 0, 1]], [[0, 0, 0, 1]]], np.uint8), 3
    yield truth[::-1], np.array([[[0, 0, 2, 2]], [[0, 0, 0, 1]]], np.uint8), 3
    ignored = np.array([[[0, 1, 255, 255]], [[1, 1, 0, 255]]], np.uint8)
    yield ignored, np.array([[[0, 1, 1, 1]], [[1, 0, 0, 2]]], np.uint8), 3
    for n_classes in (4, 20):
        truth = rng.integers(0, n_classes - 1, (3, 4, 5)).astype(np.uint8)
        truth[0][truth[0] > n_classes // 2] = 0
        guess = np.where(rng.random(truth.shape) < 0.7, truth, rng.integers(0, n_classes - 1, truth.shape))
        truth[rng.random(truth.shape) < 0.15] = IGNORE
        guess[0, 0, 0], truth[0, 0, 0] = 1, 0
        yield truth, guess.astype(np.uint8), n_classes


_LEFT_OUT = "A class that is neither true nor predicted anywhere is left out of the mean"

EVALUATION: dict[str, Exercise] = {
    "metrics.mean_iou": Exercise(
        reference=_mean_iou,
        cases=_confusion_cases,
        hint="Right pixels of a class stand on the diagonal, its true ones are a row, its predicted ones a "
        "column. How often does row plus column count the diagonal? And which classes have nothing to divide by?",
        mistakes=(
            Mistake(
                _counts_as(over="truth"),
                "This is the mean recall: the diagonal over the rows. Pixels wrongly given to a class, its "
                "column, belong in the union too.",
            ),
            Mistake(
                _counts_as(over="guess"),
                "This is the mean precision: the diagonal over the columns. Pixels of the class that were missed, "
                "its row, belong in the union too.",
            ),
            Mistake(_dice_of, "This is Dice, 2 TP / (row + column). IoU is TP / (row + column − TP)."),
            Mistake(
                _counts_as(over="sum"),
                "Often: divided by row + column, which holds the right pixels twice. Subtract the diagonal once.",
            ),
            Mistake(
                _counts_as(over="errors"),
                "Often: divided by the errors FP + FN. The right pixels belong to the union too, once.",
            ),
            Mistake(
                _counts_as(over="twice the truth"),
                "Often: the rows summed twice. One sum runs over axis 0, the other over axis 1.",
            ),
            Mistake(_counts_as(absent=0.0), f"Often: 0 for an absent class. {_LEFT_OUT}."),
            Mistake(_counts_as(absent=1.0), f"Often: 1 for an absent class. {_LEFT_OUT}."),
            Mistake(_counts_as(keep="all"), f"Often: 0 / 0 is NaN, and so is a mean with it. {_LEFT_OUT}."),
            Mistake(
                _counts_as(keep="truth"),
                "Often: only classes with true pixels. A class that is only predicted has an IoU of 0 and counts: "
                "it is all false alarms.",
            ),
            Mistake(
                _counts_as(keep="guess"),
                "Often: only classes that are predicted. A class that is missed altogether scores 0 and counts.",
            ),
            Mistake(
                _counts_as(keep="found"),
                "Often: classes with an IoU of 0 left out. Only a class in neither row nor column is.",
            ),
            Mistake(
                _counts_as(weighted=True),
                "This is the frequency-weighted IoU. In the mean IoU every class counts the same.",
            ),
            Mistake(_counts_as(first=1), "Often: the background left out. Class 0 is a class like the others."),
            Mistake(_accuracy, "This is the pixel accuracy: the share of pixels on the diagonal."),
            Mistake(
                _two_sided_accuracy,
                "Often: true negatives counted as right. Pixels of other classes do not belong to a class's IoU.",
            ),
            Mistake(
                _pooled,
                "Often: all intersections over all unions. Divide class by class, then take the mean.",
            ),
            Mistake(
                lambda confusion: mean_iou(confusion).per_class,
                "These are the classes' IoUs. Their mean is asked for, one number.",
            ),
            Mistake(lambda confusion: 1 - _mean_iou(confusion), "This is 1 − mean IoU, a loss."),
            Mistake(lambda confusion: 100 * _mean_iou(confusion), "In per cent. It should lie between 0 and 1."),
        ),
    ),
    "metrics.dataset_mean_iou": Exercise(
        reference=_dataset,
        cases=_map_cases,
        hint="Count true class and predicted class of every pixel of every image into one K×K matrix, pixels of "
        "255 left out; then it is the mean IoU of that one matrix.",
        mistakes=(
            Mistake(
                lambda label_maps, predictions, n_classes: per_image_mean_iou(label_maps, predictions, n_classes),
                "This is the mean over images of the classes true in each. A class that is predicted where "
                "it does not occur then costs nothing of its own. Add up the counts of all images first.",
            ),
            Mistake(
                _mean_of_images(_mean_iou),
                "This is a mean over images. A class of a few pixels in one image weighs as much there as "
                "one that fills it. Add up the counts of all images first.",
            ),
            Mistake(
                _class_by_class,
                "This is each class's IoU averaged over images. Add up the counts of all images first, then "
                "divide.",
            ),
            Mistake(_of_summed_counts(_accuracy), "This is the pixel accuracy, which the background decides."),
            Mistake(
                lambda label_maps, predictions, n_classes: np.mean(label_maps == predictions),
                "This is the pixel accuracy, with the pixels of 255 counted as wrong.",
            ),
            Mistake(_mean_of_images(_accuracy), "This is the pixel accuracy of each image, averaged."),
            Mistake(
                _of_summed_counts(_mean_iou, "background"),
                "Often: pixels of 255 counted as background. They are left out, whatever was predicted there.",
            ),
            Mistake(
                _of_summed_counts(_row_of_ignored_is_no_class, "wrong"),
                "Often: predictions at pixels of 255 counted as false alarms. Leave these pixels out of the "
                "union.",
            ),
            Mistake(
                _in_bytes,
                "Often: truth · n_classes + prediction in uint8, which wraps at 256. Convert to int64 first.",
            ),
            Mistake(
                _of_summed_counts(_counts_as(keep="truth")),
                "Often: only classes that are true somewhere. A class that is only predicted scores 0 and counts.",
            ),
            Mistake(_of_summed_counts(_counts_as(absent=0.0)), f"Often: 0 for an absent class. {_LEFT_OUT}."),
            Mistake(_of_summed_counts(_counts_as(absent=1.0)), f"Often: 1 for an absent class. {_LEFT_OUT}."),
            Mistake(_of_summed_counts(_counts_as(keep="all")), f"Often: 0 / 0 is NaN. {_LEFT_OUT}."),
            Mistake(
                _of_summed_counts(_counts_as(first=1)),
                "Often: the background left out. Class 0 is a class like the others.",
            ),
            Mistake(
                _of_summed_counts(_counts_as(keep="found")),
                "Often: classes with an IoU of 0 left out. Only a class in neither truth nor prediction is.",
            ),
            Mistake(
                _of_summed_counts(_counts_as(over="truth")), "This is the mean recall. The union holds FP too."
            ),
            Mistake(
                _of_summed_counts(_counts_as(over="guess")), "This is the mean precision. The union holds FN too."
            ),
            Mistake(_of_summed_counts(_dice_of), "This is Dice. IoU is TP / (TP + FP + FN)."),
            Mistake(
                _of_summed_counts(_counts_as(over="sum")),
                "Often: the right pixels twice in the union. Subtract them once.",
            ),
            Mistake(_of_summed_counts(_counts_as(weighted=True)), "This is the frequency-weighted IoU."),
            Mistake(
                _of_summed_counts(_pooled), "Often: all intersections over all unions. Divide class by class."
            ),
            Mistake(
                lambda label_maps, predictions, n_classes: (
                    mean_iou(confusion_matrix(label_maps, predictions, n_classes)).per_class
                ),
                "These are the classes' IoUs. Their mean is asked for, one number.",
            ),
            Mistake(
                lambda label_maps, predictions, n_classes: np.array(
                    [_dataset(*pair, n_classes) for pair in zip(label_maps, predictions, strict=True)]
                ),
                "One number an image. One for the whole data set is asked for.",
            ),
        ),
    ),
}
