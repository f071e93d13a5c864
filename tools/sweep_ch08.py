"""Train the segmenter of chapter 08: the one whose weights are shipped, its variants, and a race.

    python tools/sweep_ch08.py            # data/results/segmentation.csv: every variant, three seeds each
    python tools/sweep_ch08.py --weights  # data/weights/fcn.npz and data/results/segmentation_shipped.json
    python tools/sweep_ch08.py --epochs   # data/results/segmentation_epochs.npz: the test scenes after every epoch
    python tools/sweep_ch08.py --race     # data/results/segmentation_race.csv: two networks, equal processor time

Scenes of seed 1 train, seed 2 validate, seed 3 are read once at the end, except by --epochs, which shows what
comes of reading them after every epoch. All but the race and the variants from scratch start from the detector's
backbone, data/weights/ssd.npz. The variants can be trained on a Dask cluster (``--scheduler ADDRESS``). Runs that
the tables already hold are skipped, and the long training resumes from its checkpoint, so the commands can be
stopped and started again.
"""

import argparse
import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

from course_utils._files import write_arrays
from course_utils.backbones import convolution, residual_backbone
from course_utils.datasets import Dataset, render_dataset
from course_utils.datasets.drinks import RENDERER_VERSION
from course_utils.detection import build_ssd
from course_utils.losses import cross_entropy, dice, focal
from course_utils.metrics import (
    confusion_matrices,
    confusion_matrix,
    mean_iou,
    mean_iou_interval,
    per_image_mean_iou,
    pixel_accuracy,
)
from course_utils.segmentation import (
    build_fcn,
    initialise_from,
    pooled_regions,
    resnet56v2_pyramid,
    segment,
    segmentation_batches,
    with_logits,
)
from course_utils.training import cosine_optimizer, load_weights, save_weights, set_seed, train
from results import RESULTS, Row, fill, holds, read_rows, write_manifest, write_rows

DATA = Path(__file__).parent.parent / "data"
SEEDS = (0, 1, 2)
SCENES = {"train": (6000, 1), "validation": (300, 2), "test": (500, 3)}  # number, seed
INPUT_SHAPE, N_CLASSES = (96, 128, 3), 4
STEPS, BATCH, RATE = 300, 8, 3e-3
SHIPPED_SCENES, SHIPPED_STEPS = 16_000, 11_000
EPOCHS, EPOCH_STEPS = 30, 30
RACE_POINTS, RACE_SCENES = 5, (30, 60)  # validations, validation and test scenes of the race
STRIDES = (4, 8, 16, 32)
REGION_CHANNELS = 32  # of each of the four grids


@dataclass(frozen=True)
class Variant:
    """What differs from the chapter's network; ``strides`` are those of the maps that are brought together."""

    variant: str
    context: Any = "pyramid"
    strides: tuple[int, ...] = STRIDES
    skip_stem: bool = True
    channels: int = 32
    loss: str = "cross-entropy + Dice"
    beside: str = "nothing"  # what the map at 1/16 has beside it
    start: str = "detector"
    learning_rate: float = RATE


VARIANTS = (
    Variant("chapter's network"),
    Variant("summed scores (FCN)", context="sum"),
    # It pools the map at 1/16; what lies beyond would be dead weight.
    Variant("pooled context (PSPNet)", context="pool", strides=(4, 8, 16)),
    Variant("without the stem's skip", skip_stem=False),
    Variant("only 1/4", strides=(4,)),
    Variant("1/4 and 1/8", strides=(4, 8)),
    Variant("1/4 to 1/16", strides=(4, 8, 16)),
    Variant("cross-entropy", loss="cross-entropy"),
    Variant("half the filters on top", channels=16),
    Variant("a quarter of the filters on top", channels=8),
    Variant("focal loss", loss="focal"),
    Variant("with pooled regions", beside="regions"),
    Variant("with more of the same cells", beside="cells"),
    Variant("from scratch", start="scratch"),
    *(
        Variant(f"{loss}, rate {rate:g}", loss=loss, learning_rate=rate)
        for loss in ("cross-entropy + Dice", "cross-entropy", "focal")
        for rate in (1e-3, 1e-2)
    ),
)


