"""Matching, average precision and scores at a threshold, against pycocotools, scikit-learn and by hand."""

import runpy
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_curve as sklearn_curve

from course_utils.metrics import (
    Annotations,
    Detections,
    best_score_threshold,
    bootstrap_interval,
    bootstrap_map,
    detection_scores,
    map_interval,
    match_detections,
    mean_average_precision,
    precision_recall_curve,
)

BENCHMARK = runpy.run_path(str(Path(__file__).parents[1] / "benchmarks" / "detection_metrics.py"))
THRESHOLDS = np.linspace(0.5, 0.95, 10)
KINDS = ("coco", "voc2007", "voc2010")
NOTHING = Detections([], [], [])
EMPTY = Annotations([], [])


def random_case(seed, n_images=None, n_classes=None, ties=None):
    """Few images of few objects; a third of the cases with coarse scores, empty images and absent classes."""
    rng = np.random.default_rng(seed)
    n_images = n_images or int(rng.integers(1, 7))
    n_classes = n_classes or int(rng.integers(1, 5))
    ties = rng.random() < 0.4 if ties is None else ties
    truths, guesses = [], []
    for _ in range(n_images):
        n_objects = int(rng.integers(0, 6)) * (rng.random() < 0.8)
        corner = rng.uniform(0, 60, (n_objects, 2))
        objects = np.concatenate([corner, corner + rng.uniform(5, 40, (n_objects, 2))], axis=1)
        ids = rng.integers(0, n_classes, n_objects)
        repeated = rng.integers(0, 4, n_objects)
        near = np.repeat(objects, repeated, axis=0)
        near = np.sort((near + rng.normal(0, 2, near.shape)).reshape(-1, 2, 2), axis=1).reshape(-1, 4)
        n_false = int(rng.integers(0, 6))
        corner = rng.uniform(0, 60, (n_false, 2))
        boxes = np.concatenate([near, np.concatenate([corner, corner + rng.uniform(5, 40, (n_false, 2))], axis=1)])
        guess_ids = np.concatenate([np.repeat(ids, repeated), rng.integers(0, n_classes + 1, n_false)])
        wrong = rng.random(len(guess_ids)) < 0.1
        guess_ids = np.where(wrong, rng.integers(0, n_classes, len(guess_ids)), guess_ids)
        scores = rng.random(len(boxes))
        order = rng.permutation(len(boxes))
        scores = np.round(scores, 1) if ties else scores
        truths.append(Annotations(objects, ids))
        guesses.append(Detections(boxes[order], scores[order], guess_ids[order].astype(int)))
    return truths, guesses


def pixels(*corners):
    return Annotations(list(corners), [0] * len(corners))


def loop_match(truth, guess, threshold):
    """The definition, one detection after the other."""
    found, free = [-1] * len(guess.scores), set(range(len(truth.boxes)))
    for d in sorted(range(len(guess.scores)), key=lambda d: (-guess.scores[d], d)):
        best, chosen = threshold, -1
        for g in sorted(free):
            if truth.class_ids[g] == guess.class_ids[d] and overlap(truth.boxes[g], guess.boxes[d]) >= best:
                best, chosen = overlap(truth.boxes[g], guess.boxes[d]), g
        if chosen >= 0:
            free.remove(chosen)
            found[d] = chosen
    return found


def overlap(a, b):
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    return shared / union if union else 0


def loop_average_precision(truths, guesses, class_id, threshold, kind):
    """One class, from the definition: lists, loops and maxima."""
    rows = []
    for truth, guess in zip(truths, guesses, strict=True):
        found = loop_match(truth, guess, threshold)
        rows += [(-guess.scores[d], found[d] >= 0) for d in range(len(found)) if guess.class_ids[d] == class_id]
    n_objects = sum(int(np.sum(truth.class_ids == class_id)) for truth in truths)
    points, hits = [], 0
    for k, (_, hit) in enumerate(sorted(rows, key=lambda row: row[0])):
        hits += hit
        points.append((hits / n_objects, hits / (k + 1)))

    def interpolated(level):
        return max([precision for recall, precision in points if recall >= level], default=0)

    if kind == "voc2007":
        return sum(interpolated(i / 10) for i in range(11)) / 11
    return sum(interpolated(k / n_objects) for k in range(1, n_objects + 1)) / n_objects


