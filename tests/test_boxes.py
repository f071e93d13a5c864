"""Boxes against TensorFlow, closed forms by hand, plain loops and properties."""

import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from course_utils.boxes import (
    anchor_boxes,
    area,
    batched_nms,
    clip_boxes,
    decode,
    encode,
    match_anchors,
    nms,
    pairwise_iou,
    soft_nms,
    unmatched_boxes,
)

EMPTY = [[], np.zeros((0, 4)), np.zeros((0, 4), np.float32)]
BAD_BOXES = {
    "NaN": [[0, 0, np.nan, 1]],
    "infinity": [[0, 0, np.inf, 1]],
    "crossed in x": [[2, 0, 1, 1]],
    "crossed in y": [[0, 2, 1, 1]],
    "one box without its axis": [0, 0, 1, 1],
    "five numbers": [[0, 0, 1, 1, 1]],
    "an empty of five": np.zeros((0, 5)),
    "ragged": [[0, 0, 1, 1], [0, 0]],
    "text": [["a", "b", "c", "d"]],
    "complex": np.zeros((1, 4), complex),
    "an area that overflows": np.array([[0, 0, 1e30, 1e30]], np.float32),
}


def random_boxes(n, rng, low=5.0, high=120.0, dtype=np.float32):
    sizes = rng.uniform(low, high, (n, 2))
    corners = rng.uniform(-40, 400, (n, 2))
    return np.concatenate([corners, corners + sizes], axis=1).astype(dtype)


def iou_by_hand(a, b):
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - width * height
    return width * height / union if union > 0 else 0.0


def nms_by_hand(boxes, scores, threshold=0.5):
    kept = []
    for k in sorted(range(len(boxes)), key=lambda k: (-scores[k], k)):
        if all(iou_by_hand(boxes[k], boxes[j]) <= threshold for j in kept):
            kept.append(k)
    return kept


def soft_nms_by_hand(boxes, scores, decay, lowest=0.001):
    left, taken = dict(enumerate(float(s) for s in scores)), []
    while left:
        best = max(left, key=lambda k: (left[k], -k))
        score = left.pop(best)
        if score <= lowest:
            break
        taken.append((best, score))
        for k in left:
            left[k] *= decay(iou_by_hand(boxes[best], boxes[k]))
    return [k for k, _ in taken], [s for _, s in taken]


def match_by_hand(anchors, boxes, positive=0.5, negative=0.4):
    iou = [[iou_by_hand(a, b) for b in boxes] for a in anchors]
    matches = []
    for row in iou:
        best = max(row, default=0.0)
        matches.append(row.index(best) if best >= positive and row else -2 if best >= negative and row else -1)
    free_boxes, free_anchors = set(range(len(boxes))), set(range(len(anchors)))
    while free_boxes and free_anchors:
        best, box, anchor = max((iou[a][b], -b, -a) for a in free_anchors for b in free_boxes)
        if best == 0:
            break
        matches[-anchor] = -box
        free_boxes.remove(-box)
        free_anchors.remove(-anchor)
    return matches


def tf_boxes(boxes):
    return boxes[:, [1, 0, 3, 2]]


# Whole numbers make ties, shared edges and boxes without area likely; quarters make thirds and halves.
def boxes_of(low, high, min_size=0):
    corner = st.integers(-40, 40).map(lambda k: k / 4)
    size = st.integers(4 * min_size, 48).map(lambda k: k / 4)
    box = st.tuples(corner, corner, size, size).map(lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3]))
    return st.lists(box, min_size=low, max_size=high).map(lambda rows: np.array(rows, float).reshape(-1, 4))


scored = boxes_of(1, 12).flatmap(
    lambda boxes: st.tuples(
        st.just(boxes), arrays(float, len(boxes), elements=st.integers(1, 8).map(lambda k: k / 8))
    )
)


