"""The segmenter: published sizes, shared weights, photographs of any size, augmentation that invents no class."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from course_utils.backbones import residual_backbone
from course_utils.datasets import render_scene
from course_utils.detection import build_ssd
from course_utils.losses import cross_entropy
from course_utils.segmentation import (
    build_fcn,
    initialise_from,
    resnet56v2_pyramid,
    segment,
    segmentation_batches,
    with_logits,
)
from course_utils.training import cosine_optimizer, set_seed, train

SCENES = [render_scene(np.random.default_rng([5, i]), 96, 128) for i in range(6)]
IMAGES = np.stack([scene.image for scene in SCENES])
LABELS = np.stack([scene.label_map for scene in SCENES])


@pytest.fixture(scope="module")
def fcn() -> keras.Model:
    set_seed(0)
    return build_fcn()


def test_the_published_network_has_its_published_size() -> None:
    size = (480, 640, 3)
    model = build_fcn(
        size,
        backbone=resnet56v2_pyramid(size),
        channels=256,
        upsampling=(256, 256),
        use_bias=True,
        convolve_finest=False,
        skip_stem=False,
        last_kernel=1,
    )
    assert model.count_params() == 11_120_900
    assert model.output_shape == (None, 480, 640, 4)


def test_the_default_is_small_and_gives_probabilities(fcn: keras.Model) -> None:
    assert fcn.count_params() <= 500_000
    probabilities = fcn(IMAGES.astype(np.float32) / 255).numpy()
    np.testing.assert_allclose(probabilities.sum(axis=-1), 1, atol=1e-5)


@pytest.mark.parametrize("context", ["pyramid", "sum", "pool"])
def test_every_context_reaches_full_resolution(context: str) -> None:
    model = build_fcn(backbone=residual_backbone((96, 128, 3), (4, 8, 8, 8, 8)), channels=4, context=context)
    assert model(np.zeros((2, 96, 128, 3), np.float32)).shape == (2, 96, 128, 4)


def test_summed_skips_add_class_scores() -> None:
    """With the scores of the coarser levels at nought, the output is the finest level's, enlarged."""
    model = build_fcn(backbone=residual_backbone((96, 128, 3), (4, 8, 8, 8, 8)), context="sum")
    for stride in (8, 16, 32):
        layer = model.get_layer(f"scores{stride}")
        layer.set_weights([np.zeros_like(value) for value in layer.get_weights()])
    finest = keras.Model(model.input, model.get_layer("scores4").output)
    image = IMAGES[:1].astype(np.float32) / 255
    expected = tf.image.resize(finest(image), (96, 128))
    np.testing.assert_allclose(with_logits(model)(image), expected, atol=1e-4)


