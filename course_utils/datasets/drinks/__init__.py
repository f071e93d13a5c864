"""Drinks: rendered scenes of bottles, cans and cartons, and sets of them."""

from course_utils.datasets.dataset import Dataset, Scene
from course_utils.datasets.drinks.dataset import render_dataset
from course_utils.datasets.drinks.scenes import CLASS_NAMES, RENDERER_VERSION, render_scene

__all__ = [
    "CLASS_NAMES",
    "RENDERER_VERSION",
    "Dataset",
    "Scene",
    "render_dataset",
    "render_scene",
]
