"""The checker of chapter 12 against the wrong answers that students give."""

import numpy as np
import pytest
from scipy.special import log_softmax
from scipy.special import softmax as scipy_softmax

from course_utils.checks import check
from course_utils.exercises import CHAPTERS
from course_utils.exercises.ch12 import EXERCISES
from exercise_answers import (
    WrongAnswer,
    assert_enough_wrong_answers,
    assert_error_is_shown,
    assert_mistakes_are_named,
    assert_rejected,
    assert_stub_is_not_attempted,
)


def costs(n, d):
    return np.array([4 * n * d * d + 2 * n * n * d, 2 * n * d * d, 6 * n * d * d, 8 * n * d * d])


def patches(images, size):
    rows = [
        [image[i : i + size, j : j + size].ravel() for i in range(0, h, size) for j in range(0, w, size)]
        for image in images
        for h, w in [image.shape]
    ]
    return np.array(rows)


def square_patches(images, size):
    """Only right for square images."""
    side = images.shape[1] // size
    tiles = images.reshape(len(images), side, size, side, size)
    return tiles.transpose(0, 1, 3, 2, 4).reshape(len(images), side**2, -1)


def weights(queries, keys, mask):
    scores = queries @ np.swapaxes(keys, -1, -2) / np.sqrt(keys.shape[-1])
    scores = np.where(mask, scores, -np.inf)
    top = scores.max(axis=-1, keepdims=True)
    e = np.exp(scores - np.where(np.isfinite(top), top, 0))
    return np.divide(e, e.sum(-1, keepdims=True), out=np.zeros_like(e), where=e.sum(-1, keepdims=True) > 0)


def two_axes_only(queries, keys, mask):
    return weights(queries, keys.T.T if keys.ndim == 2 else keys[0], mask)


def heads(queries, keys, values, n_heads):
    parts = []
    for i in range(n_heads):
        q, k, v = (np.split(array, n_heads, axis=1)[i] for array in (queries, keys, values))
        parts.append(scipy_softmax(q @ k.T / np.sqrt(q.shape[1]), axis=1) @ v)
    return np.concatenate(parts, axis=1)


def merge(top_a, total_a, mean_a, top_b, total_b, mean_b):
    share = 1 / (1 + total_a / total_b * np.exp(np.clip(top_a - top_b, -700, 700)))
    return mean_a + share[:, None] * (mean_b - mean_a)


def reinforce(logits, samples, rewards, baseline):
    total = np.zeros(len(logits))
    for k, r in zip(samples, rewards, strict=True):
        total += (r - baseline) * ((np.arange(len(logits)) == k) - np.exp(log_softmax(logits)))
    return total / len(rewards)


RIGHT = {
    "attention.costs": costs,
    "attention.patches": patches,
    "attention.weights": weights,
    "attention.heads": heads,
    "attention.merge": merge,
    "attention.reinforce": reinforce,
}

