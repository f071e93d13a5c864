"""Exercises of chapter 01: softmax."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from course_utils._arguments import FloatArray, IntArray
from course_utils.exercises import Exercise, Mistake
from course_utils.exercises.probabilities import KEPT_FROM_ZERO, NO_MAXIMUM, naive_softmax
from course_utils.softmax import cross_entropy, entropy, label_map, softmax

__all__ = ["EXERCISES"]

Case = tuple[Any, ...]


def _stable(logits: FloatArray) -> Any:
    return softmax(logits)


def _one_sum_for_all(logits: FloatArray) -> Any:
    exponentials = np.exp(logits - logits.max())
    return exponentials / exponentials.sum()


def _own_maximum_one_sum(logits: FloatArray) -> Any:
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum()


def _first_axis(logits: FloatArray) -> Any:
    shifted = np.exp(logits - logits.max(axis=0, keepdims=True))
    return shifted / shifted.sum(axis=0, keepdims=True)


def _no_keepdims(logits: FloatArray) -> Any:
    exponentials = np.exp(logits - logits.max(axis=-1))
    return exponentials / exponentials.sum(axis=-1)


def _one_maximum_for_all(logits: FloatArray) -> Any:
    exponentials = np.exp(logits - logits.max())
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def _axis_one(logits: FloatArray) -> Any:
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def _maximum_added(logits: FloatArray) -> Any:
    return naive_softmax(logits + logits.max(axis=-1, keepdims=True))


def _no_exponential(logits: FloatArray) -> Any:
    return logits / logits.sum(axis=-1, keepdims=True)


def _logit_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield (np.array([[0.0, 1.0], [2.0, 0.0], [0.0, 0.0]]),)
    yield (np.array([[1000.0, 999.0], [0.0, 1.0], [0.0, 3.0]]),)
    # The last two rows are too much for np.longdouble as well.
    yield (np.array([[-1000.0, -1001.0], [1000.0, 0.0], [1e5, 1e5 - 1], [-1e5, -1e5 - 1]]),)
    yield (np.array([1.0, 2.0, 3.0]),)
    yield (np.array([[2000.0, 0.0, 0.0], [0.0, -np.inf, 1.0]]),)
    for shape in ((3, 3), (2, 5), (2, 3, 4)):
        yield (rng.normal(0, 10, shape),)


def _tempered(logits: FloatArray, temperature: float) -> Any:
    return softmax(logits, temperature=temperature)


def _power_not_renormalised(logits: FloatArray, temperature: float) -> Any:
    return softmax(logits) ** (1 / temperature)


def _power_renormalised(logits: FloatArray, temperature: float) -> Any:
    powers = softmax(logits) ** (1 / temperature)
    return powers / powers.sum(axis=-1, keepdims=True)


def _exponential_to_the_power(logits: FloatArray, temperature: float) -> Any:
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True)) ** (1 / temperature)
    return powers / powers.sum(axis=-1, keepdims=True)


def _divided_first(logits: FloatArray, temperature: float) -> Any:
    scaled = logits / temperature
    exponentials = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def _maximum_not_divided(logits: FloatArray, temperature: float) -> Any:
    exponentials = np.exp(logits / temperature - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def _only_maximum_divided(logits: FloatArray, temperature: float) -> Any:
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True) / temperature)
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def _temperature_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield (np.array([0.0, 1.0]), 2.0)
    yield (np.array([0.0, 1.0]), 0.5)
    # exp(2000 / 1000) fits, exp(2000 / 1000 − 2000) is 0.
    yield (np.array([[0.0, -1000.0], [2000.0, 1000.0]]), 1000.0)
    # The last row is too much for np.longdouble as well.
    yield (np.array([[500.0, 400.0], [0.0, 1.0], [2.0, 0.0], [1e5, 1e5 - 0.25]]), 0.1)
    for temperature in (0.3, 1.0, 20.0):
        yield (rng.normal(0, 5, (3, 4)), temperature)
    # 100 / 1e-37 is more than float32 holds.
    yield (np.array([100.0, 99.0, 100.0], np.float32), 1e-37)


def _with_logarithm(probabilities: FloatArray) -> Any:
    return -(probabilities * np.log(probabilities)).sum(axis=-1)


def _nan_to_zero(probabilities: FloatArray) -> Any:
    return np.nan_to_num(_with_logarithm(probabilities))


def _entropy_along_axis_one(probabilities: FloatArray) -> Any:
    return -(probabilities * np.log(np.where(probabilities > 0, probabilities, 1))).sum(axis=1)


def _distribution_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield (np.array([[0.2, 0.3, 0.5], [0.1, 0.1, 0.8]]),)
    yield (np.array([[0.5, 0.0, 0.5], [1.0, 0.0, 0.0]]),)
    yield (np.array([0.25, 0.25, 0.25, 0.25]),)
    for shape in ((3, 3), (2, 5)):
        yield (rng.dirichlet(np.full(shape[1], 0.5), shape[0]),)


def _labels_of_chw(scores: FloatArray) -> Any:
    return label_map(scores, axis=0)


def _score_map_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield (np.array([[[0.1, 0.9, 0.5]], [[0.7, 0.2, 0.5]], [[0.2, 0.1, 0.3]]]),)  # the last pixel is a tie
    yield (rng.normal(0, 1, (3, 3, 3)).round(1),)
    yield (rng.normal(0, 1, (4, 5, 6)),)
    yield (np.array([[[1000.0, -1000.0]], [[2000.0, -2000.0]]]),)  # too much for exp


def _cross_entropies(labels: IntArray, logits: FloatArray) -> Any:
    return cross_entropy(labels, logits)


def _one_hot_times_logarithm(labels: IntArray, logits: FloatArray) -> Any:
    return -(np.eye(logits.shape[1])[labels] * np.log(softmax(logits))).sum(axis=1)


def _maximum_not_put_back(labels: IntArray, logits: FloatArray) -> Any:
    return cross_entropy(labels, logits) - logits.max(axis=1)


def _behind_the_best(labels: IntArray, logits: FloatArray) -> Any:
    return logits.max(axis=1) - logits[np.arange(len(labels)), labels]


def _at_most(labels: IntArray, logits: FloatArray, *, most: float) -> Any:
    return np.minimum(cross_entropy(labels, logits), most)


def _in_two_steps(labels: IntArray, probabilities: FloatArray) -> Any:
    return -np.log(probabilities[np.arange(len(labels)), labels])


def _no_maximum_in_the_sum(labels: IntArray, logits: FloatArray) -> Any:
    return np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(labels)), labels]


def _one_maximum_in_the_sum(labels: IntArray, logits: FloatArray) -> Any:
    return _no_maximum_in_the_sum(labels, logits - logits.max())


def _all_pairs(labels: IntArray, logits: FloatArray) -> Any:
    return -np.log(softmax(logits))[:, labels]


def _label_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield (np.array([1, 0]), np.array([[0.0, 1.0, 0.0], [0.0, 2.0, 0.0]]))
    yield (np.array([0, 0]), np.array([[1000.0, 0.0], [-1000.0, 0.0]]))
    # A gap of 1,500: no number such as 1,000 stands for infinity. The last row is too much for np.longdouble.
    yield (np.array([0, 1, 1, 0]), np.array([[800.0, 700.0], [800.0, 700.0], [1500.0, 0.0], [1e5, 1e5 + 1]]))
    for shape in ((3, 3), (5, 4)):
        yield (rng.integers(0, shape[1], shape[0]), rng.normal(0, 10, shape))


def _gradient(features: FloatArray, labels: IntArray, weights: FloatArray) -> Any:
    errors = softmax(features @ weights)
    errors[np.arange(len(labels)), labels] -= 1
    return features.T @ errors / len(labels)


def _labels_not_one_hot(features: FloatArray, labels: IntArray, weights: FloatArray) -> Any:
    return features.T @ (softmax(features @ weights) - labels[:, np.newaxis]) / len(labels)


def _columns_of_all_labels(features: FloatArray, labels: IntArray, weights: FloatArray) -> Any:
    errors = softmax(features @ weights)
    errors[:, labels] -= 1
    return features.T @ errors / len(labels)


def _mean_over_everything(features: FloatArray, labels: IntArray, weights: FloatArray) -> Any:
    return _gradient(features, labels, weights) / weights.shape[1]


def _gradient_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield (np.array([[1.0, 0.0, 2.0], [0.0, 1.0, 1.0]]), np.array([0, 1]), np.zeros((3, 3)))
    for n, d, k in ((3, 2, 4), (6, 3, 3)):
        yield (rng.normal(0, 1, (n, d)), rng.integers(0, k, n), rng.normal(0, 1, (d, k)))
    yield (np.array([[100.0], [-100.0]]), np.array([0, 1]), np.array([[100.0, -100.0]]))


_KEEPDIMS = (
    "Often: keepdims=True is missing. Without it the maximum or the sum loses the class axis, and "
    "broadcasting pairs it with the wrong one (or cannot pair it at all)."
)

_LAST_AXIS = "Often: axis=1. Arrays of any rank come in, so count from the end: the last axis is axis=-1."

EXERCISES: dict[str, Exercise] = {
    "softmax.stable": Exercise(
        reference=_stable,
        cases=_logit_cases,
        hint="Softmax does not change when you subtract the same number from every logit of a row. "
        "Which number makes the largest exponential equal to 1?",
        mistakes=(
            Mistake(naive_softmax, NO_MAXIMUM),
            *(
                Mistake(one_sum, "Often: one sum over the whole array. Each row must sum to 1 by itself.")
                for one_sum in (_one_sum_for_all, _own_maximum_one_sum)
            ),
            Mistake(_first_axis, "Often: the wrong axis. The classes lie along the last one, axis=-1."),
            Mistake(_no_keepdims, _KEEPDIMS),
            Mistake(
                _one_maximum_for_all,
                "Often: one maximum for the whole array. A row far below it underflows to 0 / 0; "
                "subtract each row's own maximum.",
            ),
            Mistake(_axis_one, _LAST_AXIS),
            Mistake(_maximum_added, "Often: the maximum was added instead of subtracted."),
            Mistake(_no_exponential, "Often: the exponential is missing. Scores can be negative."),
        ),
    ),
    "softmax.temperature": Exercise(
        reference=_tempered,
        cases=_temperature_cases,
        hint="The temperature divides logits, never exponentials. In float32 100 / 1e-37 is infinity: subtract "
        "the largest logit first, then divide the differences.",
        mistakes=(
            Mistake(
                lambda logits, temperature: softmax(logits) / temperature,
                "Often: the probabilities were divided by T. They then sum to 1/T.",
            ),
            Mistake(
                lambda logits, temperature: softmax(logits),
                "Often: T has no effect. Dividing the exponentials by T cancels in the ratio: it "
                "must divide the logits, inside the exponential.",
            ),
            Mistake(
                lambda logits, temperature: softmax(logits * temperature),
                "Often: the logits were multiplied by T. A high temperature must flatten.",
            ),
            Mistake(
                _power_not_renormalised,
                "Often: probabilities raised to 1/T, which no longer sum to 1. Divide the logits "
                "instead: a probability that has rounded to 0 cannot be raised again.",
            ),
            *(
                Mistake(
                    power,
                    "Right on paper: softmax(z), or exp(z), to the power 1/T, divided by its sum, is "
                    "softmax(z / T). In the computer, what has rounded to 0 cannot be raised again. Divide the "
                    "logits instead.",
                )
                for power in (_power_renormalised, _exponential_to_the_power)
            ),
            Mistake(lambda logits, temperature: naive_softmax(logits, temperature=temperature), NO_MAXIMUM),
            Mistake(
                _divided_first,
                "Right on paper: z / T, then the maximum. At a low temperature the division itself overflows, and "
                "infinity minus infinity is NaN. Subtract first, then divide: (z − max z) / T.",
            ),
            Mistake(
                _maximum_not_divided,
                "Often: z / T − max z. The maximum was not divided by T, so the largest exponent is not 0: divide "
                "the difference, (z − max z) / T.",
            ),
            Mistake(
                _only_maximum_divided,
                "Often: z − max z / T. Only the maximum was divided by T, and what is taken from every logit "
                "alike has no effect. Divide the difference, (z − max z) / T.",
            ),
            Mistake(
                lambda logits, temperature: softmax(logits / temperature, axis=0),
                "Often: the wrong axis. The classes lie along the last one, axis=-1.",
            ),
        ),
    ),
    "softmax.entropy": Exercise(
        reference=entropy,
        cases=_distribution_cases,
        hint="p ln p tends to 0 as p tends to 0, but 0 * np.log(0) is NaN: take the logarithm "
        "only where p is above 0.",
        mistakes=(
            Mistake(
                _with_logarithm,
                "Often: 0 * np.log(0), which is NaN. An impossible class adds nothing to the entropy.",
            ),
            Mistake(
                _nan_to_zero,
                "Often: NaN replaced by 0 after the sum, which throws away a whole distribution for one "
                "impossible class. Take care of that class before you add up.",
            ),
            Mistake(lambda probabilities: -entropy(probabilities), "Often: the minus sign is missing."),
            Mistake(
                lambda probabilities: entropy(probabilities) / np.log(2),
                "Often: the logarithm to base 2, which gives bits. Nats need the natural logarithm.",
            ),
            Mistake(
                lambda probabilities: entropy(probabilities) / np.shape(probabilities)[-1],
                "Often: a mean over the classes where the definition has a sum.",
            ),
            Mistake(
                lambda probabilities: entropy(probabilities).sum(),
                "Often: a sum over the whole array. Each distribution has an entropy of its own.",
            ),
            Mistake(
                lambda probabilities: entropy(probabilities).mean(),
                "Often: a mean over the distributions. Each has an entropy of its own.",
            ),
            Mistake(_entropy_along_axis_one, _LAST_AXIS),
        ),
    ),
    "softmax.label_map": Exercise(
        reference=_labels_of_chw,
        cases=_score_map_cases,
        dtype="uint8",
        hint="The class axis comes first here, and a label map stores ids as 8-bit integers.",
        mistakes=(
            Mistake(
                lambda scores: np.argmax(scores, axis=-1),
                "Often: axis=-1, which runs along the columns of the image. The classes are axis 0.",
            ),
            Mistake(
                lambda scores: np.argmax(scores),
                "Often: argmax without an axis, which gives one position in the flattened array.",
            ),
            Mistake(
                lambda scores: np.max(scores, axis=0),
                "Often: max where argmax was meant. The id of the best class is wanted, not its score.",
            ),
            Mistake(
                lambda scores: np.argmax(scores, axis=0) + 1,
                "Often: ids counted from 1. Here they count from 0.",
            ),
            Mistake(
                lambda scores: len(scores) - 1 - np.argmax(scores[::-1], axis=0),
                "Often: of equal scores the highest class. Here the lowest wins, as np.argmax lets it.",
            ),
            Mistake(
                lambda scores: np.argmax(naive_softmax(scores, axis=0), axis=0),
                "Often: a softmax before the argmax, and it overflowed. The order of the scores is that of the "
                "probabilities: take the argmax of the scores.",
            ),
            Mistake(
                lambda scores: np.argmax(scores, axis=0),
                "A label map stores its ids as uint8: convert them with .astype(np.uint8). "
                "np.argmax returns 64-bit integers, eight times the memory.",
            ),
        ),
    ),
    "softmax.cross_entropy": Exercise(
        reference=_cross_entropies,
        cases=_label_cases,
        hint="Write ln softmax(z)[y] as z[y] minus the logarithm of the sum of exponentials, and take "
        "the row's maximum out of that logarithm.",
        mistakes=(
            Mistake(
                lambda labels, logits: _in_two_steps(labels, softmax(logits)),
                "Often: the logarithm of a probability that has rounded to 0. Do not form the "
                "probability: z[y] − max − ln Σ exp(z − max) needs no division.",
            ),
            *(
                Mistake(
                    lambda labels, logits, most=most: _at_most(labels, logits, most=most),
                    "Often: a number put in place of infinity. A gap of 1,500 costs 1,500: z[y] − max − "
                    "ln Σ exp(z − max) needs no such number.",
                )
                for most in (1000.0, 1e3 - 1)
            ),
            *(
                Mistake(
                    lambda labels, logits, keep=keep: _in_two_steps(labels, keep(softmax(logits))),
                    "Often: something small was added to the probability, or the probability raised to it. Then "
                    "no loss exceeds minus its logarithm. Do not form the probability.",
                )
                for keep in KEPT_FROM_ZERO
            ),
            Mistake(lambda labels, logits: _in_two_steps(labels, naive_softmax(logits)), NO_MAXIMUM),
            Mistake(lambda labels, logits: -cross_entropy(labels, logits), "Often: the minus sign is missing."),
            Mistake(
                lambda labels, logits: cross_entropy(labels, softmax(logits)),
                "Often: two softmaxes, one of them of probabilities. The logits go in as they are.",
            ),
            Mistake(
                lambda labels, logits: cross_entropy(labels, logits).mean(),
                "Often: the mean was taken. One value an element is wanted.",
            ),
            Mistake(
                lambda labels, logits: cross_entropy(labels, logits).sum(),
                "Often: the sum was taken. One value an element is wanted.",
            ),
            Mistake(
                _one_hot_times_logarithm,
                "Often: one-hot times the logarithm of a probability that has rounded to 0, which is "
                "0 · (−∞) = NaN. Pick the true class first, and do not form the probability.",
            ),
            Mistake(_no_maximum_in_the_sum, NO_MAXIMUM),
            Mistake(
                _maximum_not_put_back,
                "Often: the maximum was taken out of the sum and not out of z[y]. Measure both from it.",
            ),
            Mistake(
                _behind_the_best,
                "Often: only how far z[y] lies behind the best score. The logarithm of the sum of exponentials is "
                "more than its largest term.",
            ),
            Mistake(
                _one_maximum_in_the_sum,
                "Often: one maximum for the whole array. A row far below it underflows to ln 0.",
            ),
            Mistake(
                _all_pairs,
                "Often: logits[:, labels], which takes every label's column for every row. Pair rows "
                "with labels: logits[np.arange(n), labels].",
            ),
        ),
    ),
    "softmax.gradient": Exercise(
        reference=_gradient,
        cases=_gradient_cases,
        hint="By the chain rule the gradient is featuresᵀ times (probabilities − one-hot), over the "
        "number of samples.",
        mistakes=(
            Mistake(
                lambda features, labels, weights: -_gradient(features, labels, weights),
                "Often: one-hot − probabilities, which is the descent direction: the gradient with its "
                "sign reversed.",
            ),
            Mistake(
                lambda features, labels, weights: _gradient(features, labels, weights) * len(labels),
                "Often: the division by the number of samples is missing. The loss is a mean.",
            ),
            Mistake(
                _labels_not_one_hot,
                "Often: the label itself was subtracted. Subtract 1 at the label's position only.",
            ),
            Mistake(
                _columns_of_all_labels,
                "Often: errors[:, labels] −= 1, which takes 1 from every row in these columns. Pair rows with "
                "labels: errors[np.arange(n), labels].",
            ),
            Mistake(
                lambda features, labels, weights: (
                    features.T
                    @ (naive_softmax(features @ weights) - np.eye(weights.shape[1])[labels])
                    / len(labels)
                ),
                NO_MAXIMUM,
            ),
            Mistake(
                _mean_over_everything,
                "Often: a mean over samples and classes. Only the number of samples divides.",
            ),
            Mistake(
                lambda features, labels, weights: _gradient(features, labels, weights).T,
                "Often: transposed. The gradient has the shape of the weights.",
            ),
        ),
    ),
}
