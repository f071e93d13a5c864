"""Integer arrays of every dtype, mirrored, transposed and strided, give what a contiguous int64 copy gives.

NumPy 2.1 ends the process when it compares such an array with a Python integer that the dtype does not hold.
"""

import numpy as np
import pytest

from course_utils import ensembling, losses, metrics, softmax
from course_utils._arguments import as_comparable
from course_utils.boxes import batched_nms, unmatched_boxes
from course_utils.datasets import split
from course_utils.distillation import interpolated_loss
from course_utils.label_maps import labels_to_rgb, rgb_to_labels

INTEGERS = [np.dtype(kind + size) for kind in "iu" for size in "1248"]
SHAPE = (2, 6, 8)  # two label maps
N_CLASSES = 3
PALETTE = np.array([[0, 0, 0], [255, 0, 9], [7, 255, 0]])

RNG = np.random.default_rng(0)
SCORES = RNG.normal(size=(*SHAPE, N_CLASSES))
PROBABILITIES = softmax.softmax(SCORES)
LOGITS = SCORES.astype(np.float32)
GUESSES = RNG.integers(0, N_CLASSES, SHAPE)
BOXES = RNG.uniform(0, 40, (SHAPE[1] * SHAPE[2], 2, 2)).cumsum(axis=1).reshape(-1, 4)


def mirrored(array):
    return np.ascontiguousarray(array[..., ::-1])[..., ::-1]


def upside_down(array):
    return np.ascontiguousarray(array[..., ::-1, :])[..., ::-1, :] if array.ndim > 1 else mirrored(array)


def transposed(array):
    return np.ascontiguousarray(array.T).T


def strided(array):
    wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)
    wide[..., ::2] = array
    return wide[..., ::2]


def cropped(array):
    wide = np.zeros(tuple(size + 2 for size in array.shape), array.dtype)
    inner = (slice(1, -1),) * array.ndim
    wide[inner] = array
    return wide[inner]


ORDERS = [mirrored, upside_down, transposed, strided, cropped]

# Each takes label maps of SHAPE, with ignored pixels where they are allowed.
OF_LABELS = {
    "labels_to_rgb": lambda labels: labels_to_rgb(labels, PALETTE),
    "confusion_matrix": lambda labels: metrics.confusion_matrix(labels, GUESSES, N_CLASSES),
    "confusion_matrix, many classes": lambda labels: metrics.confusion_matrix(labels, GUESSES, 300)[:3, :3],
    "confusion_matrices": lambda labels: metrics.confusion_matrices(labels, GUESSES, N_CLASSES),
    "per_image_mean_iou": lambda labels: metrics.per_image_mean_iou(labels, GUESSES, N_CLASSES),
    "boundary_f_score": lambda labels: metrics.boundary_f_score(labels, GUESSES, N_CLASSES, 1.0).per_class,
    "trimap": lambda labels: metrics.trimap(labels, 2),
    "accuracy": lambda labels: metrics.accuracy(labels, PROBABILITIES),
    "negative_log_likelihood": lambda labels: metrics.negative_log_likelihood(labels, PROBABILITIES),
    "brier_score": lambda labels: metrics.brier_score(labels, PROBABILITIES),
    "expected_calibration_error": lambda labels: metrics.expected_calibration_error(labels, PROBABILITIES),
    "fit_weights": lambda labels: ensembling.fit_weights(
        np.stack([PROBABILITIES, PROBABILITIES[..., ::-1]]), labels
    ),
    "losses.cross_entropy": lambda labels: losses.cross_entropy(labels, LOGITS),
    "losses.focal": lambda labels: losses.focal(labels, LOGITS),
    "losses.dice": lambda labels: losses.dice(labels, LOGITS),
    "losses.tversky": lambda labels: losses.tversky(labels, LOGITS),
    "losses.exponential_logarithmic": lambda labels: losses.exponential_logarithmic(labels, LOGITS),
    "losses.lovasz_softmax": lambda labels: losses.lovasz_softmax(labels, LOGITS),
    "losses.signed_distance_maps": lambda labels: losses.signed_distance_maps(labels, N_CLASSES),
    "losses.unet_weight_map": lambda labels: losses.unet_weight_map(labels[0]),
}
# Each takes integers of SHAPE without ignored ones.
OF_CLASSES = {
    "softmax.cross_entropy": lambda labels: softmax.cross_entropy(labels, SCORES),
    "losses.binary_cross_entropy": lambda labels: losses.binary_cross_entropy(labels % 2, LOGITS[..., 0]),
    "prediction of confusion_matrix": lambda labels: metrics.confusion_matrix(GUESSES, labels, N_CLASSES),
    "prediction of boundary_f_score": lambda labels: metrics.boundary_f_score(GUESSES, labels, N_CLASSES, 1.0)[0],
    "confusion matrix of mean_iou": lambda labels: metrics.mean_iou(labels[0, :3, :3] + 1).per_class,
    "interpolated_loss": lambda labels: interpolated_loss(LOGITS[0, 0], -LOGITS[0, 0], labels[0, 0]),
    "majority_vote": lambda labels: ensembling.majority_vote(labels, N_CLASSES),
    "majority_vote, many classes": lambda labels: ensembling.majority_vote(labels, 1000),
}
# Each takes a vector of class ids 1 and 2.
OF_VECTORS = {
    "batched_nms": lambda ids: batched_nms(BOXES, np.linspace(0.1, 1, len(BOXES)), ids),
    "unmatched_boxes": lambda ids: unmatched_boxes(ids, BOXES),
    "Annotations": lambda ids: metrics.Annotations(BOXES, ids).class_ids,
    "Detections": lambda ids: metrics.Detections(BOXES, np.linspace(0.1, 1, len(BOXES)), ids).class_ids,
    "split": lambda ids: split(ids, (10, 20), np.random.default_rng(0))[0],
}


