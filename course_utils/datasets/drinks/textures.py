"""Colours, backgrounds and printed labels of the rendered scenes.

Everything is computed in float64: libraries and processors differ in the last digits of sines and
exponentials, and in float64 those digits reach the eight bits of the stored image in less than one
scene in ten million.
"""

import colorsys
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import skimage.data

from course_utils._arguments import Float64Array

__all__ = ["BRANDS", "Brand", "Print", "random_colour", "surface"]

PATTERNS = ("plain", "band", "waves", "horizon", "disc", "stripes")


def random_colour(
    rng: np.random.Generator,
    saturation: tuple[float, float] = (0.2, 1.0),
    brightness: tuple[float, float] = (0.25, 1.0),
) -> Float64Array:
    """RGB in [0, 1] of any hue, with saturation and brightness from the two ranges."""
    return np.array(colorsys.hsv_to_rgb(rng.random(), rng.uniform(*saturation), rng.uniform(*brightness)))


def smooth_noise(rng: np.random.Generator, height: int, width: int) -> Float64Array:
    """Cloudy values in [0, 1]: random grids of 3, 7 and 15 cells, interpolated and summed."""
    total = np.zeros((height, width))
    strengths = (1.0, 0.55, 0.55**2)
    for cells, strength in zip((3, 7, 15), strengths, strict=True):
        wide = cells * width // height + 1
        grid = rng.random((cells + 1, wide + 1))
        top, bottom, down = _between(height, cells)
        left, right, across = _between(width, wide)
        rows = grid[top] + (grid[bottom] - grid[top]) * down[:, None]
        total += strength * (rows[:, left] + (rows[:, right] - rows[:, left]) * across)
    return total / sum(strengths)


def _between(pixels: int, cells: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Float64Array]:
    """Grid lines before and after each pixel, and a smooth share of the way between them."""
    position = (np.arange(pixels) + 0.5) / pixels * cells
    before = position.astype(int)
    share = position - before
    return before, before + 1, share * share * (3 - 2 * share)


@cache
def _photographs() -> tuple[npt.NDArray[np.uint8], ...]:
    """Grey photographs of surfaces, 512×512 uint8; PNG files of scikit-image's wheel."""
    return tuple(np.asarray(getattr(skimage.data, name)()) for name in ("brick", "grass", "gravel"))


def surface(rng: np.random.Generator, height: int, width: int) -> Float64Array:
    """A wall or a table, (height, width, 3): two colours mixed by a pattern."""
    first = random_colour(rng, (0.0, 0.6), (0.15, 1.0))
    second = np.clip(first + rng.normal(0, 0.22, 3), 0, 1)
    kind = rng.integers(5)
    share = smooth_noise(rng, height, width)
    if kind == 4:
        photograph = _photographs()[rng.integers(3)]
        span = rng.uniform(0.3, 0.75)
        top, left = rng.uniform(0, 1 - span, 2)
        rows = ((top + span * (np.arange(height) + 0.5) / height) * 512).astype(int)
        columns = ((left + span * (np.arange(width) + 0.5) / width) * 512).astype(int)
        share = 0.3 * share + 0.7 * photograph[rows[:, None], columns] / 255
    elif kind > 0:
        y, x = np.mgrid[0:height, 0:width] / height
        angle, frequency = rng.uniform(0, np.pi), rng.uniform(2, 14)
        across = x * np.cos(angle) + y * np.sin(angle)
        along = y * np.cos(angle) - x * np.sin(angle)
        if kind == 1:  # the grain of wood
            pattern = 0.5 + 0.5 * np.sin(2 * np.pi * frequency * (across + 0.25 * share))
        elif kind == 2:  # tiles
            pattern = (np.floor(across * frequency) + np.floor(along * frequency)) % 2
        else:  # stripes
            pattern = (np.mod(across * frequency, 1) > rng.uniform(0.3, 0.9)).astype(float)
        weight = rng.uniform(0.2, 0.8)
        share = weight * pattern + (1 - weight) * share
    return first + (second - first) * share[..., None]


@dataclass(frozen=True)
class Brand:
    """Three colours (base, second, ink) and the pattern of a product's label."""

    colours: tuple[tuple[float, float, float], ...]
    pattern: str


