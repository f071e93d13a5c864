"""The checker of chapter 03 against the wrong answers that students give."""

import numpy as np
import pytest

from course_utils.checks import check
from course_utils.exercises import CHAPTERS
from course_utils.exercises.ch03 import EXERCISES
from exercise_answers import WrongAnswer, assert_enough_wrong_answers, assert_mistakes_are_named, assert_rejected


def softened(z, t=1.0):
    e = np.exp((z - z.max(axis=-1, keepdims=True)) / t)
    return e / e.sum(axis=-1, keepdims=True)


def log_softened(z, t=1.0):
    z = (z - z.max(axis=-1, keepdims=True)) / t
    return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))


def soft(z, s, t):
    return -(softened(z, t) * log_softened(s, t)).sum(axis=-1)


def hard(s, y, t=1.0):
    return -log_softened(s, t)[np.arange(len(y)), y]


def right_bias(z, y, c, biases):
    return np.array([((z + b * (np.arange(z.shape[1]) == c)).argmax(1) == y).mean() for b in biases])


def bias_in_place(z, y, c, biases):
    z = z.copy()
    found = []
    for b in biases:
        z[:, c] += b
        found.append((z.argmax(1) == y).mean())
    return np.array(found)


def argument_altered(z, y, c, biases):
    answer = right_bias(z, y, c, biases)
    z[:, c] += biases[-1]
    return answer


def textbook(z, t=1.0):
    return np.exp(z / t) / np.exp(z / t).sum(-1, keepdims=True)


def log_textbook(z, t=1.0):
    return np.log(textbook(z, t))


def log_of_softened(z, t=1.0):
    return np.log(softened(z, t))


def own_soft(log, p=softened):
    return lambda z, s, t: -(t**2) * (p(z, t) * log(s, t)).sum(-1)


def own_hard(log):
    return lambda s, y: -log(s)[np.arange(len(y)), y]


def own_terms(soft_term, hard_term):
    return lambda z, s, y, t, a, b: (a * soft_term(z, s, t) + b * hard_term(s, y)) / (a + b)


FLOORED = [
    lambda z, t=1.0: np.log(softened(z, t) + 1e-8),
    lambda z, t=1.0: np.log(softened(z, t) + 1e-15),
    *(
        lambda z, t=1.0, floor=floor: np.log(softened(z, t).clip(floor, 1))
        for floor in (1e-8, 1e-10, 1e-12, 1e-15, 1e-300)
    ),
    *(lambda z, t=1.0, floor=floor: np.log(softened(z, t).clip(floor, 1 - floor)) for floor in (1e-7, 1e-8)),
]

RIGHT = {
    "distillation.soft_loss": lambda z, s, t: t**2 * soft(z, s, t),
    "distillation.gradient": lambda z, s, t: (softened(s, t) - softened(z, t)) / t,
    "distillation.combined": lambda z, s, y, t, a, b: (a * t**2 * soft(z, s, t) + b * hard(s, y)) / (a + b),
    "distillation.resoften": lambda p, t: p ** (1 / t) / (p ** (1 / t)).sum(-1, keepdims=True),
    "distillation.weights": lambda a, b, t: (a / (a + b * t**2), b * t**2 / (a + b * t**2)),
    "distillation.raised_bias": right_bias,
}

