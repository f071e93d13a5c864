"""A tiny vision transformer beside a convolutional network of the same size: chapter 12 and its table."""

from typing import Any, Literal, get_args

import keras
import numpy as np
import numpy.typing as npt

from course_utils._arguments import require_kind
from course_utils.attention import sinusoidal_positions
from course_utils.datasets import load_digits, split
from course_utils.experiments.ch03 import build_student

__all__ = ["PARAMETERS", "Positions", "build_cnn", "build_vit", "splits"]

Positions = Literal["learnt", "sinusoidal", "none"]

PARAMETERS = 20_490  # of the convolutional network; the transformer has 14 more
PATCH, WIDTH, HEADS, HIDDEN, BLOCKS = 7, 32, 4, 71, 2
PARTS = (4000, 400, 600)  # digits that training draws from, for choosing, for the last word


def splits() -> tuple[npt.NDArray[np.intp], ...]:
    """Indices of the digits for training, validation and test: the same whatever the seed of a run.

    Examples
    --------
    >>> [len(part) for part in splits()]
    [4000, 400, 600]
    """
    return split(load_digits()[1], PARTS, np.random.default_rng(12))


def build_cnn() -> keras.Model:
    """The small convolutional network of chapter 03 with 16 and 32 filters, from (N, 28, 28, 1) to 10 logits.

    Examples
    --------
    >>> build_cnn().count_params()
    20490
    """
    return build_student((16, 32))


def build_vit(positions: Positions = "learnt") -> keras.Model:
    """A vision transformer from (N, 28, 28, 1) to 10 logits: 16 patches of 7×7, two blocks of four heads.

    Parameters
    ----------
    positions : "learnt", "sinusoidal" or "none"
        What is added to a patch's vector to say where it lies. Sinusoidal: half of the features for the row, half
        for the column.

    Notes
    -----
    Dosovitskiy et al. 2021, *An Image is Worth 16x16 Words*, with the mean over the patches in place of a class
    token, and layer normalisation before each part.

    Examples
    --------
    >>> build_vit().count_params()
    20504
    """
    require_kind(positions, get_args(Positions), name="positions")
    layers = keras.layers
    side = 28 // PATCH
    image = keras.Input((28, 28, 1))
    x = layers.Conv2D(WIDTH, PATCH, strides=PATCH, name="patches")(image)
    x = layers.Reshape((side * side, WIDTH))(x)
    if positions != "none":
        x = _Positions(positions == "learnt", name="positions")(x)
    for number in range(BLOCKS):
        y = layers.LayerNormalization(name=f"block{number}_norm1")(x)
        y = layers.MultiHeadAttention(HEADS, WIDTH // HEADS, name=f"block{number}_attention")(y, y)
        x = layers.Add()([x, y])
        y = layers.LayerNormalization(name=f"block{number}_norm2")(x)
        y = layers.Dense(HIDDEN, activation="relu", name=f"block{number}_hidden")(y)
        x = layers.Add()([x, layers.Dense(WIDTH, name=f"block{number}_out")(y)])
    x = layers.GlobalAveragePooling1D()(layers.LayerNormalization(name="norm")(x))
    return keras.Model(image, layers.Dense(10, name="logits")(x), name="vit")


class _Positions(keras.layers.Layer):  # type: ignore[misc]
    """Adds a vector to each patch, learnt or of sines and cosines of its row and column."""

    def __init__(self, learnt: bool, **options: Any):
        super().__init__(**options)
        self.learnt = learnt

    def build(self, shape: tuple[int | None, ...]) -> None:
        patches, width = int(shape[1] or 0), int(shape[2] or 0)
        if self.learnt:
            self.table = self.add_weight(shape=(patches, width), initializer=keras.initializers.RandomNormal(0.02))
            return
        side = round(patches**0.5)
        line = sinusoidal_positions(side, width // 2, longest=10.0)
        rows, columns = np.repeat(line, side, axis=0), np.tile(line, (side, 1))
        self.table = keras.ops.convert_to_tensor(np.concatenate([rows, columns], axis=1))

    def call(self, x: Any) -> Any:
        return x + self.table
