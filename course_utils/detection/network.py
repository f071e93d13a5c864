"""A single-shot detector: one network that gives, for every anchor, class scores and a box."""

from collections.abc import Sequence
from typing import Any, Literal, get_args

import keras
import numpy as np

from course_utils._arguments import FloatArray, as_count, require_kind
from course_utils.backbones import convolution, residual_backbone
from course_utils.boxes import anchor_boxes, decode, encode

__all__ = ["ASPECT_RATIOS", "SCALES", "SSD", "OffsetKind", "build_ssd"]

OffsetKind = Literal["normalised", "pixels"]

# Two sizes a level, as fractions of the image's height, and width over height of the drinks and of lying ones.
SCALES = ((0.14, 0.2), (0.27, 0.36), (0.47, 0.6), (0.75, 0.95))
ASPECT_RATIOS = (0.35, 0.6, 1.0, 1.8)

# The share of background among untrained predictions is e³ / (e³ + K − 1), 0.87 with four classes: without it
# the thousands of background anchors drown the first steps (Lin et al. 2017, section 3.3).
BACKGROUND_BIAS = 3.0

# What offsets of the centre and of the size are divided by, so that their targets spread over about ±1.
VARIANCES = (0.1, 0.2)
# Offsets of the size are cut here, at e⁴ = 55 times the anchor: an untrained network may answer anything.
LARGEST_GROWTH = 20.0


