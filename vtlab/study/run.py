"""One run: a strategy is trained on the shots of a task and tested once."""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import torch
from torch import Tensor

from vtlab.analysis.cams import explain
from vtlab.data.file_names import printable_name
from vtlab.data.images import check_size_of_images
from vtlab.data.tasks import Task, task_reads_files
from vtlab.models.backbones import backbone
from vtlab.models.builders import is_builder_name
from vtlab.models.evaluation import NonFiniteOutputsError, compute_outputs, evaluate, predict
from vtlab.models.network import Network
from vtlab.results.metrics import accuracy, balanced_accuracy, r_squared
from vtlab.results.records import Epoch, Run, run_record_key
from vtlab.study.setting import Setting
from vtlab.study.tune import choose_recipe, list_candidates, most_cautious
from vtlab.system.device import describe_machine
from vtlab.system.fingerprints import fingerprint_tensors
from vtlab.system.threads import THREADS
from vtlab.training.fit import fit
from vtlab.training.strategies import Strategy

CAM_IMAGES_PER_RUN = 6  # test images whose Grad-CAM maps every run keeps


class PlannedRun(NamedTuple):
    """A run that is to be done: what learns, training images per class (None for all), and the seed."""

    strategy: Strategy
    shots: int | None
    seed: int

    @property
    def key(self) -> str:
        """The key that the finished run will have."""
        return run_record_key(self.strategy.name, self.shots, self.seed)


@dataclass(frozen=True, eq=False)
class TrainedRun:
    """A training that has ended.

    Attributes:
        network: What was trained.
        task: With the shots it was trained on.
        strategy: At the rate that was used.
        epochs: What `fit` recorded.
        steps: Of the optimiser; of the solver where that is all there was.
        diverged: As `fit` says it; "" where it did not.
        seconds: Wall clock, with the choice of the rate.
    """

    network: Network
    task: Task
    strategy: Strategy
    epochs: list[Epoch]
    steps: int
    diverged: str
    seconds: float


