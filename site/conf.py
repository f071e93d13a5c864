"""Sphinx settings of the course's pages. `tools/pages.py` gathers the sources in build/site and calls Sphinx."""

import json
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCES = Path(os.environ["COURSE_SITE"])  # what tools/pages.py gathered
FACTS = json.loads((SOURCES / "facts.json").read_text(encoding="utf-8"))
sys.path[:0] = [str(HERE / "_extensions"), str(HERE.parent)]

project = "Softmax to Segmentation"
author = "the Softmax to Segmentation contributors"
copyright = author  # noqa: A001  # Sphinx's name
version = release = FACTS["version"]
language = "en"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.viewcode",
    "numpydoc",
    "sphinx_codeautolink",
    "course",
]
exclude_patterns = ["_static", "frames"]
default_role = "py:obj"

# Chapters: as they were executed, nothing runs again.
nb_execution_mode = "off"
nb_merge_streams = True
nb_ipywidgets_js = {}  # no script from another host
myst_enable_extensions = ["dollarmath", "attrs_inline", "colon_fence"]
myst_heading_anchors = 4
myst_update_mathjax = False
suppress_warnings = [
    "mystnb.unknown_mime_type",
    "config.cache",  # of a function among the settings
]

# Reference
autodoc_typehints = "none"  # the docstrings say shapes and units, which types do not
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
codeautolink_custom_blocks = {"ipython3": "sphinx_codeautolink.clean_ipython"}
codeautolink_warn_on_missing_inventory = False
codeautolink_warn_on_failed_resolve = False

# Formulas: the package's own MathJax. Bundles of MathJax 4 name a host.
mathjax_path = "mathjax/MathJax.js?config=TeX-AMS-MML_HTMLorMML-full"
mathjax2_config = {
    "messageStyle": "none",
    "tex2jax": {
        "inlineMath": [["\\(", "\\)"]],
        "displayMath": [["\\[", "\\]"]],
        "processClass": "math",
        "ignoreClass": "document",
        "processEscapes": True,
    },
    "TeX": {"Macros": {"mathbb": ["\\mathbf{#1}", 1]}},  # the package leaves the font of double-struck letters out
    "HTML-CSS": {
        "availableFonts": [],
        "webFont": "STIX-Web",
        "imageFont": None,
        # MathJax takes about:blank for a font that shows nothing, which browsers report as an error.
        "styles": {"@font-face": {"font-family": "MathJax_Blank", "src": "local('none')"}},
    },
}

html_theme = "sphinx_book_theme"
html_title = project
html_context = {"default_mode": "auto"}
html_static_path = [str(HERE / "_static"), str(SOURCES / "_static")]
html_favicon = str(HERE / "_static" / "favicon.svg")
html_css_files = ["course.css"]
html_js_files = ["course.js"]
html_baseurl = FACTS["address"]
html_show_sourcelink = False
html_last_updated_fmt = None
html_theme_options = {
    "home_page_in_toc": False,
    "show_navbar_depth": 1,
    "show_toc_level": 2,
    "toc_title": "On this page",
    "use_download_button": False,
    "use_fullscreen_button": False,
}
if FACTS["repository"]:
    html_theme_options |= {
        "repository_url": f"https://github.com/{FACTS['repository']}",
        "path_to_docs": "notebooks",
        "use_repository_button": True,
        "launch_buttons": {"colab_url": "https://colab.research.google.com"},
    }
