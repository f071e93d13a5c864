"""Make the three tables of chapter 13: data/results/information_clusters.csv, _rivals.csv and _estimators.csv.

    python tools/sweep_ch13.py clusters
    python tools/sweep_ch13.py rivals
    python tools/sweep_ch13.py estimators

Clusters: three restarts of a training without labels, the one with the lowest loss goes on; beside it the same
without over-clustering. Rivals: what else finds the classes of digits with few labels or none. Estimators: mutual
information of pairs for which it is known. A run that the table holds is not repeated, so each can
be stopped and started.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from sklearn.cluster import KMeans, SpectralClustering
from sklearn.preprocessing import normalize

from course_utils.experiments.ch13 import (
    BATCH,
    CLUSTERS,
    LIVE_STEPS,
    Digits,
    Learner,
    build_encoder,
    digits,
    halved,
    held_out_accuracy,
    score,
    views_of,
)
from course_utils.experiments.ch13_pairs import PAIRS, CriticKind, Critics
from course_utils.information import histogram_information, nearest_neighbour_information
from course_utils.training import set_seed
from results import RESULTS, Row, holds, read_rows, write_manifest, write_rows

SEEDS = tuple(range(10))
RESTARTS, SHORT, STEPS = 3, 500, (1000, 2000, 4000, 6000)  # steps of a restart; where the best one is looked at
# As the chapter trains; its control; and scored on a quarter of the training digits, by which nothing was chosen.
SETTINGS = ("recipe", "no over-clustering", "other digits")
FRESH_SEEDS = (0, 1, 2, 3)  # each scores another quarter
CONTROL_STEPS = 2000  # where the latter two end, and the codes are read for the first time

PER_CLASS, SUPERVISED_STEPS = 10, 400  # labels of each class; steps of the network that sees only these
NEIGHBOURS = 10  # of the graph of spectral clustering

# Each kind on fresh samples, and one on 1,000 samples.
CRITICS: list[tuple[CriticKind, bool]] = [*((kind, False) for kind in get_args(CriticKind)), ("DV", True)]
SAMPLES, BINS, CRITIC_STEPS, HELD_OUT = 2000, 20, 600, 64_000


def write(path: Path, rows: list[Row], *found: dict[str, Any]) -> None:
    """Add rows that belong together at once, so that a stop leaves all of them or none."""
    for row in found:
        rows.append(
            {name: f"{value:.4f}" if isinstance(value, float) else str(value) for name, value in row.items()}
        )
        print(rows[-1], flush=True)
    write_rows(path, rows)


def sweep_clusters(
    path: Path, seeds: Sequence[int], until: int, checkpoints: Path, setting: str = SETTINGS[0]
) -> None:
    """The restarts of each seed, and the best of them on, up to a number of steps."""
    rows, data = read_rows(path), digits()
    last = until if setting == SETTINGS[0] else min(until, CONTROL_STEPS)
    for seed in seeds:
        key = {"setting": setting, "seed": str(seed)}
        begun = holds(rows, key | {"steps": str(SHORT), "restart": str(RESTARTS - 1)})
        missing = [steps for steps in STEPS if steps <= last and not holds(rows, key | {"steps": str(steps)})]
        if begun and not missing:
            continue
        if setting == "other digits":
            data = digits(fresh=seed)
        kept = checkpoints / f"{setting.replace(' ', '_')}_{seed}.npz"
        started = time.process_time()
        learner = Learner(data.train, over_clustering=setting != "no over-clustering", seed=seed)
        if begun:
            restart = restore(kept, learner)
            so_far = max(float(row["seconds"]) for row in rows if key.items() <= row.items())
            started = time.process_time() - so_far
        else:
            rows = [row for row in rows if not key.items() <= row.items()]  # what was cut short begins again
            states, informations = [], []
            for restart in range(RESTARTS):
                learner.start(100 * seed + restart)
                learner.train(SHORT)
                states.append(learner.state())
                found = score(learner, data)
                informations.append(found["information"])
                seconds = time.process_time() - started
                write(path, rows, cluster_row(setting, seed, restart, SHORT, found, seconds))
            restart = int(np.argmax(informations))
            learner.restore(states[restart])
            save(kept, learner, restart)
        for steps in missing:
            learner.train(steps - learner.step)
            save(kept, learner, restart)
            found = score(learner, data)
            seconds = time.process_time() - started
            more = beside(learner, data, int(found["head"]), seed) if steps >= CONTROL_STEPS else {}
            started = time.process_time() - seconds  # what is read beside costs the training nothing
            write(path, rows, cluster_row(setting, seed, restart, steps, found | more, seconds))
    rows.sort(
        key=lambda row: (
            SETTINGS.index(row["setting"]),
            *(int(row[name]) for name in ("seed", "steps", "restart")),
        )
    )
    write_rows(path, rows)
    write_manifest(
        path.with_suffix(".json"),
        "python tools/sweep_ch13.py clusters",
        seeds={name: sorted({int(row["seed"]) for row in rows if row["setting"] == name}) for name in SETTINGS},
        restarts=RESTARTS,
        steps_of_a_restart=SHORT,
        steps=STEPS,
        steps_of_other_settings=CONTROL_STEPS,
        batch_size=BATCH,
        chosen_by="the information of two views of the training digits, no label",
        runs=len(rows),
        seconds=round(sum(max(float(row["seconds"]) for row in group) for group in by_training(rows))),
        threads=1,
    )


def by_training(rows: list[Row]) -> list[list[Row]]:
    """The rows of each setting and seed."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["setting"], row["seed"]), []).append(row)
    return list(groups.values())


