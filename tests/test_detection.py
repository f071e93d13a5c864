"""The detector: targets, losses against plain loops, and photographs of any size."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from course_utils.backbones import residual_backbone
from course_utils.boxes import encode, pairwise_iou
from course_utils.datasets import render_scene
from course_utils.datasets.photographs import as_photographs, fit_photograph
from course_utils.detection import (
    SSD,
    build_ssd,
    detect,
    predict,
    select,
    ssd_batches,
    ssd_loss,
    ssd_targets,
)
from course_utils.softmax import softmax
from course_utils.training import cosine_optimizer, set_seed, train


@pytest.fixture(scope="module")
def ssd() -> SSD:
    set_seed(0)
    return build_ssd()


@pytest.fixture(scope="module")
def in_pixels() -> SSD:
    set_seed(0)
    return build_ssd(offset_kind="pixels")


SCENES = [render_scene(np.random.default_rng([5, i]), 96, 128) for i in range(6)]
IMAGES = np.stack([scene.image for scene in SCENES])
BOXES, IDS = [scene.boxes for scene in SCENES], [scene.class_ids for scene in SCENES]


def test_size_and_anchors(ssd: SSD) -> None:
    assert ssd.count_params() <= 600_000
    assert ssd.anchors.shape == (2048, 4) and ssd.output_shape == (None, 2048, 8)
    sizes = ssd.anchors[:, 2:] - ssd.anchors[:, :2]
    np.testing.assert_allclose(sizes[0], [0.14 * 96 * 0.35**0.5, 0.14 * 96 / 0.35**0.5], rtol=1e-5)
    np.testing.assert_allclose((ssd.anchors[0, :2] + ssd.anchors[0, 2:]) / 2, [4, 4])


def test_outputs_come_in_the_order_of_the_anchors(ssd: SSD) -> None:
    """Change what the head says of the fourth anchor of each cell: every eighth output changes, from 3 on."""
    head = ssd.get_layer("classes")
    bias = head.bias.numpy()
    before = predict(ssd, np.zeros((1, 96, 128, 3)))[1][0]
    marked = bias.copy()
    marked[4 * 3 + 2] += 1.0
    try:
        head.bias.assign(marked)
        after = predict(ssd, np.zeros((1, 96, 128, 3)))[1][0]
    finally:
        head.bias.assign(bias)
    changed = np.flatnonzero(np.abs(after - before).max(axis=1) > 1e-4)
    assert (changed % 8 == 3).all() and len(changed) > 200


def test_the_prior_is_mostly_background(ssd: SSD) -> None:
    logits = ssd(IMAGES.astype(np.float32) / 255, training=True).numpy()[..., :4]
    assert abs(softmax(logits)[..., 0].mean() - np.exp(3) / (np.exp(3) + 3)) < 0.03


def test_targets_of_a_scene(ssd: SSD) -> None:
    for boxes, ids in zip(BOXES, IDS, strict=True):
        targets = ssd_targets(ssd, boxes, ids)
        overlaps = pairwise_iou(ssd.anchors, boxes) if len(boxes) else np.zeros((2048, 1))
        positive = np.flatnonzero((targets[:, 0] > 0) & (targets[:, 0] != 255))
        assert set(targets[positive, 0]) == set(ids.tolist())  # every box has an anchor
        assert (overlaps[targets[:, 0] == 0].max(axis=1) < 0.4).all()
        assert (overlaps[targets[:, 0] == 255].max(axis=1) < 0.5).all()
        assert (overlaps[np.setdiff1d(np.arange(2048), positive)].max(axis=1) < 0.5).all()
        decoded = ssd.decode(targets[:, 1:])[positive]
        near = pairwise_iou(decoded, boxes).max(axis=1) if len(boxes) else np.ones(0)
        np.testing.assert_allclose(near, 1, atol=1e-4)
        assert (targets[targets[:, 0] == 0, 1:] == 0).all()


def test_an_image_without_objects(ssd: SSD) -> None:
    assert (ssd_targets(ssd, np.zeros((0, 4)), np.zeros(0, int)) == 0).all()


def test_offsets_in_pixels_are_corner_differences(in_pixels: SSD) -> None:
    box = in_pixels.anchors[300] + [1, 2, 3, 4]
    targets = ssd_targets(in_pixels, [box], [1])
    np.testing.assert_allclose(targets[300], [1, 1, 2, 3, 4], atol=1e-5)


def test_batches_repeat_and_resume(ssd: SSD) -> None:
    make = ssd_batches(ssd, IMAGES, BOXES, IDS, steps=5, batch_size=4, seed=3)
    whole = [(x.numpy(), y.numpy()) for x, y in make(0)]
    later = [(x.numpy(), y.numpy()) for x, y in make(3)]
    assert len(whole) == 5 and len(later) == 2
    for (x, y), (x2, y2) in zip(whole[3:], later, strict=True):
        np.testing.assert_array_equal(x, x2)
        np.testing.assert_array_equal(y, y2)
    assert whole[0][0].dtype == np.float32 and 0 < whole[0][0].mean() < 1


def test_mirrored_images_have_mirrored_boxes(ssd: SSD) -> None:
    """Undo the mirroring where it happened: the boxes must be those of the scene."""
    make = ssd_batches(ssd, IMAGES[:1], BOXES[:1], IDS[:1], steps=8, batch_size=1, seed=0)
    seen = set()
    for image, targets in make(0):
        plain, mirrored = IMAGES[0] / 255, IMAGES[0][:, ::-1] / 255
        flat = image.numpy()[0].ravel()
        is_mirrored = np.corrcoef(flat, mirrored.ravel())[0, 1] > np.corrcoef(flat, plain.ravel())[0, 1]
        seen.add(bool(is_mirrored))
        positive = (targets[0, :, 0].numpy() > 0) & (targets[0, :, 0].numpy() < 255)
        decoded = ssd.decode(targets[0, :, 1:].numpy())[positive]
        if is_mirrored:
            decoded = np.array([128, 0, 128, 0]) + decoded[:, [2, 1, 0, 3]] * [-1, 1, -1, 1]
        np.testing.assert_allclose(pairwise_iou(decoded, BOXES[0]).max(axis=1), 1, atol=1e-3)
    assert seen == {True, False}


def some_output(model: SSD, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    targets = np.stack([ssd_targets(model, b, i) for b, i in zip(BOXES[:3], IDS[:3], strict=True)])
    return targets, rng.normal(0, 1, (3, 2048, 8)).astype(np.float32)


def plain_loss(model: SSD, targets: Any, output: Any, kinds: tuple[str, str, str]) -> np.ndarray:
    """The same in float64 and plain loops over the images."""
    class_loss, box_loss, divide_by = kinds
    costs, boxes, positives, counts = [], [], [], []
    for truth, out in zip(targets.astype(float), output.astype(float), strict=True):
        logits = out[:, :4]
        logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        counted = truth[:, 0] != 255
        ids = np.where(counted, truth[:, 0], 0).astype(int)
        cost = -logs[np.arange(len(ids)), ids] * counted
        if class_loss == "focal":
            cost *= (1 - np.exp(-cost)) ** 2
        difference = np.abs(truth[:, 1:] - out[:, 4:])
        if box_loss == "smooth_l1":
            difference = np.where(difference < 1, difference**2 / 2, difference - 0.5)
        costs.append(cost)
        boxes.append(0.5 * difference.sum(axis=1) * (ids > 0))
        positives.append(ids > 0)
        counts.append(counted)
    costs, boxes = np.array(costs), np.array(boxes)
    positives, counts = np.array(positives), np.array(counts)
    if class_loss == "cross_entropy":
        background = np.where(positives, -1, costs).ravel()
        hardest = np.zeros(background.size, bool)
        hardest[np.argsort(-background)[: 3 * positives.sum()]] = True
        costs = costs * (positives | hardest.reshape(costs.shape))
    total = positives.sum() if divide_by == "positives" else counts.sum()
    return (costs + boxes).sum(axis=1) * len(costs) / total


@pytest.mark.parametrize("offset_kind", ["normalised", "pixels"])
@pytest.mark.parametrize(
    "kinds",
    [
        ("focal", "smooth_l1", "positives"),
        ("cross_entropy", "l1", "positives"),
        ("plain_cross_entropy", "smooth_l1", "anchors"),
        ("focal", "l1", "anchors"),
    ],
)
def test_losses_by_plain_loops(ssd: SSD, in_pixels: SSD, offset_kind: str, kinds: tuple[str, str, str]) -> None:
    model = ssd if offset_kind == "normalised" else in_pixels
    targets, output = some_output(model)
    value = ssd_loss(model, *kinds)(targets, output)  # type: ignore[arg-type]
    assert value.shape == (3,)
    np.testing.assert_allclose(value, plain_loss(model, targets, output, kinds), rtol=1e-4)


@pytest.mark.parametrize("offset_kind", ["normalised", "pixels"])
def test_giou_loss_is_zero_at_the_truth(ssd: SSD, in_pixels: SSD, offset_kind: str) -> None:
    model = ssd if offset_kind == "normalised" else in_pixels
    targets, output = some_output(model)
    loss = ssd_loss(model, box_loss="giou")
    away = loss(targets, output).numpy()
    right = np.concatenate([output[..., :4], targets[..., 1:]], axis=-1)
    focal_alone = loss(targets, right).numpy()
    positive = (targets[..., 0] > 0) & (targets[..., 0] != 255)
    costs = plain_loss(model, targets, right, ("focal", "l1", "positives"))
    np.testing.assert_allclose(focal_alone, costs, rtol=1e-3)
    assert (away[positive.any(axis=1)] > focal_alone[positive.any(axis=1)]).all()


def test_images_without_objects_give_finite_losses_and_gradients(ssd: SSD) -> None:
    targets = np.zeros((2, 2048, 5), np.float32)
    for class_loss in ("focal", "cross_entropy", "plain_cross_entropy"):
        for box_loss in ("smooth_l1", "l1", "giou"):
            output = tf.Variable(np.random.default_rng(0).normal(0, 1, (2, 2048, 8)).astype(np.float32))
            with tf.GradientTape() as tape:
                value = tf.reduce_mean(ssd_loss(ssd, class_loss, box_loss)(targets, output))
            gradient = tape.gradient(value, output)
            assert np.isfinite(value) and np.isfinite(gradient.numpy()).all()


def test_ignored_anchors_have_no_gradient(ssd: SSD) -> None:
    targets, values = some_output(ssd)
    output = tf.Variable(values)
    for class_loss in ("focal", "cross_entropy", "plain_cross_entropy"):
        with tf.GradientTape() as tape:
            value = tf.reduce_mean(ssd_loss(ssd, class_loss)(targets, output))
        gradient = tape.gradient(value, output).numpy()
        assert (gradient[targets[..., 0] == 255] == 0).all()


@pytest.mark.integration
def test_training_overfits_one_scene() -> None:
    """A small network of two levels and a small scene: tracing the graph takes most of the time."""
    set_seed(0)
    shape = (48, 64, 3)
    backbone = residual_backbone(shape, (8, 16, 16), (1, 1))
    model = build_ssd(shape, backbone=backbone, channels=16, scales=((0.3, 0.42), (0.6, 0.85)))
    scenes = [render_scene(np.random.default_rng([5, i]), *shape[:2]) for i in range(6)]
    scene = max(scenes, key=lambda scene: len(scene.boxes))
    images, boxes, class_ids = [scene.image], [scene.boxes], [scene.class_ids]
    make = ssd_batches(model, np.stack(images), boxes, class_ids, steps=40, batch_size=1, augment=False)
    train(model, make, ssd_loss(model), cosine_optimizer(40, 1e-2), 40, progress=False)
    found = detect(model, scene.image, score_threshold=0.3)[0]
    overlaps = pairwise_iou(scene.boxes, found.boxes)
    assert len(set(scene.class_ids)) > 1
    assert (overlaps.max(axis=1) > 0.7).all()
    assert (found.class_ids[overlaps.argmax(axis=1)] == scene.class_ids).all()


def test_photographs_of_other_sizes_give_boxes_in_their_own_pixels(ssd: SSD) -> None:
    """A network that answers with its anchors: what comes back must be those, in each photograph's pixels."""
    output = np.zeros((1, 2048, 8), np.float32)
    output[0, :, 0] = 9
    output[0, 1200, :] = [0, 12, 0, 0, 0, 0, 0, 0]

    class Fixed:
        anchors, n_classes, image_shape = ssd.anchors, 4, (96, 128)
        decode = staticmethod(ssd.decode)

        def __call__(self, images: Any, training: bool) -> Any:
            return tf.repeat(output, len(images), axis=0)

    photographs = [np.zeros((h, w, 3), np.uint8) for h, w in ((96, 128), (192, 256), (48, 300), (300, 30))]
    found = detect(Fixed(), photographs, score_threshold=0.5)  # type: ignore[arg-type]
    for photograph, detections in zip(photographs, found, strict=True):
        height, width = photograph.shape[:2]
        factor = min(96 / height, 128 / width)
        expected = np.clip(ssd.anchors[1200] / factor, 0, [width, height, width, height])
        if (expected[2:] > expected[:2]).all():
            np.testing.assert_allclose(detections.boxes, [expected], rtol=1e-5)
            assert detections.class_ids.tolist() == [1] and detections.scores[0] > 0.99
        else:
            assert len(detections.boxes) == 0


