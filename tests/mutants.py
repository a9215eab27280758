"""Would the tests notice? The package with one bug at a time, run against its own tests.

    python tests/mutants.py                 # all of them; goes on where it was
    python tests/mutants.py --list
    python tests/mutants.py --only "no warm-up"

Each mutant is one plausible mistake: a sign, a quantile, a frozen stage that wakes. A copy of the
package gets it, and the tests that mirror the changed module run there. What they let pass must
stand against the lesson that teaches it. The table goes to `data/results/mutants.csv`: what
killed each mutant ("tests", "lesson", "time" for one that hangs, nothing for a survivor), and
the first test, or cell, that failed.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
TABLE = ROOT / "data" / "results" / "mutants.csv"
COLUMNS = ("mutant", "file", "killed_by", "first_failure")
SOURCES = ("vtlab", "data/make")  # where mutants are
COPIED = (*SOURCES, "tests")
LINKED = (
    *("lessons", "binder", "pyproject.toml", "README.md", "LICENSE"),
    *("data/README.md", "data/results", "data/weights"),
)
SECONDS = 300  # for tests; a lesson has three times as many
# as nbval and faulthandler say it
TOOK_TOO_LONG = re.compile(r"Timeout of \d+ seconds exceeded|^Timeout \(\d", re.MULTILINE)
PASSED, FAILED = 0, 1  # pytest's exit statuses; the others say that it could not even begin


@dataclass(frozen=True)
class Mutant:
    """One bug.

    Attributes:
        name: What is wrong, in plain words.
        file: In one of the `SOURCES`.
        old: Text that is in the file exactly once.
        new: What stands there instead.
        lesson: The notebook that teaches it, or "".
        tests: pytest's arguments, `-k` where a file takes long; empty for the file that mirrors the module.
    """

    name: str
    file: str
    old: str
    new: str
    lesson: str = ""
    tests: tuple[str, ...] = ()

    @property
    def test_arguments(self) -> tuple[str, ...]:
        """What pytest is given to judge it: `tests/results/test_metrics.py` for `vtlab/results/metrics.py`."""
        _, wing, module = self.file.split("/")
        return self.tests or (f"tests/{wing}/test_{module}",)


FOUR, HEAD, FROZEN, RATES, LOOKS = (
    f"lessons/{name}.ipynb"
    for name in (
        "01_four_strategies",
        "03_a_new_head",
        "04_what_frozen_means",
        "07_learning_rates",
        "09_where_does_it_look",
    )
)
BACKBONES = ("tests/models/test_backbones.py",)

MUTANTS = (
    Mutant(
        "a paired difference has the other sign",
        "vtlab/results/metrics.py",
        "np.asarray(a, float) - np.asarray(b, float)",
        "np.asarray(b, float) - np.asarray(a, float)",
        FOUR,
    ),
    Mutant(
        "t has a degree of freedom too many",
        "vtlab/results/metrics.py",
        "stats.t.ppf((1 + level) / 2, n - 1)",
        "stats.t.ppf((1 + level) / 2, n)",
        FOUR,
    ),
    Mutant(
        "the ends of an interval forget the test set",
        "vtlab/results/metrics.py",
        "mean - np.hypot(seeds_half, mean - lowest)",
        "mean - np.hypot(seeds_half, 0.0)",
        FOUR,
    ),
    Mutant(
        "train() wakes frozen stages",
        "vtlab/models/network.py",
        "if name not in self.learning_parts:\n                part.eval()",
        "if name not in self.learning_parts:\n                part.train(mode)",
        FROZEN,
        BACKBONES,
    ),
    Mutant(
        "freezing leaves the gradients on",
        "vtlab/models/network.py",
        'module.requires_grad_(name in learning and (kind == "all" or name == "head"))',
        'module.requires_grad_(kind == "all" or name == "head")',
        FROZEN,
        BACKBONES,
    ),
    Mutant(
        "normalising forgets the deviation",
        "vtlab/models/network.py",
        "values = (values - mean) / std",
        "values = (values - mean) / 255",
        HEAD,
        BACKBONES,
    ),
    Mutant(
        "every frozen stage counts as the cached prefix",
        "vtlab/models/network.py",
        "                return i\n",
        '                return len(self.stages) - len(self.learning_parts - {"head"})\n',
        FOUR,
        ("tests/training/test_fit.py",),
    ),
    Mutant(
        "predictions are made without eval()",
        "vtlab/models/evaluation.py",
        "with network_in_evaluation_mode(network), torch.no_grad()",
        "with torch.no_grad()",
        FOUR,
    ),
    Mutant(
        "features of other images are believed",
        "vtlab/models/features.py",
        'fingerprint_tensors({"pixels": pixels})',
        'fingerprint_tensors({"pixels": pixels[:1]})',
    ),
    Mutant(
        "labels are rolled by one",
        "vtlab/training/fit.py",
        "labels = self.task.train.labels[index]",
        "labels = self.task.train.labels.roll(1)[index]",
        FOUR,
    ),
    Mutant(
        "the schedule is not applied",
        "vtlab/training/fit.py",
        '            group["lr"] = rates[group["name"]]\n',
        '            group["lr"] += 0 * rates[group["name"]]\n',
        RATES,
    ),
    Mutant(
        "an epoch has batches larger than asked for",
        "vtlab/training/schedules.py",
        "return max(1, min(-(-images // batch_size), images // 2))",
        "return max(1, min(images // batch_size, images // 2))",
        FOUR,
        ("tests/training/test_fit.py",),
    ),
    Mutant(
        "the order of the batches ignores the seed",
        "vtlab/training/fit.py",
        'make_generator(self.seed, "batches")',
        'make_generator(0, "batches")',
        FOUR,
    ),
    Mutant(
        "no warm-up",
        "vtlab/training/schedules.py",
        "if step < warm:",
        "if step < 0:",
        RATES,
    ),
    Mutant(
        "scratch keeps the pretrained weights",
        "vtlab/training/strategies.py",
        "            network.reset_stages(seed)\n",
        '            network.origin = "random"\n',
        FOUR,
    ),
    Mutant(
        "stage-wise rates fall towards the head",
        "vtlab/training/strategies.py",
        "enumerate(reversed(network.parts))",
        "enumerate(network.parts)",
        RATES,
    ),
    Mutant(
        "new heads are not paired by the seed",
        "vtlab/training/strategies.py",
        "network.reset_head(seed)",
        "network.reset_head(seed + len(self.learning_parts(network)))",
        FOUR,
    ),
    Mutant(
        "every epoch sees the same view",
        "vtlab/training/views.py",
        "def _view_of(self, epoch: int) -> int:\n",
        "def _view_of(self, epoch: int) -> int:\n        epoch = 1\n",
        FOUR,
    ),
    Mutant(
        "the strength of L2 is ignored",
        "vtlab/training/logistic.py",
        "penalty = strengths.to(inputs)[:, None]",
        "penalty = torch.full_like(strengths, 0.01).to(inputs)[:, None]",
        RATES,
        ("tests/training/test_probe.py", "tests/training/test_logistic.py"),
    ),
    Mutant(
        "cross-validation is scored on what was fitted on",
        "vtlab/training/probe.py",
        "held = (1 - uses) * weights",
        "held = uses * weights",
        FOUR,
    ),
    Mutant(
        "test images of a folder are among its shots",
        "vtlab/data/folders.py",
        "return [readable[j] for j in kept.tolist()], [",
        "return [readable[j] for j in kept.tolist()] + [readable[j] for j in held.tolist()], [",
        tests=("tests/data/test_tasks.py",),
    ),
    Mutant(
        "shots of a folder are not nested",
        "vtlab/data/tasks.py",
        'random = make_generator(seed, "shots")',
        'random = make_generator(seed, f"{shots} shots")',
    ),
    Mutant(
        "the garden draws the same shots for every seed",
        "vtlab/garden/worlds.py",
        "stream = 100 + (TEST_SEED if seed is None else seed)",
        "stream = 100 + (TEST_SEED if seed is None else 0)",
        FOUR,
    ),
    Mutant(
        "the garden's test images are the shots of seed 0",
        "vtlab/garden/worlds.py",
        "TEST_SEED = -1",
        "TEST_SEED = 0",
        FOUR,
    ),
    Mutant(
        "masks show the ground",
        "vtlab/garden/drawing.py",
        "alpha[:, 0] > 0.5",
        "alpha[:, 0] < 0.5",
        LOOKS,
    ),
    Mutant(
        "convolutions are drawn by fan-in",
        "vtlab/models/initialisation.py",
        "fan_out = module.weight.shape[0] *",
        "fan_out = module.weight.shape[1] *",
        HEAD,
    ),
    Mutant(
        "the class that was asked for is not the one explained",
        "vtlab/analysis/cams.py",
        "None if classes is None else classes[part]",
        "None",
        LOOKS,
    ),
    Mutant(
        "LayerCAM weights by a channel's mean gradient",
        "vtlab/analysis/cams.py",
        "(gradients.clamp(min=0) * maps)",
        "(gradients.mean((2, 3), keepdim=True) * maps)",
        LOOKS,
    ),
    Mutant(
        "the pointing game takes the minimum",
        "vtlab/analysis/scores.py",
        "best = maps.flatten(1).argmax(1)",
        "best = maps.flatten(1).argmin(1)",
        LOOKS,
    ),
    Mutant(
        "randomisation begins at the stem",
        "vtlab/analysis/sanity_checks.py",
        '("head", *reversed(network.stage_names))',
        '(*network.stage_names, "head")',
        LOOKS,
    ),
    Mutant(
        "randomised networks explain their own prediction",
        "vtlab/analysis/sanity_checks.py",
        "yield part, explain(randomised, pixels, method=method, stage=stage, targets=targets)",
        "yield part, explain(randomised, pixels, method=method, stage=stage)",
        LOOKS,
    ),
    Mutant(
        "CKA is not centred",
        "vtlab/analysis/feature_similarity.py",
        "(f.double() - f.double().mean(0) for f in (first, second))",
        "(f.double() for f in (first, second))",
        RATES,
    ),
    Mutant(
        "the way back is not counted",
        "vtlab/training/costs.py",
        "(count.forward + count.backward) // batch",
        "count.forward // batch",
        FROZEN,
    ),
    Mutant(
        "the hash of weights is not compared",
        "vtlab/models/weights.py",
        "if listed.get(path.name) != fingerprint_file(path):",
        "if path.name not in listed:",
        tests=BACKBONES,
    ),
    Mutant(
        "a damaged run is taken for a result",
        "vtlab/system/sealing.py",
        "if match and fingerprint_bytes(match[2]) == match[1].decode():",
        "if match:",
        tests=("tests/results/test_store.py", "-k", "flipped or damage"),
    ),
    Mutant(
        "recipes are chosen on the test images",
        "vtlab/study/tune.py",
        "assert split.val is not None",
        "split = replace(split, val=split.test)",
        FOUR,
    ),
    Mutant(
        "a head's start is thrown away before training",
        "data/make/heads.py",
        'replace(full, head_start="kept", rate=rate)',
        "replace(full, rate=rate)",
        HEAD,
    ),
    Mutant(
        "squared errors are not in units of the variance",
        "vtlab/models/losses.py",
        "F.mse_loss(outputs[:, 0], labels) / variance",
        "F.mse_loss(outputs[:, 0], labels)",
        HEAD,
    ),
    Mutant(
        "a lead whose interval includes 0 is called real",
        "vtlab/results/conclusions.py",
        "behind = rest.low > 0",
        "behind = rest.behind > 0",
    ),
    Mutant(
        "a claim never fails",
        "vtlab/course/lesson.py",
        "if not truths[0]:",
        "if truths[0] is None:",
    ),
    Mutant(
        "an exercise takes any mixture of weights",
        "vtlab/course/lesson_07.py",
        "tuned[name], share), atol=1e-6)",
        "tuned[name], share), atol=10)",
        "lessons/solutions/07_learning_rates.ipynb",
        ("tests/course/test_lesson.py",),
    ),
    Mutant(
        "two trainings of one panel at once",
        "vtlab/widgets/session.py",
        "            if self.busy:\n                return False\n",
        "",
        FOUR,
    ),
    Mutant(
        "Stop is ignored",
        "vtlab/widgets/session.py",
        "        self._training.stop = stop\n",
        "",
        FOUR,
        ("tests/widgets/test_train.py", "-k", "stop or run"),
    ),
)


def plant_bug(mutant: Mutant, root: Path = ROOT) -> str:
    """The text of the mutant's file with the bug in it.

    Raises:
        ValueError: If the old text is not there exactly once.
    """
    text = (root / mutant.file).read_text(encoding="utf-8")
    if (count := text.count(mutant.old)) != 1:
        raise ValueError(f"{mutant.name}: {mutant.old!r} is {count} times in {mutant.file}")
    return text.replace(mutant.old, mutant.new)


@contextmanager
def copy_of_the_project() -> Iterator[Path]:
    """A temporary folder with a copy of sources and tests, and links to what no mutant changes."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        for name in COPIED:
            shutil.copytree(
                ROOT / name, Path(folder, name), ignore=shutil.ignore_patterns("__pycache__")
            )
        for name in LINKED:
            Path(folder, name).symlink_to(ROOT / name)
        yield Path(folder)


