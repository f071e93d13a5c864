"""The checker of chapter 13 against the wrong answers that students give."""

import itertools

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from scipy.special import entr, logsumexp

from course_utils.checks import check
from course_utils.exercises import CHAPTERS
from course_utils.exercises.ch13 import EXERCISES
from exercise_answers import (
    WrongAnswer,
    assert_enough_wrong_answers,
    assert_error_is_shown,
    assert_mistakes_are_named,
    assert_rejected,
    assert_stub_is_not_attempted,
)


def conditional(joint):
    return sum(p * entr(column / p).sum() for column, p in zip(joint.T, joint.sum(axis=0), strict=True) if p)


def information(joint):
    outer = np.outer(joint.sum(axis=1), joint.sum(axis=0))
    inside = joint > 0
    return (joint[inside] * np.log(joint[inside] / outer[inside])).sum()


def corrected(counts):
    occupied = [np.count_nonzero(c) for c in (counts, counts.sum(axis=0), counts.sum(axis=1))]
    return information(counts / counts.sum()) - (occupied[0] - occupied[1] - occupied[2] + 1) / (2 * counts.sum())


def bound(joint, apart):
    return joint.mean() - logsumexp(apart) + np.log(apart.size)


def iic(p, q):
    joint = np.mean([(np.outer(a, b) + np.outer(b, a)) / 2 for a, b in zip(p, q, strict=True)], axis=0)
    return information(joint)


def fitted(clusters, labels, n):
    table = np.histogram2d(clusters, labels, bins=(np.arange(n + 1), np.arange(n + 1)))[0]
    return linear_sum_assignment(-table)[1]


def held_out(a, b, c, d, n):
    return np.mean(fitted(a, b, n)[c] == d)


def hungarian(gains):
    """With potentials, row by row (Jonker and Volgenant's shortest paths)."""
    n = len(gains)
    u, v = np.zeros(n + 1), np.zeros(n + 1)
    row_of = np.zeros(n + 1, int)
    for i in range(1, n + 1):
        row_of[0], j0 = i, 0
        slack, before, done = np.full(n + 1, np.inf), np.zeros(n + 1, int), np.zeros(n + 1, bool)
        while row_of[j0]:
            done[j0] = True
            new = -gains[row_of[j0] - 1] - u[row_of[j0]] - v[1:]
            better = ~done[1:] & (new < slack[1:])
            slack[1:][better], before[1:][better] = new[better], j0
            j1 = int(np.where(done, np.inf, slack)[1:].argmin()) + 1
            delta = slack[j1]
            u[row_of[done]] += delta
            v[done] -= delta
            slack[~done] -= delta
            j0 = j1
        while j0:
            row_of[j0], j0 = row_of[before[j0]], before[j0]
    found = np.empty(n, int)
    found[row_of[1:] - 1] = np.arange(n)
    return found


RIGHT = {
    "information.conditional": conditional,
    "information.corrected": corrected,
    "information.donsker_varadhan": bound,
    "information.iic": iic,
    "information.held_out": held_out,
    "information.hungarian": hungarian,
}

WRONG: list[WrongAnswer] = [
    ("information.conditional", lambda j: conditional(j.T), "H(Y | X)"),
    ("information.conditional", lambda j: conditional(j) / np.log(2), "base 2"),
    ("information.conditional", lambda j: entr(j).sum(), "joint entropy"),
    ("information.conditional", lambda j: -(j * np.log(j / j.sum(axis=0))).sum(), "not NaN"),
    ("information.conditional", lambda j: information(j), "differ"),
    ("information.conditional", lambda j: 0.5, "differ"),
    ("information.corrected", lambda c: information(c / c.sum()), "no correction at all"),
    ("information.corrected", lambda c: 2 * information(c / c.sum()) - corrected(c), "the sign"),
    (
        "information.corrected",
        lambda c: information(c / c.sum()) - (c.shape[0] - 1) * (c.shape[1] - 1) / (2 * c.sum()),
        "Only the occupied ones count",
    ),
    ("information.corrected", lambda c: max(0, corrected(c)), "cut to 0"),
    ("information.corrected", lambda c: corrected(np.array([[4, 1], [2, 3]])), "differ"),
    ("information.corrected", lambda c: corrected(c[:2, :2]), "differ"),
    ("information.donsker_varadhan", lambda a, b: a.mean() - np.log(np.exp(b).mean()), "overflows"),
    ("information.donsker_varadhan", lambda a, b: -bound(a, b), "to be maximised"),
    ("information.donsker_varadhan", lambda a, b: a.mean() - logsumexp(b), "mean is asked"),
    ("information.donsker_varadhan", lambda a, b: bound(a.astype(np.float16), b.astype(np.float16)), "differ"),
    ("information.donsker_varadhan", lambda a, b: a.mean() - np.exp(b - 1).mean(), "differ"),
    ("information.donsker_varadhan", lambda a, b: bound(a, b[: len(a)]), "differ"),
    ("information.iic", lambda p, q: information(p.T @ q / len(p)), "not symmetrised"),
    ("information.iic", lambda p, q: information(np.outer(p.mean(axis=0), q.mean(axis=0))), "0 always"),
    ("information.iic", lambda p, q: -iic(p, q), "information itself"),
    ("information.iic", lambda p, q: np.log(p.shape[1]), "differ"),
    ("information.iic", lambda p, q: iic(p, p), "differ"),
    ("information.held_out", lambda a, b, c, d, n: held_out(c, d, c, d, n), "fitted on the test labels"),
    ("information.held_out", lambda a, b, c, d, n: held_out(a, b, a, b, n), "scored on the training digits"),
    ("information.held_out", lambda a, b, c, d, n: np.mean(c == d), "no mapping"),
    ("information.held_out", lambda a, b, c, d, n: held_out(a, b, c, d, n) * 100, "differ"),
    ("information.held_out", lambda a, b, c, d, n: 0.5, "differ"),
    ("information.hungarian", lambda g: g.argmax(axis=1), "Two rows may want the same one"),
    ("information.hungarian", lambda g: linear_sum_assignment(g)[1], "smallest total"),
    ("information.hungarian", lambda g: np.argsort(hungarian(g)), "for each row, its column"),
    ("information.hungarian", lambda g: np.arange(len(g)), "differ"),
    ("information.hungarian", lambda g: hungarian(g[:3, :3]), "shape"),
]


def test_right_answers_pass():
    assert set(RIGHT) == set(CHAPTERS["ch13"]) == set(EXERCISES)
    for name, answer in RIGHT.items():
        assert check(name, answer).status == "correct", check(name, answer)


def test_trying_all_orders_takes_too_long():
    def best_of_all(gains):
        rows = range(len(gains))
        return np.array(max(itertools.permutations(rows), key=lambda order: gains[rows, order].sum()))

    result = check("information.hungarian", best_of_all, time_limit=0.5)
    assert result.status == "error"
    assert "0.5" in result.message


def test_there_are_enough_wrong_answers():
    assert_enough_wrong_answers("ch13", WRONG)


@pytest.mark.parametrize(("name", "answer", "says"), WRONG)
def test_wrong_answers_are_rejected(name, answer, says):
    assert_rejected(name, answer, says)


@pytest.mark.parametrize("name", CHAPTERS["ch13"])
def test_mistakes_stubs_and_errors(name):
    assert_mistakes_are_named(name, EXERCISES[name])
    assert_stub_is_not_attempted(name)
    assert_error_is_shown(name)
