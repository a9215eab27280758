"""The course as web pages: built as the docs say, and read as a browser would."""

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import nbformat
import pytest
from build import LESSONS_FOLDER
from nbformat import v4

ROOT = LESSONS_FOLDER.parent
NOTEBOOKS = sorted(
    path.relative_to(ROOT)
    for path in (*LESSONS_FOLDER.glob("*.ipynb"), *LESSONS_FOLDER.glob("solutions/*.ipynb"))
)
LOADING = {"script", "img", "iframe", "source", "video", "audio", "embed"}
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)


class Page(HTMLParser):
    """What a page links to, loads, names, shows and says."""

    def __init__(self, path: Path):
        super().__init__()
        self.links: set[str] = set()
        self.loaded: set[str] = set()
        self.names: set[str] = set()
        self.pictures: list[dict] = []
        self.tags: list[str] = []
        self._words: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))
        self.text = squeeze("".join(self._words))

    def handle_starttag(self, tag, attributes):
        given = {key: value or "" for key, value in attributes}
        self.tags.append(tag)
        self.names |= {given[key] for key in ("id", "name") if key in given}
        if tag == "a" and "href" in given:
            self.links.add(given["href"])
        if tag == "link" and given.get("rel") in ("stylesheet", "preload", "icon"):
            self.loaded.add(given["href"])
        if tag in LOADING and "src" in given:
            self.loaded.add(given["src"])
        if tag == "img":
            self.pictures.append(given)

    def handle_data(self, data):
        self._words.append(data)


