"""Numbers of the teacher's book for the chapters from 07 on, as in ``teacher_answers``."""

import numpy as np
from scipy import stats

from course_utils.annotations import load_annotations
from course_utils.attention import attention, attention_weights
from course_utils.boxes import encode, pairwise_iou
from course_utils.data import data_path
from course_utils.datasets import load_photographs, split_photographs
from course_utils.datasets.photographs import photograph_groups
from course_utils.information import assign_clusters, donsker_varadhan, info_nce, mutual_information
from course_utils.metrics import (
    Annotations,
    Detections,
    best_score_threshold,
    mean_average_precision,
    mean_iou,
    per_image_mean_iou,
    pixel_accuracy,
)
from course_utils.optimizers import adam
from course_utils.softmax import entropy
from results import RESULTS, read_rows

X = np.linspace(-9, 9, 180_001)  # for means over standard normal variables


def mean_of_largest(n, values):
    """Mean of a function of the largest of n standard normal variables, from its values at X."""
    return np.trapezoid(n * stats.norm.cdf(X) ** (n - 1) * stats.norm.pdf(X) * values, X)


def images_of(n_objects, right):
    """One image with objects in a row and detections, the surest first, that find one or none."""
    objects = np.array([[20.0 * i, 0, 20 * i + 10, 10] for i in range(n_objects)])
    found = iter(objects)
    boxes = np.array([next(found) if hit else [0.0, 50, 10, 60] for hit in right])
    scores = np.arange(10, 10 - len(right), -1) / 10
    zeros = np.zeros(max(n_objects, len(right)), dtype=int)
    return Annotations(objects, zeros[:n_objects]), Detections(boxes, scores - 0.1, zeros[: len(right)])


def average_precision(n_objects, right, kind):
    truth, found = images_of(n_objects, right)
    return mean_average_precision([truth], [found], interpolation=kind).map


def field(layers):
    """Side of the receptive field and stride behind layers of (window, stride, dilation)."""
    side, step = 1, 1
    for window, stride, dilation in layers:
        side, step = side + (window - 1) * dilation * step, step * stride
    return side, step


