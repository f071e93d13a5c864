"""Figures in the course's style: axes in, axes out, and no global setting touched; and sliders.

``explore`` draws a figure that answers to sliders: in a live kernel as ``ipywidgets`` do, and on a web page
without one.
"""

from course_utils.plotting.figures import PALETTE, draw_labels, draw_reliability, image_grid, show
from course_utils.plotting.sliders import explore

__all__ = ["PALETTE", "draw_labels", "draw_reliability", "explore", "image_grid", "show"]