def squeeze(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def build(source: Path, out: Path) -> subprocess.CompletedProcess:
    """As lessons/README.md says, on one core and without words on what went well."""
    pytest.importorskip("myst_nb", reason='the pages need `pip install -e ".[docs]"`')
    pytest.importorskip("sphinx_book_theme", reason='the pages need `pip install -e ".[docs]"`')
    settings = str(LESSONS_FOLDER / "tools")
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-M",
        "html",
        ".",
        str(out),
        "-c",
        settings,
        "-W",
        "-q",
    ]
    return subprocess.run(command, cwd=source, capture_output=True, text=True, encoding="utf-8")


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The folder of the built pages, and every page in it."""
    out = tmp_path_factory.mktemp("pages")
    done = build(ROOT, out)
    assert done.returncode == 0, done.stderr[-5000:]
    html = out / "html"
    paths = sorted(path for path in html.rglob("*.html") if "_static" not in path.parts)
    return html, {path: Page(path) for path in paths}


def is_elsewhere(address: str) -> bool:
    return bool(urlsplit(address).scheme or urlsplit(address).netloc)


def test_every_link_of_every_page_reaches_a_file_and_a_place_in_it(pages):
    _, of = pages
    checked, broken = 0, []
    for path, page in of.items():
        for link in page.links:
            to, place = urldefrag(unquote(link))
            if is_elsewhere(link):
                continue
            file = (path.parent / to).resolve() if to else path
            checked += 1
            if not file.is_file():
                broken.append(f"{path.name}: {link}")
            elif place and file in of and place not in of[file].names:
                broken.append(f"{path.name}: {link}")
    assert not broken and checked > 1000, broken


def test_no_page_loads_anything_from_elsewhere_and_all_that_it_loads_is_there(pages):
    html, of = pages
    for path, page in of.items():
        for address in page.loaded:
            assert not is_elsewhere(address), (path.name, address)
            assert (path.parent / unquote(urlsplit(address).path)).is_file(), (path.name, address)
    for style in html.rglob("*.css"):
        assert not re.search(r"(@import\s*|url\()[\"']?(https?:)?//", style.read_text("utf-8")), (
            style
        )


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=str)
def test_a_page_shows_every_stored_figure_with_its_words_and_every_stored_text(pages, notebook):
    html, of = pages
    page = of[html / notebook.with_suffix(".html")]
    shown = [picture.get("alt", "") for picture in page.pictures]
    for cell in nbformat.read(ROOT / notebook, as_version=4).cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if output.output_type == "stream":
                assert squeeze(output.text).strip() in page.text
            elif "text/html" not in data and "image/png" in data:
                assert output.metadata["image/png"]["alt"] in shown
                shown.remove(output.metadata["image/png"]["alt"])


def test_the_search_knows_the_words_of_the_lessons_and_the_chinese_terms(pages):
    html, _ = pages
    index = (html / "searchindex.js").read_text(encoding="utf-8")
    found = json.loads(re.search(r"Search\.setIndex\((.*)\)", index, re.DOTALL)[1])
    assert len(found["docnames"]) >= len(NOTEBOOKS)
    assert len(found["terms"]["probe"]) >= len(NOTEBOOKS) / 2
    assert "预训练" in found["terms"]


def write_small_course(folder: Path, prose: str) -> None:
    """A landing page, a lesson with one cell of everything, and files that it links to."""
    notebook = v4.new_notebook(
        metadata={"language_info": {"name": "python"}},
        cells=[
            v4.new_markdown_cell(f"# 01 · So?\n\n{prose}"),
            v4.new_code_cell(
                "panel",
                outputs=[
                    v4.new_output(
                        "execute_result",
                        {
                            "application/vnd.jupyter.widget-view+json": {"model_id": "x"},
                            "image/png": PIXEL,
                            "text/plain": "Panel()",
                        },
                        metadata={"image/png": {"alt": "a still", "width": 300}},
                        execution_count=1,
                    )
                ],
            ),
            v4.new_code_cell("hidden = 1", metadata={"tags": ["hide-input"]}),
        ],
    )
    texts = {
        "lessons/README.md": "# Map\n\n<!-- GitHub -->\nOWNER\n<!-- /GitHub -->\n\n[a](01_so.ipynb)\n",
        "lessons/glossary.md": "# Words\n\n## Ways\n\n### linear probe\n\nA head.\n",
        "lessons/solutions/README.md": "# Solutions\n",
        "lessons/solutions/01_so.ipynb": nbformat.writes(
            v4.new_notebook(cells=[v4.new_markdown_cell("# 01 · Solutions")])
        ),
        "lessons/01_so.ipynb": nbformat.writes(notebook),
        "data/README.md": "# Data\n\n## Results\n",
        "data/NOTES.md": "# Notes\n",
        "vtlab/labels.py": "names = ()\n",
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def test_equations_panels_hints_hidden_cells_and_files_of_the_repository_have_their_form(tmp_path):
    prose = (
        "With $\\frac{1}{\\sqrt n}$ and 5 $ and 7 $.\n\n$$\\sum_i w_i^2$$\n\n"
        "<details><summary>Hint</summary>\nTry <code>x</code>.\n</details>\n\n"
        "[probe](glossary.md#linear-probe), [results](../data/README.md#results), "
        "[code](../vtlab/labels.py)"
    )
    write_small_course(tmp_path, prose)
    done = build(tmp_path, tmp_path / "build")
    assert done.returncode == 0, done.stderr
    html = tmp_path / "build" / "html"
    page = Page(html / "lessons" / "01_so.html")
    assert page.tags.count("math") == 2 and {"mfrac", "msqrt", "msubsup"} <= set(page.tags)
    for words in ("5 $ and 7 $", "Hint Try x.", "Show code cell source"):
        assert words in page.text
    still = next(picture for picture in page.pictures if picture.get("alt") == "a still")
    assert still["width"] == "300"
    assert "widget-view" not in (html / "lessons" / "01_so.html").read_text(encoding="utf-8")
    assert {"glossary.html#linear-probe", "../data/README.html#results"} <= page.links
    copied = next(link for link in page.links if link.endswith("/labels.py"))
    assert (html / "lessons" / copied).read_text(encoding="utf-8") == "names = ()\n"
    assert "OWNER" not in Page(html / "lessons" / "README.html").text
    assert 'url=lessons/README.html"' in (html / "index.html").read_text(encoding="utf-8")


def test_links_to_nothing_fail_the_build_and_are_all_named(tmp_path):
    broken = ["glossary.md#linear-prob", "02_none.ipynb", "../data/none.csv", "#nowhere"]
    write_small_course(tmp_path, " ".join(f"[this]({link})" for link in broken))
    done = build(tmp_path, tmp_path / "build")
    assert done.returncode
    for link in broken:
        assert (link.partition("#")[2] or link) in done.stderr
