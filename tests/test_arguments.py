"""Every public function of the numeric modules under arguments that are none: refused by name, or right.

`CALLS` holds one valid call a function. Each argument in turn is replaced by what looks like it and is
not: a masked array, a ragged list, complex numbers, booleans, text, NaN, numbers at the floats' ends.
"""

import importlib
import inspect
import warnings

import numpy as np
import pytest

from course_utils._arguments import (
    as_array,
    as_count,
    as_float_array,
    as_integer_array,
    as_number,
    as_stack,
    shown,
)
from course_utils.annotations import Record, polygons_to_label_map
from course_utils.metrics import Annotations, Detections

MODULES = (
    "softmax", "label_maps", "ensembling", "deformation", "filters", "boxes", "metrics", "losses", "distillation",
    "optimizers",
)  # fmt: skip


def rng():
    return np.random.default_rng(0)


IMAGE = np.random.default_rng(1).random((8, 9))
LABELS = np.random.default_rng(2).integers(0, 3, (2, 8, 9))
GUESS = LABELS[::-1]
LOGITS = np.random.default_rng(3).normal(size=(2, 8, 9, 3))
FIELD = np.random.default_rng(4).normal(size=(2, 8, 9))
P = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6], [0.2, 0.5, 0.3], [0.4, 0.3, 0.3]])
IDS = np.array([0, 2, 1, 0])
BOXES = np.array([[0.0, 0, 4, 4], [1, 1, 6, 5], [2, 0, 8, 8]])
ANCHORS = np.array([[0.0, 0, 4, 5], [1, 1, 5, 5], [2, 1, 7, 8]])
SCORES = np.array([0.9, 0.7, 0.4])
MATRIX = np.array([[0.9, 0.1, 1.0], [-0.1, 0.9, 0.5]])
POINTS = np.array([[0.0, 0], [4, 1], [1, 5]])
COUNTS = np.array([[5, 1, 0], [2, 7, 1], [0, 1, 4]])
PALETTE = np.array([[0, 0, 0], [255, 0, 0], [0, 255, 0]])
TRUTH, FOUND = [Annotations(BOXES, [1, 2, 1])], [Detections(BOXES + 0.5, SCORES, [1, 2, 1])]


def yolo_truth():
    from course_utils.losses import yolo_targets

    return yolo_targets([[4.0, 4, 12, 12]], [1], [[8, 8]], grid_shape=(2, 2), stride=8, n_classes=2)[np.newaxis]


