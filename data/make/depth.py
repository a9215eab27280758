"""How much to unfreeze: by depth, by kind of shift, by kind of weight.

`python data/make/depth.py` trains it all, keeps each finished run and goes on where it was, and
writes `data/results/depth.csv`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd
from kept import kept, write_table

from vtlab.course.lesson_06 import (
    PARTS,
    RATE,
    SHIFT_SHOTS,
    SHIFTS,
    STAGES,
    WEIGHT_KIND_EPOCHS,
    _tested,
    _trained,
    adapt_part,
    gradual_unfreezing,
    keep_first_stages,
    shifted_task,
    source_network,
)
from vtlab.data.tasks import Task
from vtlab.data.tasks import task as make_task
from vtlab.models.adapters import adapter_names, with_adapters
from vtlab.models.backbones import backbone
from vtlab.models.evaluation import evaluate
from vtlab.models.network import Network
from vtlab.training.strategies import Strategy, full, probe, surgical
from vtlab.training.strategies import partial as last_stages

SEEDS = {"depth": 5, "weights": 5, "shift": 3}
SHOTS, EPOCHS = 5, 20
TARGETS = ("garden", "digits")


def deep(way: str, stages: int, task: Task, seed: int) -> dict[str, float]:
    """One training with so many transferred stages, frozen or fine-tuned."""
    network = keep_first_stages(stages, len(task.classes), seed)
    learning = STAGES if way == "fine-tuned" else STAGES[stages:]
    strategy = surgical(*learning, rate=RATE) if learning else probe
    return _trained(network, task, strategy, seed, EPOCHS)


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
        return _tested(gradual_unfreezing(network, task, seed), task)
    if way == "adapters":
        network = with_adapters(network, seed)
        strategy = surgical(*adapter_names(network), head_start="probe", rate=RATE)
        return _trained(network, task, strategy, seed, WEIGHT_KIND_EPOCHS)
    return _trained(network, task, FEW[way], seed, WEIGHT_KIND_EPOCHS)


Plan = Iterator[tuple[dict, Callable[[], dict]]]


def plan(seed: int) -> Plan:
    """What is run for a seed: what it is, as columns, and what measures it."""
    for target in TARGETS:
        task = make_task(target, shots=SHOTS, seed=seed)
        for stages in range(len(STAGES) + 1):
            for way in ("frozen", "fine-tuned") if stages else ("fine-tuned",):
                yield (
                    {"part": "depth", "target": target, "way": way, "stages": stages},
                    partial(deep, way, stages, task, seed),
                )
        for way in (*FEW, "adapters", "gradually"):
            yield (
                {"part": "weights", "target": target, "way": way, "stages": None},
                partial(few, way, task, seed),
            )
    knowing: list[Network] = []  # trained once, and only if a run needs it

    def repair(part: str, shift: str) -> dict:
        if not knowing:
            knowing.append(source_network(seed))
        task = shifted_task(shift, seed)
        before = evaluate(knowing[0], task.test.pixels, task.test.labels)
        return {"before": before, **adapt_part(part, knowing[0], task, seed)}

    for shift in SHIFTS:
        for part in PARTS:
            yield (
                {"part": "shift", "target": shift, "way": part, "stages": None},
                partial(repair, part, shift),
            )


def measure(folder: Path) -> pd.DataFrame:
    """All of the plan with all seeds."""
    rows = []
    for seed in range(max(SEEDS.values())):
        for columns, run in plan(seed):
            if seed >= SEEDS[columns["part"]]:
                continue
            this = {
                **columns,
                "shots": SHIFT_SHOTS if columns["part"] == "shift" else SHOTS,
                "rate": RATE,
                "seed": seed,
            }
            name = "-".join(str(this[key]) for key in ("part", "target", "way", "stages", "seed"))
            rows.append(kept(folder / f"{name.replace(' ', '-')}.json", this, run))
    return pd.DataFrame(rows)


if __name__ == "__main__":
    write_table("depth", measure, __doc__)
