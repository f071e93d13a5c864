"""The shipped segmenter, as it is stored, on scenes that it was not trained on."""

import json

import numpy as np
import pytest

from course_utils.data import data_path
from course_utils.datasets import render_dataset
from course_utils.metrics import confusion_matrices, mean_iou, mean_iou_interval, pixel_accuracy
from course_utils.segmentation import build_fcn, segment
from course_utils.training import load_weights

SHIPPED = json.loads(data_path("results/segmentation_shipped.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def model():
    return load_weights(build_fcn(), data_path("weights/fcn.npz"))


def test_scores_on_a_hundred_test_scenes(model):
    test = render_dataset(100, seed=3)
    labels = np.stack(segment(model, test.images, "labels"))
    confusions = confusion_matrices(test.label_maps, labels, 4)
    confusion = confusions.sum(axis=0)
    assert mean_iou(confusion).mean > 0.88
    assert pixel_accuracy(confusion) > 0.97
    assert mean_iou(confusion).per_class.min() > 0.8
    # What the manifest says of 500 scenes is about what 100 of them say.
    low, high = mean_iou_interval(confusions, 1000, 0.999, np.random.default_rng(0))
    assert low < SHIPPED["miou"] < high


def test_it_is_small(model):
    assert model.count_params() == SHIPPED["parameters"] <= 500_000
    assert data_path("weights/fcn.npz").stat().st_size < 1_000_000