# One valid call a public function: its arguments by name. What is not in it keeps its default.
CALLS = {
    "softmax.softmax": lambda: {"logits": LOGITS, "axis": -1, "temperature": 2.0},
    "softmax.log_softmax": lambda: {"logits": LOGITS, "axis": -1, "temperature": 2.0},
    "softmax.entropy": lambda: {"probabilities": P, "axis": -1},
    "softmax.cross_entropy": lambda: {"labels": LABELS, "logits": LOGITS, "axis": -1},
    "softmax.label_map": lambda: {"scores": LOGITS, "axis": -1},
    "label_maps.rgb_to_labels": lambda: {"rgb": PALETTE.astype(np.uint8)[LABELS], "palette": PALETTE},
    "label_maps.labels_to_rgb": lambda: {"labels": LABELS, "palette": PALETTE, "ignore_colour": (9, 9, 9)},
    "ensembling.majority_vote_accuracy": lambda: {"n_voters": 3, "accuracy": 0.7},
    "ensembling.majority_vote": lambda: {"labels": LABELS, "n_classes": 3},
    "ensembling.average_probabilities": lambda: {"probabilities": np.stack([P, P[::-1]]), "weights": [1.0, 2.0]},
    "ensembling.fuse_images": lambda: {"images": np.stack([IMAGE, IMAGE**2]), "weights": np.array([1.0, 2.0])},
    "ensembling.pca_weights": lambda: {"images": np.stack([IMAGE, IMAGE**2])},
    "ensembling.fit_weights": lambda: {"probabilities": np.stack([P, P[::-1]]), "labels": IDS, "alpha": 0.1},
    "ensembling.out_of_fold_probabilities": lambda: {
        "fit_predict": lambda x, y, test: np.full((len(test), 2), 0.5),
        "x": IMAGE[:4], "y": np.array([0, 1, 0, 1]), "n_folds": 2, "seed": 0,
    },
    "deformation.affine_field": lambda: {"shape": (8, 9), "matrix": MATRIX},
    "deformation.affine_from_points": lambda: {"source": POINTS, "target": 2 * POINTS},
    "deformation.affine_warp": lambda: {"images": IMAGE, "matrix": MATRIX, "order": 1},
    "deformation.apply_affine": lambda: {"matrix": MATRIX, "points": POINTS},
    "deformation.invert_affine": lambda: {"matrix": MATRIX},
    "deformation.random_affine": lambda: {
        "shape": (8, 9), "rng": rng(), "rotation": 9.0, "scale": 0.1, "shear": 0.1, "shift": 2.0, "n": 2,
    },
    "deformation.displacement_field": lambda: {"shape": (8, 9), "alpha": 3.0, "sigma": 2.0, "rng": rng(), "n": 2},
    "deformation.elastic_transform": lambda: {
        "images": np.stack([IMAGE, IMAGE])[..., np.newaxis], "alpha": 3.0, "sigma": 2.0, "rng": rng(),
        "label_maps": LABELS,
    },
    "deformation.jacobian_determinant": lambda: {"field": FIELD},
    "deformation.grid_mask": lambda: {"images": IMAGE, "period": 4.0, "keep_ratio": 0.5, "rng": rng()},
    "deformation.grid_pattern": lambda: {"shape": (8, 9), "period": 4.0, "keep_ratio": 0.5, "rng": rng(), "n": 2},
    "deformation.warp": lambda: {"images": IMAGE, "field": FIELD, "order": 1},
    "deformation.warp_boxes": lambda: {"boxes": BOXES, "field": FIELD},
    "deformation.warp_points": lambda: {"points": BOXES[:, :2], "field": FIELD},
    "filters.correlate": lambda: {"image": IMAGE, "kernel": np.array([[0.2, 0.6, 0.2]])},
    "filters.gaussian_filter": lambda: {"image": IMAGE, "sigma": 1.0, "truncate": 3.0},
    "filters.gaussian_kernel": lambda: {"size": 3, "sigma": 1.0},
    "filters.mean_filter": lambda: {"image": IMAGE, "size": 3},
    "filters.median_filter": lambda: {"image": IMAGE, "size": 3},
    "filters.maximum_filter": lambda: {"image": IMAGE, "size": 3},
    "filters.minimum_filter": lambda: {"image": IMAGE, "size": 3},
    "filters.bilateral_filter": lambda: {"image": IMAGE, "size": 3, "sigma_color": 0.3, "sigma_space": 2.0},
    "filters.gamma_correct": lambda: {"image": IMAGE, "gamma": 2.0},
    "filters.add_gaussian_noise": lambda: {"image": IMAGE, "sigma": 0.1, "rng": rng()},
    "filters.add_salt_and_pepper": lambda: {"image": IMAGE, "amount": 0.1, "rng": rng(), "salt": 0.5},
    "boxes.anchor_boxes": lambda: {
        "feature_shapes": [(1, 2)], "image_shape": (40, 80), "scales": [(0.5,)], "aspect_ratios": (1.0, 4.0),
    },
    "boxes.area": lambda: {"boxes": BOXES},
    "boxes.batched_nms": lambda: {
        "boxes": BOXES, "scores": SCORES, "class_ids": np.array([1, 1, 2]), "iou_threshold": 0.5,
        "score_threshold": 0.1, "max_detections": 2,
    },
    "boxes.nms": lambda: {
        "boxes": BOXES, "scores": SCORES, "iou_threshold": 0.5, "score_threshold": 0.1, "max_detections": 2,
    },
    "boxes.soft_nms": lambda: {
        "boxes": BOXES, "scores": SCORES, "sigma": 0.5, "score_threshold": 0.1, "iou_threshold": 0.5,
    },
    "boxes.clip_boxes": lambda: {"boxes": BOXES, "height": 5.0, "width": 6.0},
    "boxes.decode": lambda: {"offsets": BOXES / 9, "anchors": ANCHORS, "variances": (0.1, 0.2)},
    "boxes.encode": lambda: {"boxes": BOXES, "anchors": ANCHORS, "variances": (0.1, 0.2)},
    "boxes.match_anchors": lambda: {"anchors": ANCHORS, "boxes": BOXES, "positive": 0.5, "negative": 0.4},
    "boxes.pairwise_iou": lambda: {"a": BOXES, "b": ANCHORS},
    "boxes.unmatched_boxes": lambda: {"matches": np.array([0, 1, -1]), "boxes": BOXES},
    "metrics.Annotations": lambda: {"boxes": BOXES, "class_ids": np.array([1, 2, 1])},
    "metrics.Detections": lambda: {"boxes": BOXES, "scores": SCORES, "class_ids": np.array([1, 2, 1])},
    "metrics.accuracy": lambda: {"labels": IDS, "probabilities": P},
    "metrics.brier_score": lambda: {"labels": IDS, "probabilities": P},
    "metrics.negative_log_likelihood": lambda: {"labels": IDS, "probabilities": P},
    "metrics.reliability": lambda: {"labels": IDS, "probabilities": P, "n_bins": 5},
    "metrics.expected_calibration_error": lambda: {"labels": IDS, "probabilities": P, "n_bins": 5},
    "metrics.any_overlap_scores": lambda: {"annotations": TRUTH, "detections": FOUND},
    "metrics.mean_average_precision": lambda: {
        "annotations": TRUTH, "detections": FOUND, "iou_thresholds": np.array([0.5, 0.7]),
    },
    "metrics.precision_recall_curve": lambda: {
        "annotations": TRUTH, "detections": FOUND, "class_id": 1, "iou_threshold": 0.5,
    },
    "metrics.match_detections": lambda: {"annotations": TRUTH[0], "detections": FOUND[0], "iou_threshold": 0.5},
    "metrics.detection_scores": lambda: {
        "annotations": TRUTH, "detections": FOUND, "score_threshold": 0.5, "iou_threshold": 0.5,
    },
    "metrics.best_score_threshold": lambda: {"annotations": TRUTH, "detections": FOUND, "iou_threshold": 0.5},
    "metrics.bootstrap_map": lambda: {
        "annotations": TRUTH, "detections": FOUND, "n": 3, "rng": rng(), "iou_thresholds": np.array([0.5]),
    },
    "metrics.map_interval": lambda: {
        "annotations": TRUTH, "detections": FOUND, "n": 3, "level": 0.9, "rng": rng(),
        "iou_thresholds": np.array([0.5]),
    },
    "metrics.bootstrap_interval": lambda: {
        "values": SCORES, "statistic": np.mean, "n": 3, "level": 0.9, "rng": rng(),
    },
    "metrics.mean_interval": lambda: {"values": SCORES, "level": 0.9},
    "metrics.psnr": lambda: {"y_true": IMAGE, "y_pred": IMAGE**2, "data_range": 1.0},
    "metrics.ssim": lambda: {"y_true": IMAGE, "y_pred": IMAGE**2, "data_range": 1.0},
    "metrics.confusion_matrix": lambda: {"y_true": LABELS, "y_pred": GUESS, "n_classes": 3, "ignore": 255},
    "metrics.confusion_matrices": lambda: {"y_true": LABELS, "y_pred": GUESS, "n_classes": 3, "ignore": 255},
    "metrics.per_image_mean_iou": lambda: {"y_true": LABELS, "y_pred": GUESS, "n_classes": 3, "ignore": 255},
    "metrics.mean_iou": lambda: {"confusion": COUNTS, "ignore": 0},
    "metrics.pixel_accuracy": lambda: {"confusion": COUNTS},
    "metrics.bootstrap_mean_iou": lambda: {"confusions": COUNTS[np.newaxis], "n": 3, "rng": rng(), "ignore": 0},
    "metrics.mean_iou_interval": lambda: {
        "confusions": COUNTS[np.newaxis], "n": 3, "level": 0.9, "rng": rng(), "ignore": 0,
    },
    "metrics.boundary_f_score": lambda: {
        "y_true": LABELS, "y_pred": LABELS[::-1], "n_classes": 3, "tolerance": 1.0, "ignore": 0,
    },
    "metrics.trimap": lambda: {"y_true": LABELS, "width": 1.0, "ignore": 255},
    "losses.cross_entropy": lambda: {
        "y_true": LABELS, "y_pred": LOGITS, "class_weights": SCORES, "pixel_weights": LABELS + 1.0,
    },
    "losses.focal": lambda: {"y_true": LABELS, "y_pred": LOGITS, "gamma": 2.0, "alpha": np.array([1.0, 2, 3])},
    "losses.binary_cross_entropy": lambda: {
        "y_true": LABELS // 2, "y_pred": LOGITS[..., 0], "positive_weight": 2.0,
    },
    "losses.boundary": lambda: {"y_true_distance": LOGITS[::-1], "y_pred": LOGITS},
    "losses.dice": lambda: {"y_true": LABELS, "y_pred": LOGITS, "smooth": 1.0},
    "losses.tversky": lambda: {"y_true": LABELS, "y_pred": LOGITS, "alpha": 0.5, "beta": 0.5, "smooth": 1.0},
    "losses.exponential_logarithmic": lambda: {
        "y_true": LABELS, "y_pred": LOGITS, "gamma": 0.3, "dice_weight": 0.8, "cross_entropy_weight": 0.2,
        "class_weights": np.array([1.0, 2, 3]), "smooth": 1.0,
    },
    "losses.lovasz_softmax": lambda: {"y_true": LABELS, "y_pred": LOGITS},
    "losses.smooth_l1": lambda: {"y_true": BOXES, "y_pred": ANCHORS, "beta": 1.0},
    "losses.iou_loss": lambda: {"y_true": BOXES, "y_pred": ANCHORS},
    "losses.uncertainty_weighted": lambda: {"losses": [4.0, 1.0], "log_variances": np.array([0.5, 1.0])},
    "losses.yolo_targets": lambda: {
        "boxes": BOXES[:2], "class_ids": IDS[:2] % 2, "anchors": np.array([[8.0, 8.0]]), "grid_shape": (2, 2),
        "stride": 8.0, "n_classes": 2,
    },
    "losses.yolo_v3": lambda: {
        "y_true": yolo_truth(), "y_pred": np.zeros((1, 2, 2, 1, 7)), "anchors": np.array([[8.0, 8.0]]),
        "stride": 8.0, "ignore_threshold": 0.5,
    },
    "losses.yolo_v3_terms": lambda: {
        "y_true": yolo_truth(), "y_pred": np.zeros((1, 2, 2, 1, 7)), "anchors": np.array([[8.0, 8.0]]),
        "stride": 8.0, "ignore_threshold": 0.5,
    },
    "losses.signed_distance_maps": lambda: {"label_maps": LABELS, "n_classes": 3},
    "losses.unet_weight_map": lambda: {
        "label_map": LABELS[0], "class_weights": np.array([1.0, 2, 3]), "w0": 10.0, "sigma": 5.0,
    },
    "optimizers.sgd": lambda: {"learning_rate": 0.1, "momentum": 0.9, "nesterov": False},
    "optimizers.rmsprop": lambda: {"learning_rate": 0.1, "rho": 0.9, "epsilon": 1e-7},
    "optimizers.adam": lambda: {"learning_rate": 0.1, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7},
    "optimizers.adamw": lambda: {
        "learning_rate": 0.1, "weight_decay": 0.01, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7,
    },
    "optimizers.amsgrad": lambda: {"learning_rate": 0.1, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7},
    "optimizers.clip_by_value": lambda: {"gradients": [IMAGE, IMAGE], "limit": 0.5},
    "optimizers.clip_by_norm": lambda: {"gradients": [IMAGE, IMAGE], "limit": 0.5},
    "optimizers.clip_by_global_norm": lambda: {"gradients": [IMAGE, IMAGE], "limit": 0.5},
    "optimizers.global_norm": lambda: {"gradients": [IMAGE, IMAGE]},
    "optimizers.warmup_cosine": lambda: {"learning_rate": 0.1, "steps": 9, "warmup_steps": 2, "final": 0.1},
    "distillation.distillation_loss": lambda: {
        "teacher_logits": P, "student_logits": -P, "labels": IDS, "temperature": 2.0, "alpha": 0.5, "beta": 0.5,
    },
    "distillation.logit_matching_loss": lambda: {"teacher_logits": P, "student_logits": -P},
    "distillation.interpolated_loss": lambda: {
        "teacher_logits": P, "student_logits": -P, "labels": IDS, "alpha": 0.5,
    },
}  # fmt: skip
# Named tuples and data classes that hold results, what takes matrices as bare positions, and a Keras model.
NOT_CALLED = {
    *(f"metrics.{name}" for name in ("AnyOverlapScores", "BoundaryScores", "DetectionScores", "MeanIoU")),
    *("metrics.MeanAveragePrecision", "metrics.PrecisionRecall", "losses.YoloTerms"),
    *("optimizers.Rule", "optimizers.State"),
    *("deformation.compose_affine", "label_maps.IGNORE_COLOUR", "distillation.Distiller"),
}
every_function = pytest.mark.parametrize("name", CALLS)


