"""Residual networks: the trunks of the detector and the segmenter."""

from collections.abc import Sequence
from typing import Any

import keras

from course_utils._arguments import as_count

__all__ = ["convolution", "residual_backbone", "residual_block", "resnet56v2_backbone"]

# Means over about 20 steps: what a training of a few minutes needs; Keras's 0.99 lags behind it.
BATCH_NORM_MOMENTUM = 0.95


def convolution(
    x: Any, filters: int, size: int = 3, strides: int = 1, *, name: str, activation: str | None = "relu"
) -> Any:
    """Convolution without bias, batch normalisation, and an activation unless it is None.

    Parameters
    ----------
    x : Keras tensor (N, H, W, C)
    filters, size, strides : int
        Output channels, side of the kernel, step.
    name : str
        The layers are called ``name_conv`` and ``name_bn``: weights are copied by these names.
    activation : str or None

    Returns
    -------
    Keras tensor (N, ⌈H / strides⌉, ⌈W / strides⌉, filters)

    Examples
    --------
    >>> convolution(keras.Input((8, 8, 3)), 4, strides=2, name="stem").shape
    (None, 4, 4, 4)
    """
    layers = keras.layers
    x = layers.Conv2D(
        filters, size, strides, "same", use_bias=False, kernel_initializer="he_normal", name=f"{name}_conv"
    )(x)
    x = layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM, name=f"{name}_bn")(x)
    return x if activation is None else layers.Activation(activation, name=f"{name}_{activation}")(x)


def residual_block(x: Any, filters: int, strides: int = 1, *, name: str) -> Any:
    """Two 3×3 convolutions, and a short cut that carries their input past them.

    Parameters
    ----------
    x : Keras tensor (N, H, W, C)
    filters, strides : int
        Output channels; step of the first convolution.
    name : str
        Where the layers' names begin: ``name_1_conv``, ``name_2_conv``, ``name_short_conv``, ``name_add`` …

    Returns
    -------
    Keras tensor (N, ⌈H / strides⌉, ⌈W / strides⌉, filters)

    Notes
    -----
    The short cut is the identity where shapes allow it. A stride averages, other channels take a 1×1 convolution:
    He et al. 2016, *Deep Residual Learning*, with the short cuts of ResNet-D (He et al. 2019, *Bag of Tricks*).

    Examples
    --------
    >>> x = keras.Input((8, 8, 16))
    >>> same = keras.Model(x, residual_block(x, 16, name="same"))
    >>> smaller = keras.Model(x, residual_block(x, 32, 2, name="smaller"))
    >>> smaller.output_shape, [layer.name for layer in smaller.layers if "short" in layer.name]
    ((None, 4, 4, 32), ['smaller_short_conv', 'smaller_short_bn'])
    >>> any("short" in layer.name for layer in same.layers)
    False
    """
    layers = keras.layers
    y = convolution(x, filters, strides=strides, name=f"{name}_1")
    y = convolution(y, filters, name=f"{name}_2", activation=None)
    if strides > 1:
        x = layers.AveragePooling2D(strides, padding="same", name=f"{name}_pool")(x)
    if x.shape[-1] != filters:
        x = convolution(x, filters, 1, name=f"{name}_short", activation=None)
    return layers.Activation("relu", name=f"{name}_relu")(layers.Add(name=f"{name}_add")([x, y]))


