"""The shipped weights, scored on the first 100 test scenes and against the numbers that are told of all 500."""

import json

import numpy as np
import pytest

from course_utils.data import data_path
from course_utils.datasets import render_dataset
from course_utils.detection import SSD, build_ssd, detect
from course_utils.metrics import Annotations, detection_scores, mean_average_precision
from course_utils.training import load_weights


@pytest.fixture(scope="module")
def shipped() -> SSD:
    model = build_ssd()
    return load_weights(model, data_path("weights/ssd.npz"), anchors=model.anchors)


def told() -> dict:
    return json.loads(data_path("results/detection_shipped.json").read_text(encoding="utf-8"))


def test_score_on_100_test_scenes(shipped: SSD) -> None:
    scenes = render_dataset(100, seed=3)
    truth = [Annotations(boxes, ids) for boxes, ids in zip(scenes.boxes, scenes.class_ids, strict=True)]
    found = detect(shipped, scenes.images)
    at_50, at_75 = mean_average_precision(truth, found, (0.5, 0.75)).average_precision.mean(axis=1)
    chosen = detection_scores(truth, found, told()["score_threshold"])
    # 0.996, 0.862, 0.974, 0.966 were measured. The scenes are the same bytes everywhere, so only the processor's
    # rounding can move these.
    assert at_50 > 0.985 and at_75 > 0.84
    assert chosen.precision > 0.88 and chosen.recall > 0.88


def test_what_is_told_meets_what_was_asked() -> None:
    facts = told()
    assert facts["parameters"] == build_ssd().count_params() <= 600_000
    assert facts["map50"] >= 0.95 and facts["map75"] >= 0.70
    assert facts["precision"] >= 0.90 and facts["recall"] >= 0.90
    low, high = facts["map50_interval"]
    assert low < facts["map50"] < high


def test_weights_are_stored_small(shipped: SSD) -> None:
    path = data_path("weights/ssd.npz")
    assert path.stat().st_size < 1_300_000
    with np.load(path, allow_pickle=False) as stored:
        assert all(stored[name].dtype == np.float16 for name in stored if not name.startswith("extra/"))