@pytest.mark.parametrize("block", range(10))
def test_it_is_pycocotools(block):
    compared = 0
    for seed in range(40 * block, 40 * block + 40):
        truths, guesses = random_case(seed)
        if not any(len(one.boxes) for one in [*truths, *guesses]):
            continue
        theirs = BENCHMARK["coco_precision"](BENCHMARK["coco_judge"](truths, guesses, THRESHOLDS))
        ours = mean_average_precision(truths, guesses, THRESHOLDS)
        np.testing.assert_allclose(
            ours.precision.transpose(0, 2, 1), np.where(theirs < 0, np.nan, theirs), atol=1e-9
        )
        if (theirs > -1).any():
            assert ours.map == pytest.approx(theirs[theirs > -1].mean(), abs=1e-9)
            compared += 1
        else:
            assert np.isnan(ours.map)
        for column, class_id in enumerate(ours.class_ids):
            known = theirs[:, :, column]
            expected = known.mean() if (known > -1).all() else np.nan
            assert ours.per_class[class_id] == pytest.approx(expected, abs=1e-9, nan_ok=True)
    assert compared >= 30


def test_it_is_pycocotools_where_overlaps_and_scores_are_equal_and_thresholds_are_met_exactly():
    for seed in range(100):
        rng = np.random.default_rng(seed)

        def boxes(n, rng=rng):
            corner = rng.integers(0, 4, (n, 2))
            return np.concatenate([corner, corner + rng.integers(1, 5, (n, 2))], axis=1)

        truths, guesses = [], []
        for n, m in zip(rng.integers(0, 6, 3), rng.integers(0, 12, 3), strict=True):
            truths.append(Annotations(boxes(n), rng.integers(0, 2, n)))
            guesses.append(Detections(boxes(m), rng.integers(0, 4, m) / 4, rng.integers(0, 3, m)))
        thresholds = [1 / 3, 0.5, 0.6, 2 / 3, 0.75, 0.8, 1]
        theirs = BENCHMARK["coco_precision"](BENCHMARK["coco_judge"](truths, guesses, thresholds))
        ours = mean_average_precision(truths, guesses, thresholds).precision.transpose(0, 2, 1)
        np.testing.assert_allclose(ours, np.where(theirs < 0, np.nan, theirs), atol=1e-9)


@pytest.mark.parametrize("block", range(5))
@pytest.mark.parametrize("kind", ["voc2007", "voc2010"])
def test_vocs_are_their_definitions(block, kind):
    for seed in range(1000 + 20 * block, 1020 + 20 * block):
        truths, guesses = random_case(seed)
        ours = mean_average_precision(truths, guesses, [0.5, 0.75], kind)
        for row, threshold in enumerate([0.5, 0.75]):
            for column, class_id in enumerate(ours.class_ids):
                value = ours.average_precision[row, column]
                if any(class_id in truth.class_ids for truth in truths):
                    expected = loop_average_precision(truths, guesses, class_id, threshold, kind)
                    assert value == pytest.approx(expected, abs=1e-12)
                else:
                    assert np.isnan(value)


@pytest.mark.parametrize("seed", range(100))
def test_matching_is_its_definition(seed):
    truths, guesses = random_case(seed)
    for threshold in (0.01, 0.5, 0.8):
        for truth, guess in zip(truths, guesses, strict=True):
            found = match_detections(truth, guess, threshold)
            assert found.tolist() == loop_match(truth, guess, threshold)
            taken = found[found >= 0]
            assert len(set(taken.tolist())) == len(taken)
            assert (truth.class_ids[taken] == guess.class_ids[found >= 0]).all()


@pytest.mark.parametrize("seed", range(20))
def test_the_curve_is_scikit_learns(seed):
    truths, guesses = random_case(2000 + seed, n_images=5, n_classes=1, ties=False)
    ours = precision_recall_curve(truths, guesses, class_id=0)
    hit = np.concatenate(
        [match_detections(*pair, 0.5)[pair[1].class_ids == 0] >= 0 for pair in zip(truths, guesses, strict=True)]
    )
    scores = np.concatenate([guess.scores[guess.class_ids == 0] for guess in guesses])
    n_objects = sum(len(truth.boxes) for truth in truths)
    if not hit.any():
        pytest.skip("scikit-learn's recall is relative to what was found")
    precision, recall, thresholds = sklearn_curve(hit, scores)
    np.testing.assert_allclose(ours.scores[::-1], thresholds)
    np.testing.assert_allclose(ours.precision[::-1], precision[:-1])
    # Scikit-learn knows no objects that nothing found.
    np.testing.assert_allclose(ours.recall[::-1], recall[:-1] * hit.sum() / n_objects)


