"""Training as an iterator: it gives a record for each epoch, and the caller writes the loop.

`for epoch in fit(network, task, strategy): …` trains the network in place. A notebook can plot inside
the loop, a thread can stop it, a test takes two steps; what was learnt stays. The probe is solved: its
records are the solver's steps.

    training = fit(network, task, strategy, stop=event)     # a threading.Event
    list(training)                  # ends within a batch once the event is set
    event.clear(); list(training)   # goes on, to the bits of a training never stopped
    state = training.state()        # the same in another process: fit(..., resume=state)
"""

from __future__ import annotations

import functools
import math
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from vtlab.data.augment import Augment, Augmentation
from vtlab.data.mixup import draw_mix
from vtlab.data.tasks import Task
from vtlab.models.evaluation import NonFiniteOutputsError, compute_outputs
from vtlab.models.features import FrozenPass
from vtlab.models.heads import is_probe_solvable
from vtlab.models.inputs import check_inputs
from vtlab.models.losses import (
    are_correct_by_loss,
    compute_loss,
    label_variance_loss,
    weigh_classes,
)
from vtlab.models.network import Network
from vtlab.results.records import Epoch
from vtlab.system.arguments import check_number, check_switch, check_whole_number
from vtlab.system.fingerprints import fingerprint_tensors
from vtlab.system.interrupts import StopEvent, defer_signals
from vtlab.system.memory import keep_freed_memory
from vtlab.system.randomness import make_generator, seed_torch
from vtlab.training.checkpoints import Checkpoint, CheckpointedTraining, restore_state
from vtlab.training.optimisers import make_optimiser
from vtlab.training.probe import ProbeStep, solve_probe
from vtlab.training.schedules import (
    FITTED_SHARE,
    LENGTH_RULE,
    choose_epochs,
    count_batches,
    warmup_cosine,
)
from vtlab.training.strategies import Strategy, as_strategy
from vtlab.training.views import VIEWS_PER_IMAGE, Views

