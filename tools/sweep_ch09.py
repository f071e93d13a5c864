"""Fine-tune the shipped detector on photographs of the other camera in several ways: the table of chapter 09.

    python tools/sweep_ch09.py   # data/results/fine_tuning.csv

600 photographs are drawn as `tools/make_photographs.py` draws the shipped ones, with another seed, and split by
groups: a pool to train on, 150 to choose by, the rest to report on. First the rate of each start is chosen on
validation, then everything else is measured at that rate. Runs that the table already holds are skipped.
"""

import argparse
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from course_utils.annotations import load_annotations
from course_utils.datasets import Dataset, load_photographs, render_dataset, split_photographs
from course_utils.detection import SSD, detect
from course_utils.experiments import ch09
from course_utils.metrics import mean_average_precision
from make_photographs import take
from results import RESULTS, Row, holds, read_rows, write_manifest, write_rows

COUNT, SEED = 600, 21
SHARES = (0.4, 0.25, 0.35)
SEEDS = (0, 1, 2)
RATES = {"shipped": ("0.0003", "0.001", "0.003"), "scratch": ("0.003",)}
USUAL = 40  # photographs, where something else is varied
SIZES = (10, USUAL, 160)
SCENES = (1200, 1)  # number and seed of those that are mixed in


def photographs() -> tuple[Dataset, ...]:
    """Pool, validation and test."""
    with tempfile.TemporaryDirectory() as folder:
        take(Path(folder), COUNT, SEED)
        annotations = load_annotations(Path(folder) / "via.json")
        loaded = load_photographs(annotations, folder, ch09.HEIGHT, ch09.WIDTH)
    rng = np.random.default_rng(SEED)
    return tuple(loaded[part] for part in split_photographs(loaded, SHARES, rng=rng))


def settings(best: dict[str, str]) -> Iterator[Row]:
    """What is run beyond the choice of the rates: every row says all that can vary."""
    for start, rate in best.items():
        for size in SIZES:
            yield {"start": start, "photographs": str(size), "rate": rate, "trained": "all", "mixed": "no"}
    usual = {
        "start": "shipped",
        "photographs": str(USUAL),
        "rate": best["shipped"],
        "trained": "all",
        "mixed": "no",
    }
    yield usual | {"mixed": "yes"}
    yield usual | {"trained": "heads first"}


def scores(model: SSD, validation: Dataset, test: Dataset) -> Row:
    row: Row = {}
    for name, part in (("validation", validation), ("test", test)):
        result = mean_average_precision(part.annotations, detect(model, part.images), (0.5, 0.75))
        at_50, at_75 = result.average_precision.mean(axis=1)
        row |= {f"{name}_map50": f"{at_50:.5f}", f"{name}_map75": f"{at_75:.5f}"}
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=RESULTS / "fine_tuning.csv")
    path = parser.parse_args().output
    rows = read_rows(path)
    pool, validation, test = photographs()
    scenes = render_dataset(*SCENES)

    def run(setting: Row) -> None:
        for seed in SEEDS:
            key = setting | {"seed": str(seed)}
            if holds(rows, key):
                continue
            # Each seed has photographs of its own; a smaller set is the beginning of a larger one.
            chosen = np.random.default_rng(seed).permutation(len(pool))[: int(setting["photographs"])]
            model, seconds = ch09.fine_tuned_detector(
                pool[chosen],
                setting["start"],  # type: ignore[arg-type]
                learning_rate=float(setting["rate"]),
                trained=setting["trained"],  # type: ignore[arg-type]
                scenes=scenes if setting["mixed"] == "yes" else None,
                seed=seed,
            )
            rows.append(key | scores(model, validation, test) | {"seconds": f"{seconds:.0f}"})
            write_rows(path, rows)
            print(rows[-1], flush=True)

    zero_shot = {
        "start": "shipped",
        "photographs": "0",
        "rate": "",
        "trained": "nothing",
        "mixed": "no",
        "seed": "",
    }
    if not holds(rows, zero_shot):
        rows.append(zero_shot | scores(ch09.shipped_detector(), validation, test) | {"seconds": "0"})
    best = {}
    for start, rates in RATES.items():
        found = {}
        for rate in rates:
            setting = {"start": start, "photographs": str(USUAL), "rate": rate, "trained": "all", "mixed": "no"}
            run(setting)
            found[rate] = np.mean(
                [float(row["validation_map50"]) for row in rows if setting.items() <= row.items()]
            )
        best[start] = max(found, key=lambda rate: found[rate])
    for setting in settings(best):
        run(setting)
    write_manifest(
        path.with_suffix(".json"),
        "python tools/sweep_ch09.py",
        steps=ch09.STEPS,
        batch_size=ch09.BATCH_SIZE,
        photographs={
            "drawn": COUNT,
            "seed": SEED,
            "pool": len(pool),
            "validation": len(validation),
            "test": len(test),
        },
        scenes_mixed_in=SCENES,
        seeds=SEEDS,
        best_rate_on_validation=best,
        seconds_of_training=sum(int(row["seconds"]) for row in rows),
    )


if __name__ == "__main__":
    main()
