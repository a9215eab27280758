"""How much to unfreeze: by depth, by kind of shift, by kind of weight.

`python -m vtlab.depth` trains it all, keeps each finished run and goes on where it was, and
writes `data/results/depth.csv`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path

import pandas as pd
import torch
from torch import nn

from vtlab.adapters import adapter_names, with_adapters
from vtlab.backbones import backbone
from vtlab.features import evaluate
from vtlab.garden.worlds import World
from vtlab.initialise import draw_anew
from vtlab.network import Network
from vtlab.randomness import generator
from vtlab.strategies import Strategy, full, probe, surgical
from vtlab.strategies import partial as last_stages
from vtlab.tables import committed, kept, write_table
from vtlab.tasks import Images, Task
from vtlab.tasks import task as make_task
from vtlab.training import fit

SEEDS = {"depth": 5, "weights": 5, "shift": 3}
SHOTS, EPOCHS = 5, 20
FEW_EPOCHS = 40  # of the ways to let few weights learn, which move slowly
RATE = 1e-3  # of everything that is descended on: the best for full in drift.csv
TARGETS = ("garden", "digits")
STAGES = ("stem", "stage1", "stage2", "stage3", "stage4")
TESTED = 600  # test images at most

GENERA, SPECIES = 8, 4  # a class is a genus; two of its species are the source's, two are new
WORLD = World("genera", seed=71, count=GENERA * SPECIES, genera=GENERA, spread=0.5)
SOURCE_SHOTS, SHIFT_SHOTS, SHIFT_EPOCHS = 20, 3, 15  # shots per species
SHIFTS = ("noise", "species", "names")
PARTS = ("statistics", *STAGES, "head", "head by steps", "everything")


def depth_table() -> pd.DataFrame:
    """The committed table, a row per run.

    `part` says what is compared. "depth": the first `stages` of five are pretrained and the
    rest drawn anew, for plants and for digits; `way` is "frozen" or "fine-tuned". "shift": a
    network that knows one world meets another (`target`), and one part (`way`) may change;
    `before` is its accuracy without. "weights": ways to let few weights learn, with their
    number in `weights`; all begin with the solved head.

    Raises:
        FileNotFoundError: If there is none.

    Lesson 06.
    """
    return committed("depth")


def rebuilt(stages: int, classes: int, seed: int) -> Network:
    """A pretrained network of which only the first stages are left; the others are drawn anew.

    Args:
        stages: How many stages stay.
        classes: K.
        seed: Of what is drawn anew.

    Raises:
        ValueError: If there are fewer stages.

    Yosinski et al. (2014), https://arxiv.org/abs/1411.1792. Lesson 06.
    """
    if not 0 <= stages <= len(STAGES):
        raise ValueError(f"{stages} stages cannot stay: there are {len(STAGES)}")
    network = backbone("mini_resnet", classes=classes)
    for name in STAGES[stages:]:
        draw_anew(network.stages[name], generator(seed, name))
    return network


def deep(way: str, stages: int, task: Task, seed: int) -> dict[str, float]:
    """One training with so many transferred stages, frozen or fine-tuned."""
    network = rebuilt(stages, len(task.classes), seed)
    learning = STAGES if way == "fine-tuned" else STAGES[stages:]
    strategy = surgical(*learning, rate=RATE) if learning else probe
    return _trained(network, task, strategy, seed, EPOCHS)


def genera(species: str, shots: int, seed: int, **dials: object) -> Task:
    """Name the genus of a plant.

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
    world = WORLD.turn(**dials)

    def images(count: int, which: int | None) -> Images:
        drawn = _drawn(world, count, which)
        chosen = (drawn.labels // GENERA % 2 == (species == "new")).nonzero()[:, 0]
        return replace(drawn[chosen], labels=drawn.labels[chosen] % GENERA)

    classes = tuple(name.split()[0] for name in world.classes[:GENERA])
    test = images(TESTED // (2 * GENERA), None)
    return Task("genera", classes, images(shots, seed), test, shots, seed, images)


@lru_cache(maxsize=8)  # the worlds before and after a shift share their test plants
def _drawn(world: World, count: int, seed: int | None) -> Images:
    return Images(*world.draw(count, seed))


def source(seed: int) -> Network:
    """The network that the shifts happen to: the pretrained stages, a head that names genera."""
    network = backbone("mini_resnet", classes=GENERA)
    for _ in fit(network, genera("known", SOURCE_SHOTS, seed), probe, seed=seed):
        pass
    return network


def shifted(shift: str, seed: int) -> Task:
    """The world after a shift: other individuals than the source's, few of them.

    "noise": the camera spoils the picture; "species": each genus shows
    other species; "names": pictures as ever, every genus goes by another's name.

    Raises:
        ValueError: If there is no such shift.

    Lee et al. (2023), https://arxiv.org/abs/2210.11466. Lesson 06.
    """
    if shift not in SHIFTS:
        raise ValueError(f"no shift is called {shift!r}; there are {', '.join(SHIFTS)}")
    seed = seed + 100  # other individuals than the source learnt from
    if shift == "noise":
        return genera("known", SHIFT_SHOTS, seed, corruption="noise", strength=3.0)
    task = genera("new" if shift == "species" else "known", SHIFT_SHOTS, seed)
    if shift == "species":
        return task

    def renamed(images: Images) -> Images:
        return replace(images, labels=(images.labels + 1) % GENERA)

    return replace(task, train=renamed(task.train), test=renamed(task.test),
                   draw=lambda shots, seed: renamed(task.draw(shots, seed)))  # fmt: skip


def one_part(part: str) -> Strategy:
    """Let one part of a network learn, from where it is: a stage, the head, or everything."""
    if part == "everything":
        return replace(full, head_start="kept", rate=RATE)
    if part.startswith("head"):
        return replace(probe, head_start="kept", rate=RATE)
    return surgical(part, head_start="kept", head_learns=False, rate=RATE)


def repaired(part: str, knowing: Network, task: Task, seed: int) -> dict[str, float]:
    """Let one part of a copy of a network change, for a new world.

    Args:
        part: One of `PARTS`: "statistics" takes BatchNorm's from the new images (`restated`), "head"
            is solved, a stage and "head by steps" are descended on.
        knowing: From `source`; left as it is.
        task: From `shifted`.
        seed: Of the order and the augmentation.

    Returns:
        `test_accuracy` afterwards, and the number of `weights` that learnt.

    Lee et al. (2023), https://arxiv.org/abs/2210.11466. Lesson 06.
    """
    network = backbone("mini_resnet", classes=GENERA)
    network.load_state_dict(knowing.state_dict())
    if part == "statistics":
        return _tested(restated(network, task), task)
    if part == "head by steps":
        network.head = nn.Sequential(network.head)  # which is descended on instead of solved
    return _trained(network, task, one_part(part), seed, SHIFT_EPOCHS)


def restated(network: Network, task: Task) -> Network:
    """BatchNorm statistics that are those of the training images, in place; no weight changes.

    Li et al. (2017), *Revisiting batch normalization for practical domain adaptation*. Lesson 06.
    """
    layers = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.momentum = 1.0  # nothing of the old ones is left
    network.freeze(network.stage_names).train()
    with torch.no_grad():
        network(network.normalise(task.train.pixels))
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
    return network.freeze(())


def gradually(network: Network, task: Task, seed: int, epochs: int = FEW_EPOCHS) -> Network:
    """The head first, then one stage more for each fifth of the epochs, from the head to the image.

    Howard and Ruder (2018), https://arxiv.org/abs/1801.06146. Lesson 06.

    Args:
        network: Trained in place.
        task: What is learnt.
        seed: Of the head, the order and the augmentation.
        epochs: Of all together.
    """
    for k in range(len(STAGES) + 1):
        strategy = probe if k == 0 else last_stages(k, head_start="kept", rate=RATE)
        epochs_each = max(1, epochs // len(STAGES))
        for _ in fit(network, task, strategy, seed=seed, epochs=epochs_each):
            pass
    return network


FEW: dict[str, Strategy] = {
    "head": probe,
    "BatchNorm": replace(full, kind="norm", head_start="probe", rate=RATE),
    "biases": replace(full, kind="bias", head_start="probe", rate=RATE),
    "last stage": last_stages(1, head_start="probe", rate=RATE),
    "everything": replace(full, head_start="probe", rate=RATE),
}


def few(way: str, task: Task, seed: int) -> dict[str, float]:
    """One training of few weights, or of all step by step."""
    network = backbone("mini_resnet", classes=len(task.classes))
    if way == "gradually":
        return _tested(gradually(network, task, seed), task)
    if way == "adapters":
        network = with_adapters(network, seed)
        strategy = surgical(*adapter_names(network), head_start="probe", rate=RATE)
        return _trained(network, task, strategy, seed, FEW_EPOCHS)
    return _trained(network, task, FEW[way], seed, FEW_EPOCHS)


def _trained(network: Network, task: Task, strategy: Strategy, seed: int,
             epochs: int) -> dict[str, float]:  # fmt: skip
    records = list(fit(network, task, strategy, seed=seed, epochs=epochs))
    return {"train_accuracy": records[-1].train_accuracy, **_tested(network, task)}


def _tested(network: Network, task: Task) -> dict[str, float]:
    test = task.test[torch.arange(0, len(task.test), -(-len(task.test) // TESTED))]
    return {"test_accuracy": evaluate(network, test.pixels, test.labels),
            "weights": network.learning_weights()}  # fmt: skip


Plan = Iterator[tuple[dict, Callable[[], dict]]]


def plan(seed: int) -> Plan:
    """What is run for a seed: what it is, as columns, and what measures it."""
    for target in TARGETS:
        task = make_task(target, shots=SHOTS, seed=seed)
        for stages in range(len(STAGES) + 1):
            for way in ("frozen", "fine-tuned") if stages else ("fine-tuned",):
                yield ({"part": "depth", "target": target, "way": way, "stages": stages},
                       partial(deep, way, stages, task, seed))  # fmt: skip
        for way in (*FEW, "adapters", "gradually"):
            yield ({"part": "weights", "target": target, "way": way, "stages": None},
                   partial(few, way, task, seed))  # fmt: skip
    knowing: list[Network] = []  # trained once, and only if a run needs it

    def repair(part: str, shift: str) -> dict:
        if not knowing:
            knowing.append(source(seed))
        task = shifted(shift, seed)
        before = evaluate(knowing[0], task.test.pixels, task.test.labels)
        return {"before": before, **repaired(part, knowing[0], task, seed)}

    for shift in SHIFTS:
        for part in PARTS:
            yield ({"part": "shift", "target": shift, "way": part, "stages": None},
                   partial(repair, part, shift))  # fmt: skip


def measure(folder: Path) -> pd.DataFrame:
    """All of the plan with all seeds."""
    rows = []
    for seed in range(max(SEEDS.values())):
        for columns, run in plan(seed):
            if seed >= SEEDS[columns["part"]]:
                continue
            this = {**columns, "shots": SHIFT_SHOTS if columns["part"] == "shift" else SHOTS,
                    "rate": RATE, "seed": seed}  # fmt: skip
            name = "-".join(str(this[key]) for key in ("part", "target", "way", "stages", "seed"))
            rows.append(kept(folder / f"{name.replace(' ', '-')}.json", this, run))
    return pd.DataFrame(rows)


if __name__ == "__main__":
    write_table("depth", measure, __doc__)