def cluster_row(
    setting: str, seed: int, restart: int, steps: int, found: dict[str, float], seconds: float
) -> dict[str, Any]:
    """A row of the table of clusters; what was not read is left empty."""
    names = ("head", "information", "accuracy", "clusters", "codes_accuracy", "few_labels_accuracy")
    row = {"setting": setting, "seed": seed, "restart": restart, "steps": steps}
    return row | {name: found.get(name, "") for name in names} | {"seconds": seconds}


def beside(learner: Learner, data: Digits, head: int, seed: int) -> dict[str, float]:
    """What else one run gives: k-means on its codes, and its clusters named by 100 labels instead of 4,000."""
    chosen = few_labels(data, seed)
    few, test = (learner.clusters(halved(part), head) for part in (data.train[chosen], data.test))
    return {
        "codes_accuracy": clustered_codes(data, learner.codes, seed),
        "few_labels_accuracy": held_out_accuracy(few, data.train_labels[chosen], test, data.test_labels),
    }


def save(path: Path, learner: Learner, restart: int) -> None:
    """Keep what it takes to go on."""
    variables, generator, step, _ = learner.state()
    path.parent.mkdir(parents=True, exist_ok=True)
    facts = json.dumps({"generator": generator, "step": step, "restart": restart})
    np.savez(path, facts, *variables)


def restore(path: Path, learner: Learner) -> int:
    """Go on where it was kept; which restart it was."""
    with np.load(path, allow_pickle=False) as archive:
        facts, *variables = (archive[f"arr_{k}"] for k in range(len(archive.files)))
    known = json.loads(str(facts))
    learner.restore([variables, known["generator"], known["step"], 0.0])
    return int(known["restart"])


def few_labels(data: Digits, seed: int) -> np.ndarray[Any, np.dtype[np.intp]]:
    """Ten training digits of each class."""
    rng = np.random.default_rng(seed)
    members = [rng.permutation(np.flatnonzero(data.train_labels == k))[:PER_CLASS] for k in range(CLUSTERS)]
    return np.concatenate(members)


def supervised(data: Digits, seed: int) -> float:
    """The same encoder, trained with 100 labels on views of these digits."""
    set_seed(seed)
    rng, chosen = np.random.default_rng(seed), few_labels(data, seed)
    pool = np.stack([halved(views_of(data.train[chosen], rng)) for _ in range(100)])
    network = keras.Sequential([build_encoder(), keras.layers.Lambda(lambda outputs: outputs[1][:, 0])])
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-3, SUPERVISED_STEPS))
    labels = data.train_labels[chosen]

    @tf.function  # type: ignore[untyped-decorator]
    def step(x: Any, y: Any) -> None:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, network(x, training=True)))
        variables = [v for v in network.trainable_variables if v.shape[-1] != 150]  # the heads of 30 are not used
        optimizer.apply(tape.gradient(loss, variables), variables)

    for _ in range(SUPERVISED_STEPS):
        index = rng.integers(0, len(chosen), 100)
        step(pool[rng.integers(0, len(pool), 100), index], labels[index])
    return float(np.mean(np.asarray(network(halved(data.test))).argmax(axis=1) == data.test_labels))


def clustered_codes(data: Digits, codes: Callable[[Any], Any], seed: int) -> float:
    """k-means on codes of the training digits, made of length 1 as InfoNCE compares them, scored on the others."""
    train, test = (normalize(codes(halved(part))) for part in (data.train, data.test))
    means = KMeans(CLUSTERS, n_init=10, random_state=seed).fit(train)
    return held_out_accuracy(means.labels_, data.train_labels, means.predict(test), data.test_labels)


