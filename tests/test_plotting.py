"""Figures: alt text in the metadata, labels in their colours, and no global state."""

import io

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgb
from PIL import Image

from course_utils import plotting
from course_utils.metrics import reliability


@pytest.fixture(autouse=True)
def _no_screen():
    plt.switch_backend("agg")
    yield
    plt.close("all")


@pytest.fixture
def displayed(monkeypatch):
    calls = []
    monkeypatch.setattr(plotting, "display", lambda bundle, **options: calls.append((bundle, options)))
    return calls


def test_show_displays_once_with_alt_text_and_closes(displayed):
    before = dict(mpl.rcParams)
    figure, axes = plt.subplots(figsize=(3, 2))
    axes.plot([0, 1], color=plotting.PALETTE[0])
    plotting.show(figure, alt="A rising line")
    ((bundle, options),) = displayed
    assert options["metadata"]["image/png"]["alt"] == "A rising line"
    assert bundle["text/plain"] == "A rising line"
    picture = Image.open(io.BytesIO(bundle["image/png"]))
    assert "transparency" not in picture.info
    assert picture.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
    assert not plt.get_fignums()
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize("alt", ["", "  "])
def test_show_insists_on_alt_text(alt):
    with pytest.raises(ValueError, match="alt"):
        plotting.show(plt.figure(), alt=alt)


def test_image_grid_hides_what_is_left_over():
    _, axes = plt.subplots(2, 2)
    plotting.image_grid(axes, np.zeros((3, 4, 5)), ["a", "b", "c"])
    assert [len(place.images) for place in axes.flat] == [1, 1, 1, 0]
    assert [place.get_title() for place in axes.flat] == ["a", "b", "c", ""]
    assert not any(place.axison for place in axes.flat)
    plotting.image_grid(axes, np.zeros((2, 4, 5, 3)))


@pytest.mark.parametrize(
    ("images", "titles", "message"),
    [
        (np.zeros((5, 2, 2)), None, "axes"),
        (np.zeros((2, 2)), None, "images"),
        (np.zeros((2, 2, 2, 4)), None, "images"),
        (np.full((1, 2, 2), 255.0), None, r"images: expected values in \[0, 1\]"),
        (np.zeros((1, 2, 2)), ["a", "b"], "titles"),
    ],
)
def test_bad_grids_are_named(images, titles, message):
    _, axes = plt.subplots(2, 2)
    with pytest.raises(ValueError, match=message):
        plotting.image_grid(axes, images, titles)


def test_labels_are_drawn_in_their_colours_with_a_legend():
    _, axes = plt.subplots()
    ids = np.array([[0, 1], [1, 255]], np.uint8)
    plotting.draw_labels(axes, ids, ["sky", "sea"])
    drawn = axes.images[0].get_array()
    np.testing.assert_allclose(drawn[0, 0], to_rgb(plotting.PALETTE[0]))
    np.testing.assert_allclose(drawn[0, 1], to_rgb(plotting.PALETTE[1]))
    np.testing.assert_allclose(drawn[1, 1], 0.85)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["sky", "sea", "ignored"]


def test_labels_over_an_image_are_mixed():
    _, axes = plt.subplots()
    plotting.draw_labels(axes, np.zeros((2, 2), int), ["a"], image=np.ones((2, 2)), colours=["#000000"])
    np.testing.assert_allclose(axes.images[0].get_array(), 0.5)


@pytest.mark.parametrize(
    ("ids", "image", "message"),
    [
        (np.array([[3]]), None, "label_map"),
        (np.array([0]), None, "label_map: expected rank 2"),
        (np.array([[0.5]]), None, "label_map: expected integers"),
        (np.zeros((2, 2), int), np.zeros((3, 2)), "image"),
    ],
)
def test_bad_labels_are_named(ids, image, message):
    _, axes = plt.subplots()
    with pytest.raises(ValueError, match=message):
        plotting.draw_labels(axes, ids, ["a", "b"], image)


def test_reliability_leaves_empty_bins_out():
    _, axes = plt.subplots()
    bins = reliability([0, 0, 1], [[0.9, 0.1], [0.95, 0.05], [0.6, 0.4]], n_bins=10)
    plotting.draw_reliability(axes, bins)
    assert len(axes.lines[1].get_xdata()) == 3
