"""Fully convolutional networks: a class for every pixel, from maps of several resolutions."""

from collections.abc import Sequence
from typing import Any, Literal, get_args

import keras
import numpy as np

from course_utils._arguments import as_count, require_kind
from course_utils.backbones import convolution, residual_backbone, resnet56v2_backbone

__all__ = ["Context", "build_fcn", "pooled_regions", "resnet56v2_pyramid", "with_logits"]

Context = Literal["pyramid", "sum", "pool"]

# Cells on a side of the grids that PSPNet pools a map into (Zhao et al. 2017, section 3.2).
POOLING_BINS = (1, 2, 3, 6)


def build_fcn(
    input_shape: tuple[int, int, int] = (96, 128, 3),
    n_classes: int = 4,
    *,
    backbone: keras.Model | None = None,
    context: Context = "pyramid",
    channels: int = 32,
    upsampling: Sequence[int] = (24, 16),
    use_bias: bool = False,
    convolve_finest: bool = True,
    skip_stem: bool = True,
    last_kernel: int = 3,
) -> keras.Model:
    """A network that gives every pixel a probability for each class.

    Parameters
    ----------
    input_shape : (int, int, int)
        H, W, 3, both sides divisible by the coarsest map's stride; images in [0, 1].
    n_classes : int
        K, 2 or more.
    backbone : keras.Model, optional
        Gives maps from fine to coarse, each half the one before, at strides 2 (the stem) or 4 and on; a new
        :func:`course_utils.backbones.residual_backbone` by default.
    context : "pyramid", "sum" or "pool"
        How the maps come together. "pyramid": each through a 3×3 convolution, enlarged and
        concatenated at 1/4 of the resolution. "sum": class scores of each, summed from coarse to
        fine and enlarged fourfold at the end, as FCN does. "pool": the coarsest map of 6×6 cells or
        more, with its means over 1, 4, 9 and 36 regions beside it, as PSPNet does.
    channels : int
        Of each level's convolution.
    upsampling : sequence of two int
        Channels of the two transposed convolutions of stride 2 that lead from 1/4 to full resolution.
    use_bias, convolve_finest, skip_stem, last_kernel
        Biases before batch normalisation; a 3×3 convolution on the finest level too; the stem's map
        beside that of the first transposed convolution; side of the last kernel. With True, False,
        False and 1, 256 channels on each level and in the decoder, and :func:`resnet56v2_pyramid`
        this is a network of 11,120,900 parameters that has been published.

    Returns
    -------
    keras.Model
        Named ``fcn``, with a layer ``logits`` before its softmax: see :func:`with_logits`.

    Raises
    ------
    ValueError
        For sides that are not divisible, numbers out of range, or an unknown context.

    Notes
    -----
    Long, Shelhamer and Darrell 2015, *Fully Convolutional Networks*, whose skips are summed; Zhao et al. 2017,
    *Pyramid Scene Parsing Network*, whose pyramid is pooled from one map.

    Examples
    --------
    >>> fcn = build_fcn()
    >>> fcn.output_shape, fcn.count_params() <= 500_000
    ((None, 96, 128, 4), True)
    """
    layers = keras.layers
    require_kind(context, get_args(Context), name="context")
    as_count("n_classes", n_classes, low=2)
    as_count("channels", channels)
    first, second = (as_count("upsampling", filters) for filters in upsampling)
    backbone = residual_backbone(input_shape) if backbone is None else backbone
    height, width = input_shape[:2]
    stride = height // int(backbone.outputs[-1].shape[1])
    if height % stride or width % stride:
        raise ValueError(f"input_shape: expected sides divisible by {stride}, got {input_shape}")

    image = keras.Input(input_shape, name="photograph")
    maps = backbone(image)
    by_stride = {height // int(map_.shape[1]): map_ for map_ in maps}
    levels = {stride: map_ for stride, map_ in by_stride.items() if stride >= 4}
    if 4 not in levels or (skip_stem and 2 not in by_stride):
        raise ValueError(f"backbone: expected maps at strides 4 and, for the stem, 2; got {sorted(by_stride)}")

    if context == "sum":
        logits = _summed_scores(levels, n_classes)
    else:
        if context == "pyramid":
            x = _pyramid(levels, channels, use_bias, convolve_finest)
        else:
            x = _pooled(levels, channels)
        x = _enlarge(x, first, use_bias, "up1")
        if skip_stem:
            x = layers.Concatenate(name="with_stem")([x, by_stride[2]])
        x = _enlarge(x, second, use_bias, "up2")
        logits = layers.Conv2DTranspose(n_classes, last_kernel, padding="same", name="logits")(x)
    return keras.Model(image, layers.Softmax(name="probabilities")(logits), name="fcn")


def with_logits(model: keras.Model) -> keras.Model:
    """The same network, weights shared, without its softmax: what the losses take.

    Examples
    --------
    >>> with_logits(build_fcn()).layers[-1].name
    'logits'
    """
    return keras.Model(model.input, model.get_layer("logits").output, name=model.name)


def resnet56v2_pyramid(input_shape: tuple[int, int, int]) -> keras.Model:
    """The ResNet56v2 trunk with three coarser maps on top: average pooling, then two strided convolutions.

    Parameters
    ----------
    input_shape : (int, int, int)
        H, W, 3.

    Returns
    -------
    keras.Model
        Named ``backbone``; maps at strides 4, 8, 16 and 32 with 256, 256, 512 and 512 channels.

    Examples
    --------
    >>> backbone = resnet56v2_pyramid((96, 128, 3))
    >>> [tuple(map_.shape[1:]) for map_ in backbone.outputs]
    [(24, 32, 256), (12, 16, 256), (6, 8, 512), (3, 4, 512)]
    """
    trunk = resnet56v2_backbone(input_shape)
    maps = [trunk.outputs[0]]
    maps.append(keras.layers.AveragePooling2D(2, padding="same", name="stride8")(maps[-1]))
    maps.append(_biased_convolution(maps[-1], 512, 2, name="stride16"))
    maps.append(_biased_convolution(maps[-1], 512, 2, name="stride32"))
    return keras.Model(trunk.input, maps, name="backbone")


def _biased_convolution(x: Any, filters: int, strides: int = 1, *, name: str) -> Any:
    layers = keras.layers
    x = layers.Conv2D(filters, 3, strides, "same", kernel_initializer="he_normal", name=f"{name}_conv")(x)
    return layers.ReLU(name=f"{name}_relu")(layers.BatchNormalization(name=f"{name}_bn")(x))


def _pyramid(levels: dict[int, Any], channels: int, use_bias: bool, convolve_finest: bool) -> Any:
    layers = keras.layers
    parts = []
    for stride, map_ in levels.items():
        part = map_
        if stride > 4 or convolve_finest:
            convolve = _biased_convolution if use_bias else convolution
            part = convolve(map_, channels, name=f"level{stride}")
        if stride > 4:
            part = layers.UpSampling2D(stride // 4, interpolation="bilinear", name=f"enlarge{stride}")(part)
        parts.append(part)
    return layers.Concatenate(name="pyramid")(parts)


def _summed_scores(levels: dict[int, Any], n_classes: int) -> Any:
    layers = keras.layers
    total = None
    for stride in sorted(levels, reverse=True):
        scores = layers.Conv2D(n_classes, 1, name=f"scores{stride}")(levels[stride])
        if total is not None:
            total = layers.UpSampling2D(2, interpolation="bilinear", name=f"enlarge{2 * stride}")(total)
            scores = layers.Add(name=f"sum{stride}")([scores, total])
        total = scores
    return layers.UpSampling2D(4, interpolation="bilinear", name="logits")(total)


def _pooled(levels: dict[int, Any], channels: int) -> Any:
    layers = keras.layers
    stride = max(s for s, map_ in levels.items() if min(map_.shape[1:3]) >= max(POOLING_BINS))
    x = convolution(pooled_regions(levels[stride], channels), 2 * channels, name="mixed")
    return layers.UpSampling2D(stride // 4, interpolation="bilinear", name=f"enlarge{stride}")(x)


def pooled_regions(x: Any, channels: int) -> Any:
    """A map with its means over grids of regions beside it, as PSPNet does (Zhao et al. 2017, section 3.2).

    Parameters
    ----------
    x : keras tensor (N, h, w, C)
    channels : int
        Of the 1×1 convolution after each grid's means.

    Returns
    -------
    keras tensor (N, h, w, C + 4 · channels)

    Examples
    --------
    >>> pooled_regions(keras.Input((6, 8, 64)), 16).shape
    (None, 6, 8, 128)
    """
    layers = keras.layers
    rows, columns = x.shape[1:3]
    parts = [x]
    for side in POOLING_BINS:
        means = _Regions(side, name=f"bins{side}")(x)
        means = convolution(means, channels, 1, name=f"pooled{side}")
        parts.append(layers.Resizing(rows, columns, interpolation="bilinear", name=f"spread{side}")(means))
    return layers.Concatenate(name="context")(parts)


class _Regions(keras.layers.Layer):  # type: ignore[misc]
    """Means over a grid of bins × bins regions of a map, whatever its size: adaptive average pooling."""

    def __init__(self, bins: int, **options: Any):
        super().__init__(**options)
        self.bins = bins

    def build(self, shape: tuple[int | None, ...]) -> None:
        self.down, self.across = (_averaging(int(side), self.bins) for side in shape[1:3] if side is not None)

    def call(self, x: Any) -> Any:
        return keras.ops.einsum("ih,nhwc,jw->nijc", self.down, x, self.across)


def _averaging(size: int, bins: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Matrix (bins, size) of means over cells floor(i·size/bins) to ceil((i+1)·size/bins)."""
    weights = np.zeros((bins, size), np.float32)
    for i in range(bins):
        low, high = i * size // bins, -(-(i + 1) * size // bins)
        weights[i, low:high] = 1 / (high - low)
    return weights


def _enlarge(x: Any, filters: int, use_bias: bool, name: str) -> Any:
    layers = keras.layers
    x = layers.Conv2DTranspose(
        filters, 3, 2, "same", use_bias=use_bias, kernel_initializer="he_normal", name=f"{name}_conv"
    )(x)
    momentum = 0.99 if use_bias else 0.95
    return layers.ReLU(name=f"{name}_relu")(layers.BatchNormalization(momentum=momentum, name=f"{name}_bn")(x))
