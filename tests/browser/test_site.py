"""The pages in a real browser: what a reader sees, finds and moves."""

import re
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe

from browser.conftest import SLIDER, html_pages

pytestmark = pytest.mark.browser
CRITERIA = {"runOnly": ["wcag2a", "wcag2aa"], "preload": False}  # which would ask for style sheets in vain


FORMULAS = [[".MathJax"], [".MathJax_Display"]]  # thousands of elements, of which readers are given MathML
REPEATED = [[".bd-sidebar-primary"], [".bd-header"], [".highlight"]]  # the same on every page, or coloured alike


def serious_findings(page, left_out=FORMULAS):
    """What axe finds, but for some parts of the page."""
    found = Axe().run(page, context={"exclude": left_out}, options=CRITERIA)
    return [
        (violation["id"], violation["nodes"][0]["html"][:150])
        for violation in found.response["violations"]
        if violation["impact"] in ("serious", "critical")
    ]


def test_every_page_is_quiet_fits_and_is_accessible(built, address, page):
    """No complaint, no foreign request, nothing wider than the window, no serious finding of axe."""
    page.set_default_timeout(120_000)
    wrong = []
    for name in html_pages(built / "a" / "course"):
        page.set_viewport_size({"width": 1280, "height": 720})
        page.goto(f"{address}/course/{name}")
        page.wait_for_function("!window.MathJax || !MathJax.Hub || MathJax.Hub.queue.pending === 0")
        for width in (375, 1280, 1920):
            page.set_viewport_size({"width": width, "height": 720})
            if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
                wrong.append((name, f"wider than {width} pixels"))
        page.set_viewport_size({"width": 1280, "height": 720})
        parts = FORMULAS if name == "index.html" else FORMULAS + REPEATED
        wrong += [(name, *finding) for finding in serious_findings(page, parts)]
        wrong += [(name, complaint) for complaint in page.complaints]
        page.complaints.clear()
    assert not wrong, "\n".join(map(str, wrong))


def test_every_link_and_anchor_leads_somewhere(built):
    folder = built / "a" / "course"
    texts = {name: (folder / name).read_text(encoding="utf-8") for name in html_pages(folder)}
    anchors = {name: set(re.findall(r'\bid="([^"]+)"', text)) for name, text in texts.items()}
    broken = []
    for name, text in texts.items():
        for link in re.findall(r'<a\b[^>]*?\bhref="([^"]*)"', text):
            parts = urlsplit(urljoin(f"/{name}", link.replace("&amp;", "&")))
            target = unquote(parts.path).lstrip("/") or name
            if parts.scheme or parts.netloc or "_modules" in target:
                continue
            if not (folder / target).is_file() or (
                parts.fragment and target in anchors and unquote(parts.fragment) not in anchors[target]
            ):
                broken.append((name, link))
    assert not broken


def test_no_page_is_heavy(built):
    assert max(path.stat().st_size for path in (built / "a" / "course").rglob("*.html")) < 3_000_000


def test_the_search_finds_a_sentence_and_a_docstring(address, page):
    for words, expected in (("exponentiate every score", SLIDER), ("Expected calibration error", "api/metrics")):
        page.goto(f"{address}/course/search.html?q={words}")
        links = page.locator("#search-results a")
        links.first.wait_for(timeout=30_000)
        page.wait_for_timeout(1000)
        assert any(expected in (link.get_attribute("href") or "") for link in links.all()), words
    assert not page.complaints


def test_pages_work_from_a_folder(built, page):
    page.goto((built / "a" / "course" / "index.html").as_uri())
    page.locator(f'a.course-card[href="chapters/{SLIDER}.html"]').click()
    assert "Softmax" in page.title()
    page.locator(".prev-next-footer a.right-next").click()
    assert "02" in page.title()
    page.goto((built / "a" / "course" / "search.html").as_uri() + "?q=temperature")
    page.locator("#search-results a").first.wait_for(timeout=30_000)
    assert not [url for url in page.complaints if url.startswith("http")]


