"""Chapter 08's segmenter with a layer that looks around at 1/32 of the resolution: chapter 12 and its table."""

from typing import Any, Literal, get_args

import keras

from course_utils._arguments import require_kind
from course_utils.backbones import residual_backbone
from course_utils.data import data_path
from course_utils.experiments.ch12 import AddPositions
from course_utils.segmentation import build_fcn, initialise_from
from course_utils.training import set_seed

__all__ = ["Around", "build_segmenter"]

Around = Literal["attention", "pooled", "neither", "nothing"]

HEADS, HIDDEN, POOLED = 4, 134, 45  # the last two make all three layers of one size
# Pools and strides that make 1, 2 × 2 and 3 × 3 regions of the 3 × 4 cells, as PSPNet's adaptive pooling does.
REGIONS = (((3, 4), (3, 4)), ((2, 2), (1, 2)), ((1, 2), (1, 1)))


def build_segmenter(around: Around, seed: int) -> keras.Model:
    """The segmenter of chapter 08, its backbone the detector's, with one layer more on its coarsest map.

    Parameters
    ----------
    around : "attention", "pooled", "neither" or "nothing"
        What is added to the 3 × 4 cells at 1/32: self-attention over them, with learnt positions; means over 1, 4
        and 9 regions, mixed; two dense layers on each cell alone; or nothing, which is chapter 08's network.
    seed : int
        Of the weights; those that all four have in common are the same.

    Returns
    -------
    keras.Model
        From (N, 96, 128, 3) to probabilities (N, 96, 128, 4).

    Notes
    -----
    Each layer normalises first and is added to the map. Pooled regions as in Zhao et al. 2017, *Pyramid Scene
    Parsing Network*.

    Examples
    --------
    >>> build_segmenter("attention", 0).count_params()
    422676
    """
    require_kind(around, get_args(Around), name="around")
    set_seed(seed)
    backbone = residual_backbone((96, 128, 3))
    initialise_from(build_fcn(backbone=backbone), data_path("weights/ssd.npz"))
    *fine, coarse = backbone.outputs
    if around != "nothing":
        y = keras.layers.LayerNormalization(name="around_norm")(coarse)
        branch = {"attention": _attention, "pooled": _pooled, "neither": _neither}[around]
        coarse = keras.layers.Add(name="around")([coarse, branch(y)])
    set_seed(seed)  # so that what was added does not change the first weights of the rest
    return build_fcn(backbone=keras.Model(backbone.inputs, [*fine, coarse], name="backbone"))


def _attention(x: Any) -> Any:
    layers = keras.layers
    rows, columns, width = x.shape[1:]
    cells = layers.Reshape((rows * columns, width))(x)
    cells = AddPositions(learnt=True, name="around_positions")(cells)
    cells = layers.MultiHeadAttention(HEADS, width // HEADS, name="around_attention")(cells, cells)
    return layers.Reshape((rows, columns, width))(cells)


def _pooled(x: Any) -> Any:
    layers = keras.layers
    rows, columns, width = x.shape[1:]
    parts = []
    for number, (pool, strides) in enumerate(REGIONS, start=1):
        means = layers.AveragePooling2D(pool, strides, name=f"around_bins{number}")(x)
        means = layers.Dense(POOLED, activation="relu", name=f"around_pooled{number}")(means)
        parts.append(
            layers.Resizing(rows, columns, interpolation="bilinear", name=f"around_spread{number}")(means)
        )
    return layers.Dense(width, name="around_mixed")(layers.Concatenate(name="around_context")(parts))


def _neither(x: Any) -> Any:
    hidden = keras.layers.Dense(HIDDEN, activation="relu", name="around_hidden")(x)
    return keras.layers.Dense(x.shape[-1], name="around_out")(hidden)