def test_five_detections_by_hand():
    """Right, wrong, right, wrong, right, of four objects."""
    truth = pixels([0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10], [60, 0, 70, 10])
    boxes = [[0, 0, 10, 10], [100, 0, 110, 10], [20, 0, 30, 8], [0, 0, 10, 9], [40, 0, 50, 6]]
    found = Detections(boxes, [0.9, 0.8, 0.7, 0.6, 0.5], [0] * 5)
    assert match_detections(truth, found, 0.5).tolist() == [0, -1, 1, -1, 2]
    curve = precision_recall_curve([truth], [found], 0)
    np.testing.assert_allclose(curve.precision, [1, 1 / 2, 2 / 3, 2 / 4, 3 / 5])
    np.testing.assert_allclose(curve.recall, [0.25, 0.25, 0.5, 0.5, 0.75])
    # The envelope: 1 up to a recall of 1/4, 2/3 up to 1/2, 3/5 up to 3/4, then 0.
    area = 0.25 * (1 + 2 / 3 + 3 / 5)
    expected = {
        "voc2010": area,
        "voc2007": (3 * 1 + 3 * 2 / 3 + 2 * 3 / 5) / 11,  # 0, .1, .2; .3, .4, .5; .6, .7
        "coco": (26 * 1 + 25 * 2 / 3 + 25 * 3 / 5) / 101,  # 0 to .25; .26 to .5; .51 to .75
    }
    for kind, value in expected.items():
        result = mean_average_precision([truth], [found], interpolation=kind)
        assert result.map == pytest.approx(value)
        assert result.per_class == {0: pytest.approx(value)}
    # The third overlaps by exactly 0.8, which is enough at 0.8; the fifth by 0.6 only.
    assert match_detections(truth, found, 0.8).tolist() == [0, -1, 1, -1, -1]
    scores = detection_scores([truth], [found], 0.65)
    assert scores[:3] == pytest.approx((2 / 3, 2 / 4, 4 / 7))
    assert scores.mean_iou == pytest.approx((1 + 0.8) / 2)
    assert (scores.true_positives, scores.false_positives, scores.false_negatives) == (2, 1, 2)
    # F1 down to each score: 2/5, 2/6, 4/7, 4/8, 6/9.
    assert best_score_threshold([truth], [found]) == 0.5


@pytest.mark.parametrize("interpolation", ["coco", "voc2007", "voc2010"])
def test_a_perfect_detector_scores_one_and_not_a_rounding_more(interpolation):
    for n in (1, 3, 7, 10, 49, 93):
        truth = pixels(*([20 * i, 0, 20 * i + 10, 10] for i in range(n)))
        found = Detections(truth.boxes, np.linspace(0.9, 0.5, n), [0] * n)
        result = mean_average_precision([truth], [found], interpolation=interpolation).map
        assert 1 - 1e-12 <= result <= 1


def test_recall_levels_that_ten_objects_reach_exactly_are_reached():
    """3 of 10 found reach the level 0.3, whatever 3 × 0.1 is in floating point."""
    truth = pixels(*([20 * i, 0, 20 * i + 10, 10] for i in range(10)))
    for n in range(11):
        found = Detections(truth.boxes[:n], np.linspace(0.9, 0.5, n), [0] * n)
        assert mean_average_precision([truth], [found], interpolation="voc2007").map == pytest.approx(
            (n + 1) / 11 if n else 0
        )


