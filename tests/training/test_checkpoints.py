import errno
import json
import os
import pickle
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import torch
from steps_made_up import EVERY, descent, same, states_of, training

from vtlab.system.device import describe_machine
from vtlab.system.sealing import seal_json
from vtlab.training.checkpoints import Checkpoint, CheckpointFolder, checkpointed
from vtlab.training.strategies import lp_ft, partial, probe, scratch

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes")


def kept(folder: Path) -> tuple[Checkpoint | None, list[str]]:
    with CheckpointFolder(folder) as checkpoints:
        return checkpoints.read_latest(), checkpoints.warnings


def filled(folder: Path, strategy=descent, epochs: int = 2, every: int = 3) -> Path:
    """Checkpoints at steps 6 and 8 of a training of 8 steps."""
    list(checkpointed(training(strategy, epochs=epochs), folder, every=every))
    return folder


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.name != ".lock"}


@pytest.mark.parametrize("strategy", [scratch, probe, partial(1), lp_ft], ids=lambda s: s.name)
def test_a_left_training_goes_on_to_the_same_bits(tmp_path, strategy):
    whole = training(strategy, epochs=4)
    reference = states_of(whole)
    shown = []
    for _ in range(3):
        made = training(strategy, epochs=4)
        for epoch in checkpointed(made, tmp_path, every=3):
            shown.append((epoch.number, epoch.loss))
            break
    made = training(strategy, epochs=4)
    shown += [(e.number, e.loss) for e in checkpointed(made, tmp_path, every=3)]
    assert same(made.state(), reference[-1])
    assert shown == [(e.number, e.loss) for e in whole.history]
    assert list(checkpointed(training(strategy, epochs=4), tmp_path)) == []  # it has ended


def test_the_last_two_are_kept_and_nothing_else(tmp_path):
    filled(tmp_path)
    assert names(tmp_path) == {
        f"step-00000000{n}.{s}" for n in (6, 8) for s in ("json", "safetensors")
    }


def test_an_interrupt_is_kept_and_an_error_is_not(tmp_path, monkeypatch):
    made = training(descent)
    real, calls = type(made)._learn, []

    def raising(error):
        def learn(self, *rest):
            real(self, *rest)
            calls.append(1)
            if len(calls) == 5:
                raise error

        return learn

    monkeypatch.setattr(type(made), "_learn", raising(RuntimeError("cut in two")))
    with pytest.raises(RuntimeError):
        list(checkpointed(made, tmp_path, every=2))
    assert kept(tmp_path)[0].values["steps"] == 4
    calls.clear()

    def interrupt(self, *rest):
        real(self, *rest)
        calls.append(1)
        if len(calls) == 3:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(type(made), "_learn", interrupt)
    with pytest.raises(KeyboardInterrupt):
        list(checkpointed(training(descent), tmp_path, every=100))
    assert kept(tmp_path)[0].values["steps"] == 7


def test_a_damaged_checkpoint_is_said_and_the_one_before_is_taken(tmp_path):
    reference = states_of(training(descent, epochs=2))
    filled(tmp_path)
    flip(tmp_path / "step-000000008.safetensors", random.Random(0))
    state, said = kept(tmp_path)
    assert same(state, reference[6])
    assert "step-000000008.json was refused" in said[0] and said[1].endswith("from step 6")
    said = []
    made = training(descent, epochs=2)
    list(checkpointed(made, tmp_path, every=100, say=said.append))
    assert same(made.state(), reference[8]) and len(said) == 2
    assert kept(tmp_path)[1] == []


def test_where_none_is_whole_the_training_begins_again_and_says_so(tmp_path):
    filled(tmp_path)
    for path in tmp_path.glob("*.json"):
        path.write_bytes(b"")
    with pytest.warns(UserWarning, match="refused|from the beginning"):
        made = training(descent, epochs=2)
        assert len(list(checkpointed(made, tmp_path))) == 2


def flip(path: Path, positions: random.Random) -> None:
    content = bytearray(path.read_bytes())
    content[positions.randrange(len(content))] ^= 1 << positions.randrange(8)
    path.write_bytes(content)


@contextmanager
def harmed(path: Path, positions: random.Random, cut: bool):
    whole = path.read_bytes()
    if cut:
        path.write_bytes(whole[: positions.randrange(len(whole))])
    else:
        flip(path, positions)
    yield
    path.write_bytes(whole)


