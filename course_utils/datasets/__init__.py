"""What the chapters train and test on: digits, rendered drinks, threads, and photographs of your own."""

from course_utils.datasets.digits import load_digits, split
from course_utils.datasets.drinks import CLASS_NAMES, Dataset, Scene, render_dataset, render_scene

__all__ = [
    "CLASS_NAMES",
    "Dataset",
    "Scene",
    "load_digits",
    "render_dataset",
    "render_scene",
    "split",
]
