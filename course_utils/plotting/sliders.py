"""A figure that answers to sliders: with ``ipywidgets`` in a live kernel, as a set of frames on a web page."""

import itertools
import math
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import ipywidgets
import numpy as np
from IPython.display import HTML, display
from matplotlib.figure import Figure

from course_utils._files import write_text
from course_utils.plotting import figures
from course_utils.plotting.frames import Slider, encoded, frames_html

__all__ = ["MOST_FRAMES", "explore"]

MOST_FRAMES = 200
# What the frames of one figure may weigh in a page: two such figures and a chapter's text stay below 3 MB.
MOST_BYTES = 1_150_000


class Choice(NamedTuple):
    """What a slider offers: its values, how they read, and which it starts with."""

    name: str
    label: str
    values: list[Any]
    texts: list[str]
    start: int
    is_number: bool


def explore(draw: Callable[..., Figure | None], **sliders: Any) -> None:
    """Draw a figure again for each position of its sliders.

    In a live kernel these are the sliders of ``ipywidgets``. Where the environment variable ``COURSE_FRAMES``
    names a folder, every frame is drawn once, and the figure that is displayed holds them all with sliders of its
    own (native inputs, so that a keyboard moves them and a screen reader reads them), which need no kernel. The
    same figure is written to the folder as ``NAME.html``, where NAME is the name of ``draw``, and the seconds that
    it took to ``NAME.seconds``. It has at most 200 frames and 1.15 MB: where the sliders have more positions,
    frames are drawn for fewer of them, the ends and the first value included, and the caption says so.

    Parameters
    ----------
    draw : callable
        Takes a value for each slider by its name, and shows one figure with `show` or returns it.
    **sliders
        For each argument of ``draw`` an ``ipywidgets`` slider or list (``FloatSlider``, ``FloatLogSlider``,
        ``IntSlider``, ``Dropdown`` …), what ``ipywidgets.interact`` makes one of (``(0.0, 1.0, 0.1)``, ``10``,
        ``["a", "b"]``, ``True``), or the values themselves as a ``range`` or an array of rank 1.

    Raises
    ------
    ValueError
        If there is no slider, one has no set of values, or ``draw`` does not show exactly one figure.

    Examples
    --------
    >>> from matplotlib import pyplot as plt
    >>> def draw_power(power):
    ...     figure, axes = plt.subplots()
    ...     axes.plot([0, 1, 2], [0, 1, 2**power])
    ...     show(figure, alt=f"x to the power of {power}")
    >>> explore(draw_power, power=range(1, 4))  # doctest: +SKIP
    """
    if not sliders:
        raise ValueError("sliders: expected one or more, got none")
    widgets = {name: _widget(name, given) for name, given in sliders.items()}
    folder = os.environ.get("COURSE_FRAMES")
    if not folder:
        ipywidgets.interact(lambda **values: _show(draw, values), **widgets)
        return
    began = time.perf_counter()
    html = _figure_of_frames(draw, [_choice(name, widget) for name, widget in widgets.items()])
    Path(folder).mkdir(parents=True, exist_ok=True)
    write_text(Path(folder) / f"{draw.__name__}.html", html)
    display(HTML(html))  # type: ignore[no-untyped-call]
    write_text(Path(folder) / f"{draw.__name__}.seconds", f"{time.perf_counter() - began:.1f}\n")


def _widget(name: str, given: Any) -> Any:
    """An ``ipywidgets`` widget with a value."""
    if isinstance(given, range | np.ndarray):
        values = np.asarray(given)
        if values.ndim != 1 or values.size == 0:
            raise ValueError(f"{name}: expected one or more values in rank 1, got shape {values.shape}")
        given = ipywidgets.SelectionSlider(options=[(f"{value:.4g}", value) for value in values.tolist()])
    # ipywidgets makes the widgets of what it is given here, and refuses what it cannot read.
    widget = ipywidgets.interactive.widget_from_abbrev(given)
    if widget is None:
        raise ValueError(f"{name}: expected a slider or what ipywidgets.interact takes, got {given!r}")
    widget.description = widget.description or name
    return widget