def harm(folder: Path, flips: int, cuts: int) -> int:
    """How many damaged checkpoints were neither said nor passed over."""
    positions, silent = random.Random(2), 0
    newest, oldest = sorted(folder.glob("step-*8.*")), kept_at(folder, 6)
    for i in range(flips + cuts):
        with harmed(positions.choice(newest), positions, i >= flips):
            state, said = kept(folder)
            silent += not (said and "refused" in said[0] and same(state, oldest))
    assert kept(folder)[1] == []
    return silent


def kept_at(folder: Path, step: int) -> Checkpoint:
    copy = folder.with_name("copy")
    shutil.copytree(folder, copy)
    for path in copy.glob("step-*8.*"):
        path.unlink()
    state, said = kept(copy)
    assert state.values["steps"] == step and not said
    return state


def test_no_flipped_bit_and_no_cut_passes_in_silence(tmp_path):
    assert harm(filled(tmp_path / "c", partial(1, head_start="random")), flips=60, cuts=30) == 0


@pytest.mark.nightly
def test_a_thousand_flipped_bits_and_five_hundred_cuts_never_pass_in_silence(tmp_path):
    silent = harm(filled(tmp_path / "c", partial(1, head_start="random")), flips=1000, cuts=500)
    print(f"1,000 flipped bits and 500 cuts: {silent} silent")
    assert silent == 0


@pytest.mark.parametrize("field", ["format", "steps", "configuration"])
def test_a_checkpoint_of_another_format_is_refused(tmp_path, field):
    filled(tmp_path)
    for path in tmp_path.glob("*.json"):
        content = json.loads(path.read_bytes())["content"]
        content["state"][field] = 99
        path.write_bytes(seal_json(content))
    made = training(descent, epochs=2)
    if field == "steps":
        with pytest.warns(UserWarning, match=r"it holds step 99|from the beginning"):
            list(checkpointed(made, tmp_path))
        return
    with pytest.raises(ValueError, match="format is"):
        list(checkpointed(made, tmp_path))


def test_a_folder_of_another_training_is_refused_by_the_field_and_left_alone(tmp_path):
    filled(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.suffix}
    with pytest.raises(ValueError, match=r"seed is 5 there and 7 here.*take another folder"):
        list(checkpointed(training(descent, epochs=2, seed=7), tmp_path))
    assert {path: path.read_bytes() for path in tmp_path.iterdir() if path.suffix} == before


def test_leftovers_of_a_killed_process_are_cleared(tmp_path):
    filled(tmp_path)
    whole = names(tmp_path)
    (tmp_path / "step-000000009.safetensors").write_bytes(b"whole, but without a card")
    (tmp_path / ".step-000000009.json.77.tmp").write_bytes(b"half")
    assert kept(tmp_path)[1] == [] and names(tmp_path) == whole


def test_another_machine_or_thread_count_is_said(tmp_path, monkeypatch):
    filled(tmp_path)
    monkeypatch.setattr("torch.get_num_threads", lambda: 77)
    said = []
    list(checkpointed(training(descent, epochs=2), tmp_path, say=said.append))
    assert len(said) == 1 and "threads 1, here 77: last digits may differ" in said[0]


def test_another_build_of_the_same_torch_is_not_said_and_another_torch_is(tmp_path, monkeypatch):
    machine = describe_machine("cpu", 1)
    for number, (build, sentences) in enumerate({"+cu130": 0, "1": 1}.items()):
        with monkeypatch.context() as patched:
            patched.setattr(
                "vtlab.training.checkpoints.describe_machine",
                lambda *given, build=build: machine | {"torch": machine["torch"] + build},
            )
            filled(tmp_path / str(number))
        said = []
        folder = tmp_path / str(number)
        list(checkpointed(training(descent, epochs=2), folder, say=said.append))
        assert len(said) == sentences, said


class Trap:
    """Leaves a file behind if a pickle of it is ever executed."""

    def __init__(self, proof: Path, how: int) -> None:
        self.proof, self.how = proof, how

    def __reduce__(self):
        code = f"open({str(self.proof)!r}, 'w').close()"
        return ((exec, (code,)), (eval, (code,)), (os.system, (f"touch {self.proof}",)))[
            self.how % 3
        ]