def same(call, array):
    """The call gives for the array, in every order, what it gives for a contiguous int64 copy."""
    expected = np.asarray(call(array.astype(np.int64)))
    assert expected.size
    for order in ORDERS:
        view = order(array)
        assert view.dtype == array.dtype and np.array_equal(view, array) and not view.flags.c_contiguous
        np.testing.assert_array_equal(np.asarray(call(view)), expected, err_msg=order.__name__)


def classes(dtype, ignored=False):
    labels = np.random.default_rng(1).integers(0, N_CLASSES, SHAPE).astype(dtype)
    if ignored and np.iinfo(dtype).max >= 255:
        labels[:, 1:3, 2:5] = 255
    return labels


@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
@pytest.mark.parametrize("name", OF_LABELS)
def test_label_maps(name, dtype):
    same(OF_LABELS[name], classes(dtype, ignored="many classes" not in name))


@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
@pytest.mark.parametrize("name", OF_CLASSES)
def test_classes(name, dtype):
    same(OF_CLASSES[name], classes(dtype))


@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
@pytest.mark.parametrize("name", OF_VECTORS)
def test_vectors(name, dtype):
    ids = 1 + np.arange(len(BOXES), dtype=dtype) % 2
    expected = np.asarray(OF_VECTORS[name](ids.astype(np.int64)))
    for order in (mirrored, strided):  # a transposed vector is itself
        assert not order(ids).flags.c_contiguous
        np.testing.assert_array_equal(OF_VECTORS[name](order(ids)), expected, err_msg=order.__name__)


@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
def test_palettes_and_colours(dtype):
    palette = PALETTE.astype(dtype) if np.iinfo(dtype).max >= 255 else (PALETTE // 4).astype(dtype)
    labels = classes(np.uint8)
    rgb = labels_to_rgb(labels, palette)
    same(lambda colours: labels_to_rgb(labels, colours), palette)
    same(lambda colours: rgb_to_labels(rgb, colours), palette)
    for order in ORDERS:
        np.testing.assert_array_equal(rgb_to_labels(order(rgb), palette), labels)


@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
def test_what_the_dtype_does_not_hold_is_refused_by_its_value_only(dtype):
    labels = mirrored(classes(dtype))
    with pytest.raises(ValueError, match=r"labels: expected 0 to 1, or 255 \(ignored\), got 2 at index"):
        labels_to_rgb(labels, PALETTE[:2])


@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
@pytest.mark.parametrize("number", [-(2**70), -1, 0, 127, 128, 255, 256, 2**31, 2**63, 2**64 - 1, 2**64])
def test_a_comparison_with_what_stands_for_a_number_is_that_with_the_number(dtype, number):
    limits = np.iinfo(dtype)
    array = strided(np.array([[limits.min, 0, 1], [127, limits.max - 1, limits.max]], dtype))
    other = as_comparable(number, array)
    exact = array.tolist()
    for ours, plain in ((array < other, int.__lt__), (array == other, int.__eq__), (array >= other, int.__ge__)):
        assert ours.tolist() == [[plain(value, number) for value in row] for row in exact]
