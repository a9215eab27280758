"""Measure how much time and memory a lesson takes: `python lessons/tools/budget.py [NN …]`.

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

from build import (
    explain_lesson_build_failure,
    lesson_notebook_path,
    read_lesson_mirror,
    run_notebook,
    select_lesson_mirrors,
)

from vtlab.system.device import has_native_bfloat16

MEMORY_LIMIT = 2 << 30  # bytes, as on Binder
BUDGET = {"seconds": 90, "gigabytes": 1.2, "cpu_minutes": 3.0}
CGROUP_ROOT = Path("/sys/fs/cgroup")
ENTER_CGROUP = 'echo $$ > "$0" && exec "$@"'  # a shell that joins a cgroup and becomes the kernel


@dataclass(frozen=True)
class LessonCost:
    """What one lesson took (seconds, CPU-minutes, peak resident memory), or why it failed."""

    lesson: str
    threads: int
    seconds: float
    cpu_minutes: float
    gigabytes: float
    complaint: str = ""

    @property
    def excess(self) -> list[str]:
        """Which of the budget's numbers are exceeded."""
        return [name for name, most in BUDGET.items() if getattr(self, name) > most]

    def __str__(self) -> str:
        """One line of the table."""
        verdict = self.complaint or (f"over: {', '.join(self.excess)}" if self.excess else "ok")
        return (
            f"{self.lesson:32s} {self.threads:7d} {self.seconds:8.0f} {self.cpu_minutes:8.2f} "
            f"{self.gigabytes:6.2f}  {verdict}"
        )


@contextlib.contextmanager
def _limit_memory(limit: int) -> Iterator[tuple[str, list[str]]]:
    """Limit the memory of a kernel: gives what limits it, and the command that starts a command so."""
    group, words = _make_cgroup(limit)
    if group is None:
        yield words, []
        return
    try:
        yield words, ["sh", "-c", ENTER_CGROUP, str(group / "cgroup.procs")]
    finally:
        for _ in range(50):  # the group is busy until its last process is gone
            with contextlib.suppress(OSError):
                group.rmdir()
                break
            time.sleep(0.1)


def _make_cgroup(limit: int) -> tuple[Path | None, str]:
    """A new cgroup with that limit, of either version, where this user may make one."""
    for parent, file, words in (
        (CGROUP_ROOT / "memory", "memory.limit_in_bytes", "cgroup v1"),
        (CGROUP_ROOT, "memory.max", "cgroup v2"),
    ):
        group = None
        try:
            if parent != CGROUP_ROOT or (CGROUP_ROOT / "cgroup.controllers").exists():
                group = Path(tempfile.mkdtemp(prefix="vtlab-", dir=parent))
                (group / file).write_text(str(limit))
                return group, words
        except OSError:
            if group is not None:
                group.rmdir()
    return None, "a watch"


class _KernelWatch(threading.Thread):
    """A thread that looks at this process's kernels every tenth of a second.

    Attributes:
        peak: Largest resident memory of one look, bytes.
        cpu: Seconds of processor time.
        limit: Above it the kernel is ended; None where a cgroup does that.
    """

    def __init__(self, limit: int | None) -> None:
        """A watch that leaves aside what runs already."""
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


def measure_lesson_cost(mirror: Path, threads: int, limit: int = MEMORY_LIMIT) -> LessonCost:
    """Run one lesson under the limit with so many threads."""
    from nbclient.exceptions import CellControlSignal

    environment = dict.fromkeys(
        ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "VTLAB_THREADS"), str(threads)
    )
    notebook, complaint, started = read_lesson_mirror(mirror), "", time.perf_counter()
    with _limit_memory(limit) as (_, within):
        watch = _KernelWatch(None if within else limit)
        watch.start()
        try:
            run_notebook(
                notebook,
                lesson_notebook_path(mirror).parent,
                environment=environment,
                within=within,
            )
        except (CellControlSignal, RuntimeError, OSError) as error:  # a dead kernel among them
            complaint = explain_lesson_build_failure(error, mirror)
        finally:
            watch.over.set()
            watch.join()
    return LessonCost(
        mirror.stem,
        threads,
        time.perf_counter() - started,
        watch.cpu / 60,
        watch.peak / 1e9,
        complaint,
    )


def _measure_imports() -> float:
    """The GB of a process that has imported torch and torchvision and done nothing else.

    A build for GPUs takes about twice that of one without, on a machine without a GPU, too.
    """
    code = "import psutil, torch, torchvision; print(psutil.Process().memory_info().rss)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return int(told.stdout) / 1e9


def _measure_pace(threads: int) -> float:
    """How many images of 64 px full fine-tuning of mini ResNet gets through in a second.

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
    mirrors = select_lesson_mirrors(given.numbers)
    if not mirrors:
        return 2
    with _limit_memory(MEMORY_LIMIT) as (words, _):
        print(
            f"limit {MEMORY_LIMIT >> 30} GiB by {words}; budget {BUDGET['seconds']} s, "
            f"{BUDGET['cpu_minutes']:.0f} CPU-minutes, {BUDGET['gigabytes']} GB; "
            f"{os.cpu_count()} cores; of each lesson's GB {_measure_imports():.2f} are torch "
            f"{version('torch')} and torchvision, imported"
        )
    paces = ", ".join(f"{_measure_pace(threads):.0f} with {threads}" for threads in given.threads)
    print(
        f"images a second in full fine-tuning, by threads: {paces}; bfloat16 is "
        f"{'native' if has_native_bfloat16() else 'not native'} here"
    )
    print(f"{'lesson':32s} threads  seconds  CPU-min     GB", flush=True)
    costs = []
    for mirror in mirrors:
        for threads in given.threads:
            costs.append(measure_lesson_cost(mirror, threads))
            print(costs[-1], flush=True)
    return int(any(cost.complaint or cost.excess for cost in costs))


if __name__ == "__main__":
    raise SystemExit(main())