class TestWhatCarelessAccountingGetsWrong:
    """Each of these scores perfectly where boxes are merely paired with the object that they overlap most."""

    def test_spurious_boxes_cost_precision(self):
        spurious = [[100 + 20 * i, 0, 110 + 20 * i, 10] for i in range(50)]
        found = Detections([[0, 0, 10, 10], *spurious], np.linspace(0.99, 0.5, 51), [0] * 51)
        scores = detection_scores([pixels([0, 0, 10, 10])], [found], 0.5)
        assert scores.precision == pytest.approx(1 / 51)
        assert scores.recall == 1

    def test_one_shared_pixel_is_no_find(self):
        truth, found = pixels([0, 0, 100, 100]), Detections([[99, 99, 199, 199]], [0.9], [0])
        scores = detection_scores([truth], [found], 0.5)
        assert scores[:3] == (0, 0, 0)
        assert np.isnan(scores.mean_iou)
        assert mean_average_precision([truth], [found]).map == 0

    def test_one_box_finds_one_object(self):
        truth, found = pixels([0, 0, 10, 10], [0, 1, 10, 11]), Detections([[0, 0, 10, 10]], [0.9], [0])
        assert detection_scores([truth], [found], 0.5)[:2] == (1, 0.5)

    def test_two_boxes_on_one_object_are_one_find(self):
        found = Detections([[0, 0, 10, 10], [0, 0, 10, 10]], [0.9, 0.8], [0, 0])
        assert detection_scores([pixels([0, 0, 10, 10])], [found], 0.5)[:2] == (0.5, 1)

    def test_a_wrong_label_is_a_false_alarm_and_a_miss(self):
        truth = Annotations([[0, 0, 10, 10], [20, 0, 30, 10]], [1, 2])
        scores = detection_scores([truth], [Detections(truth.boxes, [0.9, 0.9], [1, 1])], 0.5)
        assert (scores.precision, scores.recall) == (0.5, 0.5)
        assert (scores.true_positives, scores.false_positives, scores.false_negatives) == (1, 1, 1)

    def test_nothing_overlaps(self):
        scores = detection_scores([pixels([0, 0, 10, 10])], [Detections([[50, 0, 60, 10]], [0.9], [0])], 0.5)
        assert scores[:3] == (0, 0, 0)

    def test_nothing_detected_has_no_precision(self):
        scores = detection_scores([pixels([0, 0, 10, 10])], [NOTHING], 0.5)
        assert np.isnan(scores.precision)
        assert (scores.recall, scores.f1) == (0, 0)
        assert mean_average_precision([pixels([0, 0, 10, 10])], [NOTHING]).map == 0

    def test_false_alarms_in_empty_images_count(self):
        truths, exact = [pixels([0, 0, 10, 10]), EMPTY], Detections([[0, 0, 10, 10]], [0.8], [0])
        alarm = Detections([[0, 0, 10, 10]], [0.9], [0])
        assert detection_scores(truths, [exact, alarm], 0.5).precision == 0.5
        assert mean_average_precision(truths, [exact, alarm]).map == pytest.approx(0.5)
        assert mean_average_precision(truths, [exact, NOTHING]).map == pytest.approx(1)
        np.testing.assert_array_equal(
            detection_scores(truths, [exact, alarm], 0.5).per_image, [[1, 0, 0], [0, 1, 0]]
        )


def test_nothing_anywhere():
    scores = detection_scores([EMPTY], [NOTHING], 0.5)
    assert np.isnan(scores[:4]).all()
    for kind in KINDS:
        result = mean_average_precision([EMPTY], [NOTHING], interpolation=kind)
        assert np.isnan(result.map)
        assert result.per_class == {}


def test_alarms_without_any_object():
    for kind in KINDS:
        result = mean_average_precision([EMPTY], [Detections([[0, 0, 1, 1]], [0.5], [7])], (0.5, 0.7), kind)
        assert np.isnan(result.map)
        assert list(result.per_class) == [7]
        assert np.isnan(result.per_class[7])
        assert np.isnan(result.average_precision).all()


def test_absent_classes_are_left_out_of_the_mean():
    truth = Annotations([[0, 0, 10, 10], [20, 0, 30, 10]], [2, 5])
    found = Detections([[0, 0, 10, 10], [50, 0, 60, 10]], [0.9, 0.8], [2, 9])
    result = mean_average_precision([truth], [found])
    assert list(result.per_class) == [2, 5, 9]
    assert [result.per_class[2], result.per_class[5]] == [pytest.approx(1), 0]
    assert np.isnan(result.per_class[9])
    assert result.map == pytest.approx(0.5)
    assert detection_scores([truth], [found], 0.5).precision == 0.5  # where the alarm does count