class TestGeometry:
    def test_area_by_hand(self):
        assert area([[0, 0, 4, 3], [-2, -2, -1, 0], [1, 1, 1, 5]]).tolist() == [12, 2, 0]

    def test_iou_by_hand(self):
        a = [[0, 0, 2, 2], [5, 5, 5, 9]]
        b = [[0, 0, 2, 4], [1, 1, 3, 3], [2, 0, 4, 2], [0, 0, 2, 2], [5, 5, 5, 9]]
        expected = [[1 / 2, 1 / 7, 0, 1, 0], [0, 0, 0, 0, 0]]
        np.testing.assert_allclose(pairwise_iou(a, b), expected, rtol=1e-15)

    @pytest.mark.parametrize(("n", "m"), [(1, 1), (7, 300), (700, 90), (3, 40_000)])
    def test_iou_pair_by_pair(self, n, m):
        rng = np.random.default_rng(n)
        a, b = random_boxes(n, rng, dtype=float), random_boxes(m, rng, dtype=float)
        iou = pairwise_iou(a, b)
        assert iou.shape == (n, m)
        for i, j in zip(rng.integers(0, n, 200), rng.integers(0, m, 200), strict=True):
            assert iou[i, j] == pytest.approx(iou_by_hand(a[i], b[j]), abs=1e-14)

    @given(boxes_of(0, 6), boxes_of(0, 6), st.sampled_from([1e-3, 0.5, 3, 1e6]), st.integers(-99, 99))
    def test_iou_is_symmetric_within_0_and_1_and_knows_no_unit_and_no_origin(self, a, b, scale, shift):
        iou = pairwise_iou(a, b)
        assert ((iou >= 0) & (iou <= 1)).all()
        np.testing.assert_array_equal(iou, pairwise_iou(b, a).T)
        np.testing.assert_allclose(pairwise_iou(a * scale, b * scale), iou, atol=1e-12)
        np.testing.assert_allclose(pairwise_iou(a + shift, b + shift), iou, atol=1e-12)
        np.testing.assert_array_equal(np.diag(pairwise_iou(a, a)), area(a) > 0)

    @pytest.mark.parametrize("empty", EMPTY)
    def test_no_boxes(self, empty):
        assert area(empty).shape == (0,)
        assert clip_boxes(empty, 10, 10).shape == (0, 4)
        assert pairwise_iou(empty, [[0, 0, 1, 1]]).shape == (0, 1)
        assert pairwise_iou([[0, 0, 1, 1]], empty).shape == (1, 0)
        assert pairwise_iou(empty, empty).shape == (0, 0)
        assert encode(empty, empty).shape == (0, 4)
        assert decode(empty, empty).shape == (0, 4)

    def test_dtypes(self):
        single = np.array([[0, 0, 1, 1]], np.float32)
        assert pairwise_iou(single, single).dtype == np.float32
        assert pairwise_iou(single, single.astype(float)).dtype == np.float64
        assert pairwise_iou(single.astype(int), single.astype(int)).dtype == np.float64
        assert area(single.astype(np.float16)).dtype == np.float32
        for function in (encode, decode):
            assert function(single, single).dtype == np.float32
        assert clip_boxes(single, 2, 2).dtype == np.float32

    def test_iou_needs_no_more_memory_than_its_result(self):
        rng = np.random.default_rng(0)
        a, b = random_boxes(2000, rng), random_boxes(1500, rng)
        tracemalloc.start()
        iou = pairwise_iou(a, b)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert iou.nbytes == 4 * 2000 * 1500
        assert peak < iou.nbytes + 2**20

    def test_clipping(self):
        boxes = np.array([[-5, 2, 30, 9], [50, 1, 60, 3], [-9, -9, -3, -3], [1, 1, 2, 2]], float)
        clipped = clip_boxes(boxes, height=8, width=20)
        assert clipped.tolist() == [[0, 2, 20, 8], [20, 1, 20, 3], [0, 0, 0, 0], [1, 1, 2, 2]]
        assert boxes[0, 0] == -5

    @pytest.mark.parametrize("box", BAD_BOXES.values(), ids=BAD_BOXES)
    def test_bad_boxes_raise_with_their_name(self, box):
        good = [[0.0, 0, 1, 1]]
        with pytest.raises(ValueError, match=r"^boxes: "):
            area(box)
        with pytest.raises(ValueError, match=r"^a: "):
            pairwise_iou(box, good)
        with pytest.raises(ValueError, match=r"^b: "):
            pairwise_iou(good, box)
        with pytest.raises(ValueError, match=r"^boxes: "):
            nms(box, [1.0])
        with pytest.raises(ValueError, match=r"^boxes: "):
            batched_nms(box, [1.0], [0])
        with pytest.raises(ValueError, match=r"^boxes: "):
            soft_nms(box, [1.0])

    @pytest.mark.parametrize("size", [0, -1, np.nan, np.inf, "wide", None])
    def test_bad_image_sizes(self, size):
        with pytest.raises(ValueError, match=r"^height: "):
            clip_boxes([[0, 0, 1, 1]], size, 5)
        with pytest.raises(ValueError, match=r"^width: "):
            clip_boxes([[0, 0, 1, 1]], 5, size)


