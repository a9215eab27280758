"""Worlds that shift after a network has learnt from them, and ways to adapt it part by part."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from torch import nn
from torch.optim.swa_utils import update_bn

from vtlab.data.images import Images
from vtlab.data.tasks import Task
from vtlab.garden.worlds import World
from vtlab.models.backbones import backbone
from vtlab.models.evaluation import evaluate
from vtlab.models.network import STAGE_NAMES, Network
from vtlab.study.run import train_and_test
from vtlab.training.fit import fit
from vtlab.training.strategies import Strategy, full, plain, probe, surgical

RATE = 1e-3  # of everything that is descended on: the best for full in drift.csv

# a class is a genus; two of its species are the source's, two are new
GENERA, SPECIES_PER_GENUS = 8, 4
SPECIES_AT_ONCE = SPECIES_PER_GENUS // 2  # of each genus, in one task
GENUS_WORLD = World("genera", seed=71, count=GENERA * SPECIES_PER_GENUS, genera=GENERA, spread=0.5)
GENUS_TEST = 37  # test images of each species
SOURCE_SHOTS, SHIFT_SHOTS, SHIFT_EPOCHS = 20, 3, 15  # shots per species
SHIFTS = ("noise", "species", "names")
PARTS = ("statistics", *STAGE_NAMES, "head", "head by steps", "everything")


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

    draw = task.draw
    assert draw is not None

    def swap_names(images: Images) -> Images:
        return replace(images, labels=(images.labels + 1) % GENERA)

    return replace(
        task,
        train=swap_names(task.train),
        test=swap_names(task.test),
        draw=lambda shots, seed: swap_names(draw(shots, seed)),
    )


def _strategy_for_part(part: str, rate: float = RATE) -> Strategy:
    """Let one part of a network learn, from where it is: a stage, the head, or everything."""
    if part == "everything":
        return plain(replace(full, head_start="kept", rate=rate))
    if part.startswith("head"):
        return replace(probe, head_start="kept", rate=rate, batch_size=32)
    return plain(surgical(part, head_start="kept", head_learns=False, rate=rate))


def unfreeze_one_part(
    part: str, knowing: Network, task: Task, seed: int, rate: float = RATE
) -> dict[str, float]:
    """Let one part of a copy of a network change, for a new world.

    Args:
        part: One of `PARTS`: "statistics" takes BatchNorm's from the new images (`_renew_statistics`),
            "head" is solved, a stage and "head by steps" are descended on.
        knowing: From `source_network`; left as it is.
        task: From `shifted_task`.
        seed: Of the order and the augmentation.
        rate: Of the gradient steps.

    Returns:
        `test_accuracy` afterwards, and the number of `weights` that learnt; `train_accuracy` where
        something was trained.

    Lee et al. (2023), https://arxiv.org/abs/2210.11466. Lesson 06.
    """
    network = backbone("mini_resnet", classes=GENERA)
    network.load_state_dict(knowing.state_dict())
    if part == "statistics":
        _renew_statistics(network, task)
        found = {"test_accuracy": evaluate(network, task.test.pixels, task.test.labels)}
    else:
        if part == "head by steps":
            network.head = nn.Sequential(network.head)  # which is descended on instead of solved
        strategy = _strategy_for_part(part, rate)
        found = train_and_test(network, task, strategy, seed, epochs=SHIFT_EPOCHS)
    return found | {"weights": network.count_learning_weights()}


def _renew_statistics(network: Network, task: Task) -> Network:
    """Give BatchNorm the statistics of the training images, in place; no weight changes.

    Li et al. (2017), *Revisiting batch normalization for practical domain adaptation*. Lesson 06.
    """
    network.freeze(network.stage_names)
    update_bn([network.normalise(task.train.pixels)], network)
    return network.freeze(())
