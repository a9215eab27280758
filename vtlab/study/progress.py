"""How far a study is, and how long it will still take."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from types import TracebackType
from typing import NamedTuple

from vtlab.study.run import PlannedRun, Runner
from vtlab.study.tune import count_trials
from vtlab.training.costs import cost_table, count_training_operations
from vtlab.training.schedules import choose_epochs
from vtlab.training.strategies import Strategy

OVERHEAD_OPERATIONS = 1e10  # multiply-adds as long as what a run does beside training and testing
MIN_SHARE_FOR_PACE = 0.1  # of a run that must be over before its own pace counts
SECONDS_BETWEEN_LINES = 10.0  # where no terminal shows a bar


class ProgressEstimate:
    """What a list of runs will still take, from their work and from the pace of those that have ended.

    Work may have any unit. Runs of one strategy have one pace, seconds for a unit of work; a strategy of
    which no run has ended is thought to have the pace of all others.
    """

    def __init__(
        self,
        work: Mapping[PlannedRun, float],
        *,
        jobs: int = 1,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Begin to measure the time now.

        Args:
            work: Of each run that is to be done.
            jobs: How many go on at a time.
            clock: Gives seconds.
        """
        self.pending, self.jobs, self.clock = dict(work), jobs, clock
        self.ended: dict[str, list[tuple[float, float]]] = defaultdict(list)  # (seconds, work)
        self.running: PlannedRun | None = None
        self.share = 0.0  # of the running one's work that is done
        self.first_start = self.start = self.last_end = clock()

    def begin(self, run: PlannedRun) -> None:
        """A run begins; called where one goes on at a time."""
        self.running, self.share, self.start = run, 0.0, self.clock()

    def end(self, run: PlannedRun, seconds: float) -> None:
        """A run has ended after so many seconds."""
        self.ended[run.strategy.name].append((seconds, self.pending.pop(run)))
        self.running, self.share, self.last_end = None, 0.0, self.clock()

    def remaining(self) -> float | None:
        """Seconds until the last run ends; None as long as nothing is known."""
        known = {strategy: list(runs) for strategy, runs in self.ended.items()}
        if self.running and self.share >= MIN_SHARE_FOR_PACE:
            part = self.clock() - self.start, self.share * self.pending[self.running]
            known.setdefault(self.running.strategy.name, []).append(part)
        if not known:
            return None
        paces = {strategy: _seconds_per_work(runs) for strategy, runs in known.items()}
        others = _seconds_per_work(chain.from_iterable(known.values()))
        seconds = {
            run: work * paces.get(run.strategy.name, others) for run, work in self.pending.items()
        }
        if self.running:
            seconds[self.running] *= 1 - self.share
        total = sum(seconds.values()) / self.jobs
        # nobody says how far the runs in workers are: what has passed since one ended counts for all
        return total if self.jobs == 1 else max(0.0, total - (self.clock() - self.last_end))

    def share_done(self) -> float:
        """How much of the whole time has passed, in [0, 1]; 0 as long as nothing is known."""
        passed, remaining = self.clock() - self.first_start, self.remaining()
        return 0.0 if remaining is None else passed / max(passed + remaining, 1e-9)


def _seconds_per_work(runs: Iterable[tuple[float, float]]) -> float:
    """Seconds for a unit of work."""
    seconds, work = map(sum, zip(*runs, strict=True))
    return seconds / work


