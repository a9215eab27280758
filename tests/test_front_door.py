"""The names after `vt.`: all there, light to import, known to editors, and the old ones answer once more."""

import inspect
import subprocess
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import jedi
import pytest
from runs_made_up import diverged, made_up

import vtlab
from vtlab.data.images import Images
from vtlab.widgets.panel import Panel

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
    assert len(vtlab._HOME) <= 46
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


@pytest.fixture(scope="module")
def large() -> list[object]:
    """An object of each public class that holds much, and what such objects hold."""
    made = vtlab.task("garden", shots=30, image_size=32, tests=40)
    network = vtlab.backbone(classes=8)
    runs = [made_up(seed=seed, images=5000) for seed in range(12)]
    runs.append(diverged(made_up("probe", seed=99)))
    study = vtlab.Study(runs, made, [0], vtlab.FOUR)
    own = vtlab.Setting(backbone=network, image_size=32)
    state = vtlab.fit(network, made, "full").state()
    held = [study.comparison(5), runs[0], runs[-1], state]
    return [made, made.train, study, own, vtlab.full, vtlab.Augment(), *held]


def test_whatever_is_public_prints_in_a_line_what_it_is(large):
    lines = {type(one).__name__: repr(one) for one in large}
    kinds = {kind for name in vtlab._HOME if inspect.isclass(kind := getattr(vtlab, name))}
    # panels print their traits; a network its layers, as every module of PyTorch's does
    rest = {kind for kind in kinds if not issubclass(kind, (Panel, vtlab.Network))}
    assert {kind.__name__ for kind in rest} <= lines.keys()
    for name, line in lines.items():
        assert line.startswith(f"{name}(") and len(line) < 500 and "\n" not in line
    assert lines["Task"] == (
        "Task(garden: 8 classes (Pulmicaria maris, Neranthia humilis, Pulmicaria dulcis …); 240 training "
        "and 320 test images, 32 px; "
        "30 images per class, seed 0)"
    )
    assert lines["Images"] == "Images(240 images, 32 x 32 px; 8 classes)"
    assert lines["Study"] == (
        "Study(garden, mini_resnet: 13 runs; strategies full, probe; shots 5; seeds 0, 1, 2, 3, 4, 5, 6, "
        "7, 8, 9, 10, 11, 99; 1 diverged)"
    )
    assert lines["Setting"] == "Setting(backbone='mini_resnet', image_size=32)"
    assert "probe-5-99; probe diverged at a rate of 9" in lines["Run"]


def test_what_stands_in_a_line_is_what_an_object_holds(large):
    made = large[0]
    ages = Images(made.train.pixels, made.train.labels.float(), groups=("a", "b") * 120)
    assert repr(ages) == "Images(240 images, 32 x 32 px; numbers, 2 groups)"
    number = replace(made, classes=("age",), train=ages, test=ages, draw=None, shots=None)
    assert repr(number.hold_back(0.5)).startswith(
        "Task(garden: age; 120 training and 240 test images, 1"
    )
    assert repr(vtlab.Study([], made, [])) == "Study(no runs)"


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
