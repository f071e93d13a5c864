"""The live training of chapter 08: the notebook runs it once, ``tools/margins.py`` with many seeds."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from course_utils.data import data_path
from course_utils.datasets.drinks import Dataset, render_dataset
from course_utils.detection import SSD, build_ssd
from course_utils.losses import cross_entropy, dice
from course_utils.metrics import confusion_matrix, mean_iou
from course_utils.segmentation import build_fcn, initialise_from, segment, segmentation_batches, with_logits
from course_utils.training import History, cosine_optimizer, load_weights, set_seed, train

__all__ = ["live_quantities", "train_live"]

STEPS, BATCH_SIZE, LEARNING_RATE = 150, 8, 3e-3
VALIDATE_EVERY, VALIDATED = 75, 60  # steps, scenes
SCENES = ((1200, 1), (200, 2), (100, 3))  # number and seed of those for training, validation and test

# What the chapter asserts of it.
BOUNDS = {"mIoU from the detector": ("above", 0.75), "mIoU ahead of scratch": ("above", 0.1)}


def train_live(
    training: Dataset, validation: Dataset, detector: SSD | None = None, seed: int = 0
) -> tuple[keras.Model, History]:
    """Train a segmenter for a minute.

    Parameters
    ----------
    training, validation : Dataset
        Scenes of 96 × 128 pixels; the first 60 of ``validation`` are looked at.
    detector : SSD, optional
        Whose backbone to start from; without it from random weights.
    seed : int
        Of the first weights, of the order of the scenes and of their augmentation; 0 or more.

    Returns
    -------
    keras.Model, History
    """
    set_seed(seed)
    network = build_fcn()
    if detector is not None:
        initialise_from(network, detector)
    history = train(
        with_logits(network),  # the losses want logits: the same network without its softmax, weights shared
        segmentation_batches(training.images, training.label_maps, steps=STEPS, batch_size=BATCH_SIZE, seed=seed),
        loss,
        cosine_optimizer(STEPS, LEARNING_RATE),
        STEPS,
        validate=lambda _: miou(network, validation[:VALIDATED]),
        validate_every=VALIDATE_EVERY,
    )
    return network, history


def loss(y_true: Any, logits: Any) -> tf.Tensor:
    """Cross-entropy, which looks at pixels, and half of Dice, which looks at classes: one value per image."""
    return cross_entropy(y_true, logits) + 0.5 * dice(y_true, logits)


def miou(network: keras.Model, scenes: Dataset) -> float:
    """Mean IoU over all pixels of some scenes."""
    labels = np.stack(segment(network, scenes.images, "labels"))
    return mean_iou(confusion_matrix(scenes.label_maps, labels, network.output_shape[-1])).mean


def live_quantities(seed: int) -> dict[str, float]:
    """Train from the detector and from scratch, and give what the chapter asserts, on its test scenes."""
    training, validation, test = (render_dataset(n, scene_seed) for n, scene_seed in SCENES)
    detector = build_ssd()
    load_weights(detector, data_path("weights/ssd.npz"), anchors=detector.anchors)
    from_detector, from_scratch = (
        miou(train_live(training, validation, start, seed)[0], test) for start in (detector, None)
    )
    return {"mIoU from the detector": from_detector, "mIoU ahead of scratch": from_detector - from_scratch}
