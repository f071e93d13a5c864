"""Rendered scenes of water bottles, soda cans and juice cartons."""

from course_utils.drinks.scenes import CLASS_NAMES, RENDERER_VERSION, Scene, render_scene

__all__ = ["CLASS_NAMES", "RENDERER_VERSION", "Scene", "render_scene"]
