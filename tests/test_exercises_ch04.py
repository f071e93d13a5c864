"""The checker of chapter 04 against the wrong answers that students give."""

import numpy as np
import pytest
from scipy import ndimage

from course_utils.checks import check
from course_utils.exercises import CHAPTERS
from course_utils.exercises.ch04 import EXERCISES
from exercise_answers import WrongAnswer, assert_enough_wrong_answers, assert_mistakes_are_named, assert_rejected


def solved(source, target):
    return np.linalg.solve(np.column_stack([source, np.ones(3)]), target)


def rotation_about(x, y, radians):
    c, s = np.cos(radians), np.sin(radians)
    return np.array([[c, -s, x - c * x + s * y], [s, c, y - s * x - c * y]])


def sampled(image, field, order=1, mode="reflect"):
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    return ndimage.map_coordinates(image, [y + field[0], x + field[1]], order=order, mode=mode)


def determinant(field):
    dy_y, dy_x = np.gradient(field[0])
    dx_y, dx_x = np.gradient(field[1])
    return (1 + dy_y) * (1 + dx_x) - dy_x * dx_y


def normalised(noise, alpha, sigma):
    smooth = ndimage.gaussian_filter(noise, (0, sigma, sigma))
    return alpha * smooth / np.abs(smooth).max()


def looked_up(rgb, palette, fill=255, dtype=np.uint8, weights=(65536, 256, 1)):
    table = np.full(2**24, fill, dtype)
    weights = np.array(weights)
    table[palette @ weights] = np.arange(len(palette))
    return table[rgb @ weights]


def packed_in_bytes(rgb, palette):
    table = np.full(256, 255, np.uint8)
    table[(palette[:, 0] << 16) + (palette[:, 1] << 8) + palette[:, 2]] = np.arange(len(palette))
    return table[(rgb[..., 0] << 16) + (rgb[..., 1] << 8) + rgb[..., 2]]


def by_comparison(rgb, palette, agree):
    labels = np.full(rgb.shape[:2], 255, np.uint8)
    for class_id, colour in enumerate(palette):
        labels[agree(rgb == colour)] = class_id
    return labels