def test_shapes():
    truths, guesses = random_case(3, n_images=6, n_classes=3)
    for kind, n_recalls in (("coco", 101), ("voc2007", 11), ("voc2010", None)):
        result = mean_average_precision(truths, guesses, THRESHOLDS, kind)
        n_recalls = n_recalls or len(result.recall)
        assert result.precision.shape == (10, len(result.class_ids), n_recalls)
        assert result.recall.shape == (n_recalls,)
        assert result.average_precision.shape == (10, len(result.class_ids))
        assert (np.diff(result.recall) > 0).all()
        known = result.precision[:, ~np.isnan(result.average_precision[0])]
        assert (np.diff(known, axis=2) <= 0).all()
        assert ((known >= 0) & (known <= 1)).all()
    assert mean_average_precision(truths, guesses, 0.5).map == mean_average_precision(truths, guesses).map


def test_equal_scores_and_equal_overlaps():
    truth = pixels([0, 0, 10, 10])
    twins = Detections([[0, 0, 10, 8], [0, 0, 10, 10]], [0.5, 0.5], [0, 0])
    assert match_detections(truth, twins, 0.5).tolist() == [0, -1]  # the earlier, though it fits worse
    between = Detections([[5, 0, 15, 10]], [0.5], [0])
    assert match_detections(pixels([0, 0, 10, 10], [10, 0, 20, 10]), between, 0.3).tolist() == [1]
    # A threshold cannot part equal scores: 0.5 keeps both boxes, F1 = 2/3; 0.9 keeps one wrong one.
    mixed = Detections([[50, 0, 60, 10], [0, 0, 10, 10], [70, 0, 80, 10]], [0.5, 0.5, 0.4], [0, 0, 0])
    assert best_score_threshold([truth], [mixed]) == 0.5
    assert detection_scores([truth], [mixed], 0.5)[:3] == pytest.approx((1 / 2, 1, 2 / 3))


def test_the_best_free_object_is_taken_where_voc_would_give_up():
    """The second box overlaps the taken object more, and a free one enough."""
    truth = pixels([0, 0, 10, 10], [0, 4, 10, 14])
    found = Detections([[0, 0, 10, 10], [0, 1, 10, 11]], [0.9, 0.8], [0, 0])
    assert match_detections(truth, found, 0.5).tolist() == [0, 1]


def test_boxes_without_area():
    truth, found = pixels([5, 5, 5, 9]), Detections([[5, 5, 5, 9]], [0.9], [0])
    assert match_detections(truth, found, 0.5).tolist() == [-1]
    assert mean_average_precision([truth], [found]).map == 0


def test_the_largest_class_of_one_image_is_not_a_class_of_the_next():
    truths = [Annotations([[0, 0, 4, 4]], [0]), Annotations([[0, 0, 4, 4]], [2**31 - 1])]
    found = [Detections([[0, 0, 4, 4]], [0.9], [class_id]) for class_id in (2**31 - 1, 0)]
    assert mean_average_precision(truths, found).map == 0
    assert mean_average_precision(truths, found[::-1]).map == 1


@pytest.mark.parametrize("seed", range(30))
def test_the_best_threshold_beats_every_other(seed):
    truths, guesses = random_case(3000 + seed, n_images=4)
    scores = np.unique(np.concatenate([guess.scores for guess in guesses]))
    if not len(scores) or not sum(len(truth.boxes) for truth in truths):
        pytest.skip("nothing to choose by")
    best = best_score_threshold(truths, guesses)
    f1 = [detection_scores(truths, guesses, score).f1 for score in scores]
    assert best == scores[::-1][np.argmax(f1[::-1])]
    assert best in scores


