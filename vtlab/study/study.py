"""A study: finished runs, what they say together, and the networks that they trained."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from vtlab.data.baselines import pixel_neighbour
from vtlab.data.tasks import Task, check_task_shots
from vtlab.models.network import Network
from vtlab.results import metrics, records
from vtlab.results.comparison import Comparison
from vtlab.results.conclusions import list_caveats
from vtlab.results.formatting import format_shots
from vtlab.results.records import Run
from vtlab.study.run import Runner
from vtlab.study.tune import list_candidates
from vtlab.system.files import write_csv
from vtlab.system.printing import OneLine
from vtlab.training.strategies import Strategy

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class Study(OneLine):
    """Finished runs of one setting, with the task they were tested on.

    Attributes:
        runs: In the order that they were asked for.
        task: With the test images.
        shown: Places in the test set of the images whose Grad-CAM maps the runs hold.
        strategies: What was compared.
        runner: Trains a run again.
        networks: Those that were kept, by the key of their run.
    """

    runs: list[Run]
    task: Task
    shown: list[int]
    strategies: Sequence[Strategy] = ()
    runner: Runner | None = None
    networks: Mapping[str, Network] = field(default_factory=dict)

    def summarise(self) -> str:
        """What was compared on what."""
        return records.summarise_runs(self.runs)

    def table(self) -> pd.DataFrame:
        """A row per run, as `vt.records.runs_to_table` gives it."""
        return records.runs_to_table(self.runs)

    def summary(self) -> pd.DataFrame:
        """A row per strategy and number of shots, with intervals."""
        shares = not self.task.asks_a_number
        return metrics.summarise_metrics(self.table(), len(self.task.test), shares=shares)

    def best(self) -> Run:
        """The first run of the strategy (and number of shots) with the highest mean accuracy.

        Raises:
            ValueError: If every run diverged.
        """
        groups: dict[tuple, list[Run]] = {}
        for run in self.runs:
            if run.diverged:
                continue
            groups.setdefault((run.strategy, run.shots), []).append(run)
        if not groups:
            raise ValueError(f"every run diverged, such as {self.runs[0].diverged}")
        return max(groups.values(), key=lambda g: sum(r.test_accuracy for r in g) / len(g))[0]

    def comparison(self, shots: int | str | None = None) -> Comparison:
        """The runs with one number of shots, beside chance and the nearest neighbour in pixels.

        Args:
            shots: Images per class; "all" for all. None for the only number there is, or for all.

        Raises:
            ValueError: If the study has no such run.
        """
        shots = check_task_shots(shots)
        there = {run.shots for run in self.runs}
        if shots is None and len(there) == 1:
            (shots,) = there
        if shots not in self._comparisons:
            runs = [run for run in self.runs if run.shots == shots]
            if not runs:
                raise ValueError(f"the study has no run with {format_shots(shots)}")
            baseline = pixel_neighbour(self.task.at(shots, runs[0].seed))
            if self.task.asks_a_number:
                numbers = self.task.test.labels.tolist()
                self._comparisons[shots] = Comparison(runs, 0.0, baseline, numbers)
            else:
                self._comparisons[shots] = Comparison(runs, self.task.chance, baseline)
        return self._comparisons[shots]

    def list_caveats(self, shots: int | str | None = None) -> list[str]:
        """What should stop a reader of a comparison from believing too much, a sentence each.

        Args:
            shots: As in `comparison`.

        Raises:
            ValueError: If the study has no such run.
        """
        comparison = self.comparison(shots)
        learnt = self.task.at(comparison.shots, comparison.runs[0].seed)
        return list_caveats(comparison, learnt.count_classes())

    @cached_property
    def _comparisons(self) -> dict[int | None, Comparison]:
        """The comparisons that were asked for so far, by their number of shots."""
        return {}

    def write_report(
        self, folder: str | os.PathLike[str], shots: int | str | None = None, *, command: str = ""
    ) -> Path:
        """Write `report.html` about the runs with one number of shots, and `runs.csv` of all runs.

        Args:
            folder: Made where it is not there.
            shots: As in `comparison`.
            command: What to type to get these runs again, if it should be shown.

        Returns:
            The report: one file that loads nothing from anywhere.

        Raises:
            ValueError: If the study has no such run.
            OSError: If the folder cannot be written to.

        Lesson 16.
        """
        from vtlab.study.report import write_report
        from vtlab.study.report_data import ReportData

        comparison = self.comparison(shots)
        data = ReportData.of_task(comparison, self.task, self.shown, command)
        path = write_report(folder, data)
        write_csv(path.with_name("runs.csv"), self.table())
        return path

    def model(self, run: Run, say: Callable[[str], None] = lambda line: None) -> Network:
        """The network of a run, in evaluation mode; yours to change.

        Where it was not kept (`compare(…, keep_networks=True)`) it is trained once more, to the same bits
        on the machine (and with the versions) that the run comes from. `vt.save` writes it to a folder.

        Args:
            run: One of the study's.
            say: Called with a line for a person if it is trained once more.

        Raises:
            ValueError: If it diverged; if it was not kept and the study cannot train it; or if, trained
                once more, it predicts other classes than the run did, which says that the run comes from
                elsewhere.
        """
        if run.diverged:
            raise ValueError(f"{run.key} has no network that is worth anything: {run.diverged}")
        if run.key in self.networks:
            return copy.deepcopy(self.networks[run.key]).eval()
        if self.runner is None:
            raise ValueError(f"the network of {run.key} was not kept, and nothing here trains it")
        say(f"the network of {run.key} was not kept: it is trained once more")
        strategy = next(s for s in self.strategies if s.name == run.strategy)
        chosen = run.settings["trained_by"]  # known by now, and not chosen once more
        candidates = list_candidates(strategy, self.runner.setting.recipe)
        strategy = next((one for one in candidates if one.fingerprint() == chosen), strategy)
        runner = replace(self.runner, setting=replace(self.runner.setting, recipe="committed"))
        network = runner.train(strategy, run.shots, run.seed).network.eval()
        guesses = runner.answer(network, strategy)[0]
        if differing := sum(a != b for a, b in zip(guesses, run.predictions, strict=True)):
            raise ValueError(
                f"trained again, {run.key} names {differing} of {len(guesses)} test images "
                "otherwise: its record comes from another machine or version"
            )
        return network