WRONG: list[WrongAnswer] = [
    ("deformation.three_points", solved, "(3, 2)"),
    ("deformation.three_points", lambda s, t: solved(t, s).T, "inverse map"),
    ("deformation.three_points", lambda s, t: solved(s[:, ::-1], t[:, ::-1]).T, "x and y swapped"),
    ("deformation.three_points", lambda s, t: np.vstack([solved(s, t).T, [0, 0, 1]]), "homogeneous"),
    (
        "deformation.three_points",
        lambda s, t: np.column_stack([np.linalg.solve(s[1:] - s[0], t[1:] - t[0]).T, np.zeros(2)]),
        "shift is missing",
    ),
    ("deformation.three_points", lambda s, t: np.linalg.solve(s, t), "LinAlgError"),
    ("deformation.three_points", lambda s, t: np.eye(2, 3), "values differ"),
    ("deformation.rotation", lambda h, w, d: rotation_about((h - 1) / 2, (w - 1) / 2, np.deg2rad(d)), "column"),
    ("deformation.rotation", lambda h, w, d: rotation_about(w / 2, h / 2, np.deg2rad(d)), "width / 2"),
    ("deformation.rotation", lambda h, w, d: rotation_about((w - 1) / 2, (h - 1) / 2, d), "radians"),
    ("deformation.rotation", lambda h, w, d: rotation_about((w - 1) / 2, (h - 1) / 2, -np.deg2rad(d)), "sign"),
    ("deformation.rotation", lambda h, w, d: rotation_about(0, 0, np.deg2rad(d)), "first pixel"),
    ("deformation.rotation", lambda h, w, d: rotation_about(w // 2, h // 2, np.deg2rad(d)), "values differ"),
    ("deformation.rotation", lambda h, w, d: rotation_about(0, 0, np.deg2rad(d))[:, :2], "shape"),
    ("deformation.field", lambda n, a, s: a * ndimage.gaussian_filter(n, s), "mixes dy with dx"),
    ("deformation.field", lambda n, a, s: ndimage.gaussian_filter(n, (0, s, s)), "alpha is missing"),
    ("deformation.field", lambda n, a, s: a * ndimage.gaussian_filter(n, (0, s**2, s**2)), "variance"),
    ("deformation.field", lambda n, a, s: n * a, "not smoothed"),
    (
        "deformation.field",
        lambda n, a, s: a * ndimage.gaussian_filter(n, (0, s, s), mode="constant"),
        "beyond the border",
    ),
    ("deformation.field", lambda n, a, s: s * ndimage.gaussian_filter(n, (0, a, a)), "exchanged"),
    ("deformation.field", lambda n, a, s: a * ndimage.uniform_filter(n, (0, 3, 3)), "differ"),
    ("deformation.warp", lambda i, f: sampled(i, f[::-1]), "dx and dy exchanged"),
    ("deformation.warp", lambda i, f: sampled(i, -f), "subtracted"),
    ("deformation.warp", lambda i, f: ndimage.map_coordinates(i, f, order=1, mode="reflect"), "used as places"),
    ("deformation.warp", lambda i, f: sampled(i, f, order=0), "nearest pixel"),
    ("deformation.warp", lambda i, f: sampled(i, f, order=3), "order 3"),
    ("deformation.warp", lambda i, f: sampled(i, f, mode="constant"), "beyond the border"),
    ("deformation.warp", lambda i, f: i, "values differ"),
    ("deformation.folds", lambda f: (determinant(f) < 0).sum(), "count"),
    ("deformation.folds", lambda f: determinant(f) < 0, "one number"),
    (
        "deformation.folds",
        lambda f: np.mean(np.linalg.det(np.array([np.gradient(c) for c in f]).transpose(2, 3, 0, 1)) < 0),
        "add 1 to the diagonal",
    ),
    (
        "deformation.folds",
        lambda f: np.mean((1 + np.gradient(f[0])[0]) * (1 + np.gradient(f[1])[1]) < 0),
        "diagonal only",
    ),
    ("deformation.folds", lambda f: np.mean(determinant(f) <= 0), "flattens"),
    ("deformation.folds", lambda f: 100 * np.mean(determinant(f) < 0), "per cent"),
    ("deformation.folds", lambda f: np.mean(determinant(f) < 1), "shrinks"),
    ("deformation.folds", lambda f: np.mean(determinant(-f) < 0), "sign"),
    ("deformation.folds", lambda f: np.mean(np.abs(determinant(f)) < 0), "absolute value"),
    ("deformation.folds", lambda f: np.mean(determinant(f) > 0), "values differ"),
    ("deformation.folds", lambda f: np.mean(determinant(f[::-1].swapaxes(1, 2)) < -0.5), "values differ"),
    ("label_maps.lookup", lambda rgb, p: looked_up(rgb, p, fill=0), "class 0"),
    ("label_maps.lookup", lambda rgb, p: looked_up(rgb, p, fill=-1, dtype=np.int16), "cannot hold it"),
    ("label_maps.lookup", lambda rgb, p: looked_up(rgb, p, dtype=np.int64), "dtype is int64"),
    ("label_maps.lookup", lambda rgb, p: by_comparison(rgb, p, lambda e: e[..., 0]), "first channel"),
    ("label_maps.lookup", lambda rgb, p: by_comparison(rgb, p, lambda e: e.any(axis=-1)), ".all(axis=-1)"),
    (
        "label_maps.lookup",
        lambda rgb, p: (
            np.abs(rgb[..., np.newaxis, :] - p.astype(int)).sum(axis=-1).argmin(axis=-1).astype(np.uint8)
        ),
        "nearest colour",
    ),
    (
        "label_maps.lookup",
        lambda rgb, p: looked_up(np.sort(rgb, axis=-1), np.sort(p, axis=-1)),
        "values differ",
    ),
    ("label_maps.lookup", packed_in_bytes, "8 bits"),
    ("label_maps.lookup", lambda rgb, p: looked_up(rgb, p, weights=(1, 255, 255**2)), "values differ"),
    ("label_maps.lookup", lambda rgb, p: looked_up(rgb, p, weights=(1, 100, 10000)), "values differ"),
    ("label_maps.lookup", lambda rgb, p: looked_up(rgb, p, weights=(100, 10, 1)), "values differ"),
    ("deformation.three_points", lambda s, t: solved(s, t).reshape(2, 3), "where .T is needed"),
    (
        "deformation.three_points",
        lambda s, t: np.linalg.solve(np.column_stack([np.ones(3), s]), t).T,
        "ones first",
    ),
    (
        "deformation.rotation",
        lambda h, w, d: np.vstack([rotation_about((w - 1) / 2, (h - 1) / 2, np.deg2rad(d)), [0, 0, 1]]),
        "homogeneous",
    ),
    (
        "deformation.rotation",
        lambda h, w, d: np.column_stack([rotation_about(0, 0, np.deg2rad(d))[:, :2], [(w - 1) / 2, (h - 1) / 2]]),
        "c alone",
    ),
    (
        "deformation.rotation",
        lambda h, w, d: (lambda a, c: np.column_stack([a, c - c @ a]))(
            rotation_about(0, 0, np.deg2rad(d))[:, :2], np.array([(w - 1) / 2, (h - 1) / 2])
        ),
        "transpose of A",
    ),
    ("deformation.field", normalised, "largest value"),
    ("deformation.field", lambda n, a, s: a * ndimage.gaussian_filter(2 * n - 1, (0, s, s)), "once more"),
    ("deformation.field", lambda n, a, s: a * ndimage.gaussian_filter(n, (0, s, s), truncate=3), "differ"),
    ("deformation.warp", lambda i, f: sampled(i, f, mode="nearest"), "edge pixel repeated"),
    ("deformation.warp", lambda i, f: sampled(i, f, mode="mirror"), "edge pixel once"),
    # further ones: off by one, the wrong axis or sign, a copy of the input, whole numbers
    ("deformation.three_points", lambda s, t: np.column_stack([np.eye(2), (t - s).mean(0)]), "values differ"),
    ("deformation.three_points", lambda s, t: solved(s, t).T[::-1], "values differ"),
    ("deformation.three_points", lambda s, t: np.rint(solved(s, t).T), "values differ"),
    ("deformation.three_points", lambda s, t: t, "shape"),
    ("deformation.rotation", lambda h, w, d: rotation_about(w - 1, h - 1, np.deg2rad(d)), "values differ"),
    ("deformation.rotation", lambda h, w, d: rotation_about((w + 1) / 2, (h + 1) / 2, np.deg2rad(d)), "differ"),
    ("deformation.rotation", lambda h, w, d: rotation_about((w - 1) // 2, (h - 1) // 2, np.deg2rad(d)), "differ"),
    ("deformation.rotation", lambda h, w, d: np.eye(2, 3), "values differ"),
    (
        "deformation.rotation",
        lambda h, w, d: rotation_about((w - 1) / 2, (h - 1) / 2, np.deg2rad(d)) * [1, 1, -1],
        "multiply out",
    ),
    (
        "deformation.rotation",
        lambda h, w, d: rotation_about((w - 1) / 2, (h - 1) / 2, np.deg2rad(d))[::-1],
        "differ",
    ),
    ("deformation.field", lambda n, a, s: a * ndimage.gaussian_filter(n, (s, s, 0)), "values differ"),
    ("deformation.field", lambda n, a, s: a * ndimage.gaussian_filter(n, (0, s, s))[::-1], "values differ"),
    ("deformation.field", lambda n, a, s: a * ndimage.gaussian_filter(n, (0, s, s), mode="wrap"), "values differ"),
    ("deformation.field", lambda n, a, s: a * ndimage.gaussian_filter(n, (0, int(s), int(s))), "values differ"),
    ("deformation.field", lambda n, a, s: a * ndimage.gaussian_filter(n[0], s), "shape"),
    ("deformation.warp", lambda i, f: sampled(i, f.astype(int)), "values differ"),
    ("deformation.warp", lambda i, f: sampled(i, -f[::-1]), "values differ"),
    ("deformation.warp", lambda i, f: sampled(i, f, mode="grid-wrap"), "values differ"),
    ("deformation.warp", lambda i, f: i + f[0], "values differ"),
    ("deformation.warp", lambda i, f: sampled(i, f).T, "shape"),
    ("deformation.folds", lambda f: np.mean(determinant(f[::-1]) < 0), "derivatives' order"),
    ("deformation.folds", lambda f: (determinant(f) < 0).any(), "values differ"),
    ("deformation.folds", lambda f: (determinant(f) < 0).sum() / f.size, "values differ"),
    ("deformation.folds", lambda f: determinant(f).mean(), "values differ"),
    ("deformation.folds", lambda f: np.mean(np.diff(f[1], axis=1) < -1), "values differ"),
    ("label_maps.lookup", lambda rgb, p: looked_up(rgb, p, fill=-1, dtype=int), "cannot hold it"),
    ("label_maps.lookup", lambda rgb, p: looked_up(rgb, p, fill=-1, dtype=float), "cannot hold it"),
    ("label_maps.lookup", lambda rgb, p: looked_up(rgb, p, fill=-1, dtype=np.int16), "The values differ"),
    ("label_maps.lookup", lambda rgb, p: looked_up(rgb, p, fill=254), "values differ"),
    ("label_maps.lookup", lambda rgb, p: by_comparison(rgb, p, lambda e: e[..., 2]), "last channel"),
    ("label_maps.lookup", lambda rgb, p: by_comparison(rgb, p, lambda e: e.sum(-1) >= 2), "values differ"),
    ("label_maps.lookup", lambda rgb, p: looked_up(rgb[..., ::-1], p), "values differ"),
    ("label_maps.lookup", lambda rgb, p: looked_up(rgb, p[::-1]), "values differ"),
    ("label_maps.lookup", lambda rgb, p: looked_up(rgb, p, weights=(1, 1, 1)), "by their sum"),
]


@pytest.mark.parametrize(("name", "answer", "says"), WRONG)
def test_a_wrong_answer_is_rejected_with_its_feedback(name, answer, says):
    assert_rejected(name, answer, says)


@pytest.mark.parametrize("name", CHAPTERS["ch04"])
def test_every_mistake_is_rejected_with_its_own_words(name):
    assert_mistakes_are_named(name, EXERCISES[name])


def test_every_exercise_is_tried_with_enough_wrong_answers():
    assert_enough_wrong_answers("ch04", WRONG)


RIGHT = {
    "deformation.three_points": lambda s, t: solved(s, t).T,
    "deformation.rotation": lambda h, w, d: rotation_about((w - 1) / 2, (h - 1) / 2, np.deg2rad(d)),
    "deformation.field": lambda n, a, s: np.stack([a * ndimage.gaussian_filter(c, s) for c in n]),
    "deformation.warp": sampled,
    "deformation.folds": lambda f: np.mean(determinant(f) < 0),
    "label_maps.lookup": looked_up,
}


@pytest.mark.parametrize("name", CHAPTERS["ch04"])
def test_another_way_to_the_right_answer_is_accepted(name):
    assert check(name, RIGHT[name]).status == "correct"


@pytest.mark.parametrize("name", CHAPTERS["ch04"])
def test_a_stub_is_not_attempted(name):
    assert check(name, lambda *arguments: ...).status == "not attempted"
