"""Figures once more, for slides: with letters that can be read from the last row."""

import hashlib
import io
import time
from pathlib import Path

import matplotlib.text
from matplotlib.figure import Figure
from PIL import Image

from course_utils._files import replacing, write_text

__all__ = ["store_for_a_deck"]

DECK_BOX, DECK_LETTERS = (1180, 520), 18  # pixels, of a slide of 1280 × 720


def store_for_a_deck(figure: Figure, shown: bytes, folder: Path) -> None:
    """Draw a figure once more with letters that the last row can read, named after the picture that is shown.

    On a slide it fills a box of 1180 × 520 pixels. Letters that would stand below 18 pixels there are enlarged; as
    that can widen what is drawn, a second pass measures again. Beside it stands what it took, in seconds.
    """
    began = time.perf_counter()
    width, height = figure.get_size_inches() * 100
    for _ in range(2):
        scale = min(DECK_BOX[0] / width, DECK_BOX[1] / height)
        smallest = DECK_LETTERS / scale * 72 / 100  # points
        for text in figure.findobj(matplotlib.text.Text):
            text.set_fontsize(max(text.get_fontsize(), smallest))
        drawn = io.BytesIO()
        figure.savefig(drawn, dpi=100, facecolor="white", bbox_inches="tight", pad_inches=0.05)
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
