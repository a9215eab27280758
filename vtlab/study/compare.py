"""Studies: strategies x shots x seeds, trained one by one into a tidy table.

Each finished run is one small file; a study that was killed goes on where it was. Runs are
independent, so they can be given to worker processes (`jobs`), through joblib, and with
`joblib.parallel_config` to a cluster. Every run uses the same number of inner threads.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from vtlab.data.tasks import Task, parse_shots
from vtlab.models.evaluation import predict
from vtlab.models.network import Network
from vtlab.results.metrics import summary
from vtlab.results.records import Run, run_key, table
from vtlab.results.store import RunStore
from vtlab.study.run import Bench, Setting
from vtlab.system.arguments import whole_number
from vtlab.system.device import choose_device, describe_machine
from vtlab.training.schedules import default_epochs
from vtlab.training.strategies import FOUR, Strategy, as_strategies

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Study:
    """Finished runs of one setting, with the task they were tested on."""

    runs: list[Run]
    task: Task
    shown: list[int]
    strategies: Sequence[Strategy] = ()
    bench: Bench | None = None

    def table(self) -> pd.DataFrame:
        """A row per run."""
        return table(self.runs)

    def summary(self) -> pd.DataFrame:
        """A row per strategy and number of shots, with intervals."""
        return summary(self.table(), len(self.task.test))

    def best(self) -> Run:
        """The first run of the strategy (and number of shots) with the highest mean accuracy."""
        groups: dict[tuple, list[Run]] = {}
        for run in self.runs:
            groups.setdefault((run.strategy, run.shots), []).append(run)
        return max(groups.values(), key=lambda g: sum(r.test_accuracy for r in g) / len(g))[0]

    def model(self, run: Run) -> Network:
        """The network of a run, in evaluation mode.

        Runs keep results and no weights: this trains once more, to the same bits on the machine
        (and with the versions) that the run comes from. `save` keeps it.

        Raises:
            ValueError: If it predicts other classes than the run did, which says that the run
                comes from elsewhere.
        """
        setting = self.bench.setting
        strategy = next(s for s in self.strategies if s.name == run.strategy)
        if run.settings.get("rate") is not None:
            strategy = replace(strategy, rate=run.settings["rate"])
        bench = replace(self.bench, setting=replace(setting, tune=False))
        network = bench.train(strategy, run.shots, run.seed).network.eval()
        memo = self.bench.memo if strategy.start == "pretrained" else None
        guesses = predict(network, self.task.test.pixels, memo).argmax(1).tolist()
        if odd := sum(a != b for a, b in zip(guesses, run.predictions, strict=True)):
            raise ValueError(
                f"trained again, {run.key} names {odd} of {len(guesses)} test images "
                "otherwise: its record comes from another machine or version"
            )
        return network


def cost(strategy: Strategy, images: int, stages: int, epochs: int | None) -> float:
    """Roughly how much work a run is, in images passed forward and back through everything.

    Only the time estimate depends on it.
    """
    if strategy.convex:
        return 0.4 * images + 20
    learning = (
        stages
        if strategy.stages is None
        else (strategy.stages if isinstance(strategy.stages, int) else stages)
    )
    return images * (epochs or default_epochs(images, strategy.start)) * learning / stages + 60


def compare(
    task: str | Path | Task = "garden",
    *,
    strategies: Strategy | str | Iterable[Strategy | str] = FOUR,
    shots: int | str | Iterable[int | str | None] | None = 5,
    seeds: int | Iterable[int] = 3,
    setting: Setting | None = None,
    folder: str | Path | None = None,
    jobs: int = 1,
    progress: bool = True,
    say: Callable[[str], None] = lambda line: None,
) -> Study:
    """Train every strategy with every number of shots and every seed, and test each once.

    Args:
        task: A name, a path, or a `Task`.
        strategies: One or more, such as `vt.probe` and `vt.partial(2)`, or their names.
        shots: Training images per class, or several numbers; None or "all" for all images there are.
        seeds: How many (0, 1, …), or which. Seeds are paired over strategies.
        setting: Backbone and so on; its `task` is overruled by `task`.
        folder: Where finished runs are kept and found again; None to keep none.
        jobs: Worker processes (joblib); 1 trains in this process.
        progress: Show a bar.
        say: Called with lines a person should read (damaged run files, for one).

    Raises:
        ValueError: If something asked for is impossible, before anything is trained.
        KeyboardInterrupt: After Ctrl-C; finished runs are in the folder.

    Lesson 01.
    """
    given = task if isinstance(task, Task) else None
    name = given.name if given else str(task)
    setting = Setting(**{**(vars(setting) if setting else {}), "task": name})
    strategies = as_strategies(strategies)
    many = isinstance(shots, Iterable) and not isinstance(shots, str)
    shots = [parse_shots(n) for n in (shots if many else [shots])]
    seeds = (
        [int(seed) for seed in seeds]
        if isinstance(seeds, Iterable)
        else range(whole_number(seeds, "seeds"))
    )
    if not (shots and seeds):
        raise ValueError(
            f"there is nothing to train: no {'seeds' if shots else 'shots'} are in the list"
        )
    wanted = [(strategy, n, seed) for seed in seeds for n in shots for strategy in strategies]
    keys = [run_key(s.name, n, seed) for s, n, seed in wanted]
    if twice := [key for key, count in Counter(keys).items() if count > 1]:
        raise ValueError(
            f"{twice[0]} is asked for twice: seeds and shots are different numbers, and "
            "strategies have names of their own, as in replace(vt.full, name='slow', rate=1e-4)"
        )
    if given is not None:
        given.check_draw()
    bench = Bench.make(setting, given)
    bench.takes(strategies)  # an impossible wish is refused before any training
    tuned = setting.tune and any(not strategy.convex for strategy in strategies)
    for n in shots:
        some = bench.base.at(n, 0)
        if tuned:
            some.check_two_per_class()
    with contextlib.ExitStack() as stack:
        store = stack.enter_context(RunStore(Path(folder))) if folder else None
        done = _finished(store, bench, say) if store else {}
        for key, (strategy, _, _) in zip(keys, wanted, strict=True):
            if (
                key in done
                and (there := done[key].settings.get("recipe")) != strategy.fingerprint()
            ):
                raise ValueError(
                    f"{folder} has {key} of another {strategy.name} ({there}; here "
                    f"{strategy.fingerprint()}): take another folder, or another name"
                )
        todo = [w for w, key in zip(wanted, keys, strict=True) if key not in done]
        if done and len(todo) < len(wanted):
            say(f"{len(wanted) - len(todo)} of {len(wanted)} runs were finished before")
        bar = stack.enter_context(_bar(bench, wanted, todo, progress))
        for run in _train(bench, given, todo, jobs, bar):
            done[run.key] = run
            if store:
                store.add(run)
    return Study([done[key] for key in keys], bench.base, bench.shown(), strategies, bench)


def _finished(store: RunStore, bench: Bench, say: Callable[[str], None]) -> dict[str, Run]:
    store.begin(bench.fingerprint())
    runs = {run.key: run for run in store.runs()}
    for sentence in store.damaged:
        say(sentence)
    here = {
        key: value for key, value in describe_machine(choose_device()).items() if key != "python"
    }
    other = {
        key
        for run in runs.values()
        for key in here
        if run.settings.get(key, here[key]) != here[key]
    }
    if other:
        named = ", ".join(key for key in here if key in other)
        say(
            f"some of the finished runs were made on another machine or with other versions ({named}: not as "
            "here): differences of a few test images between ways may come from that"
        )
    return runs


def _bar(bench: Bench, wanted: list, todo: list, progress: bool):
    from tqdm.auto import tqdm

    def of(items: list) -> float:
        stages = 5
        return sum(cost(s, _images(bench, n), stages, bench.setting.epochs) for s, n, _ in items)

    total = of(wanted)
    return tqdm(
        total=total + 1,
        initial=total - of(todo),
        disable=not progress,
        unit="img",
        unit_scale=True,
        smoothing=0.1,
        dynamic_ncols=True,
        bar_format="{desc} {percentage:3.0f}%|{bar}| {elapsed}, about {remaining} to go",
    )


def _images(bench: Bench, shots: int | None) -> int:
    return len(bench.base.train) if shots is None else shots * len(bench.base.classes)


def _train(bench: Bench, given: Task | None, todo: list, jobs: int, bar) -> Iterator[Run]:
    if jobs == 1:
        for strategy, shots, seed in todo:
            bar.set_description(f"{strategy.name:8s} seed {seed}")
            whole = cost(strategy, _images(bench, shots), 5, bench.setting.epochs)
            epochs = bench.setting.epochs or default_epochs(_images(bench, shots), strategy.start)
            ticked = 0.0

            def tick(images: int, whole: float = whole, epochs: int = epochs) -> None:
                nonlocal ticked
                step = min(whole / epochs, whole - ticked)
                ticked += step
                bar.update(step)

            run = bench.run(strategy, shots, seed, tick)
            bar.update(whole - ticked)
            yield run
        return
    import joblib

    # a task made by hand travels to the workers; one with a name they make themselves
    token = time.time_ns()
    tasks = (joblib.delayed(_remote)(token, bench.setting, given, *item) for item in todo)
    parallel = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered")
    for run in parallel(tasks):
        bar.update(cost(_by(todo, run), _images(bench, run.shots), 5, bench.setting.epochs))
        yield run


def _by(todo: list, run: Run) -> Strategy:
    return next(s for s, _, _ in todo if s.name == run.strategy)


_BENCHES: dict[int, Bench] = {}


def _remote(
    token: int,
    setting: Setting,
    base: Task | None,
    strategy: Strategy,
    shots: int | None,
    seed: int,
) -> Run:
    """One run in a worker process, which makes data and weights once per study."""
    if token not in _BENCHES:
        _BENCHES.clear()
        _BENCHES[token] = Bench.make(setting, base)
    return _BENCHES[token].run(strategy, shots, seed)