def spectral(data: Digits, seed: int) -> float:
    """Spectral clustering knows no new sample: all digits are clustered, training labels name the clusters."""
    model = SpectralClustering(
        CLUSTERS,
        affinity="nearest_neighbors",
        n_neighbors=NEIGHBOURS,
        assign_labels="cluster_qr",
        random_state=seed,
    )
    both = model.fit_predict(halved(np.concatenate([data.train, data.test])))
    n = len(data.train)
    return held_out_accuracy(both[:n], data.train_labels, both[n:], data.test_labels)


def rival_runs(data: Digits, seed: int) -> Iterator[tuple[str, Callable[[], float]]]:
    """Name of each rival, and what makes its accuracy."""

    def contrastive() -> float:
        learner = Learner(data.train, "InfoNCE", seed=seed)
        learner.train(LIVE_STEPS, fall_over=LIVE_STEPS // 3)
        return clustered_codes(data, learner.codes, seed)

    yield "k-means on pixels", lambda: clustered_codes(data, lambda x: x, seed)
    yield "k-means on views", lambda: clustered_views(data, seed)
    yield "spectral clustering", lambda: spectral(data, seed)
    yield (
        "random encoder, k-means on its codes",
        lambda: clustered_codes(data, Learner(data.train[:10], seed=seed).codes, seed),
    )
    yield "100 labels, supervised", lambda: supervised(data, seed)
    yield "InfoNCE, k-means on its codes", contrastive


def clustered_views(data: Digits, seed: int) -> float:
    """k-means on the views that IIC sees, with their lengths: the warps alone, without the loss."""
    rng = np.random.default_rng(seed)
    many = np.concatenate([halved(views_of(data.train, rng)) for _ in range(2)])
    means = KMeans(CLUSTERS, n_init=10, random_state=seed).fit(many)
    train, test = (means.predict(halved(part)) for part in (data.train, data.test))
    return held_out_accuracy(train, data.train_labels, test, data.test_labels)


def sweep_rivals(path: Path, seeds: Sequence[int]) -> None:
    data, rows = digits(), read_rows(path)
    for seed in seeds:
        for name, run in rival_runs(data, seed):
            if holds(rows, {"method": name, "seed": str(seed)}):
                continue
            started = time.process_time()
            accuracy = run()
            seconds = time.process_time() - started
            write(path, rows, {"method": name, "accuracy": accuracy, "seed": seed, "seconds": seconds})
    methods = list(dict.fromkeys(row["method"] for row in rows))
    rows.sort(key=lambda row: (methods.index(row["method"]), int(row["seed"])))
    write_rows(path, rows)
    write_manifest(
        path.with_suffix(".json"),
        "python tools/sweep_ch13.py rivals",
        seeds={name: sorted({int(row["seed"]) for row in rows if row["method"] == name}) for name in methods},
        steps=LIVE_STEPS,
        labels_per_class=PER_CLASS,
        supervised_steps=SUPERVISED_STEPS,
        neighbours=NEIGHBOURS,
        runs=len(rows),
        threads=1,
    )


def from_samples(name: str, seed: int) -> Iterator[tuple[str, float, float]]:
    """Estimator, estimate and seconds, from 2,000 samples."""
    x, y = PAIRS[name].draw(np.random.default_rng(seed), (SAMPLES,))
    bins = 8 if name == "discrete" else BINS
    estimators: dict[str, Callable[[], float]] = {
        "histogram": lambda: histogram_information(x, y, bins),
        "histogram, corrected": lambda: corrected_histogram(x, y, bins),
        "nearest neighbours": lambda: nearest_neighbour_information(x, y, 3),
    }
    if name == "discrete":  # the method is for continuous variables
        del estimators["nearest neighbours"]
    for kind, estimate in estimators.items():
        started = time.process_time()
        found = estimate()
        yield kind, found, time.process_time() - started


def corrected_histogram(x: Any, y: Any, bins: int) -> float:
    """The histogram's information less its bias to first order (Miller and Madow)."""
    counts = np.histogram2d(x, y, bins)[0]
    occupied = [np.count_nonzero(part) for part in (counts, counts.sum(axis=0), counts.sum(axis=1))]
    return histogram_information(x, y, bins) - (occupied[0] - occupied[1] - occupied[2] + 1) / (2 * len(x))


def from_critics(name: str, kind: CriticKind, fixed: bool) -> tuple[dict[str, Any], float]:
    """The bounds (seeds,) of ten critics, and the seconds of one: on fresh samples, or on half of 2,000.

    If scores overflow, each is trained alone, to see which: these give NaN, as does a bound of minus infinity.
    """
    labels = (f"{kind}, 1,000 samples, in-sample", f"{kind}, 1,000 samples, held out") if fixed else (kind,)
    try:
        found, seconds = bounds_of(name, kind, fixed, SEEDS, np.random.default_rng(1000))
    except (ValueError, tf.errors.InvalidArgumentError):
        found, seconds = np.full((len(labels), len(SEEDS)), np.nan), 0.0
        for place, seed in enumerate(SEEDS):
            try:
                alone, taken = bounds_of(name, kind, fixed, (seed,), np.random.default_rng((1000, seed)))
            except (ValueError, tf.errors.InvalidArgumentError):
                continue
            found[:, place], seconds = alone[:, 0], taken
    return dict(zip(labels, np.where(np.isinf(found), np.nan, found), strict=True)), seconds


def bounds_of(
    name: str, kind: CriticKind, fixed: bool, seeds: tuple[int, ...], rng: np.random.Generator
) -> tuple[Any, float]:
    """Readings (1 or 2, seeds) of critics, and the seconds of one."""
    critics, draw = Critics(kind, seeds), PAIRS[name].draw
    shape = (len(seeds), SAMPLES // 2)
    if not fixed:
        seconds = critics.train(lambda n: draw(rng, (len(seeds), n)), CRITIC_STEPS)
        return critics.bounds(*draw(rng, (len(seeds), HELD_OUT)))[np.newaxis], seconds / len(seeds)
    x, y = draw(rng, shape)

    def again(n: int) -> tuple[Any, Any]:
        chosen = rng.integers(0, shape[1], (len(seeds), n))
        return np.take_along_axis(x, chosen, axis=1), np.take_along_axis(y, chosen, axis=1)

    seconds = critics.train(again, CRITIC_STEPS)
    return np.array([critics.bounds(x, y), critics.bounds(*draw(rng, shape))]), seconds / len(seeds)


def sweep_estimators(path: Path) -> None:
    rows = read_rows(path)
    for name in PAIRS:
        for seed in SEEDS:
            if not holds(rows, {"pair": name, "seed": str(seed), "estimator": "histogram"}):
                key = {"pair": name, "seed": seed}
                found = [
                    key | {"estimator": kind, "estimate": value, "seconds": seconds}
                    for kind, value, seconds in from_samples(name, seed)
                ]
                write(path, rows, *found)
        for kind, fixed in CRITICS:
            label = f"{kind}, 1,000 samples, held out" if fixed else kind
            if holds(rows, {"pair": name, "estimator": label}):
                continue
            readings, seconds = from_critics(name, kind, fixed)
            bounds = [
                {"pair": name, "seed": seed, "estimator": reading, "estimate": float(value), "seconds": seconds}
                for reading, values in readings.items()
                for seed, value in zip(SEEDS, values, strict=True)
            ]
            write(path, rows, *bounds)
    write_manifest(
        path.with_suffix(".json"),
        "python tools/sweep_ch13.py estimators",
        seeds=SEEDS,
        samples=SAMPLES,
        bins=BINS,
        critic_steps=CRITIC_STEPS,
        held_out=HELD_OUT,
        truths={name: round(float(pair.truth), 6) for name, pair in PAIRS.items()},
        rows=len(rows),
        threads=1,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", choices=("clusters", "rivals", "estimators"))
    parser.add_argument("--output", type=Path)
    parser.add_argument("--checkpoints", type=Path, default=Path("build/ch13"), help="of clusters, to go on from")
    parser.add_argument("--until", type=int, default=STEPS[-1], help="steps of clusters")
    parser.add_argument("--seeds", type=int, nargs="+", help="of clusters or rivals")
    arguments = parser.parse_args()
    path = arguments.output or RESULTS / f"information_{arguments.table}.csv"
    if arguments.table == "clusters":
        for setting in SETTINGS:
            seeds = FRESH_SEEDS if setting == "other digits" else SEEDS
            sweep_clusters(path, arguments.seeds or seeds, arguments.until, arguments.checkpoints, setting)
    elif arguments.table == "rivals":
        sweep_rivals(path, arguments.seeds or SEEDS)
    else:
        sweep_estimators(path)


if __name__ == "__main__":
    main()
