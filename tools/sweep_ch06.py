"""Train the small network of chapter 06 with every loss and several seeds; write data/results/losses.csv.

    python tools/sweep_ch06.py

Two stages. For each loss, the learning rate with the best validation mIoU (one seed, never used again) is
chosen; then five seeds are trained with it and scored once on the test scenes. Runs that the table already
holds are skipped, so the command can be stopped and started again.
"""

import argparse
import csv
import json
import platform
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from course_utils.thin_structures import build_losses, build_network, draw_scenes, predict, scores, train

STEPS = 300
RATES = (0.01, 0.03, 0.1)
TUNING_SEED = 100
SEEDS = (0, 1, 2, 3, 4)
SCENES = {"train": (512, 0), "validation": (128, 1), "test": (256, 2)}  # number, seed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(__file__).parent.parent / "data" / "results" / "losses.csv"
    parser.add_argument("--output", type=Path, default=default)
    path = parser.parse_args().output
    tf.config.experimental.enable_op_determinism()
    scenes = {name: draw_scenes(n, np.random.default_rng(seed)) for name, (n, seed) in SCENES.items()}
    losses = build_losses(scenes["train"].labels)
    rows = read(path)

    def run(name: str, rate: float, seed: int, split: str) -> dict[str, str]:
        key = {"loss": name, "split": split, "learning_rate": f"{rate:g}", "seed": str(seed)}
        done = [row for row in rows if key.items() <= row.items()]
        if done:
            return done[0]
        network = build_network(seed)
        seconds = train(network, scenes["train"], losses[name], steps=STEPS, learning_rate=rate, seed=seed)
        found = scores(scenes[split].labels, predict(network, scenes[split]))
        rows.append(key | {k: f"{v:.5f}" for k, v in found.items()} | {"seconds": f"{seconds:.1f}"})
        write(path, rows)
        print(name, key, f"mIoU {found['mean_iou']:.3f}, {seconds:.0f} s", flush=True)
        return rows[-1]

    for name in losses:
        tuned = [run(name, rate, TUNING_SEED, "validation") for rate in RATES]
        best = max(tuned, key=lambda row: float(row["mean_iou"]))
        for seed in SEEDS:
            run(name, float(best["learning_rate"]), seed, "test")
    manifest = {
        "command": "python tools/sweep_ch06.py",
        "steps": STEPS,
        "learning_rates": RATES,
        "tuning_seed": TUNING_SEED,
        "seeds": SEEDS,
        "scenes (number, seed)": SCENES,
        "seconds": round(sum(float(row["seconds"]) for row in rows)),
        "machine": f"{platform.machine()}, {platform.system()}, one thread",
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "finished": time.strftime("%Y-%m-%d"),
    }
    text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    path.with_suffix(".json").write_text(text, encoding="utf-8")


def read(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(path: Path, rows: list[dict[str, str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    with temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    temporary.replace(path)


if __name__ == "__main__":
    main()
