"""The pages of a small course: what Sphinx alone would lose, hide or leave dead."""

import base64
import hashlib
import io
import re
from html.parser import HTMLParser

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

import glossary
import pages
import reference
from course_utils.plotting.frames import Slider, frames_html
from notebooks import chapters, read

FIRST = """# 01 · Scores & shares: a beginning

![A cup](figures/01_softmax.png)
"""
NEEDED = """## What you will do

**What you need**
- Python;
- about 60 minutes; the notebook itself runs in about 75 s on two cores.
"""
PYTHON = {"language_info": {"name": "python", "pygments_lexer": "ipython3"}}
SECOND = NEEDED.replace("- Python;", "- [chapter 01](01_softmax.ipynb), scores (chapter 01), and matrices;")


class _Elements(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def elements(page, tag):
    return [attributes for name, attributes in _Elements(page).found if name == tag]


def png(colour):
    buffer = io.BytesIO()
    Image.new("RGB", (2, 2), colour).save(buffer, format="png")
    return base64.b64encode(buffer.getvalue()).decode()


def defining(source, *terms):
    cell = new_markdown_cell(source)
    cell.metadata["defines"] = list(terms)
    return cell


def figure(colour, alt):
    return new_output("display_data", {"image/png": png(colour)}, metadata={"image/png": {"alt": alt}})


def few(sources):
    """A reference of one function, in the place of all."""
    sources.mkdir()
    text = "Reference\n=========\n\n.. autofunction:: course_utils.softmax.softmax\n"
    (sources / "index.rst").write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Two chapters with one of everything, as pages."""
    folder = tmp_path_factory.mktemp("site")
    frames = frames_html(
        [Slider("T", ["1", "2"], 0, 2)],
        [(f"data:image/png;base64,{png(colour)}", f"the {colour} one") for colour in ("red", "green")],
        0,
    )
    first = [
        new_markdown_cell(FIRST),
        new_markdown_cell(NEEDED),
        new_code_cell("import numpy\nfrom course_utils.softmax import softmax", execution_count=1),
        defining("## Why $x^2$?\n\nA **logit** is a score. See [a list](../benchmarks/x.py).", "logit"),
        new_code_cell(
            "draw()", outputs=[figure("red", 'a "red" <dot>'), figure("blue", "a blue one")], execution_count=2
        ),
        new_code_cell("explore()", outputs=[new_output("display_data", {"text/html": frames})], execution_count=3),
        new_markdown_cell("## Exercises\n\n### Exercise 1: a task"),
        new_code_cell('check("softmax.stable", mine)', execution_count=4),
        new_markdown_cell("## Solutions\n\n### Solution 1\n\nThis way."),
        new_code_cell("def solution(): pass", execution_count=5),
        new_markdown_cell("**Next:** [the next](02_second.ipynb)"),
    ]
    second = [
        new_markdown_cell("# 02 · Onwards"),
        new_markdown_cell(SECOND),
        defining("## And then?\n\nLogits, then logits, and **logits** again, and `logit`.", "logit"),
        new_markdown_cell("## Later\n\nThe logit **is** here. Not the logits."),
    ]
    executed = folder / "executed"
    executed.mkdir()
    for name, cells in (("01_softmax", first), ("02_second", second)):
        nbformat.write(new_notebook(cells=cells, metadata=PYTHON), executed / f"{name}.ipynb")

    patch = pytest.MonkeyPatch()
    patch.setattr(pages, "write_reference", few)
    sources, built = folder / "build" / "site", folder / "build" / "course"
    runs = [{"name": "01_softmax", "title": "01 · First", "seconds": 3.2, "peak_megabytes": 100.0, "failure": ""}]
    runs.append(
        {"name": "03_gone", "title": "03 · Gone", "seconds": 0.0, "peak_megabytes": 0.0, "failure": "it fell"}
    )
    pages.gather(sorted(executed.glob("*.ipynb")), runs, sources, teacher=False)
    pages.build(sources, built)
    patch.undo()
    return built


@pytest.fixture(scope="module")
def chapter(site):
    return (site / "chapters" / "01_softmax.html").read_text(encoding="utf-8")


@pytest.mark.integration
def test_figures_keep_their_alternative_texts(chapter):
    texts = [image.get("alt") for image in elements(chapter, "img")]
    assert 'a "red" <dot>' in texts
    assert "a blue one" in texts
    assert all(texts)


@pytest.mark.integration
def test_frames_are_in_the_page_and_nothing_of_another_host(site, chapter):
    assert chapter.count('<figure class="explore"') == 1
    assert elements(chapter, "input")
    assert "the green one" in chapter
    for page in site.glob("**/*.html"):
        text = page.read_text(encoding="utf-8")
        loaded = [e.get("src", "") for tag in ("script", "img", "iframe") for e in elements(text, tag)]
        loaded += [e["href"] for e in elements(text, "link") if e.get("rel") in ("stylesheet", "preload", "icon")]
        assert not [address for address in loaded if re.match(r"(?:https?:)?//", address)], page.name


@pytest.mark.integration
def test_solutions_are_folded_and_so_are_imports(chapter):
    (details,) = re.findall(r'<details class="solution">(.*?)</details>', chapter, re.DOTALL)
    assert "This way." in details
    assert "solution" in details
    assert "Exercise 1" not in details
    assert "tag_hide-input" in chapter


@pytest.mark.integration
def test_a_check_says_that_it_needs_a_kernel(chapter):
    assert chapter.count('class="needs-kernel"') == 1


@pytest.mark.integration
def test_formulas_are_left_for_the_package_of_the_site(site, chapter):
    assert r"\(x^2\)" in chapter
    assert any("mathjax/MathJax.js" in (e.get("src") or "") for e in elements(chapter, "script"))
    assert (site / "_static" / "mathjax" / "MathJax.js").is_file()


@pytest.mark.integration
def test_links_lead_to_pages(chapter):
    links = [e.get("href") for e in elements(chapter, "a")]
    assert "02_second.html" in links
    assert not [link for link in links if link and ".ipynb" in link]
    assert "benchmarks" not in " ".join(filter(None, links))


@pytest.mark.integration
def test_code_links_to_the_reference_and_the_reference_to_chapters(site, chapter):
    assert any("course_utils.softmax.softmax" in (e.get("href") or "") for e in elements(chapter, "a"))
    page = (site / "api" / "index.html").read_text(encoding="utf-8")
    assert "Used in" in page
    assert any("01_softmax.html" in (e.get("href") or "") for e in elements(page, "a"))
    assert any("_modules" in (e.get("href") or "") for e in elements(page, "a"))


@pytest.mark.integration
def test_two_definitions_of_a_term_stand_side_by_side(site, chapter):
    page = (site / "terms.html").read_text(encoding="utf-8")
    assert "2 chapters define this term" in page
    assert "chapters/01_softmax.html#term-logit" in page
    assert "chapters/02_second.html#term-logit" in page
    assert 'id="term-logit"' in chapter
    assert 'id="term-logit"' in page


@pytest.mark.integration
def test_the_first_use_in_a_section_links_to_the_index(site):
    page = (site / "chapters" / "02_second.html").read_text(encoding="utf-8")
    sections = re.findall(r'<section id="(?:and-then|later)">.*?</section>', page, re.DOTALL)
    assert [section.count("terms.html#term-logit") for section in sections] == [1, 1]


@pytest.mark.integration
def test_the_cover_says_what_there_is_what_it_needs_and_what_failed(site):
    page = (site / "index.html").read_text(encoding="utf-8")
    assert "01 · Scores &amp; shares: a beginning" in page
    assert "Why x^2?" in page
    assert "60 min to read · runs in 75 s · needs no other chapter" in page
    assert "after 01" in page
    assert "02 needs 01" in page
    assert re.search(r"03 · Gone.*?failed", page, re.DOTALL)


@pytest.mark.integration
def test_a_shared_link_has_title_and_description(chapter):
    tags = {e["property"]: e["content"] for e in elements(chapter, "meta") if "property" in e}
    assert tags["og:title"] == "01 · Scores & shares: a beginning"
    assert tags["og:description"] == "Why x^2?"
    assert "og:url" not in tags  # nobody has said where the course lies


@pytest.mark.integration
def test_a_warning_is_an_error(tmp_path):
    executed = tmp_path / "01_softmax.ipynb"
    cells = [new_markdown_cell("# 01 · First\n\n[nowhere](99_nothing.ipynb)"), new_markdown_cell(NEEDED)]
    nbformat.write(new_notebook(cells=cells, metadata=PYTHON), executed)
    patch = pytest.MonkeyPatch()
    patch.setattr(
        pages, "write_reference", lambda sources: (sources.mkdir(), (sources / "index.rst").write_text("R\n="))
    )
    pages.gather([executed], [], tmp_path / "site", teacher=False)
    patch.undo()
    with pytest.raises(RuntimeError, match="99_nothing"):
        pages.build(tmp_path / "site", tmp_path / "built")


@pytest.mark.parametrize("path", chapters(), ids=lambda path: path.stem)
def test_every_figure_of_every_chapter_has_a_text_of_its_own(path):
    pictures = [
        base64.b64decode(output.data["image/png"])
        for cell in read(path).cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]
    texts = pages.alternative_texts(read(path))
    assert {hashlib.sha256(picture).hexdigest() for picture in pictures} == set(texts)
    assert all(texts.values())


def test_every_term_is_found_in_a_sentence():
    for path in chapters():
        notebook = read(path)
        for cell in notebook.cells:
            for term in cell.metadata.get("defines", []):
                sentence = glossary.definition(cell, term)
                assert any(glossary.is_form_of(word, term) for word in glossary.bold(sentence)), (path.stem, term)
            assert glossary.mark(cell).count(".defined}") == len(cell.metadata.get("defines", []))


def test_the_reference_has_every_subject_and_every_public_name_once(tmp_path):
    reference.write_reference(tmp_path / "api")
    texts = "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "api").glob("*.rst"))
    named = re.findall(r"^\.\. auto(?:function|class|data):: (\S+)", texts, re.MULTILINE)
    assert len(named) == len(set(named)) > 200
    assert "course_utils.datasets.photographs.photograph_groups" in named
    assert "course_utils.training.set_seed" in named
    assert not [name for name in named if "exercises" in name or "experiments" in name]


def test_the_map_leaves_out_what_others_imply():
    needed = {"01_a": "nothing", "02_b": "chapter 01", "03_c": "chapters 01 and 02", "04_d": "chapter 01"}
    notebooks = {
        name: new_notebook(cells=[new_markdown_cell(f"# {name[:2]} · {name[3:]}\n\n**What you need**\n- {text}")])
        for name, text in needed.items()
    }
    drawn = pages.map_of(notebooks)
    assert drawn.count("<rect") == 4
    assert drawn.count("<path") == 3
    assert "03 needs 01, 02" in drawn