def environment(folder: Path) -> dict[str, str]:
    """In which the package of that folder is the one that is imported."""
    data = os.environ.get("VTLAB_TEST_DATA", str(ROOT.parent / "shared" / "data"))
    return {
        **os.environ,
        "PYTHONPATH": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TQDM_DISABLE": "1",
        "VTLAB_TEST_DATA": data,
    }


def check_import(folder: Path) -> None:
    """Refuse to go on where another copy of the package would be tested.

    Raises:
        RuntimeError: Naming the file that was imported.
    """
    found = subprocess.run(
        [sys.executable, "-c", "import vtlab; print(vtlab.__file__)"],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        check=True,
    )
    if not Path(found.stdout.strip()).resolve().is_relative_to(folder.resolve()):
        raise RuntimeError(f"{found.stdout.strip()} is imported instead of the copy in {folder}")


def pytest_in(folder: Path, arguments: tuple[str, ...], seconds: float) -> tuple[int | None, str]:
    """pytest's exit status and output; a status of None where it took too long."""
    options = (
        f"-x -q -p no:cacheprovider --nbval-cell-timeout={seconds:.0f}"
        f" -o faulthandler_timeout={seconds:.0f}"
    )
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", *options.split(), *arguments],
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            output, _ = process.communicate(timeout=seconds)
            return process.returncode, output
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # and the kernels and children of the tests
            return None, process.communicate()[0]


