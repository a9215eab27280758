"""Studies: strategies x shots x seeds, trained one by one into a tidy table.

Each finished run is one small file; a study that was killed goes on where it was. Runs are
independent, so they can be given to worker processes (`jobs`), through joblib, and with
`joblib.parallel_config` to a cluster. Every run uses the same number of inner threads.
"""

from __future__ import annotations

import contextlib
import platform
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from vtlab.attribution import grad_cam
from vtlab.backbones import Network, backbone, family, sha256, weights_folder
from vtlab.features import predict
from vtlab.metrics import summary
from vtlab.precision import THREADS, native_bfloat16
from vtlab.records import Run, run_key, table
from vtlab.store import RunStore
from vtlab.strategies import FOUR, Strategy
from vtlab.tasks import Task
from vtlab.tasks import task as make_task
from vtlab.training import default_epochs, fit

SHOWN = 6  # test images whose Grad-CAM every run keeps


@dataclass(frozen=True)
class Setting:
    """What all runs of a study share.

    Attributes:
        task: A task's name or a path.
        backbone: A backbone's name.
        weights: "default", or a path.
        image_size: Side in pixels; None for the backbone's own.
        epochs: None for the default schedule.
        tune: Choose each learning rate within the shots instead of taking the default.
    """

    task: str = "garden"
    backbone: str = "mini_resnet"
    weights: str = "default"
    image_size: int | None = None
    epochs: int | None = None
    tune: bool = False

    @property
    def size(self) -> int:
        """The images' side in pixels."""
        return self.image_size or family(self.backbone).image_size

    def fingerprint(self) -> dict[str, str | int | bool | None]:
        """What must be equal for runs to stand in one table."""
        path = Path(self.weights)
        if self.weights == "default":
            shipped = family(self.backbone).shipped
            path = weights_folder() / f"{shipped}.safetensors"
        known = sha256(path)[:16] if path.is_file() else "none"
        return {"task": self.task, "backbone": self.backbone, "weights": known,
                "image_size": self.size, "epochs": self.epochs, "tune": self.tune}  # fmt: skip


@dataclass
class Bench:
    """A task and a backbone made once, and what runs share: memos of frozen activations."""

    setting: Setting
    base: Task
    start: dict[str, Tensor]
    provenance: str
    memo: dict[int, Tensor] = field(default_factory=dict)

    @classmethod
    def make(cls, setting: Setting, base: Task | None = None) -> Bench:
        """Read or draw the data and load the weights."""
        base = base or make_task(setting.task, shots="all" if Path(setting.task).exists() else 1,
                                 image_size=setting.size)  # fmt: skip
        network = backbone(setting.backbone, classes=len(base.classes), weights=setting.weights)
        state = {k: v.clone() for k, v in network.stages.state_dict().items()}
        return cls(setting, base, state, network.provenance)

    def network(self) -> Network:
        """A fresh network at the pretrained start."""
        made = backbone(self.setting.backbone, classes=len(self.base.classes), weights=None)
        made.stages.load_state_dict(self.start)
        made.provenance = self.provenance
        return made

    def shown(self) -> list[int]:
        """Places in the test set of the images that Grad-CAM is kept for: classes in turn."""
        labels = self.base.test.labels
        firsts = [(labels == k).nonzero()[:, 0] for k in range(len(self.base.classes))]
        turns = [int(f[i]) for i in range(SHOWN) for f in firsts if i < len(f)]
        return turns[:SHOWN]

    def run(self, strategy: Strategy, shots: int | None, seed: int,
            tick: Callable[[int], None] = lambda passes: None) -> Run:  # fmt: skip
        """Train once and test once.

        Args:
            strategy: What learns.
            shots: Training images per class; None for all.
            seed: Of the shots, the head, the order of batches and the augmentation.
            tick: Called with the number of images seen since the last call.
        """
        torch.set_num_threads(THREADS)
        task = self.base.at(shots, seed)
        network = self.network()
        started = time.perf_counter()
        if self.setting.tune and not strategy.convex:
            strategy = tuned(strategy, task, self.network, seed, self.setting.epochs)
        epochs = []
        for epoch in fit(network, task, strategy, seed=seed, epochs=self.setting.epochs):
            epochs.append(epoch)
            tick(len(task.train))
        seconds = time.perf_counter() - started
        memo = self.memo if strategy.start == "pretrained" else None
        confidences, guesses = predict(network, task.test.pixels, memo).max(1)
        maps = grad_cam(network, task.test.pixels[self.shown()])
        return Run(
            task=task.name, backbone=network.name, weights=self.provenance,
            strategy=strategy.name, shots=shots, seed=seed, val_accuracy=None,
            test_accuracy=(guesses == task.test.labels).double().mean().item(),
            seconds=seconds, trainable_weights=network.learning_weights(),
            total_weights=network.total_weights(), epochs=tuple(epochs),
            predictions=tuple(guesses.tolist()),
            confidences=tuple(round(c, 4) for c in confidences.tolist()),
            cams=tuple(tuple(tuple(row) for row in m) for m in maps.tolist()),
            settings={"rate": None if strategy.convex else strategy.peak_rate,
                      "rate_from": "solver" if strategy.convex else
                      "tuned within the shots" if self.setting.tune else "default rate",
                      "image_size": task.image_size, **machine()},
        )  # fmt: skip


