import base64
import io
import os
import re

import build
import nbformat
import numpy as np
import pytest
from build import _shrink_notebook_picture
from lint import tamper_with_cell
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import v4
from PIL import Image

TINY = """# %% [markdown]
# # 01 · So?

# %%
import os
print(os.environ["OMP_NUM_THREADS"], os.environ["TQDM_DISABLE"], os.path.basename(os.getcwd()))

# %%
print("one")
print("two", flush=True)
print("three")

# %% tags=["raises-exception"]
raise ValueError("a fixed text")
"""


@pytest.fixture
def course(write_mirror):
    return write_mirror("01_tiny", TINY)


def ids(mirror, text):
    mirror.write_text(text, encoding="utf-8")
    return [cell.id for cell in build.read_lesson_mirror(mirror).cells]


def test_cells_keep_their_names_when_a_neighbour_is_added(course):
    before = ids(course, TINY)
    after = ids(course, TINY + "\n# %%\nlen('new')\n")
    assert before == ids(course, TINY) and after[: len(before)] == before


def test_equal_cells_get_different_names(course):
    names = ids(course, "# %%\na = 1\n\n# %%\na = 1\n")
    assert len(set(names)) == 2 and all(re.fullmatch("[0-9a-f]{12}", name) for name in names)


def test_mirrors_are_lessons_and_solutions_each_with_its_notebook(tmp_path):
    for folder in ("source", "solutions/source"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "01_a.py").touch()
    found = build.find_lesson_mirrors(tmp_path)
    assert [build.lesson_notebook_path(m) for m in found] == [
        tmp_path / "01_a.ipynb",
        tmp_path / "solutions" / "01_a.ipynb",
    ]


def test_a_built_lesson_can_be_built_again_to_the_byte_and_checked(course, capsys):
    outside = dict(os.environ)
    assert build.main(["01"]) == 0
    assert re.fullmatch(r"01_tiny: \d+ s, \d+ kB\n", capsys.readouterr().out)
    assert dict(os.environ) == outside
    path = build.lesson_notebook_path(course)
    first, notebook = path.read_bytes(), nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == [1, 2, 3]
    assert [o.text for cell in code[:2] for o in cell.outputs] == [
        "2 1 lessons\n",
        "one\ntwo\nthree\n",
    ]
    assert code[2].outputs[0].traceback == ["ValueError: a fixed text"]
    build.main([])
    assert path.read_bytes() == first
    nbformat.write(tamper_with_cell(notebook, 2), path)
    tampered = path.read_bytes()
    capsys.readouterr()
    assert build.main(["--check"]) == 1
    assert capsys.readouterr().err == "01_tiny: cell 2 gives other text than is stored\n"
    assert path.read_bytes() == tampered


def test_new_words_go_round_the_stored_outputs_and_new_code_is_refused(course, capsys):
    build.main([])
    path = build.lesson_notebook_path(course)
    first, before = path.read_bytes(), nbformat.read(path, as_version=4)
    assert build.main(["--prose"]) == 0 and path.read_bytes() == first
    course.write_text(
        TINY.replace("So?", "So it is.") + "\n# %% [markdown]\n# More.\n", encoding="utf-8"
    )
    assert build.main(["--prose"]) == 0
    after = nbformat.read(path, as_version=4)
    assert [c.source for c in after.cells if c.cell_type == "markdown"] == [
        "# 01 · So it is.",
        "More.",
    ]
    assert [c for c in after.cells if c.cell_type == "code"] == before.cells[1:]
    kept = path.read_bytes()
    course.write_text(TINY.replace("three", "four"), encoding="utf-8")
    assert build.main(["--prose"]) == 1
    assert "01_tiny: its code has changed" in capsys.readouterr().err and path.read_bytes() == kept


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("raise KeyError('petal')", "01_tiny: a cell failed with KeyError: 'petal'"),
        ("import os\nos._exit(1)", "01_tiny: the kernel died"),
    ],
)
def test_a_lesson_that_fails_leaves_the_old_notebook_and_one_line(code, words, course, capsys):
    path = build.lesson_notebook_path(course)
    path.write_text("the old one", encoding="utf-8")
    course.write_text(f"# %%\n{code}\n", encoding="utf-8")
    assert build.main([]) == 1
    said = capsys.readouterr().err
    assert said.startswith(words) and said.count("\n") == 1
    assert path.read_text(encoding="utf-8") == "the old one"
    assert sorted(p.name for p in path.parent.iterdir()) == ["01_tiny.ipynb", "source"]


