"""Annotations of objects in images: boxes and outlines, read from and written to the usual formats.

`load_annotations` reads a user's own files, whatever tool they come from; `load_via`, `load_boxes_csv` and
`load_coco` read one format each, with more to set. All give the same records, and `polygons_to_label_map` turns
outlines into what a segmenter learns from.
"""

from course_utils.annotations._objects import AnnotationSet
from course_utils.annotations.boxes_csv import load_boxes_csv
from course_utils.annotations.coco import load_coco
from course_utils.annotations.loading import load_annotations
from course_utils.annotations.polygons import polygons_to_label_map
from course_utils.annotations.records import Record
from course_utils.annotations.via import load_via
from course_utils.annotations.voc import save_voc
from course_utils.annotations.writing import save_boxes_csv, save_coco, save_via
from course_utils.annotations.yolo import save_yolo

__all__ = [
    "AnnotationSet",
    "Record",
    "load_annotations",
    "load_boxes_csv",
    "load_coco",
    "load_via",
    "polygons_to_label_map",
    "save_boxes_csv",
    "save_coco",
    "save_via",
    "save_voc",
    "save_yolo",
]