@pytest.mark.parametrize("seed", range(10))
def test_a_threshold_is_as_good_as_removing_what_scores_less(seed):
    truths, guesses = random_case(4000 + seed, n_images=4)
    kept = [
        Detections(g.boxes[g.scores >= 0.5], g.scores[g.scores >= 0.5], g.class_ids[g.scores >= 0.5])
        for g in guesses
    ]
    assert str(detection_scores(truths, guesses, 0.5)) == str(detection_scores(truths, kept, -1e9))
    expected = sum(np.sum(match_detections(*pair, 0.5) >= 0) for pair in zip(truths, kept, strict=True))
    assert detection_scores(truths, guesses, 0.5).true_positives == expected


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(4))
def test_the_bootstrap_is_the_metric_of_resampled_lists(kind, seed):
    truths, guesses = random_case(5000 + seed, n_images=6, n_classes=3, ties=False)

    def metric(indices):
        return mean_average_precision(
            [truths[i] for i in indices], [guesses[i] for i in indices], [0.5, 0.7], kind
        ).map

    draws = bootstrap_map(truths, guesses, 40, np.random.default_rng(seed), [0.5, 0.7], kind)
    rng = np.random.default_rng(seed)
    expected = [metric(rng.integers(6, size=6)) for _ in range(40)]
    np.testing.assert_allclose(draws, expected, atol=1e-12)
    if not np.isnan(expected).any():
        slow = bootstrap_interval(np.arange(6), metric, 40, 0.9, np.random.default_rng(seed))
        fast = map_interval(truths, guesses, 40, 0.9, np.random.default_rng(seed), [0.5, 0.7], kind)
        assert fast == pytest.approx(slow, abs=1e-12)


def test_the_bootstrap_passes_its_block_of_resamples():
    truths, guesses = random_case(1, n_images=5)
    few, many = (bootstrap_map(truths, guesses, n, np.random.default_rng(0)) for n in (1, 101))
    assert (len(few), len(many)) == (1, 101)
    assert few[0] == many[0]


def test_the_bootstrap_of_images_of_which_one_has_objects():
    truths, guesses = [pixels([0, 0, 10, 10]), EMPTY], [Detections([[0, 0, 10, 10]], [0.5], [0]), NOTHING]
    draws = bootstrap_map(truths, guesses, 200, np.random.default_rng(0))
    assert 20 < np.isnan(draws).sum() < 80  # one resample in four holds no object
    assert map_interval(truths, guesses, 200, 0.95, np.random.default_rng(0)) == pytest.approx((1, 1))
    assert map_interval(truths, [NOTHING, NOTHING], 200, 0.95, np.random.default_rng(0)) == (0, 0)


def test_paired_differences_are_narrower():
    truths, guesses = BENCHMARK["random_images"](60)
    worse = [
        Detections(g.boxes, np.where(np.arange(len(g.scores)) < 2, 0, g.scores), g.class_ids) for g in guesses
    ]
    a, b = (bootstrap_map(truths, g, 200, np.random.default_rng(0)) for g in (guesses, worse))
    other = bootstrap_map(truths, worse, 200, np.random.default_rng(1))
    assert (a - b).std() < 0.8 * (a - other).std()


def test_counts_by_image_go_through_the_plain_bootstrap():
    truths, guesses = BENCHMARK["random_images"](50)
    counts = detection_scores(truths, guesses, 0.5).per_image

    def precision(rows):
        tp, fp, _ = rows.sum(axis=0)
        return tp / (tp + fp)

    low, high = bootstrap_interval(counts, precision, 200, 0.95, np.random.default_rng(0))
    assert low < detection_scores(truths, guesses, 0.5).precision < high


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.sampled_from(KINDS))
def test_what_average_precision_is_indifferent_to(seed, kind):
    truths, guesses = random_case(seed, ties=False)
    rng = np.random.default_rng(seed)
    result = mean_average_precision(truths, guesses, (0.5, 0.75), kind)

    def same(truths, guesses):
        other = mean_average_precision(truths, guesses, (0.5, 0.75), kind)
        np.testing.assert_allclose(other.average_precision, result.average_precision, atol=1e-12)

    same(truths, [Detections(g.boxes, np.log(g.scores) * 7 - 3, g.class_ids) for g in guesses])
    shuffled = []
    for guess in guesses:
        order = rng.permutation(len(guess.scores))
        shuffled.append(Detections(guess.boxes[order], guess.scores[order], guess.class_ids[order]))
    same(truths, shuffled)
    images = rng.permutation(len(truths))
    same([truths[i] for i in images], [guesses[i] for i in images])
    same([*truths, EMPTY], [*guesses, NOTHING])
    scale = 3.0
    same(
        [Annotations(t.boxes * scale, t.class_ids) for t in truths],
        [Detections(g.boxes * scale, g.scores, g.class_ids) for g in guesses],
    )


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.sampled_from(KINDS))
def test_what_average_precision_answers_to(seed, kind):
    truths, guesses = random_case(seed)
    result = mean_average_precision(truths, guesses, THRESHOLDS, kind)
    known = result.average_precision[:, ~np.isnan(result.average_precision[0])]
    assert ((known >= 0) & (known <= 1 + 1e-12)).all()

    def with_alarm(score):
        last = guesses[-1]
        alarm = Detections(
            np.append(last.boxes, [[900, 900, 910, 910]], axis=0),
            np.append(last.scores, score),
            np.append(last.class_ids, 0),
        )
        return mean_average_precision(truths, [*guesses[:-1], alarm], THRESHOLDS, kind).average_precision

    before = result.average_precision if 0 in result.class_ids else None
    if before is not None:
        # Behind everything else it costs nothing, before everything else it may.
        np.testing.assert_allclose(with_alarm(-1), before, atol=1e-12)
        assert (np.nan_to_num(with_alarm(2)) <= np.nan_to_num(before) + 1e-12).all()
    perfect = [Detections(t.boxes, np.ones(len(t.boxes)), t.class_ids) for t in truths]
    if len(known[0]):
        assert mean_average_precision(truths, perfect, THRESHOLDS, kind).map == pytest.approx(1)