def test_fitting_keeps_the_shape_and_pads_with_grey() -> None:
    fitted, factor = fit_photograph(np.full((50, 200, 3), 255, np.uint8), 96, 128)
    assert factor == 0.64
    np.testing.assert_allclose(fitted[:32], 1, atol=1e-6)
    assert (fitted[32:] == 0.5).all()


def test_types_of_photographs_agree(ssd: SSD) -> None:
    one = detect(ssd, IMAGES[0], score_threshold=0.03)
    as_float = detect(ssd, (IMAGES[0] / 255).astype(np.float64), score_threshold=0.03)
    in_batch = detect(ssd, IMAGES, score_threshold=0.03, batch_size=4)
    assert len(in_batch) == 6
    for other in (as_float[0], in_batch[0]):
        np.testing.assert_allclose(one[0].boxes, other.boxes, atol=1e-3)
        np.testing.assert_allclose(one[0].scores, other.scores, atol=1e-5)


def test_crossed_and_empty_boxes_are_dropped_and_others_cut() -> None:
    boxes = np.array([[5, 5, 3, 9], [-4, -4, 6, 6], [50, 5, 60, 9], [2, 2, 4, 4]], float)
    probabilities = np.array([[0.1, 0.9], [0.2, 0.8], [0.3, 0.7], [0.4, 0.6]])
    found = select(boxes, probabilities, height=20, width=40)
    assert found.boxes.tolist() == [[0, 0, 6, 6], [2, 2, 4, 4]]
    np.testing.assert_allclose(found.scores, [0.8, 0.6])