LEAST_SEED = -(2**31)
CHECKED_IMAGES = 8  # whose outputs are looked at after the last batch


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
    say: Callable[[str], None] = warnings.warn,
) -> Training:
    """Train a network by a strategy, one record per epoch.

    A linear head on frozen stages is solved. Everything else is trained batch by batch with AdamW
    (Loshchilov and Hutter 2019), warm-up and cosine. The loss is cross-entropy or, where the labels are
    numbers, the squared error in units of their variance.

    Args:
        network: Trained in place, from the strategy's start.
        task: Its `train` images are all that is used.
        strategy: What learns, and how fast; or its name.
        seed: Of the new head, the order of batches and the augmentation. These are the same for all
            strategies.
        epochs: Passes over the training images, whatever the strategy says; None for the strategy's.
            The probe has none: it is solved.
        augment: An `Augment`, or what `augment_with` makes; None for the images as they are; "default"
            for `Augment()`, which mirrors images where `task.flip` says that a mirror image has the
            same class. A probe is solved on the images as they are.
        mixup: Train on weighted means of pairs, their weights from Beta(mixup, mixup) (Zhang et
            al. 2018); 0 for none. Where stages are frozen, their activations are mixed.
        views: How many augmented views an image has where the first stages are frozen; elsewhere it has
            a new one every epoch.
        cache: Keep the frozen prefix's activations of each view.
        bfloat16: True or False to force or forbid half precision; None: where it is native, and the labels
            are no numbers, of which three digits are few.
        stop: An event, asked before every batch; once it is set, the iterator ends.
        resume: The `state()` of such a training, to go on from instead of from the start.
        say: Called with a sentence about what is not used; and if the training diverges, if a loss, or an
            output after the last batch, is no finite number. It ends there, and `diverged` keeps the sentence.

    Returns:
        An iterator of `Epoch`. Its `steps`, `history`, `done`, `diverged` and `state()` say how far it is.

    Raises:
        ValueError: If a number is out of range, nothing can be learnt from the images or labels, the
            head has not one output per class, the network lacks a stage that should learn, or the
            state is of another training (the fields that differ are named).
        TypeError: If `network` is a plain module, or `strategy` neither a strategy nor a name.

    Lesson 01.
    """
    strategy = as_strategy(strategy)
    if not isinstance(network, Network):
        raise TypeError(
            f"fit trains a vt.Network, not a {type(network).__name__}: network = vt.backbone(module) makes "
            "one of it"
        )
    augment_is_given = augment not in ("default", None)
    if isinstance(augment, str):
        if augment != "default":
            raise ValueError(f"augment={augment!r}: it is an Augment, 'default' or None")
        augment = Augment(flip=task.flip)
    epochs = None if epochs is None else check_whole_number(epochs, "epochs")
    seed = check_whole_number(seed, "as seed", LEAST_SEED)
    views = check_whole_number(views, "views")
    mixup = check_number(mixup, "mixup")
    check_switch(cache, "cache")
    check_switch(bfloat16, "bfloat16", (None,))
    if resume is not None and not isinstance(resume, Checkpoint):
        raise ValueError(f"resume is {resume!r:.60}; it is the state() of such a training")
    if not len(task.train):
        raise ValueError(f"{task.name} has no training images: give it shots")
    check_fit_outputs(network, task)
    labels = task.train.labels
    check_inputs(task.train.pixels, labels, network.output_count)
    if not labels.is_floating_point() and labels.dtype != torch.int64:  # cross-entropy wants these
        task = replace(task, train=replace(task.train, labels=labels.long()))
    if labels.is_floating_point() and (strategy.class_weights or strategy.label_smoothing):
        raise ValueError(
            f"{strategy.name}: class_weights and label_smoothing are for classes; these labels are numbers"
        )
    strategy.learning_parts(network)  # raises where the network has no such stage
    head = {name for name, _ in network.head.named_parameters("head")}
    if strategy.head_learns and head and head <= network.notice_what_was_frozen():
        raise ValueError(
            f"{strategy.name} trains the head, of which requires_grad was switched off by hand: "
            "requires_grad_(True) lets it learn, and a Strategy with head_start='kept' and "
            "head_learns=False keeps it"
        )
    if strategy.solves_head_first(network) and not is_probe_solvable(network.head):
        raise ValueError(
            f"{strategy.name} begins with the solution of a linear probe, which this head has not"
        )
    training = Training(
        network, task, strategy, seed, epochs, augment, mixup, views, cache, bfloat16, stop, say
    )
    if training.convex:
        asked = {
            "epochs": epochs is not None,
            "augment": augment_is_given,
            "mixup": mixup > 0,
            "views": views != VIEWS_PER_IMAGE,
        }
        if unused := [word for word, given in asked.items() if given]:
            say(
                f"{strategy.name} is solved, not trained in epochs: {', '.join(unused)} changes nothing"
            )
    if resume is not None:
        training.restore(resume)
    return training


@functools.cache  # it is asked in every step
def _may_be_fitted(right: int, images: int) -> bool:
    from scipy.stats import binomtest

    share = binomtest(right, images).proportion_ci(method="wilson")
    return bool(share.high >= FITTED_SHARE)


def check_fit_outputs(network: Network, task: Task) -> None:
    """Refuse a head that has not one output per class.

    Raises:
        ValueError: With both numbers.
    """
    if network.output_count != len(task.classes):
        raise ValueError(
            f"the head has {network.output_count} outputs, the task {len(task.classes)} classes"
        )