def test_lists_and_other_dtypes_are_taken_and_nothing_is_changed():
    boxes, scores, ids = np.array([[0, 0, 10, 10]], np.uint8), np.array([0.3], np.float32), np.array([4], np.uint8)
    copies = boxes.copy(), scores.copy(), ids.copy()
    found = Detections(boxes, scores, ids)
    assert (found.boxes.dtype, found.scores.dtype, found.class_ids.dtype) == (np.float64, np.float64, np.int64)
    # A threshold taken from a float32 score keeps that detection.
    assert detection_scores([Annotations(boxes, ids)], [found], scores[0]).recall == 1
    boxes[0, 0] = 9
    assert found.boxes[0, 0] == 0
    boxes[0, 0] = 0
    for before, after in zip(copies, (boxes, scores, ids), strict=True):
        np.testing.assert_array_equal(before, after)
    with pytest.raises(ValueError, match="read-only"):
        found.boxes[0, 0] = 1
    with pytest.raises(AttributeError):
        found.boxes = boxes
    same = Detections(boxes.tolist(), scores.tolist(), ids.tolist())
    np.testing.assert_array_equal(same.boxes, found.boxes)
    for empty in (
        Annotations([], []),
        Annotations(np.empty((0, 4)), np.empty(0, int)),
        Annotations([], np.zeros(0)),
    ):
        assert empty.boxes.shape == (0, 4)
        assert empty.class_ids.shape == (0,)
        assert empty.class_ids.dtype == np.int64


@pytest.mark.parametrize(
    ("boxes", "ids", "says"),
    [
        ([[0, 0, np.nan, 1]], [0], "boxes: 1 of 4 values are NaN"),
        ([[0, 0, np.inf, 1]], [0], "boxes: expected finite"),
        ([[5, 0, 4, 1]], [0], r"boxes: expected x_min ≤ x_max.*\[5.0, 0.0, 4.0, 1.0\] at index 0"),
        ([[0, 0, 1, 1], [0, 2, 1, 1]], [0, 0], "at index 1"),
        ([0, 0, 1, 1], [0], r"boxes: expected shape \(n, 4\)"),
        ([[0, 0, 1]], [0], r"got \(1, 3\)"),
        (np.empty((0, 5)), [], r"got \(0, 5\)"),
        ([[0, 0, 1, 1], [0]], [0], "boxes: expected a rectangular array"),
        ([["a", 0, 1, 1]], [0], "boxes: expected real numbers"),
        ([[0, 0, 1, 1]], [-1], "class_ids: expected 0 to"),
        ([[0, 0, 1, 1]], [1.0], "class_ids: expected integers, got dtype float64"),
        ([[0, 0, 1, 1]], [True], "class_ids: expected integers, got dtype bool"),
        ([[0, 0, 1, 1]], [0, 0], r"class_ids: expected shape \(1,\), one a box, got \(2,\)"),
        ([[0, 0, 1, 1]], [], r"class_ids: expected shape \(1,\)"),
        ([[0, 0, 1, 1]], [[0], [0, 1]], "class_ids: expected a rectangular"),
        ([], [0], r"class_ids: expected shape \(0,\)"),
        ([[0, 0, 1, 1]], 0, "class_ids: expected shape"),
    ],
)
def test_images_refuse(boxes, ids, says):
    with pytest.raises(ValueError, match=says):
        Annotations(boxes, ids)
    with pytest.raises(ValueError, match=says):
        Detections(boxes, np.zeros(np.shape(boxes)[0] if not isinstance(boxes, list) else len(boxes)), ids)