@pytest.mark.parametrize("number", range(10))
def test_a_crafted_pickle_is_never_executed(tmp_path, number):
    proof, folder = tmp_path / "executed", filled(tmp_path / "c", epochs=1, every=2)
    if number < 5:
        crafted = pickle.dumps(Trap(proof, number), protocol=number)
    else:
        torch.save(
            {"steps": 4, "trap": Trap(proof, number)},
            tmp_path / "t",
            _use_new_zipfile_serialization=number % 2 == 0,
        )
        crafted = (tmp_path / "t").read_bytes()
    for path in folder.glob("step-*.safetensors" if number % 2 else "step-*"):
        path.write_bytes(crafted)
    with pytest.warns(UserWarning, match="refused|beginning"):
        list(checkpointed(training(descent, epochs=1), folder))
    from vtlab.training.saving import CARD_FILE, load

    (tmp_path / "m").mkdir()
    (tmp_path / "m" / CARD_FILE).write_bytes(crafted)
    with pytest.raises(ValueError, match="damaged or foreign"):
        load(tmp_path / "m")
    assert not proof.exists()
    pickle.loads(pickle.dumps(Trap(proof, number)))
    assert proof.exists()  # the trap does work


# One process that has everything imported forks the children that are to be killed.
SERVER = """
import os, sys, time
sys.path.insert(0, {tests!r})
import torch
from steps_made_up import EVERY, descent, training
from vtlab.training.checkpoints import checkpointed
torch.set_num_threads(1)
list(training(EVERY[-1], epochs=1))
strategies = {{strategy.name: strategy for strategy in EVERY}}

for line in sys.stdin:
    folder, name, every, *pause = line.split()
    if not (child := os.fork()):
        made = training(strategies[name])
        log = open(folder + ".log", "a")
        step = made.step
        def logged():
            record = step()
            print(made.steps, file=log, flush=True)
            time.sleep(float(*pause))
            return record
        made.step = logged
        for epoch in checkpointed(made, folder, every=int(every)):
            pass
        os._exit(0)
    print("child", child, flush=True)
    print("end", os.waitpid(child, 0)[1], flush=True)
"""


