"""Exercise of chapter 08 on the training loss: cross-entropy and half of soft Dice, image by image."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy.special import log_softmax

from course_utils._arguments import IGNORE, FloatArray, IntArray
from course_utils.exercises import Exercise, Mistake

__all__ = ["LOSS"]

Case = tuple[Any, ...]
SMOOTH = 1e-6  # in pixels, as in the course's Dice


def _loss(labels: IntArray, logits: FloatArray) -> Any:
    """What ``cross_entropy + 0.5 * dice`` of ``course_utils.losses`` gives, in NumPy."""
    return _loss_with(labels, logits)


def _loss_with(
    labels: IntArray,
    logits: FloatArray,
    *,
    logarithms: Callable[[FloatArray], FloatArray] = lambda z: log_softmax(z, axis=-1),
    entropy: Callable[..., Any] | None = None,
    overlap: Callable[..., Any] | None = None,
    weights: tuple[float, float] = (1.0, 0.5),
    background: bool = False,
    leak: str = "nothing",
) -> Any:
    """The loss with one part exchanged; ``leak``: what Dice takes from ignored pixels too."""
    scores = np.asarray(logits, float)
    names = np.where(labels == IGNORE, 0, labels)
    counted = (labels != IGNORE) | background
    truth = (names[..., np.newaxis] == np.arange(scores.shape[-1])) * counted[..., np.newaxis]
    with np.errstate(all="ignore"):
        logs = logarithms(scores)
        chosen = np.where(truth, logs, 0).sum(axis=-1)
        guess = np.exp(logs) * (counted | (leak == "all"))[..., np.newaxis]
        winners = scores.argmax(axis=-1)[..., np.newaxis] == np.arange(scores.shape[-1])
        winners = winners & (counted | (leak in {"all", "winners"}))[..., np.newaxis]
        entropies = (entropy or _mean_of_counted)(chosen, counted, logs)
        overlaps = (overlap or _dice_loss)(truth, guess, winners)
    return weights[0] * entropies + weights[1] * overlaps


def _loss_as(**changes: Any) -> Callable[..., Any]:
    return lambda labels, logits: _loss_with(labels, logits, **changes)


# --- cross-entropy: from the logarithms at the true classes, what counts, and all logarithms


def _mean_of_counted(chosen: FloatArray, counted: IntArray, logs: FloatArray) -> FloatArray:
    return np.asarray(-chosen.sum(axis=(1, 2)) / np.maximum(counted.sum(axis=(1, 2)), 1))


def _nan_without_pixels(chosen: FloatArray, counted: IntArray, logs: FloatArray) -> FloatArray:
    return np.asarray(-chosen.sum(axis=(1, 2)) / counted.sum(axis=(1, 2)))


def _mean_of_all(chosen: FloatArray, counted: IntArray, logs: FloatArray) -> FloatArray:
    return np.asarray(-chosen.mean(axis=(1, 2)))


def _sum_of_pixels(chosen: FloatArray, counted: IntArray, logs: FloatArray) -> FloatArray:
    return np.asarray(-chosen.sum(axis=(1, 2)))


def _mean_of_classes_too(chosen: FloatArray, counted: IntArray, logs: FloatArray) -> FloatArray:
    return np.asarray(_mean_of_counted(chosen, counted, logs) / logs.shape[-1])


def _one_mean_for_all(chosen: FloatArray, counted: IntArray, logs: FloatArray) -> FloatArray:
    return np.full(len(chosen), -chosen.sum() / max(counted.sum(), 1))


def _in_bits(chosen: FloatArray, counted: IntArray, logs: FloatArray) -> FloatArray:
    return np.asarray(_mean_of_counted(chosen, counted, logs) / np.log(2))


# --- Dice: from truth, probabilities and argmax, all (N, H, W, K) and 0 at ignored pixels


def _dice_loss(truth: IntArray, guess: FloatArray, winners: IntArray) -> Any:
    return _overlap(truth, guess, winners)


def _overlap(
    truth: IntArray,
    guess: FloatArray,
    winners: IntArray,
    *,
    classes: str = "truth or argmax",
    index: bool = False,
    smooth: float = SMOOTH,
    errors: float = 0.5,
    squares: bool = False,
    pooled: str = "",
) -> Any:
    axes = {"": (1, 2), "batch": (0, 1, 2), "classes": (1, 2, 3)}[pooled]
    shared = (truth * guess).sum(axis=axes)
    sizes = (truth + (guess**2 if squares else guess)).sum(axis=axes)
    values = (shared + smooth) / (shared + errors * (sizes - 2 * shared) + smooth)
    if not index:
        values = 1 - values
    if pooled == "classes":
        return values
    held, won = (np.asarray(parts.any(axis=axes)) for parts in (truth, winners))
    kept = {"truth or argmax": held | won, "truth": held, "all": np.ones_like(held)}.get(classes, held | won)
    if classes == "without 0":
        values, kept = values[..., 1:], kept[..., 1:]
    means = (values * kept).sum(axis=-1) / np.maximum(kept.sum(axis=-1), 1)
    return np.broadcast_to(means, len(truth))


def _overlap_as(**changes: Any) -> Callable[..., Any]:
    return _loss_as(overlap=lambda truth, guess, winners: _overlap(truth, guess, winners, **changes))


# --- logarithms of probabilities


def _log_of_softmax(logits: FloatArray) -> FloatArray:
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(np.log(shifted / shifted.sum(axis=-1, keepdims=True)))


def _unshifted(logits: FloatArray) -> FloatArray:
    return np.asarray(np.log(np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)))


def _clipped(logits: FloatArray, least: float) -> FloatArray:
    return np.asarray(np.log(np.clip(np.exp(log_softmax(logits, axis=-1)), least, 1)))


def _twice(logits: FloatArray) -> FloatArray:
    return np.asarray(log_softmax(np.exp(log_softmax(logits, axis=-1)), axis=-1))


def _over_axis(axis: int | None) -> Callable[[FloatArray], FloatArray]:
    return lambda logits: np.asarray(log_softmax(logits, axis=axis))


def _indexed_with_255(labels: IntArray, logits: FloatArray) -> Any:
    np.eye(logits.shape[-1])[labels]
    return _loss(labels, logits)


def _taken_with_255(labels: IntArray, logits: FloatArray) -> Any:
    np.take_along_axis(logits, np.asarray(labels)[..., np.newaxis].astype(int), axis=-1)
    return _loss(labels, logits)


def _loss_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield np.array([[[0, 1]]], np.uint8), np.array([[[[0.0, 0], [0, np.log(3)]]]])
    yield np.array([[[0, 1, 255]]], np.uint8), np.array([[[[0.5, 0], [0, 1], [2, 0]]]])
    yield np.array([[[0, 1, 1]]], np.uint8), np.array([[[[2.0, 0, -1], [1, 0, 0], [0, 3, 1]]]])
    yield (
        np.array([[[0, 0], [1, 255]]], np.uint8),
        np.array([[[[3.0, 0, -1], [0, 1, -1]], [[0, 2, 1], [0, 0, 3]]]]),
    )
    # Class 2 wins the first pixel with a probability below one half.
    yield np.array([[[0, 0, 1]]], np.uint8), np.array([[[[0.5, 0.25, 0.75], [2, 0, 1], [0, 1, -1]]]])
    for shape, n_classes in (((2, 3, 4), 3), ((3, 4, 5), 4)):
        labels = rng.integers(0, n_classes, shape).astype(np.uint8)
        labels[0][labels[0] == 1] = 0
        labels[rng.random(shape) < 0.2] = IGNORE
        yield labels, rng.normal(0, 2, (*shape, n_classes))
    yield np.array([[[0, 1]]], np.uint8), np.array([[[[900.0, -900], [800, -100]]]])
    yield np.array([[[255, 255]], [[0, 1]]], np.uint8), rng.normal(0, 1, (2, 1, 2, 2))


_ONE_EACH = "One value an image is asked for"

LOSS: dict[str, Exercise] = {
    "losses.cross_entropy_dice": Exercise(
        reference=_loss,
        cases=_loss_cases,
        atol=1e-5,
        hint="Write down which pixels count, as an array of ones and zeros, before anything else, and multiply "
        "one-hot labels and probabilities with it. Logarithms come from z − logsumexp(z), not from log(softmax). "
        "Sums run over rows and columns, never over images.",
        mistakes=(
            Mistake(
                _indexed_with_255,
                "255 is no class: it was used as an index. Replace it, by np.where(counted, labels, 0), and leave "
                "these pixels out of every sum.",
            ),
            Mistake(
                _taken_with_255,
                "255 is no class: it was used as an index. Replace it, by np.where(counted, labels, 0), and leave "
                "these pixels out of every sum.",
            ),
            Mistake(
                _loss_as(background=True),
                "Often: ignored pixels counted as background. 255 means: no sum sees this pixel.",
            ),
            Mistake(
                _loss_as(leak="all"),
                "Often: cross-entropy leaves ignored pixels out, and Dice does not: what is predicted there "
                "counts as a false alarm. Multiply the probabilities by the mask too.",
            ),
            Mistake(
                _loss_as(leak="winners"),
                "Often: a class that wins at ignored pixels only is taken for present. Mask the argmax too.",
            ),
            Mistake(
                _loss_as(entropy=_mean_of_all),
                "Often: divided by all pixels. The mean is over those that count.",
            ),
            Mistake(
                _loss_as(entropy=_mean_of_all, leak="all"),
                "Often: ignored pixels half left out. They are missing in the divisor of cross-entropy's mean and "
                "in Dice's probabilities: divide by the pixels that count, and mask the probabilities.",
            ),
            Mistake(
                _loss_as(entropy=_sum_of_pixels), "Often: the sum over pixels. Take the mean of those that count."
            ),
            Mistake(
                _loss_as(entropy=_mean_of_classes_too),
                "Often: .mean() over the class axis too, which divides cross-entropy by K. Sum over classes "
                "first.",
            ),
            Mistake(
                _loss_as(entropy=_nan_without_pixels),
                "An image of which no pixel counts gives 0 / 0. It costs 0.",
            ),
            Mistake(_loss_as(entropy=_in_bits), "Often: log2. The natural logarithm is meant."),
            Mistake(
                _loss_as(entropy=lambda chosen, counted, logs: -_mean_of_counted(chosen, counted, logs)),
                "Often: the minus sign of cross-entropy. −ln p is positive.",
            ),
            Mistake(
                _loss_as(logarithms=_over_axis(1)),
                "Often: softmax over axis 1, the rows. Classes are the last axis.",
            ),
            Mistake(
                _loss_as(logarithms=_over_axis(2)),
                "Often: softmax over axis 2, the columns. Classes are the last axis.",
            ),
            Mistake(
                _loss_as(logarithms=_over_axis(0)),
                "Often: softmax over axis 0, the images. Classes are the last axis.",
            ),
            Mistake(
                _loss_as(logarithms=_over_axis(None)), "Often: softmax over everything. Classes are the last axis."
            ),
            Mistake(
                _loss_as(logarithms=_twice),
                "Often: softmax twice. What comes in are logits: once is enough, and a second one flattens.",
            ),
            Mistake(
                _loss_as(logarithms=np.log),
                "Often: logits taken for probabilities. Apply the softmax first.",
            ),
            Mistake(
                _loss_as(logarithms=_log_of_softmax),
                "ln of a probability that has become 0 is −∞. Take z − logsumexp(z) for the logarithm.",
            ),
            Mistake(
                _loss_as(logarithms=_unshifted),
                "exp of a large logit overflows, and ∞ / ∞ is NaN. Subtract the largest logit of the pixel first, "
                "and take z − logsumexp(z) for the logarithm.",
            ),
            *(
                Mistake(
                    _loss_as(logarithms=lambda z, least=least: _clipped(z, least)),
                    "Often: probabilities clipped before the logarithm. A pixel that is very wrong then costs too "
                    "little, and has no gradient. Take z − logsumexp(z).",
                )
                for least in (1e-6, 1e-7, 1e-8, 1e-10, 1e-12, 1e-15)
            ),
            Mistake(
                _overlap_as(index=True),
                "Often: Dice where 1 − Dice belongs. So a better overlap costs more.",
            ),
            Mistake(
                _loss_as(overlap=lambda *parts: -_overlap(*parts, index=True)),
                "Often: −Dice. The loss is 1 − Dice, 0 for a perfect overlap.",
            ),
            Mistake(
                _overlap_as(errors=1.0),
                "Often: TP / (TP + FP + FN), the soft IoU. Dice is 2 TP / (2 TP + FP + FN).",
            ),
            Mistake(
                _loss_as(overlap=lambda *parts: 0.5 + 0.5 * _dice_loss(*parts)),
                "Often: the 2 of Dice's numerator is missing: 2 TP / (sum of truth + sum of probabilities).",
            ),
            Mistake(
                _overlap_as(classes="all"),
                "Often: Dice over all K classes. A class that the image neither holds nor has in its argmax "
                "is left out: here it costs almost 1, whatever the network does.",
            ),
            *(
                Mistake(
                    _overlap_as(classes="all", smooth=smooth),
                    "Often: Dice over all K classes with a smoothing of 1. Absent classes are left out, and no "
                    "smoothing is needed.",
                )
                for smooth in (1.0, 0.5)  # beside TP, and beside 2 TP
            ),
            Mistake(
                _overlap_as(classes="truth"),
                "Often: Dice over the classes of the truth only. One that wins in some pixel's argmax counts too.",
            ),
            Mistake(
                _overlap_as(classes="without 0"),
                "Often: the background left out of Dice. Class 0 is a class like the others.",
            ),
            *(
                Mistake(
                    _overlap_as(smooth=smooth), "Often: a smoothing of 1. That is a whole pixel; leave it out."
                )
                for smooth in (1.0, 0.5)
            ),
            Mistake(_overlap_as(squares=True), "Often: squared probabilities in Dice's divisor, as in V-Net."),
            Mistake(
                _overlap_as(pooled="classes"),
                "Often: TP, FP and FN added up over the classes. Take Dice of each class, then the mean.",
            ),
            Mistake(
                _overlap_as(pooled="batch"),
                f"Often: Dice of the whole batch, sums over images too. {_ONE_EACH}.",
            ),
            Mistake(
                _loss_as(entropy=_one_mean_for_all),
                f"Often: cross-entropy's mean over the whole batch. {_ONE_EACH}.",
            ),
            Mistake(
                _loss_as(overlap=lambda truth, guess, winners: _dice_loss(truth, winners.astype(float), winners)),
                "Often: Dice of the argmax. That has no gradient; soft Dice sums probabilities.",
            ),
            Mistake(
                _loss_as(overlap=lambda truth, guess, winners: _dice_loss(truth, guess, guess > 0.5)),
                "Often: a class that wins taken for one with a probability above 0.5. Of three classes one can "
                "win with less: take the argmax.",
            ),
            Mistake(_loss_as(weights=(1.0, 1.0)), "Often: Dice with weight 1. It enters with 0.5."),
            Mistake(_loss_as(weights=(0.5, 0.5)), "Often: half of both. Cross-entropy counts in full."),
            Mistake(_loss_as(weights=(0.5, 1.0)), "Often: the weights exchanged. Dice is halved."),
            Mistake(_loss_as(weights=(1.0, -0.5)), "Often: Dice's loss subtracted. It is added."),
            Mistake(_loss_as(weights=(1.0, 0.0)), "This is cross-entropy alone."),
            Mistake(_loss_as(weights=(0.0, 0.5)), "This is Dice alone."),
            Mistake(lambda labels, logits: np.mean(_loss(labels, logits)), f"{_ONE_EACH}, not their mean."),
        ),
    ),
}
