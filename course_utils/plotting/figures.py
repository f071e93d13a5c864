"""Figures that are shown with their alternative text, and what is drawn in several chapters."""

import contextlib
import io
import os
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import NamedTuple

import matplotlib.patches
import numpy as np
import numpy.typing as npt
from IPython.display import display
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from course_utils._arguments import IGNORE, FloatArray, as_float_array, as_integer_array
from course_utils.metrics.probabilities import Reliability
from course_utils.plotting.decks import SLIDER_BOX, enlarge_letters, store_for_a_deck

__all__ = ["PALETTE", "Frame", "collected", "draw_labels", "draw_reliability", "image_grid", "show"]

# Okabe and Ito 2008, Color Universal Design: told apart with every common colour vision.
PALETTE = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#000000")


class Frame(NamedTuple):
    """One picture of a figure with sliders, and its alternative text."""

    picture: Image.Image
    alt: str


_frames: ContextVar[list[Frame] | None] = ContextVar("frames", default=None)


@contextlib.contextmanager
def collected() -> Iterator[list[Frame]]:
    """Collect what `show` is given inside the block, all pictures of a figure's full size, and display nothing."""
    frames: list[Frame] = []
    token = _frames.set(frames)
    try:
        yield frames
    finally:
        _frames.reset(token)


def show(figure: Figure, alt: str) -> None:
    """Display a figure with its alternative text, and close it.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    alt : str
        What the figure shows, for a reader who cannot see it. It is stored in the output's
        metadata (``image/png``, ``alt``) and as its plain text.

    Raises
    ------
    ValueError
        If ``alt`` is empty.
    """
    if not alt.strip():
        raise ValueError("alt: expected a sentence that says what the figure shows, got none")
    drawn, stored = io.BytesIO(), io.BytesIO()
    frames = _frames.get()
    # An opaque background stays readable on a dark page. Outside of frames the figure is cut to what is drawn;
    # frames keep its size, or the picture would jump from one to the next.
    if frames is None:
        figure.savefig(drawn, format="png", dpi=100, facecolor="white", bbox_inches="tight", pad_inches=0.1)
    else:
        width, height = figure.get_size_inches() * 100
        enlarge_letters(figure, (width, height), SLIDER_BOX)  # a deck shows the same frames
        figure.savefig(drawn, format="png", dpi=100, facecolor="white")
    plt.close(figure)
    if frames is not None:
        frames.append(Frame(Image.open(drawn).convert("RGB"), alt))
        return
    # 256 colours fitted to the picture: a quarter of the bytes, and no difference that the eye sees.
    Image.open(drawn).convert("RGB").quantize(256, kmeans=3).save(stored, format="png", optimize=True)
    if os.environ.get("COURSE_FRAMES"):
        store_for_a_deck(figure, stored.getvalue(), Path(os.environ["COURSE_FRAMES"]))
    bundle = {"image/png": stored.getvalue(), "text/plain": alt}
    display(bundle, raw=True, metadata={"image/png": {"alt": alt}})  # type: ignore[no-untyped-call]


def image_grid(
    axes: npt.NDArray[np.object_], images: npt.ArrayLike, titles: Sequence[str] | None = None
) -> npt.NDArray[np.object_]:
    """Draw images into an array of axes, one each, and hide the axes left over.

    Parameters
    ----------
    axes : array of Axes
        As ``plt.subplots`` returns them, at least N.
    images : (N, H, W) or (N, H, W, C) array
        Values in [0, 1], C of 1 or 3.
    titles : sequence of N str, optional

    Returns
    -------
    array of Axes
        ``axes``.

    Raises
    ------
    ValueError
        For values outside [0, 1], another rank, too few axes, or titles that do not fit.
    """
    batch = as_float_array("images", images)
    if batch.ndim not in (3, 4) or (batch.ndim == 4 and batch.shape[-1] not in (1, 3)):
        raise ValueError(f"images: expected (N, H, W) or (N, H, W, 1 or 3), got shape {batch.shape}")
    _require_unit_range("images", batch)
    places = np.asarray(axes).ravel()
    if len(places) < len(batch):
        raise ValueError(f"axes: expected {len(batch)} or more, got {len(places)}")
    if titles is not None and len(titles) != len(batch):
        raise ValueError(f"titles: expected {len(batch)}, got {len(titles)}")
    for place in places:
        place.set_axis_off()
    for number, image in enumerate(batch):
        grey = image.ndim == 2 or image.shape[-1] == 1
        places[number].imshow(image, cmap="gray" if grey else None, vmin=0, vmax=1)
        if titles is not None:
            places[number].set_title(titles[number], fontsize=10)
    return axes


