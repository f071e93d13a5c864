"""The three drinks: their outlines and how light falls on them.

A thing is described in its own coordinates, x and y from −1 to 1 (y downwards), so that it can be
placed at any size, angle and slant. Its shading is a function of those coordinates and of what lies
behind it: a bottle is translucent.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from course_utils._arguments import Float64Array
from course_utils.datasets.drinks.textures import BRANDS, Brand, Print, random_colour

__all__ = ["Thing", "bottle", "can", "carton", "cylinder_light", "revolve"]

Shade = Callable[[Float64Array, Float64Array, Float64Array], Float64Array]


@dataclass(frozen=True)
class Thing:
    """Something to place in a scene.

    Attributes
    ----------
    outline : (k, 2) float
        Corners in the thing's own coordinates.
    aspect : float
        Width over height.
    shade : callable
        ``shade(x, y, behind)``: RGB (h, w, 3) at the points x, y of shape (h, w).
    opacity : float
        In [0, 1], of the whole thing.
    """

    outline: Float64Array
    aspect: float
    shade: Shade
    opacity: float = 1.0


def revolve(y: Float64Array, radius: Float64Array, tilt: float) -> Float64Array:
    """Outline of a turned solid seen from slightly above.

    ``y`` and ``radius`` are the profile from top to bottom; ``tilt`` is the half height of the
    ellipse that a circle of radius 1 becomes.
    """
    arc = np.linspace(0, np.pi, 13)[1:-1]
    right = np.stack([radius, y], axis=1)
    bottom = np.stack([radius[-1] * np.cos(arc), y[-1] + tilt * radius[-1] * np.sin(arc)], axis=1)
    left = np.stack([-radius, y], axis=1)[::-1]
    top = np.stack([-radius[0] * np.cos(arc), y[0] - tilt * radius[0] * np.sin(arc)], axis=1)
    return np.concatenate([right, bottom, left, top])


def cylinder_light(u: Float64Array, side: float, gloss: float) -> tuple[Float64Array, Float64Array]:
    """Diffuse light and highlight on an upright cylinder.

    ``u`` in [−1, 1] is the place across it, ``side`` in (−1, 1) where the light comes from, ``gloss``
    the strength of the highlight. Both results have the shape of ``u`` and one more axis.
    """
    facing = np.clip(np.sqrt(1 - u * u) * np.sqrt(1 - side * side) + u * side, 0, 1)
    highlight = gloss * np.exp(-(((u - 0.7 * side) / 0.12) ** 2))
    return (0.45 + 0.55 * facing)[..., None], highlight[..., None]


def _brand(rng: np.random.Generator, class_id: int, difficulty: int) -> Brand | None:
    """One of the brands of a class; at difficulty 2 there are none."""
    return BRANDS[class_id][rng.integers(len(BRANDS[class_id]))] if difficulty < 2 else None


def can(rng: np.random.Generator, difficulty: int) -> Thing:
    """A drinks can: a cylinder with a narrower lid and foot."""
    tilt, neck, bevel = rng.uniform(0, 0.22), rng.uniform(0.76, 0.88), rng.uniform(0.05, 0.1)
    y = np.array([-1, -0.97, -1 + 2 * bevel, 1 - 1.6 * bevel, 1]) * (1 - 0.5 * tilt)
    radius = np.array([neck, neck, 1, 1, neck - 0.02])
    label = Print(rng, _brand(rng, 2, difficulty))
    side, gloss = rng.uniform(-0.7, 0.7), rng.uniform(0.1, 0.6)
    metal = np.array([0.78, 0.79, 0.8]) * rng.uniform(0.6, 1.1)
    aspect = rng.uniform(0.46, 0.62)
    top, bottom = y[2], y[3]

    def shade(x: Float64Array, y_: Float64Array, behind: Float64Array) -> Float64Array:
        u = np.clip(x, -1, 1)
        level = y_ - tilt * np.sqrt(1 - u * u)  # the height on the can's axis that this point belongs to
        light, highlight = cylinder_light(u, side, gloss)
        printed = ((level > top) & (level < bottom))[..., None]
        wall = np.where(printed, label(np.arcsin(u) / 1.6, (level - top) / (bottom - top)), metal)
        colour = wall * light + highlight
        if tilt > 0.03:  # the lid can be seen, with its rim and its tab
            distance = (x / neck) ** 2 + ((y_ - y[0]) / (tilt * neck)) ** 2
            tab = (np.abs(x) < 0.25) & (y_ < y[0] + 0.02)
            lid = metal * (np.where(distance > 0.72, 1.05, 0.8) - 0.45 * tab)[..., None]
            colour = np.where((distance < 1)[..., None], lid, colour)
        return colour

    return Thing(revolve(y, radius, tilt), aspect, shade)


def bottle(rng: np.random.Generator, difficulty: int) -> Thing:
    """A water bottle: clear, ribbed, with a cap and mostly a label."""
    tilt, neck = rng.uniform(0, 0.1), rng.uniform(0.3, 0.45)
    shoulder_top = rng.uniform(-0.74, -0.62)
    shoulder_end = shoulder_top + rng.uniform(0.2, 0.5)
    waist = rng.uniform(0, 0.12)
    rise = np.linspace(0, 1, 7)
    shoulder = neck + (1 - neck) * (rise * rise * (3 - 2 * rise)) ** rng.uniform(0.6, 1.2)
    body_y = np.linspace(shoulder_end, 0.95, 7)[1:]
    body = 1 - waist * np.sin(np.linspace(0, np.pi, 7)[1:]) ** 2
    cap_end, cap_radius = rng.uniform(-0.9, -0.84), neck * rng.uniform(1.05, 1.25)
    shoulder_y = shoulder_top + rise * (shoulder_end - shoulder_top)
    y = np.concatenate([[-1, cap_end, cap_end + 0.005], shoulder_y, body_y, [1]]) * (1 - 0.3 * tilt)
    radius = np.concatenate([[cap_radius, cap_radius, neck], shoulder, body, [0.9]])
    tint = np.array([0.75, 0.88, 0.95])
    if difficulty == 2 and rng.random() < 0.4:
        tint = np.clip(tint * (0.5 + random_colour(rng, (0.1, 0.7), (0.3, 0.6))), 0, 1)
    label = Print(rng, _brand(rng, 1, difficulty))
    cap = random_colour(rng) if difficulty == 2 else label.colours[rng.integers(2)]
    opacity, side, gloss = rng.uniform(0.35, 0.8), rng.uniform(-0.7, 0.7), rng.uniform(0.2, 0.8)
    label_top = rng.uniform(-0.25, 0.15)
    label_end = label_top + rng.uniform(0.25, 0.6)
    has_label = rng.random() < 0.85
    water, ribs, rib_frequency = rng.uniform(-0.5, 0.3), rng.uniform(0, 0.12), rng.uniform(15, 35)

    def shade(x: Float64Array, y_: Float64Array, behind: Float64Array) -> Float64Array:
        u = np.clip(x / np.interp(y_, y, radius), -1, 1)
        level = y_ - tilt * np.sqrt(1 - u * u)
        light, highlight = cylinder_light(u, side, gloss)
        # Clear plastic is denser at its edges, and below the level of the water.
        dense = np.clip(opacity + 0.45 * (u * u) ** 2 + 0.12 * (level > water), 0, 1)[..., None]
        ribbed = (1 + ribs * np.sin(rib_frequency * level))[..., None]
        colour = behind * (1 - dense) + tint * dense * light * ribbed
        if has_label:
            on_label = ((level > label_top) & (level < label_end))[..., None]
            paper = label(np.arcsin(u) / 1.6, (level - label_top) / (label_end - label_top))
            colour = np.where(on_label, paper * light, colour)
        knurled = (0.85 + 0.15 * np.sin(40 * u))[..., None]
        colour = np.where((y_ < cap_end)[..., None], cap * light * knurled, colour)
        return np.asarray(colour + highlight)

    return Thing(revolve(y, radius, tilt), rng.uniform(0.26, 0.36), shade)


def carton(rng: np.random.Generator, difficulty: int) -> Thing:
    """A juice carton: two sides of a box, with a gable or a flat top."""
    gable = bool(rng.random() < 0.6)
    roof = rng.uniform(0.3, 0.45) if gable else rng.uniform(0.04, 0.16)
    edge, slant = rng.uniform(-0.1, 0.75), rng.uniform(0.02, 0.12)  # the corner between the sides; perspective
    top = -1 + roof
    mirror = bool(rng.random() < 0.5)
    label = Print(rng, _brand(rng, 3, difficulty))
    front, flank = rng.uniform(0.8, 1.05), rng.uniform(0.45, 0.75)
    fin = -1 + roof * rng.uniform(0.25, 0.4)
    has_screw_cap, cap = bool(rng.random() < 0.5), random_colour(rng)
    body = [(1, 1 - slant), (edge, 1), (-1, 1)]
    if gable:
        upper = [(-1, top), (-0.93, fin), (-0.93, -1), (0.9 * edge, -1), (0.9 * edge, fin), (1, top - slant)]
    else:
        upper = [(-1, top), (-1 + 0.9 * (1 - edge), -1), (1, top - slant - 0.3 * roof)]
    outline = np.array(upper + body) * [-1 if mirror else 1, 1]

    def shade(x: Float64Array, y: Float64Array, behind: Float64Array) -> Float64Array:
        x = -x if mirror else x
        on_flank = x > edge
        u = np.where(on_flank, (x - edge) / (1 - edge), (x + 1) / (edge + 1)) * 2 - 1
        level = y + np.where(on_flank, slant * (x - edge) / (1 - edge), 0)
        light = np.where(on_flank, flank, front)[..., None]
        side = label(0.9 * u, (level - top) / (1 - top)) * light
        if gable:
            above = label.colours[0] * np.where(on_flank, 0.8 * flank, 1.12 * front)[..., None]
            above = np.where((y < fin)[..., None], label.colours[1] * (0.9 * front), above)
            if has_screw_cap:
                distance = (x - (edge - 1) / 2) ** 2 + (1.6 * (y - top + 0.35 * roof)) ** 2
                above = np.where((distance < 0.05)[..., None], cap, above)
        else:
            above = np.broadcast_to(label.colours[0] * (1.15 * front), side.shape)
        return np.where((level < top)[..., None], above, side)

    return Thing(outline, rng.uniform(0.42, 0.62), shade)
