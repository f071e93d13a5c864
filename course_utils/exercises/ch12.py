"""Exercises of chapter 12: attention."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from course_utils._arguments import FloatArray, IntArray
from course_utils.attention import attention, attention_weights
from course_utils.exercises import Exercise, Mistake
from course_utils.softmax import softmax

__all__ = ["EXERCISES"]

Case = tuple[Any, ...]


def _costs(n: int, d: int) -> Any:
    return np.array([4 * n * d**2 + 2 * n**2 * d, 2 * n * d**2, 6 * n * d**2, 8 * n * d**2])


def _without_projections(n: int, d: int) -> Any:
    return np.array([2 * n**2 * d, *_costs(n, d)[1:]])


def _three_projections(n: int, d: int) -> Any:
    return np.array([3 * n * d**2 + 2 * n**2 * d, *_costs(n, d)[1:]])


def _scores_alone(n: int, d: int) -> Any:
    return np.array([4 * n * d**2 + n**2 * d, *_costs(n, d)[1:]])


def _input_alone(n: int, d: int) -> Any:
    return np.array([_costs(n, d)[0], n * d**2, 3 * n * d**2, 4 * n * d**2])


def _one_step(n: int, d: int) -> Any:
    return _costs(n, d) // n


def _cost_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield (2, 3)
    yield (10, 4)
    for _ in range(4):
        yield (int(rng.integers(3, 500)), int(rng.integers(2, 300)))


def _patches(images: FloatArray, size: int) -> Any:
    n, height, width = images.shape
    tiles = images.reshape(n, height // size, size, width // size, size)
    return tiles.transpose(0, 1, 3, 2, 4).reshape(n, -1, size * size)


def _only_reshaped(images: FloatArray, size: int) -> Any:
    return images.reshape(len(images), -1, size * size)


def _columns_first(images: FloatArray, size: int) -> Any:
    n, height, width = images.shape
    tiles = images.reshape(n, height // size, size, width // size, size)
    return tiles.transpose(0, 3, 1, 2, 4).reshape(n, -1, size * size)


def _turned(images: FloatArray, size: int) -> Any:
    n, height, width = images.shape
    tiles = images.reshape(n, height // size, size, width // size, size)
    return tiles.transpose(0, 1, 3, 4, 2).reshape(n, -1, size * size)


def _spread(images: FloatArray, size: int) -> Any:
    n, height, width = images.shape
    tiles = images.reshape(n, size, height // size, size, width // size)
    return tiles.transpose(0, 2, 4, 1, 3).reshape(n, -1, size * size)


def _patch_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield (np.arange(16.0).reshape(1, 4, 4), 2)
    yield (np.arange(24.0).reshape(1, 4, 6), 2)
    for n, rows, columns, size in ((2, 2, 3, 3), (3, 4, 2, 2), (1, 3, 1, 4)):
        yield (rng.random((n, rows * size, columns * size)), size)


def _weights(queries: FloatArray, keys: FloatArray, mask: Any) -> Any:
    return attention_weights(queries, keys, mask)


def _raw_scores(queries: FloatArray, keys: FloatArray) -> Any:
    return queries @ np.swapaxes(keys, -1, -2) / np.sqrt(queries.shape[-1])


def _no_scale(queries: FloatArray, keys: FloatArray, mask: Any) -> Any:
    return attention_weights(queries, keys, mask, scale=1)


def _divided_by_d(queries: FloatArray, keys: FloatArray, mask: Any) -> Any:
    return attention_weights(queries, keys, mask, scale=1 / queries.shape[-1])


def _divided_by_keys(queries: FloatArray, keys: FloatArray, mask: Any) -> Any:
    return attention_weights(queries, keys, mask, scale=1 / np.sqrt(keys.shape[-2]))


def _mask_ignored(queries: FloatArray, keys: FloatArray, mask: Any) -> Any:
    return attention_weights(queries, keys)


def _mask_inverted(queries: FloatArray, keys: FloatArray, mask: Any) -> Any:
    return attention_weights(queries, keys, ~mask)


def _masked_scores_are_zero(queries: FloatArray, keys: FloatArray, mask: Any) -> Any:
    return softmax(np.where(mask, _raw_scores(queries, keys), 0))


def _masked_after_softmax(queries: FloatArray, keys: FloatArray, mask: Any) -> Any:
    return softmax(_raw_scores(queries, keys)) * mask


def _blind_rows_are_nan(queries: FloatArray, keys: FloatArray, mask: Any) -> Any:
    scores = np.where(mask, _raw_scores(queries, keys), -np.inf)
    exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def _large_negative_number(queries: FloatArray, keys: FloatArray, mask: Any) -> Any:
    return softmax(np.where(mask, _raw_scores(queries, keys), -1e9))


def _finite_then_masked(fill: float, *, added: bool) -> Callable[..., Any]:
    """A finite score for masked keys, or a finite number added to theirs, and the mask once more at the end."""

    def answer(queries: FloatArray, keys: FloatArray, mask: Any) -> Any:
        scores = _raw_scores(queries, keys)
        return softmax(np.where(mask, scores, (scores if added else 0) + fill)) * mask

    return answer


def _no_maximum(queries: FloatArray, keys: FloatArray, mask: Any) -> Any:
    exponentials = np.where(mask, np.exp(_raw_scores(queries, keys)), 0)
    total = exponentials.sum(axis=-1, keepdims=True)
    return exponentials / np.where(total > 0, total, 1)


def _over_queries(queries: FloatArray, keys: FloatArray, mask: Any) -> Any:
    scores = np.where(mask, _raw_scores(queries, keys), -1e300)
    return np.where(mask, softmax(scores, axis=-2), 0)


def _weight_cases(rng: np.random.Generator) -> Iterator[Case]:
    keys = np.array([[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]])
    queries = np.array([[2.0, 0, 0, 0], [0, 4, 0, 1]])
    yield (queries, keys, np.array([[True, True, True], [True, True, False]]))
    yield (queries, keys, np.array([[False, False, False], [True, False, True]]))
    # In the last two rows all that may be seen scores far below 0: −4e4 and −5e10.
    large = np.concatenate([3000 * queries, [[-8e4, -8e4, 0, 0], [-1e11, -1e11, 1e11, 0]]])
    seen = np.array([[False, True, True], [True, True, True], [True, True, False], [True, True, False]])
    yield (large, keys, seen)
    for leading in ((), (2,), (2, 3)):
        q, k = rng.normal(0, 2, (*leading, 4, 5)), rng.normal(0, 2, (*leading, 6, 5))
        mask = rng.random((*leading, 4, 6)) < 0.6
        mask[..., 0, :] = leading == ()
        yield (q, k, mask)


def _attend_in_heads(
    queries: FloatArray, keys: FloatArray, values: FloatArray, n_heads: int, scale: float | None = None
) -> FloatArray:
    """(n, h·c) each, to (h, n, v): the attention of each head."""
    q, k, v = (array.reshape(len(array), n_heads, -1).swapaxes(0, 1) for array in (queries, keys, values))
    return attention(q, k, v, scale=scale)


def _heads(queries: FloatArray, keys: FloatArray, values: FloatArray, n_heads: int) -> Any:
    mixed = _attend_in_heads(queries, keys, values, n_heads)
    return mixed.swapaxes(0, 1).reshape(len(queries), -1)


def _one_head(queries: FloatArray, keys: FloatArray, values: FloatArray, n_heads: int) -> Any:
    return attention(queries, keys, values)


def _reshaped_alone(queries: FloatArray, keys: FloatArray, values: FloatArray, n_heads: int) -> Any:
    q, k, v = (array.reshape(n_heads, len(array), -1) for array in (queries, keys, values))
    return attention(q, k, v).swapaxes(0, 1).reshape(len(queries), -1)


def _not_swapped_back(queries: FloatArray, keys: FloatArray, values: FloatArray, n_heads: int) -> Any:
    return _attend_in_heads(queries, keys, values, n_heads).reshape(len(queries), -1)


def _scale_of_all_features(queries: FloatArray, keys: FloatArray, values: FloatArray, n_heads: int) -> Any:
    mixed = _attend_in_heads(queries, keys, values, n_heads, 1 / np.sqrt(queries.shape[-1]))
    return mixed.swapaxes(0, 1).reshape(len(queries), -1)


def _interleaved(queries: FloatArray, keys: FloatArray, values: FloatArray, n_heads: int) -> Any:
    split = [np.moveaxis(array.reshape(len(array), -1, n_heads), -1, 0) for array in (queries, keys, values)]
    return np.moveaxis(attention(split[0], split[1], split[2]), 0, -1).reshape(len(queries), -1)


def _heads_averaged(queries: FloatArray, keys: FloatArray, values: FloatArray, n_heads: int) -> Any:
    return _attend_in_heads(queries, keys, values, n_heads).mean(axis=0)


def _heads_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield (np.array([[2.0, 0.0]]), np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[1.0, 2.0], [3.0, 4.0]]), 2)
    for heads, d, v, n, m in ((2, 3, 2, 4, 3), (3, 2, 4, 5, 6), (4, 2, 2, 3, 7)):
        arrays = rng.normal(0, 1.5, (n, heads * d)), rng.normal(0, 1.5, (m, heads * d))
        yield (*arrays, rng.normal(size=(m, heads * v)), heads)


def _merge(top_a: Any, total_a: Any, mean_a: Any, top_b: Any, total_b: Any, mean_b: Any) -> Any:
    top = np.maximum(top_a, top_b)
    a, b = total_a * np.exp(top_a - top), total_b * np.exp(top_b - top)
    return (a[:, np.newaxis] * mean_a + b[:, np.newaxis] * mean_b) / (a + b)[:, np.newaxis]


def _evenly(top_a: Any, total_a: Any, mean_a: Any, top_b: Any, total_b: Any, mean_b: Any) -> Any:
    return (mean_a + mean_b) / 2


def _tops_ignored(top_a: Any, total_a: Any, mean_a: Any, top_b: Any, total_b: Any, mean_b: Any) -> Any:
    return _merge(0 * top_a, total_a, mean_a, 0 * top_b, total_b, mean_b)


def _totals_ignored(top_a: Any, total_a: Any, mean_a: Any, top_b: Any, total_b: Any, mean_b: Any) -> Any:
    return _merge(top_a, 0 * total_a + 1, mean_a, top_b, 0 * total_b + 1, mean_b)


def _no_common_top(top_a: Any, total_a: Any, mean_a: Any, top_b: Any, total_b: Any, mean_b: Any) -> Any:
    a, b = total_a * np.exp(top_a), total_b * np.exp(top_b)
    return (a[:, np.newaxis] * mean_a + b[:, np.newaxis] * mean_b) / (a + b)[:, np.newaxis]


def _lower_top(top_a: Any, total_a: Any, mean_a: Any, top_b: Any, total_b: Any, mean_b: Any) -> Any:
    top = np.minimum(top_a, top_b)
    return _no_common_top(top_a - top, total_a, mean_a, top_b - top, total_b, mean_b)


def _sign_of_the_difference(top_a: Any, total_a: Any, mean_a: Any, top_b: Any, total_b: Any, mean_b: Any) -> Any:
    return _merge(-top_a, total_a, mean_a, -top_b, total_b, mean_b)


def _higher_wins(top_a: Any, total_a: Any, mean_a: Any, top_b: Any, total_b: Any, mean_b: Any) -> Any:
    return np.where((top_a >= top_b)[:, np.newaxis], mean_a, mean_b)


def _merge_cases(rng: np.random.Generator) -> Iterator[Case]:
    def part(n: int, v: int, top: float) -> Case:
        return top + rng.normal(size=n), 1 + 3 * rng.random(n), rng.normal(size=(n, v))

    yield (
        np.array([0.0]),
        np.array([1.0]),
        np.array([[0.0]]),
        np.array([1.0]),
        np.array([2.0]),
        np.array([[10.0]]),
    )
    yield (
        *(np.array([2000.0, -2000.0, 900.0]), np.array([1.0, 2.0, 2.0]), np.array([[1.0], [2.0], [3.0]])),
        *(np.array([2000.0, -2001.0, -900.0]), np.array([3.0, 1.0, 1.0]), np.array([[5.0], [6.0], [7.0]])),
    )
    for n, v, top in ((3, 2, 0.0), (2, 4, -3.0), (4, 3, 900.0), (5, 1, -900.0)):
        yield (*part(n, v, top), *part(n, v, top))


def _reinforce(logits: FloatArray, samples: IntArray, rewards: FloatArray, baseline: float) -> Any:
    return (rewards - baseline) @ (np.eye(len(logits))[samples] - softmax(logits)) / len(rewards)


def _no_baseline(logits: FloatArray, samples: IntArray, rewards: FloatArray, baseline: float) -> Any:
    return _reinforce(logits, samples, rewards, 0.0)


def _baseline_added(logits: FloatArray, samples: IntArray, rewards: FloatArray, baseline: float) -> Any:
    return _reinforce(logits, samples, rewards, -baseline)


def _one_hot_alone(logits: FloatArray, samples: IntArray, rewards: FloatArray, baseline: float) -> Any:
    return (rewards - baseline) @ np.eye(len(logits))[samples] / len(rewards)


def _summed(logits: FloatArray, samples: IntArray, rewards: FloatArray, baseline: float) -> Any:
    return len(rewards) * _reinforce(logits, samples, rewards, baseline)


def _descent(logits: FloatArray, samples: IntArray, rewards: FloatArray, baseline: float) -> Any:
    return -_reinforce(logits, samples, rewards, baseline)


def _times_probability(logits: FloatArray, samples: IntArray, rewards: FloatArray, baseline: float) -> Any:
    p = softmax(logits)
    return ((rewards - baseline) * p[samples]) @ (np.eye(len(logits))[samples] - p) / len(rewards)


def _sample_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield (np.array([0.0, 0.0]), np.array([0, 1, 1]), np.array([1.0, 0.0, 2.0]), 0.5)
    yield (np.array([1.0, 0.0, 2.0]), np.array([2, 2, 0, 1]), np.array([1.0, 0.5, -1.0, 3.0]), 1.0)
    yield (np.array([900.0, 0.0, 899.0]), np.array([0, 2, 0]), np.array([1.0, 0.5, -1.0]), 0.25)
    for k, m in ((4, 5), (3, 8), (6, 3)):
        yield (rng.normal(0, 2, k), rng.integers(0, k, m), rng.normal(2, 1, m), float(rng.normal(1, 1)))


EXERCISES: dict[str, Exercise] = {
    "attention.costs": Exercise(
        reference=_costs,
        cases=_cost_cases,
        hint="A product of an (a, b) and a (b, c) matrix takes a·b·c multiply-adds. Count the products: four "
        "projections, scores, mean; in a recurrent layer, for each gate one with the input, one with the state.",
        mistakes=(
            Mistake(_without_projections, "Often: the projections are left out, 4 n d² of them."),
            Mistake(_three_projections, "Often: three projections. The result is projected once more: four."),
            Mistake(
                _scores_alone,
                "Often: only the scores. The mean of the values costs n² d once more: 2 n² d together.",
            ),
            Mistake(
                _input_alone,
                "Often: recurrent layers without their state. Each gate multiplies the input and the state.",
            ),
            Mistake(_one_step, "Often: the cost of one step. There are n of them."),
        ),
    ),
    "attention.patches": Exercise(
        reference=_patches,
        cases=_patch_cases,
        hint="Reshape to (n, rows of patches, size, columns of patches, size); then bring the two axes of one "
        "patch together with transpose, and flatten each.",
        mistakes=(
            Mistake(
                _only_reshaped,
                "Often: reshape alone. It cuts rows of pixels, and a patch is not contiguous in memory: "
                "transpose before you flatten.",
            ),
            Mistake(_columns_first, "Often: patches column by column. They count along the rows of the image."),
            Mistake(_turned, "Often: each patch is transposed. Its pixels count row by row."),
            Mistake(
                _spread, "Often: pixels that lie a patch's distance apart. Split each axis as (patches, size)."
            ),
        ),
    ),
    "attention.weights": Exercise(
        reference=_weights,
        cases=_weight_cases,
        hint="Scores first, −inf where the mask is false, then the softmax over the keys. Subtract the maximum of "
        "each row; for a row without a key, what would be subtracted, and what is the sum?",
        mistakes=(
            Mistake(_no_scale, "Often: the scores are not divided by √d."),
            Mistake(_divided_by_d, "Often: the scores are divided by d where √d is meant."),
            Mistake(_divided_by_keys, "Often: √ of the number of keys. d is the number of features."),
            Mistake(_mask_ignored, "Often: the mask was not used."),
            Mistake(_mask_inverted, "Often: the mask was turned round. It is true where a key may be seen."),
            Mistake(
                _masked_scores_are_zero,
                "Often: masked scores set to 0. A score of 0 is an ordinary one: it needs −inf.",
            ),
            Mistake(
                _masked_after_softmax,
                "Often: masked after the softmax. The rest of the row then sums to less than 1.",
            ),
            Mistake(
                _blind_rows_are_nan,
                "Often: a row that may see nothing. −inf minus its maximum, −inf, is NaN; it should be 0.",
            ),
            Mistake(
                _large_negative_number,
                "Often: a large negative number for −inf. A row that may see nothing then sees everything evenly.",
            ),
            *(
                Mistake(
                    _finite_then_masked(fill, added=added),
                    "Often: a finite number for −inf, and the mask once more behind the softmax. Where all that "
                    "may be seen scores lower still, the masked keys take the weight with them.",
                )
                for fill in (-1e9, -1e4)
                for added in (False, True)
            ),
            Mistake(
                _no_maximum,
                "Often: the maximum of each row was not subtracted, and exp overflows beyond 709 (float64).",
            ),
            Mistake(_over_queries, "Often: the softmax along the queries. Each row, over the keys, sums to 1."),
        ),
    ),
    "attention.heads": Exercise(
        reference=_heads,
        cases=_heads_cases,
        hint="Head i owns the i-th block of columns. Bring (n, h·c) to (n, h, c), then to (h, n, c), where "
        "attention works on each head; then the same way back.",
        mistakes=(
            Mistake(_one_head, "Often: one attention for all. The heads must not see each other's features."),
            Mistake(
                _reshaped_alone,
                "Often: reshape to (heads, n, c) at once, which mixes the rows: (n, heads, c) first, then swap.",
            ),
            Mistake(_not_swapped_back, "Often: the axes are not swapped back before the heads are joined."),
            Mistake(
                _scale_of_all_features,
                "Often: the scale of all features together. Each head has its own d: features divided by heads.",
            ),
            Mistake(_interleaved, "Often: every h-th column. Head i owns a block of neighbouring columns."),
            Mistake(_heads_averaged, "Often: the heads are averaged. They are put side by side."),
        ),
    ),
    "attention.merge": Exercise(
        reference=_merge,
        cases=_merge_cases,
        hint="Both totals count exponentials, but relative to different maxima. Bring both to the higher one: "
        "what factor turns exp(s − old) into exp(s − new)?",
        mistakes=(
            Mistake(_evenly, "Often: half of each. A part counts in proportion to its exponentials."),
            Mistake(
                _tops_ignored, "Often: totals used as they are. They are relative to different maxima: rescale."
            ),
            Mistake(_totals_ignored, "Often: the totals are left out. A part with more keys counts for more."),
            Mistake(_no_common_top, "Often: exp of the maxima, which overflows; only of differences is it safe."),
            Mistake(
                _lower_top,
                "Often: both brought to the lower maximum. The exponential of the higher one overflows where they "
                "lie far apart: bring both to the higher.",
            ),
            Mistake(
                _sign_of_the_difference, "Often: the difference has the wrong sign. The factor is exp(old − new)."
            ),
            Mistake(_higher_wins, "Often: the part with the higher maximum alone. The other one only shrinks."),
        ),
    ),
    "attention.reinforce": Exercise(
        reference=_reinforce,
        cases=_sample_cases,
        hint="For each sample: (reward minus baseline) times the gradient of ln softmax(logits)[sample], which "
        "chapter 01 gave as one-hot minus probabilities. Then the mean over the samples.",
        mistakes=(
            Mistake(_no_baseline, "Often: the baseline is left out. Subtract it from each reward."),
            Mistake(_baseline_added, "Often: the baseline was added to the rewards instead of subtracted."),
            Mistake(
                _one_hot_alone, "Often: the probabilities are left out. ∂ ln p_k / ∂ logits is one-hot minus p."
            ),
            Mistake(_summed, "Often: the sum over the samples where their mean is asked."),
            Mistake(_descent, "Often: the sign. This is the gradient of the expected reward, which is to rise."),
            Mistake(
                _times_probability,
                "Often: the gradient of p where that of ln p is meant. Sampling has already weighted with p.",
            ),
        ),
    ),
}
