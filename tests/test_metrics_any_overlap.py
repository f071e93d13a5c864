"""The evaluation that cannot count false positives: it must be blind exactly where it is said to be."""

import numpy as np
import pytest

from course_utils.metrics import Annotations, Detections, any_overlap_scores, detection_scores


def scores(truth: list, ids: list, boxes: list, found_ids: list) -> tuple[tuple[float, ...], tuple[float, ...]]:
    annotations = [Annotations(np.reshape(truth, (-1, 4)), ids)]
    detections = [Detections(np.reshape(boxes, (-1, 4)), np.linspace(0.9, 0.6, len(boxes)), found_ids)]
    right = detection_scores(annotations, detections, 0.5)
    return tuple(any_overlap_scores(annotations, detections)), (right.precision, right.recall)


def test_fifty_spurious_boxes_cost_nothing() -> None:
    spurious = [[200 + 20 * i, 0, 210 + 20 * i, 10] for i in range(50)]
    blind, right = scores([[0, 0, 10, 10]], [1], [[0, 0, 10, 10], *spurious], [1] * 51)
    assert blind == (1, 1, 1)
    np.testing.assert_allclose(right, (1 / 51, 1))


def test_one_pixel_is_a_hit() -> None:
    blind, right = scores([[0, 0, 100, 100]], [1], [[99, 99, 199, 199]], [1])
    assert blind[1:] == (1, 1) and blind[0] < 1e-4
    assert right == (0, 0)


def test_one_box_serves_two_objects() -> None:
    blind, right = scores([[0, 0, 10, 10], [1, 0, 11, 10]], [1, 1], [[0, 0, 10, 10]], [1])
    assert blind[2] == 1
    assert right == (1, 0.5)


def test_wrong_classes_are_false_and_images_are_averaged() -> None:
    blind, _ = scores([[0, 0, 10, 10], [50, 0, 60, 10]], [1, 2], [[0, 0, 10, 10], [50, 0, 60, 10]], [1, 1])
    assert blind == (1, 0.5, 0.5)
    empty = Detections(np.zeros((0, 4)), [], [])
    truth = Annotations([[0, 0, 10, 10]], [1])
    exact = Detections([[0, 0, 10, 10]], [0.9], [1])
    assert tuple(any_overlap_scores([truth, truth], [exact, empty])) == (0.5, 0.5, 0.5)
    nothing = Annotations(np.zeros((0, 4)), [])
    assert tuple(any_overlap_scores([truth, nothing], [exact, exact])) == (1, 1, 1)


def test_bad_arguments() -> None:
    nothing = Annotations(np.zeros((0, 4)), [])
    with pytest.raises(ValueError, match="detections: expected one an image, as many as annotations"):
        any_overlap_scores([nothing], [])
    with pytest.raises(ValueError, match="annotations: expected a list of Annotations"):
        any_overlap_scores(nothing, nothing)
    with pytest.raises(ValueError, match="annotations: expected at least one object"):
        any_overlap_scores([nothing], [Detections(np.zeros((0, 4)), [], [])])