class SSD(keras.Model):  # type: ignore[misc]
    """A network together with the anchors that its output means nothing without.

    Its output is (N, A, K + 4): for each anchor K class logits, 0 being background, and 4 offsets.

    Attributes
    ----------
    anchors : (A, 4) float32
        x_min, y_min, x_max, y_max in pixels of the network's input.
    n_classes : int
        K, background included.
    offset_kind : "normalised" or "pixels"
        What the offsets mean: see :meth:`encode`.
    """

    def __init__(self, inputs: Any, outputs: Any, anchors: FloatArray, n_classes: int, offset_kind: OffsetKind):
        super().__init__(inputs, outputs, name="ssd")
        self.anchors = np.asarray(anchors, np.float32)
        self.n_classes = n_classes
        self.offset_kind = offset_kind

    @property
    def image_shape(self) -> tuple[int, int]:
        """Height and width of the input in pixels."""
        return self.input_shape[1], self.input_shape[2]

    def encode(self, boxes: FloatArray, anchors: FloatArray) -> FloatArray:
        """Offsets (n, 4) that turn anchors into boxes: relative centre and log size, or corners in pixels."""
        return encode(boxes, anchors, VARIANCES) if self.offset_kind == "normalised" else boxes - anchors

    def decode(self, offsets: FloatArray) -> FloatArray:
        """Boxes (…, A, 4) from offsets (…, A, 4) of all anchors; those in pixels may come out crossed."""
        if self.offset_kind == "pixels":
            return offsets + self.anchors
        limits = np.array([np.inf, np.inf, LARGEST_GROWTH, LARGEST_GROWTH], np.float32)
        rows = np.clip(offsets, -limits, limits).reshape(-1, 4)
        anchors = np.tile(self.anchors, (len(rows) // len(self.anchors), 1))
        return decode(rows, anchors, VARIANCES).reshape(offsets.shape)


def build_ssd(
    input_shape: tuple[int, int, int] = (96, 128, 3),
    n_classes: int = 4,
    *,
    backbone: keras.Model | None = None,
    channels: int = 64,
    scales: Sequence[Sequence[float]] = SCALES,
    aspect_ratios: Sequence[float] = ASPECT_RATIOS,
    offset_kind: OffsetKind = "normalised",
) -> SSD:
    """A detector with a feature pyramid and heads that all levels share.

    Parameters
    ----------
    input_shape : (int, int, int)
        H, W, 3; images in [0, 1].
    n_classes : int
        K, background included: 2 or more.
    backbone : keras.Model, optional
        Gives maps from fine to coarse, each half the one before; a new
        :func:`course_utils.backbones.residual_backbone` by default.
    channels : int
        Of each level of the pyramid.
    scales : sequence of sequences of float
        Anchor sizes of each level, all of one length. One level more than maps are taken from the backbone, its
        last ones: the coarsest is made by one more convolution of stride 2.
    aspect_ratios : sequence of float
        Width over height of the anchors, in pixels.
    offset_kind : "normalised" or "pixels"

    Returns
    -------
    SSD

    Raises
    ------
    ValueError
        If levels and scales do not fit together, or for numbers out of range.

    Notes
    -----
    Liu et al. 2016, *SSD*; the pyramid of Lin et al. 2017, *Feature Pyramid Networks*, lets a fine
    map see as far as a coarse one, and the shared heads are those of RetinaNet (Lin et al. 2017).

    Examples
    --------
    >>> ssd = build_ssd()
    >>> ssd.anchors.shape, ssd.output_shape
    ((2048, 4), (None, 2048, 8))
    """
    layers = keras.layers
    require_kind(offset_kind, get_args(OffsetKind), name="offset_kind")
    as_count("n_classes", n_classes, low=2)
    as_count("channels", channels)
    if np.ndim(aspect_ratios) != 1 or len(aspect_ratios) == 0:
        raise ValueError(f"aspect_ratios: expected one number or more in a sequence, got {aspect_ratios!r}")
    if not hasattr(scales, "__len__") or not all(hasattr(level, "__len__") for level in scales):
        raise ValueError(f"scales: expected one tuple a level, got {scales!r}")
    sizes = {len(level) for level in scales}
    if len(sizes) != 1:
        raise ValueError(f"scales: expected as many in every level (the heads are shared), got {scales!r}")
    backbone = residual_backbone(input_shape) if backbone is None else backbone
    if len(scales) < 2 or len(backbone.outputs) < len(scales) - 1:
        raise ValueError(f"scales: expected 2 to {len(backbone.outputs) + 1} levels, got {len(scales)}")
    per_cell = sizes.pop() * len(aspect_ratios)

    image = keras.Input(input_shape, name="photograph")
    maps = backbone(image)[1 - len(scales) :]
    maps.append(convolution(maps[-1], channels, strides=2, name="coarsest"))
    shapes = [tuple(map_.shape[1:3]) for map_ in maps]
    maps = [convolution(map_, channels, 1, name=f"lateral{i}", activation=None) for i, map_ in enumerate(maps)]
    for i in reversed(range(len(maps) - 1)):
        wider = layers.Resizing(*shapes[i], interpolation="nearest", name=f"up{i}")(maps[i + 1])
        maps[i] = layers.Add(name=f"pyramid{i}")([maps[i], wider])

    small = keras.initializers.RandomNormal(stddev=0.01)
    tower = layers.Conv2D(
        channels, 3, padding="same", activation="relu", kernel_initializer="he_normal", name="tower"
    )
    prior = keras.initializers.Constant(np.tile([BACKGROUND_BIAS] + [0.0] * (n_classes - 1), per_cell))
    class_head = layers.Conv2D(
        per_cell * n_classes, 3, padding="same", kernel_initializer=small, bias_initializer=prior, name="classes"
    )
    box_head = layers.Conv2D(per_cell * 4, 3, padding="same", kernel_initializer=small, name="offsets")
    levels = []
    for i, map_ in enumerate(maps):
        shared = tower(convolution(map_, channels, name=f"smooth{i}"))
        logits = layers.Reshape((-1, n_classes), name=f"logits{i}")(class_head(shared))
        offsets = layers.Reshape((-1, 4), name=f"boxes{i}")(box_head(shared))
        levels.append(layers.Concatenate(name=f"level{i}")([logits, offsets]))
    outputs = layers.Concatenate(axis=1, name="levels")(levels)
    anchors = anchor_boxes(shapes, input_shape[:2], scales, aspect_ratios)
    return SSD(image, outputs, anchors, n_classes, offset_kind)