def function(name):
    module, attribute = name.split(".")
    return getattr(importlib.import_module(f"course_utils.{module}"), attribute)


def test_no_public_function_is_forgotten():
    public = {f"{m}.{name}" for m in MODULES for name in importlib.import_module(f"course_utils.{m}").__all__}
    assert public == CALLS.keys() | NOT_CALLED


def is_array(value):
    return isinstance(value, (np.ndarray, list, tuple)) and not isinstance(value[0], (Annotations, Detections))


def hostile_arrays(value):
    """What an array argument must not take, by kind."""
    array = np.asarray(value)
    first = np.zeros(array.shape, bool)
    first.flat[0] = True
    yield "masked", np.ma.array(array, mask=first)
    yield "masked rows", [np.ma.array(row, mask=True) for row in np.atleast_1d(array)]
    yield "ragged", [*array.tolist(), [[1, 2, 3], [4]]]
    yield "complex", array + 1j
    yield "boolean", array > array.min()
    yield "text", array.astype(str)
    yield "objects", np.full(array.shape, None)
    yield "a boolean among numbers", [True, *array.tolist()[1:]] if array.ndim == 1 else array > array.min()
    if array.dtype.kind == "f":
        yield "NaN", np.where(first, np.nan, array)


# Booleans are what these take: samples of hits and misses, a mask.
TAKES = {("metrics.bootstrap_interval", "values", "boolean")}
# As many levels, or images of any size, as another argument has.
TAKES |= {("boxes.anchor_boxes", "feature_shapes", "ragged")}
TAKES |= {(f"metrics.{name}", "y_true", "ragged") for name in ("confusion_matrices", "per_image_mean_iou")}
# Not looked at: the rows go to the caller's own function.
OPAQUE = {("ensembling.out_of_fold_probabilities", "x")}