def draw_labels(
    axes: Axes,
    label_map: npt.ArrayLike,
    class_names: Sequence[str],
    image: npt.ArrayLike | None = None,
    colours: Sequence[str] = PALETTE,
) -> Axes:
    """Draw a label map, over an image if there is one, with a legend of the classes in it.

    Parameters
    ----------
    axes : Axes
    label_map : (H, W) int
        Class ids from 0; 255 is drawn in light grey as ignored.
    class_names : sequence of str
        The name of each id.
    image : (H, W) or (H, W, C), optional
        Values in [0, 1], shown through the colours.
    colours : sequence of str
        A matplotlib colour for each id.

    Returns
    -------
    Axes
        ``axes``.

    Raises
    ------
    ValueError
        For an id without a name or colour, or an image of another size or with values outside [0, 1].
    """
    names = list(class_names)
    ids = as_integer_array("label_map", label_map, low=0, high=min(len(names), len(colours)), ignore=IGNORE)
    if ids.ndim != 2 or ids.size == 0:
        raise ValueError(f"label_map: expected rank 2 and not empty, got shape {ids.shape}")
    table = np.full((256, 3), 0.85)
    table[: min(len(colours), 255)] = [to_rgb(c) for c in colours[:255]]
    painted = table[ids]
    if image is not None:
        photograph = as_float_array("image", image)
        if photograph.ndim == 2:
            photograph = photograph[..., np.newaxis]
        if photograph.shape not in ((*ids.shape, 1), (*ids.shape, 3)):
            raise ValueError(f"image: expected {ids.shape} with 1 or 3 channels, got shape {photograph.shape}")
        _require_unit_range("image", photograph)
        painted = 0.5 * painted + 0.5 * photograph
    axes.imshow(painted)
    axes.set_axis_off()
    handles = [
        matplotlib.patches.Patch(color=table[i], label="ignored" if i == IGNORE else names[i])
        for i in np.unique(ids)
    ]
    axes.legend(
        handles=handles,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.02),
        ncols=len(handles),
        frameon=False,
        handlelength=1.0,
        columnspacing=1.0,
    )
    return axes


def draw_reliability(axes: Axes, bins: Reliability, colour: str = PALETTE[0], label: str = "") -> Axes:
    """Draw accuracy against confidence, bin by bin; the diagonal is perfect calibration.

    Parameters
    ----------
    axes : Axes
    bins : Reliability
        As ``course_utils.metrics.reliability`` returns them; empty bins are left out.
    colour, label : str

    Returns
    -------
    Axes
        ``axes``.
    """
    full = bins.counts > 0
    axes.plot([0, 1], [0, 1], color="0.6", linestyle="--", linewidth=1)
    axes.plot(bins.confidence[full], bins.accuracy[full], "o-", color=colour, label=label)
    axes.set(xlabel="confidence (highest probability)", ylabel="accuracy", xlim=(0, 1), ylim=(0, 1))
    axes.set_aspect("equal")
    return axes


def _require_unit_range(name: str, values: FloatArray) -> None:
    if values.size and (values.min() < 0 or values.max() > 1):
        raise ValueError(f"{name}: expected values in [0, 1], got {values.min():.4g} to {values.max():.4g}")
