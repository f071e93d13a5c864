"""Fine-tuning on few photographs: what chapter 09 runs once, and the command behind its table with many seeds."""

from typing import Literal

import keras
import numpy as np

from course_utils.data import data_path
from course_utils.datasets import Dataset
from course_utils.detection import SSD, build_ssd, ssd_batches, ssd_loss
from course_utils.experiments.ch08 import loss
from course_utils.segmentation import build_fcn, segmentation_batches, with_logits
from course_utils.training import cosine_optimizer, initialise_from, load_weights, set_seed, train

__all__ = [
    "fine_tuned_detector",
    "fine_tuned_segmenter",
    "shipped_detector",
    "shipped_segmenter",
]

HEIGHT, WIDTH = 96, 128
STEPS, BATCH_SIZE = 300, 8
# Of three rates from the shipped weights none is clearly better on validation (chapter 09 shows them);
# from scratch the rate is near the one that chapter 07 chose for its live training.
LEARNING_RATE = {"shipped": 1e-3, "scratch": 3e-3}
SEGMENTER_STEPS, SEGMENTER_RATE = 100, 1e-3

Start = Literal["shipped", "scratch"]


def shipped_detector() -> SSD:
    """The detector of chapter 07, which has seen 16,000 rendered scenes."""
    model = build_ssd()
    load_weights(model, data_path("weights/ssd.npz"), anchors=model.anchors)
    return model


def shipped_segmenter() -> keras.Model:
    """The segmenter of chapter 08, trained on the same scenes."""
    network = build_fcn()
    load_weights(network, data_path("weights/fcn.npz"))
    return network


def fine_tuned_detector(
    photographs: Dataset,
    start: Start = "shipped",
    *,
    n_classes: int = 4,
    steps: int = STEPS,
    learning_rate: float | None = None,
    trained: Literal["all", "heads first"] = "all",
    scenes: Dataset | None = None,
    seed: int = 0,
) -> tuple[SSD, float]:
    """Train a detector on a few photographs, without looking at any others.

    Parameters
    ----------
    photographs : Dataset
        Of 96 × 128 pixels.
    start : "shipped" or "scratch"
        From the weights of chapter 07, but for the class heads where the number of classes is another; or from
        random ones.
    n_classes : int
        Background included.
    steps : int
        Of 8 images each.
    learning_rate : float, optional
        At its highest; 0.001 from the shipped weights and 0.003 from scratch if not given.
    trained : "all" or "heads first"
        All layers, or those behind the backbone for a third of the steps and then all.
    scenes : Dataset, optional
        Rendered scenes that are mixed in: half of what is seen.
    seed : int
        Of random weights, of the order of the images and of their augmentation.

    Returns
    -------
    SSD
        With its last weights.
    float
        Seconds.
    """
    set_seed(seed)
    model = build_ssd(n_classes=n_classes)
    if start == "shipped":
        initialise_from(model, data_path("weights/ssd.npz"))
    rate = LEARNING_RATE[start] if learning_rate is None else learning_rate
    sets = [photographs] if scenes is None else _evenly(photographs, scenes)
    images = np.concatenate([part.images for part in sets])
    boxes = [box for part in sets for box in part.boxes]
    class_ids = [ids for part in sets for ids in part.class_ids]
    plan = {"all": [(True, steps)], "heads first": [(False, steps // 3), (True, steps)]}
    seconds, done = 0.0, 0
    for backbone, until in plan[trained]:
        model.get_layer("backbone").trainable = backbone
        batches = ssd_batches(
            model, images, boxes, class_ids, steps=until - done, batch_size=BATCH_SIZE, seed=seed + done
        )
        history = train(model, batches, ssd_loss(model), cosine_optimizer(until - done, rate), until - done)
        seconds, done = seconds + history.seconds, until
    model.get_layer("backbone").trainable = True
    return model, seconds


def _evenly(photographs: Dataset, scenes: Dataset) -> list[Dataset]:
    """The scenes, and as many photographs, repeated."""
    return [scenes, photographs[np.arange(len(scenes)) % len(photographs)]]


def fine_tuned_segmenter(photographs: Dataset, *, n_classes: int = 4, seed: int = 0) -> tuple[keras.Model, float]:
    """The same for the segmenter: from its shipped weights, all layers, the last weights; and seconds."""
    set_seed(seed)
    network = build_fcn(n_classes=n_classes)
    initialise_from(network, data_path("weights/fcn.npz"))
    assert photographs.label_maps is not None
    history = train(
        with_logits(network),
        segmentation_batches(
            photographs.images,
            photographs.label_maps,
            steps=SEGMENTER_STEPS,
            batch_size=BATCH_SIZE,
            seed=seed,
        ),
        loss,
        cosine_optimizer(SEGMENTER_STEPS, SEGMENTER_RATE),
        SEGMENTER_STEPS,
    )
    return network, history.seconds