class TestOffsets:
    def test_by_hand(self):
        boxes, anchors = [[10, 20, 30, 60]], [[0, 0, 10, 20]]
        expected = [(20 - 5) / 10 / 0.1, (40 - 10) / 20 / 0.1, np.log(2) / 0.2, np.log(2) / 0.2]
        np.testing.assert_allclose(encode(boxes, anchors), [expected])
        np.testing.assert_allclose(decode([[0, 0, 0, 0]], anchors), anchors)
        np.testing.assert_allclose(decode([[1, 0, 0, np.log(3)]], anchors, (0.5, 1)), [[5, -20, 15, 40]])

    @given(boxes_of(1, 8, min_size=1), st.integers(0, 2**32), st.sampled_from([(0.1, 0.2), (1, 1), (2.5, 0.01)]))
    def test_decoding_undoes_encoding(self, boxes, seed, variances):
        anchors = random_boxes(len(boxes), np.random.default_rng(seed), dtype=float)
        offsets = encode(boxes, anchors, variances)
        np.testing.assert_allclose(decode(offsets, anchors, variances), boxes, atol=1e-9)
        np.testing.assert_allclose(
            encode(decode(offsets, anchors, variances), anchors, variances), offsets, atol=1e-7
        )

    @pytest.mark.parametrize("variances", [(0.1,), (0.1, 0.1, 0.2, 0.2), (0, 1), (1, -1), (np.nan, 1), 0.1, "ab"])
    def test_bad_variances(self, variances):
        for function in (encode, decode):
            with pytest.raises(ValueError, match=r"^variances"):
                function([[0, 0, 1, 1]], [[0, 0, 1, 1]], variances)

    def test_bad_boxes_anchors_and_offsets(self):
        good = [[0.0, 0, 1, 1]]
        with pytest.raises(ValueError, match=r"^boxes: expected widths and heights above 0"):
            encode([[0, 0, 0, 1]], good)
        for function in (encode, decode):
            with pytest.raises(ValueError, match=r"^anchors: expected widths and heights above 0"):
                function(good, [[0, 1, 1, 1]])
            with pytest.raises(ValueError, match="one row an anchor"):
                function(good * 2, good)
        with pytest.raises(ValueError, match=r"^offsets: expected shape \(N, 4\)"):
            decode([0, 0, 0, 0], good)
        with pytest.raises(ValueError, match=r"^offsets: .*infinite box"):
            decode([[0, 0, 0, 0], [0, 0, 4000, 0]], good * 2)
        with pytest.raises(ValueError, match=r"^offsets: "):
            decode([[0, 0, np.inf, 0]], good)
        with pytest.raises(ValueError, match=r"^boxes: the size of .* overflows float64"):
            encode([[-1e308, 0, 1e308, 1]], good)
        with pytest.raises(ValueError, match=r"^boxes: no finite offsets .* at index 0"):
            encode([[1e300, 0, 1e301, 1]], [[0, 0, 1e-20, 1]])


