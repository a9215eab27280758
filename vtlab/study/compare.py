"""Train every strategy with every number of shots and every seed, and give the runs as a study.

Each finished run is one small file in a folder; a study that was killed goes on where it was. Runs are
independent, so they can be given to worker processes (`jobs`), through joblib, and with
`joblib.parallel_config` to a cluster. Every run uses the same number of inner threads.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import torch

from vtlab.data.tasks import Task, check_task_shots
from vtlab.models.network import Network
from vtlab.results.formatting import format_shots
from vtlab.results.records import Run
from vtlab.results.store import RunStore
from vtlab.study.progress import StudyProgress
from vtlab.study.run import PlannedRun, Runner
from vtlab.study.setting import Setting
from vtlab.study.study import Study
from vtlab.system.arguments import check_whole_number
from vtlab.system.device import choose_device, describe_machine
from vtlab.training.strategies import FOUR, Strategy, as_strategies, plain


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
    keep_networks: bool = False,
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
        keep_networks: Keep the network of each strategy's first seed in memory, frozen weights only once,
            so that `Study.model` of `Study.best` has it and need not train it again.
        say: Called with lines a person should read: first what the runs begin from, then what is to be known
            of the data and what of the setting is not used.

    Raises:
        ValueError: If something asked for is impossible, before anything is trained.
        KeyboardInterrupt: After Ctrl-C; finished runs are in the folder.

    Lesson 01.
    """
    given = task if isinstance(task, Task) else None
    name = given.name if given else str(task)
    setting = Setting(**{**(vars(setting) if setting else {}), "task": name})
    strategies = as_strategies(strategies)
    if setting.recipe == "plain":
        strategies = tuple(map(plain, strategies))
    planned = _plan_runs(strategies, shots, seeds)
    if jobs != -1:  # all processors
        check_whole_number(jobs, "jobs")
    # what cannot be done is refused before any training
    if given is not None:
        given.check_draw()
    runner = Runner.build(setting, given)
    runner.check_strategies(strategies)
    tuned = setting.recipe == "tuned" and any(not strategy.convex for strategy in strategies)
    single = []
    for number in dict.fromkeys(run.shots for run in planned):
        drawn = runner.task.at(number, 0)
        if tuned:
            drawn.check_two_per_class()
        if not drawn.has_two_per_class:
            single.append(number)
    runner.describe(setting, strategies, say)
    if setting.recipe == "chosen" and any(len(one.candidates()) > 1 for one in strategies):
        for number in single:
            say(
                f"with {format_shots(number)} none can be held back: the most cautious recipe is taken"
            )
    kept = {run.key for run in planned if keep_networks and run.seed == planned[0].seed}
    networks: dict[str, Network] = {}
    with contextlib.ExitStack() as stack:
        store = stack.enter_context(RunStore(folder)) if folder is not None else None
        done = _read_finished_runs(store, runner, say) if store else {}
        _check_fingerprints(planned, done, folder)
        todo = [run for run in planned if run.key not in done]
        if done and len(todo) < len(planned):
            say(f"{len(planned) - len(todo)} of {len(planned)} runs were finished before")
        shown = stack.enter_context(StudyProgress(runner, todo, jobs=jobs, show=progress))
        if jobs == 1:
            ended = _run_in_process(runner, todo, shown)
        else:
            ended = _run_in_workers(runner, given, todo, kept, jobs, shown)
        for run, network in ended:
            done[run.key] = run
            if store:
                store.add(run)
            if network is not None and run.key in kept:
                networks[run.key] = _share_frozen_weights(network, runner)
    runs = [done[run.key] for run in planned]
    return Study(runs, runner.task, runner.choose_cam_images(), strategies, runner, networks)


