import errno
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import pytest

import vtlab
from vtlab.results.records import Epoch, Run
from vtlab.results.store import OLD_MANIFEST, STUDY_FILE, RunStore
from vtlab.system.sealing import seal_json

FINGERPRINT = {"task": "garden", "backbone": "mini_resnet", "epochs": None, "image_size": 64}
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes")


def made(seed: int, size: int = 6) -> Run:
    """A run that its seed determines, so that any process knows what it must hold."""
    numbers = random.Random(seed)
    return Run(
        "garden",
        "mini_resnet",
        "abc",
        "partial(1)",
        5,
        seed,
        None,
        numbers.random(),
        numbers.random(),
        1.5,
        10,
        20,
        1,
        "",
        (Epoch(1, 2.0, 0.5, 1e-3, 0.1),),
        tuple(numbers.randrange(8) for _ in range(size)),
        tuple(numbers.random() for _ in range(size)),
        (((0.5, 1.0), (0.0, 2.0)),),
        {"rate": 1e-3, "threads": 1, "tuned": False, "note": None},
    )


def kept(folder: Path) -> tuple[list[Run], list[str]]:
    with RunStore(folder) as store:
        return store.runs(), store.damaged


def filled(folder: Path, seeds: int = 4) -> Path:
    with RunStore(folder) as store:
        store.begin(FINGERPRINT)
        for seed in range(seeds):
            store.add(made(seed))
    return folder


# One process that has everything imported forks the children that are to be killed.
SERVER = """
import os, signal, sys, time
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_store import RunStore, made

def at_step(number):
    step = 0
    def wrap(call):
        def counted(*args, **more):
            nonlocal step
            if (step := step + 1) == number:
                os.kill(os.getpid(), signal.SIGKILL)
            result = call(*args, **more)
            if (step := step + 1) == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return result
        return counted
    os.fsync, Path.replace = wrap(os.fsync), wrap(Path.replace)

for line in sys.stdin:
    folder, first, size, step = line.split()
    if not (child := os.fork()):
        with RunStore(folder) as store, open(folder + ".log", "a") as log:
            at_step(int(step))
            for seed in range(int(first), int(first) + 500):
                if int(size):
                    store.add(made(seed, int(size)))
                print(seed, file=log, flush=True)
                if not int(size):
                    time.sleep(30)
                    break
        os._exit(0)
    print("child", child, flush=True)
    print("end", os.waitpid(child, 0)[1], flush=True)
"""


class Victims:
    """Children that add runs to a folder until they are killed."""

    def __init__(self, server: subprocess.Popen) -> None:
        self.server = server
        self.child = 0

    def start(self, folder: Path, first: int, size: int, step: int = -1) -> int:
        print(folder, first, size, step, file=self.server.stdin, flush=True)
        self.child = self._answer("child")
        return self.child

    def wait(self) -> int:
        status, self.child = self._answer("end"), 0
        return status

    def _answer(self, word: str) -> int:
        said = self.server.stdout.readline().split()
        assert said[:1] == [word], said
        return int(said[1])