@every_function
def test_arrays_that_are_none_are_refused_by_name(name):
    for argument, value in CALLS[name]().items():
        if not is_array(value):
            continue
        for kind, hostile in hostile_arrays(value):
            opaque = (name, argument) in OPAQUE and "masked" not in kind and kind != "ragged"
            if opaque or (name, argument, kind) in TAKES:
                continue
            refused(name, argument, hostile, kind)


@every_function
def test_numbers_that_are_none_are_refused_by_name(name):
    for argument, value in CALLS[name]().items():
        if isinstance(value, (bool, str)) or not isinstance(value, (int, float)):
            continue
        hostile = [True, np.True_, "4", b"4", 1 + 1j, np.complex64(1), [1.0, 2.0], np.ma.masked, float("nan"), {}]
        hostile += [np.ma.array(1.0, mask=True)] + [2.5, 1.0] * isinstance(value, int)
        for number in hostile:
            refused(name, argument, number, repr(number))


def refused(name, argument, value, kind):
    """The call raises a ValueError that starts with the argument's name and stays on one line."""
    with pytest.raises(ValueError, match=rf"^{argument}\b") as caught:
        function(name)(**CALLS[name]() | {argument: value})
        pytest.fail(f"{name}({argument}=…) takes {kind}")
    message = str(caught.value)
    assert "\n" not in message, message
    assert len(message) < 400, message


