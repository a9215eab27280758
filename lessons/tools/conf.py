"""Settings of the web pages of the course: `sphinx-build -M html . build -c lessons/tools -W`.

Sphinx and MyST-NB lay out the notebooks with the outputs that are stored in them: nothing is run, and
no page loads anything from elsewhere. Lessons, solutions, glossary and the notes on the data are pages.
Any other file of the repository that a page links to is copied beside it. A link to nothing is a
warning, and `-W` makes it an error.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import latex2mathml.converter
from docutils import nodes

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.writers.html5 import HTML5Translator

project = "vtlab"
html_title = "vtlab · the course"
html_show_copyright = False
root_doc = "lessons/README"
include_patterns = ["lessons/*.md", "lessons/*.ipynb", "lessons/solutions/*", "data/*.md"]
exclude_patterns = [".*", "build", "dist", "tests", "vtlab", "**/source", "**/.ipynb_checkpoints"]
extensions = ["myst_nb"]
smartquotes = False

myst_enable_extensions = ["dollarmath"]
myst_dmath_allow_space = False  # "5 $ or 7 $" is no equation
myst_heading_anchors = 4
nb_execution_mode = "off"
# A panel's page is its picture: a live view would need a kernel, and scripts from elsewhere.
nb_mime_priority_overrides = [("html", "application/vnd.jupyter.widget-view+json", None)]
nb_ipywidgets_js: dict[str, dict[str, str]] = {}
html_math_renderer = "mathml"

html_theme = "sphinx_book_theme"
html_static_path = ["pages.css"]
html_css_files = ["pages.css"]
html_theme_options: dict[str, object] = {
    "home_page_in_toc": True,
    "navbar_persistent": [],  # one search field, in the bar at the left
    "show_toc_level": 2,
    "use_download_button": True,
    "footer_content_items": ["extra-footer"],
    "extra_footer": "The text and the code are under the BSD-3-Clause licence.",
}
if repository := os.environ.get("GITHUB_REPOSITORY"):  # GitHub says where it builds
    html_theme_options |= {
        "repository_url": f"https://github.com/{repository}",
        "repository_branch": os.environ.get("GITHUB_REF_NAME", "main"),
        "use_repository_button": True,
        "launch_buttons": {
            "binderhub_url": "https://mybinder.org",
            "colab_url": "https://colab.research.google.com",
            "notebook_interface": "jupyterlab",
        },
    }

CONTENTS = {
    "lessons/README": """
```{toctree}
:hidden:
:glob:
:caption: Lessons
[0-9]*
```
```{toctree}
:hidden:
:caption: To look up
glossary
solutions/README
/data/README
/data/NOTES
```
""",
    "lessons/solutions/README": """
```{toctree}
:glob:
[0-9]*
```
""",
}


def arrange_page(app: Sphinx, page: str, source: list[str]) -> None:
    """Give a text its contents, which order the pages, and a notebook's figures their words.

    What stands in a text for GitHub alone is dropped.
    """
    if app.env.doc2path(page).suffix == ".ipynb":
        source[0] = pass_on_alt_texts(source[0])
    else:
        source[0] = re.sub(r"<!-- GitHub -->.*?<!-- /GitHub -->", "", source[0], flags=re.DOTALL)
        source[0] += CONTENTS.get(page, "")


def pass_on_alt_texts(notebook: str) -> str:
    """The notebook (JSON) with the words of a cell's figure where MyST-NB looks for them."""
    content = json.loads(notebook)
    for cell in content["cells"]:
        about = [
            output.get("metadata", {}).get("image/png", {}) for output in cell.get("outputs", [])
        ]
        if words := [picture["alt"] for picture in about if "alt" in picture]:
            cell["metadata"]["mystnb"] = {"image": {"alt": " ".join(words)}}
    return json.dumps(content)


def write_front_page(app: Sphinx, error: Exception | None) -> None:
    """The address of the folder itself opens the map of the course."""
    if error is None:
        to = f'<meta http-equiv="refresh" content="0; url={root_doc}.html">'
        (Path(app.outdir) / "index.html").write_text(
            f'<!doctype html><meta charset="utf-8"><title>{html_title}</title>{to}\n',
            encoding="utf-8",
        )


def write_equation(page: HTML5Translator, node: nodes.math | nodes.math_block) -> None:
    """An equation in MathML, which browsers draw without a script."""
    display = "block" if isinstance(node, nodes.math_block) else "inline"
    page.body.append(latex2mathml.converter.convert(node.astext(), display=display))
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.add_html_math_renderer("mathml", (write_equation, None), (write_equation, None))
    app.connect("source-read", arrange_page)
    app.connect("build-finished", write_front_page)