def test_every_class_of_an_anchor_is_a_candidate() -> None:
    found = select(np.array([[0.0, 0, 9, 9]]), np.array([[0.2, 0.45, 0.35]]), height=20, width=20)
    assert found.class_ids.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (
            np.zeros((5, 96, 128), np.uint8),
            r"images: expected RGB \(H, W, 3\) or grey .* \(5, 96, 128\); .* a list",
        ),
        (np.zeros((96, 128, 4), np.uint8), r"images: expected RGB .* image\[..., :3\] drops"),
        ([np.zeros((96, 0, 3), np.uint8)], r"images\[0\]: expected RGB"),
        (np.full((96, 128, 3), 200.0), r"images: expected .* in \[0, 1\], got 200 to 200: divide .* / 255"),
        (np.full((96, 128, 3), np.nan), r"images: expected .* in \[0, 1\], got nan"),
        (np.zeros((96, 128, 3), np.uint16), "images: expected uint8, .* got uint16: divide .* / 65535"),
        (np.zeros((96, 128, 3), np.int32), "images: expected uint8, or floating point"),
        ([np.zeros((9, 9, 3), np.uint8), np.zeros((9, 9, 2), np.uint8)], r"images\[1\]: expected RGB"),
    ],
)
def test_bad_photographs(ssd: SSD, images: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        detect(ssd, images)


def test_no_photographs_no_detections(ssd: SSD) -> None:
    assert detect(ssd, []) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scales": ((0.1, 0.2), (0.3,))}, "scales: expected as many in every level"),
        ({"scales": ((0.1,),) * 7}, "scales: expected 2 to 6 levels, got 7"),
        ({"n_classes": 1}, "n_classes: expected an integer of 2 or more"),
        ({"offset_kind": "corners"}, "offset_kind: expected one of"),
        ({"aspect_ratios": ()}, "aspect_ratios"),
        ({"aspect_ratios": 0.5}, "aspect_ratios: expected one number or more in a sequence, got 0.5"),
        ({"scales": 0.5}, "scales: expected one tuple a level, got 0.5"),
        ({"channels": 0}, "channels: expected an integer of 1 or more"),
    ],
)
def test_bad_networks(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_ssd(**options)


def test_bad_losses_and_batches(ssd: SSD) -> None:
    for options, message in (
        ({"class_loss": "hinge"}, "class_loss: expected one of"),
        ({"box_loss": "iou"}, "box_loss: expected one of"),
        ({"divide_by": "all"}, "divide_by: expected one of"),
        ({"box_weight": 0}, "box_weight: expected a finite number above 0"),
    ):
        with pytest.raises(ValueError, match=message):
            ssd_loss(ssd, **options)
    with pytest.raises(ValueError, match=r"images: expected \(M, 96, 128, 3\) uint8"):
        ssd_batches(ssd, IMAGES / 255, BOXES, IDS, steps=1)
    with pytest.raises(ValueError, match="boxes, class_ids: expected 6 of each"):
        ssd_batches(ssd, IMAGES, BOXES[:2], IDS, steps=1)
    with pytest.raises(ValueError, match="boxes, class_ids: at 5: class_ids: expected 1 to 3, got 4"):
        ssd_batches(ssd, IMAGES, BOXES, [*IDS[:5], IDS[5] * 0 + 4], steps=1)
    with pytest.raises(ValueError, match="seed: expected an integer of 0 or more"):
        ssd_batches(ssd, IMAGES, BOXES, IDS, steps=1, seed=-1)


@pytest.mark.parametrize(
    ("boxes", "class_ids", "message"),
    [
        ([[0, 0, 9, 9]], [0], "class_ids: expected 1 to 3, got 0"),
        ([[0, 0, 9, 9]], [4], "class_ids: expected 1 to 3, got 4"),
        ([[0, 0, 9, 9]], [1.5], "class_ids: expected integers"),
        ([[0, 0, 9, 9]], [1, 2], r"class_ids: expected shape \(1,\), one a box, got \(2,\)"),
        (np.zeros(8), [1, 1], r"boxes: expected shape \(N, 4\)"),
        ([[9, 0, 0, 9]], [1], "boxes: expected x_min ≤ x_max"),
    ],
)
def test_bad_truths(ssd: SSD, boxes: Any, class_ids: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ssd_targets(ssd, boxes, class_ids)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((96, 128, 3)), r"images: expected \(N, 96, 128, 3\), got \(96, 128, 3\)"),
        (np.full((1, 96, 128, 3), 255, np.uint8), r"images: expected values in \[0, 1\], got 255"),
        (np.full((1, 96, 128, 3), np.nan), "images: .*NaN"),
    ],
)
def test_bad_images_of_the_network(ssd: SSD, images: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        predict(ssd, images)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"boxes": [[np.nan] * 4]}, "boxes: .*NaN"),
        ({"boxes": [0, 0, 9, 9]}, r"boxes: expected shape \(A, 4\), got \(4,\)"),
        ({"probabilities": [[np.nan, 0.5]]}, "probabilities: .*NaN"),
        ({"probabilities": [[0.5, 0.5]] * 2}, r"probabilities: expected shape \(1, K\), K ≥ 2, got \(2, 2\)"),
        ({"probabilities": [[1.0]]}, "probabilities: expected shape"),
        ({"score_threshold": np.nan}, "score_threshold"),
        ({"height": 0}, "height: expected a finite number above 0"),
    ],
)
def test_bad_predictions(changes: dict[str, Any], message: str) -> None:
    good = {"boxes": [[0, 0, 9, 9]], "probabilities": [[0.4, 0.6]], "height": 20, "width": 20}
    assert len(select(**good).boxes) == 1
    with pytest.raises(ValueError, match=message):
        select(**{**good, **changes})


def test_encoding_is_the_shared_one(ssd: SSD) -> None:
    boxes = ssd.anchors[:5] + np.array([1, 1, 2, 3])
    np.testing.assert_allclose(ssd.encode(boxes, ssd.anchors[:5]), encode(boxes, ssd.anchors[:5]))


def test_grey_photographs_are_their_own_red_green_and_blue():
    grey = np.random.default_rng(0).random((5, 7))
    for given in (grey, grey[..., np.newaxis], [grey], [grey[..., np.newaxis]], grey[np.newaxis, ..., np.newaxis]):
        (photograph,) = as_photographs(given)
        np.testing.assert_array_equal(photograph, np.stack([grey] * 3, axis=-1))
    assert as_photographs(np.full((4, 4), 7, np.uint8))[0].dtype == np.uint8
