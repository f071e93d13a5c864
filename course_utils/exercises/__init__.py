"""What an exercise is made of, and which chapter holds which.

The exercises of a chapter stand in a file of their own (``ch01`` …), which is imported only when
one of them is asked for: some need TensorFlow.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["CHAPTERS", "Exercise", "Mistake"]

CHAPTERS: dict[str, tuple[str, ...]] = {
    "ch01": (
        "softmax.stable",
        "softmax.temperature",
        "softmax.entropy",
        "softmax.label_map",
        "softmax.cross_entropy",
        "softmax.gradient",
    ),
    "ch02": (
        "ensembling.vote_accuracy",
        "ensembling.majority_vote",
        "ensembling.geometric_mean",
        "ensembling.weight_gradient",
        "ensembling.out_of_fold",
        "ensembling.pca_weights",
    ),
    "ch03": (
        "distillation.soft_loss",
        "distillation.gradient",
        "distillation.combined",
        "distillation.resoften",
        "distillation.weights",
        "distillation.raised_bias",
    ),
    "ch04": (
        "deformation.three_points",
        "deformation.rotation",
        "deformation.field",
        "deformation.warp",
        "deformation.folds",
        "label_maps.lookup",
    ),
    "ch05": (
        "filters.gaussian_kernel",
        "filters.convolve",
        "filters.rounded_mean",
        "filters.median",
        "filters.psnr",
        "filters.closing",
    ),
    "ch06": (
        "losses.tversky",
        "losses.dice_gradient",
        "losses.unweight",
        "losses.no_nan",
        "losses.giou",
        "losses.signed_distance",
    ),
    "ch07": (
        "boxes.iou",
        "boxes.nms",
        "boxes.batched_nms",
        "boxes.decode",
        "boxes.match",
        "metrics.average_precision",
        "metrics.precision_recall",
    ),
    "ch08": (
        "segmentation.upsampled_size",
        "segmentation.receptive_field",
        "metrics.mean_iou",
        "metrics.dataset_mean_iou",
        "label_maps.enlarge",
        "label_maps.fill_polygon",
        "losses.cross_entropy_dice",
    ),
    "ch09": (
        "photographs.yolo_boxes",
        "photographs.fit_boxes",
        "photographs.leaks",
        "photographs.group_means",
        "photographs.error_kinds",
        "photographs.best_threshold",
    ),
    "ch10": (
        "backbones.output_size",
        "backbones.dilated_field",
        "backbones.separable_macs",
        "backbones.batch_norm",
        "backbones.batch_norm_gradient",
        "backbones.fold",
    ),
    "ch11": (
        "optimizers.directional",
        "optimizers.unbroadcast",
        "optimizers.momentum",
        "optimizers.adam",
        "optimizers.clip",
        "optimizers.backprop",
    ),
    "ch12": (
        "attention.costs",
        "attention.patches",
        "attention.weights",
        "attention.heads",
        "attention.merge",
        "attention.reinforce",
    ),
    "ch13": (
        "information.conditional",
        "information.corrected",
        "information.donsker_varadhan",
        "information.iic",
        "information.held_out",
        "information.hungarian",
    ),
    "ch14": (
        "scaling.weighted_mean",
        "scaling.serial_share",
        "scaling.accumulate",
        "scaling.step_time",
        "scaling.ring",
    ),
}


@dataclass(frozen=True, eq=False)
class Mistake:
    """A typical wrong answer, and what to tell the person who gives it.

    ``answer`` returns (or raises) on every input what that mistake makes of it.
    """

    answer: Callable[..., Any]
    says: str


@dataclass(frozen=True, eq=False)
class Exercise:
    """A function for the reader to write.

    Attributes
    ----------
    reference : callable
        The right answer; its parameter names are shown in the feedback.
    cases : callable
        Takes a random generator, yields tuples of arguments, the smallest and plainest first:
        the first one that fails is shown to the reader.
    hint : str
        A nudge that does not give the answer away.
    mistakes : tuple of Mistake
    rtol, atol : float
        Tolerances as in ``numpy.allclose``.
    dtype : str, optional
        The dtype to insist on.
    """

    reference: Callable[..., Any]
    cases: Callable[[np.random.Generator], Iterable[tuple[Any, ...]]]
    hint: str
    mistakes: tuple[Mistake, ...] = ()
    rtol: float = 1e-5
    atol: float = 1e-7
    dtype: str | None = None