def _plan_runs(
    strategies: Sequence[Strategy],
    shots: int | str | Iterable[int | str | None] | None,
    seeds: int | Iterable[int],
) -> list[PlannedRun]:
    """Every strategy with every number of shots and every seed, a seed after the other."""
    if isinstance(shots, str) or not isinstance(shots, Iterable):
        shots = [shots]
    numbers = [check_task_shots(number) for number in shots]
    if isinstance(seeds, Iterable):
        seeds = [check_whole_number(seed, "in seeds", 0) for seed in seeds]
    else:
        seeds = range(check_whole_number(seeds, "seeds"))
    if not (numbers and seeds):
        raise ValueError(
            f"there is nothing to train: no {'seeds' if numbers else 'shots'} are in the list"
        )
    planned = [
        PlannedRun(strategy, number, seed)
        for seed in seeds
        for number in numbers
        for strategy in strategies
    ]
    counts = Counter(run.key for run in planned)
    if twice := [key for key, count in counts.items() if count > 1]:
        raise ValueError(
            f"{twice[0]} is asked for twice: seeds and shots are different numbers, and "
            "strategies have names of their own, as in replace(vt.full, name='slow', rate=1e-4)"
        )
    return planned


def _read_finished_runs(
    store: RunStore, runner: Runner, say: Callable[[str], None]
) -> dict[str, Run]:
    """The runs that a folder holds, by their keys; says what is damaged or from elsewhere."""
    store.begin(runner.fingerprint())
    runs = {run.key: run for run in store.runs()}
    for sentence in store.damaged:
        say(sentence)
    here = describe_machine(choose_device())
    del here["python"]  # no digit depends on it
    differing = [
        key
        for key, value in here.items()
        if any(run.settings.get(key, value) != value for run in runs.values())
    ]
    if differing:
        say(
            "some of the finished runs were made on another machine or with other versions "
            f"({', '.join(differing)}: not as here): differences of a few test images between ways may "
            "come from that"
        )
    return runs


def _check_fingerprints(
    planned: list[PlannedRun], done: dict[str, Run], folder: str | Path | None
) -> None:
    """Refuse runs of the same name whose strategy was another one."""
    for run in planned:
        here = run.strategy.fingerprint()
        if run.key in done and (there := done[run.key].settings.get("recipe")) != here:
            raise ValueError(
                f"{folder} has {run.key} of another {run.strategy.name} ({there}; here "
                f"{here}): take another folder, or another name"
            )


def _share_frozen_weights(network: Network, runner: Runner) -> Network:
    """Let a trained network's frozen weights be those of the pretrained start, not a copy of them."""
    for name, value in network.stages.state_dict(keep_vars=True).items():
        start = runner.start[name]
        if value.device == start.device and torch.equal(value, start):
            value.data = start
    return network


def _run_in_process(
    runner: Runner, todo: list[PlannedRun], progress: StudyProgress
) -> Iterator[tuple[Run, Network | None]]:
    """One run after the other, in this process."""
    for planned in todo:
        progress.begin(planned)
        started = time.perf_counter()
        result = runner.run(*planned, progress.epoch_ended)
        progress.end(planned, time.perf_counter() - started)
        yield result


def _run_in_workers(
    runner: Runner,
    given: Task | None,
    todo: list[PlannedRun],
    kept: set[str],
    jobs: int,
    progress: StudyProgress,
) -> Iterator[tuple[Run, Network | None]]:
    """The runs as workers end them, in any order.

    What travels to a worker is small: the setting and the run. Each makes data and weights by itself,
    once per study. Only a task made by hand travels, since nobody else can make it.
    """
    import joblib

    study = time.time_ns()
    calls = [
        joblib.delayed(_run_in_worker)(study, runner.setting, given, planned, planned.key in kept)
        for planned in todo
    ]
    by_key = {planned.key: planned for planned in todo}
    for run, network, seconds in joblib.Parallel(n_jobs=jobs, return_as="generator_unordered")(
        calls
    ):
        progress.end(by_key[run.key], seconds)
        yield run, network


# in a worker: the runner of the study that it works for; workers outlive a study
_WORKER_RUNNERS: dict[int, Runner] = {}


def _run_in_worker(
    study: int, setting: Setting, task: Task | None, planned: PlannedRun, keep: bool
) -> tuple[Run, Network | None, float]:
    """One run, its network if that is kept, and its seconds."""
    if study not in _WORKER_RUNNERS:
        _WORKER_RUNNERS.clear()  # a worker has memory for the data of one study
        # what there is to say, the process that asked has said
        _WORKER_RUNNERS[study] = Runner.build(setting, task, say=lambda sentence: None)
    started = time.perf_counter()
    run, network = _WORKER_RUNNERS[study].run(*planned)
    return run, network if keep else None, time.perf_counter() - started
