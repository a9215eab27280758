"""JupyterLab, started here, and a browser that opens notebooks in it.

Everything lives in a temporary folder: no setting, token or file of the person who runs the
tests is read. Without a Chromium or Playwright the tests skip.
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--use-fake-device-for-media-stream",  # a camera that shows a green picture and a clock
    "--use-fake-ui-for-media-stream",
]
READY = """() => {
  const panel = window.jupyterapp && window.jupyterapp.shell.currentWidget;
  const session = panel && panel.sessionContext;
  const kernel = session && session.session && session.session.kernel;
  return !!(session && session.isReady && kernel && kernel.status === 'idle' &&
            kernel.connectionStatus === 'connected');
}"""
QUIET = ("/lsp/status", "favicon.ico")  # what JupyterLab asks for and does not find


@pytest.fixture(scope="session")
def chromium():
    sync_api = pytest.importorskip("playwright.sync_api", reason="no Playwright here")
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip("no Chromium here (on Debian: apt-get install chromium)")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The address and root folder of a JupyterLab that listens on the loopback alone."""
    home = tmp_path_factory.mktemp("lab")
    root = home / "work"
    settings = home / "settings" / "@jupyterlab" / "apputils-extension"
    for folder in (root, settings):
        folder.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text(
        json.dumps({"fetchNews": "false", "checkForUpdates": False})
    )
    places = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "IPYTHONDIR": "ipython",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    }
    package = str(Path(__file__).parents[2])
    environment = os.environ | {key: str(home / name) for key, name in places.items()}
    environment |= {
        "PYTHONPATH": os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH", "")]))
    }
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (home / "log").open("w")
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "jupyterlab",
            "--allow-root",
            "--no-browser",
            "--ip=127.0.0.1",
            f"--port={port}",
            "--ServerApp.port_retries=0",
            "--IdentityProvider.token=",
            "--ServerApp.password=",
            "--ServerApp.disable_check_xsrf=True",
            f"--ServerApp.root_dir={root}",
            "--expose-app-in-browser",
        ],
        env=environment,
        stdout=log,
        stderr=subprocess.STDOUT,
        cwd=root,
    )
    address = f"http://127.0.0.1:{port}"
    end = time.monotonic() + 90
    while True:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{address}/api/status", timeout=5).close()
            break
        assert process.poll() is None and time.monotonic() < end, (home / "log").read_text()[-3000:]
        time.sleep(0.2)
    yield address, root
    process.terminate()
    process.wait(30)
    log.close()


class Notebook:
    """An open notebook, driven as a person would."""

    def __init__(self, page, address: str, root: Path, name: str, cells, shots: Path):
        self.page, self.address, self.root, self.name, self.shots = page, address, root, name, shots
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
        notebook.metadata["kernelspec"] = {
            "name": "python3",
            "display_name": "Python 3",
            "language": "python",
        }
        nbformat.write(notebook, root / name)
        self.errors: list[str] = []
        page.on(
            "console",
            lambda m: (
                m.type == "error"
                and not any(part in (m.location or {}).get("url", "") + m.text for part in QUIET)
                and self.errors.append(m.text)
            ),
        )
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.goto(f"{address}/lab/tree/{name}?reset")
        self.ready()

    def ready(self) -> None:
        self.page.wait_for_function(READY, timeout=120_000)

    def run(self, cell: int, *, wait: bool = True) -> None:
        """Run a cell; by default until the kernel is idle again."""
        self.page.evaluate(
            """([index]) => {
            const app = window.jupyterapp, content = app.shell.currentWidget.content;
            content.activeCellIndex = index; content.mode = 'command';
            return app.commands.execute('notebook:run-cell'); }""",
            [cell],
        )
        if wait:
            self.ready()

    def cell(self, index: int):
        return self.page.locator(".jp-Notebook .jp-Cell").nth(index)

    def output(self, index: int):
        return self.cell(index).locator(".jp-OutputArea-output")

    def shot(self, name: str) -> None:
        self.page.screenshot(path=self.shots / f"{name}.png")

    def save(self) -> None:
        self.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")


@pytest.fixture
def notebook(chromium, server, tmp_path_factory, request):
    """Opens a notebook of these cells; afterwards the console must have been silent."""
    folder = os.environ.get("VTLAB_SCREENSHOTS")
    shots = Path(folder) if folder else tmp_path_factory.mktemp("screenshots")
    context = chromium.new_context(viewport={"width": 1000 + 330, "height": 1300})
    opened = []

    def open_(*cells: str) -> Notebook:
        name = f"{request.node.name}-{len(opened)}.ipynb".replace("[", "-").replace("]", "")
        opened.append(Notebook(context.new_page(), *server, name, cells, shots))
        return opened[-1]

    yield open_
    try:
        for one in opened:
            assert one.errors == []
    finally:
        context.close()
        with urllib.request.urlopen(f"{server[0]}/api/sessions", timeout=10) as answer:
            sessions = json.load(answer)
        for session in sessions:
            urllib.request.urlopen(
                urllib.request.Request(
                    f"{server[0]}/api/sessions/{session['id']}", method="DELETE"
                ),
                timeout=10,
            ).close()
