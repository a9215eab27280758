"""A panel that compares strategies in a table of runs."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd
import traitlets

from vtlab import plots
from vtlab.plots.figure_data import Runs, figure_runs
from vtlab.results import labels as names
from vtlab.results.formatting import format_accuracy, format_percent
from vtlab.widgets.panel import CheckboxGroup, Panel, dropdown, panel_strategy_boxes

if TYPE_CHECKING:
    import ipywidgets
    from matplotlib.figure import Figure

CURVE = "curve"
REQUIRED_COLUMNS = ("strategy", "shots", "seed", "test_accuracy", "seconds", "trainable_weights")


class ComparePanel(Panel):
    """Pick strategies and a number of images per class, and see the test accuracies.

    Its plain twins are `plots.accuracy` and `plots.shots`.

    Attributes:
        strategies: Names of those that are shown, such as `("probe", "full")`.
        shots: One of the table's numbers of images per class, or "curve" for all of them.
        seeds: Of the runs that are shown.
        run: The run whose details stand below, as `"full, seed 0"`; "" for none.

    Lesson 01.
    """

    strategies = traitlets.Tuple()
    shots = traitlets.Any()
    seeds = traitlets.Tuple()
    run = traitlets.Unicode("")

    def __init__(
        self,
        runs: Runs,
        *,
        chance: float | None = None,
        baseline: float | None = None,
        test_images: int | None = None,
        **traits: object,
    ) -> None:
        """Show a table of runs, all strategies at first.

        Args:
            runs: A study, its runs, or their table, as `records.runs_to_table` gives it.
            chance: Accuracy without any learning.
            baseline: Accuracy of the nearest neighbour in plain pixels.
            test_images: Size of the test set, for its part of the intervals.
            traits: `strategies`, `shots`, `seeds` and `run` to begin with.

        Raises:
            ValueError: If the table is empty or lacks a column, or a trait is not in the table.
        """
        if not isinstance(runs, pd.DataFrame):
            runs, test_images = figure_runs(runs, test_images)
        if missing := [column for column in REQUIRED_COLUMNS if column not in runs]:
            raise ValueError(f"the table of runs has no column {missing[0]!r}")
        if runs.empty:
            raise ValueError("there are no runs to compare")
        self.runs, self.test_images = runs.copy(), test_images
        self.chance, self.baseline = chance, baseline
        self._names = tuple(sorted(set(runs.strategy), key=names.rank_label))
        self._shots = _shots_options(runs.shots)
        self._seeds = tuple(sorted(int(seed) for seed in set(runs.seed)))
        self._runs = {
            f"{name}, seed {seed}": (name, seed) for name in self._names for seed in self._seeds
        }
        start = {"strategies": self._names, "shots": self._shots[0], "seeds": self._seeds}
        super().__init__(**(start | traits))

    @traitlets.validate("strategies", "seeds")
    def _check_ticks(self, proposal: dict) -> tuple:
        ticks = {"strategies": (self._names, "of"), "seeds": (self._seeds, "with seed")}
        known, which = ticks[proposal["trait"].name]
        complaint, offer = f"no runs {which}", f" here, only {which}"
        return self.select_known(proposal["value"], known, complaint, offer)

    @traitlets.validate("shots")
    def _check_shots(self, proposal: dict) -> int | str:
        for known in self._shots:  # a page or a person may give a number as text
            if str(known) == str(proposal["value"]):
                return known
        listed = ", ".join(str(known) for known in self._shots)
        raise ValueError(f"no runs with {proposal['value']!r} images per class, only {listed}")

    @traitlets.validate("run")
    def _check_run(self, proposal: dict) -> str:
        if proposal["value"] and proposal["value"] not in self._runs:
            raise ValueError(
                f"no run {proposal['value']!r} here, such as {next(iter(self._runs))!r}"
            )
        return proposal["value"]

    def build_controls(self) -> dict[str, ipywidgets.Widget]:
        """A box for each strategy and seed, and lists of the numbers of images and of the runs."""
        shots = [("all of these, as a curve" if n == CURVE else str(n), n) for n in self._shots]
        runs = [
            (f"{names.get_label(name).text}, seed {n}", r) for r, (name, n) in self._runs.items()
        ]
        return {
            "strategies": panel_strategy_boxes(self._names),
            "shots": dropdown("Images per class", shots),
            "seeds": CheckboxGroup({seed: str(seed) for seed in self._seeds}, "Seeds"),
            "run": dropdown("Details of the run", [("none", ""), *runs]),
        }

    def selected_runs(self) -> pd.DataFrame:
        """The rows that are shown.

        Raises:
            ValueError: If there is none.
        """
        if not self.strategies:
            raise ValueError("Pick at least one strategy.")
        if not self.seeds:
            raise ValueError("Pick at least one seed.")
        rows = self._find_runs(self.strategies, self.seeds)
        if rows.empty:
            raise ValueError(f"These strategies were not run with {self.shots} images per class.")
        return rows

    def _find_runs(self, strategies: Sequence[str], seeds: Sequence[int]) -> pd.DataFrame:
        """The rows of these at the shown numbers of images."""
        rows = self.runs[self.runs.strategy.isin(strategies) & self.runs.seed.isin(seeds)]
        if self.shots != CURVE:
            rows = rows[rows.shots.astype(str) == str(self.shots)]
        return rows

    def figure(self) -> Figure:
        """Every seed, the mean and its interval at one number of images, or curves over all."""
        rows, size = self.selected_runs(), self.test_images
        if self.shots == CURVE:
            return plots.shots(rows, chance=self.chance, test_images=size)
        return plots.accuracy(
            rows,
            chance=self.chance,
            baseline=self.baseline,
            test_images=size,
            title=_describe_picked_shots(self.shots),
        )

    def describe(self) -> str:
        """The mean accuracies in words."""
        groups = self.selected_runs().groupby(["strategy", "shots"], sort=False).test_accuracy
        means, parts = groups.agg(["mean", "count", "size"]), []
        for strategy in self.strategies:
            if strategy in means.index:
                at = "" if self.shots != CURVE else " at {}"
                values = [
                    format_accuracy(row["mean"]) + at.format(shots) + _count_diverged(row)
                    for shots, row in means.loc[strategy].iterrows()
                ]
                parts.append(f"{names.get_label(strategy).text} {', '.join(values)}")
        if self.chance is not None:
            parts.append(f"chance {format_percent(self.chance)}")
        where = (
            "by images per class"
            if self.shots == CURVE
            else f"with {_describe_picked_shots(self.shots)}"
        )
        return f"Mean test accuracy {where}: {'; '.join(parts)}."

    def footer(self) -> str:
        """The details of the picked run."""
        if not self.run:
            return ""
        try:
            lines = self.details(*self._runs[self.run]).splitlines()
        except ValueError as none:
            lines = [str(none)]
        return "".join(f"<p>{html.escape(line)}</p>" for line in lines)

    def details(self, strategy: str, seed: int) -> str:
        """One run in words, a line for each number of images per class that is shown.

        Raises:
            ValueError: If there is no such run at the shown number of images.
        """
        rows = self._find_runs([strategy], [seed])
        if rows.empty:
            at = "" if self.shots == CURVE else f" with {_describe_picked_shots(self.shots)}"
            raise ValueError(f"no run of {strategy!r} with seed {seed}{at} here")
        return "\n".join(_describe_picked_run(row) for row in rows.to_dict("records"))


def _shots_options(shots: pd.Series) -> list[int | str]:
    """What can be picked: the curve where there are several numbers, then each, "all" last."""
    single: list[int | str] = sorted({int(value) for value in shots if value != "all"})
    if "all" in set(shots):
        single.append("all")
    return [CURVE, *single] if len(single) > 1 else single


def _count_diverged(group: pd.Series) -> str:
    """How many of the `size` runs diverged, if the mean is that of others."""
    diverged = int(group["size"] - group["count"])
    return f" ({diverged} of {int(group['size'])} diverged)" if diverged and group["count"] else ""


def _describe_picked_run(run: Mapping[str, Any]) -> str:
    parts = ["diverged"]
    if pd.notna(run["test_accuracy"]):
        parts = [f"test accuracy {format_percent(run['test_accuracy'])}"]
    if run.get("under_trained"):
        parts.append("under-trained")
    if pd.notna(run.get("val_accuracy")):
        parts.append(f"val accuracy {format_percent(run['val_accuracy'])}")
    parts += [f"{run['trainable_weights']:,} weights learn", f"{run['seconds']:.1f} s"]
    name = names.get_label(run["strategy"]).text
    return (
        f"{name}, {_describe_picked_shots(run['shots'])}, seed {run['seed']}: {', '.join(parts)}."
    )


def _describe_picked_shots(shots: int | str) -> str:
    if shots == "all":
        return "all images"
    return f"{shots} image{'' if shots == 1 else 's'} per class"