class TestAnchors:
    def test_order_sizes_and_centres(self):
        boxes = anchor_boxes([(2, 3), (1, 1)], (60, 90), [(0.2, 0.4), (0.8,)], (1.0, 4.0, 0.25))
        assert boxes.shape == (2 * 3 * 2 * 3 + 3, 4)
        levels = [boxes[:36].reshape(2, 3, 2, 3, 4), boxes[36:].reshape(1, 1, 1, 3, 4)]
        for level, scales in zip(levels, [(0.2, 0.4), (0.8,)], strict=True):
            rows, columns = level.shape[:2]
            for (i, j, s, a), _ in np.ndenumerate(level[..., 0]):
                x_min, y_min, x_max, y_max = level[i, j, s, a]
                ratio = (1.0, 4.0, 0.25)[a]
                assert x_max - x_min == pytest.approx(scales[s] * 60 * ratio**0.5)
                assert y_max - y_min == pytest.approx(scales[s] * 60 / ratio**0.5)
                assert (x_min + x_max) / 2 == pytest.approx((j + 0.5) * 90 / columns)
                assert (y_min + y_max) / 2 == pytest.approx((i + 0.5) * 60 / rows)

    def test_the_number_of_anchors_of_the_sources_detector(self):
        shapes = [(30, 40), (15, 20), (8, 10), (4, 5)]
        assert len(anchor_boxes(shapes, (480, 640), [(0.2, 0.274)] * 4, (1.0, 2.0))) == 6400

    @pytest.mark.parametrize(
        ("change", "name"),
        [
            ({"feature_shapes": []}, "feature_shapes"),
            ({"feature_shapes": 3}, "feature_shapes"),
            ({"scales": 0.5}, "scales"),
            ({"feature_shapes": [(2, 0)]}, "feature_shapes"),
            ({"feature_shapes": [(2.0, 2.0)]}, "feature_shapes"),
            ({"feature_shapes": [2]}, "feature_shapes"),
            ({"image_shape": (60, 90, 3)}, "image_shape"),
            ({"image_shape": (0, 90)}, "image_shape"),
            ({"scales": [(0.1,), (0.2,)]}, "scales"),
            ({"scales": [()]}, "scales"),
            ({"scales": [0.5]}, "scales"),
            ({"scales": [(0.0,)]}, "scales"),
            ({"aspect_ratios": ()}, "aspect_ratios"),
            ({"aspect_ratios": (1, -1)}, "aspect_ratios"),
            ({"aspect_ratios": 1.0}, "aspect_ratios"),
            ({"aspect_ratios": (np.nan,)}, "aspect_ratios"),
        ],
    )
    def test_bad_arguments(self, change, name):
        good = {"feature_shapes": [(2, 2)], "image_shape": (60, 90), "scales": [(0.5,)], "aspect_ratios": (1.0,)}
        with pytest.raises(ValueError, match=f"^{name}"):
            anchor_boxes(**{**good, **change})


