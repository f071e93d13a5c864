"""Links in code: where sphinx-codeautolink itself sets them in a tree of the page."""

import sys
from types import SimpleNamespace

import pytest
from bs4 import BeautifulSoup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from sphinx_codeautolink.extension import block
from sphinx_codeautolink.parse import parse_names

from pages import SITE

sys.path.insert(0, str(SITE / "_extensions"))
import code_links

SOURCES = [
    "from course_utils import softmax\n\ntext = \"a <b> & 'c'\"\nsoftmax.entropy(softmax.entropy(text))",
    "import course_utils.boxes as b, course_utils.softmax\n\nb.iou = b.iou\nb.iou(1)(2)\n(\n    b\n    .iou\n)",
    "print(1)",
    "from course_utils.boxes import (\n    iou,\n)\n@iou\ndef f(x: iou) -> None: ...",
    "print(1)",
]
PLACES = {
    "course_utils.softmax": "api/softmax.html#module-course_utils.softmax",
    "course_utils.softmax.entropy": "api/softmax.html#course_utils.softmax.entropy",
    "course_utils.boxes": "api/boxes.html#module-course_utils.boxes",
    "course_utils.boxes.iou": "api/boxes.html#course_utils.boxes.iou",
}


def as_sphinx_writes(source, kind="highlight-python"):
    return f'<div class="{kind} notranslate">{highlight(source, PythonLexer(), HtmlFormatter())}</div>\n'


def transform(source):
    names = parse_names(source, None)
    for name in names:
        name.resolved_location = ".".join(part for part in name.import_components if part != "()")
    return SimpleNamespace(source=source, names=[name for name in names if name.resolved_location in PLACES])


@pytest.mark.parametrize("document", ["index", "chapters/01_softmax"])
def test_the_links_are_those_of_the_package(document):
    page = "<p>import course_utils &amp; run</p>" + "".join(map(as_sphinx_writes, SOURCES))
    page += as_sphinx_writes(SOURCES[0], "output stream highlight-myst-ansi")  # what a cell prints is no code
    transforms = [transform(source) for source in SOURCES]
    ours = code_links.link_html(document, page, transforms, PLACES, {}, [], "html")
    theirs = block.link_html(document, page, transforms, PLACES, {}, [], "html", disable_link_titles=False)
    assert str(BeautifulSoup(ours, "html.parser")) == str(BeautifulSoup(theirs, "html.parser"))
    assert ours.count('class="sphinx-codeautolink-a"') >= 10
    assert len(transforms) == len(SOURCES)


def test_code_that_stands_nowhere_links_nothing():
    page = as_sphinx_writes(SOURCES[0])
    assert code_links.link_html("index", page, [transform(SOURCES[1])], PLACES, {}, []) == page
