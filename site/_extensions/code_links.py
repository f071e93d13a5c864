"""The links that sphinx-codeautolink finds, set in the text of a page: a tree of each took half of the build."""

import re
from html import unescape
from typing import Any

from sphinx_codeautolink.extension.block import BUILTIN_BLOCKS, construct_name_pattern

TAG = re.compile(r"<[^>]*>")


def link_html(
    document: str,
    html: str,
    transforms: list[Any],
    inventory: dict[str, str],
    custom_blocks: dict[str, Any],
    *_: Any,
    **__: Any,
) -> str:
    """Take the place of the package's function of this name, which parses the page."""
    kinds = "|".join(map(re.escape, [*BUILTIN_BLOCKS, *custom_blocks]))
    opening = rf'<div class="(?:doctest )?highlight-(?:{kinds}) [^>]*>\s*<div[^>]*><pre>'
    up = "../" * document.count("/")
    waiting = list(transforms)

    def linked(found: re.Match[str]) -> str:
        source = unescape(TAG.sub("", found[2])).rstrip()
        for place, transform in enumerate(waiting):
            if transform.source.rstrip() == source:
                return found[1] + with_links(found[2], waiting.pop(place).names, inventory, up)
        return found[0]

    return re.sub(rf"({opening})(.*?)(?=</pre>)", linked, html, flags=re.DOTALL)


def with_links(code: str, names: list[Any], inventory: dict[str, str], up: str) -> str:
    """The HTML of a block of code with a link on each name, which may run over several lines."""
    lines = code.split("\n")
    for name in names:
        place = slice(name.lineno - 1, name.end_lineno)
        selection = "\n".join(lines[place])
        matches = list(re.finditer(construct_name_pattern(name), selection))
        if matches:
            last = matches[-1]  # from the right: of `a.b = a.b` the right one is linked first
            start, end = last.start() + len(last[1]), last.end()
            text = selection[start:end]
            plain = re.sub(r"\s+", "", TAG.sub("", text))
            title = "" if plain == name.resolved_location else f' title="{name.resolved_location}"'
            address = f"{up}{inventory[name.resolved_location]}"
            link = f'<a href="{address}"{title} class="sphinx-codeautolink-a">{text}</a>'
            lines[place] = f"{selection[:start]}{link}{selection[end:]}".split("\n")
    return "\n".join(lines)