class TestMatching:
    @given(boxes_of(1, 12), boxes_of(0, 5))
    def test_against_a_plain_loop(self, anchors, boxes):
        assert match_anchors(anchors, boxes).tolist() == match_by_hand(anchors.tolist(), boxes.tolist())

    @pytest.mark.parametrize("seed", range(5))
    def test_on_a_real_grid(self, seed):
        rng = np.random.default_rng(seed)
        anchors = anchor_boxes([(8, 10), (4, 5)], (96, 128), [(0.2, 0.3), (0.5,)], (0.5, 1.0, 2.0))
        low = rng.uniform(0, 60, (6, 2))
        boxes = np.concatenate([low, low + rng.uniform(6, 36, (6, 2))], axis=1)
        matches = match_anchors(anchors, boxes)
        assert matches.tolist() == match_by_hand(anchors.tolist(), boxes.tolist())
        assert set(range(6)) <= set(matches.tolist())
        assert len(unmatched_boxes(matches, boxes)) == 0

    def test_two_boxes_that_share_their_best_anchor_get_one_each(self):
        anchors = [[0, 0, 10, 10], [8, 0, 18, 10]]
        boxes = [[0, 0, 11, 10], [0, 0, 10, 10], [40, 40, 50, 50]]
        matches = match_anchors(anchors, boxes)
        assert matches.tolist() == [1, 0]
        assert unmatched_boxes(matches, boxes).tolist() == [2]

    def test_a_box_whose_only_anchor_fits_another_better_stays_without(self):
        boxes = [[0, 0, 10, 12], [0, 0, 10, 10]]
        matches = match_anchors([[0, 0, 10, 10], [90, 0, 99, 9]], boxes)
        assert matches.tolist() == [1, -1]
        assert unmatched_boxes(matches, boxes).tolist() == [0]

    def test_a_box_keeps_its_forced_anchor_though_another_fits_that_better(self):
        anchors = [[0, 0, 10, 10], [0, 0, 10, 9]]
        boxes = [[0, 0, 10, 10], [0, 0, 10, 10.5]]
        assert match_anchors(anchors, boxes).tolist() == [0, 1]

    def test_thresholds_at_the_limit(self):
        boxes = [[0, 0, 10, 10], [50, 50, 51, 51]]
        anchors = [[0, 0, 10, 10], [0, 0, 10, 20], [0, 0, 10, 25], [0, 0, 10, 26], [0, 0, 10, 30]]
        assert match_anchors(anchors, boxes).tolist() == [0, 0, -2, -1, -1]
        assert match_anchors(anchors, boxes, 0.3, 0.3).tolist() == [0, 0, 0, 0, 0]
        assert match_anchors(anchors, boxes, 1, 0).tolist() == [0, -2, -2, -2, -2]

    @pytest.mark.parametrize("empty", EMPTY)
    def test_no_boxes_and_no_anchors(self, empty):
        anchors = [[0, 0, 1, 1], [0, 0, 2, 2]]
        matches = match_anchors(anchors, empty)
        assert matches.tolist() == [-1, -1]
        assert matches.dtype.kind == "i"
        assert unmatched_boxes(matches, empty).tolist() == []
        with pytest.raises(ValueError, match=r"^anchors: expected one or more"):
            match_anchors(empty, anchors)

    def test_bad_arguments(self):
        good = [[0.0, 0, 1, 1]]
        for positive, negative, name in ((0, 0, "positive"), (1.1, 0.4, "positive"), (0.5, 0.6, "negative")):
            with pytest.raises(ValueError, match=f"^{name}: "):
                match_anchors(good, good, positive, negative)
        with pytest.raises(ValueError, match=r"^boxes: "):
            match_anchors(good, [[1, 0, 0, 1]])
        with pytest.raises(ValueError, match=r"^anchors: "):
            match_anchors([[1, 0, 0, 1]], good)
        with pytest.raises(ValueError, match=r"^matches: "):
            unmatched_boxes([1], good)


