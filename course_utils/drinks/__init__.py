"""Drinks: rendered scenes of bottles, cans and cartons, sets of them, and the annotation formats of the world."""

from course_utils.drinks.annotations import (
    Record,
    load_boxes_csv,
    load_coco,
    load_via,
    polygons_to_label_map,
    save_boxes_csv,
    save_coco,
    save_via,
)
from course_utils.drinks.dataset import Dataset, render_dataset
from course_utils.drinks.scenes import CLASS_NAMES, RENDERER_VERSION, Scene, render_scene

__all__ = [
    "CLASS_NAMES",
    "RENDERER_VERSION",
    "Dataset",
    "Record",
    "Scene",
    "load_boxes_csv",
    "load_coco",
    "load_via",
    "polygons_to_label_map",
    "render_dataset",
    "render_scene",
    "save_boxes_csv",
    "save_coco",
    "save_via",
]