class Training(CheckpointedTraining[Epoch]):
    """What `fit` returns; see there, and `CheckpointedTraining` for stopping and going on.

    First the head is solved, where the strategy asks for it. Then come the batches, unless the head
    alone learns. A step is a step of the solver, or a batch.

    Attributes:
        diverged: Why nothing came of it, in a sentence; "" as long as all losses are finite.
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
        say: Callable[[str], None],
    ) -> None:
        """The arguments are those of `fit`. The network is not touched before the first step."""
        self.network, self.task, self.strategy, self.seed = network, task, strategy, seed
        self._asked_epochs = epochs
        self.augment, self.mixup, self.views = augment, mixup, views
        self.cache, self.bfloat16, self.stop, self.say = cache, bfloat16, stop, say
        self.diverged = ""
        self.history: list[Epoch] = []
        self.batch_size = min(strategy.batch_size, len(task.train))
        self.batches_per_epoch = count_batches(len(task.train), strategy.batch_size)
        self.convex = strategy.convex and is_probe_solvable(network.head)
        self.solving = self.convex or strategy.solves_head_first(network)  # the solver is not done
        self.solver_steps = 0
        self._balanced = 0.0  # accuracy of the head that was solved
        self._prepared = False
        self._variance = label_variance_loss(task.train.labels).to(network.device)
        self._class_weights = None
        if strategy.class_weights is not None:
            self._class_weights = weigh_classes(
                task.train.labels, strategy.class_weights, len(task.classes)
            )
        self._features: FrozenPass | None = None
        self._solver: Iterator[ProbeStep] | None = None
        self._views: Views | None = None
        self._order: tuple[int, torch.Generator, tuple[Tensor, ...]] | None = None
        # sums over the epoch under way
        self._loss, self._correct, self._seconds = 0.0, 0, 0.0
        keep_freed_memory()

    @property
    def fitted(self) -> bool:
        """Whether the head that was solved gets nine tenths of the training images right, or may do so.

        That is the balanced accuracy: where nearly all images are of one class, always naming that one is no
        fit. It is below where its interval ends below: of ten images, eight say nothing. Of numbers, whether
        the head explains nine tenths of their variance. True as long as none is solved.
        """
        if self.solving or not self.solver_steps:
            return True
        solution = self.history[self.solver_steps - 1]
        if self.task.asks_a_number:
            return solution.loss <= 1 - FITTED_SHARE
        images = self._even_images
        return _may_be_fitted(round(self._balanced * images), round(images))

    @functools.cached_property  # it is asked in every step
    def _even_images(self) -> float:
        """How many images, in even classes, make the error of a mean over classes that these make."""
        counts = torch.unique(self.task.train.labels, return_counts=True)[1]
        return float(len(counts) ** 2 / (1 / counts.double()).sum())

    @property
    def epochs(self) -> int:
        """Passes over the training images; more where a solved head shows that features do not fit."""
        images = len(self.task.train)
        return self._asked_epochs or choose_epochs(images, self.strategy, self.fitted)

    @property
    def batches_done(self) -> int:
        """How many batches were taken, of all epochs."""
        return self.steps - self.solver_steps

    @property
    def done(self) -> bool:
        """Whether nothing is left to do: all steps were taken, or it diverged."""
        batches = 0 if self.convex else self.epochs * self.batches_per_epoch
        return bool(self.diverged) or (not self.solving and self.batches_done == batches)

    def step(self) -> Epoch | None:
        """Take a batch, or a step of the solver; returns an `Epoch` where one is complete.

        No step is taken where frozen activations must be computed first and `stop` is set meanwhile.
        """
        if self.done:
            return None
        started = time.perf_counter()
        if not self._prepared:
            with defer_signals():
                self.strategy.prepare(self.network, self.seed, self.task.train.labels)
                self._prepared = True
        return self._solve(started) if self.solving else self._descend(started)

    def _solve(self, started: float) -> Epoch | None:
        """Take a step of the solver; the first also computes the features."""
        head = self.network.head
        assert is_probe_solvable(head)
        # A signal ends a generator for good. So the solver is put back only after its step, and after
        # a signal a new one comes here again: L-BFGS is deterministic.
        solver, self._solver = self._solver, None
        before = [p.detach().clone() for p in head.parameters()]
        taken = False
        try:
            if solver is None:
                features = self._compute_features()
                if features is None:
                    self._seconds += time.perf_counter() - started
                    return None
                train = self.task.train
                solver = solve_probe(
                    features,
                    train.labels,
                    head,
                    self.seed,
                    groups=train.groups,
                    class_weights=self._class_weights,
                )
                for _ in range(self.solver_steps):
                    next(solver)
            solution = next(solver, None)
            with defer_signals():
                taken = True
                if solution is None:
                    self.solving, self._features = False, None
                    return None
                self._solver = solver
                self.solver_steps += 1
                self._balanced = solution.balanced
                self.steps += 1
                self._seconds += time.perf_counter() - started
                return self._record(solution.number, solution.loss, solution.accuracy, rate=0.0)
        except BaseException:
            if not taken:  # the solver may have filled a part of the head
                with defer_signals(), torch.no_grad():
                    for parameter, value in zip(head.parameters(), before, strict=True):
                        parameter.copy_(value)
            raise

    def _compute_features(self) -> Tensor | None:
        """Features `(N, D)` of the training images; None if `stop` was set meanwhile."""
        if self._features is None:
            self._features = FrozenPass(
                self.network, self.task.train.pixels, bfloat16=self.bfloat16
            )
        while not self._features.done:
            if self.stopped:
                return None
            self._features.advance()
        return self._features.result()

    def _descend(self, started: float) -> Epoch | None:
        """Take a batch; the first of an epoch also computes the frozen activations of its view."""
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
        optimiser, views = self._optimiser, self._views
        epoch, place = divmod(self.batches_done, self.batches_per_epoch)
        epoch += 1
        if not views.prepare(epoch, lambda: self.stopped):
            self._seconds += time.perf_counter() - started
            return None
        with defer_signals():  # a batch is learnt wholly or not at all
            if place == 0 or not self.network.training:  # the caller may have tested the network
                self.network.train()
            batches = self._batches(epoch)
            self._learn(batches[place], epoch, optimiser, views)
            if self.diverged:
                return None
            self.steps += 1
            self._seconds += time.perf_counter() - started
            if place + 1 < self.batches_per_epoch:
                return None
            count = len(self.task.train)
            rate = list(self._rates().values())[-1]
            record = self._record(epoch, self._loss / count, self._correct / count, rate)
            if self.done:
                self._check_outputs()
            return record

    def _record(self, number: int, loss: float, accuracy: float, rate: float) -> Epoch:
        """Add a record to the history, and begin the sums of the next one."""
        record = Epoch(number, loss, accuracy, rate, self._seconds)
        self._loss, self._correct, self._seconds = 0.0, 0, 0.0
        self.history.append(record)
        return record

    def _learn(self, index: Tensor, epoch: int, optimiser: torch.optim.AdamW, views: Views) -> None:
        """One step of the optimiser on the images at these places."""
        rates = self._rates()
        for group in optimiser.param_groups:
            group["lr"] = rates[group["name"]]
        optimiser.zero_grad()
        # Dropout and mixup draw from the seed and the number of the batch: a training that goes on
        # from a checkpoint draws the same.
        with seed_torch(self.seed, self.batches_done, self.network.device):
            parts = index.tensor_split(min(self.strategy.accumulate, len(index)))
            losses = [
                self._add_gradients(part, len(part) / len(index), epoch, views) for part in parts
            ]
        optimiser.step()
        value = sum(losses)
        if not math.isfinite(value):
            self._end_diverged(f"at step {self.batches_done + 1} the loss was {value}")
            return
        self._loss += value * len(index)

    def _add_gradients(self, index: Tensor, share: float, epoch: int, views: Views) -> float:
        """The gradients of the images at these places, which are a share of the batch; and their loss."""
        labels = self.task.train.labels[index].to(self.network.device)
        mix = draw_mix(len(index), self.mixup) if self.mixup else None
        logits = views.logits(index, epoch, mix)
        loss = self._compute_loss(logits, labels)
        if mix is not None:
            other_loss = self._compute_loss(logits, labels[mix.partner.to(labels.device)])
            loss = mix.share * loss + (1 - mix.share) * other_loss
        loss = share * loss
        loss.backward()
        self._correct += int(are_correct_by_loss(logits, labels).sum())
        return loss.item()

    def _compute_loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        smoothing = self.strategy.label_smoothing
        return compute_loss(logits, labels, self._variance, self._class_weights, smoothing)

    def _check_outputs(self) -> None:
        """Ask whether the network that came out gives numbers; every loss was taken before a step."""
        try:
            compute_outputs(
                self.network, self.task.train.pixels[:CHECKED_IMAGES], bfloat16=self.bfloat16
            )
        except NonFiniteOutputsError as error:
            self._end_diverged(f"after the last step {error}")

    def _end_diverged(self, why: str) -> None:
        self.diverged = (
            f"{self.strategy.name} diverged at a rate of {self.strategy.peak_rate:g}: {why}; "
            "take a lower rate"
        )
        self.say(self.diverged)

    def _rates(self) -> dict[str, float]:
        """The learning rate of each part that learns, after as many batches as were taken."""
        share = warmup_cosine(self.batches_done, self.epochs * self.batches_per_epoch)
        return {name: r * share for name, r in self.strategy.peak_rates(self.network).items()}

    def _batches(self, epoch: int) -> tuple[Tensor, ...]:
        """The places of the images in each batch of an epoch, from the seed alone."""
        known, order, batches = self._order or (0, make_generator(self.seed, "batches"), ())
        for _ in range(epoch - known):
            mixed = torch.randperm(len(self.task.train), generator=order)
            batches = mixed.tensor_split(self.batches_per_epoch)
        self._order = (epoch, order, batches)
        return batches

    def fingerprint(self) -> dict[str, Any]:
        """What must be equal for a checkpoint to be gone on from, as JSON values."""
        return dict(self._fingerprint)

    @functools.cached_property  # it reads all training images
    def _fingerprint(self) -> dict[str, Any]:
        network, task, strategy = self.network, self.task, self.strategy
        learning, moving = strategy.learning_parts(network), strategy.peak_rates(network)
        frozen = {
            f"{stage}.{name}": value
            for stage, module in network.stages.items()
            if stage not in moving
            for name, value in module.state_dict().items()
        }
        known = {
            "backbone": network.name,
            "weights": "random" if strategy.start == "random" else network.origin,
            "frozen": fingerprint_tensors(frozen),
            "task": task.name,
            "classes": list(task.classes),
            "images": len(task.train),
            "image_size": task.image_size,
            "data": fingerprint_tensors({"pixels": task.train.pixels, "labels": task.train.labels}),
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
            "statistics": strategy.statistics,
            "seed": self.seed,
            "epochs": None
            if self.convex
            else self._asked_epochs or choose_epochs(len(task.train), strategy),
            "batch": self.batch_size,
            "augment": self.augment and self.augment.fingerprint(),
            "cache": self.cache,
            "bfloat16": network.resolve_bfloat16(self.bfloat16),
        }
        if not (self.convex or self._asked_epochs or strategy.epochs):
            if strategy.solves_head_first(network):
                known["length"] = LENGTH_RULE
        # named where they differ from the default: checkpoints are older than these options
        if self.mixup:
            known["mixup"] = self.mixup
        if self.views != VIEWS_PER_IMAGE:
            known["views"] = self.views
        for field in ("decay_norms", "class_weights", "label_smoothing", "accumulate"):
            if (value := getattr(strategy, field)) != getattr(Strategy, field):
                known[field] = list(value) if isinstance(value, tuple) else value
        return known

    def _position(self) -> dict[str, Any]:
        return {
            "begun": self._prepared,
            "solving": self.solving,
            "solved": self.solver_steps,
            "balanced": self._balanced,
            "descended": self.batches_done,
            "loss": self._loss,
            "hits": self._correct,
            "seconds": self._seconds,
            "diverged": self.diverged,
        }

    def _resume(self, checkpoint: Checkpoint) -> None:
        values, network = checkpoint.values, self.network
        self.strategy.freeze(network)
        # what follows from the weights and the position is made anew by the next step
        self._optimiser = self._views = self._solver = self._order = self._features = None
        if values["descended"]:
            self._optimiser = make_optimiser(network, self.strategy)
        restore_state(checkpoint.tensors, network, self._optimiser)
        if self.strategy.start == "random" and values["begun"]:
            network.origin = "random"
        self._prepared, self.solving = values["begun"], values["solving"]
        self.steps, self.solver_steps = values["steps"], values["solved"]
        self._loss, self._correct = values["loss"], values["hits"]
        self._seconds = values["seconds"]
        self._balanced = values.get("balanced", 0.0)  # older checkpoints have no use for it
        self.diverged = values.get("diverged", "")  # older checkpoints do not say
        self.history = [Epoch(**record) for record in values["history"]]