def residual_backbone(
    input_shape: tuple[int, int, int],
    filters: Sequence[int] = (16, 32, 48, 64, 64),
    blocks: Sequence[int] = (1, 2, 2, 1),
) -> keras.Model:
    """A small residual network with a strided stem.

    Parameters
    ----------
    input_shape : (int, int, int)
        H, W, 3; images in [0, 1].
    filters : sequence of int
        Channels of the stem, at 1/2 of the resolution, and of each stage: 1/4, 1/8, 1/16, 1/32 …
    blocks : sequence of int
        Residual blocks in each stage, each of two 3×3 convolutions.

    Returns
    -------
    keras.Model
        Named ``backbone``; gives a list with the stem's map and each stage's, finest first.

    Raises
    ------
    ValueError
        If there is not one number of filters more than of blocks, or the image is too small to be halved so
        often.

    Notes
    -----
    He et al. 2016, *Deep Residual Learning*, with average pooling in the short cuts (He et al. 2019,
    *Bag of Tricks*, ResNet-D) and half the resolution from the first layer on: at full resolution a
    3×3 layer costs four times as much.

    Examples
    --------
    >>> backbone = residual_backbone((96, 128, 3))
    >>> [tuple(map_.shape[1:]) for map_ in backbone.outputs]
    [(48, 64, 16), (24, 32, 32), (12, 16, 48), (6, 8, 64), (3, 4, 64)]
    """
    if len(filters) != len(blocks) + 1:
        raise ValueError(
            f"filters: expected {len(blocks) + 1}, one for the stem and one for each of {len(blocks)} stages, "
            f"got {len(filters)}"
        )
    counts = [as_count("filters", f) for f in filters]
    height, width, _ = _image_shape(input_shape)
    if min(height, width) < 2 ** len(filters):
        raise ValueError(
            f"input_shape: {len(filters)} halvings need {2 ** len(filters)} pixels, got {input_shape}"
        )
    image = keras.Input(input_shape, name="image")
    x = keras.layers.Rescaling(2.0, -1.0, name="centred")(image)
    x = convolution(x, counts[0], strides=2, name="stem")
    maps = [x]
    for stage, (channels, repeats) in enumerate(zip(counts[1:], blocks, strict=True), start=1):
        for block in range(as_count("blocks", repeats)):
            x = residual_block(x, channels, 2 if block == 0 else 1, name=f"stage{stage}_block{block + 1}")
        maps.append(x)
    return keras.Model(image, maps, name="backbone")


def resnet56v2_backbone(input_shape: tuple[int, int, int]) -> keras.Model:
    """The ResNet56v2 trunk for small images, applied to large ones as published systems have done.

    Parameters
    ----------
    input_shape : (int, int, int)
        H, W, 3; images in [0, 1].

    Returns
    -------
    keras.Model
        Named ``backbone``; gives a list of one map at 1/4 of the resolution with 256 channels.

    Notes
    -----
    He et al. 2016, *Identity Mappings in Deep Residual Networks*: a 3×3 stem at full resolution and three
    stages of six bottlenecks (1×1, 3×3, 1×1), each layer preceded by batch normalisation and ReLU, 9 · 6 + 2
    layers in all. L2 of 1e-4 on the kernels is left to the optimiser's weight decay.

    Examples
    --------
    >>> backbone = resnet56v2_backbone((96, 128, 3))
    >>> tuple(backbone.outputs[0].shape[1:]), backbone.count_params()
    ((24, 32, 256), 1671168)
    """
    layers = keras.layers

    def convolve(x: Any, filters: int, size: int, strides: int = 1, *, name: str, normalise: bool = True) -> Any:
        if normalise:
            x = layers.Activation("relu")(layers.BatchNormalization(name=f"{name}_bn")(x))
        return layers.Conv2D(filters, size, strides, "same", kernel_initializer="he_normal", name=f"{name}_conv")(
            x
        )

    _image_shape(input_shape)
    image = keras.Input(input_shape, name="image")
    x = layers.Conv2D(16, 3, padding="same", kernel_initializer="he_normal", name="stem_conv")(image)
    x = layers.Activation("relu")(layers.BatchNormalization(name="stem_bn")(x))
    narrow, wide = 16, 64
    for stage in range(3):
        for block in range(6):
            name = f"stage{stage + 1}_block{block + 1}"
            strides = 2 if stage > 0 and block == 0 else 1
            # The stem has just been normalised: the very first block does not do it again.
            y = convolve(x, narrow, 1, strides, name=f"{name}_1", normalise=stage + block > 0)
            y = convolve(y, narrow, 3, name=f"{name}_2")
            y = convolve(y, wide, 1, name=f"{name}_3")
            if block == 0:
                x = convolve(x, wide, 1, strides, name=f"{name}_short", normalise=False)
            x = layers.Add(name=f"{name}_add")([x, y])
        narrow, wide = wide, 2 * wide
    x = layers.Activation("relu")(layers.BatchNormalization(name="last_bn")(x))
    return keras.Model(image, [x], name="backbone")


def _image_shape(input_shape: tuple[int, int, int]) -> tuple[int, int, int]:
    try:
        height, width, channels = (as_count("input_shape", side) for side in input_shape)
    except (TypeError, ValueError) as error:
        raise ValueError(f"input_shape: expected three integers, H, W and 3, got {input_shape!r}") from error
    if channels != 3:
        raise ValueError(f"input_shape: expected 3 channels, got {input_shape!r}")
    return height, width, channels
