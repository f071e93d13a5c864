"""Boxes: their geometry, the anchors that a detector starts from, and the suppression of duplicates.

Boxes are (N, 4) floats as x_min, y_min, x_max, y_max in pixels. Coordinates are continuous: a box from
0 to 10 is 10 pixels wide, and negative coordinates are as good as others. float32 stays float32,
float64 stays float64, float16 becomes float32, integers become float64. ``[]`` counts as no box.
A box without area is a box: it overlaps nothing, not even itself. NaN, infinity and crossed
boxes (x_max < x_min or y_max < y_min) raise a ``ValueError``.
"""

from course_utils.boxes.anchors import anchor_boxes, match_anchors, unmatched_boxes
from course_utils.boxes.geometry import area, clip_boxes, decode, encode, pairwise_iou
from course_utils.boxes.soft_suppression import soft_nms
from course_utils.boxes.suppression import batched_nms, nms

__all__ = [
    "anchor_boxes",
    "area",
    "batched_nms",
    "clip_boxes",
    "decode",
    "encode",
    "match_anchors",
    "nms",
    "pairwise_iou",
    "soft_nms",
    "unmatched_boxes",
]