TUNED_RATES = (3e-4, 1e-3, 3e-3)


def tuned(strategy: Strategy, task: Task, fresh: Callable[[], Network], seed: int,
          epochs: int | None) -> Strategy:  # fmt: skip
    """The strategy at the rate that does best on a quarter of the shots, held back.

    Raises:
        ValueError: If a class has one image only.
    """
    from dataclasses import replace

    held = task.hold_back()
    scores = {}
    for rate in TUNED_RATES:
        network = fresh()
        for _ in fit(network, held, replace(strategy, rate=rate), seed=seed, epochs=epochs):
            pass
        chances = predict(network, held.val.pixels)
        right = chances.gather(1, held.val.labels[:, None]).clamp(min=1e-9)
        scores[rate] = right.log().mean().item()
    return replace(strategy, rate=max(scores, key=scores.get))


def machine() -> dict[str, str | int | bool]:
    """What the last digits of a result depend on."""
    import torchvision

    return {"torch": torch.__version__.split("+")[0],
            "torchvision": torchvision.__version__.split("+")[0],
            "python": platform.python_version(), "system": platform.system(),
            "processor": platform.machine(), "threads": THREADS,
            "bfloat16": native_bfloat16()}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Study:
    """Finished runs of one setting, with the task they were tested on."""

    runs: list[Run]
    task: Task
    shown: list[int]

    def table(self) -> pd.DataFrame:
        """A row per run."""
        return table(self.runs)

    def summary(self) -> pd.DataFrame:
        """A row per strategy and number of shots, with intervals."""
        return summary(self.table(), len(self.task.test))


def cost(strategy: Strategy, images: int, stages: int, epochs: int | None) -> float:
    """Roughly how much work a run is, in images passed forward and back through everything.

    Only the time estimate depends on it.
    """
    if strategy.convex:
        return 0.4 * images + 20
    learning = stages if strategy.stages is None else (
        strategy.stages if isinstance(strategy.stages, int) else stages)  # fmt: skip
    return images * (epochs or default_epochs(images)) * learning / stages + 60


