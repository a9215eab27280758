import base64
import io

import nbformat
import pytest
from lint import MAX_NOTEBOOK_BYTES, RULES, SECTIONS, LintedLesson, lint, tamper_with_cell
from nbformat import v4
from PIL import Image

SET, BEGIN = "seed = 0", "seed = vt.begin(seed)"


def stream(text, name="stdout"):
    return v4.new_output("stream", name=name, text=text)


def png() -> str:
    file = io.BytesIO()
    Image.new("RGB", (2, 2)).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def perfect() -> nbformat.NotebookNode:
    """The least notebook that is a good lesson."""
    cells = [v4.new_markdown_cell("# 01 · Does it hold?\n\n" + "word " * 45)]
    said = [("vt.claim('so', True)", "✓ so\n")] * 3 + [(SET, ""), (BEGIN, "seed 0\n")]
    for number, section in enumerate(SECTIONS):
        cells.append(v4.new_markdown_cell(f"## {section}"))
        if number < len(said):
            code, text = said[number]
            outputs = [stream(text)] if text else []
            cells.append(v4.new_code_cell(code, outputs=outputs, execution_count=number + 1))
            if code == SET:
                cells[-1].metadata["tags"] = ["parameters"]
    return v4.new_notebook(cells=cells)


def first_code(notebook):
    return next(c for c in notebook.cells if c.cell_type == "code")


def change(**fields):
    def plant(notebook):
        first_code(notebook).update(fields)

    return plant


def tag(name, **fields):
    def plant(notebook):
        cells = [c for c in notebook.cells if c.cell_type == "code"]
        cells[0].metadata["tags"] = [name]
        cells[0].update(fields)

    return plant


def source(text):
    return change(source="vt.claim('so', True)\n" + text)


def title(notebook):
    notebook.cells[0].source = "# A lesson\n\n" + "word " * 45


def section(notebook):
    notebook.cells[-1].source = "## The end"


def amid(line):
    """A line of prose that has become something else by where it was broken."""

    def plant(notebook):
        first = notebook.cells[0]
        first.source = first.source.replace("word " * 10, "", 1) + f"\n\nAs we know, 3\n{line}"

    return plant


def wordy(notebook):
    notebook.cells[0].source += " word" * 100


def state(notebook):
    notebook.metadata["widgets"] = {}


def no_claims(notebook):
    for cell in notebook.cells:
        cell.source = cell.source.replace("vt.claim('so', True)", "print('so')")


def no_text(notebook):
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []


def longer_mirror(notebook):
    notebook.cells[-1].source += "\n\nmore"


def long_cell(notebook):
    first_code(notebook).source = "\n".join(["a = 1"] * 16) + "\nvt.claim('so', True)"
    notebook.cells[0].source += " word" * 200


def big(notebook):
    first_code(notebook).outputs.append(
        v4.new_output("display_data", data={"application/json": "a" * MAX_NOTEBOOK_BYTES})
    )


def picture(content):
    return change(
        outputs=[stream("✓ so\n"), v4.new_output("display_data", data={"image/png": content})]
    )


ERROR = v4.new_output("error", ename="ValueError", evalue="no", traceback=[])


def unseen_error(notebook):
    """An error that could vanish without nbval noticing."""
    change(source="1 / 0", outputs=[ERROR])(notebook)
    first_code(notebook).metadata["tags"] = ["raises-exception", "nbval-ignore-output"]


def traced(notebook):
    """An announced error whose traceback names a file of the machine."""
    error = v4.new_output("error", ename="ValueError", evalue="no", traceback=["File /root/a.py"])
    change(source="1 / 0", outputs=[error])(notebook)
    first_code(notebook).metadata["tags"] = ["raises-exception"]


def drawing(notebook):
    """Digits in a drawing, which nbval compares as text."""
    svg = v4.new_output("display_data", data={"image/svg+xml": "<path d='1.234567'>"})
    first_code(notebook).outputs.append(svg)


def seeded(old, new, tags=("parameters",)):
    """The cell that sets the seed or begins with it, with other words and tags."""

    def plant(notebook):
        cell = next(c for c in notebook.cells if c.source == old)
        cell.source = new
        cell.metadata["tags"] = list(tags)

    return plant


def seeded_late(notebook):
    at = next(i for i, c in enumerate(notebook.cells) if c.source == BEGIN)
    notebook.cells[at - 2], notebook.cells[at] = notebook.cells[at], notebook.cells[at - 2]
    for number in (at - 2, at):
        notebook.cells[number].execution_count = 4 if number < at else 5


def commented_claims(notebook):
    for cell in notebook.cells:
        cell.source = cell.source.replace("vt.claim", "# vt.claim")