@pytest.fixture(scope="module")
def server():
    here = Path(__file__).parent
    paths = [str(Path(vtlab.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-c", SERVER.format(tests=str(here))]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as server:
        yield server
        server.stdin.close()


@pytest.fixture
def victims(server):
    victims = Victims(server)
    yield victims
    if victims.child:  # the test has failed
        os.kill(victims.child, signal.SIGKILL)
        victims.wait()


def acknowledged(folder: Path) -> list[int]:
    log = folder.with_name(folder.name + ".log")
    return [int(seed) for seed in log.read_text().split()] if log.exists() else []


def wait_for(what, seconds: float = 20) -> None:
    limit = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < limit, "the child does not work"
        time.sleep(0.001)


def check_after_kill(folder: Path, size: int) -> list[int]:
    runs, damaged = kept(folder)
    seeds = [run.seed for run in runs]
    assert set(acknowledged(folder)) <= set(seeds)  # nothing accepted is lost
    assert runs == [made(seed, size) for seed in seeds]  # nothing torn is accepted
    assert len(seeds) <= len(set(acknowledged(folder))) + 1  # `+ 1`: whole, but not yet answered
    assert not damaged
    assert not list(folder.glob(".*.tmp"))
    return sorted(seeds)


@forks
def test_twenty_kills_at_random_moments_lose_no_run_and_tear_none(tmp_path, victims):
    folder, moments, seeds = tmp_path / "runs", random.Random(4), []
    for _ in range(20):
        child = victims.start(folder, len(seeds), 1500)
        before = len(acknowledged(folder))
        wait_for(lambda before=before: len(acknowledged(folder)) > before)
        time.sleep(moments.uniform(0, 0.02))
        os.kill(child, signal.SIGKILL)
        assert victims.wait() == signal.SIGKILL
        seeds = sorted(set(check_after_kill(folder, 1500)))
        assert seeds == list(range(len(seeds)))
        log = folder.with_name("runs.log")  # a run may be kept whose answer was never given
        log.write_text("".join(f"{seed}\n" for seed in seeds))
    assert len(seeds) >= 20


@forks
def test_a_kill_before_and_after_every_flush_and_rename_does_no_harm(tmp_path, victims):
    outcomes = []
    for step in range(1, 7):  # 6 per run: its file's flush, rename, folder
        folder = filled(tmp_path / str(step), seeds=2)
        folder.with_name(folder.name + ".log").write_text("0\n1\n")
        victims.start(folder, 2, 6, step)
        assert victims.wait() == signal.SIGKILL
        outcomes.append(len(check_after_kill(folder, 6)))
    assert outcomes == sorted(outcomes) and set(outcomes) == {2, 3}


@forks
def test_a_second_process_is_refused_until_the_first_one_dies(tmp_path, victims):
    folder = filled(tmp_path / "runs")
    child = victims.start(folder, 0, 0)
    wait_for(lambda: acknowledged(folder))
    with pytest.raises(ValueError, match=rf"another process \({child}\) is working in .*runs"):
        kept(folder)
    os.kill(child, signal.SIGKILL)
    victims.wait()
    assert len(kept(folder)[0]) == 4


def test_two_stores_of_one_process_are_refused_too(tmp_path):
    with RunStore(tmp_path), pytest.raises(ValueError, match="is working in"):
        kept(tmp_path)
    assert kept(tmp_path) == ([], [])


def test_no_flipped_bit_in_a_run_is_accepted_in_silence(tmp_path):
    folder, positions = filled(tmp_path / "runs"), random.Random(0)
    originals, _ = kept(folder)
    files = sorted(folder.glob("partial*.json"))
    for _ in range(200):
        with flipped(positions.choice(files), positions):
            runs, damaged = kept(folder)
        assert damaged
        assert len(runs) < len(originals)
        assert all(run in originals for run in runs)
    assert kept(folder) == (originals, [])


def test_no_flipped_bit_makes_the_folder_another_study(tmp_path):
    folder, positions, refused = filled(tmp_path / "runs"), random.Random(1), 0
    for _ in range(100):
        with flipped(folder / STUDY_FILE, positions), RunStore(folder) as store:
            try:
                store.begin(FINGERPRINT)
            except ValueError as error:
                assert "study.json is damaged" in str(error)
                refused += 1
    assert refused == 100


@contextmanager
def flipped(path: Path, positions: random.Random):
    whole = path.read_bytes()
    content = bytearray(whole)
    content[positions.randrange(len(content))] ^= 1 << positions.randrange(8)
    path.write_bytes(content)
    yield
    path.write_bytes(whole)


def test_a_damaged_run_is_reported_and_can_be_trained_again(tmp_path):
    folder = filled(tmp_path / "runs")
    (folder / f"{made(2).key}.json").write_text(sealed(made(2)).replace("0.5", "0.9"))
    with RunStore(folder) as store:
        assert len(store.damaged) == 1
        assert re.match(r"partial_1_-5-2\.json was refused \(its sha256 .*again", store.damaged[0])
        assert store.missing([made(seed).key for seed in range(5)]) == [made(2).key, made(4).key]
        store.add(made(2))
        assert store.missing([made(2).key]) == []
    assert kept(folder) == ([made(seed) for seed in range(4)], [])


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (lambda folder, run: run.write_bytes(run.read_bytes()[:100]), "sha256"),
        (lambda folder, run: run.write_bytes(b""), "sha256"),
        (lambda folder, run: shutil.copy(run, folder / "partial_1_-5-9.json"), "holds the run"),
        (lambda folder, run: run.write_text(sealed(made(7))), "holds the run"),
        (lambda folder, run: run.write_text("[" * 100_000), "refused"),
    ],
)
def test_every_kind_of_damage_is_reported(tmp_path, harm, sentence):
    folder = filled(tmp_path / "runs")
    harm(folder, folder / f"{made(1).key}.json")
    runs, damaged = kept(folder)
    assert any(sentence in line for line in damaged)
    assert all(run in [made(seed) for seed in range(4)] for run in runs)


def sealed(run: Run) -> str:
    return seal_json(asdict(run)).decode()


def test_a_deleted_run_is_trained_again(tmp_path):
    folder = filled(tmp_path / "runs")
    (folder / f"{made(1).key}.json").unlink()
    with RunStore(folder) as store:
        assert store.missing([made(seed).key for seed in range(4)]) == [made(1).key]


def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch):
    folder = filled(tmp_path / "runs")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with RunStore(folder) as store:
        real, calls = os.fsync, []

        def fsync(handle: int) -> None:
            calls.append(handle)
            if len(calls) == 1:
                raise OSError(errno.ENOSPC, "No space left on device")
            real(handle)

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", fsync)
            with pytest.raises(OSError, match=r"could not be written: No space") as caught:
                store.add(made(9))
        assert caught.value.errno == errno.ENOSPC
        assert store.missing([made(9).key]) == [made(9).key]
        after = {path.name: path.read_bytes() for path in folder.iterdir()}
        assert after.pop(".lock") and before.pop(".lock") and after == before
        store.add(made(9))  # there is room again
    assert len(kept(folder)[0]) == 5