@pytest.mark.parametrize(
    ("scores", "says"),
    [
        ([np.nan], "scores: 1 of 1 values are NaN"),
        ([np.inf], "scores: expected finite"),
        ([], r"scores: expected shape \(1,\)"),
        ([0.1, 0.2], r"got \(2,\)"),
        ([[0.1]], r"got \(1, 1\)"),
        (["high"], "scores: expected real numbers"),
    ],
)
def test_scores_refuse(scores, says):
    with pytest.raises(ValueError, match=says):
        Detections([[0, 0, 1, 1]], scores, [0])


TRUTH, FOUND = pixels([0, 0, 1, 1]), Detections([[0, 0, 1, 1]], [0.5], [0])
HUGE = pixels([0, 0, 1e200, 1e200])


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: mean_average_precision([], []), "at least one"),
        (lambda: mean_average_precision([TRUTH], []), "detections: expected one an image"),
        (lambda: mean_average_precision(TRUTH, FOUND), "annotations: expected a list of Annotations"),
        (lambda: mean_average_precision([FOUND], [TRUTH]), "annotations: expected a list of Annotations"),
        (lambda: mean_average_precision([TRUTH], [TRUTH]), "detections: expected a list of Detections"),
        (lambda: mean_average_precision([TRUTH], [FOUND], ()), "iou_thresholds: expected one number or more"),
        (lambda: mean_average_precision([TRUTH], [FOUND], (0.0,)), r"iou_thresholds.*\(0, 1\]"),
        (lambda: mean_average_precision([TRUTH], [FOUND], (0.5, 1.1)), "iou_thresholds"),
        (lambda: mean_average_precision([TRUTH], [FOUND], (np.nan,)), "iou_thresholds: 1 of 1 values are NaN"),
        (lambda: mean_average_precision([TRUTH], [FOUND], [[0.5]]), "iou_thresholds"),
        (lambda: mean_average_precision([TRUTH], [FOUND], interpolation="voc"), "interpolation: expected one of"),
        (lambda: match_detections(TRUTH, FOUND, 0), "iou_threshold: expected a number in"),
        (lambda: match_detections(TRUTH, FOUND, -0.5), "iou_threshold: expected a finite number"),
        (lambda: match_detections(TRUTH, FOUND, np.nan), "iou_threshold"),
        (lambda: match_detections([TRUTH], FOUND, 0.5), "annotations"),
        (lambda: match_detections(TRUTH, TRUTH, 0.5), "detections"),
        (lambda: match_detections(HUGE, FOUND, 0.5), "boxes of all annotations: the area of .* overflows float64"),
        (lambda: precision_recall_curve([TRUTH], [FOUND], -1), "class_id: expected an integer of 0 or more"),
        (lambda: detection_scores([TRUTH], [FOUND], np.nan), "score_threshold"),
        (lambda: detection_scores([TRUTH], [FOUND], "high"), "score_threshold"),
        (lambda: detection_scores([TRUTH], [FOUND], 0.5, 2), "iou_threshold"),
        (lambda: best_score_threshold([EMPTY], [FOUND]), "at least one object and one detection, got 0 and 1"),
        (lambda: best_score_threshold([TRUTH], [NOTHING]), "got 1 and 0"),
        (lambda: bootstrap_map([EMPTY], [FOUND], 5, np.random.default_rng(0)), "at least one object"),
        (lambda: bootstrap_map([TRUTH], [FOUND], 0, np.random.default_rng(0)), "n: expected an integer"),
        (lambda: bootstrap_map([TRUTH], [FOUND], 5, np.random), "rng"),
        (lambda: bootstrap_map([TRUTH], [FOUND], 5, np.random.default_rng(0), 0.5, "area"), "interpolation"),
        (lambda: map_interval([TRUTH], [FOUND], 5, 95, np.random.default_rng(0)), "level"),
    ],
)
def test_they_refuse(call, says):
    with pytest.raises(ValueError, match=says):
        call()


@pytest.mark.benchmark
def test_speed():
    BENCHMARK["test_faster_than_pycocotools"]()
