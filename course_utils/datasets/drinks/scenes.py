"""Rendered photographs of drinks on clutter, with everything that an annotator could tell about them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from course_utils._arguments import Float64Array, as_count, require_generator
from course_utils.annotations.polygons import polygon_coverage
from course_utils.datasets.dataset import Scene
from course_utils.datasets.drinks.clutter import CLUTTER, OCCLUDERS
from course_utils.datasets.drinks.shapes import Thing, bottle, can, carton
from course_utils.datasets.drinks.textures import surface

__all__ = ["CLASS_NAMES", "RENDERER_VERSION", "render_scene"]

CLASS_NAMES = ("background", "bottle", "can", "carton")
# Part of every cache's name: raise it with any change that alters a byte of a scene.
RENDERER_VERSION = 2

DRINKS = {1: bottle, 2: can, 3: carton}
# From and below how many other things stand about, by difficulty.
CLUTTER_COUNTS = ((1, 4), (2, 7), (3, 10))
# A drink of which less can be seen is not in the scene: nobody could annotate it.
LEAST_VISIBLE = 0.25
# Corners lie on a grid of so many steps a pixel. Processors differ in the last digits of a sine, some
# 1e-14 pixel here; as in the photograph, which has 256 steps, the grid takes them away.
CORNER_STEPS = 1024


def render_scene(rng: np.random.Generator, height: int, width: int, difficulty: int = 1) -> Scene:
    """Draw bottles, cans and cartons among things that resemble them.

    Parameters
    ----------
    rng : numpy.random.Generator
        The same state gives the same bytes on every processor and every supported version of
        Python and NumPy.
    height, width : int
        In pixels, 32 or more.
    difficulty : int
        0: little clutter. 1: two or three brands a class, and clutter of which three in ten wears
        one of them. 2: more clutter, every print and colour at random.

    Returns
    -------
    Scene
        Mostly with one to four drinks; one scene in 25 has none.

    Raises
    ------
    ValueError
        For another type of ``rng``, a size below 32 or another difficulty.

    Examples
    --------
    >>> scene = render_scene(np.random.default_rng([3, 0]), 96, 128)
    >>> scene.image.shape, scene.label_map.dtype, len(scene.boxes) == len(scene.class_ids)
    ((96, 128, 3), dtype('uint8'), True)
    """
    require_generator(rng)
    height, width = as_count("height", height, low=32), as_count("width", width, low=32)
    as_count("difficulty", difficulty, low=0, high=2)

    table = _Table(surface(rng, height, width))
    if rng.random() < 0.7:
        edge = int(rng.uniform(0.25, 0.65) * height)
        table.canvas[edge:] = surface(rng, height, width)[edge:]
    for _ in range(rng.integers(*CLUTTER_COUNTS[difficulty])):
        make = CLUTTER[rng.integers(len(CLUTTER))]
        angle = rng.normal(0, 0.25) if rng.random() < 0.6 else rng.uniform(-3, 3)
        centre = rng.uniform(0, width), rng.uniform(0.1, 1) * height
        size, shear = rng.uniform(0.15, 0.65) * height, rng.normal(0, 0.06)
        table.put(make(rng, difficulty), _Pose(*centre, size, angle, shear))
    count = int(rng.integers(1, 5)) if rng.random() < 0.96 else 0
    for _ in range(count):
        _put_drink(rng, table, difficulty)
    for _ in range(rng.integers(0, 3)):
        make = OCCLUDERS[rng.integers(len(OCCLUDERS))]
        thing = make(rng, difficulty)
        size = rng.uniform(0.1, 0.3) * height * (2 if thing.aspect < 0.1 else 1)  # rods are long
        centre = rng.uniform(0, width), rng.uniform(0.3, 1) * height
        pose = _Pose(*centre, size, rng.uniform(-3, 3), 0.0)
        table.put(Thing(thing.outline, thing.aspect, thing.shade), pose, opaque=True)
    return table.annotate(_photograph(rng, table.canvas, difficulty))


@dataclass(frozen=True)
class _Pose:
    """Where and how a thing is placed: centre and height in pixels, angle in radians, slant."""

    x: float
    y: float
    height: float
    angle: float
    shear: float

    def matrix(self, aspect: float) -> tuple[float, float, float, float]:
        """From the thing's coordinates to pixels, row by row."""
        cosine, sine = np.cos(self.angle), np.sin(self.angle)
        half_width, half_height = self.height * aspect / 2, self.height / 2
        slant = self.shear * half_height
        return (
            cosine * half_width,
            cosine * slant - sine * half_height,
            sine * half_width,
            sine * slant + cosine * half_height,
        )

    def extent(self, aspect: float) -> tuple[float, float]:
        """Half width and half height of the turned rectangle around the thing, slant apart."""
        cosine, sine = abs(np.cos(self.angle)), abs(np.sin(self.angle))
        return self.height / 2 * (sine + aspect * cosine), self.height / 2 * (cosine + aspect * sine)