def test_a_check_names_a_lesson_that_was_not_built_or_has_changed(course):
    assert build.rebuild_and_compare(course) == ["01_tiny: was never built"]
    notebook = build.read_lesson_mirror(course)
    notebook.cells[1].source += "\n# more"
    nbformat.write(notebook, build.lesson_notebook_path(course))
    assert build.rebuild_and_compare(course) == ["01_tiny: is not what its mirror says"]


def test_student_copies_have_neither_outputs_nor_solutions(course, tmp_path, capsys, monkeypatch):
    solution = tmp_path / "lessons" / "solutions" / "source" / "01_tiny.py"
    solution.parent.mkdir(parents=True)
    solution.write_text("# %%\nprint('the answer')\n", encoding="utf-8")
    course.write_text(TINY + '\n# %% tags=["solution"]\nprint("the answer")\n', encoding="utf-8")
    monkeypatch.setattr(build, "find_lesson_mirrors", lambda: [course, solution])
    out = tmp_path / "handout"
    assert build.main(["--student", str(out)]) == 0
    assert [p.name for p in out.iterdir()] == ["01_tiny.ipynb"]
    text = (out / "01_tiny.ipynb").read_text(encoding="utf-8")
    notebook = nbformat.reads(text, as_version=4)
    assert "the answer" not in text and len(notebook.cells) == 4
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells)
    assert not build.lesson_notebook_path(course).exists()
    capsys.readouterr()
    assert build.main(["--student", str(out)]) == 1  # somebody may have worked on it
    assert "is there already" in capsys.readouterr().err


def test_an_unknown_number_is_named(course, capsys):
    assert build.main(["77"]) == 2
    assert capsys.readouterr().err == "no lesson 77\n"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (DeadKernelError("Kernel died"), "01_tiny: the kernel died (out of memory?)"),
        (CellTimeoutError("long\nstory"), f"01_tiny: a cell took more than {build.CELL_TIMEOUT} s"),
        (OSError("no room"), "01_tiny: no room"),
    ],
)
def test_a_failure_is_told_in_one_line(error, words, course):
    assert build.explain_lesson_build_failure(error, course) == words


def test_tidying_drops_what_differs_without_meaning():
    view = "application/vnd.jupyter.widget-view+json"
    output = v4.new_output(
        "display_data",
        metadata={"width": 3},
        data={"text/plain": "Guess", view: {"model_id": "1f"}},
    )
    cell = v4.new_code_cell("winner", outputs=[output])
    cell.metadata = nbformat.from_dict({"execution": {"started": "now"}, "tags": ["solution"]})
    notebook = v4.new_notebook(cells=[cell])
    notebook.metadata["widgets"] = {"state": {}}
    build.tidy_built_notebook(notebook)
    assert "widgets" not in notebook.metadata and cell.metadata == {"tags": ["solution"]}
    assert output.data == {"text/plain": "Guess"} and output.metadata == {}


def test_a_lighter_picture_keeps_the_colours_of_its_areas():
    """Bands of an interval are pale, and another strategy's band is little else."""
    random = np.random.default_rng(0)
    picture = random.integers(
        0, 256, (300, 300, 3), dtype=np.uint8
    )  # a photograph has every colour
    bands = [(236, 236, 236), (220, 236, 233), (235, 244, 249), (244, 232, 214)]
    for i, band in enumerate(bands):
        picture[20 * i : 20 * i + 16] = band
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    lighter = Image.open(
        io.BytesIO(
            base64.b64decode(_shrink_notebook_picture(base64.b64encode(file.getvalue()).decode()))
        )
    )
    shown = np.asarray(lighter.convert("RGB"))
    for i, band in enumerate(bands):
        assert np.abs(shown[20 * i + 8, 150].astype(int) - band).max() <= 1


@pytest.mark.parametrize(("kind", "width"), [("lines", 600), ("photograph", 300)])
def test_dense_pictures_stay_dense_where_that_is_cheap(kind, width):
    picture = np.full((600, 600, 3), 255, dtype=np.uint8)
    if kind == "photograph":
        picture = np.random.default_rng(0).integers(0, 256, picture.shape, dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    stored = _shrink_notebook_picture(base64.b64encode(file.getvalue()).decode(), 300)
    assert Image.open(io.BytesIO(base64.b64decode(stored))).size == (width, width)
