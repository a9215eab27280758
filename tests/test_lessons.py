import base64
import io

import nbformat
import pytest
from build import LESSONS_FOLDER, find_lesson_mirrors, lesson_notebook_path, read_lesson_mirror
from lint import LintedLesson, lint, tamper_with_cell
from PIL import Image
from tests_support import run_nbval

MIRRORS = find_lesson_mirrors()
LESSONS = [mirror for mirror in MIRRORS if mirror.parent.parent == LESSONS_FOLDER]


def test_there_are_lessons_and_each_notebook_has_a_mirror():
    notebooks = {*LESSONS_FOLDER.glob("*.ipynb"), *LESSONS_FOLDER.glob("solutions/*.ipynb")}
    assert notebooks and notebooks == {lesson_notebook_path(m) for m in MIRRORS}


@pytest.mark.parametrize("mirror", MIRRORS, ids=lambda m: f"{m.parent.parent.name}-{m.stem}")
def test_a_lesson_is_as_lessons_are(mirror):
    notebook = nbformat.read(lesson_notebook_path(mirror), as_version=4)
    solution = mirror.parent.parent.name == "solutions"
    assert lint(LintedLesson(notebook, read_lesson_mirror(mirror), solution)) == []


@pytest.mark.parametrize("variable", [None, "3"])
@pytest.mark.parametrize("mirror", LESSONS, ids=lambda m: m.stem)
def test_a_lesson_takes_the_seed_that_papermill_puts_below_its_parameters(
    mirror, variable, capsys, monkeypatch
):
    monkeypatch.setenv("VTLAB_SEED", variable or "7")
    if variable is None:
        monkeypatch.delenv("VTLAB_SEED")
    code = [cell for cell in read_lesson_mirror(mirror).cells if cell.cell_type == "code"]
    assert code[0].metadata.tags == ["parameters"]
    known: dict = {}
    for source in (code[0].source, "seed = 7", code[1].source):
        exec(source, known)
    assert known["seed"] == int(variable or 7)
    assert capsys.readouterr().out == f"vtlab lesson · seed {known['seed']}\n"


def test_every_lesson_has_solutions():
    names = {m.stem for m in LESSONS}
    assert names == {m.stem for m in MIRRORS if m.parent.parent.name == "solutions"}


def test_the_map_of_the_course_lists_every_lesson_with_its_question_and_opens_the_first():
    text = (LESSONS_FOLDER / "README.md").read_text(encoding="utf-8")
    for mirror in LESSONS:
        title = read_lesson_mirror(mirror).cells[0].source.split("\n")[0].partition(" · ")[2]
        assert f"| [{mirror.stem[:2]}]({mirror.stem}.ipynb) | {title} |" in text
    assert text.count(f"lessons/{LESSONS[0].stem}.ipynb\n") == 2  # Binder's address and Colab's


def test_nbval_passes_what_was_built_and_catches_what_was_tampered_with(tmp_path):
    from build import run_notebook, tidy_built_notebook

    mirror = tmp_path / "tiny.py"
    mirror.write_text(
        "# %% [markdown]\n# # 01 · So?\n\n# %%\nimport vtlab.course.lesson as vt\n\n"
        "vt.claim('two is two', 2 == 2)\n\n# %%\n"
        "from vtlab.plots.style import new_figure\n\nfigure, axes = new_figure(width=6.4, height=4.8)\n"
        "axes[0, 0].set_title('So')\nfigure\n"
    )
    notebook = tidy_built_notebook(run_notebook(read_lesson_mirror(mirror), tmp_path))
    nbformat.write(notebook, tmp_path / "tiny.ipynb")
    shown = notebook.cells[2].outputs[-1]
    assert shown.data["text/plain"] == "<Figure size 640x480 with 1 Axes>"
    known, stored = shown.metadata["image/png"], base64.b64decode(shown.data["image/png"])
    assert known["alt"] == "So" and Image.open(io.BytesIO(stored)).width == 2 * known["width"]
    good = run_nbval(tmp_path, "tiny.ipynb")
    assert good.returncode == 0, good.stdout
    nbformat.write(tamper_with_cell(notebook, 1), tmp_path / "tiny.ipynb")
    bad = run_nbval(tmp_path, "tiny.ipynb")
    assert bad.returncode == 1 and "1 failed, 1 passed" in bad.stdout


@pytest.mark.nightly
def test_lesson_16_runs_on_real_photographs(photos):
    from build import run_notebook

    mirror = next(m for m in LESSONS if m.stem.startswith("16"))
    given = {"VTLAB_PHOTOS": str(photos / "hymenoptera_224.zip")}
    done = run_notebook(read_lesson_mirror(mirror), LESSONS_FOLDER, environment=given)
    said = "".join(
        output.get("text", "") for cell in done.cells for output in cell.get("outputs", [])
    )
    assert "test images of ants, bees" in said and "efficientnet_lite0, images of 96 px" in said