class _Table:
    """The canvas being painted, and who is seen at each pixel."""

    def __init__(self, canvas: Float64Array):
        self.canvas = canvas
        self.instance_ids = np.zeros(canvas.shape[:2], np.uint8)
        self.areas = [0]  # pixels of each drink before anything was put in front of it
        self.class_ids: list[int] = []
        self.polygons: list[Float64Array] = []
        self.places: list[tuple[float, float, float, float]] = []

    def put(self, thing: Thing, pose: _Pose, opaque: bool = False, class_id: int = 0) -> bool:
        """Paint a thing, unless it would hide too much of a drink; tell whether it was painted.

        Clutter behind the drinks is painted before them and hides none; what is put ``opaque``
        later takes the pixels of those behind it.
        """
        height, width, _ = self.canvas.shape
        a, b, c, d = pose.matrix(thing.aspect)
        x, y = thing.outline.T
        outline = np.stack([a * x + b * y + pose.x, c * x + d * y + pose.y], axis=1)
        covered = polygon_coverage(outline, height, width)
        if covered is None:
            return False
        row, column, coverage = covered
        rows, columns = coverage.shape
        window = np.s_[row : row + rows, column : column + columns]
        solid = coverage > 0.5
        if not self._leaves_drinks_visible(self.instance_ids[window], solid):
            return False

        right = np.arange(column, column + columns) + 0.5 - pose.x
        down = (np.arange(row, row + rows) + 0.5 - pose.y)[:, None]
        determinant = a * d - b * c
        own_x, own_y = (d * right - b * down) / determinant, (a * down - c * right) / determinant
        behind = self.canvas[window]
        colour = np.clip(thing.shade(own_x, own_y, behind), 0, 1)
        self.canvas[window] = behind + (colour - behind) * (coverage * thing.opacity)[..., None]
        if class_id:
            self.class_ids.append(class_id)
            # What is painted keeps its digits: a coarser outline would shift the edges in the photograph.
            self.polygons.append(np.round(outline * CORNER_STEPS) / CORNER_STEPS)
            self.areas.append(int(solid.sum()))
        if class_id or opaque:
            self.instance_ids[window][solid] = len(self.class_ids) if class_id else 0
        return True

    def _leaves_drinks_visible(self, behind: npt.NDArray[np.uint8], solid: npt.NDArray[np.bool_]) -> bool:
        areas = np.array(self.areas)
        left = np.bincount(self.instance_ids.ravel(), minlength=len(areas))
        left = left - np.bincount(behind[solid], minlength=len(areas))
        return bool((left[1:] >= LEAST_VISIBLE * areas[1:]).all())

    def shadow(self, x: int, y: int, reach: float) -> None:
        """Darken the table around a point, wide and flat."""
        height, width, _ = self.canvas.shape
        across = ((np.arange(width) - x) / (1.1 * reach + 1)) ** 2
        down = ((np.arange(height) - y) / (0.08 * height)) ** 2
        self.canvas *= 1 - 0.45 * np.exp(-down)[:, None, None] * np.exp(-across)[:, None]

    def annotate(self, image: npt.NDArray[np.uint8]) -> Scene:
        """Everything that is known of the scene, around its photograph."""
        boxes = np.zeros((len(self.class_ids), 4))
        for index in range(len(boxes)):
            seen = self.instance_ids == index + 1
            columns, rows = np.flatnonzero(seen.any(axis=0)), np.flatnonzero(seen.any(axis=1))
            boxes[index] = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
        class_ids = np.array(self.class_ids, np.int64)
        label_map = np.append(0, class_ids).astype(np.uint8)[self.instance_ids]
        return Scene(image, boxes, class_ids, tuple(self.polygons), label_map, self.instance_ids)


def _put_drink(rng: np.random.Generator, table: _Table, difficulty: int) -> None:
    """Place one drink, mostly upright, where it overlaps the others little; none if there is no room."""
    height, width, _ = table.canvas.shape
    class_id = int(rng.integers(1, 4))
    thing = DRINKS[class_id](rng, difficulty)
    size = rng.uniform(0.3, 0.72) * height * (0.75 if class_id == 2 else 1)
    angle = rng.normal(0, 0.12) if rng.random() < 0.78 else rng.uniform(-1.75, 1.75)
    shear = rng.normal(0, 0.05)
    reach_x, reach_y = _Pose(0, 0, size, angle, shear).extent(thing.aspect)
    for _ in range(12):
        x = rng.uniform(0.7 * reach_x, width - 0.7 * reach_x)
        y = rng.uniform(max(0.25 * height, 0.7 * reach_y), height - 0.7 * reach_y)
        if all(
            abs(x - other_x) > 0.55 * (reach_x + other_reach_x)
            or abs(y - other_y) > 0.55 * (reach_y + other_reach_y)
            for other_x, other_y, other_reach_x, other_reach_y in table.places
        ):
            break
    else:
        return
    if rng.random() < 0.7:
        table.shadow(int(x + rng.normal(0, 0.1) * size), int(y + reach_y), reach_x)
    if table.put(thing, _Pose(x, y, size, angle, shear), class_id=class_id):
        table.places.append((x, y, reach_x, reach_y))


def _photograph(rng: np.random.Generator, canvas: Float64Array, difficulty: int) -> npt.NDArray[np.uint8]:
    """Uneven light, a colour cast, a lens that blurs and a sensor with noise."""
    height, width, _ = canvas.shape
    down, across = rng.normal(0, 0.25, 2)
    gradient = across * ((np.arange(width) + 0.5) / width - 0.5)
    gradient = 1 + gradient + down * ((np.arange(height) + 0.5) / height - 0.5)[:, None]
    light = canvas * gradient[..., None] * (rng.uniform(0.65, 1.15) * rng.uniform(0.88, 1.12, 3))
    blur = rng.uniform(0, 0.75) * height / 120
    if blur > 0.25:
        light = gaussian_filter(light, (blur, blur, 0), truncate=2.5)
    light = light + rng.normal(0, 1, light.shape) * rng.uniform(0.004, 0.04 if difficulty == 2 else 0.025)
    return np.asarray(np.clip(light, 0, 1) * 255 + 0.5).astype(np.uint8)
