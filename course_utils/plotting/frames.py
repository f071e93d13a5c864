"""One self-contained piece of HTML that holds all frames of a figure, and moves between them without a kernel."""

import base64
import hashlib
import io
import json
import math
from collections.abc import Sequence
from html import escape
from typing import Any, NamedTuple

from PIL import Image

__all__ = ["Slider", "encoded", "frames_html"]


class Slider(NamedTuple):
    """A row of positions, one of which is chosen."""

    label: str
    texts: list[str]  # how each position reads
    start: int
    positions: int  # that the live slider has; frames may be drawn for fewer


STYLE = """
.explore{margin:1em 0;color:inherit}
.explore .row{display:grid;grid-template-columns:minmax(4em,max-content) minmax(8em,22em) max-content;gap:.8em;
align-items:center;margin:.3em 0}
.explore input{width:100%;margin:0;min-height:24px}
.explore img{max-width:100%;height:auto;background:#fff}
.explore .told{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.explore figcaption{font-size:.9em;opacity:.85}
"""

# Places count as the frames do: the last slider moves fastest.
SCRIPT = """
(function(figure){
var data=JSON.parse(figure.querySelector('script[type="application/json"]').textContent);
var inputs=Array.prototype.slice.call(figure.querySelectorAll('input'));
var image=figure.querySelector('img'),told=figure.querySelector('.told');
function move(){
 var place=0;
 inputs.forEach(function(input,i){
  var texts=data.texts[i],at=+input.value;
  place=place*texts.length+at;
  input.setAttribute('aria-valuetext',texts[at]);
  input.parentNode.querySelector('output').textContent=texts[at];
 });
 image.src=data.pictures[data.frames[place]];
 image.alt=data.alts[place];
}
inputs.forEach(function(input){
 input.addEventListener('input',move);
 input.addEventListener('change',function(){move();told.textContent=image.alt;});
 input.addEventListener('keydown',function(event){event.stopPropagation();});
 input.disabled=false;
});
move();
})(document.currentScript.parentNode);
"""


def encoded(picture: Image.Image) -> str:
    """A picture as an address that holds it: WebP, without loss where that takes no more bytes than with it.

    Parameters
    ----------
    picture : PIL.Image.Image

    Returns
    -------
    str
        ``data:image/webp;base64,…``, the same for the same picture.
    """
    # Lines and letters on an even ground are smaller without loss; photographs take a tenth with it.
    kinds: tuple[dict[str, Any], ...] = ({"lossless": True, "quality": 50, "method": 2}, {"quality": 90})
    found = []
    for options in kinds:
        stored = io.BytesIO()
        picture.convert("RGB").save(stored, format="webp", **options)
        found.append(stored.getvalue())
    return f"data:image/webp;base64,{base64.b64encode(min(found, key=len)).decode('ascii')}"


def frames_html(sliders: Sequence[Slider], frames: Sequence[tuple[str, str]], first: int) -> str:
    """Write the figure.

    Parameters
    ----------
    sliders : sequence of Slider
    frames : sequence of (str, str)
        The address and the alternative text of each, for every combination of positions in the order of
        ``itertools.product``.
    first : int
        The frame to start with, which is also what a reader without scripts sees.

    Returns
    -------
    str
        HTML that names no other file or host, the same for the same input.

    Raises
    ------
    ValueError
        If the number of frames is not the product of the numbers of positions.
    """
    expected = math.prod(len(slider.texts) for slider in sliders)
    if len(frames) != expected:
        raise ValueError(f"frames: expected {expected}, one for each combination of positions, got {len(frames)}")
    pictures = list(dict.fromkeys(picture for picture, _ in frames))
    numbers = {picture: number for number, picture in enumerate(pictures)}
    data = {
        "texts": [slider.texts for slider in sliders],
        "frames": [numbers[picture] for picture, _ in frames],
        "alts": [alt for _, alt in frames],
        "pictures": pictures,
    }
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    name = f"explore-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    rows = "\n".join(_row(f"{name}-{i}", slider) for i, slider in enumerate(sliders))
    fewer = [slider for slider in sliders if len(slider.texts) < slider.positions]
    told = "; ".join(f"{len(s.texts)} of the {s.positions} positions of “{escape(s.label)}”" for s in fewer)
    caption = f"<figcaption>Drawn here for {told}. In a notebook that runs, it moves in full steps.</figcaption>"
    picture, alt = frames[first]
    return (
        f'<figure class="explore" id="{name}">\n<style>{STYLE}</style>\n{rows}\n'
        f'<img src="{picture}" alt="{escape(alt)}">\n<div class="told" aria-live="polite"></div>\n'
        f"{caption if fewer else ''}"
        f'<script type="application/json">{text}</script>\n<script>{SCRIPT}</script>\n</figure>\n'
    )


def _row(name: str, slider: Slider) -> str:
    """A slider between its label and how its position reads. The script enables it: without one it would lie."""
    text = escape(slider.texts[slider.start])
    return (
        f'<div class="row"><label for="{name}">{escape(slider.label)}</label>'
        f'<input type="range" id="{name}" min="0" max="{len(slider.texts) - 1}" step="1" value="{slider.start}" '
        f'aria-valuetext="{text}" autocomplete="off" disabled><output for="{name}">{text}</output></div>'
    )
