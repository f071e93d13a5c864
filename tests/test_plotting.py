"""Figures: alt text in the metadata, labels in their colours, and no global state."""

import base64
import io
import itertools
import json
import re

import ipywidgets
import matplotlib as mpl
import matplotlib.text
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
    monkeypatch.setattr(plotting.figures, "display", lambda bundle, **options: calls.append((bundle, options)))
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


def draw_line(slope, shape="line"):
    figure, axes = plt.subplots(figsize=(2, 1.5))
    axes.plot([0, slope], "o" if shape == "dots" else "-")
    plotting.show(figure, alt=f"{shape} of slope {slope}")


def draw_noise(seed, size):
    figure, axes = plt.subplots(figsize=(4, 3))
    axes.imshow(np.random.default_rng(seed).random((300, 400, 3)))
    axes.set_title(size)
    return figure


@pytest.fixture
def frames(tmp_path, monkeypatch):
    """What `explore` displays and writes, with its data."""
    monkeypatch.setenv("COURSE_FRAMES", str(tmp_path / "frames"))
    shown = []
    monkeypatch.setattr(plotting.sliders, "display", lambda html: shown.append(html.data))

    def explored(draw, **sliders):
        plotting.explore(draw, **sliders)
        (html,) = shown
        shown.clear()
        assert (tmp_path / "frames" / f"{draw.__name__}.html").read_text(encoding="utf-8") == html
        assert float((tmp_path / "frames" / f"{draw.__name__}.seconds").read_text(encoding="utf-8")) >= 0
        return html, json.loads(re.search(r'<script type="application/json">(.*?)</script>', html, re.DOTALL)[1])

    return explored


def test_frames_hold_every_position_once(frames):
    html, data = frames(
        draw_line,
        slope=ipywidgets.FloatSlider(value=0.3, min=0, max=0.5, step=0.1, description="a < b"),
        shape=["line", "dots"],
    )
    assert data["texts"] == [["0.00", "0.10", "0.20", "0.30", "0.40", "0.50"], ["line", "dots"]]
    assert data["alts"][:3] == ["line of slope 0.0", "dots of slope 0.0", "line of slope 0.1"]
    assert len(data["frames"]) == len(set(data["alts"])) == 12
    assert 'alt="line of slope 0.3"' in html
    assert data["pictures"][data["frames"][6]] in html.split("<script")[0]  # the first value's, without scripts
    assert html.count('type="range"') == html.count("<label") == html.count("<output") == 2
    assert "a &lt; b</label>" in html
    assert 'value="3"' in html
    assert "figcaption>" not in html
    assert not re.search(r"https?://", html)
    assert (html, data) == frames(
        draw_line,
        slope=ipywidgets.FloatSlider(value=0.3, min=0, max=0.5, step=0.1, description="a < b"),
        shape=["line", "dots"],
    )
    sizes = {Image.open(io.BytesIO(base64.b64decode(p.split(",")[1]))).size for p in data["pictures"]}
    assert sizes == {(200, 150)}


def test_letters_of_frames_can_be_read_from_the_last_row_of_a_lecture():
    figure, axes = plt.subplots(figsize=(10, 4), layout="constrained")
    axes.set_title("small", fontsize=6)
    axes.set_xlabel("large", fontsize=20)
    axes.tick_params(labelsize=5)
    with plotting.figures.collected() as shown:
        plotting.show(figure, alt="letters")
    assert shown[0].picture.size == (1000, 400)
    on_a_slide = [
        text.get_fontsize() * 100 / 72 * min(1180 / 1000, 460 / 400)
        for text in figure.findobj(matplotlib.text.Text)
        if text.get_text()
    ]
    assert len(on_a_slide) > 10
    assert min(on_a_slide) == pytest.approx(18)
    assert axes.xaxis.label.get_fontsize() == 20


def test_titles_that_meet_are_broken_and_others_not(tmp_path):
    figure, axes = plt.subplots(2, 3, figsize=(9, 6), layout="constrained")
    for place in axes[0]:
        place.set_title("a title of several words that has no room")
    axes[1, 1].set_title("a title of several words that has much room")
    plotting.decks.store_for_a_deck(figure, b"shown", tmp_path)
    extents = [place.title.get_window_extent() for place in axes[0]]
    assert all(a.x1 < b.x0 for a, b in itertools.pairwise(extents))
    assert all("\n" in place.title.get_text() for place in axes[0])
    assert "\n" not in axes[1, 1].title.get_text()
    plt.close(figure)


def test_equal_pictures_are_stored_once(frames):
    _, data = frames(lambda seed: draw_noise(seed > 2, "same"), seed=range(6))
    assert data["frames"] == [0, 0, 0, 1, 1, 1]
    assert len(data["pictures"]) == 2
    assert data["alts"][0] == "seed 0"


def test_where_the_page_would_be_too_heavy_there_are_fewer_frames(frames):
    html, data = frames(draw_noise, seed=ipywidgets.IntSlider(min=0, max=400, value=77), size=["small", "large"])
    assert sum(map(len, data["pictures"])) <= plotting.sliders.MOST_BYTES
    assert len(html) < 1.1 * plotting.sliders.MOST_BYTES + 3e4
    (seeds, sizes) = data["texts"]
    assert (seeds[0], seeds[-1], sizes) == ("0", "400", ["small", "large"])
    assert "77" in seeds
    assert f"{len(seeds)} of the 401 positions" in html


def test_there_are_no_more_frames_than_two_hundred_or_as_it_says(frames, monkeypatch):
    assert plotting.sliders.MOST_FRAMES == 200
    monkeypatch.setattr(plotting.sliders, "MOST_FRAMES", 30)  # each takes a while to draw
    _, data = frames(lambda a, b: draw_line(a), a=(0, 99), b=ipywidgets.FloatLogSlider(value=10, min=0, max=2))
    assert 25 <= len(data["frames"]) <= 30
    assert min(map(len, data["texts"])) >= 5
    assert data["texts"][1][0] == "1"
    assert data["texts"][1][-1] == "100"


@pytest.mark.parametrize(
    ("sliders", "message"),
    [
        ({}, "sliders: expected one or more, got none"),
        ({"slope": np.zeros((2, 2))}, "slope: expected one or more values in rank 1"),
        ({"slope": object()}, "slope: expected a slider"),
        ({"slope": ipywidgets.Text("a")}, "slope: expected a slider with min, max and step"),
    ],
)
def test_explore_refuses(frames, sliders, message):
    with pytest.raises(ValueError, match=message):
        plotting.explore(draw_line, **sliders)


def test_explore_refuses_what_shows_nothing(frames):
    with pytest.raises(ValueError, match="draw: expected to show one figure, got 0"):
        plotting.explore(lambda a: None, a=3)


def test_in_a_live_kernel_explore_is_interact(monkeypatch):
    monkeypatch.delenv("COURSE_FRAMES", raising=False)
    calls = []
    monkeypatch.setattr(plotting.sliders.ipywidgets, "interact", lambda f, **widgets: calls.append((f, widgets)))
    drawn = []
    plotting.explore(lambda a: drawn.append(a), a=range(2, 5))
    ((f, widgets),) = calls
    assert [value for _, value in widgets["a"].options] == [2, 3, 4]
    assert widgets["a"].description == "a"
    f(a=3)
    assert drawn == [3]