def compare(task: str | Path | Task = "garden", *, strategies: Sequence[Strategy] = FOUR,
            shots: int | Sequence[int | None] | None = 5, seeds: int | Iterable[int] = 3,
            setting: Setting | None = None, folder: str | Path | None = None, jobs: int = 1,
            progress: bool = True, say: Callable[[str], None] = lambda line: None) -> Study:  # fmt: skip
    """Train every strategy with every number of shots and every seed, and test each once.

    Args:
        task: A name, a path, or a `Task`.
        strategies: Values such as `vt.probe`; `vt.partial(2)`.
        shots: Training images per class, or several numbers.
        seeds: How many (0, 1, …), or which. Seeds are paired over strategies.
        setting: Backbone and so on; its `task` is overruled by `task`.
        folder: Where finished runs are kept and found again; None to keep none.
        jobs: Worker processes (joblib); 1 trains in this process.
        progress: Show a bar.
        say: Called with lines a person should read (damaged run files, for one).

    Raises:
        ValueError: If something asked for is impossible.
        KeyboardInterrupt: After Ctrl-C; finished runs are in the folder.

    Lesson 01.
    """
    given = task if isinstance(task, Task) else None
    name = given.name if given else str(task)
    setting = Setting(**{**(vars(setting) if setting else {}), "task": name})
    shots = [shots] if shots is None or isinstance(shots, int) else list(shots)
    seeds = range(seeds) if isinstance(seeds, int) else list(seeds)
    bench = Bench.make(setting, given)
    wanted = [(strategy, n, seed) for seed in seeds for n in shots for strategy in strategies]
    for n in shots:  # an impossible wish is refused before any training
        bench.base.at(n, 0)
    with contextlib.ExitStack() as stack:
        store = stack.enter_context(RunStore(Path(folder))) if folder else None
        done = _finished(store, setting, say) if store else {}
        todo = [w for w in wanted if run_key(w[0].name, w[1], w[2]) not in done]
        if done and len(todo) < len(wanted):
            say(f"{len(wanted) - len(todo)} of {len(wanted)} runs were finished before")
        bar = stack.enter_context(_bar(bench, wanted, todo, progress))
        for run in _train(bench, given, todo, jobs, bar):
            done[run.key] = run
            if store:
                store.add(run)
    keys = [run_key(s.name, n, seed) for s, n, seed in wanted]
    return Study([done[key] for key in keys], bench.base, bench.shown())


def _finished(store: RunStore, setting: Setting, say: Callable[[str], None]) -> dict[str, Run]:
    store.begin(setting.fingerprint())
    runs = {run.key: run for run in store.runs()}
    for sentence in store.damaged:
        say(sentence)
    return runs


def _bar(bench: Bench, wanted: list, todo: list, progress: bool):
    from tqdm.auto import tqdm

    def of(items: list) -> float:
        stages = 5
        return sum(cost(s, _images(bench, n), stages, bench.setting.epochs) for s, n, _ in items)

    total = of(wanted)
    return tqdm(total=total + 1, initial=total - of(todo), disable=not progress,
                unit="img", unit_scale=True, smoothing=0.1, dynamic_ncols=True,
                bar_format="{desc} {percentage:3.0f}%|{bar}| {elapsed}, about {remaining} to go")  # fmt: skip


def _images(bench: Bench, shots: int | None) -> int:
    return len(bench.base.train) if shots is None else shots * len(bench.base.classes)


def _train(bench: Bench, given: Task | None, todo: list, jobs: int, bar) -> Iterator[Run]:
    if jobs == 1:
        for strategy, shots, seed in todo:
            bar.set_description(f"{strategy.name:8s} seed {seed}")
            whole = cost(strategy, _images(bench, shots), 5, bench.setting.epochs)
            epochs = bench.setting.epochs or default_epochs(_images(bench, shots))
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


def _remote(token: int, setting: Setting, base: Task | None, strategy: Strategy,
            shots: int | None, seed: int) -> Run:  # fmt: skip
    """One run in a worker process, which makes data and weights once per study."""
    if token not in _BENCHES:
        _BENCHES.clear()
        _BENCHES[token] = Bench.make(setting, base)
    return _BENCHES[token].run(strategy, shots, seed)
