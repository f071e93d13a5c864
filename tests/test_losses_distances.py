"""Distance and weight maps against SciPy and slow definitions."""

import numpy as np
import pytest
from scipy import ndimage

from course_utils.losses import signed_distance_maps, unet_weight_map


@pytest.fixture
def maps():
    rng = np.random.default_rng(1)
    smooth = ndimage.gaussian_filter(rng.normal(size=(2, 3, 20, 24)), (0, 0, 2, 2))
    return smooth.argmax(axis=1).astype(np.uint8)


def test_signed_distances_are_scipys(maps):
    distances = signed_distance_maps(maps, 4)
    assert distances.shape == (2, 20, 24, 4)
    assert distances.dtype == np.float32
    for image, class_id in np.ndindex(2, 3):
        inside = maps[image] == class_id
        expected = ndimage.distance_transform_edt(~inside) - ndimage.distance_transform_edt(inside)
        np.testing.assert_allclose(distances[image, ..., class_id], expected, rtol=1e-6)
        assert (distances[image][inside, class_id] <= -1).all()
        assert (distances[image][~inside, class_id] >= 1).all()
    assert (distances[..., 3] == 0).all()  # a class that no image has


def test_signed_distances_by_brute_force(maps):
    maps = maps[:1, :9, :9].copy()
    maps[0, 4, 2:6] = 255
    distances = signed_distance_maps(maps, 3)[0]
    places = np.argwhere(maps[0] >= 0)
    for place in places:
        for class_id in np.unique(maps[0][maps[0] != 255]):
            here = maps[0][tuple(place)]
            if here == 255:
                expected = 0.0
            else:
                wanted = (maps[0] != class_id) & (maps[0] != 255) if here == class_id else maps[0] == class_id
                expected = np.sqrt(((np.argwhere(wanted) - place) ** 2).sum(axis=1).min())
                expected *= -1 if here == class_id else 1
            assert distances[(*place, class_id)] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("value", [0, 1, 255])
def test_without_an_outline_all_distances_are_0(value):
    assert (signed_distance_maps(np.full((1, 3, 4), value), 2) == 0).all()


def test_a_structure_one_pixel_wide_still_pulls():
    maps = np.zeros((1, 5, 5), int)
    maps[0, 2] = 1
    assert (signed_distance_maps(maps, 2)[0, 2, :, 1] == -1).all()


@pytest.mark.parametrize(
    ("maps", "n_classes", "message"),
    [
        (np.zeros((3, 3), int), 2, r"label_maps: expected shape \(N, H, W\)"),
        (np.full((1, 3, 3), 2), 2, "label_maps: expected 0 to 1, or 255"),
        (np.zeros((1, 3, 3)), 2, "label_maps: expected integers"),
        (np.zeros((1, 3, 3), int), 0, "n_classes: expected an integer from 1 to 255, got 0"),
        (np.zeros((1, 3, 3), int), 2.0, "n_classes: expected an integer"),
        (np.zeros((1, 3, 3), int), True, "n_classes: expected an integer"),
    ],
)
def test_signed_distances_of_bad_input_raise(maps, n_classes, message):
    with pytest.raises(ValueError, match=message):
        signed_distance_maps(maps, n_classes)


def three_cells():
    cells = np.zeros((16, 20), np.uint8)
    cells[2:8, 2:8] = 1
    cells[2:8, 10:16] = 2
    cells[11:15, 4:12] = 1
    return cells


def test_unet_weights_by_the_formula():
    cells = three_cells()
    to_each = [ndimage.distance_transform_edt(~np.pad(np.ones(size, bool), pad)) for size, pad in (
        ((6, 6), ((2, 8), (2, 12))), ((6, 6), ((2, 8), (10, 4))), ((4, 8), ((11, 1), (4, 8))),
    )]  # fmt: skip
    d1, d2 = np.sort(to_each, axis=0)[:2]
    expected = 1 + np.where(cells == 0, 10 * np.exp(-((d1 + d2) ** 2) / 50), 0)
    np.testing.assert_allclose(unet_weight_map(cells), expected)
    other = unet_weight_map(cells, class_weights=[0.5, 2, 3], w0=4, sigma=2)
    border = np.where(cells == 0, 4 * np.exp(-((d1 + d2) ** 2) / 8), 0)
    np.testing.assert_allclose(other, np.array([0.5, 2, 3])[cells] + border)


def test_unet_weights_are_highest_between_the_cells_and_take_instances_or_classes():
    cells = three_cells()
    weights = unet_weight_map(cells)
    assert weights[5, 8] > 5 > 2 > weights[0, 0] > 1
    instances = np.where(cells > 0, ndimage.label(cells > 0)[0], 0)
    np.testing.assert_array_equal(unet_weight_map(instances), weights)


def test_unet_weights_touching_instances_are_two_objects():
    touching = np.array([[0, 1, 2, 0]])
    assert unet_weight_map(touching, sigma=1)[0, 0] == pytest.approx(1 + 10 * np.exp(-4.5))


def test_unet_weights_with_fewer_than_two_cells_or_ignored_pixels():
    assert (unet_weight_map(np.zeros((4, 4), int)) == 1).all()
    one = np.zeros((4, 4), int)
    one[1, 1] = 1
    assert (unet_weight_map(one) == 1).all()
    one[2] = 255
    assert (unet_weight_map(one)[2] == 0).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"label_map": np.zeros((1, 4, 4), int)}, r"label_map: expected shape \(H, W\)"),
        ({"label_map": [[0.0]]}, "label_map: expected integers"),
        ({"label_map": [[2]], "class_weights": [1, 1]}, "label_map: expected 0 to 1"),
        ({"label_map": [[0]], "class_weights": [-1]}, "class_weights: expected numbers of 0 or more, one an id"),
        ({"label_map": [[0]], "w0": -1}, "w0: expected"),
        ({"label_map": [[0]], "w0": "a"}, "w0: expected"),
        ({"label_map": [[0]], "class_weights": "a"}, "class_weights: expected"),
        ({"label_map": [[0]], "sigma": 0}, "sigma: expected"),
    ],
)
def test_unet_weights_of_bad_input_raise(arguments, message):
    with pytest.raises(ValueError, match=message):
        unet_weight_map(**arguments)
