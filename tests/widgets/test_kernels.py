"""The training panel over the real wire, in every ipykernel that a learner may meet.

A client presses the buttons by the messages that a browser sends. `pytest -m nightly
tests/widgets/test_kernels.py`; the kernels come from the package index.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2]
VERSIONS = ("6.31.0", "7.3.0", "7.4.0")
TIMES = 20
SOON = 60  # seconds: imports and a busy machine; what is measured has limits of its own


@pytest.fixture(scope="module", params=VERSIONS)
def kernels(request, tmp_path_factory):
    """A folder of kernel specifications with this ipykernel as its only kernel."""
    folder = tmp_path_factory.mktemp("kernel")
    wanted = ["ipykernel==" + request.param, "nest_asyncio"]
    pip = subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--target",
            str(folder / "library"),
            *wanted,
        ],
        capture_output=True,
        text=True,
    )
    if pip.returncode:
        pytest.skip(f"ipykernel {request.param} cannot be fetched here")
    spec = folder / "kernels" / "wanted"
    spec.mkdir(parents=True)
    path = f"{folder / 'library'}:{PACKAGE}"
    (spec / "kernel.json").write_text(
        json.dumps(
            {
                "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
                "display_name": request.param,
                "language": "python",
                "env": {"PYTHONPATH": path},
            }
        )
    )
    return folder / "kernels", request.param


class Page:
    """What a browser is to a kernel: it runs cells, knows the controls and presses buttons."""

    def __init__(self, kernels: Path) -> None:
        from jupyter_client import KernelManager
        from jupyter_client.kernelspec import KernelSpecManager

        specs = KernelSpecManager(kernel_dirs=[str(kernels)])
        self.manager = KernelManager(kernel_name="wanted", kernel_spec_manager=specs)
        self.manager.start_kernel()
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=SOON)
        self.buttons: dict[str, str] = {}
        self.complaints: list[str] = []

    def __enter__(self) -> "Page":
        return self

    def __exit__(self, *about: object) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    def run(self, code: str, value: str = "None") -> str:
        """The representation of an expression after a cell.

        Raises:
            RuntimeError: If the cell or the expression failed.
        """
        return self.answer(self.client.execute(code, user_expressions={"value": value}))

    def answer(self, number: str) -> str:
        while True:
            reply = self.client.get_shell_msg(timeout=SOON)
            if reply["parent_header"].get("msg_id") == number:
                break
        while True:  # everything that came before the cell's end
            message = self.client.get_iopub_msg(timeout=SOON)
            self._note(message)
            if (
                message["parent_header"].get("msg_id") == number
                and message["content"].get("execution_state") == "idle"
            ):
                break
        content = reply["content"]
        if content["status"] == "error":
            raise RuntimeError(content["ename"])
        found = content["user_expressions"]["value"]
        if found["status"] == "error":
            raise RuntimeError(found["evalue"])
        return found["data"]["text/plain"]

    def _note(self, message: dict) -> None:
        content, kind = message["content"], message["msg_type"]
        if kind == "comm_open":
            state = content["data"].get("state", {})
            if state.get("_model_name") == "ButtonModel":
                self.buttons[state["description"]] = content["comm_id"]
        elif kind == "error" or (kind == "stream" and content["name"] == "stderr"):
            self.complaints.append(str(content))

    def press(self, button: str) -> None:
        pressed = {
            "comm_id": self.buttons[button],
            "data": {"method": "custom", "content": {"event": "click"}},
        }
        self.client.shell_channel.send(self.client.session.msg("comm_msg", pressed))

    def until(self, truth: str) -> float:
        """Seconds until an expression is true in the kernel."""
        started = time.monotonic()
        while self.run("", truth) != "True":
            assert time.monotonic() - started < SOON, (
                f"never {truth}: {self.run('', 'panel.state')}"
            )
            time.sleep(0.01)
        return time.monotonic() - started


@pytest.mark.nightly
@pytest.mark.parametrize("time_", range(TIMES))
def test_train_stop_continue_and_interrupt_behave(kernels, time_):
    folder, version = kernels
    with Page(folder) as page:
        assert page.run("import ipykernel", "ipykernel.__version__").strip("'") == version
        page.run(
            "import vtlab as vt\n"
            "panel = vt.TrainPanel(strategy='full', shots=2, epochs=500)\n"
            "def epochs():\n    return len(panel.session.history) if panel.session else 0\n"
            "panel"
        )
        page.press("Train")
        page.until("panel.state == 'training' and epochs() > 1")
        seen = int(page.run("", "epochs()"))
        started = time.monotonic()
        assert page.run("free = 6 * 7", "free") == "42"  # another cell, while it trains
        assert time.monotonic() - started < 2
        page.until(f"epochs() > {seen}")
        page.press("Stop")
        page.until("panel.state == 'stopped'")
        kept = int(page.run("", "epochs()"))
        assert kept >= seen and page.run("", "epochs()") == str(kept)
        page.press("Continue")
        page.until(f"panel.state == 'training' and epochs() > {kept}")
        waiting = page.client.execute("panel.wait()", user_expressions={"value": "None"})
        time.sleep(0.5)
        page.manager.interrupt_kernel()
        with pytest.raises(RuntimeError, match="KeyboardInterrupt"):
            page.answer(waiting)
        page.complaints.clear()  # the interrupt's own traceback
        page.press("Stop")
        page.until("panel.state == 'stopped'")
        assert page.run("", "len(panel.runs)") == "0"  # nothing was finished
        page.run("panel.epochs = 1")
        page.press("Train")
        page.until("panel.state == 'finished' and len(panel.runs) == 1")
        assert page.complaints == []