class TestNms:
    @pytest.mark.parametrize("n", [1, 2, 63, 64, 65, 130, 700, 3000])
    @pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 0.9, 1.0])
    def test_against_tensorflow(self, n, threshold):
        rng = np.random.default_rng(n)
        boxes, scores = random_boxes(n, rng), rng.choice(np.linspace(-0.2, 1, 50), n).astype(np.float32)
        for limit, lowest in ((n, 0.0), (7, 0.4), (n, -np.inf)):
            expected = tf.image.non_max_suppression(tf_boxes(boxes), scores, limit, threshold, lowest).numpy()
            np.testing.assert_array_equal(nms(boxes, scores, threshold, lowest, limit), expected)

    @pytest.mark.parametrize("far", [-1e4, 3e5, 1e7])
    def test_far_boxes_on_a_coarse_grid_of_floats_against_tensorflow(self, far):
        rng = np.random.default_rng(3)
        boxes, scores = random_boxes(800, rng) + np.float32(far), rng.random(800).astype(np.float32)
        for threshold in (0.0, 0.2, 0.5):
            expected = tf.image.non_max_suppression(tf_boxes(boxes), scores, 800, threshold).numpy()
            np.testing.assert_array_equal(nms(boxes, scores, threshold), expected)
            np.testing.assert_array_equal(nms(boxes.astype(float), scores, threshold), expected)

    @given(scored, st.sampled_from([0.0, 1 / 4, 1 / 3, 0.5, 2 / 3, 1.0]))
    @settings(max_examples=200)
    def test_ties_shared_edges_and_boxes_without_area_against_tensorflow_and_a_loop(self, case, threshold):
        boxes, scores = case
        single = boxes.astype(np.float32), scores.astype(np.float32)
        expected = tf.image.non_max_suppression(tf_boxes(single[0]), single[1], len(boxes), threshold).numpy()
        np.testing.assert_array_equal(nms(*single, threshold), expected)
        assert nms(boxes, scores, threshold).tolist() == nms_by_hand(boxes, scores, threshold)

    @given(scored, st.randoms(use_true_random=False))
    def test_what_remains_overlaps_little_and_the_order_of_the_input_is_nothing(self, case, random):
        boxes, scores = case
        scores = scores + np.arange(len(scores)) * 1e-6  # without ties
        kept = nms(boxes, scores, 0.4)
        iou = pairwise_iou(boxes[kept], boxes[kept])
        np.fill_diagonal(iou, 0)
        assert (iou <= 0.4).all()
        assert all(scores[a] > scores[b] for a, b in pairwise(kept))
        shuffled = np.array(random.sample(range(len(boxes)), len(boxes)))
        np.testing.assert_array_equal(shuffled[nms(boxes[shuffled], scores[shuffled], 0.4)], kept)

    def test_by_hand(self):
        boxes = [[0, 0, 10, 10], [0, 0, 10, 20], [0, 0, 10, 19], [-50, -50, -40, -40]]
        assert nms(boxes, [0.9, 0.8, 0.7, 0.6]).tolist() == [0, 1, 3]  # 0.5 exactly stays
        assert nms(boxes, [0.9, 0.8, 0.7, 0.6], 0.49).tolist() == [0, 3]
        assert nms(boxes, [0.5, 0.5, 0.5, 0.5]).tolist() == [0, 1, 3]
        assert nms(boxes, [0.9, 0.8, 0.7, 0.6], score_threshold=0.6).tolist() == [0, 1]
        assert nms(boxes, [0.9, 0.8, 0.7, 0.6], max_detections=1).tolist() == [0]
        assert nms(boxes, [0.9, 0.8, 0.7, 0.6], max_detections=0).tolist() == []

    def test_float64_boxes_a_hair_apart_do_not_overlap(self):
        for far, gap in ((0, 1e-12), (1e9, 1), (1e9, 20)):
            boxes = np.array([[0, 0, 30, 30], [30 + gap, 30 + gap, 60, 60], [-30, 30 + gap, 30, 60]]) + far
            assert nms(boxes, [0.3, 0.2, 0.1], 0.0).tolist() == [0, 1, 2]

    def test_boxes_without_area_suppress_nothing(self):
        assert nms([[0, 0, 0, 5]] * 3 + [[0, 0, 1, 1]], [0.1, 0.2, 0.3, 0.4], 0.0).tolist() == [3, 2, 1, 0]

    @pytest.mark.parametrize("empty", EMPTY)
    def test_no_boxes(self, empty):
        indices, decayed = soft_nms(empty, [])
        for result in (nms(empty, []), batched_nms(empty, [], []), indices):
            assert result.shape == (0,)
            assert result.dtype.kind == "i"
        assert decayed.shape == (0,)
        assert nms([[0, 0, 1, 1]], [0.0]).tolist() == []

    def test_thousands_of_boxes_on_one_object_need_little_memory(self):
        rng = np.random.default_rng(0)
        boxes = (np.array([100, 100, 200, 200]) + rng.uniform(-3, 3, (6000, 4))).astype(np.float32)
        scores = rng.random(6000).astype(np.float32)
        same = np.repeat(boxes[:1], 6000, axis=0)
        for function, given_boxes, threshold in (
            (nms, boxes, 0.5),
            (nms, boxes, 1.0),
            (nms, same, 1.0),
            (soft_nms, boxes, 0.5),
            (soft_nms, boxes, 5.0),
        ):
            tracemalloc.start()
            function(given_boxes, scores, threshold)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert peak < 40 * 2**20, (function, threshold, peak)

    def test_inputs_stay_as_they_are(self):
        rng = np.random.default_rng(0)
        boxes, scores, ids = random_boxes(300, rng), rng.random(300), rng.integers(0, 3, 300)
        before = [value.copy() for value in (boxes, scores, ids)]
        for value in (boxes, scores, ids):
            value.setflags(write=False)
        nms(boxes, scores)
        batched_nms(boxes, scores, ids)
        soft_nms(boxes, scores)
        soft_nms(boxes, scores, method="linear")
        match_anchors(boxes, boxes[:5])
        for old, new in zip(before, (boxes, scores, ids), strict=True):
            np.testing.assert_array_equal(old, new)

    @pytest.mark.parametrize(
        ("arguments", "name"),
        [
            ({"scores": [0.5]}, "scores"),
            ({"scores": [[0.5, 0.5]]}, "scores"),
            ({"scores": [0.5, np.nan]}, "scores"),
            ({"scores": [0.5, np.inf]}, "scores"),
            ({"scores": ["a", "b"]}, "scores"),
            ({"iou_threshold": -0.1}, "iou_threshold"),
            ({"iou_threshold": 50}, "iou_threshold"),
            ({"iou_threshold": np.nan}, "iou_threshold"),
            ({"score_threshold": np.nan}, "score_threshold"),
            ({"score_threshold": np.inf}, "score_threshold"),
            ({"score_threshold": None}, "score_threshold"),
            ({"score_threshold": np.zeros(2)}, "score_threshold"),
        ],
    )
    def test_bad_arguments_of_all_three(self, arguments, name):
        boxes = [[0, 0, 1, 1], [0, 0, 2, 2]]
        given = {"scores": [0.5, 0.4], **arguments}
        for function in (nms, soft_nms, lambda *a, **k: batched_nms(*a, [0, 1], **k)):
            with pytest.raises(ValueError, match=f"^{name}: "):
                function(boxes, given["scores"], **{k: v for k, v in given.items() if k != "scores"})

    def test_bad_limits_classes_and_kinds(self):
        boxes, scores = [[0, 0, 1, 1], [0, 0, 2, 2]], [0.5, 0.4]
        for limit in (-1, 1.5, True, "all"):
            with pytest.raises(ValueError, match=r"^max_detections: "):
                nms(boxes, scores, max_detections=limit)
        for ids in ([0], [0.0, 1.0], ["a", "b"], [[0, 1]], [True, False]):
            with pytest.raises(ValueError, match=r"^class_ids: "):
                batched_nms(boxes, scores, ids)
        for sigma in (0, -1, np.nan, "soft", np.ones(2)):
            with pytest.raises(ValueError, match=r"^sigma: "):
                soft_nms(boxes, scores, sigma)
        with pytest.raises(ValueError, match=r"^score_threshold: "):
            soft_nms(boxes, scores, score_threshold=-0.1)
        with pytest.raises(ValueError, match=r"^method: "):
            soft_nms(boxes, scores, method="hard")


