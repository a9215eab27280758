"""Build notebooks from their mirrors: `lessons/tools/build.py [NN …] [--check | --prose | --student OUT]`.

`lessons/source/NN_name.py` (py:percent) is what is edited and reviewed; `lessons/NN_name.ipynb`
is what learners open and nbval checks. Building copies the cells, runs them in a fresh kernel,
keeps text and pictures, drops what differs without meaning, and writes only if all cells ran.
Solutions live the same way in `lessons/solutions`. With `--check` nothing is written: the fresh
outputs are held against the stored ones, and the cells that differ are named. With `--prose` nothing
is run either: new words go round the code and the outputs that are stored. With `--student OUT`
nothing is run: copies to work on go to the folder OUT.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import io
import os
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import nbformat
from lint import LintedLesson, lint_cell_tags

from vtlab.system.files import write_text

LESSONS_FOLDER = Path(__file__).parent.parent
KERNEL = (
    *("-m", "ipykernel_launcher", "-f", "{connection_file}", "--IPKernelApp.log_level=ERROR"),
    "--InlineBackend.figure_formats=retina",  # twice the pixels, for dense screens
)
MAX_DENSE_BYTES = (
    60_000  # a picture that is larger at twice the density is mostly images, and kept at one
)
CELL_TIMEOUT = 600  # seconds a cell: a slow machine is no failure, the budget says what is slow


def find_lesson_mirrors(folder: Path = LESSONS_FOLDER) -> list[Path]:
    """The sources of all lessons and solutions."""
    return sorted(folder.glob("source/*.py")) + sorted(folder.glob("solutions/source/*.py"))


def select_lesson_mirrors(numbers: Sequence[str], *, solutions: bool = False) -> list[Path]:
    """The mirrors of the lessons with these numbers, or of all; says so if there is none."""
    chosen = [
        mirror
        for mirror in find_lesson_mirrors()
        if (solutions or mirror.parent.parent.name != "solutions")
        and (not numbers or mirror.stem[:2] in numbers)
    ]
    if not chosen:
        print(f"no lesson {' '.join(numbers)}", file=sys.stderr)
    return chosen


def lesson_notebook_path(mirror: Path) -> Path:
    """The path of a mirror's notebook."""
    return mirror.parent.parent / f"{mirror.stem}.ipynb"


def read_lesson_mirror(mirror: Path) -> nbformat.NotebookNode:
    """The mirror as a notebook without outputs, its cells named by content and place."""
    import jupytext

    notebook = jupytext.read(mirror, fmt="py:percent")
    seen: dict[str, int] = {}
    for cell in notebook.cells:
        text = f"{mirror.stem}\n{cell.cell_type}\n{cell.source}"
        seen[text] = seen.get(text, 0) + 1
        cell.id = hashlib.sha256(f"{text}\n{seen[text]}".encode()).hexdigest()[:12]
        _keep_tags(cell)
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def _keep_tags(cell: nbformat.NotebookNode) -> None:
    """Drop all that a cell's metadata say beside its tags."""
    cell.metadata = {"tags": lint_cell_tags(cell)} if lint_cell_tags(cell) else {}


