"""One table of ratios, printed once at the end of `pytest -m benchmark tests/benchmarks`."""

import gc
import statistics
import timeit

import pytest

from vtlab.system.device import has_native_bfloat16
from vtlab.system.threads import THREADS

ROWS = pytest.StashKey[list]()


class Ratios:
    """The rows of the table, and what they must reach."""

    def __init__(self, rows):
        self.rows = rows
        self.excused = False

    def note(self, what, value, detail=""):
        """A row that has no target."""
        self.rows.append((what, value, "", detail))

    def check(self, what, ratio, *, least=None, most=None, detail="", bfloat16=False):
        """A row with a target; one that needs bfloat16 and misses where there is none is printed only."""
        target = f"≥ {least}" if least is not None else f"≤ {most}"
        met = ratio >= least if least is not None else ratio <= most
        excused = bfloat16 and not met and not has_native_bfloat16()
        mark = "met" if met else "skipped: no native bfloat16" if excused else "MISSED"
        self.rows.append((what, f"{ratio:.2f}", f"{target} {mark}", detail))
        self.excused |= excused
        assert met or excused, f"{what}: {ratio:.2f}, not {target}"


@pytest.fixture
def ratios(request):
    ratios = Ratios(request.config.stash.setdefault(ROWS, []))
    yield ratios
    if ratios.excused:  # only now, so that every row of the test is printed
        pytest.skip("no native bfloat16 here")


@pytest.fixture(autouse=True)
def threads(quiet_state):
    import torch

    torch.set_num_threads(THREADS)


def seconds(work):
    """Without the garbage collector, as timeit has it: one side's garbage is not the other's time."""
    gc.collect()
    return timeit.timeit(work, number=1)


def in_turn(*works, repeats=5):
    """Seconds of each, measured in turn after one warm-up: a list for each round.

    Every other round goes backwards: a machine that becomes faster or slower favours none.
    """
    for work in works:
        work()
    there, rounds = range(len(works)), []
    for number in range(repeats):
        took = {
            place: seconds(works[place]) for place in (reversed(there) if number % 2 else there)
        }
        rounds.append([took[place] for place in there])
    return rounds


@pytest.fixture
def medians():
    def measure(*works, repeats=5):
        """Median seconds of each."""
        return [
            statistics.median(times)
            for times in zip(*in_turn(*works, repeats=repeats), strict=True)
        ]

    return measure


def pytest_terminal_summary(terminalreporter, config):
    rows = config.stash.get(ROWS, [])
    if rows:
        terminalreporter.section(f"ratios, {THREADS} threads", "-")
        for what, value, target, detail in rows:
            terminalreporter.write_line(f"{what:52s} {value:>7s}  {target:16s} {detail}")
