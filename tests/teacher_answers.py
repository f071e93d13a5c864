"""Every number with which the teacher's book answers a question, computed.

Under a chapter's number: the label of the answer on the chapter's page, and its value in the unit of the page.
"""

import numpy as np

from course_utils.boxes import pairwise_iou
from course_utils.deformation import affine_from_points, apply_affine, grid_pattern
from course_utils.ensembling import average_probabilities, majority_vote_accuracy
from course_utils.filters import mean_filter
from course_utils.metrics import mean_interval, psnr
from course_utils.softmax import cross_entropy, entropy, log_softmax, softmax
from teacher_answers_dense import DENSE, X, mean_of_largest
from teacher_answers_scaling import SCALING

LARGEST = np.log(float(np.finfo(np.float32).max))


def softmax_answers():
    scores = np.log([4.0, 3, 2, 1])
    bins = np.array([[200, 0.55, 0.60], [300, 0.75, 0.70], [500, 0.95, 0.86]])
    return {
        "A": LARGEST,
        "B": np.divide(*softmax([1.0, 0.0])),
        "C": softmax(np.zeros(4)).max(),
        "D1": -np.log(0.001),
        "D2": entropy([0.001, 0.999]),
        "E": softmax(np.random.default_rng(0).normal(size=(4, 200, 200)), axis=-1).sum(axis=0).mean(),
        "1a": softmax(scores)[0],
        "1c": entropy(softmax(scores)),
        "1d": softmax(scores, temperature=0.5)[0],
        "2a": LARGEST - np.log(100),
        "2d": log_softmax([0.0, -800.0])[1],
        "3a": np.average(np.abs(bins[:, 1] - bins[:, 2]), weights=bins[:, 0]),
    }


def ensembling_answers():
    pair = np.array([[[0.9, 0.1]], [[0.5, 0.5]]])
    models = np.array([[[0.8, 0.2]], [[0.5, 0.5]]])
    arithmetic = average_probabilities(models)[0, 0]
    correlated = np.full((5, 5), 0.6) + 0.4 * np.eye(5)
    return {
        "A": 100 * majority_vote_accuracy(3, 0.7),
        "B": 100 * majority_vote_accuracy(4, 0.7),
        "C": 0.5 * 0.7 + 0.5 * majority_vote_accuracy(3, 0.7),
        "D": 20 - 3 * (20 - 14) // 2,
        "E": average_probabilities(pair, kind="geometric")[0, 0],
        "F": 0.1 * mean_of_largest(2, X),
        "1a": majority_vote_accuracy(5, 0.8),
        "1b": 0.5 * 0.8 + 0.5 * majority_vote_accuracy(3, 0.8),
        "1c": majority_vote_accuracy(5, 0.45),
        "2a": arithmetic,
        "2b": average_probabilities(models, kind="geometric")[0, 0],
        "2c": -np.log(arithmetic),
        "2d": cross_entropy([0, 0], np.log(models[:, 0])).mean(),
        "3a": 91 - max(86, 87, 87, 88, 92),
        "3d": correlated.mean(),
        "3e": 0.6,
    }


def distillation_answers():
    sure, teacher = np.log([[0.99, 0.01]]), np.log([0.9, 0.09, 0.01])
    soft = softmax(teacher, temperature=2)
    weights = np.array([0.8 / 5**2, 0.2])
    gains = [4.6, 0.6, 0.1, 2.9, 1.6]

    def gradient(temperature):  # a central difference of H(p, q) by the student's first logit
        target = softmax([3.0, 0.0, -1.0], temperature=temperature)
        up, down = (target @ log_softmax([z, 0.0, 0.0], temperature=temperature) for z in (0.01, -0.01))
        return (down - up) / 0.02

    mean, half_width = mean_interval(gains)
    return {
        "A1": softmax(sure, temperature=2)[0, 1],
        "A2": softmax(sure, temperature=10)[0, 1],
        "B": gradient(50.0) / gradient(100.0),
        "C": 220_746 / 4_266,
        "D": np.exp(4),
        "1a": soft[0],
        "1b": soft[0] / soft[2],
        "2b": weights[0] / weights.sum(),
        "3a": mean,
        "3b": half_width,
    }


