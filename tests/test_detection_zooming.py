"""Training images that are enlarged, reduced and moved: the boxes stay on what they surround."""

import numpy as np
import pytest

from course_utils.detection import SSD, build_ssd, ssd_batches
from course_utils.detection.zooming import zoomed

HEIGHT, WIDTH = 48, 64


@pytest.mark.parametrize("seed", range(20))
def test_boxes_move_with_the_pixels(seed: int) -> None:
    """A rectangle in red and one in green: where the colour is seen, there is its box."""
    image = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    boxes = np.array([[4.0, 6, 20, 30], [34, 20, 60, 44]])
    for colour, (left, top, right, bottom) in enumerate(boxes.astype(int)):
        image[top:bottom, left:right, colour] = 1
    moved, corners, class_ids = zoomed(image, boxes, np.array([1, 2]), 0.4, np.random.default_rng(seed))
    assert moved.shape == image.shape and moved.dtype == np.float32
    for (left, top, right, bottom), class_id in zip(corners, class_ids, strict=True):
        rows, columns = np.nonzero(moved[..., class_id - 1] > 0.6)
        assert abs(columns.min() - left) <= 1 and abs(columns.max() + 1 - right) <= 1
        assert abs(rows.min() - top) <= 1 and abs(rows.max() + 1 - bottom) <= 1
    assert corners.min() >= 0 and (corners[:, 2] <= WIDTH).all() and (corners[:, 3] <= HEIGHT).all()


def test_an_object_that_is_nearly_gone_is_left_out() -> None:
    image = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    boxes = np.array([[0.0, 0, 12, 12], [0, 0, 64, 48]])
    counts = [
        len(zoomed(image, boxes, np.array([1, 2]), 0.9, np.random.default_rng(seed))[1]) for seed in range(60)
    ]
    assert min(counts) < 2 and max(counts) == 2  # a corner is lost at times, the whole never
    _, corners, ids = zoomed(image, np.zeros((0, 4)), np.zeros(0, int), 0.5, np.random.default_rng(0))
    assert corners.shape == (0, 4) and ids.shape == (0,)


def test_where_the_image_ended_it_is_grey() -> None:
    image = np.ones((HEIGHT, WIDTH, 3), np.float32)
    seen = [
        zoomed(image, np.zeros((0, 4)), np.zeros(0, int), 0.5, np.random.default_rng(seed))[0] for seed in range(9)
    ]
    assert {round(float(moved.min()), 3) for moved in seen} >= {0.5}
    assert min(float(moved.min()) for moved in seen) >= 0.5


@pytest.fixture(scope="module")
def ssd() -> SSD:
    return build_ssd((32, 64, 3))


def batches(ssd: SSD, **options: object):
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 64, 3), np.uint8)
    boxes = [np.array([[4.0, 4, 30, 30]])] * 3
    return ssd_batches(ssd, images, boxes, [np.array([1])] * 3, steps=4, batch_size=2, **options)


def test_without_zoom_batches_are_what_they_were_and_with_it_they_are_repeatable(ssd: SSD) -> None:
    plain, zero, once, again = (
        [[array.numpy() for array in batch] for batch in batches(ssd, **options)(start)]
        for options, start in (({}, 1), ({"zoom": 0.0}, 1), ({"zoom": 0.3}, 0), ({"zoom": 0.3}, 1))
    )
    for one, other in zip(plain, zero, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)
    for one, other in zip(once[1:], again, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)
    assert not np.array_equal(plain[0][0], again[0][0])


@pytest.mark.parametrize("zoom", [-0.1, 1, float("nan"), "1", True])
def test_a_zoom_that_is_none(ssd: SSD, zoom: object) -> None:
    with pytest.raises(ValueError, match="zoom: expected a"):
        batches(ssd, zoom=zoom)
