"""Things that are not drinks: they share textures and shading with the drinks, so that neither alone tells."""

import numpy as np

from course_utils._arguments import Float64Array
from course_utils.datasets.drinks.shapes import Thing, cylinder_light, revolve
from course_utils.datasets.drinks.textures import BRANDS, Print, random_colour

__all__ = ["CLUTTER", "OCCLUDERS"]


def _print(rng: np.random.Generator, difficulty: int) -> Print:
    """Any print; at difficulty 1, three in ten look like one of the brands."""
    if difficulty == 1 and rng.random() < 0.3:
        brands = BRANDS[int(rng.integers(1, 4))]
        return Print(rng, brands[rng.integers(len(brands))])
    return Print(rng)


def cup(rng: np.random.Generator, difficulty: int) -> Thing:
    """An open cup, wider at the top."""
    tilt, foot = rng.uniform(0.08, 0.25), rng.uniform(0.6, 0.9)
    y, radius = np.linspace(-1, 1, 3) * (1 - 0.5 * tilt), np.linspace(1, foot, 3)
    label, side = _print(rng, difficulty), rng.uniform(-0.7, 0.7)
    inside = 0.5 * random_colour(rng)

    def shade(x: Float64Array, y_: Float64Array, behind: Float64Array) -> Float64Array:
        u = np.clip(x / np.interp(y_, y, radius), -1, 1)
        light, highlight = cylinder_light(u, side, 0.2)
        opening = x**2 + ((y_ - y[0]) / tilt) ** 2 < 0.9
        return np.where(opening[..., None], inside, label(u, (y_ + 1) / 2) * light + highlight)

    return Thing(revolve(y, radius, tilt), rng.uniform(0.6, 1.0), shade)


def jar(rng: np.random.Generator, difficulty: int) -> Thing:
    """A jar with a lid: a can that is too wide."""
    tilt = rng.uniform(0, 0.15)
    y = np.array([-1, -0.75, -0.74, -0.6, 0.95, 1]) * (1 - 0.4 * tilt)
    radius = np.array([0.9, 0.9, 0.8, 1, 1, 0.9])
    label, side, lid = _print(rng, difficulty), rng.uniform(-0.7, 0.7), random_colour(rng)

    def shade(x: Float64Array, y_: Float64Array, behind: Float64Array) -> Float64Array:
        u = np.clip(x, -1, 1)
        light, highlight = cylinder_light(u, side, 0.3)
        return np.where((y_ < -0.72)[..., None], lid, label(u, (y_ + 0.7) / 1.7)) * light + highlight

    return Thing(revolve(y, radius, tilt), rng.uniform(0.65, 0.95), shade)


def book(rng: np.random.Generator, difficulty: int) -> Thing:
    """A printed sheet or cover, in perspective."""
    skew, gradient = rng.uniform(-0.3, 0.3), rng.uniform(-0.3, 0.3)
    outline = np.array([(-1, -1), (1, -1 + skew), (1, 1), (-1, 1 - skew)])
    label = _print(rng, difficulty)

    def shade(x: Float64Array, y: Float64Array, behind: Float64Array) -> Float64Array:
        return np.asarray(label(x, (y + 1) / 2) * (0.85 + gradient * x)[..., None])

    return Thing(outline, rng.uniform(0.3, 1.6), shade)


def ball(rng: np.random.Generator, difficulty: int) -> Thing:
    """A ball, plain or printed."""
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    label, colour, plain = _print(rng, difficulty), random_colour(rng), rng.random() < 0.6
    from_x, from_y = rng.uniform(-0.5, 0.5, 2)

    def shade(x: Float64Array, y: Float64Array, behind: Float64Array) -> Float64Array:
        depth = np.sqrt(np.clip(1 - x * x - y * y, 0, 1))
        light = 0.3 + 0.7 * np.clip(0.7 * depth + from_x * x + from_y * y, 0, 1)
        return np.asarray((colour if plain else label(x, (y + 1) / 2)) * light[..., None])

    return Thing(np.stack([np.cos(angle), np.sin(angle)], axis=1), rng.uniform(0.8, 1.2), shade)


def patch(rng: np.random.Generator, difficulty: int) -> Thing:
    """A star-shaped patch of one colour, slightly transparent."""
    corners = int(rng.integers(3, 9))
    angle, radius = np.sort(rng.uniform(0, 2 * np.pi, corners)), rng.uniform(0.4, 1, corners)
    colour, (across, down) = random_colour(rng, (0.0, 1.0)), rng.normal(0, 0.2, 2)
    outline = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)

    def shade(x: Float64Array, y: Float64Array, behind: Float64Array) -> Float64Array:
        return np.asarray(colour * (0.9 + across * x + down * y)[..., None])

    return Thing(outline, rng.uniform(0.3, 2), shade, rng.uniform(0.6, 1))


def rod(rng: np.random.Generator, difficulty: int) -> Thing:
    """A straw, a pen or a cable."""
    colour = random_colour(rng, (0.0, 1.0))

    def shade(x: Float64Array, y: Float64Array, behind: Float64Array) -> Float64Array:
        return colour * (0.8 - 0.3 * x)[..., None]

    return Thing(np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], float), rng.uniform(0.02, 0.08), shade)


# What stands about, and what may hide part of a drink; twice where it is to be twice as frequent.
CLUTTER = (cup, jar, book, ball, patch, patch, rod)
OCCLUDERS = (patch, rod, rod, ball)
