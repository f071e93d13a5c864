"""Affine maps, elastic fields and grids of holes, against OpenCV, SciPy and by hand."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from course_utils.deformation import (
    affine_field,
    affine_from_points,
    affine_warp,
    apply_affine,
    compose_affine,
    displacement_field,
    elastic_transform,
    grid_mask,
    grid_pattern,
    invert_affine,
    jacobian_determinant,
    random_affine,
    warp,
    warp_boxes,
    warp_points,
)

# With these, a warp keeps constants; with the two of "constant" zeros come in.
CLOSED_MODES = ("reflect", "grid-mirror", "mirror", "nearest", "wrap", "grid-wrap")
MODES = (*CLOSED_MODES, "constant", "grid-constant")
IDENTITY = np.array([[1.0, 0, 0], [0, 1, 0]])
seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(1, 9)


def scipy_warp(image, field, order, mode):
    return ndimage.map_coordinates(image, np.indices(image.shape) + field, order=order, mode=mode)


# --- affine maps


@settings(deadline=None, max_examples=50)
@given(seeds)
def test_three_points_give_the_map_that_opencv_finds(seed):
    rng = np.random.default_rng(seed)
    source, target = rng.uniform(-50, 50, (2, 3, 2)).astype(np.float32)
    assert np.allclose(
        affine_from_points(source, target), cv2.getAffineTransform(source, target), rtol=1e-4, atol=1e-3
    ) or (abs(np.linalg.det(source[1:] - source[0])) < 50)


@settings(deadline=None, max_examples=50)
@given(seeds)
def test_three_points_land_on_their_targets(seed):
    rng = np.random.default_rng(seed)
    source = np.array([[0.0, 0], [40, 5], [3, 30]]) + rng.uniform(-2, 2, (3, 2))
    target = rng.uniform(-50, 50, (3, 2))
    assert np.allclose(apply_affine(affine_from_points(source, target), source), target)


@pytest.mark.parametrize(
    "points",
    [[[0, 0], [1, 1], [2, 2]], [[1, 2], [1, 2], [3, 4]], [[5, 5]] * 3, [[1e6, 1e6], [2e6, 2e6], [3e6, 3e6]]],
)
def test_collinear_points_raise(points):
    with pytest.raises(ValueError, match=r"source.*line"):
        affine_from_points(points, [[0, 0], [1, 0], [0, 1]])


def test_collinear_targets_flatten_the_plane_and_have_no_inverse():
    flat = affine_from_points([[0, 0], [1, 0], [0, 1]], [[0, 0], [1, 1], [2, 2]])
    with pytest.raises(ValueError, match=r"matrix.*no inverse"):
        invert_affine(flat)


@settings(deadline=None, max_examples=50)
@given(seeds)
def test_composition_and_inverse(seed):
    rng = np.random.default_rng(seed)
    a, b = random_affine((20, 30), rng, 90, 0.5, 0.5, 10, n=2)
    points = rng.uniform(0, 30, (5, 2))
    assert np.allclose(apply_affine(compose_affine(a, b), points), apply_affine(b, apply_affine(a, points)))
    assert np.allclose(compose_affine(a, invert_affine(a)), IDENTITY)
    assert np.allclose(invert_affine(np.stack([a, b]))[1], cv2.invertAffineTransform(b))


def test_a_map_keeps_midpoints_and_scales_every_area_alike():
    matrix = random_affine((20, 30), np.random.default_rng(1), 90, 0.5, 0.5, 10)
    a, b, c = np.array([[1.0, 2], [8, 3], [4, 9]])
    moved = apply_affine(matrix, [a, b, c, (a + b) / 2])
    assert np.allclose(moved[3], (moved[0] + moved[1]) / 2)

    def area(p, q, r):
        return np.linalg.det([q - p, r - p]) / 2

    assert np.isclose(area(*moved[:3]), area(a, b, c) * np.linalg.det(matrix[:, :2]))


def test_a_random_map_without_shift_keeps_the_centre_of_a_non_square_image():
    matrices = random_affine((20, 50), np.random.default_rng(0), 180, 0.5, 0.5, 0, n=20)
    for matrix in matrices:
        assert np.allclose(apply_affine(matrix, [[24.5, 9.5]]), [[24.5, 9.5]])


def test_the_limits_of_a_random_map_are_kept_and_used():
    matrices = random_affine((1, 1), np.random.default_rng(0), 30, 0, 0, 3, n=2000)
    angles = np.rad2deg(np.arctan2(matrices[:, 1, 0], matrices[:, 0, 0]))
    assert 29 < angles.max() <= 30 and -30 <= angles.min() < -29
    assert 2.9 < np.abs(matrices[..., 2]).max() <= 3
    factors = random_affine((9, 9), np.random.default_rng(0), 0, 0.2, 0, 0, n=2000)[:, [0, 1], [0, 1]]
    assert 0.8 <= factors.min() < 0.81 and 1.19 < factors.max() <= 1.2


@pytest.mark.parametrize("flags, order", [(cv2.INTER_LINEAR, 1), (cv2.INTER_NEAREST, 0)])
@pytest.mark.parametrize("border, mode", [(cv2.BORDER_REFLECT, "reflect"), (cv2.BORDER_REFLECT_101, "mirror")])
def test_affine_warp_moves_content_as_opencv_does(flags, order, border, mode):
    rng = np.random.default_rng(0)
    image = ndimage.gaussian_filter(rng.random((40, 60)), 2).astype(np.float32)
    matrix = random_affine((40, 60), rng, 30, 0.2, 0.2, 5)
    ours = affine_warp(image, matrix, order, mode)
    theirs = cv2.warpAffine(image, matrix, (60, 40), flags=flags, borderMode=border)
    # OpenCV may round positions to 1/32 of a pixel.
    assert np.abs(ours - theirs).mean() < 2e-3
    assert np.quantile(np.abs(ours - theirs), 0.95) < 0.01


def test_affine_warp_is_scipys_affine_transform_with_the_inverse():
    rng = np.random.default_rng(0)
    image = rng.random((13, 21))
    matrix = random_affine((13, 21), rng, 40, 0.3, 0.3, 4)
    swap = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 1]])  # (x, y) to (row, column)
    inverse = swap @ np.vstack([invert_affine(matrix), [0, 0, 1]]) @ swap
    assert np.allclose(
        affine_warp(image, matrix), ndimage.affine_transform(image, inverse, order=1, mode="reflect")
    )


def test_a_batch_of_maps_moves_each_image_by_its_own():
    rng = np.random.default_rng(0)
    images = rng.random((3, 8, 9, 2))
    matrices = random_affine((8, 9), rng, 30, 0.1, 0.1, 2, n=3)
    moved = affine_warp(images, matrices)
    for k in range(3):
        assert np.allclose(moved[k], affine_warp(images[k], matrices[k]))
    labels = (images[..., 0] > 0.5).astype(np.uint8)
    assert np.array_equal(affine_warp(labels, matrices, order=0)[1], affine_warp(labels[1], matrices[1], order=0))


# --- warping


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("shape", [(5, 7), (1, 4), (2, 2), (1, 1)])
def test_warp_by_halves_of_a_pixel_rounds_as_scipy_does(shape, mode):
    rng = np.random.default_rng(0)
    image = rng.random(shape)
    for reach in (1, 4, 50):
        field = np.round(rng.normal(0, reach, (2, *shape)) * 2) / 2
        for order in (0, 1):
            assert np.allclose(warp(image, field, order, mode), scipy_warp(image, field, order, mode), atol=1e-9)


@settings(deadline=None, max_examples=50)
@given(
    seeds, sizes, sizes, st.sampled_from([0.1, 1, 5, 60, 3000]), st.sampled_from(MODES), st.sampled_from([0, 1])
)
def test_warp_equals_map_coordinates(seed, height, width, reach, mode, order):
    rng = np.random.default_rng(seed)
    image = rng.random((height, width))
    field = rng.normal(0, reach, (2, height, width))
    assert np.allclose(warp(image, field, order, mode), scipy_warp(image, field, order, mode), atol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_warp_equals_map_coordinates_on_large_images(dtype):
    rng = np.random.default_rng(0)
    image = rng.random((240, 320)).astype(dtype)
    field = displacement_field((240, 320), 300, 8, rng)
    warped = warp(image, field)
    assert warped.dtype == dtype
    assert np.abs(warped - scipy_warp(image.astype(float), field, 1, "reflect")).max() < 1e-5


def test_ties_of_the_nearest_pixel_round_up_as_in_scipy():
    image = np.arange(6.0).reshape(2, 3)
    field = np.full((2, 2, 3), 0.5)
    assert np.array_equal(warp(image, field, 0), scipy_warp(image, field, 0, "reflect"))
    below = np.full((2, 2, 3), np.nextafter(np.float32(0.5), np.float32(0)))
    assert np.array_equal(warp(image, below, 0), image)


@settings(deadline=None, max_examples=50)
@given(seeds, st.sampled_from(MODES), st.sampled_from([0, 1]))
def test_a_zero_field_changes_nothing(seed, mode, order):
    image = np.random.default_rng(seed).random((5, 7, 3), dtype=np.float32)
    assert np.array_equal(warp(image, np.zeros((2, 5, 7)), order, mode), image)


@settings(deadline=None, max_examples=50)
@given(st.integers(-20, 20), st.integers(-20, 20), st.sampled_from([0, 1]))
def test_an_integer_field_is_a_shift(dy, dx, order):
    image = np.arange(35.0).reshape(5, 7)
    field = np.stack([np.full((5, 7), dy), np.full((5, 7), dx)])
    assert np.array_equal(warp(image, field, order, "grid-wrap"), np.roll(image, (-dy, -dx), axis=(0, 1)))


@settings(deadline=None, max_examples=50)
@given(
    hnp.arrays(np.float64, (2, 5, 7), elements=st.floats(-1e6, 1e6)),
    st.floats(0, 1),
    st.sampled_from(CLOSED_MODES),
)
def test_a_constant_image_stays_constant(field, grey, mode):
    image = np.full((5, 7), grey)
    assert np.array_equal(warp(image, field, mode=mode), image)


def test_batches_channels_and_label_maps():
    rng = np.random.default_rng(0)
    fields = displacement_field((6, 8), 20, 2, rng, n=3)
    images = rng.random((3, 6, 8, 2))
    warped = warp(images, fields)
    for n in range(3):
        for c in range(2):
            assert np.allclose(warped[n, ..., c], scipy_warp(images[n, ..., c], fields[n], 1, "reflect"))
    one = warp(images, fields[1])
    assert np.allclose(one[0], warp(images[0], fields[1])) and np.allclose(one[1], warped[1])
    labels = rng.integers(0, 4, (3, 6, 8)).astype(np.uint8)
    maps = warp(labels, fields, order=0)
    assert warp(labels > 1, fields, order=0).dtype == bool
    assert maps.dtype == np.uint8 and np.array_equal(maps[2], warp(labels[2], fields[2], order=0))
    assert warp(np.zeros((0, 6, 8, 1)), fields[0]).shape == (0, 6, 8, 1)


def test_more_images_than_a_chunk():
    rng = np.random.default_rng(0)
    images = rng.random((70, 28, 28, 1), dtype=np.float32)
    fields = displacement_field((28, 28), 34, 4, rng, n=70)
    warped = warp(images, fields)
    for n in (0, 63, 64, 69):
        assert np.allclose(warped[n, ..., 0], scipy_warp(images[n, ..., 0], fields[n], 1, "reflect"), atol=1e-5)


# --- elastic fields


def test_a_field_is_smoothed_noise_times_alpha():
    field = displacement_field((30, 41), 34, 4, np.random.default_rng(3))
    noise = 2 * np.random.default_rng(3).random((2, 30, 41), dtype=np.float32) - 1
    smooth = [34 * ndimage.gaussian_filter(component.astype(float), 4) for component in noise]
    assert field.dtype == np.float32 and np.allclose(field, smooth, atol=1e-5)


@pytest.mark.parametrize("sigma", [1, 2, 4])
def test_the_spread_of_a_field_follows_the_formula(sigma):
    fields = displacement_field((400, 400), 34, sigma, np.random.default_rng(0), n=2)
    inner = fields[..., 40:-40, 40:-40]
    assert np.isclose(inner.std(), 34 / (np.sqrt(3) * 2 * np.sqrt(np.pi) * sigma), rtol=0.05)


def test_alpha_scales_the_field():
    one = displacement_field((9, 9), 1, 2, np.random.default_rng(0))
    assert np.allclose(displacement_field((9, 9), 7, 2, np.random.default_rng(0)), 7 * one, atol=1e-5)
    assert not displacement_field((9, 9), 0, 2, np.random.default_rng(0)).any()


def test_elastic_transform_is_warp_by_the_fields_of_the_same_generator():
    images = np.random.default_rng(1).random((150, 28, 28, 1), dtype=np.float32)
    fields = displacement_field((28, 28), 34, 4, np.random.default_rng(2), n=150)
    assert np.array_equal(elastic_transform(images, 34, 4, np.random.default_rng(2)), warp(images, fields))


@pytest.mark.parametrize("shape", [(20, 30), (20, 30, 3), (4, 20, 30, 3), (1, 20, 30, 1)])
def test_label_maps_follow_their_images(shape):
    rng = np.random.default_rng(0)
    label_shape = shape if len(shape) == 2 else shape[:-1]
    labels = rng.choice(np.array([0, 2, 7, 255], np.uint8), label_shape)
    images = np.zeros(shape)
    warped, maps = elastic_transform(images, 34, 4, np.random.default_rng(5), labels)
    assert warped.shape == shape and maps.shape == label_shape and maps.dtype == np.uint8
    assert set(np.unique(maps)) <= {0, 2, 7, 255}
    assert np.array_equal(warped, elastic_transform(images, 34, 4, np.random.default_rng(5)))


def test_an_image_of_its_labels_moves_with_them():
    labels = np.zeros((40, 50), np.uint8)
    labels[10:30, 15:40] = 1
    image, maps = elastic_transform(labels.astype(float), 34, 4, np.random.default_rng(0), labels)
    assert np.array_equal(maps == 1, image >= 0.5) or np.mean((maps == 1) != (image >= 0.5)) < 0.02


def test_all_channels_of_an_image_move_together():
    grey = np.random.default_rng(0).random((20, 20, 1)).repeat(3, axis=2)
    warped = elastic_transform(grey, 34, 2, np.random.default_rng(0))
    assert np.array_equal(warped[..., 0], warped[..., 1]) and np.array_equal(warped[..., 0], warped[..., 2])


def test_jacobian_by_hand():
    y, x = np.mgrid[:5, :6].astype(float)
    stretch = np.stack([y, 2 * x])  # area times (1 + 1)(1 + 2)
    assert np.allclose(jacobian_determinant(stretch), 6)
    mirrored = np.stack([0 * y, -2 * x])
    assert np.allclose(jacobian_determinant(mirrored), -1)
    turn = affine_field((5, 6), compose_affine([[0, -1, 0], [1, 0, 0]]))
    assert np.allclose(jacobian_determinant(np.stack([turn, stretch])), [np.ones((5, 6)), np.full((5, 6), 6)])


# --- two deformations in one


@settings(deadline=None, max_examples=30)
@given(seeds)
def test_an_affine_map_and_a_field_in_one_warp_read_where_two_warps_read(seed):
    rng = np.random.default_rng(seed)
    matrices = random_affine((30, 40), rng, 20, 0.2, 0.2, 2, n=3)
    fields = displacement_field((30, 40), 30, 4, rng, n=3)
    both = affine_field((30, 40), matrices, then=fields)
    # A ramp is interpolated without error, so two warps read it as well as one does, away from the border.
    ramp = np.add.outer(2 * np.arange(30.0), np.arange(40.0))
    y, x = np.indices((30, 40))[:, np.newaxis] + fields.transpose(1, 0, 2, 3)
    place = np.stack([y, x]) + np.stack(
        [
            [ndimage.map_coordinates(d, [v, u], order=1, mode="nearest") for d in affine]
            for affine, v, u in zip(affine_field((30, 40), matrices), y, x, strict=True)
        ],
        axis=1,
    )
    away = (place[0] > 0) & (place[0] < 29) & (place[1] > 0) & (place[1] < 39)
    away &= (y > 0) & (y < 29) & (x > 0) & (x < 39)
    once = warp(np.stack([ramp] * 3), both)
    assert away.mean() > 0.3
    assert np.allclose(once[away], (2 * place[0] + place[1])[away], atol=1e-4)


def test_without_a_second_deformation_the_field_is_that_of_the_map_alone():
    matrix = random_affine((5, 6), np.random.default_rng(0), 20, 0.2, 0.2, 2)
    alone = affine_field((5, 6), matrix)
    assert np.allclose(affine_field((5, 6), matrix, then=np.zeros((2, 5, 6))), alone)
    field = np.random.default_rng(1).normal(size=(4, 2, 5, 6))
    assert np.allclose(affine_field((5, 6), IDENTITY, then=field), field)
    one_by_one = np.stack([affine_field((5, 6), matrix, then=one) for one in field])
    assert np.allclose(affine_field((5, 6), matrix, then=field), one_by_one)


# --- points and boxes


def test_points_follow_affine_maps_and_read_back_where_they_came_from():
    rng = np.random.default_rng(0)
    points = rng.uniform(20, 40, (7, 2))
    matrix = random_affine((60, 60), rng, 20, 0.1, 0.1, 2)
    assert np.allclose(
        warp_points(points, affine_field((60, 60), matrix)), apply_affine(matrix, points), atol=1e-4
    )
    field = displacement_field((60, 60), 100, 6, rng)
    found = warp_points(points, field)
    there = np.stack([ndimage.map_coordinates(d, found.T[::-1], order=1) for d in field[::-1]], axis=1)
    assert np.allclose(found + there, points, atol=1e-4)
    corners = warp_points(points - 0.5, field) + 0.5  # a box without size is a point, half a pixel on
    assert np.allclose(warp_boxes(np.concatenate([points, points], axis=1), field)[:, :2], corners, atol=1e-4)


def test_points_may_leave_the_image_and_may_be_none():
    left = np.stack([np.zeros((9, 9)), np.full((9, 9), 7.0)])
    assert np.allclose(warp_points([[1.0, 1.0]], left), [[-6, 1]])
    assert warp_points(np.zeros((0, 2)), np.zeros((2, 9, 9))).shape == (0, 2)


@settings(deadline=None, max_examples=50)
@given(seeds)
def test_boxes_follow_zero_and_integer_fields_exactly(seed):
    rng = np.random.default_rng(seed)
    corners = rng.uniform(2, 18, (4, 2, 2))
    boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
    assert np.allclose(warp_boxes(boxes, np.zeros((2, 20, 20))), boxes, atol=1e-9)
    dy, dx = rng.integers(-2, 3, 2)
    field = np.stack([np.full((20, 20), dy), np.full((20, 20), dx)])
    assert np.allclose(warp_boxes(boxes, field), boxes - [dx, dy, dx, dy], atol=1e-9)


@pytest.mark.parametrize("sigma", [4, 6, 8])
def test_boxes_hold_the_warped_content(sigma):
    rng = np.random.default_rng(sigma)
    for _ in range(10):
        field = displacement_field((60, 80), 2 * sigma**2, sigma, rng)
        mask = np.zeros((60, 80), np.uint8)
        mask[15:40, 20:60] = 1
        (found,) = warp_boxes([[20.0, 15, 60, 40]], field)
        rows, columns = np.nonzero(warp(mask, field, order=0))
        content = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert np.abs(found - content).max() < 1.5


def test_boxes_follow_affine_maps():
    matrix = random_affine((60, 80), np.random.default_rng(0), 20, 0.1, 0.1, 2)
    (found,) = warp_boxes([[30.0, 20, 50, 40]], affine_field((60, 80), matrix))
    corners = np.array([[30, 20], [50, 20], [30, 40], [50, 40]]) - 0.5
    moved = apply_affine(matrix, corners) + 0.5
    assert np.allclose(found, [*moved.min(axis=0), *moved.max(axis=0)], atol=1e-4)


def test_a_box_that_leaves_the_image_has_no_size():
    (gone,) = warp_boxes([[1.0, 1, 3, 3]], np.stack([np.zeros((9, 9)), np.full((9, 9), 7.0)]))
    assert gone[2] - gone[0] == 0
    assert warp_boxes(np.zeros((0, 4)), np.zeros((2, 9, 9))).shape == (0, 4)


# --- grids


@pytest.mark.parametrize("period, keep", [(8, 0.5), (10, 0.6), (7, 0.5), (5.5, 0.3)])
def test_the_share_of_pixels_kept(period, keep):
    patterns = grid_pattern((64, 48), period, keep, np.random.default_rng(0), n=2000)
    assert np.isclose(patterns.mean(), 1 - (1 - keep) ** 2, atol=0.01)


def test_a_grid_has_square_holes_at_its_period():
    pattern = grid_pattern((40, 40), 10, 0.6, np.random.default_rng(0))
    holes, count = ndimage.label(~pattern)
    whole = [s for s in ndimage.find_objects(holes) if all(e.start > 0 and e.stop < 40 for e in s)]
    assert count >= 9 and {(s[0].stop - s[0].start, s[1].stop - s[1].start) for s in whole} == {(4, 4)}
    starts = sorted({s[0].start for s in whole})
    assert set(np.diff(starts)) == {10}


@pytest.mark.parametrize("shape", [(30, 20), (30, 20, 3), (5, 30, 20, 2)])
def test_grid_mask_hides_all_channels_alike(shape):
    images = np.random.default_rng(0).random(shape, dtype=np.float32) + 1
    masked = grid_mask(images, 8, 0.5, np.random.default_rng(1))
    n = shape[0] if len(shape) == 4 else None
    spatial = shape[1:3] if n else shape[:2]
    kept = grid_pattern(spatial, 8, 0.5, np.random.default_rng(1), n=n)
    kept = kept if len(shape) == 2 else kept[..., np.newaxis]
    assert masked.dtype == np.float32 and np.array_equal(masked, images * kept)


def test_keeping_everything_and_nothing():
    assert grid_pattern((9, 9), 4, 1, np.random.default_rng(0)).all()
    assert not grid_pattern((9, 9), 4, 0, np.random.default_rng(0)).any()


# --- bad input

IMAGE, FIELD, RNG = np.zeros((5, 6)), np.zeros((2, 5, 6)), np.random.default_rng(0)
WITH_NAN = np.where(np.eye(5, 6) > 0, np.nan, 0.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: affine_from_points(np.zeros((4, 2)), np.zeros((3, 2))), r"source: .*\(3, 2\).*\(4, 2\)"),
        (lambda: affine_from_points(np.zeros((3, 2)), np.zeros((2, 3))), r"target: .*\(2, 3\)"),
        (lambda: affine_from_points([[0, 0], [1, 0], [0, np.inf]], np.zeros((3, 2))), "source: .*finite"),
        (lambda: apply_affine(IDENTITY, [[1, 2, 3]]), r"points: .*\(1, 3\)"),
        (lambda: apply_affine(np.eye(3), [[1, 2]]), r"matrix: .*\(3, 3\)"),
        (lambda: compose_affine(), "matrices"),
        (lambda: compose_affine(IDENTITY, np.eye(3)), r"matrices\[1\]"),
        (lambda: affine_warp(IMAGE, [[1, 2, 0], [2, 4, 0]]), "matrix: .*no inverse"),
        (lambda: affine_warp(np.zeros(5), IDENTITY), r"images: .*\(5,\)"),
        (lambda: random_affine((5, 6), RNG, -1, 0, 0, 0), "rotation: .*-1"),
        (lambda: random_affine((5, 6), RNG, 0, 1, 0, 0), "scale: .*1"),
        (lambda: random_affine((5, 6), RNG, 0, 0, np.nan, 0), "shear: .*nan"),
        (lambda: random_affine((5, 6, 3), RNG, 0, 0, 0, 0), r"shape: .*\(5, 6, 3\)"),
        (lambda: warp(IMAGE, np.zeros((2, 6, 5))), r"field: .*\(2, 6, 5\).*\(5, 6\)"),
        (lambda: warp(IMAGE, np.zeros((3, 5, 6))), r"field: .*\(3, 5, 6\)"),
        (lambda: warp(IMAGE, np.zeros((1, 2, 5, 6))), "field"),
        (lambda: warp(np.zeros((3, 5, 6, 1)), np.zeros((2, 2, 5, 6))), "field"),
        (lambda: warp(WITH_NAN, FIELD), r"images: 5 of 30 values are NaN, the first at index \(0, 0\)"),
        (lambda: warp(IMAGE, FIELD + np.inf), "field: .*inf at index"),
        (lambda: warp(np.zeros((0, 6)), np.zeros((2, 0, 6))), r"images: .*\(0, 6\)"),
        (lambda: warp(IMAGE, np.zeros((2, 0, 6))), r"field: .*\(2, 0, 6\)"),
        (lambda: warp(np.zeros((5, 6, 0)), FIELD), r"images: .*\(5, 6, 0\)"),
        (lambda: warp(np.where(IMAGE > 0, IMAGE, np.inf), FIELD), "images: .*inf at index"),
        (lambda: elastic_transform(np.zeros((0, 6)), 34, 4, RNG), r"images: .*\(0, 6\)"),
        (lambda: affine_warp(np.zeros((0, 6)), IDENTITY), r"images: .*\(0, 6\)"),
        (lambda: grid_mask(np.zeros((2, 5, 0, 1)), 4, 0.5, RNG), r"images: .*\(2, 5, 0, 1\)"),
        (lambda: displacement_field((5, 6), 34, 4, 0), "rng: .*default_rng.*0"),
        (lambda: random_affine((5, 6), None, 0, 0, 0, 0), "rng: .*None"),
        (lambda: grid_mask(IMAGE, 4, 0.5, 7), "rng: .*7"),
        (lambda: displacement_field(5, 34, 4, RNG), "shape: .*5"),
        (lambda: warp(IMAGE > 0, FIELD), "images: expected real numbers, got dtype bool"),
        (lambda: warp(IMAGE, FIELD, order=3), "order: .*3"),
        (lambda: warp(IMAGE, FIELD, mode="circular"), "mode: .*'circular'"),
        (lambda: warp(np.zeros(5), FIELD), r"images: .*\(5,\)"),
        (lambda: displacement_field((5, 6), 34, 0, RNG), "sigma: .*0"),
        (lambda: displacement_field((5, 6), 34, -1, RNG), "sigma: .*-1"),
        (lambda: displacement_field((5, 6), -34, 4, RNG), "alpha: .*-34"),
        (lambda: displacement_field((5, 0), 34, 4, RNG), "shape"),
        (lambda: displacement_field((5, 6), 34, 4, RNG, n=-1), "n: .*-1"),
        (lambda: elastic_transform(WITH_NAN, 34, 4, RNG), "images: .*NaN"),
        (lambda: elastic_transform(np.zeros(5), 34, 4, RNG), "images"),
        (lambda: elastic_transform(IMAGE, 34, 4, RNG, IMAGE), "label_maps: expected integers, got dtype float64"),
        (lambda: elastic_transform(IMAGE, 34, 4, RNG, np.zeros((6, 5), int)), r"label_maps: .*\(5, 6\).*\(6, 5\)"),
        (lambda: jacobian_determinant(np.zeros((2, 1, 5))), "field"),
        (lambda: affine_field((5, 6), IDENTITY, then=np.zeros((2, 6, 5))), r"then: .*\(2, 6, 5\)"),
        (lambda: affine_field((5, 6), [IDENTITY] * 2, then=np.zeros((3, 2, 5, 6))), "then"),
        (lambda: affine_field((5, 6), IDENTITY, then=np.full((2, 5, 6), np.inf)), "then"),
        (lambda: warp_points([[0, 0, 1]], FIELD), r"points: .*\(1, 3\)"),
        (lambda: warp_points([[0, np.nan]], FIELD), "points: .*NaN"),
        (lambda: warp_points([[0, 0]], np.zeros((1, 2, 5, 6))), "field"),
        (lambda: warp_boxes([[0, 0, 1, 1]], np.zeros((1, 2, 5, 6))), "field"),
        (lambda: warp_boxes([[0, 0, 1]], FIELD), r"boxes: .*\(1, 3\)"),
        (lambda: warp_boxes([[0, 0, 1, 1], [3, 0, 1, 1]], FIELD), "boxes: expected x_min ≤ x_max .* at index 1"),
        (lambda: grid_mask(IMAGE, 0, 0.5, RNG), "period: .*0"),
        (lambda: grid_mask(IMAGE, 4, 1.5, RNG), "keep_ratio: .*1.5"),
        (lambda: grid_mask(WITH_NAN, 4, 0.5, RNG), "images: .*NaN"),
        (lambda: grid_mask(np.zeros(5), 4, 0.5, RNG), "images"),
        (lambda: grid_pattern((5, 6), "wide", 0.5, RNG), "period: .*'wide'"),
    ],
)
def test_bad_input_raises_and_says_what(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_grey_images_beside_label_maps_may_come_without_a_channel_axis():
    rng = np.random.default_rng(0)
    images, maps = rng.random((3, 8, 9)), rng.choice([0, 1, 255], (3, 8, 9)).astype(np.uint8)
    grey, grey_maps = elastic_transform(images, 34, 4, np.random.default_rng(1), maps)
    full, full_maps = elastic_transform(images[..., np.newaxis], 34, 4, np.random.default_rng(1), maps)
    assert np.array_equal(grey, full[..., 0])
    assert np.array_equal(grey_maps, full_maps)


def test_a_very_large_sigma_gives_the_mean_at_once():
    field = displacement_field((8, 9), 34, 1e9, np.random.default_rng(0))
    near = displacement_field((8, 9), 34, 800, np.random.default_rng(0))
    assert np.ptp(field[0]) < 1e-5
    assert np.allclose(field, near, atol=1e-3)


def test_a_box_far_larger_than_the_image_is_clipped_to_it():
    assert np.array_equal(warp_boxes([[-1e9, 0, 1e9, 3]], np.zeros((2, 5, 7))), [[0, 0, 7, 3]])


def turn(size, degrees):
    angle, middle = np.deg2rad(degrees), (size - 1) / 2
    linear = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.column_stack([linear, middle - linear @ [middle, middle]])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("degrees", [90, 180, 270, 360])
@pytest.mark.parametrize("size", [3, 8, 29, 100])
def test_a_turn_that_rounding_blurs_loses_no_pixel(size, degrees, dtype):
    image = np.random.default_rng(size).uniform(1, 2, (size, size))
    for order in (0, 1):
        for mode in ("constant", "wrap", "nearest"):
            turned = affine_warp(image, turn(size, degrees).astype(dtype), order, mode)
            np.testing.assert_allclose(turned, np.rot90(image, -degrees // 90), atol=1e-3)


def test_a_map_and_its_inverse_lose_no_pixel():
    rng = np.random.default_rng(0)
    for matrix in random_affine((16, 16), rng, 180, 0.3, 0.3, 5, n=100):
        there_and_back = compose_affine(matrix, invert_affine(matrix))
        np.testing.assert_allclose(affine_warp(np.ones((16, 16)), there_and_back, mode="constant"), 1)


def test_what_lies_further_out_than_rounding_is_outside():
    for step in (1e-6, -1e-6):
        moved = affine_warp(np.ones((4, 4)), [[1, 0, step], [0, 1, 0]], mode="constant")
        assert (moved == 0).sum() == 4


def test_warp_itself_keeps_scipys_border():
    """SciPy loses what a rounding error takes outside, and `warp` equals it."""
    field = np.zeros((2, 3, 3))
    field[1, :, 2] = 1e-15
    theirs = ndimage.map_coordinates(np.ones((3, 3)), np.indices((3, 3)) + field, order=1, mode="constant")
    np.testing.assert_array_equal(warp(np.ones((3, 3)), field, mode="constant"), theirs)
    assert (theirs == 0).sum() == 3


@pytest.mark.parametrize("sigma", [5e-324, 1e-200, 0.1])
def test_a_kernel_of_one_pixel_leaves_the_noise(sigma):
    noise = np.random.default_rng(0).random((2, 5, 6), dtype=np.float32)
    field = displacement_field((5, 6), 3.0, sigma, np.random.default_rng(0))
    np.testing.assert_allclose(field, 3 * (2 * noise - 1), rtol=1e-5, atol=1e-6)