# The products on sale, by class id. What a detector can learn beyond the shapes.
BRANDS = {
    1: (
        Brand(((0.2, 0.45, 0.85), (0.95, 0.95, 1.0), (0.1, 0.2, 0.6)), "band"),
        Brand(((0.1, 0.6, 0.75), (0.9, 1.0, 1.0), (0.0, 0.3, 0.5)), "horizon"),
    ),
    2: (
        Brand(((0.8, 0.08, 0.1), (0.95, 0.95, 0.95), (1.0, 1.0, 1.0)), "horizon"),
        Brand(((0.05, 0.2, 0.6), (0.85, 0.1, 0.15), (1.0, 1.0, 1.0)), "disc"),
        Brand(((0.1, 0.55, 0.2), (0.95, 0.9, 0.2), (1.0, 1.0, 1.0)), "waves"),
    ),
    3: (
        Brand(((0.98, 0.6, 0.1), (0.95, 0.95, 0.85), (0.2, 0.5, 0.1)), "disc"),
        Brand(((0.96, 0.9, 0.45), (0.9, 0.35, 0.1), (0.3, 0.3, 0.3)), "band"),
        Brand(((0.45, 0.15, 0.5), (0.95, 0.9, 0.95), (0.9, 0.8, 0.2)), "disc"),
    ),
}


class Print:
    """What is printed on a thing: a pattern of two colours, and rows of pseudo letters in a third.

    Called with u in [−1, 1] across and v in [0, 1] down, arrays of one shape, it gives RGB.
    """

    def __init__(self, rng: np.random.Generator, brand: Brand | None = None):
        self.colours = [random_colour(rng, (0.05, 1.0), (0.2, 1.0)) for _ in range(3)]
        self.pattern = PATTERNS[rng.integers(len(PATTERNS))]
        self.frequency = rng.uniform(1, 4)
        self.phase = rng.uniform(0, 2 * np.pi)
        self.slope = rng.uniform(0.1, 0.4)
        self.band = np.sort(rng.uniform(0.1, 0.9, 2))
        self.centre = rng.uniform(-0.6, 0.6)
        self.radius = rng.uniform(0.2, 0.5)
        self.letters = rng.random((9, 10)) < 0.45
        self.letters_top = rng.uniform(0.15, 0.7)
        self.has_letters = rng.random() < 0.7
        if brand is not None:  # the same product, in the light and the printing of the day
            tint = rng.uniform(0.85, 1.12, 3)
            self.colours = [np.clip(np.array(colour) * tint, 0, 1) for colour in brand.colours]
            self.pattern = brand.pattern
            self.radius = rng.uniform(0.3, 0.5)
            self.centre = rng.uniform(-0.3, 0.3)
            self.has_letters = True

    def __call__(self, u: Float64Array, v: Float64Array) -> Float64Array:
        """RGB (h, w, 3) at the points u, v of shape (h, w)."""
        base, second, ink = self.colours
        colour = np.where(self._pattern(u, v)[..., None], second, base)
        if self.has_letters:
            line = np.floor((v - self.letters_top) * 45).astype(int)
            column = np.floor((u + 0.7) * 7).astype(int)
            inside = (line >= 0) & (line < 9) & (column >= 0) & (column < 10) & (line % 4 < 3)
            inked = inside & self.letters[np.clip(line, 0, 8), np.clip(column, 0, 9)]
            colour = np.where(inked[..., None], ink, colour)
        return colour

    def _pattern(self, u: Float64Array, v: Float64Array) -> npt.NDArray[np.bool_]:
        second = np.zeros(u.shape, bool)
        if self.pattern == "band":
            second = (v > self.band[0]) & (v < self.band[1])
        elif self.pattern == "waves":
            second = np.sin(2 * np.pi * self.frequency * (v + self.slope * u) + self.phase) > 0.3
        elif self.pattern == "horizon":
            second = v > 0.5 + self.slope * np.sin(3 * u + self.phase)
        elif self.pattern == "disc":
            second = (u - self.centre) ** 2 + (2 * v - 1) ** 2 < self.radius
        elif self.pattern == "stripes":
            second = np.sin(5 * self.frequency * (u + self.slope * v) + self.phase) > 0.2
        return second
