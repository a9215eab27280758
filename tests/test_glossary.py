"""The glossary: every term is complete and indexed, and links of lessons reach it."""

import re
from pathlib import Path

LESSONS = Path(__file__).parents[1] / "lessons"
TEXT = (LESSONS / "glossary.md").read_text("utf-8")
ENTRIES = re.findall(r"^### (.+)\n\n(.+)  \n(.+)$", TEXT, flags=re.MULTILINE)
ANCHORS = {term.lower().replace(" ", "-") for term, *_ in ENTRIES}


def test_every_term_has_a_sentence_a_chinese_term_and_its_lesson():
    assert len(ENTRIES) == TEXT.count("\n### ") > 100
    for term, sentence, line in ENTRIES:
        assert sentence.endswith("."), term
        assert re.search(r"[\u4e00-\u9fff]", line), term
        stored = re.search(r"\[lesson (\d\d)\]\(\1_\w+\.ipynb\)$", line)
        assert stored or line.endswith("not written yet"), term


def test_the_index_lists_every_term_once_in_the_order_of_the_alphabet():
    index = re.findall(r"^\[(.+?)\]\(#(.+?)\)", TEXT, flags=re.MULTILINE)
    assert index == [
        (term, term.lower().replace(" ", "-"))
        for term in sorted((term for term, *_ in ENTRIES), key=str.lower)
    ]


def test_links_of_lessons_reach_a_term():
    for path in sorted(LESSONS.glob("**/source/*.py")):
        linked = set(re.findall(r"glossary\.md#([^)\s]+)\)", path.read_text("utf-8")))
        assert linked <= ANCHORS, (path.name, linked - ANCHORS)