@every_function
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_numbers_at_the_ends_of_floats_give_numbers_or_errors(name):
    """Never NaN where a moderate argument gives none."""
    usual = CALLS[name]()
    known = sum(map(is_nan, leaves(function(name)(**usual))))
    for argument, value in usual.items():
        if not isinstance(value, float):
            continue
        for extreme in (5e-324, 1e-160, 1e-30, 1e30, 1e160, 1e308):
            if name == "filters.gaussian_filter" and extreme > 1:
                continue  # a kernel of 8 · sigma pixels
            if name == "metrics.detection_scores" and argument == "score_threshold" and extreme > 1:
                continue  # the precision of no detection at all
            try:
                result = function(name)(**CALLS[name]() | {argument: extreme})
            except ValueError as error:
                assert str(error).partition(":")[0] in usual, error
            else:
                assert sum(map(is_nan, leaves(result))) <= known, (argument, extreme)


@pytest.mark.parametrize("name", ["psnr", "ssim"])
@pytest.mark.parametrize("scale", [1e200, 1e308])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_images_beyond_squares_are_an_error(name, scale):
    with pytest.raises(ValueError, match="y_true: values from"):
        function(f"metrics.{name}")(IMAGE * scale, IMAGE[::-1] * scale, data_range=scale)


def leaves(result):
    if isinstance(result, (list, tuple)):
        return [leaf for part in result for leaf in leaves(part)]
    if hasattr(result, "__dataclass_fields__"):
        return [leaf for field in vars(result).values() for leaf in leaves(field)]
    return [] if isinstance(result, dict) else list(np.ravel(np.asarray(result)))