def first_failure(output: str) -> str:
    """The first test, or cell of a notebook, that pytest's summary names."""
    found = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", output, re.MULTILINE)
    return found[1].replace("::ipynb::", "::") if found else ""


def fingerprint(*parts: object) -> str:
    """Of texts, and of what is in files."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(part.read_bytes() if isinstance(part, Path) else str(part).encode())
        whole.update(b"\0")
    return whole.hexdigest()


def list_files(arguments: tuple[str, ...]) -> list[Path]:
    """The files among pytest's arguments."""
    return [ROOT / one for one in arguments if one.startswith(("tests/", "lessons/"))]


def check_sound(arguments: tuple[str, ...], seconds: float, runs: Path) -> None:
    """Refuse tests that fail without any bug: they would kill everything. Once for each state.

    Raises:
        RuntimeError: With what pytest said.
    """
    sources = sorted(file for name in SOURCES for file in (ROOT / name).rglob("*.py"))
    state = fingerprint(arguments, *sources, *list_files(arguments))
    mark = runs / f"sound-{fingerprint(arguments)[:12]}.txt"
    if mark.exists() and mark.read_text() == state:
        return
    with copy_of_the_project() as folder:
        status, output = pytest_in(folder, arguments, seconds)
    if status != PASSED:
        raise RuntimeError(
            f"without any mutant, {' '.join(arguments)} ends with "
            f"{'a timeout' if status is None else status}\n{output[-3000:]}"
        )
    mark.write_text(state)