@pytest.fixture(scope="module")
def server():
    here = Path(__file__).parent
    environment = {**os.environ, "PYTHONPATH": str(here.parent), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", SERVER.format(tests=str(here))]
    with subprocess.Popen(
        command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as server:
        yield server
        server.stdin.close()


def started(server) -> int:
    """The child that the server forked for the line it was just given."""
    word, number = server.stdout.readline().split()
    assert word == "child" and int(number) > 0, (word, number)  # a signal to 0 hits everybody
    return int(number)


def killed(server, folder: Path, strategy, every: int, seconds: float) -> bool:
    """Train in a child and kill it so many seconds after its first step; False if it ended."""
    log = folder.with_name(folder.name + ".log")
    before = log.stat().st_size if log.exists() else 0
    print(folder, strategy.name, every, 0.03, file=server.stdin, flush=True)
    child = started(server)
    limit = time.monotonic() + 60
    while not (log.exists() and log.stat().st_size > before):
        assert time.monotonic() < limit, "the child does not work"
        time.sleep(0.002)
    time.sleep(seconds)
    with suppress(ProcessLookupError):  # it had ended already
        os.kill(child, signal.SIGKILL)
    return int(server.stdout.readline().split()[1]) == signal.SIGKILL


def kill_and_resume(server, folder: Path, strategy, times: int, seed: int) -> tuple[int, int]:
    """Kills that hit a training, and those after which all is well."""
    every, moments = 4, random.Random(seed)
    reference = states_of(training(strategy))
    hit = well = trial = 0
    while hit < times:
        place = folder / str(trial)
        trial += 1
        log = place.with_name(place.name + ".log")
        while hit < times and killed(server, place, strategy, every, moments.uniform(0, 0.25)):
            hit += 1
            taken = int(log.read_text().split("\n")[-2])
            state, said = kept(place)
            steps = state.values["steps"] if state else 0
            fine = not said and taken - steps <= every
            fine &= state is None or same(state, reference[steps])
            fine &= not list(place.glob(".*.tmp"))
            well += fine
            if fine and moments.random() < 0.3:  # to the end, in a copy
                copy = place.with_name(f"{place.name}-{hit}")
                shutil.copytree(place, copy)
                made = training(strategy)
                list(checkpointed(made, copy, every=every))
                well -= not same(made.state(), reference[-1])
        made = training(strategy)
        list(checkpointed(made, place, every=every))
        assert same(made.state(), reference[-1])
    return hit, well


@forks
def test_killed_trainings_go_on_to_the_same_bits(server, tmp_path):
    assert kill_and_resume(server, tmp_path, descent, 4, seed=0) == (4, 4)


@forks
@pytest.mark.nightly
def test_a_hundred_killed_trainings_go_on_to_the_same_bits(server, tmp_path):
    hits = wells = 0
    for number, strategy in enumerate(EVERY):
        times = 100 // len(EVERY) + (number < 100 % len(EVERY))
        (tmp_path / str(number)).mkdir()
        hit, well = kill_and_resume(server, tmp_path / str(number), strategy, times, number)
        print(f"{strategy.name}: {well} of {hit} kills")
        hits, wells = hits + hit, wells + well
    print(f"{wells} of {hits} killed trainings resumed to the same bits, one interval lost at most")
    assert hits == wells == 100


@forks
def test_two_processes_on_one_folder_one_is_refused(server, tmp_path):
    folder = tmp_path / "c"
    print(folder, "scratch", 4, 60, file=server.stdin, flush=True)  # it sleeps after a step
    child = started(server)
    limit = time.monotonic() + 60
    log = folder.with_name("c.log")
    while not (log.exists() and log.stat().st_size):
        assert time.monotonic() < limit
        time.sleep(0.002)
    try:
        with pytest.raises(ValueError, match=rf"another process \({child}\) is working in .*c"):
            list(checkpointed(training(scratch), folder))
    finally:
        os.kill(child, signal.SIGKILL)
    assert server.stdout.readline().split()[0] == "end"
    list(checkpointed(training(scratch), folder))


def test_two_checkpointed_trainings_of_one_process_are_refused_too(tmp_path):
    one = checkpointed(training(descent), tmp_path)
    next(one)
    with pytest.raises(ValueError, match="is working in"):
        next(checkpointed(training(descent), tmp_path))
    one.close()


@contextmanager
def small_disk(folder: Path, size: int):
    """A file system of so many bytes, or None where this process may not mount one."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    can = sys.platform == "linux" and os.geteuid() == 0 and shutil.which("mount")
    if not can or subprocess.run(mount, capture_output=True, check=False).returncode:
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_at_twenty_sizes_leaves_the_old_checkpoint(tmp_path):
    values = training(probe).state().values
    states = [
        Checkpoint({"network.filler": torch.rand(40_000)}, {**values, "steps": n}) for n in (1, 2)
    ]
    first, second = states
    with CheckpointFolder(tmp_path / "measured") as checkpoints:
        checkpoints.save(first)
    pages = sum(-(-path.stat().st_size // 4096) for path in (tmp_path / "measured").iterdir())
    failed = 0
    for i in range(20):  # from just one checkpoint to just two
        size = 4096 * (pages + 1 + i * (pages + 3) // 19)
        with small_disk(tmp_path / str(i), size) as disk:
            if disk is None:
                pytest.skip("this process may not mount a small disk")
            with CheckpointFolder(disk / "c") as checkpoints:
                checkpoints.save(first)
                try:
                    checkpoints.save(second)
                except OSError as error:
                    assert error.errno == errno.ENOSPC and "step-" in str(error)
                    failed += 1
                    assert same(checkpoints.read_latest(), first) and checkpoints.warnings == []
                    assert names(disk / "c") == {
                        f"step-000000001.{s}" for s in ("json", "safetensors")
                    }
                else:
                    assert same(checkpoints.read_latest(), second)
    print(f"the disk was full at {failed} of 20 sizes")
    assert 15 <= failed < 20


@pytest.mark.skipif(os.name != "posix", reason="limits the size of files")
def test_a_file_that_may_not_grow_leaves_the_old_checkpoint(tmp_path):
    import resource

    state = training(probe, epochs=4).state()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with CheckpointFolder(tmp_path) as checkpoints:
            checkpoints.save(state)
            resource.setrlimit(resource.RLIMIT_FSIZE, (3000, before[1]))
            with pytest.raises(OSError, match="could not be written: File too large"):
                checkpoints.save(Checkpoint(state.tensors, {**state.values, "steps": 1}))
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            assert same(checkpoints.read_latest(), state) and checkpoints.warnings == []
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_impossible_wishes_are_refused(tmp_path):
    with pytest.raises(ValueError, match="after every 0 steps"):
        next(checkpointed(training(descent), tmp_path, every=0))
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="is a file; checkpoints need a folder"):
        next(checkpointed(training(descent), tmp_path / "file"))