WRONG: list[WrongAnswer] = [
    ("distillation.soft_loss", soft, "factor T² is missing"),
    ("distillation.soft_loss", lambda z, s, t: t * soft(z, s, t), "factor is T"),
    ("distillation.soft_loss", lambda z, s, t: t**2 * soft(z, s, t) / z.shape[1], "mean over the classes"),
    ("distillation.raised_bias", lambda z, y, c, biases: right_bias(z, y, c, -biases), "subtracted"),
    (
        "distillation.soft_loss",
        lambda z, s, t: -(t**2) * (softened(z, t) * log_softened(s)).sum(-1),
        "student's logits were not divided",
    ),
    ("distillation.soft_loss", lambda z, s, t: t**2 * soft(s, z, t), "roles are swapped"),
    ("distillation.soft_loss", lambda z, s, t: t**2 * (soft(z, s, t) - soft(z, z, t)), "divergence"),
    (
        "distillation.soft_loss",
        lambda z, s, t: -(t**2) * (softened(z, t) * np.log(softened(s, t))).sum(-1),
        "rounded to 0",
    ),
    ("distillation.soft_loss", lambda z, s, t: np.mean(t**2 * soft(z, s, t)), "One value an image"),
    ("distillation.soft_loss", lambda z, s, t: ((z - s) ** 2).mean(-1), "values differ"),
    ("distillation.gradient", lambda z, s, t: (softened(z, t) - softened(s, t)) / t, "direction of descent"),
    ("distillation.gradient", lambda z, s, t: softened(s, t) - softened(z, t), "chain rule"),
    ("distillation.gradient", lambda z, s, t: (softened(s, t) - softened(z, t)) / t**2, "twice"),
    ("distillation.gradient", lambda z, s, t: (softened(s, t) - softened(z, t)) * t, "T² is in it"),
    ("distillation.gradient", lambda z, s, t: (softened(s) - softened(z)) / t, "taken at T = 1"),
    ("distillation.gradient", lambda z, s, t: (s - z) / t**2, "values differ"),
    ("distillation.combined", lambda z, s, y, t, a, b: a * t**2 * soft(z, s, t) + b * hard(s, y), "alpha + beta"),
    (
        "distillation.combined",
        lambda z, s, y, t, a, b: (a * t**2 * soft(z, s, t) + b * hard(s, y, t)) / (a + b),
        "softened too",
    ),
    (
        "distillation.combined",
        lambda z, s, y, t, a, b: (b * t**2 * soft(z, s, t) + a * hard(s, y)) / (a + b),
        "swapped",
    ),
    (
        "distillation.combined",
        lambda z, s, y, t, a, b: (a * soft(z, s, t) + b * hard(s, y)) / (a + b),
        "factor T² is missing",
    ),
    (
        "distillation.combined",
        lambda z, s, y, t, a, b: np.mean(a * t**2 * soft(z, s, t) + b * hard(s, y)) / (a + b),
        "One value an image",
    ),
    ("distillation.combined", lambda z, s, y, t, a, b: t**2 * soft(z, s, t), "values differ"),
    (
        "distillation.combined",
        lambda z, s, y, t, a, b: a * t**2 * soft(z, s, t) + b * hard(s, y) / (a + b),
        "brackets",
    ),
    ("distillation.resoften", lambda p, t: p, "normalised, which is p again"),
    ("distillation.resoften", softened, "treated as logits"),
    ("distillation.resoften", lambda p, t: p ** (1 / t), "divide by it"),
    ("distillation.resoften", lambda p, t: p**t / (p**t).sum(-1, keepdims=True), "sharpens"),
    ("distillation.resoften", lambda p, t: p / t, "sums to 1/T"),
    ("distillation.resoften", lambda p, t: p ** (1 / t) / (p ** (1 / t)).sum(), "Each row sums to 1"),
    ("distillation.resoften", lambda p, t: softened(np.log(np.clip(p, 1e-9, 1)), t), "what is 0 stays 0"),
    ("distillation.resoften", lambda p, t: softened(np.log(p + 1e-12), t), "what is 0 stays 0"),
    ("distillation.resoften", lambda p, t: softened(np.log(p + 1e-300), t), "what is 0 stays 0"),
    ("distillation.resoften", lambda p, t: p**1 / t, "The exponent is (1 / T)"),
    ("distillation.resoften", lambda p, t: p / t + (1 - 1 / t) / p.shape[1], "values differ"),
    ("distillation.weights", lambda a, b, t: np.array([a, b]) / (a + b), "T does not matter"),
    ("distillation.weights", lambda a, b, t: np.array([a / t, b]) / (a / t + b), "missing factor is T²"),
    ("distillation.weights", lambda a, b, t: np.array([a * t**2, b]) / (a * t**2 + b), "multiplied by T²"),
    ("distillation.weights", lambda a, b, t: np.array([a / t**2, b]), "sum to 1"),
    ("distillation.weights", lambda a, b, t: np.array([b, a / t**2]) / (a / t**2 + b), "order"),
    ("distillation.weights", lambda a, b, t: a / t**2, "shape"),
    ("distillation.raised_bias", bias_in_place, "again and again"),
    ("distillation.raised_bias", lambda z, y, c, b: np.array([(z.argmax(1) == y).mean()] * len(b)), "every class"),
    ("distillation.raised_bias", lambda z, y, c, b: right_bias(softened(z), y, c, b), "probabilities"),
    ("distillation.raised_bias", lambda z, y, c, b: right_bias(z[y == c], y[y == c], c, b), "of that class only"),
    ("distillation.raised_bias", lambda z, y, c, b: 1 - right_bias(z, y, c, b), "share of errors"),
    ("distillation.raised_bias", argument_altered, "changed the array"),
    ("distillation.raised_bias", lambda z, y, c, b: right_bias(z, y, c, -b), "values differ"),
    # further ones: another power of T, one side softened, the wrong column, another unit
    ("distillation.soft_loss", lambda z, s, t: -(t**2) * soft(z, s, t), "minus sign"),
    ("distillation.soft_loss", lambda z, s, t: t**2 * soft(z, s, 1), "in the factor only"),
    ("distillation.soft_loss", lambda z, s, t: (t**2 * soft(z, s, t)).sum(), "the sum over the images"),
    (
        "distillation.soft_loss",
        lambda z, s, t: -(t**2) * (softened(z) * log_softened(s, t)).sum(-1),
        "teacher's logits were not divided",
    ),
    (
        "distillation.soft_loss",
        lambda z, s, t: -(t**2) * (softened(z, t) * np.log(softened(s, t).clip(1e-12))).sum(-1),
        "caps the loss",
    ),
    ("distillation.soft_loss", lambda z, s, t: t**2 * -log_softened(s, t)[range(len(z)), z.argmax(1)], "differ"),
    ("distillation.soft_loss", lambda z, s, t: t**2 * soft(z, s, 1 / t), "values differ"),
    ("distillation.soft_loss", lambda z, s, t: t**2 * ((softened(z, t) - softened(s, t)) ** 2).sum(-1), "differ"),
    ("distillation.soft_loss", lambda z, s, t: t**2 * soft(z, s, t) / np.log(2), "values differ"),
    ("distillation.soft_loss", lambda z, s, t: -(t**2) * softened(z, t) * log_softened(s, t), "shape"),
    ("distillation.gradient", lambda z, s, t: (softened(s) - softened(z, t)) / t, "only the teacher"),
    ("distillation.gradient", lambda z, s, t: (softened(s, t) - softened(z)) / t, "only the student"),
    ("distillation.gradient", lambda z, s, t: (softened(s, t) - softened(z, t)) / t / len(z), "of the mean"),
    ("distillation.gradient", lambda z, s, t: softened(s) - softened(z), "temperature is missing"),
    ("distillation.gradient", lambda z, s, t: -softened(z, t) / softened(s, t) / t, "values differ"),
    ("distillation.gradient", lambda z, s, t: softened(s, t) / t, "values differ"),
    ("distillation.gradient", lambda z, s, t: ((softened(s, t) - softened(z, t)) / t).mean(0), "shape"),
    (
        "distillation.combined",
        lambda z, s, y, t, a, b: a * t**2 * soft(z, s, t) + (1 - a) * hard(s, y),
        "1 − alpha",
    ),
    ("distillation.combined", lambda z, s, y, t, a, b: a * soft(z, s, t) + b * hard(s, y), "two things"),
    (
        "distillation.combined",
        lambda z, s, y, t, a, b: (a * t * soft(z, s, t) + b * hard(s, y)) / (a + b),
        "is T and",
    ),
    (
        "distillation.combined",
        lambda z, s, y, t, a, b: (a * t**2 * (soft(z, s, t) - soft(z, z, t)) + b * hard(s, y)) / (a + b),
        "divergence",
    ),
    (
        "distillation.combined",
        lambda z, s, y, t, a, b: (a * t**2 * soft(s, z, t) + b * hard(s, y)) / (a + b),
        "teacher and student are swapped",
    ),
    (
        "distillation.combined",
        lambda z, s, y, t, a, b: (a * t**2 * soft(z, s, 1) + b * hard(s, y)) / (a + b),
        "in the factor only",
    ),
    (
        "distillation.combined",
        lambda z, s, y, t, a, b: ((a * t**2 * soft(z, s, t) + b * hard(s, y)) / (a + b)).sum(),
        "the sum over the images",
    ),
    ("distillation.combined", lambda z, s, y, t, a, b: (a * t**2 * soft(z, s, t) + b * hard(s, y)) / 2, "differ"),
    (
        "distillation.combined",
        lambda z, s, y, t, a, b: t**2 * (a * soft(z, s, t) + b * hard(s, y)) / (a + b),
        "T² on both terms",
    ),
    (
        "distillation.combined",
        lambda z, s, y, t, a, b: (a * t**2 * soft(z, s, t) + b * hard(z, y)) / (a + b),
        "the label was compared with the teacher",
    ),
    ("distillation.combined", lambda z, s, y, t, a, b: hard(s, y), "values differ"),
    ("distillation.resoften", lambda p, t: p**t, "values differ"),
    ("distillation.resoften", lambda p, t: np.log(p) / t, "values differ"),
    ("distillation.resoften", lambda p, t: np.full(p.shape, 1 / p.shape[1]), "values differ"),
    ("distillation.resoften", lambda p, t: (q := p ** (1 / t)) / q.sum(0), "values differ"),
    (
        "distillation.resoften",
        lambda p, t: (q := np.maximum(p, 1e-3) ** (1 / t)) / q.sum(-1, keepdims=True),
        "differ",
    ),
    ("distillation.weights", lambda a, b, t: np.array([a, b]), "values differ"),
    ("distillation.weights", lambda a, b, t: np.array([a / t**2, b]) / (a + b), "the old sum"),
    ("distillation.weights", lambda a, b, t: np.array([a / t**2, 1 - a / t**2]), "the rest went"),
    ("distillation.weights", lambda a, b, t: np.array([a, b * t**2]), "ratio is right"),
    ("distillation.weights", lambda a, b, t: [0.5, 0.5], "values differ"),
    ("distillation.raised_bias", lambda z, y, c, b: right_bias(z, y, c - 1, b), "column before"),
    ("distillation.raised_bias", lambda z, y, c, b: right_bias(z, y, 0, b), "values differ"),
    ("distillation.raised_bias", lambda z, y, c, b: right_bias(z, y, c, b) * len(y), "number of right answers"),
    ("distillation.raised_bias", lambda z, y, c, b: right_bias(z, 0 * y + c, c, b), "answers that are this class"),
    (
        "distillation.raised_bias",
        lambda z, y, c, b: np.array(
            [(np.where(np.arange(z.shape[1]) == c, k, z).argmax(1) == y).mean() for k in b]
        ),
        "took the place",
    ),
    ("distillation.raised_bias", lambda z, y, c, b: right_bias(z, y, c, b).max(), "shape"),
    ("distillation.raised_bias", lambda z, y, c, b: right_bias(z, y, c, b[::-1]), "values differ"),
    # a softmax and its logarithm by hand, in one term or in both
    *(("distillation.soft_loss", own_soft(log), "caps the loss") for log in FLOORED),
    *(
        ("distillation.combined", own_terms(soft_term, hard_term), "caps the loss")
        for log in FLOORED
        for soft_term, hard_term in (
            (own_soft(log), own_hard(log)),
            (own_soft(log), hard),
            (own_soft(log_softened), own_hard(log)),
        )
    ),
    *(
        ("distillation.soft_loss", own_soft(log, p), "maximum of each row was not subtracted")
        for log, p in (
            (log_textbook, textbook),
            (log_textbook, softened),
            (log_of_softened, textbook),
            (log_softened, textbook),
        )
    ),
    ("distillation.soft_loss", lambda z, s, t: soft(z, s, 1.0), "the temperature is missing"),
    *(
        (
            "distillation.gradient",
            lambda z, s, t, p=p, q=q: (q(s, t) - p(z, t)) / t,
            "maximum of each row was not subtracted",
        )
        for p, q in ((textbook, textbook), (textbook, softened), (softened, textbook))
    ),
    *(
        ("distillation.combined", own_terms(soft_term, hard_term), "maximum of each row was not subtracted")
        for soft_term, hard_term in (
            (own_soft(log_textbook, textbook), own_hard(log_textbook)),
            (own_soft(log_textbook, textbook), hard),
            (own_soft(log_textbook), hard),
            (own_soft(log_softened, textbook), hard),
        )
    ),
    *(
        ("distillation.combined", own_terms(soft_term, hard_term), "rounded to 0")
        for soft_term, hard_term in (
            (own_soft(log_of_softened), own_hard(log_of_softened)),
            (own_soft(log_of_softened), hard),
            (own_soft(log_softened), own_hard(log_of_softened)),
        )
    ),
    (
        "distillation.combined",
        lambda z, s, y, t, a, b: RIGHT["distillation.combined"](s, z, y, t, a, b),
        "both terms",
    ),
    (
        "distillation.resoften",
        lambda p, t: softened(np.log(np.where(p > 0, p, 1)), t),
        "a 1 inside the logarithm",
    ),
]


@pytest.mark.parametrize(("name", "answer", "says"), WRONG)
def test_a_wrong_answer_is_rejected_with_its_feedback(name, answer, says):
    assert_rejected(name, answer, says)


@pytest.mark.parametrize("seed", range(1, 9))
def test_biases_that_add_up_are_found_whatever_the_seed(seed):
    assert check("distillation.raised_bias", bias_in_place, seed=seed).status == "wrong"


@pytest.mark.parametrize("name", CHAPTERS["ch03"])
def test_a_right_answer_written_in_another_way_is_accepted(name):
    result = check(name, RIGHT[name])
    assert result.status == "correct", result


@pytest.mark.parametrize("name", CHAPTERS["ch03"])
def test_every_mistake_is_rejected_with_its_own_words(name):
    assert_mistakes_are_named(name, EXERCISES[name])


def test_every_exercise_is_tried_with_enough_wrong_answers():
    assert_enough_wrong_answers("ch03", WRONG)


@pytest.mark.parametrize("name", CHAPTERS["ch03"])
def test_a_stub_is_not_attempted(name):
    assert check(name, lambda *arguments: ...).status == "not attempted"
