"""What the chapters train and test on: digits, rendered drinks, threads, and photographs of your own."""

from course_utils.datasets.dataset import Dataset, Scene
from course_utils.datasets.digits import load_digits, split
from course_utils.datasets.drinks import CLASS_NAMES, render_dataset, render_scene
from course_utils.datasets.photographs import load_photographs, photograph_groups, split_photographs

__all__ = [
    "CLASS_NAMES",
    "Dataset",
    "Scene",
    "load_digits",
    "load_photographs",
    "photograph_groups",
    "render_dataset",
    "render_scene",
    "split",
    "split_photographs",
]
