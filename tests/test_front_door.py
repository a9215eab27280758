"""The names after `vt.`: all there, light to import, known to editors, and the old ones answer once more."""

import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import jedi
import pytest

import vtlab

PACKAGE = Path(vtlab.__file__).parent


def stub() -> str:
    """`__init__.pyi` as the tables of the front door have it."""
    modules = [(f"vtlab.{module}", name) for name, module in vtlab._HOME.items()]
    modules += [
        (".".join(["vtlab", *module.split(".")[:-1]]), name)
        for name, module in vtlab._NAMESPACES.items()
    ]
    lines = sorted(f"from {module} import {name} as {name}" for module, name in modules)
    return "\n".join([*lines, "", "__version__: str", ""])


def test_the_stub_says_what_the_tables_say():
    assert (PACKAGE / "__init__.pyi").read_text(encoding="utf-8") == stub()
    assert (PACKAGE / "py.typed").exists()


def test_every_public_name_is_there_and_stands_in_its_namespace_once():
    assert all(getattr(vtlab, name) is not None for name in vtlab.__all__)
    assert dir(vtlab) == vtlab.__all__
    assert len(vtlab._HOME) <= 45
    with pytest.raises(AttributeError, match="no 'plot_everything'"):
        vtlab.plot_everything  # noqa: B018


def test_no_public_name_is_hidden_by_a_module_of_that_name():
    modules = {path.stem for path in PACKAGE.iterdir()} - {"__init__"}
    assert not modules & set(vtlab._HOME)
    for wing in ("plots", "analysis"):
        modules = {path.stem for path in (PACKAGE / wing).glob("*.py")}
        face = import_module(f"vtlab.{wing}")
        assert not modules & set(face.__all__)


def test_importing_is_light():
    code = (
        "import sys, vtlab; print(*(m for m in ('torchvision', 'captum', 'sklearn', "
        "'matplotlib', 'ipywidgets', 'pandas') if m in sys.modules))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == ""


@pytest.mark.parametrize("name", vtlab._RENAMED)
def test_an_old_name_leads_to_the_new_one_and_says_so(name):
    with pytest.warns(DeprecationWarning, match=rf"vt\.{name} is now vt\.{vtlab._RENAMED[name]}"):
        found = getattr(vtlab, name)
    new = vtlab
    for part in vtlab._RENAMED[name].split("."):
        new = (
            import_module(f"vtlab.course.{part}")
            if part.startswith("lesson_")
            else getattr(new, part)
        )
    assert found is new


# an editor reads the text only: nothing of it is run


def completed(code: str) -> set[str]:
    return {
        found.name for found in jedi.Script(code, path=PACKAGE.parent / "notebook.py").complete()
    }


def test_an_editor_completes_every_public_name_and_namespace():
    assert completed("import vtlab as vt\nvt.") >= set(vtlab.__all__)
    for wing in ("plots", "analysis"):
        assert completed(f"import vtlab as vt\nvt.{wing}.") >= set(getattr(vtlab, wing).__all__)


@pytest.mark.parametrize(
    "name", sorted(n for n in vtlab._HOME if inspect.isfunction(getattr(vtlab, n)))
)
def test_an_editor_shows_the_signature_of_every_function(name):
    code = f"import vtlab as vt\nvt.{name}("
    (found,) = jedi.Script(code, path=PACKAGE.parent / "notebook.py").get_signatures()
    assert [p.name for p in found.params] == list(
        inspect.signature(getattr(vtlab, name)).parameters
    )