def find_killer(mutant: Mutant, seconds: float, runs: Path) -> dict[str, str]:
    """What killed a mutant, and the first failure; both empty where nothing did.

    Raises:
        RuntimeError: If pytest could not even begin, or fails without the mutant: neither is a kill.
    """
    judges = [("tests", mutant.test_arguments, seconds)]
    if mutant.lesson:
        judges.append(("lesson", (mutant.lesson,), 3 * seconds))
    for judge, arguments, limit in judges:
        check_sound(arguments, limit, runs)
        with copy_of_the_project() as folder:
            (folder / mutant.file).write_text(plant_bug(mutant), encoding="utf-8")
            status, output = pytest_in(folder, arguments, limit)
        if status is None or (status == FAILED and TOOK_TOO_LONG.search(output)):
            return {"killed_by": "time", "first_failure": first_failure(output)}
        if status == FAILED:
            return {"killed_by": judge, "first_failure": first_failure(output)}
        if status != PASSED:
            raise RuntimeError(f"{mutant.name}: pytest ends with {status}\n{output[-3000:]}")
    return {"killed_by": "", "first_failure": ""}


def row_path(mutant: Mutant, runs: Path) -> Path:
    """Where its row is kept."""
    return runs / f"{re.sub(r'[^a-z0-9]+', '-', mutant.name.lower()).strip('-')}.json"