@dataclass(eq=False)
class Runner:
    """Trains and tests: what all runs of a study share is made once.

    Attributes:
        setting: Backbone and so on.
        task: With the test images; each run draws its own shots.
        template: The network at its start, which is copied for each run.
        start: The pretrained stages' weights.
        origin: Where these come from, in one phrase.
        memo: Activations of the test images behind the frozen stages, filled by the first runs.
    """

    setting: Setting
    task: Task
    template: Network
    start: dict[str, Tensor]
    origin: str
    memo: dict[int, Tensor] = field(default_factory=dict)

    @classmethod
    def build(
        cls,
        setting: Setting,
        task: Task | None = None,
        say: Callable[[str], None] = warnings.warn,
    ) -> Runner:
        """Read or draw the data and load the weights.

        Args:
            setting: Its task is read where none is given.
            task: A task made before.
            say: As in `vt.backbone`.

        Raises:
            ValueError: If setting, weights and images do not fit together.
        """
        setting = setting.resolve(task)
        if task is None:
            check_size_of_images(setting.size)
        # weights first: a wrong file is refused before thousands of images are read
        size = task.image_size if task else setting.image_size
        name = setting.backbone
        own = isinstance(name, str) and is_builder_name(name)  # its size need not be assumed then
        network = backbone(name, weights=setting.weights, image_size=size if own else None, say=say)
        network.check_image_size(task.image_size if task else setting.size)
        state = network.stages.state_dict()  # nothing trains this one
        if task is None:
            task = setting.make_task(shots="all" if task_reads_files(setting.task) else 1)
        if setting.flip is not None:
            task = replace(task, flip=setting.flip)
        if setting.image_size not in (None, task.image_size):
            raise ValueError(
                f"the setting asks for images of {setting.image_size} px, and those of "
                f"{task.name} have {task.image_size} px: make the task anew, or leave "
                "image_size out"
            )
        return cls(setting, task, network, state, printable_name(network.origin))

    def fingerprint(self) -> dict[str, str | int | bool | None]:
        """The setting's and the images': the same path, or a name of one's own, may hold others tomorrow."""
        # drawn images have no end: of each class the first
        largest = self.task.at(None if self.task.test.files else 1).train
        parts = {
            "train": largest.pixels,
            "train labels": largest.labels,
            "test": self.task.test.pixels,
            "test labels": self.task.test.labels,
        }
        # one folder has many paths; what lies in it is told by its hash
        return self.setting.fingerprint() | {
            "task": self.task.name,
            "flip": self.task.flip,
            "tests": len(self.task.test),
            "images": fingerprint_tensors(parts),
        }

    def check_strategies(self, strategies: Iterable[Strategy]) -> None:
        """Ask whether the network has all stages that should learn.

        Raises:
            ValueError: If it has not, naming the strategy and the stage, or it cannot begin at random.
        """
        network = self.make_network()
        for strategy in strategies:
            strategy.learning_parts(network)
            if strategy.start == "random" and network.source is not None:
                try:  # a module that came without the function that builds it
                    self.make_network().reset_stages(0)
                except TypeError as error:
                    raise ValueError(f"{strategy.name}: {error}") from None

    def describe(
        self, setting: Setting, strategies: Iterable[Strategy], say: Callable[[str], None]
    ) -> None:
        """Say what runs of these strategies begin from, what to know of the data, and what is not used.

        Args:
            setting: As it was given, its backbone perhaps not named.
            strategies: What learns.
            say: Called with each line.
        """
        say(setting.describe_start(self.task))
        unused = setting.list_unused(strategies, self.task, self.make_network())
        seen = setting.describe_what_start_saw(self.task)
        for line in (*self.task.notes, *seen, *unused):
            say(f"  {line}")

    def make_network(self) -> Network:
        """A new network at the pretrained start."""
        network = backbone(self.template, classes=len(self.task.classes))
        network.origin = self.origin
        return network

    def choose_cam_images(self) -> list[int]:
        """Places in the test set of the images that Grad-CAM is kept for: classes in turn."""
        labels = self.task.test.labels
        if self.task.asks_a_number:
            labels = torch.zeros_like(labels)
        by_class = [(labels == k).nonzero()[:, 0] for k in range(len(self.task.classes))]
        in_turn = [int(of[i]) for i in range(CAM_IMAGES_PER_RUN) for of in by_class if i < len(of)]
        return in_turn[:CAM_IMAGES_PER_RUN]

    def predict(self, network: Network, strategy: Strategy) -> Tensor:
        """Class probabilities `(N, K)` of the test images, by a network that this strategy trained."""
        # a random start has other frozen stages than the pretrained one: no activations to share
        memo = self.memo if strategy.start == "pretrained" else None
        return predict(network, self.task.test.pixels, memo)

    def answer(self, network: Network, strategy: Strategy) -> tuple[list[float], list[float]]:
        """For each test image the class and its probability; of a number the number, and no probabilities.

        Raises:
            NonFiniteOutputsError: If an output is nan or infinite.
        """
        if not self.task.asks_a_number:
            confidences, guesses = self.predict(network, strategy).max(1)
            return guesses.tolist(), confidences.tolist()
        memo = self.memo if strategy.start == "pretrained" else None
        outputs = compute_outputs(network, self.task.test.pixels, memo)
        return outputs[:, 0].tolist(), []

    def choose_recipe(self, strategy: Strategy, task: Task, seed: int) -> Strategy:
        """The strategy by the recipe that does best within the shots of a task.

        Where a class has one image nothing can be held back, and the most cautious recipe is taken.
        """
        recipe = self.setting.recipe
        candidates = list_candidates(strategy, recipe)
        if not task.has_two_per_class:
            return most_cautious(candidates)
        return choose_recipe(candidates, task, self.make_network, seed, recipe, self.setting.epochs)

    def train(
        self,
        strategy: Strategy,
        shots: int | None,
        seed: int,
        on_epoch: Callable[[bool], None] = lambda fitted: None,
    ) -> TrainedRun:
        """Train once, without testing; the arguments are `run`'s."""
        torch.set_num_threads(THREADS)
        task, network = self.task.at(shots, seed), self.make_network()
        started = time.perf_counter()
        strategy, epochs = self.choose_recipe(strategy, task, seed), self.setting.epochs
        # that it diverged stands in the record of the run
        training = fit(network, task, strategy, seed=seed, epochs=epochs, say=lambda line: None)
        for _ in training:
            on_epoch(training.fitted)
        return TrainedRun(
            network,
            task,
            strategy,
            training.history,
            training.batches_done or training.solver_steps,
            training.diverged,
            time.perf_counter() - started,
        )

    def run(
        self,
        strategy: Strategy,
        shots: int | None,
        seed: int,
        on_epoch: Callable[[bool], None] = lambda fitted: None,
    ) -> tuple[Run, Network]:
        """Train once and test once; what diverged is not tested.

        Args:
            strategy: What learns.
            shots: Training images per class; None for all.
            seed: Of the shots, the head, the order of batches and the augmentation.
            on_epoch: Called after each epoch with whether the features fit, as `Training.fitted` says so far.

        Returns:
            The record, and the network.
        """
        training = self.train(strategy, shots, seed, on_epoch)
        network, task = training.network, training.task
        diverged, maps = training.diverged, torch.empty(0)
        guesses: list[float] = []
        confidences: list[float] = []
        if not diverged:
            try:
                guesses, confidences = self.answer(network, strategy)
            except NonFiniteOutputsError as error:
                diverged = f"{strategy.name} diverged: {error}"
        if not diverged:
            # no map of more than one cell: a run without maps, as the report says
            with contextlib.suppress(ValueError):
                shown = task.test.pixels[self.choose_cam_images()]
                maps = explain(network, shown, say=lambda _: None)  # the report says what is empty
        labels, nan = task.test.labels.tolist(), float("nan")
        measures = (r_squared, r_squared) if task.asks_a_number else (accuracy, balanced_accuracy)
        scores = [nan if diverged else measure(labels, guesses) for measure in measures]
        run = Run(
            task=task.name,
            backbone=network.name,
            weights=self.origin,
            strategy=strategy.name,
            shots=shots,
            seed=seed,
            val_accuracy=None,
            test_accuracy=scores[0],
            balanced_accuracy=scores[1],
            seconds=training.seconds,
            trainable_weights=network.count_learning_weights(),
            total_weights=network.count_weights(),
            steps=training.steps,
            diverged=diverged,
            epochs=tuple(training.epochs),
            predictions=tuple(guesses),
            confidences=tuple(round(c, 4) for c in confidences),
            cams=tuple(tuple(tuple(row) for row in m) for m in maps.tolist()),
            settings={
                "recipe": strategy.fingerprint(),  # before one is chosen
                "trained_by": training.strategy.fingerprint(),
                "rate": None if strategy.convex else training.strategy.peak_rate,
                "rate_from": self._rate_origin(strategy, task),
                "image_size": task.image_size,
                "flip": task.flip,
                **describe_machine(network.device),
            },
        )
        return run, network

    def _rate_origin(self, strategy: Strategy, task: Task) -> str:
        """Who chose the learning rate, in words."""
        if strategy.convex:
            return "solver"
        number = len(list_candidates(strategy, self.setting.recipe))
        if number == 1:
            return "given" if strategy.rate else "committed"
        if not task.has_two_per_class:
            one = "group" if task.train.groups else "image"
            return f"the most cautious: one {one} of a class leaves none to hold back"
        return f"{self.setting.recipe} within the shots, out of {number}"


def train_and_test(
    network: Network, task: Task, strategy: Strategy, seed: int, *, epochs: int | None = None
) -> dict[str, float]:
    """Train a network in place and test it once.

    Args:
        network: Trained in place.
        task: Its `train` images are learnt from, its `test` images tested on.
        strategy: What learns.
        seed: As in `fit`.
        epochs: As in `fit`.

    Returns:
        `train_accuracy` of the last epoch, and `test_accuracy`.

    Raises:
        ValueError: If it diverged, or as `fit`.
    """
    training = fit(network, task, strategy, seed=seed, epochs=epochs, say=lambda line: None)
    records = list(training)
    if training.diverged:
        raise ValueError(training.diverged)
    test = evaluate(network, task.test.pixels, task.test.labels)
    return {"train_accuracy": records[-1].train_accuracy, "test_accuracy": test}
