"""Where there is no kernel: a notebook page, and a page that starts a kernel of its own."""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest

from vtlab.course.guess import GuessPanel
from vtlab.widgets.cam import CamPanel
from vtlab.widgets.compare import ComparePanel
from vtlab.widgets.freeze import FreezePanel
from vtlab.widgets.panel import Panel
from vtlab.widgets.race import RacePanel
from vtlab.widgets.task import TaskPanel
from vtlab.widgets.train import TrainPanel
from vtlab.widgets.upload import UploadPanel

ROOT = Path(__file__).parents[2]


KINDS = {
    *(ComparePanel, TrainPanel, TaskPanel, UploadPanel),
    *(FreezePanel, CamPanel, GuessPanel, RacePanel),
}


@pytest.fixture
def panels(network, toy) -> dict:
    """One of each, with something to show."""
    from vtlab.course.tables import shots_table

    upload = UploadPanel(16)
    upload.task = toy
    upload.refresh()
    made = [
        ComparePanel(shots_table("garden")),
        TrainPanel(toy),
        RacePanel(toy),
        TaskPanel(toy),
        upload,
        FreezePanel(network, toy),
        CamPanel({"full": network}, toy),
        GuessPanel("Which?", "ab"),
    ]
    yield {type(one).__name__: one for one in made}
    for one in made:
        one.close()


def test_a_notebook_page_shows_every_panel_without_kernel_or_network(panels):
    from nbconvert import HTMLExporter

    cells = []
    for name, one in panels.items():
        data, metadata = one._repr_mimebundle_()
        output = nbformat.v4.new_output(
            "execute_result", data, metadata=metadata, execution_count=1
        )
        cells.append(nbformat.v4.new_code_cell(name, execution_count=1, outputs=[output]))
    page, _ = HTMLExporter(template_name="basic").from_notebook_node(
        nbformat.v4.new_notebook(cells=cells)
    )
    parts = page.split('<div class="jp-Cell ')[1:] or page.split('class="cell ')[1:]
    parts = [part for part in parts if "jp-OutputArea-output" in part or "output_area" in part]
    assert len(parts) == len(panels) and {type(one) for one in panels.values()} == KINDS
    for part, name in zip(parts, panels, strict=True):
        assert name in part
        if name == "GuessPanel":  # a question is better text than picture
            assert "<li>a</li>" in part
        else:
            assert "data:image/png;base64," in part or re.search("base64,.{500}", part)
    assert not re.findall(r'(?:src|href)="https?://', page)


def test_every_kind_of_panel_is_among_them():
    # what lessons add is shown in their own tests
    shared = {
        kind for kind in Panel.__subclasses__() if kind.__module__.startswith("vtlab.widgets")
    }
    assert shared | {GuessPanel} == KINDS


@pytest.mark.parametrize(
    "word",
    ["interact", "Output", "Javascript", "pyplot", "tqdm", "asyncio", "print", "backward", "optim"],
)
def test_panels_do_without(word):
    for path in [*(ROOT / "vtlab/widgets").glob("*.py"), ROOT / "vtlab/course/guess.py"]:
        code = re.sub(r'"""[\s\S]*?"""|#.*', "", path.read_text(encoding="utf-8"))
        if word == "print" and path.name == "guess.py":
            continue  # `reveal` is a cell's own print, in the cell that calls it
        assert not re.search(rf"\b{word}\b", code), path.name


def test_voila_serves_a_panel(tmp_path):
    pytest.importorskip("voila", reason="no Voila here")
    cell = nbformat.v4.new_code_cell("import vtlab as vt\nvt.TrainPanel()")
    notebook = nbformat.v4.new_notebook(cells=[cell])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "", "language": "python"}
    nbformat.write(notebook, tmp_path / "panel.ipynb")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    places = {
        name: str(tmp_path / name)
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    }
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    log = (tmp_path / "log").open("w")
    served = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "voila",
            "--no-browser",
            f"--port={port}",
            "--Voila.ip=127.0.0.1",
            str(tmp_path / "panel.ipynb"),
        ],
        env=os.environ | places | {"PYTHONPATH": path},
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        end = time.monotonic() + 120
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=100) as answer:
                    page = answer.read().decode()
                break
            except OSError:
                assert served.poll() is None and time.monotonic() < end, (
                    tmp_path / "log"
                ).read_text()
                time.sleep(0.3)
    finally:
        served.terminate()
        served.wait(30)
        log.close()
    assert "application/vnd.jupyter.widget-view+json" in page
    assert "Traceback" not in page and "no training yet" in page