def run_notebook(
    notebook: nbformat.NotebookNode,
    folder: Path,
    *,
    environment: Mapping[str, str] | None = None,
    within: Sequence[str] = (),
    allow_errors: bool = False,
) -> nbformat.NotebookNode:
    """Run a notebook in a fresh kernel of this interpreter; its outputs stay as they come.

    Args:
        notebook: Filled in place.
        folder: Where the kernel works.
        environment: Variables for the kernel beside the present ones.
        within: A command that the kernel's command is appended to.
        allow_errors: Go on after a cell that failed.

    Raises:
        nbclient.exceptions.CellExecutionError: If a cell failed.
        nbclient.exceptions.DeadKernelError: If the kernel died.
    """
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient

    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "2",
        "TQDM_DISABLE": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        **(environment or {}),
    }
    # The blocking manager would wait for a dead kernel for ever.
    manager = AsyncKernelManager()
    manager._kernel_spec = KernelSpec(
        argv=[*within, sys.executable, *KERNEL], display_name="Python 3", language="python"
    )
    client = NotebookClient(
        notebook,
        km=manager,
        timeout=CELL_TIMEOUT,
        store_widget_state=False,
        allow_errors=allow_errors,
        coalesce_streams=True,  # where a text is cut is a matter of timing
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute(env=environment, cleanup_kc=True)  # or the kernel would outlive the lesson
    return notebook


def tidy_built_notebook(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Drop widget state, timings, the ids of widget views, and the paths in a traceback."""
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        _keep_tags(cell)
        for output in cell.get("outputs", []):
            output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
            if "metadata" in output:  # a picture's width and alt text stay
                output["metadata"] = {k: v for k, v in output.metadata.items() if "/" in k}
            if "image/png" in output.get("data", {}):
                width = output.metadata.get("image/png", {}).get("width")
                output.data["image/png"] = _shrink_notebook_picture(output.data["image/png"], width)
            if output.output_type == "error":
                output["traceback"] = [f"{output.ename}: {output.evalue}"]
    return notebook


def _shrink_notebook_picture(png: str, width: int | None = None) -> str:
    """The picture (base64) in 256 colours, a third of the size; at its width on the page if it is large."""
    from PIL import Image

    file = io.BytesIO()
    content = base64.b64decode(png)
    picture = Image.open(io.BytesIO(content)).convert("RGB")
    if width and width < picture.width and len(content) > MAX_DENSE_BYTES:
        picture = picture.resize((width, round(picture.height * width / picture.width)))
    # The colours cover all that occur: chosen by frequency, they would be none of a name's or a colour bar's.
    palette = picture.quantize(256, method=Image.Quantize.MAXCOVERAGE, kmeans=2)
    palette.save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def build_lesson(mirror: Path) -> None:
    """Run a mirror and write its notebook."""
    started = time.perf_counter()
    path = lesson_notebook_path(mirror)
    notebook = tidy_built_notebook(run_notebook(read_lesson_mirror(mirror), path.parent))
    write_text(path, nbformat.writes(notebook) + "\n")
    size = path.stat().st_size // 1000
    print(f"{path.stem}: {time.perf_counter() - started:.0f} s, {size} kB")


def rebuild_prose(mirror: Path) -> None:
    """Write a notebook whose words alone have changed: its code keeps the stored outputs.

    Raises:
        OSError: If there is no stored notebook.
        ValueError: If the code has changed as well, and must be run.
    """
    path = lesson_notebook_path(mirror)
    stored, notebook = nbformat.read(path, as_version=4), read_lesson_mirror(mirror)
    before, after = (
        [cell for cell in book.cells if cell.cell_type == "code"] for book in (stored, notebook)
    )
    if [(cell.source, cell.metadata) for cell in before] != [
        (cell.source, cell.metadata) for cell in after
    ]:
        raise ValueError("its code has changed as well as its words: build it without --prose")
    for old, new in zip(before, after, strict=True):
        new.outputs, new.execution_count = old.outputs, old.execution_count
    notebook.metadata = stored.metadata
    write_text(path, nbformat.writes(notebook) + "\n")
    print(f"{path.stem}: words only")


def rebuild_and_compare(mirror: Path) -> list[str]:
    """Run a mirror and compare with the stored notebook, as nbval would; write nothing.

    Returns:
        A sentence for each cell that differs, empty if none does.
    """
    path = lesson_notebook_path(mirror)
    if not path.exists():
        return [f"{path.stem}: was never built"]
    stored, plain = nbformat.read(path, as_version=4), read_lesson_mirror(mirror)
    if [cell.source for cell in stored.cells] != [cell.source for cell in plain.cells]:
        return [f"{path.stem}: is not what its mirror says"]
    fresh = tidy_built_notebook(run_notebook(plain, path.parent))
    before, after = (
        LintedLesson(notebook, notebook).compared_texts for notebook in (stored, fresh)
    )
    differ = (Counter(before) - Counter(after)) + (Counter(after) - Counter(before))
    cells = sorted({i for i, _ in differ})
    return [f"{path.stem}: cell {i} gives other text than is stored" for i in cells]


def build_student_copy(mirror: Path, out: Path) -> Path:
    """Write a copy to work on: a lesson without outputs, which the learner will make.

    Returns:
        Where it is.

    Raises:
        FileExistsError: If a copy is there, which somebody may have worked on.
    """
    notebook = read_lesson_mirror(mirror)
    notebook.cells = [cell for cell in notebook.cells if "solution" not in lint_cell_tags(cell)]
    path = out / f"{mirror.stem}.ipynb"
    if path.exists():
        raise FileExistsError(f"{path} is there already: give a new folder")
    out.mkdir(parents=True, exist_ok=True)
    write_text(path, nbformat.writes(notebook) + "\n")
    return path


def explain_lesson_build_failure(error: Exception, mirror: Path) -> str:
    """One line for a notebook that could not be run."""
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    if isinstance(error, DeadKernelError):
        return f"{mirror.stem}: the kernel died (out of memory?)"
    if isinstance(error, CellTimeoutError):
        return f"{mirror.stem}: a cell took more than {CELL_TIMEOUT} s"
    if isinstance(error, CellExecutionError):
        return f"{mirror.stem}: a cell failed with {error.ename}: {error.evalue}"
    return f"{mirror.stem}: {error}"


def main(arguments: list[str] | None = None) -> int:
    """Build or check the lessons named by number, or all; 1 if one of them failed."""
    from nbclient.exceptions import CellControlSignal

    parser = argparse.ArgumentParser(prog="python lessons/tools/build.py", description=__doc__)
    parser.add_argument("numbers", nargs="*", metavar="NN", help="such as 01 (default: all)")
    parser.add_argument("--check", action="store_true", help="write nothing, compare")
    parser.add_argument(
        "--prose", action="store_true", help="run nothing: only the words have changed"
    )
    parser.add_argument(
        "--student", type=Path, metavar="OUT", help="copies without outputs and without solutions"
    )
    given = parser.parse_args(arguments)
    mirrors = select_lesson_mirrors(given.numbers, solutions=not given.student)
    if not mirrors:
        return 2
    failed = False
    for mirror in mirrors:
        complaints: list[str] = []
        try:
            if given.student:
                print(build_student_copy(mirror, given.student))
            elif given.check:
                complaints = rebuild_and_compare(mirror)
            elif given.prose:
                rebuild_prose(mirror)
            else:
                build_lesson(mirror)
        # A dead kernel is a RuntimeError.
        except (CellControlSignal, RuntimeError, OSError, ValueError) as error:
            complaints = [explain_lesson_build_failure(error, mirror)]
        for complaint in complaints:
            print(complaint, file=sys.stderr)
            failed = True
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
