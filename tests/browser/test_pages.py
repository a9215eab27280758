"""A reader at the web pages of the course: from files, without a server, a kernel or a network."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The address of the built pages' front page."""
    pytest.importorskip("myst_nb", reason='the pages need `pip install -e ".[docs]"`')
    out = tmp_path_factory.mktemp("pages")
    command = "-M html . OUT -c lessons/tools -W -q".replace("OUT", str(out)).split()
    subprocess.run([sys.executable, "-m", "sphinx", *command], cwd=ROOT, check=True)
    return (out / "html" / "index.html").as_uri()


@pytest.fixture
def reader(chromium, pages):
    """A page at the map of the course, whose requests are noted."""
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    page.asked = []
    page.on("request", lambda request: page.asked.append(request.url))
    page.goto(pages)
    page.wait_for_url("**/lessons/README.html")
    yield page
    page.close()


@pytest.mark.parametrize(
    "words, title", [("linear probe", "01 · Forty images"), ("预训练", "Glossary")]
)
def test_a_search_finds_pages_and_asks_nobody_else(reader, words, title):
    reader.get_by_role("button", name="Search").first.click()
    reader.keyboard.type(words)
    reader.keyboard.press("Enter")
    found = reader.locator("#search-results a").filter(has_text=title).first
    found.wait_for(timeout=30_000)
    found.click()
    reader.get_by_role("heading", level=1).filter(has_text=title).wait_for(timeout=30_000)
    assert reader.asked and all(url.startswith(("file:", "data:")) for url in reader.asked)


@pytest.mark.parametrize("width", [390, 1280])
def test_no_page_is_wider_than_its_window(reader, width):
    reader.set_viewport_size({"width": width, "height": 900})
    links = reader.locator("nav.bd-links a").evaluate_all("all => all.map(link => link.href)")
    lessons = [link for link in links if "/lessons/" in link and "#" not in link]
    assert len(lessons) > 20
    for link in lessons:
        reader.goto(link)
        wide = reader.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, (link, wide)
