"""How far a study is, and how long it will still take."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping
from types import TracebackType

from vtlab.study.run import PlannedRun, Runner
from vtlab.training.costs import training_operations
from vtlab.training.schedules import default_epochs

OVERHEAD = 1e9  # multiply-adds that a run takes as long as, beside its training and its testing
LEAST_SHARE = 0.1  # of a run that must be over before its own pace counts
PLAIN_LINES_EVERY = 10  # seconds, where no terminal shows a bar


class TimeEstimate:
    """What a list of runs will take, from their work and from the pace of those that have ended.

    Work may have any unit. Runs of one kind (one strategy) have one pace; a kind of which none has
    ended is thought to have the pace of all others.
    """

    def __init__(
        self,
        work: Mapping[Hashable, float],
        kind: Callable[[Hashable], str],
        *,
        jobs: int = 1,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Begin now.

        Args:
            work: Of each run that is to be done.
            kind: Of a run.
            jobs: How many go on at a time.
            clock: Gives seconds.
        """
        self.pending, self.kind, self.jobs, self.clock = dict(work), kind, jobs, clock
        self.ended: dict[str, list[tuple[float, float]]] = defaultdict(list)  # seconds, work
        self.running: Hashable | None = None
        self.share = 0.0  # of the running one's work
        self.started = self.began = self.last_end = clock()

    def begin(self, run: Hashable) -> None:
        """A run has begun; said where one goes on at a time."""
        self.running, self.share, self.began = run, 0.0, self.clock()

    def end(self, run: Hashable, seconds: float) -> None:
        """A run has ended."""
        self.ended[self.kind(run)].append((seconds, self.pending.pop(run)))
        self.running, self.share, self.last_end = None, 0.0, self.clock()

    @property
    def elapsed(self) -> float:
        """Seconds since the first run began."""
        return self.clock() - self.started

    def remaining(self) -> float | None:
        """Seconds until the last run ends; None before anything is known."""
        ended = {kind: _pace(of) for kind, of in self.ended.items()}
        overall = [one for of in self.ended.values() for one in of]
        if self.running is not None and self.share >= LEAST_SHARE:
            done = (self.clock() - self.began, self.share * self.pending[self.running])
            ended.setdefault(self.kind(self.running), _pace([done]))
            overall.append(done)
        if not overall:
            return None
        others = _pace(overall)
        seconds = {
            run: work * ended.get(self.kind(run), others) for run, work in self.pending.items()
        }
        if self.running is not None:
            seconds[self.running] *= 1 - self.share
        total = sum(seconds.values()) / self.jobs
        # of runs in workers nobody says how far they are: they are as far as the time goes
        return total if self.jobs == 1 else max(total - (self.clock() - self.last_end), 0.0)


def _pace(done: list[tuple[float, float]]) -> float:
    """Seconds for a unit of work."""
    return sum(seconds for seconds, _ in done) / sum(work for _, work in done)


class StudyProgress:
    """Shows a study's progress: `with StudyProgress(runner, planned) as progress:`.

    A bar in a terminal or a notebook; elsewhere, as in a log file, a plain line now and then.
    """

    def __init__(
        self, runner: Runner, planned: list[PlannedRun], *, jobs: int = 1, show: bool = True
    ) -> None:
        """Foretell the work.

        Args:
            runner: Which will do the runs.
            planned: The runs that are to be done.
            jobs: How many go on at a time.
            show: False shows nothing.
        """
        self.runner, self.count, self.show = runner, len(planned), show and bool(planned)
        self.epochs_done, self.said = 0, 0.0
        work = {run: sum(self._work(run.strategy, run.shots)) for run in planned if self.show}
        self.estimate = TimeEstimate(work, lambda run: run.strategy.name, jobs=jobs)
        self.bar = _make_bar() if self.show else None

    def __enter__(self) -> StudyProgress:
        """Nothing more: the bar is there."""
        return self

    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the bar as it is."""
        if self.bar is not None:
            self.bar.close()

    def begin(self, run: PlannedRun) -> None:
        """A run begins in this process."""
        self.epochs_done = 0
        if self.show:
            self.estimate.begin(run)
            self._update(f"{run.strategy.name:8s} seed {run.seed}")

    def epoch_ended(self) -> None:
        """The run in this process has one epoch more behind it."""
        self.epochs_done += 1
        if self.show:
            run = self.estimate.running
            training, testing = self._work(run.strategy, run.shots)
            of_training = min(1.0, self.epochs_done / self._epochs(run.strategy, run.shots))
            self.estimate.share = of_training * training / (training + testing)
            self._update()


"""to be continued"""