def _choice(name: str, widget: Any) -> Choice:
    """All values of a widget, in order."""
    label = widget.description
    if hasattr(widget, "options"):
        options = widget._options_full  # pairs of text and value, however they were given
        values = [value for _, value in options]
        are_numbers = all(isinstance(value, int | float) for value in values)
        return Choice(name, label, values, [text for text, _ in options], widget.index, are_numbers)
    if isinstance(widget.value, bool):
        return Choice(name, label, [False, True], ["no", "yes"], int(widget.value), False)
    if not all(hasattr(widget, limit) for limit in ("min", "max", "step")) or not widget.step:
        raise ValueError(f"{name}: expected a slider with min, max and step, or a list, got {widget!r}")
    steps = range(math.floor((widget.max - widget.min) / widget.step + 1e-9) + 1)
    values = [widget.min + step * widget.step for step in steps]
    if hasattr(widget, "base"):
        values = [widget.base**exponent for exponent in values]
    if not all(isinstance(value, int) for value in values):
        values = [float(f"{value:.12g}") for value in values]  # 3 times 0.1 would read 0.30000000000000004
    start = min(range(len(values)), key=lambda i: abs(values[i] - widget.value))
    texts = [format(value, getattr(widget, "readout_format", "")) for value in values]
    return Choice(name, label, values, texts, start, True)


def _show(draw: Callable[..., Figure | None], values: dict[str, Any]) -> None:
    figure = draw(**values)
    if isinstance(figure, Figure):
        figures.show(figure, ", ".join(f"{name} {value}" for name, value in values.items()))


def _figure_of_frames(draw: Callable[..., Figure | None], choices: list[Choice]) -> str:
    """Draw as many frames as the limits allow."""
    first = tuple(choice.start for choice in choices)
    drawn = {first: _frame(draw, choices, first)}
    limit = min(MOST_FRAMES, MOST_BYTES // len(drawn[first][0]))  # as far as the first frame can tell
    while True:
        positions = _positions(choices, limit)
        places = list(itertools.product(*positions))
        for place in places:
            if place not in drawn:
                drawn[place] = _frame(draw, choices, place)
        weight = sum(map(len, {drawn[place][0] for place in places}))
        if weight <= MOST_BYTES or limit < 2:
            break
        limit = min(limit - 1, limit * MOST_BYTES // weight)
    sliders = [
        Slider(choice.label, [choice.texts[i] for i in kept], kept.index(choice.start), len(choice.values))
        for choice, kept in zip(choices, positions, strict=True)
    ]
    return frames_html(sliders, [drawn[place] for place in places], places.index(first))


def _frame(
    draw: Callable[..., Figure | None], choices: Sequence[Choice], place: tuple[int, ...]
) -> tuple[str, str]:
    """The picture at these positions, as an address, and its alternative text."""
    values = {choice.name: choice.values[i] for choice, i in zip(choices, place, strict=True)}
    with figures.collected() as frames:
        _show(draw, values)
    if len(frames) != 1:
        raise ValueError(f"draw: expected to show one figure, got {len(frames)} for {values}")
    return encoded(frames[0].picture), frames[0].alt


def _positions(choices: Sequence[Choice], limit: int) -> list[list[int]]:
    """Which positions of each slider get a frame: all, or evenly spaced ones of those with most of them."""
    counts = [len(choice.values) for choice in choices]
    while math.prod(counts) > limit:
        numbers = [i for i, choice in enumerate(choices) if choice.is_number and counts[i] > 2]
        if not numbers:
            break
        counts[max(numbers, key=lambda i: counts[i])] -= 1
    return [_spread(choice, count) for choice, count in zip(choices, counts, strict=True)]


def _spread(choice: Choice, count: int) -> list[int]:
    """Evenly spaced positions with both ends, of which the nearest to the first value gives way to it."""
    kept = np.linspace(0, len(choice.values) - 1, count).round().astype(int).tolist()
    if choice.start not in kept:
        inner = range(1, len(kept) - 1)
        if not inner:
            return sorted({*kept, choice.start})
        kept[min(inner, key=lambda i: abs(kept[i] - choice.start))] = choice.start
    return list(kept)