def test_pooled_context_is_adaptive_average_pooling() -> None:
    model = build_fcn(backbone=residual_backbone((96, 128, 3), (4, 8, 8, 8, 8)), context="pool", channels=4)
    map_ = np.random.default_rng(0).normal(size=(2, 6, 8, 8)).astype(np.float32)
    for bins in (1, 2, 3, 6):
        pooled = model.get_layer(f"bins{bins}")(map_).numpy()
        for i in range(bins):
            for j in range(bins):
                rows = slice(i * 6 // bins, -(-(i + 1) * 6 // bins))
                columns = slice(j * 8 // bins, -(-(j + 1) * 8 // bins))
                np.testing.assert_allclose(pooled[:, i, j], map_[:, rows, columns].mean(axis=(1, 2)), atol=1e-6)


def test_logits_and_probabilities_share_weights(fcn: keras.Model) -> None:
    image = IMAGES[:1].astype(np.float32) / 255
    np.testing.assert_allclose(tf.nn.softmax(with_logits(fcn)(image)), fcn(image), atol=1e-6)


def test_the_detectors_backbone_is_copied(fcn: keras.Model) -> None:
    set_seed(1)
    ssd, model = build_ssd(), build_fcn()
    copied = initialise_from(model, ssd)
    assert copied.n_parameters == 310_576 and len(copied.names) == len(ssd.get_layer("backbone").weights)
    image = IMAGES[:1].astype(np.float32) / 255
    for one, other in zip(model.get_layer("backbone")(image), ssd.get_layer("backbone")(image), strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_does_not_fit_is_an_error_and_changes_nothing(fcn: keras.Model) -> None:
    before = fcn.get_weights()
    wider = build_ssd(backbone=residual_backbone((96, 128, 3), (8, 32, 48, 64, 64)))
    deeper = build_ssd(backbone=residual_backbone((96, 128, 3), blocks=(2, 2, 2, 1)))
    for other, message in (
        (
            wider,
            r"other: its backbone holds stem_conv/kernel of shape \(3, 3, 3, 8\), the model's is \(3, 3, 3, 16\)",
        ),
        (deeper, "other: its backbone does not fit the model: it lacks nothing, and has .*stage1_block2"),
        (keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)]), "other: expected a layer 'backbone'"),
    ):
        with pytest.raises(ValueError, match=message):
            initialise_from(fcn, other)
    for one, other in zip(before, fcn.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_augmentation_invents_no_class_and_moves_both_alike() -> None:
    """Paint each image with its own labels: after any move the two must still agree, edges apart."""
    painted = np.repeat((LABELS * 60)[..., np.newaxis], 3, axis=-1)
    make = segmentation_batches(painted, LABELS, steps=12, batch_size=4, seed=1, zoom=0.3)
    moved = 0
    for x, y in make(0):
        labels, image = y.numpy(), x.numpy()
        assert set(np.unique(labels)) <= {0, 1, 2, 3, 255}
        for shown, label_map in zip(image, labels, strict=True):
            ids = [i for i in (0, 1, 2, 3) if (label_map == i).sum() > 50]
            means = [float(np.median(shown[label_map == i].mean(axis=1))) for i in ids]
            assert means == sorted(means)
            for i in ids:
                spread = np.abs(shown[label_map == i].mean(axis=1) - np.median(shown[label_map == i].mean(axis=1)))
                assert (spread > 0.02).mean() < 0.35
            moved += int((label_map == 255).any())
    assert moved > 5


def test_without_augmentation_nothing_changes() -> None:
    make = segmentation_batches(IMAGES, LABELS, steps=2, batch_size=6, augment=False)
    for x, y in make(0):
        index = [int(np.argmin([np.abs(i / 255 - image).sum() for i in IMAGES])) for image in x.numpy()]
        assert sorted(index) == list(range(6))
        np.testing.assert_array_equal(y.numpy(), LABELS[index])


def test_batches_repeat_and_resume() -> None:
    make = segmentation_batches(IMAGES, LABELS, steps=5, batch_size=4, seed=3)
    whole, later = list(make(0)), list(make(3))
    assert len(whole) == 5 and len(later) == 2
    for (x, y), (x2, y2) in zip(whole[3:], later, strict=True):
        np.testing.assert_array_equal(x, x2)
        np.testing.assert_array_equal(y, y2)


@pytest.mark.integration
def test_training_overfits_one_scene() -> None:
    """A small network and a small scene: tracing the graph takes most of the time."""
    set_seed(0)
    shape = (48, 64, 3)
    scenes = [render_scene(np.random.default_rng([5, i]), *shape[:2]) for i in range(6)]
    scene = min(scenes, key=lambda scene: (scene.label_map == 0).mean())
    model = build_fcn(shape, backbone=residual_backbone(shape, (8, 16, 16), (1, 1)), channels=8)
    given = scene.image[np.newaxis], scene.label_map[np.newaxis]
    make = segmentation_batches(*given, steps=60, batch_size=2, augment=False)
    train(with_logits(model), make, cross_entropy, cosine_optimizer(60, 1e-2), 60, progress=False)
    (labels,) = segment(model, scene.image, output="labels")
    assert (scene.label_map == 0).mean() < 0.8 and len(np.unique(scene.label_map)) > 2
    assert (labels == scene.label_map).mean() > 0.93


def test_photographs_keep_their_size(fcn: keras.Model) -> None:
    photographs = [np.zeros((h, w, 3), np.uint8) for h, w in ((96, 128), (200, 100), (33, 300))]
    for photograph, probabilities in zip(photographs, segment(fcn, photographs), strict=True):
        assert probabilities.shape == (*photograph.shape[:2], 4)
        np.testing.assert_allclose(probabilities.sum(axis=-1), 1, atol=1e-4)


def test_mirrored_prediction_is_symmetric(fcn: keras.Model) -> None:
    (one,) = segment(fcn, IMAGES[0], mirrored=True)
    (other,) = segment(fcn, np.ascontiguousarray(IMAGES[0][:, ::-1]), mirrored=True)
    np.testing.assert_allclose(one[:, ::-1], other, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"input_shape": (100, 128, 3)}, "input_shape: expected sides divisible by"),
        ({"n_classes": 1}, "n_classes: expected an integer of 2 or more"),
        ({"context": "sums"}, "context: expected one of"),
        ({"channels": 0}, "channels: expected an integer of 1 or more"),
        ({"upsampling": (0, 8)}, "upsampling: expected an integer of 1 or more"),
    ],
)
def test_bad_networks(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_fcn(**options)


@pytest.mark.parametrize(
    ("images", "labels", "options", "message"),
    [
        (IMAGES / 255, LABELS, {}, r"images: expected \(M, H, W, 3\) uint8"),
        (IMAGES, LABELS[:2], {}, "label_maps: expected"),
        (IMAGES, LABELS.astype(int), {}, "label_maps: expected"),
        (IMAGES, LABELS, {"zoom": 1}, "zoom: expected a number from 0 to below 1"),
        (IMAGES, LABELS, {"batch_size": 0}, "batch_size: expected an integer of 1 or more"),
    ],
)
def test_bad_batches(images: np.ndarray, labels: np.ndarray, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        segmentation_batches(images, labels, steps=1, **options)
