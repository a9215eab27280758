"""What a lesson takes: `python lessons/tools/budget.py [NN …]`.

Runs every lesson in a fresh kernel under a memory limit, with one and with two threads, and
prints seconds, CPU-minutes and peak memory. A kernel that dies is reported by its lesson's name
within seconds. As root the limit is a cgroup's, as on a hub; elsewhere a watch ends the kernel
when its memory passes the limit. The table says which.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from build import mirrors, notebook_of, read_mirror, run, why

from vtlab.system.device import has_native_bfloat16

LIMIT = 2 << 30  # bytes: what Binder gives
MOST = {"seconds": 90, "gigabytes": 1.2, "cpu_minutes": 3.0}  # what a lesson may take
CGROUPS = Path("/sys/fs/cgroup")
ENTER = 'echo $$ > "$0" && exec "$@"'  # a shell that joins a cgroup and becomes the kernel


@dataclass(frozen=True)
class Taken:
    """What one lesson took: seconds, CPU-minutes, peak resident memory, or why it failed."""

    lesson: str
    threads: int
    seconds: float
    cpu_minutes: float
    gigabytes: float
    complaint: str = ""

    @property
    def excess(self) -> list[str]:
        """Which of the budget's numbers are exceeded."""
        return [name for name, most in MOST.items() if getattr(self, name) > most]

    def __str__(self) -> str:
        """One line of the table."""
        verdict = self.complaint or (f"over: {', '.join(self.excess)}" if self.excess else "ok")
        return (
            f"{self.lesson:32s} {self.threads:7d} {self.seconds:8.0f} {self.cpu_minutes:8.2f} "
            f"{self.gigabytes:6.2f}  {verdict}"
        )


@contextlib.contextmanager
def fence(limit: int) -> Iterator[tuple[str, list[str]]]:
    """A memory limit for a kernel: what it is, and the command that puts a command inside."""
    group, words = _group(limit)
    if group is None:
        yield words, []
        return
    try:
        yield words, ["sh", "-c", ENTER, str(group / "cgroup.procs")]
    finally:
        for _ in range(50):  # the group is busy until its last process is gone
            with contextlib.suppress(OSError):
                group.rmdir()
                break
            time.sleep(0.1)


def _group(limit: int) -> tuple[Path | None, str]:
    """A new cgroup with that limit, of either version, where this user may make one."""
    for parent, file, words in (
        (CGROUPS / "memory", "memory.limit_in_bytes", "cgroup v1"),
        (CGROUPS, "memory.max", "cgroup v2"),
    ):
        group = None
        try:
            if parent != CGROUPS or (CGROUPS / "cgroup.controllers").exists():
                group = Path(tempfile.mkdtemp(prefix="vtlab-", dir=parent))
                (group / file).write_text(str(limit))
                return group, words
        except OSError:
            if group is not None:
                group.rmdir()
    return None, "a watch"


class Watch(threading.Thread):
    """Looks at this process's kernels every tenth of a second.

    Attributes:
        peak: Largest resident memory of one look, bytes.
        cpu: Seconds of processor time.
        limit: Above it the kernel is ended; None where a cgroup does that.
    """

    def __init__(self, limit: int | None) -> None:
        """Starts with nothing seen; what runs already is not looked at."""
        import psutil

        super().__init__(daemon=True)
        self.limit, self.peak, self.over = limit, 0, threading.Event()
        self._spent: dict[int, float] = {}
        self._me = psutil.Process()
        self._before = {p.pid for p in self._me.children(recursive=True)}

    @property
    def cpu(self) -> float:
        """Seconds of processor time of all that was seen."""
        return sum(self._spent.values())

    def run(self) -> None:
        """Look until `over` is set."""
        import psutil

        while not self.over.wait(0.1):
            total = 0
            for process in self._me.children(recursive=True):
                if process.pid in self._before:
                    continue
                with contextlib.suppress(psutil.Error):
                    total += process.memory_info().rss
                    times = process.cpu_times()
                    self._spent[process.pid] = times.user + times.system
                    if self.limit and total > self.limit:
                        process.kill()
            self.peak = max(self.peak, total)


def measure(mirror: Path, threads: int, limit: int = LIMIT) -> Taken:
    """Run one lesson under the limit with so many threads."""
    from nbclient.exceptions import CellControlSignal

    environment = dict.fromkeys(
        ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "VTLAB_THREADS"), str(threads)
    )
    notebook, complaint, started = read_mirror(mirror), "", time.perf_counter()
    with fence(limit) as (_, within):
        watch = Watch(None if within else limit)
        watch.start()
        try:
            run(notebook, notebook_of(mirror).parent, environment=environment, within=within)
        except (CellControlSignal, RuntimeError, OSError) as error:  # a dead kernel among them
            complaint = why(error, mirror)
        finally:
            watch.over.set()
            watch.join()
    return Taken(
        mirror.stem,
        threads,
        time.perf_counter() - started,
        watch.cpu / 60,
        watch.peak / 1e9,
        complaint,
    )


def imports() -> float:
    """GB that a process holds which has imported torch and torchvision and done nothing else.

    A build for GPUs takes about twice that of one without, on a machine without a GPU, too.
    """
    code = "import psutil, torch, torchvision; print(psutil.Process().memory_info().rss)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return int(told.stdout) / 1e9


def pace(threads: int) -> float:
    """Images of 64 px that full fine-tuning of mini ResNet gets through in a second on this machine.

    It says what the limits in seconds mean here: with half of it, a lesson takes about twice as long.
    """
    code = (
        "from vtlab import backbone, full\nfrom vtlab.training.costs import measure_step\n"
        "print(32 / measure_step(backbone('mini_resnet', classes=8), full, repeats=9)['seconds'])"
    )
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "VTLAB_THREADS": str(threads)}
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    return float(told.stdout)


def main(arguments: list[str] | None = None) -> int:
    """Print the table of the lessons named by number, or of all; 1 if one is over its budget."""
    parser = argparse.ArgumentParser(prog="python lessons/tools/budget.py", description=__doc__)
    parser.add_argument("numbers", nargs="*", metavar="NN", help="such as 04 (default: all)")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    given = parser.parse_args(arguments)
    chosen = [
        m
        for m in mirrors()
        if m.parent.parent.name != "solutions"
        and (not given.numbers or m.stem[:2] in given.numbers)
    ]
    if not chosen:
        print(f"no lesson {' '.join(given.numbers)}", file=sys.stderr)
        return 2
    with fence(LIMIT) as (words, _):
        print(
            f"limit {LIMIT >> 30} GiB by {words}; budget {MOST['seconds']} s, "
            f"{MOST['cpu_minutes']:.0f} CPU-minutes, {MOST['gigabytes']} GB; "
            f"{os.cpu_count()} cores; of each lesson's GB {imports():.2f} are torch "
            f"{version('torch')} and torchvision, imported"
        )
    paces = ", ".join(f"{pace(threads):.0f} with {threads}" for threads in given.threads)
    print(
        f"images a second in full fine-tuning, by threads: {paces}; bfloat16 is "
        f"{'native' if has_native_bfloat16() else 'not native'} here"
    )
    print(f"{'lesson':32s} threads  seconds  CPU-min     GB", flush=True)
    taken = []
    for mirror in chosen:
        for threads in given.threads:
            taken.append(measure(mirror, threads))
            print(taken[-1], flush=True)
    return int(any(t.complaint or t.excess for t in taken))


if __name__ == "__main__":
    raise SystemExit(main())
