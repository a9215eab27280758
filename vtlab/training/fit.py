"""Training as an iterator of records: the caller owns the loop.

`for epoch in fit(network, task, strategy): …` trains in place. A notebook may plot inside the
loop, a thread may stop it, a test takes two steps; what was learnt stays. The probe's records
are its solver's iterations.

    training = fit(network, task, strategy, stop=event)     # a threading.Event
    list(training)                  # ends within a batch once the event is set
    event.clear(); list(training)   # goes on, to the bits of a training never stopped
    state = training.state()        # the same in another process: fit(..., resume=state)
"""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator
from dataclasses import asdict, replace

import torch
from torch import Tensor

from vtlab.data.augment import Augment, Augmentation, draw_mix
from vtlab.data.tasks import Task
from vtlab.models.features import FrozenPass
from vtlab.models.heads import start_head_at_mean
from vtlab.models.inputs import check_inputs
from vtlab.models.losses import are_correct, compute_loss, label_variance
from vtlab.models.network import Network
from vtlab.results.records import Epoch
from vtlab.system.arguments import whole_number
from vtlab.system.device import resolve_bfloat16
from vtlab.system.fingerprints import fingerprint_tensors
from vtlab.system.interrupts import defer_signals
from vtlab.system.memory import keep_freed_memory
from vtlab.system.randomness import make_generator, seed_torch
from vtlab.training.checkpoints import (
    CHECKPOINT_FORMAT,
    Checkpoint,
    Resumable,
    StopEvent,
    capture_state,
    restore_state,
)
from vtlab.training.optimisers import make_optimiser
from vtlab.training.probe import ProbeStep, is_solvable, solve_probe
from vtlab.training.schedules import default_epochs, warmup_cosine
from vtlab.training.strategies import Strategy, as_strategy
from vtlab.training.views import VIEWS_PER_IMAGE, Views

BATCH_SIZE = 32


def fit(
    network: Network,
    task: Task,
    strategy: Strategy | str,
    *,
    seed: int = 0,
    epochs: int | None = None,
    augment: Augmentation | str | None = "default",
    mixup: float = 0.0,
    views: int = VIEWS_PER_IMAGE,
    cache: bool = True,
    bfloat16: bool | None = None,
    stop: StopEvent | None = None,
    resume: Checkpoint | None = None,
) -> Training:
    """Train a network by a strategy, one record per epoch.

    A linear head on frozen stages is solved; any other head is descended on. Classes are learnt
    by cross-entropy; where the labels are numbers, by squared error in units of their variance.

    Args:
        network: Trained in place, from the strategy's start.
        task: Its `train` images are all that is used.
        strategy: What learns, and how fast; or its name.
        seed: Of the new head, the order of batches and the augmentation; paired: the same for
            all strategies.
        epochs: None for `default_epochs`. The probe has none: it is solved.
        augment: An `Augment`, or what `augment_with` makes; None for the images as they are; "default" for
            `Augment()`, which mirrors where `task.flip` says that a mirror image has the same class. A
            probe is solved on the images as they are.
        mixup: Train on weighted means of pairs, their weights from Beta(mixup, mixup) (Zhang et
            al. 2018); 0 for none. Where stages are frozen, their activations are mixed.
        views: How many augmented views there are of an image where stages are frozen; elsewhere every
            epoch has a new one.
        cache: Keep the frozen prefix's activations of each view.
        bfloat16: True or False to force or forbid half precision; None: where it is native.
        stop: An event, asked before every batch; once it is set, the iterator ends.
        resume: A `state()` of such a training, to go on from instead of from the start.

    Returns:
        An iterator of `Epoch`; `steps`, `history`, `done`, `state()` say how far it is.

    Raises:
        ValueError: If a number is out of range, images or labels are none that can be learnt from, the
            head has not one output per class, the network lacks a stage that should learn, or the
            state is of another training (the fields that differ are named).
        TypeError: If the strategy is none.

    AdamW (Loshchilov and Hutter 2019), warm-up and cosine. Lesson 01.
    """
    strategy = as_strategy(strategy)
    if isinstance(augment, str):
        if augment != "default":
            raise ValueError(f"augment={augment!r}: it is an Augment, 'default' or None")
        augment = Augment(flip=task.flip)
    epochs = None if epochs is None else whole_number(epochs, "epochs")
    if mixup < 0 or views < 1:
        raise ValueError(f"mixup is {mixup} and views {views}; they are at least 0 and 1")
    if not len(task.train):
        raise ValueError(f"{task.name} has no training images: give it shots")
    if network.output_count != len(task.classes):
        raise ValueError(
            f"the head has {network.output_count} outputs, the task {len(task.classes)} classes"
        )
    check_inputs(task.train.pixels, task.train.labels, network.output_count)
    labels = task.train.labels
    if (
        not labels.is_floating_point() and labels.dtype != torch.int64
    ):  # the losses take no shorter ones
        task = replace(task, train=replace(task.train, labels=labels.long()))
    strategy.learning_parts(network)  # refuses stages that are not there
    if strategy.head_start == "probe" and not is_solvable(network.head):
        raise ValueError(
            f"{strategy.name} begins with the solution of a linear probe, which this head has not"
        )
    training = Training(
        network, task, strategy, seed, epochs, augment, mixup, views, cache, bfloat16, stop
    )
    if resume is not None:
        training.restore(resume)
    return training


