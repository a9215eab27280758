"""What a person gets from `pip install` of the built wheel, in an empty folder."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAB = """
import subprocess, sys
from pathlib import Path
import vtlab, vtlab.cli
assert Path(vtlab.__file__).is_relative_to(sys.argv[1]), vtlab.__file__
asked = []
subprocess.run = lambda command, **_: asked.append(command) or subprocess.CompletedProcess(command, 0)
assert vtlab.cli.main(["lab"]) == 0
first = Path(asked[0][3])
assert first.is_file() and first.name.startswith("01_"), first
first.write_text(first.read_text(encoding="utf-8"), encoding="utf-8")
(first.parent / "notes.txt").write_text("mine", encoding="utf-8")
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    pytest.importorskip("hatchling", reason="the wheel is built with hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The folder that the wheel was installed into, without its dependencies."""
    folder = tmp_path_factory.mktemp("site")
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            "-q",
            "--no-deps",
            "--no-index",
            "--target",
            str(folder),
            str(wheel),
        ],
        check=True,
    )
    return folder


def run(installed, at, *command):
    """A command in an empty folder, with the installed package first on the path."""
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    return subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=at,
        env=environment,
        capture_output=True,
        text=True,
    )


def test_the_wheel_holds_the_package_its_weights_and_lessons_and_no_tests(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    roots = {name.split("/")[0] for name in names}
    assert {r for r in roots if not r.endswith(".dist-info")} == {"vtlab"}
    for ending in (".safetensors", "sha256.json", "shots_garden.csv", "01_four_strategies.ipynb"):
        assert any(name.endswith(ending) for name in names), ending
    scripts = next(name for name in names if name.endswith("entry_points.txt"))
    assert "vtlab = vtlab.cli:main" in zipfile.ZipFile(wheel).read(scripts).decode()
    assert not [name for name in names if "test" in Path(name).name]
    assert wheel.stat().st_size < 40e6


def test_comparing_works_in_an_empty_folder(installed, tmp_path):
    command = "import sys; from vtlab.cli import main; sys.exit(main())"
    shown = run(
        installed,
        tmp_path,
        "-c",
        command,
        "compare",
        "--epochs",
        1,
        "--seeds",
        1,
        "--image-size",
        32,
        "--shots",
        2,
        "--strategies",
        "probe,full",
    )
    assert shown.returncode == 0, shown.stderr
    assert (tmp_path / "vtlab-report" / "report.html").is_file()
    assert (tmp_path / "vtlab-report" / "runs.csv").is_file()


def test_the_lessons_are_copied_to_where_one_can_write(installed, tmp_path):
    shown = run(installed, tmp_path, "-c", LAB, installed)
    assert shown.returncode == 0, shown.stderr
    assert (tmp_path / "vtlab-lessons" / "notes.txt").read_text(encoding="utf-8") == "mine"
    assert "lessons copied" in shown.stdout
