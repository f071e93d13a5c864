"""The decks: all of it on the slide, readable, and the slider alive."""

import pytest

from notebooks import chapters
from slides import FEWEST, MOST

pytestmark = pytest.mark.browser
NUMBERS = [path.stem[:2] for path in chapters()]


@pytest.mark.parametrize("number", NUMBERS)
def test_nothing_overflows(number, address, page):
    page.goto(f"{address}/slides/{number}.html")
    page.wait_for_function("window.Reveal && Reveal.isReady() && MathJax.Hub.queue.pending === 0")
    count = page.evaluate("Reveal.getTotalSlides()")
    assert FEWEST <= count <= MOST
    wrong = []
    for place in range(count):
        page.evaluate(f"Reveal.slide({place})")
        page.wait_for_timeout(30)
        size = page.evaluate(
            "(() => { const s = Reveal.getCurrentSlide(), f = getComputedStyle(s).fontSize;"
            "return [s.scrollWidth, s.scrollHeight, parseFloat(f), s.querySelector('h1, h2').textContent]; })()"
        )
        if size[0] > 1280 or size[1] > 720 or size[2] < 18:
            wrong.append((place, size))
    assert not wrong
    assert page.evaluate("document.querySelectorAll('aside.notes').length") >= count - 1
    assert not page.complaints


def test_a_slider_moves_on_its_slide_and_not_the_slide(address, page):
    page.goto(f"{address}/slides/01.html")
    page.wait_for_function("window.Reveal && Reveal.isReady()")
    place = page.evaluate("Reveal.getSlides().findIndex(s => s.querySelector('figure.explore'))")
    assert place > 0
    page.evaluate(f"Reveal.slide({place})")
    knob = page.locator("section.present figure.explore input")
    image = page.locator("section.present figure.explore img")
    before = image.get_attribute("alt")
    knob.focus()
    page.keyboard.press("ArrowRight")
    assert image.get_attribute("alt") != before
    assert page.evaluate("Reveal.getIndices().h") == place
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("Reveal.getIndices().h") == place + 1


def test_figures_of_an_executed_chapter_are_drawn_for_the_last_row(built):
    text = (built / "a" / "slides" / "01.html").read_text(encoding="utf-8")
    assert text.count('<img class="figure" src="data:image/webp') == text.count('<img class="figure"') > 5
