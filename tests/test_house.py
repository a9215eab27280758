"""The house: floors between the wings, and what may be imported where. `lint-imports` holds the contracts."""

import ast
import subprocess
import sys

import pytest
from house import PACKAGE, ROOT, floors, wings

FILES = sorted(PACKAGE.rglob("*.py"))


def imported(path) -> set[str]:
    """What a file imports, by whatever words: packages, and modules with their dots."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found | {name.split(".")[0] for name in found}


def test_the_wings_stand_on_seven_floors_at_most_and_every_file_in_one():
    assert len(floors(wings())) <= 7
    assert {p.name for p in PACKAGE.glob("*.py")} == {"__init__.py"}


def test_import_linter_keeps_the_contracts():
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as l; l()"]
    shown = subprocess.run(
        [*command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert shown.returncode == 0 and "0 broken" in shown.stdout, shown.stdout


def test_the_package_knows_neither_the_recipes_of_tables_nor_the_tools_of_lessons():
    aside = [*(ROOT / "data/make").glob("*.py"), *(ROOT / "lessons/tools").glob("*.py")]
    aside = {path.stem for path in aside}
    assert len(aside) > 10 and not any(imported(path) & aside for path in FILES)


def test_figures_are_drawn_where_figures_belong_and_never_through_pyplot():
    drawing = {path.parent.name for path in FILES if "matplotlib" in imported(path)}
    assert drawing <= {"plots", "course", "widgets", "study"}
    assert {path.parent.name for path in FILES if "ipywidgets" in imported(path)} <= {
        "widgets",
        "course",
    }
    assert not any("matplotlib.pyplot" in imported(path) for path in FILES)


def test_numbers_and_figures_load_no_torch():
    modules = [
        f"vtlab.{p.parent.name}.{p.stem}" for p in FILES if p.parent.name in ("results", "plots")
    ]
    code = f"import sys, {', '.join(modules)}; print('torch' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "False"


UNPICKLERS = {"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "shelve", "marshal"}
UNPICKLING = {"read_pickle", "to_pickle", "joblib.load", "torch.jit.load", "torch.package"}


def pickles(source: str) -> list[str]:
    """What in a source file could execute a pickle."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [a.name for a in node.names if a.name.split(".")[0] in UNPICKLERS]
        elif isinstance(node, ast.ImportFrom):
            module = (node.module or "").split(".")[0]
            found += [module] if module in UNPICKLERS else []
            found += [
                a.name
                for a in node.names
                if a.name in UNPICKLING or f"{node.module}.{a.name}" in UNPICKLING
            ]
        elif isinstance(node, ast.Attribute):
            dotted = ast.unparse(node)
            found += [dotted] if dotted in UNPICKLING or node.attr in UNPICKLING else []
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            given = {k.arg: ast.unparse(k.value) for k in node.keywords}
            for name, safe in (("weights_only", "True"), ("allow_pickle", "False")):
                if given.get(name, safe) != safe:
                    found.append(f"{name}={given[name]}")
            if called == "torch.load" and "weights_only" not in given:
                found.append("torch.load without weights_only=True")
            if called in ("__import__", "import_module", "importlib.import_module"):
                words = {
                    n.value
                    for a in node.args
                    for n in ast.walk(a)
                    if isinstance(n, ast.Constant) and isinstance(n.value, str)
                }
                found += sorted(words & UNPICKLERS)
    return found


def test_no_pickle_is_ever_executed():
    found = {path.name: pickles(path.read_text(encoding="utf-8")) for path in FILES}
    assert not any(found.values()), found


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "import numpy, _pickle as p",
        "from cloudpickle import loads",
        "from joblib import load",
        "import joblib\njoblib.load(p)",
        "pd.read_pickle(p)",
        "from pandas import read_pickle",
        "torch.load(p)",
        "torch.load(p, weights_only=False)",
        "torch.load(p, weights_only=wanted)",
        "np.load(p, allow_pickle=True)",
        "importlib.import_module('pickle')",
        "__import__('dill')",
        "torch.jit.load(p)",
    ],
)
def test_the_search_for_pickles_finds_them(source):
    assert pickles(source)


@pytest.mark.parametrize(
    "source",
    [
        "torch.load(p, weights_only=True)",
        "np.load(p)",
        "'import pickle'  # joblib.load",
        "json.load(p)",
    ],
)
def test_the_search_for_pickles_finds_nothing_else(source):
    assert pickles(source) == []


def test_no_module_is_a_dumping_ground():
    names = {p.stem for p in FILES}
    assert not names & {"utils", "helpers", "common", "misc", "core"}
