"""Photographs of any size and type: made ready for a network of one input size, one by one or as a set."""

from course_utils.datasets.photographs.arrays import Photographs, as_photographs
from course_utils.datasets.photographs.fitting import fit_photograph, resample, resized
from course_utils.datasets.photographs.grouping import photograph_groups, split_photographs
from course_utils.datasets.photographs.loading import load_photographs
from course_utils.datasets.photographs.reading import read_photograph

__all__ = [
    "Photographs",
    "as_photographs",
    "fit_photograph",
    "load_photographs",
    "photograph_groups",
    "read_photograph",
    "resample",
    "resized",
    "split_photographs",
]