WRONG: list[WrongAnswer] = [
    (
        "attention.costs",
        lambda n, d: costs(n, d) * [0, 1, 1, 1] + [2 * n * n * d, 0, 0, 0],
        "projections are left out",
    ),
    ("attention.costs", lambda n, d: costs(n, d) - [n * n * d, 0, 0, 0], "mean of the values"),
    ("attention.costs", lambda n, d: costs(n, d) // [1, 2, 2, 2], "input and the state"),
    ("attention.costs", lambda n, d: costs(n, d) - [n * d * d, 0, 0, 0], "projected once more"),
    ("attention.costs", lambda n, d: costs(2, 3), "differ"),
    ("attention.costs", lambda n, d: 2 * costs(n, d), "differ"),  # multiplications and additions apart
    ("attention.patches", lambda x, s: x.reshape(len(x), -1, s * s), "reshape alone"),
    ("attention.patches", lambda x, s: patches(x.swapaxes(1, 2), s), "differ"),
    ("attention.patches", lambda x, s: np.sort(patches(x, s), axis=-1)[..., ::-1], "differ"),
    ("attention.patches", square_patches, "cannot reshape"),
    ("attention.patches", lambda x, s: patches(x, s)[0], "shape"),
    ("attention.patches", lambda x, s: patches(x, 2), "differ"),
    ("attention.weights", lambda q, k, mask: weights(q * np.sqrt(q.shape[-1]), k, mask), "√d"),
    ("attention.weights", lambda q, k, mask: weights(q, k, np.ones_like(mask)), "mask was not used"),
    ("attention.weights", lambda q, k, mask: weights(q, k, ~mask), "turned round"),
    (
        "attention.weights",
        lambda q, k, mask: weights(q, k, np.ones_like(mask)) * mask,
        "sums to less than 1",
    ),
    (
        "attention.weights",
        lambda q, k, mask: scipy_softmax(
            np.where(mask, q @ np.swapaxes(k, -1, -2) / np.sqrt(q.shape[-1]), -np.inf), axis=-1
        ),
        "NaN; it should be 0",
    ),
    (
        "attention.weights",
        lambda q, k, mask: scipy_softmax(
            np.where(mask, q @ np.swapaxes(k, -1, -2) / np.sqrt(q.shape[-1]), -1e9), axis=-1
        ),
        "sees everything evenly",
    ),
    *(
        (
            "attention.weights",
            lambda q, k, mask, fill=fill: (
                mask
                * scipy_softmax(np.where(mask, q @ np.swapaxes(k, -1, -2) / np.sqrt(q.shape[-1]), fill), axis=-1)
            ),
            "finite number for −inf",
        )
        for fill in (-1e9, -1e4)
    ),
    (
        "attention.weights",
        lambda q, k, mask: (
            mask * scipy_softmax(q @ np.swapaxes(k, -1, -2) / np.sqrt(q.shape[-1]) - 1e9 * (1 - mask), axis=-1)
        ),
        "finite number for −inf",
    ),
    ("attention.weights", two_axes_only, "differ"),
    ("attention.weights", lambda q, k, mask: np.full(mask.shape, 1 / mask.shape[-1]), "differ"),
    ("attention.weights", lambda q, k, mask: weights(q, k, mask).swapaxes(-1, -2), "shape"),
    ("attention.heads", lambda q, k, v, h: heads(q, k, v, 1), "must not see each other"),
    ("attention.heads", lambda q, k, v, h: heads(q, k, v, 2), "differ"),
    ("attention.heads", lambda q, k, v, h: heads(q / np.sqrt(h), k, v, h), "Each head has its own d"),
    ("attention.heads", lambda q, k, v, h: heads(q, k, v, h).reshape(len(q), h, -1).mean(1), "side by side"),
    ("attention.heads", lambda q, k, v, h: np.zeros((len(q), v.shape[1])), "differ"),
    ("attention.merge", lambda ta, sa, ma, tb, sb, mb: (ma + mb) / 2, "half of each"),
    ("attention.merge", lambda ta, sa, ma, tb, sb, mb: merge(tb, sa, ma, ta, sb, mb), "wrong sign"),
    ("attention.merge", lambda ta, sa, ma, tb, sb, mb: merge(ta, sa, ma, ta, sb, mb), "rescale"),
    ("attention.merge", lambda ta, sa, ma, tb, sb, mb: merge(ta, sb, ma, tb, sb, mb), "totals are left out"),
    ("attention.merge", lambda ta, sa, ma, tb, sb, mb: ma, "differ"),
    (
        "attention.merge",
        lambda ta, sa, ma, tb, sb, mb: (
            ((sa * np.exp(ta))[:, None] * ma + (sb * np.exp(tb))[:, None] * mb)
            / (sa * np.exp(ta) + sb * np.exp(tb))[:, None]
        ),
        "overflows",
    ),
    (
        "attention.merge",
        lambda ta, sa, ma, tb, sb, mb: (
            (
                (sa * np.exp(ta - np.minimum(ta, tb)))[:, None] * ma
                + (sb * np.exp(tb - np.minimum(ta, tb)))[:, None] * mb
            )
            / (sa * np.exp(ta - np.minimum(ta, tb)) + sb * np.exp(tb - np.minimum(ta, tb)))[:, None]
        ),
        "the lower maximum",
    ),
    ("attention.reinforce", lambda z, k, r, b: -reinforce(z, k, r, b), "sign"),
    ("attention.reinforce", lambda z, k, r, b: len(r) * reinforce(z, k, r, b), "mean is asked"),
    ("attention.reinforce", lambda z, k, r, b: reinforce(z, k, r, 0), "baseline is left out"),
    ("attention.reinforce", lambda z, k, r, b: reinforce(z, k, r + 2 * b, b), "added"),
    ("attention.reinforce", lambda z, k, r, b: (r - b) @ np.eye(len(z))[k] / len(r), "probabilities are left out"),
    ("attention.reinforce", lambda z, k, r, b: reinforce(z, k, r, r.mean()), "differ"),
    ("attention.reinforce", lambda z, k, r, b: np.zeros(len(z)), "differ"),
    ("attention.reinforce", lambda z, k, r, b: reinforce(0 * z, k, r, b), "differ"),
    (
        "attention.reinforce",
        lambda z, k, r, b: (r - b) @ (np.eye(len(z))[k] - np.exp(z) / np.exp(z).sum()) / len(r),
        "differ",
    ),
]


def test_right_answers_pass():
    assert set(RIGHT) == set(CHAPTERS["ch12"]) == set(EXERCISES)
    for name, answer in RIGHT.items():
        assert check(name, answer).status == "correct", check(name, answer)


def test_there_are_enough_wrong_answers():
    assert_enough_wrong_answers("ch12", WRONG)


@pytest.mark.parametrize(("name", "answer", "says"), WRONG)
def test_wrong_answers_are_rejected(name, answer, says):
    assert_rejected(name, answer, says)


@pytest.mark.parametrize("name", CHAPTERS["ch12"])
def test_mistakes_stubs_and_errors(name):
    assert_mistakes_are_named(name, EXERCISES[name])
    assert_stub_is_not_attempted(name)
    assert_error_is_shown(name)
