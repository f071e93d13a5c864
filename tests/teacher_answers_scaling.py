"""The numbers of the teacher's page on chapter 14, computed."""

import numpy as np


def amdahl(f, m):
    return 1 / (f + (1 - f) / m)


def scaling_answers():
    counts, gradients = np.array([6, 3, 1]), np.array([1.0, 2.0, 7.0])
    compute, latencies, transfer = 64 / 8 * 10, 2 * 7 * 0.1, 2 * 7 * 100 / 8 / 1000 * 1000
    speedup = 640 / (compute + latencies + transfer)
    interval = np.sqrt(2 * 30 * 36_000)
    return {
        "A": 2 * 7 / 8,
        "B": 2 * 7,
        "C": 1000 / 365,
        "D": amdahl(0.05, 64),
        "1a": np.average(gradients, weights=counts),
        "1b": gradients.mean(),
        "1c": np.average(np.minimum(gradients, 2), weights=counts),
        "2a": compute,
        "2b": latencies,
        "2c": transfer,
        "2d": 100 * speedup / 8,
        "2e": 100 * (1 / speedup - 1 / 8) / (1 - 1 / 8),
        "3a": interval / 60,
        "3b": 100 * (30 / interval + interval / (2 * 36_000)),
        "3c": 4 * 200,
        "3d": 4 * 200 + 32 * 25,
    }


SCALING = {"14": scaling_answers}