def detection_answers():
    halves = pairwise_iou([[0.0, 0, 2, 1]], [[1.0, 0, 3, 1]])[0, 0]
    _, t_y, _, t_h = offsets = encode([[14.0, 12, 34, 42]], [[10.0, 10, 30, 30]])[0]
    five = [1, 1, 0, 1, 0]
    table = np.array([[1, 0.5, 0.1, 0.5], [0.5, 1, 0.6, 0], [0.1, 0.6, 1, 0], [0.5, 0, 0, 1]])  # IoU of A, B, C, D

    def kept(compete):  # by falling score: what overlaps no kept rival by more than 0.45
        boxes = []
        for box in range(4):
            if not any(table[box, other] > 0.45 and compete(box, other) for other in boxes):
                boxes.append(box)
        return len(boxes)

    b, c = np.array([0.8, 0.7]) * np.exp(-(table[0, 1:3] ** 2) / 0.5)  # after A; C is taken next
    return {
        "A": 32 * 96 * 128,
        "B": halves,
        "C": np.sqrt(0.5 * np.log(0.9 / 0.5)),
        "D": average_precision(4, [1, 0, 1, 0, 1], "voc2010"),
        "E": 30 * 0.05,
        "1a": 6 * sum((128 // stride) * (192 // stride) for stride in (8, 16, 32)),
        "1b": np.sqrt(24**2 / 2),
        "1c": offsets[0],
        "1d": t_y,
        "1e": t_h,
        "2a": average_precision(5, five, "voc2010"),
        "2b": average_precision(5, five, "coco"),
        "2c": np.mean(five),
        "2d": sum(five) / 5,
        "2e": np.mean(five + [0] * 100),
        "3a": kept(lambda box, other: (box == 3) == (other == 3)),
        "3b": kept(lambda box, other: True),
        "3c": max(b, c),
        "3d": min(b, c) * np.exp(-(table[1, 2] ** 2) / 0.5),
    }


def segmentation_answers():
    confusion = np.array([[80, 10, 10], [5, 30, 5], [0, 10, 50]])
    mean, per_class = mean_iou(confusion)
    small = mean_iou([[14, 5], [0, 1]]).mean
    truth = np.array([[0] * 16 + [1] * 4, [0] * 20])[:, None]
    answer = np.array([[0] * 16 + [1] * 4, [0] * 15 + [1] * 5])[:, None]
    both = mean_iou([[31, 5], [0, 4]])
    side, step = field([(3, 2, 1), (3, 2, 1), (3, 1, 1), (3, 2, 1)])
    return {
        "A": 96 * 128,
        "B": 0.83 / 4,
        "C": np.convolve(np.array([1, 0, 1, 0, 1]), np.ones(3)).max(),
        "D": 0.99**20,
        "E": small,
        "F": 1 - 0.95**14,
        "1a": per_class[0],
        "1b": per_class[1],
        "1c": per_class[2],
        "1d": mean,
        "1e": pixel_accuracy(confusion),
        "2a": both.per_class[1],
        "2b": both.mean,
        "2c": per_image_mean_iou(truth, answer, n_classes=2),
        "3a": (6 - 1) * 2 + 4 - 2,
        "3b": side,
        "3c": step,
    }


def stand_in():
    """Of chapter 09's photographs: groups among the test part, and siblings of a random one in training."""
    path = data_path("photographs/via.json")
    photographs = load_photographs(load_annotations(path), path.parent, 96, 128)
    groups = photograph_groups(photographs)
    test = split_photographs(photographs, (0.5, 0.2, 0.3), rng=np.random.default_rng(0))[2]
    at_random = np.random.default_rng(0).permutation(60)
    return len(np.unique(groups[test])), np.isin(groups[at_random[42:]], groups[at_random[:30]]).sum()


def photograph_answers():
    groups, training = np.array([0, 0, 1, 1, 1, 2, 2, 3, 4, 4]), [0, 2, 5, 7]
    test = np.setdiff1d(np.arange(10), training)
    right = [1, 1, 0, 1, 0, 0]
    truth, found = images_of(4, right)
    test_groups, siblings = stand_in()
    scale = min(96 / 640, 128 / 480)
    return {
        "A": (0.5 - 0.2 / 2) * 640,
        "B": 12 * 3 / 71,
        "C": test_groups,
        "E": siblings,
        "1a": (0.5 - 0.25 / 2) * 480,
        "1b": (0.4 - 0.5 / 2) * 640,
        "1c": scale,
        "1d": 128 - scale * 480,
        "1e": scale * (0.5 - 0.25 / 2) * 480,
        "2a": np.isin(groups[test], groups[training]).sum(),
        "2d": np.mean([0.9, 0.8, 0.7, 0.3, 0.3]),
        "3a": best_score_threshold([truth], [found]),
        "3b": max(2 * sum(right[: k + 1]) / (k + 1 + 4) for k in range(len(right))),
    }


def backbone_answers():
    def resnet_50(stride_in):
        layers = [(7, 2, 1), (3, 2, 1)]
        for stage, blocks in enumerate([3, 4, 6, 3]):
            for block in range(blocks):
                stride = 2 if stage and not block else 1
                layers += [(1, stride, 1), (3, 1, 1)] if stride_in == "1x1" else [(1, 1, 1), (3, stride, 1)]
        return field(layers)[0]

    layers = [(7, 2, 1), (3, 2, 1), (3, 1, 1), (3, 2, 1)]
    full, separable = 14**2 * 9 * 256 * 256, 14**2 * (9 * 256 + 256 * 256)
    x = np.array([2.0, 4, 6, 8])
    scale = 2 / np.sqrt(4)
    return {
        "A": field([(3, 2, 1)] * 3)[0],
        "B1": resnet_50("1x1"),
        "B2": resnet_50("3x3"),
        "C": 0.99**20,
        "D": mean_of_largest(4, X**2) - mean_of_largest(4, X) ** 2,
        "E": 4 * np.sqrt(2 * 16 / 3),
        "1a": 224 / field(layers)[1],
        "1b": field(layers)[0],
        "1c": field(layers)[1],
        "1d": field([*layers[:2], (3, 1, 2), layers[3]])[0],
        "2a": full / 1e6,
        "2b": separable / 1e6,
        "2c": full / separable,
        "3a": (2 * (x - x.mean()) / x.std() + 1)[0],
        "3b": 0.99**50,
        "3c": 3 * scale,
        "3d": 1 * scale + 1 - scale * 2,
    }


def optimizer_answers():
    best, with_momentum = (25 - 1) / (25 + 1), (5 - 1) / (5 + 1)
    rule, places = adam(0.01, epsilon=1e-12), [[np.zeros(1)]]
    state = rule.init(places[0])
    for gradient in (1.0, -1.0):
        place, state = rule.update(places[-1], [np.array([gradient])], state)
        places.append(place)
    right = {}  # of the deep networks: test accuracy in per cent, seed by seed
    for row in read_rows(RESULTS / "depth.csv"):
        if (row["network"], row["stage"]) == ("deep", "tuned"):
            right.setdefault(row["variant"], []).append(100 * float(row["test_accuracy"]))
    velocity = 0.0
    for _ in range(500):
        velocity = 0.9 * velocity + 1.0
    return {
        "A": np.degrees(np.arctan2(6 * 0.5, 2 * 1)),
        "B": np.log(9 / 11) / np.log(99 / 101),
        "C": 0.1 / np.sqrt(0.001),
        "D": (0.25 * 4) ** 10,
        "E": velocity,
        "1a": 2 / 25,
        "1b": best,
        "1c": with_momentum,
        "1d": np.log(1000) / -np.log(best),
        "1e": np.log(1000) / -np.log(with_momentum),
        "2a": places[1][0].item(),
        "2b": places[2][0].item(),
        "3a": np.sqrt(2 / 128),
        "3b": 3 / np.sqrt(2),
        "3c": (3 / np.sqrt(2)) ** 12 / 1000,
        "3d1": np.mean(right["ReLU, He"]),
        "3d2": np.mean(right["ReLU, σ = 3/√n, normalised"]),
        "3d3": np.mean(right["ReLU, σ = 3/√n, clipped"]),
        "3e": 0.1 / (4 * (2 - 0.1)),
    }


def attention_answers():
    query, keys = [[2.0, 0, 0, 0]], np.eye(4)[:3]
    values = np.array([[10.0], [0], [4]])
    n, d = 196, 768
    merged = np.average([1.0, 4.0], weights=[3.0, 5 * np.exp(-2)])
    p, costs = np.array([0.5, 0.3, 0.2]), np.array([1.0, 0, 0])
    slopes = p * (costs - p @ costs)
    return {
        "A": np.sqrt(512),
        "B": (512 * 512) ** 2 * 4 / 1e9,
        "C": 2 * 32,
        "E": 100 * (28**2 + 20**2) / 112**2,
        "1a": attention_weights(query, keys)[0, 0],
        "1b": attention(query, keys, values)[0, 0],
        "1c": attention(query, keys, values, mask=[[True, True, False]])[0, 0],
        "1d": attention(query, keys, values, mask=[[True] * 3], scale=0.0)[0, 0],
        "2a": (4 * n * d**2 + 2 * n**2 * d) / 1e6,
        "2b": 6 * n * d**2 / 1e6,
        "2c": 8 * n * d**2 / 1e6,
        "2d": (8 - 4) * d / 2,
        "2e": 2 * 12 * 1000 * d * 2 / 1e6,
        "3a": merged,
        "3c": slopes[0],
        "3d": slopes[1],
    }


def information_answers():
    table = np.array([[0.4, 0.1], [0.1, 0.4]])
    shared = mutual_information(table)
    squares = np.array([[0, 1], [1, 0], [0, 1]]) / 3  # X in rows, X² in columns
    bytes_and_halves = np.repeat(np.eye(16), 16, axis=0) / 256
    clusters = np.array([[5, 4, 0], [6, 1, 1], [0, 2, 3]])
    agree = clusters[np.arange(3), assign_clusters(clusters)].sum()
    joint = np.array([[0.3, 0.2], [0.1, 0.4]])
    return {
        "A": mutual_information(squares),
        "B": mutual_information(bytes_and_halves) / np.log(2),
        "C": -0.5 * np.log(1 - 0.5**2),
        "D": info_nce(1000.0 * np.eye(128)),
        "E1": mutual_information(np.eye(10) / 10),
        "E2": mutual_information(np.eye(10)[:1].T @ np.eye(10)[:1]),
        "1a": entropy(table.sum(axis=1)),
        "1b": entropy(table / table.sum(axis=1, keepdims=True)).mean(),
        "1c": shared,
        "1d": shared / np.log(2),
        "2a": (10 - 1) * (10 - 1) / (2 * 1000),
        "2b": -0.5 * np.log(1 - 0.8**2),
        "2c": donsker_varadhan([1.0, 3.0], [0.0, 1.0, 1.0]),
        "2d": info_nce([[2.0, 0.0], [0.0, 2.0]]),
        "3a": agree,
        "3b": agree / clusters.sum(),
        "3d": ((joint + joint.T) / 2)[0, 1],
    }


DENSE = {
    "07": detection_answers,
    "08": segmentation_answers,
    "09": photograph_answers,
    "10": backbone_answers,
    "11": optimizer_answers,
    "12": attention_answers,
    "13": information_answers,
}