def is_nan(value):
    return bool(value != value)


def test_every_call_is_valid_and_every_argument_exists():
    for name, call in CALLS.items():
        arguments = call()
        inspect.signature(function(name)).bind(**arguments)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            function(name)(**arguments)


def test_a_mask_reaches_no_library_function():
    values = np.ma.array([1.0, 2.0, 999.0], mask=[False, False, True])
    for check in (as_array, as_float_array, as_stack):
        with pytest.raises(ValueError, match=r"values: expected an array without a mask.*filled\(\)"):
            check("values", values)
        with pytest.raises(ValueError, match="values: expected an array without a mask"):
            check("values", [[values], [values]])
    with pytest.raises(ValueError, match="values: expected an array without a mask"):
        as_integer_array("values", [1, np.ma.masked], low=0, high=9)
    with pytest.raises(ValueError, match="boxes: expected an array without a mask"):
        Record("a.jpg", np.ma.array(BOXES, mask=BOXES > 3), [1, 1, 1], [None] * 3)
    with pytest.raises(ValueError, match=r"polygons\[0\]: expected an array without a mask"):
        polygons_to_label_map([np.ma.array(POINTS, mask=POINTS > 3)], [1], 8, 9)


@pytest.mark.parametrize("value", [np.float32(2), np.int8(2), 2, 2.0, np.array(2), np.array(2.0, np.float16)])
def test_numbers_of_every_type_are_numbers(value):
    assert as_number("x", value) == 2
    assert type(as_number("x", value)) is float


def test_numbers_beyond_floats_are_infinite():
    assert as_number("x", 10**400) == np.inf
    assert as_number("x", -(10**400)) == -np.inf


def test_a_count_has_both_ends():
    assert as_count("n", np.uint8(4), low=4, high=4) == 4
    with pytest.raises(ValueError, match="n: expected an integer from 1 to 3, got 4"):
        as_count("n", 4, high=3)


def test_messages_are_short_and_on_one_line():
    text = shown([np.zeros((3, 3))] * 50)
    assert "\n" not in text
    assert len(text) < 250
