"""Make data/results/deformation_gain.csv: what augmentation gains on 300 digits in chapter 04, over many seeds.

    python tools/sweep_ch04.py

It goes on where it was interrupted: every finished run is a row. The settings, all fixed before the first run,
stand in SETTINGS; nothing was chosen on the test digits.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from course_utils.datasets import load_digits, split
from course_utils.deformation import (
    affine_field,
    affine_warp,
    displacement_field,
    elastic_transform,
    random_affine,
    warp,
)
from results import RESULTS, holds, read_rows, write_manifest, write_rows

Images = npt.NDArray[np.float32]
Augment = Callable[[Images, np.random.Generator], Images]

N_TRAIN, N_VALIDATION, N_TEST, EPOCHS, BATCH = 300, 1000, 3700, 60, 50


def affine(images: Images, rng: np.random.Generator, rotation: float, scale: float, shear: float) -> Images:
    matrices = random_affine((28, 28), rng, rotation, scale, shear, shift=2, n=len(images))
    return affine_warp(images, matrices)


def elastic(alpha: float, sigma: float) -> Augment:
    return lambda images, rng: elastic_transform(images, alpha, sigma, rng)


def affine_then_elastic(images: Images, rng: np.random.Generator) -> Images:
    return elastic_transform(affine(images, rng, 15, 0.15, 0.15), 34, 4, rng)


def affine_and_elastic_at_once(images: Images, rng: np.random.Generator) -> Images:
    """The same maps and the same fields as above, read in one go."""
    matrices = random_affine((28, 28), rng, 15, 0.15, 0.15, shift=2, n=len(images))
    fields = displacement_field((28, 28), 34, 4, rng, n=len(images))
    return np.asarray(warp(images, affine_field((28, 28), matrices, then=fields)))


# Name, augmentation, seeds. Alpha 34, sigma 4 is the usual reading of Simard et al. 2003.
SETTINGS: dict[str, tuple[Augment, range]] = {
    "none": (lambda images, rng: images, range(10)),
    "shifts of 2 px": (lambda images, rng: affine(images, rng, 0, 0, 0), range(10)),
    "affine": (lambda images, rng: affine(images, rng, 15, 0.15, 0.15), range(10)),
    "elastic 34, 4": (elastic(34, 4), range(10)),
    "affine + elastic": (affine_then_elastic, range(10)),
    "affine + elastic, one warp": (affine_and_elastic_at_once, range(10)),
    "elastic 100, 3": (elastic(100, 3), range(10)),
    "elastic 8, 4": (elastic(8, 4), range(3)),
    "elastic 17, 4": (elastic(17, 4), range(3)),
    "elastic 68, 4": (elastic(68, 4), range(3)),
    "elastic 136, 4": (elastic(136, 4), range(3)),
}


def small_cnn() -> keras.Model:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(8, 5, strides=2, activation="relu"),
            layers.Conv2D(24, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10),
        ]
    )


def run(augment: Augment, seed: int) -> tuple[float, float]:
    """Errors on validation and test digits, in per cent, after a fixed number of steps."""
    rng = np.random.default_rng(seed)
    images, labels = load_digits()
    images = images[..., np.newaxis]
    train, validation, test = split(labels, (N_TRAIN, N_VALIDATION, N_TEST), rng)
    keras.utils.set_random_seed(seed)
    model = small_cnn()
    # All epochs are augmented beforehand and follow one another in one long pass.
    orders = [rng.permutation(train) for _ in range(EPOCHS)]
    stream = np.concatenate([augment(images[order], rng) for order in orders])
    schedule = keras.optimizers.schedules.CosineDecay(2e-3, len(stream) // BATCH)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(schedule), loss)
    model.fit(stream, labels[np.concatenate(orders)], BATCH, epochs=1, shuffle=False, verbose=0)

    def error(part: npt.NDArray[np.intp]) -> float:
        scores = model.predict(images[part], batch_size=500, verbose=0)
        return float(100 * np.mean(scores.argmax(axis=1) != labels[part]))

    return error(validation), error(test)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=RESULTS / "deformation_gain.csv")
    path = parser.parse_args().output
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()
    rows = read_rows(path)
    # Seed by seed, so that an interrupted sweep has a few seeds of everything.
    for seed in range(max(len(seeds) for _, seeds in SETTINGS.values())):
        for name, (augment, seeds) in SETTINGS.items():
            key = {"setting": name, "seed": str(seed)}
            if seed not in seeds or holds(rows, key):
                continue
            start = time.perf_counter()
            validation, test = run(augment, seed)
            errors = {"validation_error": f"{validation:.2f}", "test_error": f"{test:.2f}"}
            rows.append(key | errors | {"seconds": f"{time.perf_counter() - start:.1f}"})
            write_rows(path, rows)
            print(*rows[-1].values(), flush=True)
    write_manifest(
        path.with_suffix(".json"),
        "python tools/sweep_ch04.py",
        digits={"train": N_TRAIN, "validation": N_VALIDATION, "test": N_TEST},
        training=f"{EPOCHS} epochs, batches of {BATCH}, Adam 2e-3 with cosine decay",
        seeds={name: list(seeds) for name, (_, seeds) in SETTINGS.items()},
        seconds=round(sum(float(row["seconds"]) for row in rows)),
        threads=1,
    )


if __name__ == "__main__":
    main()