class StudyProgress:
    """Shows how far a study is: `with StudyProgress(runner, planned) as progress:`.

    A bar in a terminal and in a notebook; elsewhere, such as in a log file, a plain line now and then.
    """

    def __init__(
        self, runner: Runner, planned: list[PlannedRun], *, jobs: int = 1, show: bool = True
    ) -> None:
        """Predict the work of all runs, and make what shows it.

        Args:
            runner: Does the runs.
            planned: The runs that are to be done.
            jobs: How many go on at a time.
            show: False shows nothing.
        """
        import joblib

        self.show = show and bool(planned)
        if not self.show:
            return
        self.runner, self.parts = runner, dict[PlannedRun, _PredictedWork]()
        self.unfitted: set[int | None] = (
            set()
        )  # shots on which the features of the start do not fit
        self._predict(planned)
        self.work = {run: parts.whole for run, parts in self.parts.items()}
        jobs = 1 if jobs == 1 else min(joblib.effective_n_jobs(jobs), len(planned))
        self.estimate = ProgressEstimate(self.work, jobs=jobs)
        self.display = _ProgressBar() if _can_draw_bar() else _ProgressLines()

    def _predict(self, planned: Iterable[PlannedRun]) -> None:
        """Predict the parts of these runs."""
        # strategies and shots repeat in every seed: their work is predicted once
        kinds: dict[tuple[Strategy, int | None], _PredictedWork] = {}
        for run in planned:
            kind = run.strategy, run.shots
            known = kinds.get(kind)
            made = known or _predict_work(self.runner, run, run.shots not in self.unfitted)
            # the test images pass the frozen stages in the first run alone
            before = self.parts.get(run)
            testing = before.frozen_testing if before else 0 if known else made.frozen_testing
            kinds[kind], self.parts[run] = made, made._replace(frozen_testing=testing)

    def __enter__(self) -> StudyProgress:
        """Give the progress itself; what it shows is there already."""
        return self

    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave what was shown as it is."""
        if self.show:
            self.display.close()

    def begin(self, run: PlannedRun) -> None:
        """A run begins in this process."""
        self.epochs_ended = 0
        if self.show:
            self.estimate.begin(run)
            self._update()

    def epoch_ended(self, fitted: bool = True) -> None:
        """The run in this process has one epoch more behind it.

        Args:
            fitted: As in `choose_epochs`; where the features do not fit, all runs on these images are longer.
        """
        self.epochs_ended += 1
        if self.show and (run := self.estimate.running):
            if not fitted and run.shots not in self.unfitted:
                self.unfitted.add(run.shots)
                pending = self.estimate.pending
                self._predict(other for other in pending if other.shots == run.shots)
                pending.update((other, self.parts[other].whole) for other in pending)
            parts = self.parts[run]
            trained = min(self.epochs_ended / parts.epochs, 1.0) * parts.training
            self.estimate.share = (parts.tuning + trained) / parts.whole
            self._update()

    def end(self, run: PlannedRun, seconds: float) -> None:
        """A run has ended."""
        if self.show:
            self.estimate.end(run, seconds)
            self._update()

    def _update(self) -> None:
        run, remaining = self.estimate.running, self.estimate.remaining()
        now = f"{run.strategy.name:8s} seed {run.seed}" if run else ""
        ended = len(self.work) - len(self.estimate.pending)
        left = "" if remaining is None else f"about {_format_duration(remaining)} to go"
        self.display.update(
            self.estimate.share_done(), now, f"{ended} of {len(self.work)} runs", left
        )


class _PredictedWork(NamedTuple):
    """What a run takes: epochs, and the multiply-adds of its parts."""

    epochs: int
    tuning: float
    training: int
    testing: int
    frozen_testing: int

    @property
    def whole(self) -> float:
        return sum(self[1:]) + OVERHEAD_OPERATIONS


def _predict_work(runner: Runner, run: PlannedRun, fitted: bool) -> _PredictedWork:
    """The work of a run, the first of its strategy; `fitted` as in `choose_epochs`."""
    network, task, setting = runner.make_network(), runner.task, runner.setting
    images = len(task.train) if run.shots is None else run.shots * len(task.classes)
    fitted = fitted or not run.strategy.solves_head_first(network)
    epochs = setting.epochs or choose_epochs(images, run.strategy, fitted)
    training = count_training_operations(
        network, run.strategy, images, epochs=epochs, image_size=task.image_size
    )
    trials = 0.0  # of one image nothing can be held back
    if run.shots != 1:
        trials = count_trials(run.strategy, images, setting.recipe, setting.epochs, fitted)
    parts = cost_table(network, run.strategy, image_size=task.image_size)
    forward = parts.forward.groupby(parts.step > 0).sum() * len(task.test)
    return _PredictedWork(
        epochs,
        training * trials,
        training,
        int(forward.get(True, 0)),
        int(forward.get(False, 0)),
    )


def _format_duration(seconds: float) -> str:
    """A time as minutes and seconds, such as 1:20; hours in front where there are any."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def _can_draw_bar() -> bool:
    """Whether a bar can be drawn over and over: in a terminal, and in a notebook."""
    from tqdm.auto import tqdm

    return sys.stderr.isatty() or any(kind.__module__ == "tqdm.notebook" for kind in tqdm.__mro__)


class _ProgressBar:
    """A bar of tqdm's, of the share of the time that has passed."""

    def __init__(self) -> None:
        from tqdm.auto import tqdm

        shape = "{desc} {percentage:3.0f}%|{bar}| {elapsed}{postfix}"
        self.bar = tqdm(total=1.0, dynamic_ncols=True, bar_format=shape)

    def update(self, share: float, now: str, ended: str, left: str) -> None:
        """Show where the study is; a bar never goes back."""
        self.bar.set_description_str(now, refresh=False)
        self.bar.set_postfix_str(left, refresh=False)
        self.bar.update(max(0.0, share - self.bar.n))

    def close(self) -> None:
        """The last line stays."""
        self.bar.close()


class _ProgressLines:
    """Plain lines on stderr, not many."""

    def __init__(self) -> None:
        self.last: float | None = None

    def update(self, share: float, now: str, ended: str, left: str) -> None:
        """Say where the study is, if nothing was said for some seconds."""
        if left and (self.last is None or time.monotonic() - self.last >= SECONDS_BETWEEN_LINES):
            self.last = time.monotonic()
            print(f"{ended} ({share:.0%}), {left}", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Nothing is left to say."""
