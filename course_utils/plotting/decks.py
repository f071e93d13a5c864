"""Figures once more, for slides: with letters that can be read from the last row."""

import hashlib
import io
import textwrap
import time
from pathlib import Path

import matplotlib.text
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from course_utils._files import replacing, write_text

__all__ = ["SLIDER_BOX", "enlarge_letters", "store_for_a_deck", "wrap_titles"]

# Pixels, of a slide of 1280 × 720: the box that a figure fills, that of a figure with sliders, and letters.
DECK_BOX, SLIDER_BOX, DECK_LETTERS = (1180, 520), (1180, 460), 18


def enlarge_letters(figure: Figure, size: tuple[float, float], box: tuple[int, int]) -> None:
    """Enlarge the letters that would stand below 18 pixels on a slide.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    size : (float, float)
        Width and height of its picture in pixels, at 100 dots an inch.
    box : (int, int)
        What it fills on the slide.
    """
    scale = min(box[0] / size[0], box[1] / size[1])
    smallest = DECK_LETTERS / scale * 72 / 100  # points
    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        labels = axis.get_ticklabels()  # more may come when the figure is drawn
        if labels:
            axis.set_tick_params(which="both", labelsize=max(labels[0].get_fontsize(), smallest))
    for text in figure.findobj(matplotlib.text.Text):
        text.set_fontsize(max(text.get_fontsize(), smallest))


def wrap_titles(figure: Figure) -> None:
    """Break titles that run into those beside them, which enlarged letters do. The figure has been drawn."""
    titles = [axes.title for axes in figure.axes if axes.title.get_text()]
    extents = [title.get_window_extent() for title in titles]
    for title, extent in zip(titles, extents, strict=True):
        in_row = [other for other in extents if other.y0 < extent.y1 and extent.y0 < other.y1]
        middle = (extent.x0 + extent.x1) / 2
        apart = [abs((other.x0 + other.x1) / 2 - middle) for other in in_row if other is not extent]
        room = 0.95 * min(apart, default=np.inf)
        if extent.width > room:
            lines = title.get_text().split("\n")
            fitting = int(max(map(len, lines)) * room / extent.width)
            title.set_text("\n".join(textwrap.fill(line, max(fitting, 8)) for line in lines))


def store_for_a_deck(figure: Figure, shown: bytes, folder: Path) -> None:
    """Draw a figure once more with letters that the last row can read, named after the picture that is shown.

    On a slide it fills a box of 1180 × 520 pixels. Letters that would stand below 18 pixels there are enlarged,
    and titles that then meet are broken; as that can widen what is drawn, a second pass measures again. Beside it
    stands what it took, in seconds.
    """
    began = time.perf_counter()
    width, height = figure.get_size_inches() * 100
    for _ in range(2):
        enlarge_letters(figure, (width, height), DECK_BOX)
        drawn = io.BytesIO()
        figure.savefig(drawn, dpi=100, facecolor="white", bbox_inches="tight", pad_inches=0.05)
        wrap_titles(figure)
        width, height = Image.open(drawn).size
    scale = min(DECK_BOX[0] / width, DECK_BOX[1] / height)
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=100 * scale, facecolor="white", bbox_inches="tight", pad_inches=0.05)
    stored = io.BytesIO()
    Image.open(drawn).convert("RGB").save(stored, format="webp", quality=90)
    target = folder / "deck" / f"{hashlib.sha256(shown).hexdigest()}.webp"
    target.parent.mkdir(parents=True, exist_ok=True)
    with replacing(target) as path:
        path.write_bytes(stored.getvalue())
    write_text(target.with_suffix(".seconds"), f"{time.perf_counter() - began:.2f}\n")