def both(y_true: Any, logits: Any) -> tf.Tensor:
    return cross_entropy(y_true, logits) + 0.5 * dice(y_true, logits)


LOSSES: dict[str, Callable[[Any, Any], tf.Tensor]] = {
    "cross-entropy": cross_entropy,
    "focal": focal,
    "cross-entropy + Dice": both,
}


def detector() -> keras.Model:
    ssd = build_ssd()
    return load_weights(ssd, DATA / "weights" / "ssd.npz", anchors=ssd.anchors)


def build(variant: Variant) -> keras.Model:
    """A variant's network; its backbone holds the detector's weights, unless it starts from scratch."""
    backbone = residual_backbone(INPUT_SHAPE)
    if variant.start == "detector":
        initialise_from(build_fcn(backbone=backbone), detector())
    kept = [
        with_beside(map_, variant.beside) if stride == 16 else map_
        for map_, stride in zip(backbone.outputs, (2, *STRIDES), strict=True)
        if stride in (2, *variant.strides)
    ]
    return build_fcn(
        backbone=keras.Model(backbone.inputs, kept, name="backbone"),
        context=variant.context,
        channels=variant.channels,
        upsampling=(24 * variant.channels // 32, 16 * variant.channels // 32),
        skip_stem=variant.skip_stem,
    )


def with_beside(map_: Any, beside: str) -> Any:
    """The map at 1/16 with its regions' means, or with as many features of each cell alone: the control."""
    if beside == "nothing":
        return map_
    if beside == "regions":
        return pooled_regions(map_, REGION_CHANNELS)
    cells = convolution(map_, 4 * REGION_CHANNELS, 1, name="cells")
    return keras.layers.Concatenate(name="context")([map_, cells])


def confusion_of(model: keras.Model, scenes: Dataset) -> Any:
    return confusion_matrix(scenes.label_maps, np.stack(segment(model, scenes.images, "labels")), N_CLASSES)


def run(
    model: keras.Model,
    loss: str,
    seed: int,
    scenes: dict[str, Dataset],
    steps: int,
    rate: float = RATE,
    validate_every: int | None = None,
    checkpoint: Path | None = None,
    recipe: dict[str, Any] | None = None,
) -> float:
    """Train, and give the seconds that it took."""
    training, validation = scenes["train"], scenes["validation"]
    history = train(
        with_logits(model),
        segmentation_batches(training.images, training.label_maps, steps=steps, batch_size=BATCH, seed=seed),
        LOSSES[loss],
        cosine_optimizer(steps, rate),
        steps,
        validate=(lambda _: mean_iou(confusion_of(model, validation)).mean) if validate_every else None,
        validate_every=validate_every or steps,
        checkpoint=checkpoint,
        recipe=recipe,
    )
    return history.seconds


def scene_sets() -> dict[str, Dataset]:
    """Scenes to train, validate and test with."""
    return {name: render_dataset(n, seed) for name, (n, seed) in SCENES.items()}


def row_of(key: Row) -> Row:
    """Train one variant with one seed, and score it."""
    (variant,) = (v for v in VARIANTS if v.variant == key["variant"])
    seed, scenes = int(key["seed"]), scene_sets()
    set_seed(seed)
    model = build(variant)
    seconds = run(model, variant.loss, seed, scenes, STEPS, variant.learning_rate)
    validation, test = (confusion_of(model, scenes[name]) for name in ("validation", "test"))
    ious = mean_iou(test)
    found = {"validation_miou": mean_iou(validation).mean, "miou": ious.mean}
    found |= {f"iou_{i}": iou for i, iou in enumerate(ious.per_class)}
    found |= {"pixel_accuracy": pixel_accuracy(test)}
    row = {name: f"{value:.5f}" for name, value in found.items()}
    return row | {"parameters": str(model.count_params()), "seconds": f"{seconds:.0f}"}


def sweep(path: Path, scheduler: str | None) -> None:
    keys = [
        {name: str(value) for name, value in (asdict(variant) | {"seed": seed}).items()}
        for seed in SEEDS
        for variant in VARIANTS
    ]
    rows = fill(path, keys, row_of, scheduler)
    write_manifest(
        path.with_suffix(".json"),
        "python tools/sweep_ch08.py",
        steps=STEPS,
        batch=BATCH,
        seeds=SEEDS,
        scenes=SCENES,
        runs=len(rows),
        seconds=sum(int(row["seconds"]) for row in rows),
        threads=1,
    )


def ship() -> None:
    """Train the shipped weights and score them, as they are stored, on the test scenes."""
    numbers = SCENES | {"train": (SHIPPED_SCENES, 1)}
    scenes = {name: render_dataset(n, seed) for name, (n, seed) in numbers.items()}
    set_seed(0)
    model = build(VARIANTS[0])
    checkpoint = DATA.parent / "build" / "fcn_checkpoint.npz"
    # What the training cannot see for itself: a checkpoint of another loss, other scenes or another detector
    # must not be shipped.
    recipe = asdict(VARIANTS[0]) | {
        "scenes": numbers,
        "renderer": RENDERER_VERSION,
        "detector": hashlib.sha256((DATA / "weights" / "ssd.npz").read_bytes()).hexdigest(),
    }
    seconds = run(
        model,
        VARIANTS[0].loss,
        0,
        scenes,
        SHIPPED_STEPS,
        validate_every=1000,
        checkpoint=checkpoint,
        recipe=recipe,
    )
    save_weights(model, DATA / "weights" / "fcn.npz")
    score(seconds)


def score(seconds: float) -> None:
    """Write data/results/segmentation_shipped.json for the weights that are there."""
    model = load_weights(build_fcn(), DATA / "weights" / "fcn.npz")
    test = render_dataset(*SCENES["test"])
    labels = np.stack(segment(model, test.images, "labels"))
    confusions = confusion_matrices(test.label_maps, labels, N_CLASSES)
    confusion = confusions.sum(axis=0)
    ious = mean_iou(confusion)
    write_manifest(
        DATA / "results" / "segmentation_shipped.json",
        "python tools/sweep_ch08.py --weights",
        miou=round(ious.mean, 5),
        miou_interval=[
            round(float(end), 5) for end in mean_iou_interval(confusions, 1000, 0.95, np.random.default_rng(0))
        ],
        iou=[round(float(iou), 5) for iou in ious.per_class],
        pixel_accuracy=round(pixel_accuracy(confusion), 5),
        per_image_miou=round(per_image_mean_iou(test.label_maps, labels, N_CLASSES), 5),
        parameters=model.count_params(),
        steps=SHIPPED_STEPS,
        batch=BATCH,
        learning_rate=RATE,
        scenes=SCENES | {"train": (SHIPPED_SCENES, 1)},
        seconds=round(seconds),
    )


def epochs() -> None:
    """Confusion matrices (epoch, scene, truth, prediction) of the test scenes, at a constant learning rate."""
    training, test = (render_dataset(*SCENES[name]) for name in ("train", "test"))
    set_seed(0)
    model = build(VARIANTS[0])
    matrices = []

    def look(_: keras.Model) -> float:
        labels = np.stack(segment(model, test.images, "labels"))
        matrices.append(confusion_matrices(test.label_maps, labels, N_CLASSES).astype(np.uint16))
        return float(len(matrices))  # the last weights are "best": nothing is selected here

    steps = EPOCHS * EPOCH_STEPS
    batches = segmentation_batches(training.images, training.label_maps, steps=steps, batch_size=BATCH)
    optimizer = keras.optimizers.Adam(1e-3)
    train(with_logits(model), batches, cross_entropy, optimizer, steps, validate=look, validate_every=EPOCH_STEPS)
    path = DATA / "results" / "segmentation_epochs.npz"
    write_arrays(path, {"confusions": np.stack(matrices)})
    write_manifest(
        path.with_suffix(".json"),
        "python tools/sweep_ch08.py --epochs",
        epochs=EPOCHS,
        steps_per_epoch=EPOCH_STEPS,
        batch=BATCH,
        learning_rate=1e-3,
        scenes=SCENES,
    )


def published() -> keras.Model:
    """The network of 11.1 million parameters, at our resolution."""
    return build_fcn(
        INPUT_SHAPE,
        backbone=resnet56v2_pyramid(INPUT_SHAPE),
        channels=256,
        upsampling=(256, 256),
        use_bias=True,
        convolve_finest=False,
        skip_stem=False,
        last_kernel=1,
    )


@dataclass(frozen=True)
class Entrant:
    """A network of the race, with steps for about three minutes of one core; batch and rate are its authors'."""

    network: str
    build: Callable[[], keras.Model]
    steps: int
    batch: int
    learning_rate: float


ENTRANTS = (
    Entrant("published, 11.1 million", published, 20, 4, 1e-3),
    Entrant("this chapter's", build_fcn, 500, BATCH, RATE),
)


def race(path: Path) -> None:
    """Both from scratch, with cross-entropy; validation does not count towards the time."""
    rows = read_rows(path)
    validation, test = (
        render_dataset(n, SCENES[name][1]) for n, name in zip(RACE_SCENES, ("validation", "test"), strict=True)
    )
    training = render_dataset(*SCENES["train"])
    for seed in SEEDS:
        for entrant in ENTRANTS:
            key = {"network": entrant.network, "seed": str(seed)}
            if not holds(rows, key):
                rows += [key | point for point in _run_race(entrant, seed, training, validation, test)]
                write_rows(path, rows)
                print(rows[-1], flush=True)
    write_manifest(
        path.with_suffix(".json"),
        "python tools/sweep_ch08.py --race",
        entrants=[{k: v for k, v in asdict(e).items() if k != "build"} for e in ENTRANTS],
        seeds=SEEDS,
        scenes={"train": SCENES["train"], "validation": (RACE_SCENES[0], 2), "test": (RACE_SCENES[1], 3)},
    )


def _run_race(
    entrant: Entrant, seed: int, training: Dataset, validation: Dataset, test: Dataset
) -> list[dict[str, str]]:
    set_seed(seed)
    model = entrant.build()
    points: list[dict[str, str]] = []
    began = time.process_time()
    paused = 0.0

    def look(_: keras.Model) -> float:
        nonlocal paused
        now = time.process_time()
        last = len(points) == RACE_POINTS - 1
        ious = mean_iou(confusion_of(model, validation)).mean
        point = {"seconds": f"{now - began - paused:.0f}", "validation_miou": f"{ious:.5f}", "test_miou": ""}
        if last:
            point["test_miou"] = f"{mean_iou(confusion_of(model, test)).mean:.5f}"
        points.append(point | {"parameters": str(model.count_params())})
        paused += time.process_time() - now
        return float(len(points))

    train(
        with_logits(model),
        segmentation_batches(
            training.images, training.label_maps, steps=entrant.steps, batch_size=entrant.batch, seed=seed
        ),
        cross_entropy,
        cosine_optimizer(entrant.steps, entrant.learning_rate),
        entrant.steps,
        validate=look,
        validate_every=entrant.steps // RACE_POINTS,
    )
    return points


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", action="store_true", help="train the shipped weights instead")
    parser.add_argument("--epochs", action="store_true", help="follow one training on the test scenes")
    parser.add_argument("--race", action="store_true", help="race the published network")
    parser.add_argument("--scheduler", help="address of a Dask scheduler, for the table of variants")
    parser.add_argument("--output", type=Path, help="another table than the one in data/results")
    arguments = parser.parse_args()
    if arguments.weights:
        ship()
    elif arguments.epochs:
        epochs()
    elif arguments.race:
        race(arguments.output or RESULTS / "segmentation_race.csv")
    else:
        sweep(arguments.output or RESULTS / "segmentation.csv", arguments.scheduler)
