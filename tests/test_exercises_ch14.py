"""The exercises of chapter 14: right answers pass, typical wrong ones are rejected with their own words."""

import numpy as np
import pytest

from course_utils.checks import check
from course_utils.exercises import CHAPTERS
from course_utils.exercises.ch14 import EXERCISES
from exercise_answers import (
    assert_enough_wrong_answers,
    assert_error_is_shown,
    assert_mistakes_are_named,
    assert_rejected,
    assert_stub_is_not_attempted,
)


def weighted_mean(gradients, counts):
    total, n = 0.0, 0
    for gradient, count in zip(gradients, counts, strict=True):
        total, n = total + gradient * int(count), n + int(count)
    return total / n


def serial_share(speedup, machines):
    return (machines / speedup - 1) / (machines - 1)


def accumulate(gradients, counts, limit):
    mean = weighted_mean(gradients, counts)
    norm = np.sqrt((mean**2).sum())
    return mean if norm <= limit else mean / norm * limit


def step_time(machines, images, image_seconds, n_bytes, bandwidth, latency):
    times = []
    for m in machines.tolist():
        compute = np.ceil(images / m) * image_seconds
        times.append(compute + 2 * (m - 1) * (latency + n_bytes / m / bandwidth))
    return np.array(times)


def ring(chunks, steps):
    state, m = chunks.copy(), len(chunks)
    for k in range(steps):
        for w in range(m):  # what worker w receives is not what it sends: the order does not matter
            state[(w + 1) % m, (w - k) % m] += state[w, (w - k) % m]
    return state


RIGHT = {
    "scaling.weighted_mean": weighted_mean,
    "scaling.serial_share": serial_share,
    "scaling.accumulate": accumulate,
    "scaling.step_time": step_time,
    "scaling.ring": ring,
}


def in_place(chunks, steps):
    chunks[:] = ring(chunks, steps)
    return chunks


WRONG = [
    ("scaling.weighted_mean", lambda gradients, counts: np.average(gradients, axis=0), "plain mean"),
    ("scaling.weighted_mean", lambda gradients, counts: np.sum(gradients, axis=0), "sum of the gradients"),
    ("scaling.weighted_mean", lambda gradients, counts: counts @ gradients, "not divided"),
    ("scaling.weighted_mean", lambda gradients, counts: counts @ gradients / len(gradients), "number of workers"),
    ("scaling.weighted_mean", lambda gradients, counts: np.zeros(gradients.shape[1]), "values differ"),
    ("scaling.weighted_mean", lambda gradients, counts: weighted_mean(gradients, counts)[None], "shape"),
    ("scaling.serial_share", lambda speedup, machines: 1 - speedup / machines, "efficiency"),
    ("scaling.serial_share", lambda speedup, machines: 1 / speedup - 1 / machines, "not divided by 1"),
    ("scaling.serial_share", lambda speedup, machines: (machines - speedup) / (machines - 1), "Gustafson"),
    ("scaling.serial_share", lambda speedup, machines: 1 - serial_share(speedup, machines), "in parallel"),
    ("scaling.serial_share", lambda speedup, machines: 1 / 3, "values differ"),
    ("scaling.accumulate", lambda g, c, limit: accumulate(g, np.ones(len(g), int), limit), "plain mean"),
    ("scaling.accumulate", lambda g, c, limit: weighted_mean(g, c), "not clipped"),
    ("scaling.accumulate", lambda g, c, limit: np.clip(weighted_mean(g, c), -limit, limit), "by itself"),
    (
        "scaling.accumulate",
        lambda g, c, limit: weighted_mean(np.array([accumulate(x[None], [1], limit) for x in g]), c),
        "each part clipped",
    ),
    ("scaling.accumulate", lambda g, c, limit: accumulate(c[:, None] * g, np.ones(len(g)) / len(g), limit), ""),
    ("scaling.step_time", lambda m, b, s, n, w, t: b / m * s + 2 * (m - 1) * (t + n / m / w), "do not divide"),
    ("scaling.step_time", lambda m, b, s, n, w, t: np.ceil(b / m) * s + (m - 1) * (t + n / m / w), "m − 1 rounds"),
    ("scaling.step_time", lambda m, b, s, n, w, t: np.ceil(b / m) * s + 2 * (m - 1) * (t + n / w), "whole vector"),
    ("scaling.step_time", lambda m, b, s, n, w, t: b * s + 2 * (m - 1) * (t + n / m / w), "all images"),
    ("scaling.step_time", lambda m, b, s, n, w, t: np.ceil(b / m) * s, "values differ"),
    ("scaling.ring", lambda chunks, steps: ring(chunks[::-1], steps)[::-1], ""),
    ("scaling.ring", lambda chunks, steps: np.broadcast_to(chunks.sum(axis=0), chunks.shape), "values differ"),
    ("scaling.ring", lambda chunks, steps: ring(chunks, 1), "one step"),
    ("scaling.ring", lambda chunks, steps: ring(chunks, steps + 1), "values differ"),
    ("scaling.ring", in_place, "changed the array"),
]


def test_every_exercise_is_tried():
    assert set(RIGHT) == set(CHAPTERS["ch14"]) == set(EXERCISES)
    assert_enough_wrong_answers("ch14", WRONG)


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_answer_passes(name):
    result = check(name, RIGHT[name])
    assert result.status == "correct", result


@pytest.mark.parametrize(("name", "answer", "says"), WRONG)
def test_a_wrong_answer_is_rejected(name, answer, says):
    assert_rejected(name, answer, says)


@pytest.mark.parametrize("name", CHAPTERS["ch14"])
def test_stubs_errors_and_mistakes(name):
    assert_stub_is_not_attempted(name)
    assert_error_is_shown(name)
    assert_mistakes_are_named(name, EXERCISES[name])


def test_the_ring_ends_with_the_sum():
    """After m − 1 steps worker w holds the sum of piece w + 1."""
    chunks = np.random.default_rng(0).normal(size=(5, 5, 3))
    state = ring(chunks, 4)
    for worker in range(5):
        piece = (worker + 1) % 5
        np.testing.assert_allclose(state[worker, piece], chunks[:, piece].sum(axis=0))