class Training(Resumable):
    """What `fit` returns; see there, and `Resumable` for stopping and going on.

    First the head is solved, where the strategy asks for it, then batches are descended on.
    A step is a batch, or a record of the solver.
    """

    def __init__(
        self,
        network: Network,
        task: Task,
        strategy: Strategy,
        seed: int,
        epochs: int | None,
        augment: Augmentation | None,
        mixup: float,
        views: int,
        cache: bool,
        bfloat16: bool | None,
        stop: StopEvent | None,
    ) -> None:
        """Nothing is touched before the first step."""
        self.network, self.task, self.strategy, self.seed = network, task, strategy, seed
        self.epochs = epochs or default_epochs(len(task.train), strategy.start)
        self.augment, self.mixup, self.views = augment, mixup, views
        self.cache, self.bfloat16, self.stop = cache, bfloat16, stop
        self.history: list[Epoch] = []
        self.batch = min(BATCH_SIZE, len(task.train))
        self.batches = -(-len(task.train) // self.batch)  # in an epoch
        self.convex = strategy.convex and is_solvable(network.head)
        self.solving = self.convex or strategy.head_start == "probe"
        self.solved = 0  # records of the solver
        self.descended = 0  # batches
        self._numbers = task.asks_a_number
        self._variance = label_variance(task.train.labels).to(network.device)
        self._begun = False
        self._frozen: FrozenPass | None = None
        self._solver: Iterator[ProbeStep] | None = None
        self._optimiser: torch.optim.AdamW | None = None
        self._views: Views | None = None
        self._order: tuple[int, torch.Generator, tuple[Tensor, ...]] | None = None
        self._loss, self._hits, self._seconds = 0.0, 0, 0.0  # of the epoch under way
        keep_freed_memory()

    @property
    def steps(self) -> int:
        """How many steps were taken: records of the solver and batches."""
        return self.solved + self.descended

    @property
    def done(self) -> bool:
        """Whether nothing is left to do."""
        return not self.solving and (self.convex or self.descended == self.epochs * self.batches)

    def step(self) -> Epoch | None:
        """One batch or one record of the solver; an `Epoch` where one is complete.

        Where frozen activations are to be computed first, and `stop` is set meanwhile, no step
        is taken.
        """
        if self.done:
            return None
        started = time.perf_counter()
        if not self._begun:
            with defer_signals():
                self.strategy.prepare(self.network, self.seed)
                if self._numbers and self.strategy.head_start == "random":
                    start_head_at_mean(self.network.head, self.task.train.labels)
                self._begun = True
        return self._solve(started) if self.solving else self._descend(started)

    def _solve(self, started: float) -> Epoch | None:
        head, solver, self._solver = self.network.head, self._solver, None
        before = [p.detach().clone() for p in head.parameters()]
        taken = False
        try:
            if solver is None:
                if (features := self._all_features()) is None:
                    self._seconds += time.perf_counter() - started
                    return None
                solver = solve_probe(features, self.task.train.labels, head, self.seed)
                for _ in range(self.solved):  # L-BFGS is deterministic: it comes here again
                    next(solver)
            solution = next(solver, None)
            with defer_signals():
                taken = True
                if solution is None:
                    self.solving, self._frozen = False, None
                    return None
                self._solver = solver
                self.solved += 1
                record = Epoch(
                    solution.number,
                    solution.loss,
                    solution.accuracy,
                    0.0,
                    self._seconds + time.perf_counter() - started,
                )
                self._seconds = 0.0
                self.history.append(record)
                return record
        except BaseException:
            if not taken:  # the solver may have filled a part of the head
                with defer_signals(), torch.no_grad():
                    for parameter, value in zip(head.parameters(), before, strict=True):
                        parameter.copy_(value)
            raise

    def _all_features(self) -> Tensor | None:
        """Features `(N, D)` of the training images; None if `stop` was set meanwhile."""
        if self._frozen is None:
            self._frozen = FrozenPass(self.network, self.task.train.pixels, bfloat16=self.bfloat16)
        while not self._frozen.done:
            if self.stopped:
                return None
            self._frozen.advance()
        return self._frozen.result()

    def _descend(self, started: float) -> Epoch | None:
        if self._optimiser is None:
            self._optimiser = make_optimiser(self.network, self.strategy)
        if self._views is None:
            self._views = Views(
                self.network,
                self.task.train.pixels,
                self.seed,
                self.augment,
                self.cache,
                self.bfloat16,
                self.views,
                self.epochs,
            )
        number, place = self.descended // self.batches + 1, self.descended % self.batches
        if not self._views.ready(number, lambda: self.stopped):
            self._seconds += time.perf_counter() - started
            return None
        with defer_signals():
            if place == 0 or not self.network.training:
                self.network.train()
            index = self._batches(number)[place]
            if self._teaches(index):
                self._learn(index, number)
            self.descended += 1
            self._seconds += time.perf_counter() - started
            if place + 1 < self.batches:
                return None
            count = sum(len(index) for index in self._batches(number) if self._teaches(index))
            rate = list(self._rates().values())[-1]
            record = Epoch(number, self._loss / count, self._hits / count, rate, self._seconds)
            self._loss, self._hits, self._seconds = 0.0, 0, 0.0
            self.history.append(record)
            return record

    def _teaches(self, index: Tensor) -> bool:
        return len(index) > 1 or len(self.task.train) == 1  # BatchNorm needs two

    def _learn(self, index: Tensor, number: int) -> None:
        labels = self.task.train.labels[index].to(self.network.device)
        for group, rate in zip(self._optimiser.param_groups, self._rates().values(), strict=True):
            group["lr"] = rate
        with seed_torch(self.seed, self.descended, self.network.device):
            mix = draw_mix(len(index), self.mixup) if self.mixup else None
            logits = self._views.logits(index, number, mix)
            loss = compute_loss(logits, labels, self._variance)
            if mix is not None:
                other = labels[mix.partner.to(labels.device)]
                loss = mix.share * loss + (1 - mix.share) * compute_loss(
                    logits, other, self._variance
                )
            self._optimiser.zero_grad()
            loss.backward()
        self._optimiser.step()
        self._loss += loss.item() * len(index)
        self._hits += are_correct(logits, labels).sum().item()

    def _rates(self) -> dict[str, float]:
        """The learning rate of each part after so many batches: warm-up, then cosine."""
        share = warmup_cosine(self.descended, self.epochs * self.batches)
        return {name: rate * share for name, rate in self.strategy.peak_rates(self.network).items()}

    def _batches(self, number: int) -> tuple[Tensor, ...]:
        """The places of the images in each batch of an epoch, from the seed alone."""
        known, order, batches = self._order or (0, make_generator(self.seed, "batches"), ())
        for _ in range(number - known):
            batches = torch.randperm(len(self.task.train), generator=order).split(self.batch)
        self._order = (number, order, batches)
        return batches

    def fingerprint(self) -> dict:
        """What must be equal for a state to be gone on from, as JSON values."""
        return dict(self._configuration)

    @functools.cached_property  # it reads all training images
    def _configuration(self) -> dict:
        network, task, strategy = self.network, self.task, self.strategy
        random = strategy.start == "random"
        learning = strategy.learning_parts(network)
        frozen = {
            f"{stage}.{k}": v
            for stage, module in network.stages.items()
            if stage not in learning
            for k, v in module.state_dict().items()
        }
        return (
            {
                "backbone": network.name,
                "weights": "random" if random else network.origin,
                "frozen": fingerprint_tensors(frozen),
                "task": task.name,
                "classes": list(task.classes),
                "images": len(task.train),
                "image_size": task.image_size,
                "data": fingerprint_tensors(
                    {"pixels": task.train.pixels, "labels": task.train.labels}
                ),
                "strategy": strategy.name,
                "start": strategy.start,
                "learning": sorted(learning),
                "kind": strategy.kind,
                "head": str(network.head),
                "pooling": network.pooling,
                "head_start": strategy.head_start,
                "rate": strategy.peak_rate,
                "stage_decay": strategy.stage_decay,
                "weight_decay": strategy.weight_decay,
                "seed": self.seed,
                "epochs": None if self.convex else self.epochs,
                "batch": self.batch,
                "augment": self.augment and self.augment.fingerprint(),
                "cache": self.cache,
                "bfloat16": resolve_bfloat16(self.bfloat16, network.device),
            }
            | ({"mixup": self.mixup} if self.mixup else {})
            | ({"views": self.views} if self.views != VIEWS_PER_IMAGE else {})
        )

    def state(self) -> Checkpoint:
        """Everything that is needed to go on from here, copied. Not while a step runs."""
        values = {
            "format": CHECKPOINT_FORMAT,
            "configuration": self.fingerprint(),
            "steps": self.steps,
            "begun": self._begun,
            "solving": self.solving,
            "solved": self.solved,
            "descended": self.descended,
            "loss": self._loss,
            "hits": self._hits,
            "seconds": self._seconds,
            "history": [asdict(e) for e in self.history],
        }
        return Checkpoint(capture_state(self.network, self._optimiser), values)

    def restore(self, state: Checkpoint) -> None:
        """Go on from this state; the network is filled in place.

        Raises:
            ValueError: Naming each field of the configuration that differs.
        """
        self.check(state)
        values, network = state.values, self.network
        with defer_signals():
            self.strategy.freeze(network)
            self._optimiser = self._views = self._solver = self._order = self._frozen = None
            if values["descended"]:
                self._optimiser = make_optimiser(network, self.strategy)
            restore_state(state.tensors, network, self._optimiser)
            if self.strategy.start == "random" and values["begun"]:
                network.origin = "random"
            self._begun, self.solving = values["begun"], values["solving"]
            self.solved, self.descended = values["solved"], values["descended"]
            self._loss, self._hits = values["loss"], values["hits"]
            self._seconds = values["seconds"]
            self.history = [Epoch(**record) for record in values["history"]]
