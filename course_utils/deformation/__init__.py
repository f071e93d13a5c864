"""Warp images and everything drawn on them alike: affine maps, elastic fields, grids of holes."""

from course_utils.deformation.affine import (
    affine_field,
    affine_from_points,
    affine_warp,
    apply_affine,
    compose_affine,
    invert_affine,
    random_affine,
)
from course_utils.deformation.elastic import displacement_field, elastic_transform, jacobian_determinant
from course_utils.deformation.grid import grid_mask, grid_pattern
from course_utils.deformation.warping import warp, warp_boxes, warp_points

__all__ = [
    "affine_field",
    "affine_from_points",
    "affine_warp",
    "apply_affine",
    "compose_affine",
    "displacement_field",
    "elastic_transform",
    "grid_mask",
    "grid_pattern",
    "invert_affine",
    "jacobian_determinant",
    "random_affine",
    "warp",
    "warp_boxes",
    "warp_points",
]
