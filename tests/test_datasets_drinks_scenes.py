"""The rendered scenes: the same bytes on every version, and annotations that agree with the pixels."""

import hashlib

import numpy as np
import pytest
from skimage.measure import points_in_poly

from course_utils.annotations.polygons import polygon_coverage
from course_utils.datasets import CLASS_NAMES, Scene, render_scene

# Made with NumPy 2.4 and SciPy 1.17, and the same with NumPy 2.1.3 and SciPy 1.16.3; on Python 3.11.
HASHES = {
    (0, 96, 128): "c55ce8bb5018a8f6fa448907682a916ffd3d7d68ea705813f9bf8c58a330df6f",
    (1, 96, 128): "bdea0dfc08ff99ad4a8af6256c829c14d761d5406bb5eaf2c51865b224031baa",
    (1, 240, 320): "d51bec5c414978bd7adf542d8a6fbd214cbd946d7fb33fd64f4d13bc2272c4d8",
    (2, 96, 128): "fa1cb56f570cff73b44c93e999b351038b89b035e91d57f9c9c0057a08745403",
}


def scene(index: int, height: int = 96, width: int = 128, difficulty: int = 1) -> Scene:
    return render_scene(np.random.default_rng([7, index]), height, width, difficulty)


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [scene(i) for i in range(30)]


@pytest.mark.parametrize(("difficulty", "height", "width"), HASHES)
def test_same_bytes_on_every_version(difficulty: int, height: int, width: int) -> None:
    digest = hashlib.sha256()
    for index in range(12):
        made = scene(index, height, width, difficulty)
        for array in (made.image, made.boxes, made.class_ids, made.label_map, made.instance_ids, *made.polygons):
            digest.update(np.ascontiguousarray(array).tobytes())
    assert digest.hexdigest() == HASHES[difficulty, height, width]


def test_fields_have_the_documented_types(scenes: list[Scene]) -> None:
    for made in scenes:
        n = len(made.boxes)
        assert made.image.shape == (96, 128, 3) and made.image.dtype == np.uint8
        assert made.label_map.shape == made.instance_ids.shape == (96, 128)
        assert made.label_map.dtype == made.instance_ids.dtype == np.uint8
        assert made.boxes.shape == (n, 4) and made.boxes.dtype == np.float64
        assert made.class_ids.shape == (n,) and made.class_ids.dtype == np.int64
        assert len(made.polygons) == n and all(p.ndim == 2 and p.shape[1] == 2 for p in made.polygons)
        assert all((1024 * polygon % 1 == 0).all() for polygon in made.polygons)


def test_annotations_agree_with_the_pixels(scenes: list[Scene]) -> None:
    for made in scenes:
        assert set(np.unique(made.instance_ids)) <= set(range(len(made.boxes) + 1))
        for index, (box, class_id) in enumerate(zip(made.boxes, made.class_ids, strict=True)):
            rows, columns = np.nonzero(made.instance_ids == index + 1)
            assert box.tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            assert (made.label_map[rows, columns] == class_id).all()
        assert ((made.label_map == 0) == (made.instance_ids == 0)).all()


def test_every_drink_can_be_seen(scenes: list[Scene]) -> None:
    """A quarter of what lies in the image at least: its outline's pixels, before anything hid it."""
    for made in scenes:
        for index, polygon in enumerate(made.polygons):
            covered = polygon_coverage(polygon, 96, 128)
            assert covered is not None
            whole = int((covered[2] > 0.5).sum())
            assert int((made.instance_ids == index + 1).sum()) >= 0.25 * whole


def test_scenes_are_varied() -> None:
    made = [scene(i) for i in range(60, 180)]
    counts = np.bincount([len(s.boxes) for s in made], minlength=5)
    assert counts[0] > 0 and (counts[1:5] > 10).all()
    ids = np.bincount(np.concatenate([s.class_ids for s in made]), minlength=len(CLASS_NAMES))
    assert ids[0] == 0 and ids[1:].min() > 0.26 * ids.sum()
    background = np.mean([(s.label_map == 0).mean() for s in made])
    assert 0.75 < background < 0.9


def test_the_size_of_the_image_is_free() -> None:
    made = scene(0, 33, 200)
    assert made.image.shape == (33, 200, 3)


def test_difficulty_adds_clutter() -> None:
    def edges(difficulty: int) -> float:
        images = [scene(i, difficulty=difficulty).image.astype(float) for i in range(25)]
        return float(np.mean([np.abs(np.diff(image, axis=1)).mean() for image in images]))

    assert edges(0) < 0.95 * edges(2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 96, 128), "rng: expected a numpy.random.Generator, such as np.random.default_rng\\(0\\), got 0"),
        ((np.random.default_rng(0), 31, 128), "height: expected an integer of 32 or more, got 31"),
        ((np.random.default_rng(0), 96, 128.0), "width: expected an integer of 32 or more, got 128.0"),
        ((np.random.default_rng(0), 96, 128, 3), "difficulty: expected an integer from 0 to 2, got 3"),
        ((np.random.default_rng(0), 96, 128, True), "difficulty: expected an integer"),
    ],
)
def test_bad_arguments(arguments: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        render_scene(*arguments)


def test_coverage_against_points_in_the_polygon() -> None:
    rng = np.random.default_rng(0)
    fine = (np.arange(12 * 16) + 0.5) / 16
    points = np.stack(np.meshgrid(fine, fine), axis=-1).reshape(-1, 2)
    for _ in range(60):
        angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 9)))
        radius = rng.uniform(1, 7, len(angles))
        polygon = 6 + np.stack([radius * np.cos(angles), radius * np.sin(angles)], axis=1)
        inside = points_in_poly(points, polygon).reshape(12, 16, 12, 16).mean(axis=(1, 3))
        covered = polygon_coverage(polygon, 12, 12)
        assert covered is not None
        row, column, window = covered
        coverage = np.zeros((12, 12))
        coverage[row : row + window.shape[0], column : column + window.shape[1]] = window
        assert np.abs(coverage - inside).max() < 0.15  # four lines a pixel against sixteen
        assert abs(coverage.sum() - inside.sum()) < 0.6


def test_coverage_outside_the_image_is_none() -> None:
    assert polygon_coverage(np.array([[-5.0, 0], [-1, 0], [-1, 4]]), 10, 10) is None