def slider(page, address):
    page.goto(f"{address}/course/chapters/{SLIDER}.html")
    figure = page.locator("figure.explore").first
    figure.scroll_into_view_if_needed()
    return figure.locator("input"), figure.locator("img"), figure.locator("output"), figure.locator(".told")


def state(knob, image, output):
    return knob.input_value(), image.get_attribute("src")[-200:], image.get_attribute("alt"), output.text_content()


def test_a_slider_is_moved_by_keys(address, page):
    knob, image, output, told = slider(page, address)
    before = state(knob, image, output)
    knob.focus()
    for key in ("ArrowRight", "PageUp", "Home", "End"):
        page.keyboard.press(key)
        after = state(knob, image, output)
        assert all(a != b for a, b in zip(before, after, strict=True)), key
        assert told.text_content() == after[2]
        assert knob.get_attribute("aria-valuetext") == after[3]
        before = after


def test_a_slider_is_moved_by_the_mouse(address, page):
    knob, image, output, _ = slider(page, address)
    before = state(knob, image, output)
    box = knob.bounding_box()
    page.mouse.click(box["x"] + 0.9 * box["width"], box["y"] + box["height"] / 2)
    assert all(a != b for a, b in zip(before, state(knob, image, output), strict=True))


def test_without_scripts_the_first_frame_is_there(built, browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/course/chapters/{SLIDER}.html")
    image = page.locator("figure.explore img").first
    assert image.get_attribute("src").startswith("data:image/")
    assert image.get_attribute("alt")
    assert page.locator("figure.explore input").first.is_disabled()
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_follows_the_reader_s_colours_and_can_be_switched(scheme, browser, address):
    context = browser.new_context(color_scheme=scheme, viewport={"width": 1280, "height": 720})
    page = context.new_page()
    page.goto(f"{address}/course/chapters/{SLIDER}.html")
    colour = (
        "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).reduce((a, b) => a + +b, 0)"
    )
    assert (page.evaluate(colour) > 600) == (scheme == "light")
    assert not serious_findings(page)
    page.get_by_role("button", name="Color mode").first.click()
    page.get_by_role("button", name="Dark" if scheme == "light" else "Light").first.click()
    page.wait_for_timeout(300)
    assert (page.evaluate(colour) > 600) != (scheme == "light")
    assert not serious_findings(page)
    context.close()


def test_one_switch_hides_all_code_and_solutions_open_on_demand(address, page):
    page.goto(f"{address}/course/chapters/{SLIDER}.html")
    assert page.locator(".cell_input").nth(6).is_visible()
    page.get_by_role("button", name="Hide all code").click()
    assert not any(cell.is_visible() for cell in page.locator(".cell_input").all())
    page.get_by_role("button", name="Show all code").click()
    solution = page.locator("details.solution").first
    assert not solution.locator(".cell_input").is_visible()
    solution.locator("summary").first.click()
    assert solution.locator(".cell_input").is_visible()


def test_the_keyboard_alone_reaches_content_and_search(address, page):
    page.goto(f"{address}/course/chapters/{SLIDER}.html")
    page.keyboard.press("Tab")
    assert "Skip" in page.evaluate("document.activeElement.textContent")
    page.keyboard.press("Enter")
    page.keyboard.press("Control+k")
    page.keyboard.type("entropy")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=entropy*")


def test_print_cuts_neither_code_nor_figures(address, page):
    page.goto(f"{address}/course/chapters/{SLIDER}.html")
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 794, "height": 1123})  # A4 at 96 dots an inch
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    kinds = ".cell_input pre, .cell_output pre, .cell_output img, .explore img"
    cut = page.evaluate(
        """(kinds) => [...document.querySelectorAll(kinds)].filter((e) => e.offsetParent)
        .filter((e) => e.scrollWidth > e.clientWidth + 1 || e.getBoundingClientRect().right > 795)
        .map((e) => e.outerHTML.slice(0, 80))""",
        kinds,
    )
    assert not cut
    assert page.locator("details.solution .cell_input").first.is_visible()