def deformation_answers():
    affine = affine_from_points([(0, 0), (1, 0), (0, 1)], [(10, 5), (12, 5), (10, 8)])
    x, y = apply_affine(affine, [(2.0, 2.0)])[0]

    def distance(alpha, sigma):
        return alpha / (np.sqrt(6 * np.pi) * sigma)

    # Every place of a grid of period 40 with holes of 16: where does it hide six pixels in a row?
    holes = np.arange(40) < 16
    hides = [holes[np.arange(start, start + 6) % 40].all() for start in range(40)]
    return {
        "A": 100 * (1 - 1 / 1.3**2),
        "B": distance(34, 4),
        "C": 100 * (1 - 0.5**2),
        "D": np.array([-1]).astype(np.uint8)[0].item(),
        "E": np.sqrt(2) * 34 * np.sqrt(1 / 3) / 28,
        "1b": abs(np.linalg.det(affine[:, :2])),
        "1c": x,
        "1d": y,
        "2a": distance(60, 5),
        "2b": 60 / (np.sqrt(3) * 2 * np.sqrt(2 * np.pi) * 5**2),
        "2d": 5 / 2,
        "2e": distance(60, 5) / 2 / distance(1, 2.5),
        "3a": grid_pattern((400, 400), 40, 0.6, np.random.default_rng(0)).mean(),
        "3b": np.mean(hides) ** 2,
    }


def filter_answers():
    binomial = np.outer([1, 2, 1], [1, 2, 1]) / 16
    corner = mean_filter(np.pad(np.full((5, 5), 0.9), 1), 3)[1, 1]
    wave = np.cos(2 * np.pi * 0.4 * np.arange(100))[::2]
    clean = np.full(100, 0.4)
    return {
        "A": 31**2 / (2 * 31),
        "B": corner,
        "C": np.mean(np.arange(9) / 9),
        "D": 255 * encoded(0.5),
        "E": np.abs(np.fft.rfft(wave)).argmax() / len(wave),
        "F": mean_of_largest(4, X),
        "1b": (binomial**2).sum(),
        "1c": 9 * (1 / 9) ** 2,
        "1e": 2 * 3,
        "2a": decoded(128 / 255),
        "2b": 255 * encoded(decoded(128 / 255) / 4),
        "2c": 128 / 4,
        "3a": psnr(np.zeros(4), np.full(4, 0.1), data_range=1.0),
        "3b": 10 * np.log10(4),
        "3c": psnr(clean, np.where(np.arange(100) < 5, 1.0, clean), data_range=1.0),
    }


def decoded(value):
    return ((value + 0.055) / 1.055) ** 2.4


def encoded(light):
    return 1.055 * light ** (1 / 2.4) - 0.055


def loss_answers():
    def index(alpha, beta, hits=30, alarms=10, misses=20):
        return hits / (hits + alpha * alarms + beta * misses)

    target, apart, inside = np.array([[0, 0, 10, 10], [20, 0, 30, 10], [2, 2, 6, 6]], dtype=float)
    enclosed = pairwise_iou(target[None], inside[None])[0, 0]
    hull = 30 * 10
    return {
        "A": 9 * 0.1 / (9 * 0.1 + 0.9),
        "B1": (1 - 0.9) ** 2,
        "B2": (1 - 0.1) ** 2,
        "C": 2 * 0.5 / (1 + 0.5),
        "D": 1 + 1**2 / (2**2 + 1**2),
        "E": 0.05 * 10 * 9 / 2,
        "1a": (1 - 0.05) / 0.05,
        "1b": (3 / 9) / (1 + 3 / 9),
        "2a": index(1, 1),
        "2b": index(0.5, 0.5),
        "2c": index(0.3, 0.7),
        "3a": pairwise_iou(target[None], apart[None])[0, 0] - (hull - 200) / hull,
        "3b": 1 + 20**2 / (30**2 + 10**2),
        "3d": enclosed,
        "3e": enclosed - (100 - 100) / 100,
    }


COMPUTED = (
    {
        "01": softmax_answers,
        "02": ensembling_answers,
        "03": distillation_answers,
        "04": deformation_answers,
        "05": filter_answers,
        "06": loss_answers,
    }
    | DENSE
    | SCALING
)
