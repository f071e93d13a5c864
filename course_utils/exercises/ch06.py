"""Exercises of chapter 06: losses."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from scipy import ndimage

from course_utils._arguments import FloatArray, IntArray
from course_utils.exercises import Exercise, Mistake
from course_utils.losses.boxes import overlap

__all__ = ["EXERCISES"]

Case = tuple[Any, ...]


def _counts(truth: FloatArray, probability: FloatArray) -> tuple[float, float, float]:
    """TP, FP and FN of one class."""
    return (
        float((truth * probability).sum()),
        float(((1 - truth) * probability).sum()),
        float((truth * (1 - probability)).sum()),
    )


def _tversky(truth: FloatArray, probability: FloatArray, alpha: float, beta: float) -> Any:
    tp, fp, fn = _counts(truth, probability)
    return 1 - tp / (tp + alpha * fp + beta * fn)


def _tversky_rounded(truth: FloatArray, probability: FloatArray, alpha: float, beta: float) -> Any:
    return _tversky(truth, np.round(probability), alpha, beta)


def _tversky_dice_numerator(truth: FloatArray, probability: FloatArray, alpha: float, beta: float) -> Any:
    tp, fp, fn = _counts(truth, probability)
    return 1 - 2 * tp / (2 * tp + alpha * fp + beta * fn)


def _tversky_whole_sums(
    truth: FloatArray, probability: FloatArray, alpha: float, beta: float, *, fp: bool, fn: bool
) -> Any:
    counts = _counts(truth, probability)
    false = float(probability.sum()) if fp else counts[1], float(truth.sum()) if fn else counts[2]
    return 1 - counts[0] / (counts[0] + alpha * false[0] + beta * false[1])


def _tversky_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield np.array([[1.0, 0.0, 0.0]]), np.array([[0.8, 0.5, 0.25]]), 0.3, 0.7
    yield np.array([[1.0, 1.0, 0.0]]), np.array([[0.5, 0.75, 1.0]]), 1.0, 1.0
    for alpha in (0.0, 0.5, 0.9):
        truth = (rng.random((4, 5)) < 0.3).astype(float)
        truth[0, 0] = 1
        yield truth, rng.random((4, 5)), alpha, 1 - alpha


def _dice_gradient(truth: FloatArray, probability: FloatArray) -> Any:
    total, shared = truth.sum() + probability.sum(), (truth * probability).sum()
    return -(2 * truth * total - 2 * shared) / total**2


def _denominator_held_fixed(truth: FloatArray, probability: FloatArray) -> Any:
    return -2 * truth / (truth.sum() + probability.sum())


def _no_square(truth: FloatArray, probability: FloatArray) -> Any:
    return _dice_gradient(truth, probability) * (truth.sum() + probability.sum())


def _mean_gradient(truth: FloatArray, probability: FloatArray) -> Any:
    return _dice_gradient(truth, probability) / truth.size


def _slope_with(truth: FloatArray, probability: FloatArray, *, minus: float = 1.0, doubled: float = 2.0) -> Any:
    """The quotient rule with another sign between its parts, or another numerator u in the second part."""
    total, shared = truth.sum() + probability.sum(), (truth * probability).sum()
    return -(2 * truth * total - minus * doubled * shared) / total**2


def _dice_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield np.array([1.0, 0.0]), np.array([0.5, 0.25])
    yield np.array([[1.0, 0.0, 0.0, 0.0]]), np.array([[0.5, 0.5, 0.5, 0.5]])
    for _ in range(3):
        yield (rng.random((4, 5)) < 0.4).astype(float), rng.random((4, 5))


def _true_probability(predicted: FloatArray, weight: float) -> Any:
    return predicted / (predicted + weight * (1 - predicted))


def _unweighting_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield np.array([0.5, 0.9]), 9.0
    yield np.array([0.0, 1.0, 0.5]), 4.0
    for weight in (0.25, 1.0, 100.0):
        yield rng.random(6), weight


def _entropy_gradient(probabilities: FloatArray) -> Any:
    p = tf.constant(probabilities)
    with tf.GradientTape() as tape:
        tape.watch(p)
        inside = tf.where(p > 0, p, 1.0)
        value = tf.reduce_sum(tf.where(p > 0, -p * tf.math.log(inside), 0.0))
    return tape.gradient(value, p).numpy()


def _entropy_gradient_as_given(probabilities: FloatArray) -> Any:
    return np.where(probabilities > 0, _by_formula(probabilities), np.nan)


def _by_formula(probabilities: FloatArray) -> Any:
    return -np.log(np.where(probabilities > 0, probabilities, 1)) - 1


def _below(
    probabilities: FloatArray, eps: float, slope: Callable[[Any], Any], at_zero: float | None = None
) -> FloatArray:
    """The right slope above ``eps``, another one below and at 0."""
    slopes = np.where(probabilities > eps, _by_formula(probabilities), slope(probabilities))
    return slopes if at_zero is None else np.where(probabilities > 0, slopes, at_zero)


def _clipped_as(eps: float, at_zero: float | None = None) -> Callable[..., Any]:
    """−p ln max(p, ε), which is a straight line below ε."""
    return lambda probabilities: _below(probabilities, eps, lambda p: 0 * p - np.log(eps), at_zero)


def _flat_below(eps: float) -> Callable[..., Any]:
    """−q ln q of q = max(p, ε), which has no slope below ε."""
    return lambda probabilities: _below(probabilities, eps, np.zeros_like)


def _shifted_as(eps: float, *, twice: bool) -> Callable[..., Any]:
    """−p ln(p + ε), or −(p + ε) ln(p + ε)."""
    return lambda p: -np.log(p + eps) - (1 if twice else p / (p + eps))


def _minus_one_everywhere(probabilities: FloatArray) -> Any:
    return np.where(probabilities > 0, _by_formula(probabilities), -1.0)


def _entropy_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield (np.array([0.5, 0.5]),)
    yield (np.array([0.5, 0.5, 0.0]),)
    yield (np.array([0.75, 1e-9, 0.25, 0.0, 1e-30]),)  # smaller than any ε that somebody clips with
    for _ in range(2):
        p = rng.dirichlet(np.ones(5))
        p[rng.integers(5)] = 0
        yield (p,)


def _giou(truth: FloatArray, prediction: FloatArray) -> Any:
    return overlap(tf.constant(truth), tf.constant(prediction), "giou").numpy()


def _giou_with(truth: FloatArray, prediction: FloatArray, *, clamp: str, hull: str) -> Any:
    shared = np.minimum(truth[2:], prediction[2:]) - np.maximum(truth[:2], prediction[:2])
    intersection = np.prod(np.maximum(shared, 0) if clamp == "lengths" else shared)
    if clamp == "area":
        intersection = np.maximum(intersection, 0)
    union = np.prod(truth[2:] - truth[:2]) + np.prod(prediction[2:] - prediction[:2]) - intersection
    area = {
        "hull": np.prod(np.maximum(truth[2:], prediction[2:]) - np.minimum(truth[:2], prediction[:2])),
        "union": union,
        "inner": np.prod(np.minimum(truth[2:], prediction[2:]) - np.maximum(truth[:2], prediction[:2])),
    }[hull]
    return intersection / union - (area - union) / area


def _giou_of(truth: FloatArray, prediction: FloatArray, *, shared: Callable[[Any], Any], union: str) -> Any:
    """GIoU with another way to the shared area, or with it counted twice in the union."""
    extents = np.minimum(truth[2:], prediction[2:]) - np.maximum(truth[:2], prediction[:2])
    intersection = shared(extents)
    areas = np.prod(truth[2:] - truth[:2]) + np.prod(prediction[2:] - prediction[:2])
    total = areas - (0 if union == "sum" else intersection)
    hull = np.prod(np.maximum(truth[2:], prediction[2:]) - np.minimum(truth[:2], prediction[:2]))
    iou = intersection / total
    return (max(iou, 0.0) if union == "IoU cut off" else iou) - (hull - total) / hull


def _giou_over_union(truth: FloatArray, prediction: FloatArray) -> Any:
    iou = overlap(tf.constant(truth), tf.constant(prediction), "iou").numpy()
    hull = np.prod(np.maximum(truth[2:], prediction[2:]) - np.minimum(truth[:2], prediction[:2]))
    areas = np.prod(truth[2:] - truth[:2]) + np.prod(prediction[2:] - prediction[:2])
    union = areas / (1 + iou)
    return iou - (hull - union) / union


def _iou_alone(truth: FloatArray, prediction: FloatArray) -> Any:
    return overlap(tf.constant(truth), tf.constant(prediction), "iou").numpy()


def _box_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield np.array([0.0, 0, 2, 2]), np.array([1.0, 1, 3, 3])
    yield np.array([0.0, 0, 2, 2]), np.array([1.0, 0, 3, 2])
    yield np.array([0.0, 0, 1, 1]), np.array([2.0, 0, 3, 1])
    yield np.array([0.0, 0, 1, 1]), np.array([3.0, 2, 4, 3])
    yield np.array([0.0, 0, 4, 4]), np.array([1.0, 1, 2, 3])
    for _ in range(4):
        corners = rng.uniform(0, 10, (2, 2, 2))
        yield tuple(np.concatenate([c.min(axis=0), c.max(axis=0) + 1]) for c in corners)


def _signed_distance(mask: IntArray) -> Any:
    inside = np.asarray(mask) == 1
    return ndimage.distance_transform_edt(~inside) - ndimage.distance_transform_edt(inside)


def _mask_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield (np.array([[0, 0, 1, 0]]),)
    yield (np.pad(np.ones((3, 3), int), 3),)
    for _ in range(3):
        mask = (ndimage.gaussian_filter(rng.normal(size=(8, 9)), 1) > 0).astype(int)
        mask[0, :2] = 0, 1
        yield (mask,)


_BOUNDS = (1e-3, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-12, 1e-15)

EXERCISES: dict[str, Exercise] = {
    "losses.tversky": Exercise(
        reference=_tversky,
        cases=_tversky_cases,
        hint="Soft counts are sums of products: TP is the sum of truth × probability. What is it for FP and FN?",
        mistakes=(
            Mistake(
                lambda truth, probability, alpha, beta: _tversky(truth, probability, beta, alpha),
                "Often: α and β the other way round, or truth and probability. α is the price of false positives, "
                "β of false negatives.",
            ),
            Mistake(
                lambda truth, probability, alpha, beta: 1 - _tversky(truth, probability, alpha, beta),
                "Often: the index where the loss is asked for. The loss is 1 minus the index.",
            ),
            Mistake(
                _tversky_rounded,
                "Often: probabilities rounded to 0 or 1. Then the loss has no gradient; count with the "
                "probabilities themselves.",
            ),
            Mistake(
                _tversky_dice_numerator,
                "Often: 2TP, as in Dice. Here TP counts once, and the halves of Dice are in α and β.",
            ),
            *(
                Mistake(
                    lambda truth, probability, alpha, beta, fp=fp, fn=fn: _tversky_whole_sums(
                        truth, probability, alpha, beta, fp=fp, fn=fn
                    ),
                    "Often: all that was predicted taken for FP, or all that is true for FN. What is right is TP "
                    "already: FP is (1 − truth) × probability, FN is truth × (1 − probability).",
                )
                for fp, fn in ((True, True), (True, False), (False, True))
            ),
            Mistake(
                lambda truth, probability, alpha, beta: _tversky(truth, probability, 0.5, 0.5),
                "Often: α and β are not used. This is Dice.",
            ),
        ),
    ),
    "losses.dice_gradient": Exercise(
        reference=_dice_gradient,
        cases=_dice_cases,
        hint="Dice is a quotient u/v whose numerator and denominator both depend on p. Quotient rule: "
        "(u′v − uv′) / v².",
        mistakes=(
            Mistake(
                lambda truth, probability: -_dice_gradient(truth, probability),
                "Often: the gradient of Dice instead of 1 − Dice: the sign is reversed.",
            ),
            Mistake(
                _denominator_held_fixed,
                "Often: the denominator was held fixed. It holds the sum of the probabilities, too.",
            ),
            Mistake(
                lambda truth, probability: _dice_gradient(truth, probability) / 2,
                "Often: the factor 2 is missing. Dice is 2 TP over the sum of both.",
            ),
            Mistake(_no_square, "Often: v instead of v² under the fraction line."),
            Mistake(
                lambda truth, probability: _slope_with(truth, probability, minus=-1.0),
                "Often: u′v + uv′, as in the product rule. In a quotient the second part is subtracted.",
            ),
            Mistake(
                lambda truth, probability: _slope_with(truth, probability, doubled=1.0),
                "Often: u without its factor 2 in the second part. u is 2 Σ yp in both.",
            ),
            Mistake(
                lambda truth, probability: truth * _dice_gradient(truth, probability),
                "Often: 0 outside the object. Every p is in the denominator, so every pixel has a slope.",
            ),
            Mistake(
                lambda truth, probability: _dice_gradient(truth, probability) * probability * (1 - probability),
                "Often: the slope by the logit. That by p is asked for, without p (1 − p).",
            ),
            Mistake(
                _mean_gradient, "Often: divided by the number of pixels. Dice is a quotient of sums, not a mean."
            ),
        ),
    ),
    "losses.unweight": Exercise(
        reference=_true_probability,
        cases=_unweighting_cases,
        hint="Weighting multiplies the odds p / (1 − p) by w. Undo that, and turn odds into a probability.",
        mistakes=(
            Mistake(
                lambda predicted, weight: weight * predicted / (weight * predicted + 1 - predicted),
                "Often: weighted once more. This makes of the true probability the predicted one; the way back "
                "is asked for.",
            ),
            Mistake(
                lambda predicted, weight: predicted / weight,
                "Often: divided by w. That holds for small probabilities only; the odds are divided by w.",
            ),
            Mistake(
                lambda predicted, weight: predicted / (1 - predicted) / weight,
                "Often: left as odds. Turn odds o into a probability o / (1 + o).",
            ),
            Mistake(lambda predicted, weight: predicted, "Often: w has no effect."),
            Mistake(
                lambda predicted, weight: predicted / (predicted + weight**2 * (1 - predicted)),
                "Often: w taken out twice, from p and once more, the other way, from 1 − p. The odds are divided "
                "by w once.",
            ),
            Mistake(
                lambda predicted, weight: np.where(predicted < 1, _true_probability(predicted, weight), np.nan),
                "Often: by way of the odds, which are infinite at p = 1: ∞ / ∞ is NaN. Multiply out before you "
                "divide.",
            ),
        ),
    ),
    "losses.no_nan": Exercise(
        reference=_entropy_gradient,
        cases=_entropy_cases,
        hint="tf.where chooses between values; both branches are computed and both get a gradient. Give the "
        "logarithm something harmless to work on where p is 0.",
        mistakes=(
            Mistake(
                _entropy_gradient_as_given,
                "The slope of the logarithm at p = 0 is infinite. On the way back it is multiplied by 0, by "
                "tf.where or by p itself, and 0 × ∞ is NaN. Put a tf.where inside the logarithm.",
            ),
            *(
                Mistake(
                    answer,
                    "Often: the logarithm of a clipped or shifted p. No NaN is left, but entries of 0 get a "
                    "slope (with 1e-7 of about 16) that the masked entropy does not have: it should be 0. And "
                    "below the bound the slope is another one: that of −p ln p at 1e-9 is 19.7.",
                )
                for eps in _BOUNDS
                for answer in (_clipped_as(eps), _shifted_as(eps, twice=False), _shifted_as(eps, twice=True))
            ),
            *(
                Mistake(
                    answer,
                    "Often: a small bound below which p is clipped. Entries of 0 are right, but probabilities "
                    "below the bound get another slope: that of −p ln p at 1e-9 is 19.7. Replace p only where it "
                    "is 0.",
                )
                for eps in _BOUNDS
                for answer in (_flat_below(eps), _clipped_as(eps, at_zero=0.0))
            ),
            Mistake(
                _minus_one_everywhere,
                "Often: the slope by the formula, −ln p − 1, with a safe p in the logarithm. The −1 is left where "
                "p is 0, and an entry of 0 should have slope 0.",
            ),
            Mistake(
                lambda probabilities: -_entropy_gradient(probabilities),
                "Often: the minus sign got lost on the way.",
            ),
        ),
    ),
    "losses.giou": Exercise(
        reference=_giou,
        cases=_box_cases,
        hint="Try two boxes that are apart in both directions: what sign does the product of two negative numbers "
        "have? Then draw the smallest box around both.",
        mistakes=(
            Mistake(
                lambda truth, prediction: _giou_with(truth, prediction, clamp="nothing", hull="hull"),
                "Often: negative extents of the intersection are not set to 0. Apart in both directions, their "
                "product is a positive area.",
            ),
            Mistake(
                lambda truth, prediction: _giou_with(truth, prediction, clamp="area", hull="hull"),
                "Often: the product of the two extents cut off at 0, instead of each extent. Two negative "
                "extents have a positive product.",
            ),
            Mistake(
                lambda truth, prediction: _giou_with(truth, prediction, clamp="lengths", hull="inner"),
                "Often: the enclosing box with min and max swapped. It reaches from the smallest minimum to the "
                "largest maximum.",
            ),
            Mistake(
                lambda truth, prediction: _giou_with(truth, prediction, clamp="nothing", hull="inner"),
                "Two faults are left: the extents of the intersection may be negative, and the enclosing box has "
                "min and max swapped.",
            ),
            Mistake(
                lambda truth, prediction: _giou_of(
                    truth, prediction, shared=lambda extents: np.prod(np.abs(extents)), union="union"
                ),
                "Often: absolute values of the extents. A negative one means that nothing is shared: 0.",
            ),
            Mistake(
                lambda truth, prediction: _giou_of(truth, prediction, shared=np.prod, union="IoU cut off"),
                "Often: the IoU cut off at 0, but not the extents, whose product stays in the union.",
            ),
            Mistake(
                lambda truth, prediction: _giou_of(
                    truth, prediction, shared=lambda extents: np.prod(np.maximum(extents, 0)), union="sum"
                ),
                "Often: what both share counted twice. The union is the sum of the areas less the intersection.",
            ),
            Mistake(
                _giou_over_union,
                "Often: divided by the union. The empty part is measured in shares of the enclosing box.",
            ),
            Mistake(_iou_alone, "Often: the IoU without the second term."),
            Mistake(lambda truth, prediction: 1 - _giou(truth, prediction), "Often: 1 − GIoU. GIoU is asked for."),
        ),
    ),
    "losses.signed_distance": Exercise(
        reference=_signed_distance,
        cases=_mask_cases,
        hint="distance_transform_edt gives each non-zero pixel its distance to the nearest zero. Use it twice: on "
        "the mask, and on its complement.",
        mistakes=(
            Mistake(
                lambda mask: -_signed_distance(mask),
                "Often: the sign. Inside the region it is negative, outside positive.",
            ),
            Mistake(
                lambda mask: np.abs(_signed_distance(mask)),
                "Often: no sign. Then the loss pushes probability out of the region too.",
            ),
            Mistake(
                lambda mask: np.where(mask == 1, _signed_distance(mask) + 1, _signed_distance(mask)),
                "Often: −(distance − 1) inside, which makes the border pixels 0. Here inside is minus the "
                "distance to the nearest pixel outside, −1 at the border.",
            ),
            Mistake(
                lambda mask: np.sign(_signed_distance(mask)) * (np.abs(_signed_distance(mask)) - 1),
                "Often: 1 taken off on both sides. The nearest pixel of the other side is 1 pixel away.",
            ),
            Mistake(
                lambda mask: np.sign(_signed_distance(mask)) * (np.abs(_signed_distance(mask)) - 0.5),
                "Often: half a pixel taken off, the distance to the border. Here it is that to the nearest pixel "
                "of the other side.",
            ),
            Mistake(
                lambda mask: _signed_distance(mask).astype(int),
                "Often: converted to whole numbers. Most distances are none.",
            ),
            *(
                Mistake(
                    lambda mask, metric=metric: (
                        ndimage.distance_transform_cdt(mask == 0, metric)
                        - ndimage.distance_transform_cdt(mask == 1, metric)
                    ),
                    "Often: distances counted in steps along the grid. Here they are straight lines, of √2 along "
                    "a diagonal: distance_transform_edt.",
                )
                for metric in ("chessboard", "taxicab")
            ),
            Mistake(
                lambda mask: np.maximum(_signed_distance(mask), 0),
                "Often: 0 inside. Then nothing draws probability into the region.",
            ),
            Mistake(
                lambda mask: np.minimum(_signed_distance(mask), 0),
                "Often: 0 outside. Then nothing pushes probability back.",
            ),
        ),
    ),
}
