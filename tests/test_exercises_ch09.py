"""The checker of chapter 09 against the wrong answers that students give."""

import numpy as np
import pytest
from sklearn.metrics import precision_recall_curve

from course_utils.checks import check
from course_utils.exercises import CHAPTERS
from course_utils.exercises.ch09 import EXERCISES
from exercise_answers import (
    assert_enough_wrong_answers,
    assert_error_is_shown,
    assert_mistakes_are_named,
    assert_rejected,
    assert_stub_is_not_attempted,
)


def right_yolo(rows, height, width):
    _, x, y, w, h = rows.T
    return np.stack([(x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height], axis=1)


def right_fit(boxes, photograph, network):
    (height, width), (rows, columns) = photograph, network
    return boxes * (rows / height if rows * width < columns * height else columns / width)


def right_leaks(groups, training, test):
    return sum(groups[i] in set(groups[training].tolist()) for i in test)


def right_means(values, groups, draws):
    return [np.mean(np.concatenate([values[groups == g] for g in draw])) for draw in draws]


def right_kinds(iou, ids, true_ids, at_least=lambda a, b: a >= b, order=(2, 3)):
    taken, kinds = set(), []
    for d, own in enumerate(ids):
        mine = [o for o in range(len(true_ids)) if true_ids[o] == own]
        good = [o for o in mine if at_least(iou[d, o], 0.5)]
        fresh = [o for o in good if o not in taken]
        if fresh:
            taken.add(max(fresh, key=lambda o, d=d: iou[d, o]))
            kinds.append(0)
        elif good:
            kinds.append(1)
        else:
            tests = {
                2: any(at_least(iou[d, o], 0.5) for o in range(len(true_ids)) if o not in mine),
                3: any(at_least(iou[d, o], 0.1) for o in mine),
            }
            kinds.append(next((k for k in order if tests[k]), 4))
    return np.array(kinds, int)


def right_threshold(scores, hits, n_objects):
    def f1(threshold):
        kept = scores >= threshold
        return 2 * hits[kept].sum() / (kept.sum() + n_objects)

    return max(sorted(scores, reverse=True), key=f1)


def rising_threshold(scores, hits, n_objects):
    pairs = sorted(zip(scores, hits, strict=True))
    f1 = [2 * sum(hit for _, hit in pairs[: k + 1]) / (k + 1 + n_objects) for k in range(len(pairs))]
    return pairs[int(np.argmax(f1))][0]


WRONG = [
    ("photographs.yolo_boxes", lambda r, h, w: right_yolo(r, w, h), "exchanged"),
    ("photographs.yolo_boxes", lambda r, h, w: r[:, 1:] * [w, h, w, h], "centre, width and height"),
    ("photographs.yolo_boxes", lambda r, h, w: right_yolo(r, 1, 1), "shares of the photograph"),
    ("photographs.yolo_boxes", lambda r, h, w: right_yolo(r, h, w).astype(int), "values differ"),
    ("photographs.yolo_boxes", lambda r, h, w: np.clip(right_yolo(r, h, w), 0, 1), "values differ"),
    ("photographs.yolo_boxes", lambda r, h, w: right_yolo(r, h, w)[:, [0, 2, 1, 3]], "values differ"),
    ("photographs.yolo_boxes", lambda r, h, w: right_yolo(r, h, w)[0], "shape"),
    ("photographs.fit_boxes", lambda b, p, n: b * [n[1] / p[1], n[0] / p[0]] * 2, "stretched"),
    ("photographs.fit_boxes", lambda b, p, n: b * max(n[0] / p[0], n[1] / p[1]), "sticks out"),
    ("photographs.fit_boxes", lambda b, p, n: b / min(n[0] / p[0], n[1] / p[1]), "way back"),
    ("photographs.fit_boxes", lambda b, p, n: right_fit(b, p, n).astype(int), "values differ"),
    ("photographs.fit_boxes", lambda b, p, n: b, "values differ"),
    ("photographs.fit_boxes", lambda b, p, n: b * n[0] / p[0], "width decides"),
    ("photographs.fit_boxes", lambda b, p, n: b * (n[0] // p[0]), "values differ"),
    ("photographs.leaks", lambda g, a, b: len(set(g[a]) & set(g[b])), "count groups"),
    ("photographs.leaks", lambda g, a, b: len(set(a) & set(b)), "compare the indices"),
    ("photographs.leaks", lambda g, a, b: sum(g[i] == g[j] for i in a for j in b), "pairs"),
    ("photographs.leaks", lambda g, a, b: sum(g[i] in g[b] for i in a), "training part"),
    ("photographs.leaks", lambda g, a, b: right_leaks(g, a, b) > 0, "differ"),
    ("photographs.leaks", lambda g, a, b: len(b) - right_leaks(g, a, b), "differ"),
    ("photographs.group_means", lambda v, g, d: v[d].mean(axis=1), "indices of photographs"),
    (
        "photographs.group_means",
        lambda v, g, d: [np.mean([v[g == k].mean() for k in r]) for r in d],
        "groups' means",
    ),
    ("photographs.group_means", lambda v, g, d: [v[np.isin(g, r)].mean() for r in d], "drawn twice"),
    ("photographs.group_means", lambda v, g, d: np.mean(right_means(v, g, d)), "One number a draw"),
    ("photographs.group_means", lambda v, g, d: np.sort(right_means(v, g, d)), "values differ"),
    ("photographs.group_means", lambda v, g, d: right_means(v, g, d)[:-1], "shape"),
    ("photographs.error_kinds", lambda i, a, b: right_kinds(i, a, b, lambda x, y: x > y), "differ"),
    ("photographs.error_kinds", lambda i, a, b: right_kinds(i, a, b, order=(2,)), "error of place"),
    ("photographs.error_kinds", lambda i, a, b: right_kinds(i, a, b, order=(3, 2)), "differ"),
    ("photographs.error_kinds", lambda i, a, b: right_kinds(i, a, a[: len(b)]), "differ"),
    (
        "photographs.error_kinds",
        lambda i, a, b: np.where(right_kinds(i, a, b) == 1, 0, right_kinds(i, a, b)),
        "once",
    ),
    ("photographs.error_kinds", lambda i, a, b: (right_kinds(i, a, b) > 0).astype(int), "differ"),
    ("photographs.best_threshold", lambda s, h, n: s[h > 0].min(), "differ"),
    ("photographs.best_threshold", lambda s, h, n: s.max(), "precision"),
    ("photographs.best_threshold", rising_threshold, "lowest score first"),
    ("photographs.best_threshold", lambda s, h, n: 0.5, "differ"),
    ("photographs.best_threshold", lambda s, h, n: right_threshold(s, h, h.sum()), "n_objects"),
    ("photographs.best_threshold", lambda s, h, n: np.median(s), "differ"),
    ("photographs.best_threshold", lambda s, h, n: s.min(), "differ"),
]


@pytest.mark.parametrize(("name", "answer", "says"), WRONG)
def test_a_wrong_answer_is_rejected_with_its_feedback(name, answer, says):
    assert_rejected(name, answer, says)


@pytest.mark.parametrize("name", CHAPTERS["ch09"])
def test_every_mistake_is_rejected_with_its_own_words(name):
    assert_mistakes_are_named(name, EXERCISES[name])


def test_every_exercise_is_tried_with_enough_wrong_answers():
    assert_enough_wrong_answers("ch09", WRONG)


RIGHT = dict(
    zip(
        CHAPTERS["ch09"],
        (right_yolo, right_fit, right_leaks, right_means, right_kinds, right_threshold),
        strict=True,
    )
)


@pytest.mark.parametrize("name", CHAPTERS["ch09"])
def test_another_way_to_the_right_answer_is_accepted(name):
    result = check(name, RIGHT[name])
    assert result.status == "correct", result


@pytest.mark.parametrize("name", CHAPTERS["ch09"])
def test_a_stub_is_not_attempted_and_an_error_is_shown(name):
    assert_stub_is_not_attempted(name)
    assert_error_is_shown(name)


def test_the_best_threshold_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    scores = rng.random(40)
    hits = (rng.random(40) < scores).astype(int)
    precision, recall, thresholds = precision_recall_curve(hits, scores)
    f1 = 2 * precision * recall / (precision + recall)
    reference = EXERCISES["photographs.best_threshold"].reference
    assert reference(scores, hits, int(hits.sum())) == pytest.approx(thresholds[f1[:-1].argmax()])
