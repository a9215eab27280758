"""Binder's recipe, as far as it can be tried without a hub: its steps, and its last step for real."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BINDER = ROOT / "binder"


def pins() -> dict[str, str]:
    lines = (BINDER / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if "==" in line)


def test_every_package_is_pinned_and_nothing_that_the_package_needs_is_missing():
    import tomllib

    lines = (BINDER / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert all(re.fullmatch(r"#.*|--extra-index-url .*|[\w-]+==[\d.]+(\+cpu)?", x) for x in lines)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    needed = {
        re.match(r"[\w-]+", d)[0]
        for d in (
            *project["project"]["dependencies"],
            *project["project"]["optional-dependencies"]["course"],
        )
    }
    assert needed | {"ipykernel", "hatchling"} == set(pins())


def test_torch_is_the_small_build_from_pytorchs_own_index_and_no_other_host_is_named():
    text = (BINDER / "requirements.txt").read_text(encoding="utf-8")
    assert re.findall(r"https?://\S+", text) == ["https://download.pytorch.org/whl/cpu"]
    assert pins()["torch"].endswith("+cpu") and pins()["torchvision"].endswith("+cpu")


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Path:
    """A copy of what git would hand out."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git clone")
    folder = tmp_path_factory.mktemp("clone")
    for name in filter(lambda n: (ROOT / n).is_file(), listed.stdout.splitlines()):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    return folder


def test_the_dry_build_installs_before_it_copies_and_builds_after(clone):
    pytest.importorskip("repo2docker")
    built = subprocess.run(
        [sys.executable, "-m", "repo2docker", "--no-build", "--debug", str(clone)],
        capture_output=True,
        text=True,
        check=False,
        cwd=clone.parent,
    )
    said = built.stdout + built.stderr
    assert built.returncode == 0, said
    assert "building conda environment for python=3.12" in said.lower()
    steps = ["requirements.txt", "COPY --chown=0:0 src/ ", "./binder/postBuild", "binder/start"]
    docker = said[said.index("FROM ") :]
    # a file is copied in before it is used: its last mention is its use
    places = [docker.rfind(step) for step in steps]
    assert -1 not in places and places == sorted(places), dict(zip(steps, places, strict=True))


@pytest.fixture(scope="module")
def built(clone, tmp_path_factory) -> tuple[Path, dict[str, str]]:
    """A new environment in which postBuild ran twice, and the variables to work in it.

    The packages are those of the present environment, seen through a path file.
    """
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, with_pip=True)
    python = home / "bin" / "python"
    site = subprocess.check_output(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True
    ).strip()
    (Path(site) / "packages.pth").write_text(sysconfig.get_path("purelib") + "\n")
    environment = {
        **os.environ,
        "NB_PYTHON_PREFIX": str(home),
        "PATH": f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}",
    }
    environment.pop("PYTHONPATH", None)
    for _ in range(2):
        done = subprocess.run(
            ["binder/postBuild"],
            cwd=clone,
            env=environment,
            text=True,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "is ready" in done.stdout
    return home, environment


@pytest.mark.nightly
def test_post_build_may_run_twice_and_leaves_a_package_and_settings(built, clone):
    home, environment = built
    where = subprocess.check_output(
        [home / "bin" / "python", "-c", "import vtlab; print(vtlab.__file__)"],
        cwd=clone / "lessons",
        env=environment,
        text=True,
    )
    assert Path(where.strip()).is_relative_to(home)
    settings = json.loads((home / "share/jupyter/lab/settings/overrides.json").read_text())
    assert settings == {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false"}}
    status = subprocess.run(["git", "status"], cwd=clone, capture_output=True, check=False)
    assert status.returncode or b"build/" not in status.stdout


@pytest.mark.nightly
@pytest.mark.parametrize("number", ["01", "04"])
def test_a_lesson_passes_in_what_post_build_made(number, built, clone):
    home, environment = built
    (notebook,) = clone.glob(f"lessons/{number}_*.ipynb")
    run = subprocess.run(
        [
            "binder/start",
            home / "bin" / "python",
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-c",
            os.devnull,
            "--rootdir",
            clone,
            "--nbval",
            "--nbval-current-env",
            "--nbval-cell-timeout=600",
            "-p",
            "no:randomly",
            notebook,
        ],
        cwd=clone,
        env=environment,
        text=True,
        capture_output=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-3000:]


def test_start_hands_over_to_its_command_with_one_thread():
    shown = subprocess.check_output(
        [BINDER / "start", "sh", "-c", "echo $OMP_NUM_THREADS $VTLAB_THREADS"]
    )
    assert shown == b"1 1\n"
