"""Training as an iterator of records: the caller owns the loop.

`for epoch in fit(network, task, strategy): …` trains in place. A notebook may plot inside the
loop, a thread may leave it, a test takes two steps; what was learnt stays. The probe's records
are its solver's iterations.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from vtlab.augment import Augment
from vtlab.backbones import Network
from vtlab.features import activations, affordable_views
from vtlab.precision import autocast
from vtlab.randomness import generator
from vtlab.records import Epoch
from vtlab.solver import fit_head
from vtlab.strategies import Strategy
from vtlab.tasks import Images, Task

BATCH = 32
VIEWS = 8  # augmented views kept of each image when a prefix is frozen
WARM_UP = 0.1  # share of the steps in which the rate rises


def default_epochs(images: int) -> int:
    """How often so many training images are seen: 60 times up to 80 images, then less often.

    The number falls with the root of the number of images, to no less than 12; it is fixed
    before training and the last epoch is the one reported.
    """
    return int(max(12, min(60, 60 * (80 / images) ** 0.5)))


def fit(network: Network, task: Task, strategy: Strategy, *, seed: int = 0,
        epochs: int | None = None, augment: Augment | None = Augment(),
        cache: bool = True, bfloat16: bool | None = None) -> Iterator[Epoch]:  # fmt: skip
    """Train a network by a strategy, one record per epoch.

    Args:
        network: Trained in place, from the strategy's start.
        task: Its `train` images are all that is used.
        strategy: What learns, and how fast.
        seed: Of the new head, the order of batches and the augmentation; paired: the same for
            all strategies.
        epochs: None for `default_epochs`. The probe has none: it is solved.
        augment: Augmentation; None for the images as they are.
        cache: Keep the frozen prefix's activations (`VIEWS` views of each image).
        bfloat16: True or False to force or forbid half precision; None: where it is native.

    Raises:
        ValueError: If a number is out of range or the head has not one output per class.

    AdamW (Loshchilov and Hutter 2019), warm-up and cosine. Lesson 01.
    """
    if epochs is not None and epochs < 1:
        raise ValueError(f"cannot train for {epochs} epochs")
    if network.head.out_features != len(task.classes):
        raise ValueError(f"the head has {network.head.out_features} outputs, the task "
                         f"{len(task.classes)} classes")  # fmt: skip
    strategy.prepare(network, seed)
    if strategy.convex or strategy.head_start == "probe":
        yield from _solve_head(network, task.train, seed, bfloat16)
        if strategy.convex:
            return
    yield from _descend(network, task.train, strategy, seed,
                        epochs or default_epochs(len(task.train)), augment, cache, bfloat16)  # fmt: skip


def _solve_head(network: Network, images: Images, seed: int,
                bfloat16: bool | None) -> Iterator[Epoch]:  # fmt: skip
    started = time.perf_counter()
    features = activations(network, images.pixels, bfloat16=bfloat16)
    for step in fit_head(features, images.labels, network.head, seed):
        seconds = time.perf_counter() - started
        yield Epoch(step.number, step.loss, step.accuracy, 0.0, seconds)
        started = time.perf_counter()


def _descend(network: Network, images: Images, strategy: Strategy, seed: int, epochs: int,
             augment: Augment | None, cache: bool, bfloat16: bool | None) -> Iterator[Epoch]:  # fmt: skip
    views = _Views(network, images.pixels, seed, augment, cache, bfloat16)
    optimiser = optimiser_for(network, strategy)
    order = generator(seed, "batches")
    batch = min(BATCH, len(images))
    steps = epochs * -(-len(images) // batch)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, _warm_cosine(steps))
    for number in range(1, epochs + 1):
        started = time.perf_counter()
        network.train()
        loss_sum, hits = 0.0, 0
        for index in torch.randperm(len(images), generator=order).split(batch):
            if len(index) == 1 and len(images) > 1:
                schedule.step()  # BatchNorm has no statistics of one image
                continue
            labels = images.labels[index].to(network.device)
            with autocast(bfloat16, network.device):
                logits = views.logits(index, number).float()
            loss = F.cross_entropy(logits, labels)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            loss_sum += loss.item() * len(index)
            hits += (logits.argmax(1) == labels).sum().item()
        yield Epoch(number, loss_sum / len(images), hits / len(images),
                    schedule.get_last_lr()[-1], time.perf_counter() - started)  # fmt: skip


def optimiser_for(network: Network, strategy: Strategy) -> torch.optim.AdamW:
    """AdamW with one group per learning part, at its stage-wise rate."""
    parts = {**network.stages, "head": network.head}
    groups = [
        {"params": list(parts[name].parameters()), "lr": rate, "name": name}
        for name, rate in strategy.rates(network).items()
    ]
    return torch.optim.AdamW(groups, weight_decay=strategy.weight_decay, foreach=True)


def _warm_cosine(steps: int):
    warm = max(1, round(WARM_UP * steps))

    def share(step: int) -> float:
        if step < warm:
            return (step + 1) / warm
        progress = (step - warm) / max(1, steps - warm)
        return 0.5 * (1 + torch.cos(torch.tensor(torch.pi * min(1.0, progress))).item())

    return share


class _Views:
    """Training inputs by image and epoch: pixels, or a frozen prefix's activations of them."""

    def __init__(self, network: Network, pixels: Tensor, seed: int, augment: Augment | None,
                 cache: bool, bfloat16: bool | None) -> None:  # fmt: skip
        self.network, self.pixels, self.seed, self.augment = network, pixels, seed, augment
        self.stop = network.frozen_prefix
        self.cache = cache and self.stop > 0
        self.bfloat16 = bfloat16
        self.kept: dict[int, Tensor] = {}
        self.views = 1 if augment is None else 0  # 0: a new view every epoch
        if augment is not None and self.stop > 0:
            self.views = affordable_views(network, pixels, self.stop, VIEWS)

    def logits(self, index: Tensor, epoch: int) -> Tensor:
        """Logits of these images in this epoch's view."""
        number = epoch % self.views if self.views else epoch
        if not self.cache:
            pixels = self._view(self.pixels[index], index, number)
            return self.network(self.network.normalise(pixels))
        if number not in self.kept:
            everything = torch.arange(len(self.pixels))
            pixels = self._view(self.pixels, everything, number)
            self.kept[number] = activations(self.network, pixels, self.stop,
                                            bfloat16=self.bfloat16)  # fmt: skip
        maps = self.kept[number][index].to(self.network.device)
        return self.network.classify(self.network.run_stages(maps, self.stop))

    def _view(self, pixels: Tensor, index: Tensor, number: int) -> Tensor:
        if self.augment is None:
            return pixels
        return self.augment.view(pixels, index, self.seed, number)
