"""What the course adds to Sphinx: alternative texts, folded solutions, links to terms, and who uses a function."""

import re
from html import escape
from pathlib import PurePosixPath
from typing import Any

from code_links import link_html
from docutils import nodes
from sphinx.application import Sphinx
from sphinx_codeautolink import extension as codeautolink

SKIPPED = (nodes.literal, nodes.math, nodes.math_block, nodes.reference, nodes.title, nodes.strong, nodes.raw)


def facts(app: Sphinx) -> dict[str, Any]:
    """What tools/pages.py wrote for us."""
    return app.config._raw_config["FACTS"]  # as conf.py read them


def add_alternative_texts(app: Sphinx, doctree: nodes.document) -> None:
    """Give pictures back the text that MyST-NB drops. Their names are the hashes of their bytes."""
    texts = facts(app)["alts"]
    for image in doctree.findall(nodes.image):
        text = texts.get(PurePosixPath(image["uri"].replace("\\", "/")).stem)
        if text:
            image["alt"] = text


def fold_solutions(app: Sphinx, doctree: nodes.document) -> None:
    """Hide each solution until it is asked for."""
    for section in list(doctree.findall(nodes.section)):
        if re.match(r"Solution \d", section[0].astext()):
            opened = '<details class="solution"><summary>Show the solution</summary>'
            section.insert(1, nodes.raw("", opened, format="html"))
            section.append(nodes.raw("", "</details>", format="html"))


def link_terms(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Link the first use of a term in each section to the index."""
    # A term may be an ordinary word before it is defined.
    places = {term: place for term, (place, first) in facts(app)["terms"].items() if first <= docname}
    if not docname.startswith("chapters/") or not places:
        return
    known = "|".join(re.escape(term) for term in sorted(places, key=len, reverse=True))
    pattern = re.compile(rf"(?<![\w-])({known})(?:e?s)?(?![\w-])", re.IGNORECASE)
    lower = {term.lower(): place for term, place in places.items()}
    for section in doctree.findall(nodes.section):
        seen: set[str] = set()
        for text in [t for paragraph in paragraphs(section) for t in paragraph.findall(nodes.Text)]:
            if any(isinstance(parent, SKIPPED) for parent in ancestors(text)):
                continue
            parts: list[nodes.Node] = []
            at = 0
            for found in pattern.finditer(text.astext()):
                place = lower[found[1].lower()]
                if place in seen:
                    continue
                seen.add(place)
                link = nodes.reference(
                    "", found[0], refuri=f"../terms.html#{place}", classes=["term"], internal=True
                )
                parts += [nodes.Text(text.astext()[at : found.start()]), link]
                at = found.end()
            if parts:
                text.parent.replace(text, [*parts, nodes.Text(text.astext()[at:])])


def paragraphs(section: nodes.section) -> list[nodes.paragraph]:
    """Those of the section itself, not of sections in it."""
    return [
        p
        for p in section.findall(nodes.paragraph)
        if next(a for a in ancestors(p) if isinstance(a, nodes.section)) is section
    ]


def ancestors(node: nodes.Node) -> Any:
    """The nodes around a node, from the inside."""
    while node.parent is not None:
        node = node.parent
        yield node


def add_uses(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Say in the reference which chapters use a function."""
    known = facts(app)
    chapters = known["uses"].get(name.removeprefix("course_utils."), [])
    if what in {"function", "class", "exception"} and chapters:
        links = ", ".join(f":doc:`{known['titles'][chapter]} <../chapters/{chapter}>`" for chapter in chapters)
        lines += ["", f"Used in {links}.", ""]


def add_description(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Title, description and picture for links that people share."""
    known, name = facts(app), page.removeprefix("chapters/")
    description = known["descriptions"].get(name, "Dense computer vision, learnt by running it.")
    heading = known["titles"].get(name) or context.get("title") or app.config.project
    tags = {"og:title": heading, "og:type": "article", "og:description": description}
    if known["address"]:
        tags["og:url"] = f"{known['address']}{page}.html"
        if name in known["titles"]:
            tags["og:image"] = f"{known['address']}_static/covers/{name}.png"
    quoted = {key: escape(str(value)) for key, value in tags.items()}
    lines = [f'<meta name="description" content="{quoted["og:description"]}">']
    lines += [f'<meta property="{key}" content="{value}">' for key, value in quoted.items()]
    context["metatags"] = context.get("metatags", "") + "\n".join(lines)


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    codeautolink.link_html = link_html
    app.connect("doctree-read", add_alternative_texts)
    app.connect("doctree-read", fold_solutions)
    app.connect("doctree-resolved", link_terms)
    app.connect("autodoc-process-docstring", add_uses, priority=900)
    app.connect("html-page-context", add_description)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