class TestClassNms:
    @pytest.mark.parametrize("seed", range(4))
    def test_class_by_class_with_negative_and_far_boxes(self, seed):
        rng = np.random.default_rng(seed)
        boxes, ids = random_boxes(300, rng), rng.integers(-2, 4, 300)
        boxes += rng.choice(np.array([-4000, 0, 200_000], np.float32), (300, 1))
        scores = rng.choice(np.linspace(0, 1, 40), 300).astype(np.float32)
        expected = [
            k for c in range(-2, 4) for k in np.flatnonzero(ids == c)[nms(boxes[ids == c], scores[ids == c])]
        ]
        expected.sort(key=lambda k: (-scores[k], k))
        assert batched_nms(boxes, scores, ids).tolist() == expected
        assert batched_nms(boxes, scores, ids, max_detections=9).tolist() == expected[:9]

    def test_one_class_is_plain_suppression_and_a_class_each_is_none(self):
        rng = np.random.default_rng(0)
        boxes, scores = random_boxes(200, rng), rng.random(200)
        np.testing.assert_array_equal(batched_nms(boxes, scores, np.full(200, 7)), nms(boxes, scores))
        np.testing.assert_array_equal(
            batched_nms(boxes, scores, np.arange(200, dtype=np.uint8)), np.argsort(-scores)
        )


