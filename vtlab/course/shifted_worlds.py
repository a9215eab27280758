"""Worlds that shift after a network has learnt from them, and ways to adapt it part by part."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import pandas as pd
import torch
from torch import nn
from torch.optim.swa_utils import update_bn

from vtlab.data.images import Images
from vtlab.data.tasks import Task
from vtlab.garden.worlds import World
from vtlab.models.backbones import backbone
from vtlab.models.evaluation import evaluate
from vtlab.models.features import activations
from vtlab.models.network import STAGE_NAMES, Network
from vtlab.training.fit import fit
from vtlab.training.strategies import Strategy, full, plain, probe, surgical

RATE = 1e-3  # of gradient steps, where no other is given: the best for full in drift.csv

# a class is a genus; two of its species are the source's, two are new
GENERA, SPECIES_PER_GENUS = 8, 4
SPECIES_AT_ONCE = SPECIES_PER_GENUS // 2  # of each genus, in one task
GENUS_WORLD = World("genera", seed=71, count=GENERA * SPECIES_PER_GENUS, genera=GENERA, spread=0.5)
GENUS_TEST = 37  # test images of each species
SOURCE_SHOTS, SHIFT_SHOTS, SHIFT_EPOCHS = 20, 3, 15  # shots per species
SHIFTS = ("noise", "species", "names")
RATES = (1e-3, 3e-3, 1e-2)  # of the gradient steps, tried for each part
KEPT = ", statistics kept"
PARTS = ("statistics", *STAGE_NAMES[1:], "head", "everything")
# what else was tried against noise: what of stage 1 repairs, and as few weights in another place
STATISTICS_OF_STAGE1, KEPT_STAGE1, STATISTICS_THEN_STAGE1, FEW_OF_STAGE4 = (
    "statistics of stage1",
    f"stage1{KEPT}",
    "statistics, then stage1",
    "stage4.downsample",
)


def genus_task(species: str, shots: int, seed: int, **dials: object) -> Task:
    """The task of naming the genus of a plant.

    Args:
        species: "known" for the two species of each genus that the source has, "new" for two others.
        shots: Images per species.
        seed: Which individuals.
        dials: Of the world, such as `corruption="noise", strength=3.0`.

    Raises:
        ValueError: If the species are neither.

    Lesson 06.
    """
    if species not in ("known", "new"):
        raise ValueError(f"species are 'known' or 'new', not {species!r}")
    world = GENUS_WORLD.turn(**dials)

    def images(count: int | None, which: int | None) -> Images:
        assert count is not None, "a world has no end"
        drawn = _draw_world(world, count // SPECIES_AT_ONCE, which)
        # species k is of genus k % GENERA; the rounds of genera are known and new in turn
        chosen = (drawn.labels // GENERA % 2 == (species == "new")).nonzero()[:, 0]
        return replace(drawn[chosen], labels=drawn.labels[chosen] % GENERA)

    classes = tuple(name.split()[0] for name in world.classes[:GENERA])
    test = images(SPECIES_AT_ONCE * GENUS_TEST, None)
    shots = SPECIES_AT_ONCE * shots  # of a class, which is a genus
    return Task("genera", classes, images(shots, seed), test, shots, seed, images)


@lru_cache(maxsize=8)  # the worlds before and after a shift share their test plants
def _draw_world(world: World, count: int, seed: int | None) -> Images:
    pixels, labels, masks = world.draw(count, seed)
    return Images(pixels, labels, masks)


def source_network(seed: int) -> Network:
    """The network that the shifts happen to: the pretrained stages, a head that names genera."""
    network = backbone("mini_resnet", classes=GENERA)
    for _ in fit(network, genus_task("known", SOURCE_SHOTS, seed), probe, seed=seed):
        pass
    return network


def shifted_task(shift: str, seed: int) -> Task:
    """The world after a shift: other individuals than the source's, few of them.

    "noise": the pictures are noisy; "species": each genus shows other species; "names": the pictures
    are as before, and every genus has another's name.

    Raises:
        ValueError: If there is no such shift.

    Lee et al. (2023), https://arxiv.org/abs/2210.11466. Lesson 06.
    """
    if shift not in SHIFTS:
        raise ValueError(f"no shift is called {shift!r}; there are {', '.join(SHIFTS)}")
    seed = seed + 100  # other individuals than the source learnt from
    if shift == "noise":
        return genus_task("known", SHIFT_SHOTS, seed, corruption="noise", strength=3.0)
    task = genus_task("new" if shift == "species" else "known", SHIFT_SHOTS, seed)
    if shift == "species":
        return task
    return rename_genera(task, 1)


def rename_genera(task: Task, by: int) -> Task:
    """The same task, in which every genus has the name of another, so many places further on."""
    draw = task.draw
    assert draw is not None

    def rename(images: Images) -> Images:
        return replace(images, labels=(images.labels + by) % GENERA)

    return replace(
        task,
        train=rename(task.train),
        test=rename(task.test),
        draw=lambda shots, seed: rename(draw(shots, seed)),
    )


def list_worlds(seed: int) -> dict[str, Task]:
    """The old world and the three that a shift makes of it, each with every second test image."""
    old = genus_task("known", SHIFT_SHOTS, seed)
    tasks = {"old world": old, **{shift: shifted_task(shift, seed) for shift in SHIFTS}}
    half = torch.arange(0, len(old.test), 2)
    return {name: replace(task, test=task.test[half]) for name, task in tasks.items()}


def _strategy_for_part(part: str, rate: float = RATE) -> Strategy:
    """Let one part of a network learn, from where it is: a stage or a module in it, the head, or everything."""
    if part == "everything":
        return plain(replace(full, head_start="kept", rate=rate))
    if part.startswith("head"):
        return replace(probe, head_start="kept", rate=rate, batch_size=32)
    stage = part.removesuffix(KEPT)
    strategy = plain(surgical(stage, head_start="kept", head_learns=False, rate=rate))
    return replace(strategy, statistics="kept") if part.endswith(KEPT) else strategy


def choose_rates(repairs: pd.DataFrame) -> pd.DataFrame:
    """For each shift, part and seed the run at one rate: that with the best mean over the other seeds.

    So no run takes part in the choice of its own rate. Parts without a rate have one run, which is kept.

    Args:
        repairs: A row per run, with the columns shift, part, rate, seed and test_accuracy.

    Returns:
        Some of its rows.

    Lesson 06.
    """
    found = []
    for _, arm in repairs.groupby(["shift", "part"], sort=False):
        rates = arm.rate.fillna(0)
        table = arm.assign(rate=rates).pivot(index="seed", columns="rate", values="test_accuracy")
        for seed in table.index:
            others = table.drop(seed)
            rate = others.mean().idxmax() if len(others) else table.columns[0]
            found.append(arm[(arm.seed == seed) & (rates == rate)])
    return pd.concat(found)


def repair(part: str, knowing: Network, task: Task, seed: int, rate: float = RATE) -> Network:
    """A copy of a network in which one part was changed for a new world.

    Args:
        part: One of `PARTS`. "statistics" takes BatchNorm's from the new images (`renew_statistics`) and
            "statistics of stage1" those of one stage. "head" is solved. A stage, a module in it, "head by
            steps" and "everything" are trained by thirty steps; while a stage learns, its BatchNorm
            statistics follow, but for "stage1, statistics kept". Two parts follow one another in
            "statistics, then stage1".
        knowing: From `source_network`; left as it is.
        task: From `shifted_task`.
        seed: Of the order and the augmentation.
        rate: Of the gradient steps.

    Lee et al. (2023), https://arxiv.org/abs/2210.11466. Lesson 06.
    """
    return _repair(part, knowing, task, seed, rate)[0]


def measure_repair(
    part: str, knowing: Network, task: Task, seed: int, rate: float = RATE
) -> dict[str, float]:
    """What `repair` gives.

    Returns:
        `test_accuracy` afterwards, and the number of `weights` that learnt; `train_accuracy` where
        something was trained.
    """
    network, found = _repair(part, knowing, task, seed, rate)
    test = evaluate(network, task.test.pixels, task.test.labels)
    return found | {"test_accuracy": test, "weights": network.count_learning_weights()}


def _repair(
    part: str, knowing: Network, task: Task, seed: int, rate: float
) -> tuple[Network, dict[str, float]]:
    """The repaired copy; its accuracy on the training images where something was trained."""
    first, _, then = part.partition(", then ")
    if then:
        return _repair(then, repair(first, knowing, task, seed, rate), task, seed, rate)
    network = backbone("mini_resnet", classes=GENERA)
    network.load_state_dict(knowing.state_dict())
    if part.startswith("statistics"):
        stage = part.partition(" of ")[2]
        return renew_statistics(network, task, stage or None), {}
    if part == "head by steps":
        network.head = nn.Sequential(network.head)  # which is descended on instead of solved
    strategy = _strategy_for_part(part, rate)
    epochs = None if part == "head" else SHIFT_EPOCHS
    records = list(fit(network, task, strategy, seed=seed, epochs=epochs))
    return network, {"train_accuracy": records[-1].train_accuracy}


def renew_statistics(network: Network, task: Task, stage: str | None = None) -> Network:
    """Give BatchNorm the statistics of the training images, in place; no weight changes, no label is used.

    Args:
        network: Changed, and returned.
        task: Whose training images pass through it.
        stage: Only in this one; None for all.

    Li et al. (2017), *Revisiting batch normalization for practical domain adaptation*. Lesson 06.
    """
    network.freeze(network.stage_names)
    if stage is None:
        update_bn([network.normalise(task.train.pixels)], network)
    else:
        before = network.stage_names.index(stage)
        maps = activations(network, task.train.pixels, before, bfloat16=False)
        update_bn([maps], network.stages[stage])
    return network.freeze(())
