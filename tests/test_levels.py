"""The house: which module may import which, and what may be imported at all."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "vtlab"
LEVELS = [
    {"names", "records", "metrics", "interrupts", "files", "memory"},
    {"randomness", "garden", "digits", "cutting", "timm_models", "decoding", "splits", "listing",
     "layers", "duplicates", "pixel_store", "rows", "torchvision_datasets", "images", "tasks", "families",
     "weights", "torchvision_models", "initialise", "targets", "network", "backbones", "adapters",
     "strategies", "augment", "feature_file",
     "precision", "features", "mixup", "views", "logistic", "solver", "stepwise", "fingerprints", "checkpoints",
     "models", "schedules", "training", "ranges", "costs",
     "diagnose", "attribution", "probes", "samples", "fields", "inside", "gradients"},
    {"store", "bench", "study", "advice", "sources", "pretrain", "zoo", "sweeps", "cam_tables", "drift", "real",
     "heads", "depth", "augmentation", "tables"},
    {"style", "plots", "findings"},
    {"widgets"},
    {"page", "sections", "report", "exercises", "lesson", "naming", "build", "lint", "cli",
     "reseed", "budget"},
]  # fmt: skip
LEVEL = {name: i for i, names in enumerate(LEVELS) for name in names}
FILES = sorted(p for p in PACKAGE.rglob("*.py") if p != PACKAGE / "__init__.py")


def top(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def inside(path: Path) -> set[str]:
    """The vtlab modules that a file imports."""
    parts = [name.split(".") for name in imports(path) if name.startswith("vtlab.")]
    return {p[1] for p in parts if p[1] in LEVEL}


def test_every_module_has_its_level():
    assert {top(p) for p in FILES} == set(LEVEL)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_module_imports_from_its_level_or_below(path):
    above = {m for m in inside(path) if LEVEL[m] > LEVEL[top(path)]}
    assert not above


def test_imports_go_one_way_within_a_level():
    graph = {m: set().union(*(inside(p) for p in FILES if top(p) == m)) - {m} for m in LEVEL}
    order = []
    while graph:
        free = [m for m, needs in graph.items() if not needs & set(graph)]
        assert free, f"a circle among {sorted(graph)}"
        order += free
        for m in free:
            del graph[m]


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_heavy_libraries_stay_where_they_belong(path):
    roots = {name.split(".")[0] for name in imports(path)}
    level = LEVEL[top(path)]
    assert "torch" not in roots or level in (1, 2, 5)
    assert "matplotlib" not in roots or level >= 3
    assert "ipywidgets" not in roots or level >= 4
    assert not any("pyplot" in name for name in imports(path))


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
            found += [a.name for a in node.names
                      if a.name in UNPICKLING or f"{node.module}.{a.name}" in UNPICKLING]  # fmt: skip
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
                words = {n.value for a in node.args for n in ast.walk(a)
                         if isinstance(n, ast.Constant) and isinstance(n.value, str)}  # fmt: skip
                found += sorted(words & UNPICKLERS)
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_no_pickle_is_ever_executed(path):
    assert pickles(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("source", [
    "import pickle", "import numpy, _pickle as p", "from cloudpickle import loads",
    "from joblib import load", "import joblib\njoblib.load(p)", "pd.read_pickle(p)",
    "from pandas import read_pickle", "torch.load(p)", "torch.load(p, weights_only=False)",
    "torch.load(p, weights_only=wanted)", "np.load(p, allow_pickle=True)",
    "importlib.import_module('pickle')", "__import__('dill')", "torch.jit.load(p)",
])  # fmt: skip
def test_the_search_for_pickles_finds_them(source):
    assert pickles(source)


@pytest.mark.parametrize("source", ["torch.load(p, weights_only=True)", "np.load(p)",
                                    "'import pickle'  # joblib.load", "json.load(p)"])  # fmt: skip
def test_the_search_for_pickles_finds_nothing_else(source):
    assert pickles(source) == []


def test_no_module_is_a_dumping_ground():
    names = {p.stem for p in FILES}
    assert not names & {"utils", "helpers", "common", "misc", "core"}


def test_public_names_exist_and_importing_is_light():
    import subprocess
    import sys

    import vtlab

    assert all(getattr(vtlab, name) is not None for name in vtlab.__all__)
    code = "import sys, vtlab; print(*(m for m in ('torchvision', 'captum', 'sklearn', " \
           "'matplotlib', 'ipywidgets', 'pandas') if m in sys.modules))"  # fmt: skip
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == ""


def test_no_public_name_is_hidden_by_a_module_of_that_name():
    import vtlab

    assert not {top(p) for p in FILES} & set(vtlab.__all__)