def test_temporary_files_of_a_killed_process_are_cleared(tmp_path):
    folder = filled(tmp_path / "runs")
    (folder / f".{made(8).key}.json.123.tmp").write_text("half")
    assert kept(folder) == ([made(seed) for seed in range(4)], [])
    assert {p.name for p in folder.iterdir() if p.name.startswith(".")} == {".lock"}


def test_a_folder_of_another_study_is_refused_by_the_fields_that_differ(tmp_path):
    folder = filled(tmp_path / "runs")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with RunStore(folder) as store:
        store.begin(dict(reversed(FINGERPRINT.items())))
        with pytest.raises(ValueError, match="epochs is None there and 9 here") as caught:
            store.begin({**FINGERPRINT, "epochs": 9})
        assert "task" not in str(caught.value) and "\n" not in str(caught.value)
        with pytest.raises(ValueError, match="tune is None there and True here"):
            store.begin({**FINGERPRINT, "tune": True})
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_runs_without_a_study_belong_to_nobody(tmp_path):
    folder = filled(tmp_path / "runs")
    (folder / STUDY_FILE).unlink()
    with RunStore(folder) as store, pytest.raises(ValueError, match=r"study\.json is missing"):
        store.begin(FINGERPRINT)


def test_a_kept_run_is_not_replaced_by_another(tmp_path):
    folder = filled(tmp_path / "runs")
    with RunStore(folder) as store:
        store.add(made(1))
        with pytest.raises(ValueError, match="has another run partial_1_-5-1 already"):
            store.add(replace(made(1), test_accuracy=1.0))
    assert kept(folder) == ([made(seed) for seed in range(4)], [])


def test_a_folder_of_an_older_version_is_refused_and_left_as_it_is(tmp_path):
    (tmp_path / OLD_MANIFEST).write_text("0" * 64 + "  probe-5-0.json")
    with pytest.raises(ValueError, match="holds runs of another version of vtlab"):
        kept(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [OLD_MANIFEST]


@pytest.mark.parametrize("field", ["steps", "diverged", "task", "loss"])
@pytest.mark.parametrize("change", ["missing", "renamed"])
def test_a_run_with_the_fields_of_another_version_refuses_the_folder(tmp_path, field, change):
    folder = filled(tmp_path / "runs")
    values = asdict(made(1))
    holder = values["epochs"][0] if field == "loss" else values
    value = holder.pop(field)
    if change == "renamed":
        holder["new"] = value
    (folder / f"{made(1).key}.json").write_bytes(seal_json(values))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    sentence = r"runs holds runs of another version of vtlab: take another folder \(--out\), or"
    for _ in range(2):  # the lock is given back
        with pytest.raises(ValueError, match=sentence):
            kept(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_store_works_only_inside_with_and_only_in_a_folder(tmp_path):
    with pytest.raises(ValueError, match="is not locked"):
        RunStore(tmp_path).add(made(0))
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="is a file"):
        kept(tmp_path / "file")
