"""Exercises of chapter 14: scaling out."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from course_utils._arguments import FloatArray, IntArray
from course_utils.exercises import Exercise, Mistake

__all__ = ["EXERCISES"]

Case = tuple[Any, ...]


def _weighted(gradients: FloatArray, counts: IntArray) -> Any:
    return counts @ gradients / counts.sum()


def _weighted_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield np.array([[1.0], [4.0]]), np.array([2, 1])
    yield np.array([[1.0, 2.0], [0.0, 0.0], [3.0, -1.0]]), np.array([1, 0, 3])  # a worker without samples
    for workers, size, high in ((1, 3, 9), (4, 2, 9), (7, 5, 300)):
        yield rng.normal(size=(workers, size)), rng.integers(1, high, workers)
    yield rng.normal(size=(3, 4)).astype(np.float32), np.array([200, 100, 50], np.uint8)


def _serial(speedup: float, machines: int) -> Any:
    return (1 / speedup - 1 / machines) / (1 - 1 / machines)


def _serial_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield 1.5, 2
    yield 4.0, 4
    yield 1.0, 8
    for machines in (3, 10, 64, 1000):
        yield float(rng.uniform(1, machines)), machines


def _clipped(mean: FloatArray, limit: float) -> Any:
    norm = float(np.linalg.norm(mean))
    return mean * min(1.0, limit / max(norm, 1e-30))


def _accumulated(gradients: FloatArray, counts: IntArray, limit: float) -> Any:
    return _clipped(_weighted(gradients, counts), limit)


def _clipped_early(gradients: FloatArray, counts: IntArray, limit: float) -> Any:
    return _weighted(np.array([_clipped(gradient, limit) for gradient in gradients]), counts)


def _always_scaled(gradients: FloatArray, counts: IntArray, limit: float) -> Any:
    mean = _weighted(gradients, counts)
    return mean * limit / max(float(np.linalg.norm(mean)), 1e-30)


def _accumulated_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield np.array([[3.0, 4.0], [0.0, 0.0]]), np.array([1, 1]), 1.0
    yield np.array([[0.3, 0.0], [0.0, 0.4]]), np.array([2, 1]), 1.0  # small enough
    yield np.array([[30.0, 0.0], [0.0, 0.1], [-30.0, 0.2]]), np.array([4, 4, 4]), 0.5  # large ones that cancel
    yield np.zeros((2, 3)), np.array([1, 3]), 1.0
    for steps, size, limit in ((1, 4, 0.1), (5, 3, 1.0), (8, 2, 0.3)):
        yield 3 * rng.normal(size=(steps, size)), rng.integers(1, 9, steps), limit
    yield rng.normal(size=(3, 2)).astype(np.float32), np.array([8, 8, 5], np.uint8), 0.5


def _time(
    machines: IntArray, images: int, image_seconds: float, n_bytes: float, bandwidth: float, latency: float
) -> Any:
    return _time_by(machines, images, image_seconds, n_bytes, bandwidth, latency)


def _time_by(
    machines: IntArray,
    images: int,
    image_seconds: float,
    n_bytes: float,
    bandwidth: float,
    latency: float,
    *,
    even: bool = False,
    shared: bool = True,
    rounds: Callable[[IntArray], Any] = lambda m: 2 * (m - 1),
    piece: Callable[[IntArray], Any] = lambda m: 1 / m,
    latencies: Callable[[IntArray], Any] | None = None,
) -> Any:
    most = images / machines if even else -(-images // machines)
    waits = rounds(machines) if latencies is None else latencies(machines)
    network = waits * latency + rounds(machines) * piece(machines) * n_bytes / bandwidth
    return (most if shared else images) * image_seconds + network


def _time_mistake(**settings: Any) -> Callable[..., Any]:
    return lambda *arguments: _time_by(*arguments, **settings)


def _time_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield np.array([1, 2, 4]), 8, 0.5, 1000.0, 1000.0, 0.1
    yield np.array([3, 5]), 16, 0.01, 4e6, 1e9, 1e-4  # 16 images do not divide by 3
    yield np.array([1]), 7, 1.0, 1.0, 1.0, 1.0
    for size in (4, 9):
        machines = rng.integers(1, 70, size)
        yield machines, int(rng.integers(60, 300)), float(rng.uniform(0.001, 0.1)), 2e6, 1.25e8, 5e-5
    yield np.arange(1, 6).astype(np.int16), 100, 0.2, 5e5, 1e6, 0.01


def _ring(chunks: FloatArray, steps: int) -> Any:
    return _ring_by(chunks, steps)


def _ring_by(
    chunks: FloatArray, steps: int, *, way: int = 1, turn: int = -1, add: bool = True, first: int = 0
) -> Any:
    state, workers = np.array(chunks), len(chunks)
    for k in range(first, first + steps):
        before = state.copy()
        for worker in range(workers):
            piece, to = (worker + turn * k) % workers, (worker + way) % workers
            state[to, piece] = before[worker, piece] + (before[to, piece] if add else 0)
    return state


def _all_pieces(chunks: FloatArray, steps: int) -> Any:
    state = np.array(chunks)
    for _ in range(steps):
        state = state + np.roll(state, 1, axis=0)
    return state


def _ring_mistake(**settings: Any) -> Callable[..., Any]:
    return lambda chunks, steps: _ring_by(chunks, steps, **settings)


def _ring_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield np.arange(4.0).reshape(2, 2, 1), 1
    yield np.arange(9.0).reshape(3, 3, 1), 1
    yield np.arange(9.0).reshape(3, 3, 1), 2
    yield np.arange(8.0).reshape(2, 2, 2), 1
    yield np.ones((1, 1, 3)), 0
    yield rng.normal(size=(5, 5, 2)), 4
    yield rng.normal(size=(6, 6, 3)), 3
    yield rng.normal(size=(4, 4, 2)).astype(np.float32), 3


EXERCISES: dict[str, Exercise] = {
    "scaling.weighted_mean": Exercise(
        reference=_weighted,
        cases=_weighted_cases,
        hint="Each worker has already divided by its own count. Undo that, add up, divide by all samples.",
        mistakes=(
            Mistake(
                lambda gradients, counts: gradients.mean(axis=0),
                "Often: the plain mean. A worker with fewer samples would weigh as much as one with more.",
            ),
            Mistake(lambda gradients, counts: gradients.sum(axis=0), "Often: the sum of the gradients."),
            Mistake(
                lambda gradients, counts: counts @ gradients / len(counts),
                "Often: divided by the number of workers. Divide by the number of samples.",
            ),
            Mistake(
                lambda gradients, counts: counts @ gradients,
                "Often: weighted by the counts and not divided: this is the gradient of the sum.",
            ),
            Mistake(
                lambda gradients, counts: gradients[counts > 0].mean(axis=0),
                "Often: the plain mean of those who have samples. They do not have equally many.",
            ),
        ),
    ),
    "scaling.serial_share": Exercise(
        reference=_serial,
        cases=_serial_cases,
        hint="Write Amdahl's law as 1 / S = f + (1 − f) / m, collect what stands with f, and solve for it.",
        mistakes=(
            Mistake(
                lambda speedup, machines: 1 - speedup / machines,
                "Often: one minus the efficiency. That is the share of machine time lost, not of serial work.",
            ),
            Mistake(
                lambda speedup, machines: 1 / speedup - 1 / machines,
                "Often: not divided by 1 − 1/m. With two machines that is a factor of two.",
            ),
            Mistake(
                lambda speedup, machines: (machines - speedup) / (machines - 1),
                "Often: Gustafson's law solved for f. Here the work is fixed.",
            ),
            Mistake(
                lambda speedup, machines: 1 - _serial(speedup, machines),
                "Often: the share that runs in parallel. The other one was asked for.",
            ),
            Mistake(
                lambda speedup, machines: (speedup - 1) / (machines - 1), "Often: the gain over the largest gain."
            ),
        ),
    ),
    "scaling.accumulate": Exercise(
        reference=_accumulated,
        cases=_accumulated_cases,
        hint="First the gradient of the whole batch, then its norm, then one factor for all of it, never above 1.",
        mistakes=(
            Mistake(
                _clipped_early,
                "Often: each part clipped by itself. Parts that cancel are small together; clip what is left.",
            ),
            Mistake(
                lambda gradients, counts, limit: _clipped(counts @ gradients, limit),
                "Often: the sum clipped, before it is divided by the samples.",
            ),
            Mistake(
                lambda gradients, counts, limit: _clipped(gradients.mean(axis=0), limit),
                "Often: the plain mean of the parts. The last one may have fewer samples.",
            ),
            Mistake(_always_scaled, "Often: scaled up as well. A gradient that is small enough stays as it is."),
            Mistake(
                lambda gradients, counts, limit: np.clip(_weighted(gradients, counts), -limit, limit),
                "Often: each number by itself. That turns the gradient.",
            ),
            Mistake(lambda gradients, counts, limit: _weighted(gradients, counts), "Often: not clipped."),
        ),
    ),
    "scaling.step_time": Exercise(
        reference=_time,
        cases=_time_cases,
        hint="All wait for the machine with most images. Then 2 (m − 1) rounds, each of one m-th of the bytes.",
        mistakes=(
            Mistake(
                _time_mistake(even=True),
                "Often: images / m. Images do not divide: all wait for the machine that has one more.",
            ),
            Mistake(
                _time_mistake(rounds=lambda m: m - 1),
                "Often: m − 1 rounds. The sums are collected in m − 1 rounds and handed out in as many again.",
            ),
            Mistake(
                _time_mistake(piece=lambda m: 1.0), "Often: the whole vector in each round. A piece is one m-th."
            ),
            Mistake(
                _time_mistake(latencies=lambda m: m > 1),
                "Often: one latency for all. Each round waits for the one before it.",
            ),
            Mistake(_time_mistake(rounds=lambda m: 2 * m), "Often: 2 m rounds. One machine would talk to itself."),
            Mistake(_time_mistake(shared=False), "Often: every machine computes all images."),
        ),
    ),
    "scaling.ring": Exercise(
        reference=_ring,
        cases=_ring_cases,
        hint="In step k, worker w sends piece (w − k) mod m to worker (w + 1) mod m, who adds it. All at once.",
        mistakes=(
            Mistake(_ring_mistake(way=-1), "Often: to the left. Here worker w sends to worker w + 1."),
            Mistake(_ring_mistake(add=False), "Often: replaced. The receiver adds what comes to what it has."),
            Mistake(
                _ring_mistake(turn=1), "Often: piece w + k. It is the piece that came in the step before: w − k."
            ),
            Mistake(_ring_mistake(turn=0), "Often: piece w in every step. It moves back by one in each."),
            Mistake(_ring_mistake(first=1), "Often: k counted from 1. In the first step worker w sends piece w."),
            Mistake(_all_pieces, "Often: all pieces in every step. Only one piece travels on each line."),
            Mistake(lambda chunks, steps: _ring_by(chunks, min(steps, 1)), "Often: one step, however many."),
        ),
    ),
}