FAULTS = [
    ("mirror_equals_notebook", longer_mirror),
    ("title_is_a_question", title),
    ("sections_are_complete", section),
    ("cells_are_short", long_cell),
    ("prose_explains_code", wordy),
    *[
        ("no_forbidden_code", source(text))
        for text in (
            "plt.show()",
            "%timeit a",
            "!ls",
            "found = !ls",
            "a = 1;",
            "a = 1;  # quiet",
            "w.Output()",
            "w.interact(f)",
            "table.style",
            "import warnings",
        )
    ],
    ("tags_are_known", tag("nbval-ignore-outputs")),
    ("tags_are_known", source("# NBVAL_IGNORE_OUTPUT: digits")),
    ("tags_are_known", source("# PYTEST_VALIDATE_IGNORE_OUTPUT")),
    *[
        ("seed_is_a_parameter", plant)
        for plant in (
            seeded(SET, SET, tags=()),
            seeded(SET, "seed = 7"),
            seeded(BEGIN, "vt.begin(seed)", tags=()),
            seeded(BEGIN, BEGIN),
            seeded_late,
            source("vt.task('garden', seed=0)"),
            source("for seed in range(2): pass"),
            source("seed = os.environ['VTLAB_SEED']"),
        )
    ],
    ("every_cell_was_run", change(execution_count=None)),
    (
        "every_cell_was_run",
        change(
            outputs=[
                stream("✓ so\n"),
                v4.new_output("execute_result", data={"text/plain": "3"}, execution_count=7),
            ]
        ),
    ),
    *[
        ("no_accidental_lists", amid(line))
        for line in ("+ 4 = 11.", "- 4 = 3.", "* 4", "2. August", "# 1", "> 2")
    ],
    ("nothing_on_stderr", change(outputs=[stream("✓ so\n"), stream("hm", "stderr")])),
    ("errors_are_announced", change(outputs=[stream("✓ so\n"), ERROR])),
    ("errors_are_announced", tag("raises-exception")),
    ("errors_are_announced", unseen_error),
    *[
        ("stored_text_is_portable", change(outputs=[stream(text)]))
        for text in (
            "/home/me/a.py",
            "at /srv/me/a.py",
            "<object at 0x7f00aa11bb22>",
            "UserWarning",
            "10%|#  |",
            "3.1it/s",
            "2026-01-02 10:11",
            "at 10:11:12",
        )
    ],
    ("stored_text_is_portable", traced),
    ("compared_digits_are_portable", drawing),
    ("compared_digits_are_portable", change(outputs=[stream("0.123456\n")])),
    ("no_widget_state", state),
    ("claims_are_made_and_compared", no_claims),
    ("claims_are_made_and_compared", commented_claims),
    ("claims_are_made_and_compared", tag("nbval-ignore-output")),
    ("something_is_compared", no_text),
    ("pictures_can_be_read", picture(base64.b64encode(b"garbage").decode())),
    ("notebook_is_small", big),
]


def findings(plant=None) -> set[str]:
    notebook, mirror = perfect(), perfect()
    if plant:
        plant(notebook)
        if plant is not longer_mirror:
            plant(mirror)
    return {
        sentence.split(":")[0].split(" ")[0] for sentence in lint(LintedLesson(notebook, mirror))
    }


def test_a_good_lesson_is_clean():
    assert findings() == set()


def test_a_good_picture_is_clean():
    assert findings(picture(png())) == set()


@pytest.mark.parametrize(("name", "plant"), FAULTS)
def test_a_planted_fault_is_found_by_its_rule_alone(name, plant):
    assert findings(plant) == {name}


def test_every_rule_has_a_planted_fault():
    assert {name for name, _ in FAULTS} == set(RULES)


def test_a_list_that_is_meant_is_left_alone():
    def plant(notebook):
        first = notebook.cells[0]
        meant = "\n\n- one\n  goes on\n- two\n\n1. three\n2. four\n\n3.5 and -1\n+4"
        first.source = first.source.replace("word " * 20, "", 1) + meant

    assert findings(plant) == set()


@pytest.mark.parametrize(
    "text",
    [
        "fruit/shape 3 kinds",
        "and/or/neither",
        "https://a.org/b/c/d",
        "<td>a</td></tr>",
        "0.1234",
        "60% | 40%",
        "12:30",
    ],
)
def test_harmless_text_is_left_alone(text):
    assert findings(change(outputs=[stream(text)])) == set()


OUTPUTS = [
    stream("✓ so\n"),
    ERROR,
    v4.new_output("execute_result", data={"text/plain": "3"}, execution_count=1),
    v4.new_output("display_data", data={"image/png": png(), "text/html": "<b>3</b>"}),
]


@pytest.mark.parametrize("output", OUTPUTS, ids=lambda output: output.output_type)
def test_tampering_changes_one_compared_text_of_a_copy(output):
    notebook = perfect()
    change(outputs=[output])(notebook)
    cell = notebook.cells.index(first_code(notebook))
    before = LintedLesson(notebook, notebook).compared_texts
    after = LintedLesson(tampered := tamper_with_cell(notebook, cell), tampered).compared_texts
    assert [b[0] for b, a in zip(before, after, strict=True) if b != a] == [cell]
    assert LintedLesson(notebook, notebook).compared_texts == before


def test_what_is_not_compared_cannot_be_tampered_with():
    notebook = perfect()
    cell = notebook.cells.index(first_code(notebook))
    assert tamper_with_cell(notebook, cell) != notebook
    first_code(notebook).metadata["tags"] = ["nbval-ignore-output"]
    with pytest.raises(ValueError, match=f"nothing of cell {cell}"):
        tamper_with_cell(notebook, cell)


def test_a_solution_needs_no_parameter():
    notebook = perfect()
    seeded(SET, SET, tags=())(notebook)
    assert lint(LintedLesson(notebook, notebook, solution=True)) == []
    assert lint(LintedLesson(notebook, notebook)) != []
