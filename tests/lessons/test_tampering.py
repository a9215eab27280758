"""nbval notices when any compared output of any notebook is another.

Trainings are not run again for it: a notebook is made whose cells give out what the lesson's cells
gave out when they were built. For every cell it holds one that must pass, with the outputs as they
are stored, and one that must fail for each text of each output, with one letter of it changed.
nbval runs it like any other. (That the stored outputs are those of today's code is what nbval's run
over the lessons themselves shows.)
"""

import copy
import json
from xml.etree import ElementTree

import nbformat
import pytest
from build import find_lesson_mirrors, lesson_notebook_path
from lint import COMPARED_TYPES, LintedLesson, _output_texts, lint_cell_tags
from nbformat import v4
from tests_support import run_nbval

PLAYER = """import json, sys
from IPython.display import display

def play(recorded):
    for output in json.loads(recorded):
        if "text" in output:
            getattr(sys, output["name"]).write(output["text"])
        elif "data" in output:
            display(output["data"], raw=True)
        else:
            raise type(output["ename"], (Exception,), {})(output["evalue"])
"""


def nudged(text):
    """The text with the letter in its middle as another: the least that can be wrong."""
    middle = len(text.strip()) // 2
    return text[:middle] + ("x" if text[middle] != "x" else "y") + text[middle + 1 :]


def tampered(outputs):
    """The outputs with one letter changed, once for each text of each output."""
    for j, output in enumerate(outputs):
        fields = [
            ("data", kind) for kind in output.get("data", {}) if kind.startswith(COMPARED_TYPES)
        ]
        fields += [(field,) for field in ("text", "ename", "evalue") if output.get(field)]
        for *way, field in fields:
            changed = copy.deepcopy(outputs)
            place = changed[j][way[0]] if way else changed[j]
            place[field] = nudged(place[field])
            yield changed


def replay(notebook):
    """The notebook that plays another one's outputs, and which of its cells must fail."""
    cells, must_fail = [v4.new_code_cell(PLAYER, execution_count=1)], [False]

    def add(cell, stored, fails):
        recorded = json.dumps(cell.outputs)
        cells.append(
            v4.new_code_cell(
                f"play({recorded!r})",
                outputs=stored,
                execution_count=1,
                metadata={"tags": lint_cell_tags(cell)},
            )
        )
        must_fail.append(fails)

    for _, cell in LintedLesson(notebook, notebook).code_cells:
        for output in cell.outputs:
            for kind in ("image/png", "image/jpeg"):  # nbval does not look at these
                output.get("data", {}).pop(kind, None)
        add(cell, cell.outputs, False)
        ignored = "nbval-ignore-output" in lint_cell_tags(cell)
        for stored in tampered(cell.outputs):
            add(cell, stored, not ignored)
    return v4.new_notebook(cells=cells), must_fail


@pytest.mark.nightly
def test_nbval_fails_for_every_tampered_text_of_every_notebook_and_for_no_other(tmp_path):
    expected = {}
    for mirror in find_lesson_mirrors():
        name = f"{mirror.parent.parent.name}_{mirror.stem}"
        stored = nbformat.read(lesson_notebook_path(mirror), as_version=4)
        texts_compared = len(LintedLesson(stored, stored).compared_texts)
        played, must_fail = replay(stored)
        assert sum(must_fail) >= texts_compared > 0
        nbformat.write(played, tmp_path / f"{name}.ipynb")
        expected[name] = must_fail
    run_nbval(tmp_path, "-p", "no:randomly", "-c", "/dev/null", "--junitxml", "told.xml", ".")
    found = {name: [] for name in expected}
    for case in ElementTree.parse(tmp_path / "told.xml").iter("testcase"):
        told = {child.tag for child in case}
        assert told <= {"failure"}, (case.attrib, told)
        found[case.get("classname").removesuffix(".ipynb")].append(bool(told))
    assert found == expected
    print(
        *(
            f"{name}: {sum(fails)} tampered texts, {sum(fails)} caught"
            for name, fails in found.items()
        ),
        sep="\n",
    )


def test_a_changed_letter_changes_the_text_by_no_more_than_a_letter():
    assert nudged("✓ so\n") == "✓ xo\n" and nudged("x") == "y"
    assert _output_texts(v4.new_output("stream", text=nudged("a b"))) != ["a b"]