def fingerprint_inputs(mutant: Mutant) -> dict[str, str]:
    """What a row depends on: the bug and the tests that met it, and the lesson."""
    texts = {name: text for name, text in asdict(mutant).items() if name != "lesson"}
    return {
        "tests": fingerprint(texts, ROOT / mutant.file, *list_files(mutant.test_arguments)),
        "lesson": fingerprint(mutant.lesson, *list_files((mutant.lesson,))),
    }


def read_row(mutant: Mutant, runs: Path) -> dict[str, str] | None:
    """The row of a mutant that met the same tests before (and lesson, if they let it pass)."""
    if not (path := row_path(mutant, runs)).exists():
        return None
    record, seals = json.loads(path.read_text(encoding="utf-8")), fingerprint_inputs(mutant)
    judges = ("tests",) if record["row"]["killed_by"] == "tests" else ("tests", "lesson")
    same = all(record["seals"][judge] == seals[judge] for judge in judges)
    return record["row"] if same else None


def judge_mutant(mutant: Mutant, seconds: float, runs: Path) -> dict[str, str]:
    """A row of the table: read where it is known, else found out and kept."""
    if row := read_row(mutant, runs):
        return row
    started = time.monotonic()
    row = {"mutant": mutant.name, "file": mutant.file, **find_killer(mutant, seconds, runs)}
    record = json.dumps({"seals": fingerprint_inputs(mutant), "row": row}, indent=1)
    row_path(mutant, runs).write_text(record, encoding="utf-8")
    killer, failure = row["killed_by"], row["first_failure"]
    result = f"killed by {killer}: {failure}" if killer else "SURVIVES"
    print(f"{mutant.name}: {result} ({time.monotonic() - started:.0f} s)", flush=True)
    return row


def write_rows(rows: list[dict[str, str]]) -> None:
    """The table, with one row for each mutant."""
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main(given: list[str] | None = None) -> int:
    """Run the mutants; 1 if some could not be judged, such as where tests fail without any bug."""
    parser = argparse.ArgumentParser(
        prog="python tests/mutants.py", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--list", action="store_true", help="name the mutants and run none")
    parser.add_argument("--only", metavar="NAME", help="run one; the table stays as it is")
    parser.add_argument(
        "--runs",
        type=Path,
        default=ROOT / "vtlab-runs" / "mutants",
        help="finished ones (default: %(default)s)",
    )
    parser.add_argument(
        "--timeout", type=float, default=SECONDS, help="seconds (default: %(default)s)"
    )
    arguments = parser.parse_args(given)
    if arguments.list:
        print(*(f"{m.name}  [{m.file}]" for m in MUTANTS), sep="\n")
        return 0
    chosen = [m for m in MUTANTS if arguments.only in (None, m.name)]
    if not chosen:
        parser.error(f"no mutant is called {arguments.only!r}; --list names them")
    for mutant in MUTANTS:
        plant_bug(mutant)
    with copy_of_the_project() as folder:
        check_import(folder)
    arguments.runs.mkdir(parents=True, exist_ok=True)
    rows, failures = [], []
    for mutant in chosen:
        try:
            rows.append(judge_mutant(mutant, arguments.timeout, arguments.runs))
        except RuntimeError as error:
            failures.append(mutant.name)
            print(error, file=sys.stderr, flush=True)
    survivors = [row["mutant"] for row in rows if not row["killed_by"]]
    if rows:
        share = 1 - len(survivors) / len(rows)
        print(
            f"{len(rows)} mutants, {share:.1%} killed; survivors: {'; '.join(survivors) or 'none'}"
        )
    if failures:
        print(f"not judged: {'; '.join(failures)}", file=sys.stderr)
    elif arguments.only is None:
        write_rows(rows)
        print("written:", TABLE.name)
    return int(bool(failures))


if __name__ == "__main__":
    raise SystemExit(main())