class TestSoftNms:
    @pytest.mark.parametrize("n", [1, 40, 64, 65, 500, 1500])
    @pytest.mark.parametrize("sigma", [0.05, 0.5, 3.0])
    def test_against_tensorflow(self, n, sigma):
        rng = np.random.default_rng(n)
        boxes, scores = random_boxes(n, rng), rng.random(n).astype(np.float32)
        indices, decayed = soft_nms(boxes, scores, sigma)
        theirs, lowered = tf.image.non_max_suppression_with_scores(
            tf_boxes(boxes), scores, n, 1.0, 0.001, soft_nms_sigma=sigma / 2
        )
        assert len(indices) == len(theirs)
        assert decayed.dtype == np.float32
        assert soft_nms(boxes.astype(float), scores)[1].dtype == np.float32
        np.testing.assert_allclose(decayed, lowered.numpy(), rtol=1e-4, atol=1e-6)
        by_index = dict(zip(theirs.numpy().tolist(), lowered.numpy().tolist(), strict=True))
        np.testing.assert_allclose([by_index[k] for k in indices.tolist()], decayed, rtol=1e-4, atol=1e-6)

    @given(scored, st.sampled_from(["gaussian", "linear"]))
    @settings(max_examples=200)
    def test_against_a_plain_loop(self, case, method):
        boxes, scores = case
        indices, decayed = soft_nms(boxes, scores, 0.3, method=method, iou_threshold=0.25)
        decays = {"gaussian": lambda o: np.exp(-o * o / 0.3), "linear": lambda o: 1 - o if o > 0.25 else 1.0}
        expected, lowered = soft_nms_by_hand(boxes, scores, decays[method])
        np.testing.assert_allclose(decayed, lowered, rtol=1e-9)
        assert sorted(indices.tolist()) == sorted(expected)
        assert (np.diff(decayed) <= 0).all()

    def test_many_boxes_against_a_plain_loop(self):
        rng = np.random.default_rng(1)
        boxes, scores = random_boxes(300, rng, 60, 200, dtype=float), rng.random(300)
        for method, decay in (
            ("gaussian", lambda o: np.exp(-o * o / 0.5)),
            ("linear", lambda o: 1 - o if o > 0.5 else 1.0),
        ):
            expected, lowered = soft_nms_by_hand(boxes.tolist(), scores, decay)
            indices, decayed = soft_nms(boxes, scores, method=method)
            assert indices.tolist() == expected
            np.testing.assert_allclose(decayed, lowered)

    @given(scored, st.sampled_from([1e-9, 1e-30, 1e-300]))
    def test_a_small_sigma_is_hard_suppression_of_all_that_overlap(self, case, sigma):
        boxes, scores = case
        indices, decayed = soft_nms(boxes, scores, sigma)
        np.testing.assert_array_equal(indices, nms(boxes, scores, 0.0, 0.001))
        np.testing.assert_array_equal(decayed, scores[indices])

    @given(scored, st.sampled_from([1e12, np.inf]))
    def test_a_large_sigma_suppresses_nothing(self, case, sigma):
        boxes, scores = case
        indices, decayed = soft_nms(boxes, scores, sigma)
        np.testing.assert_allclose(decayed, np.sort(scores)[::-1], rtol=1e-10)
        if sigma == np.inf:
            np.testing.assert_array_equal(indices, np.argsort(-scores, kind="stable"))

    def test_equal_scores_come_by_index_beyond_one_batch(self):
        boxes = np.array([[k, 0, k + 0.5, 1] for k in range(500)], float)
        indices, decayed = soft_nms(boxes, np.full(500, 0.5))
        assert indices.tolist() == list(range(500))
        assert set(decayed.tolist()) == {0.5}

    def test_the_cut_that_turns_soft_into_hard(self):
        """At a score threshold of 0.5, a box of 0.9 is lost from IoU sqrt(ln(0.9 / 0.5) / 2) on."""
        limit = np.sqrt(np.log(0.9 / 0.5) / 2)
        for shift, n_kept in ((-0.01, 2), (0.01, 1)):
            boxes = [[0, 0, 1, 1], [0, 0, 1, limit + shift]]
            assert len(soft_nms(boxes, [0.95, 0.9], 0.5, 0.5)[0]) == n_kept
            assert len(soft_nms(boxes, [0.95, 0.9], 0.5, 0.001)[0]) == 2
