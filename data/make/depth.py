"""Make depth.csv: accuracy by how much is unfrozen: by depth, by kind of shift, by kind of weight.

`python data/make/depth.py` trains it all, keeps each finished run and goes on where it was.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache, partial

import torch
from resumable_table import Plan, fill_table, make_resumable_table, resumable_row_on_task

from vtlab.course.lesson_06 import (
    PARTS,
    RATE,
    SHIFT_SHOTS,
    SHIFTS,
    WEIGHT_KIND_EPOCHS,
    shifted_task,
    source_network,
    unfreeze_one_part,
)
from vtlab.data.tasks import Task
from vtlab.data.tasks import task as make_task
from vtlab.models.adapters import adapter_names, with_adapters
from vtlab.models.backbones import backbone, backbone_with_first_stages
from vtlab.models.evaluation import evaluate
from vtlab.models.network import STAGE_NAMES
from vtlab.study.run import train_and_test
from vtlab.training.strategies import Strategy, full, plain, probe, surgical
from vtlab.training.strategies import partial as last_stages
from vtlab.training.unfreezing import gradual_unfreezing

SEEDS = {"depth": 5, "weights": 5, "shift": 3}
SHOTS, EPOCHS = 5, 20
MAX_TEST_IMAGES = 600
TARGETS = ("garden", "digits")


WEIGHT_KINDS: dict[str, Strategy] = {
    "head": probe,
    "BatchNorm": plain(replace(full, kind="norm", head_start="probe", rate=RATE)),
    "biases": plain(replace(full, kind="bias", head_start="probe", rate=RATE)),
    "last stage": plain(last_stages(1, head_start="probe", rate=RATE)),
    "everything": plain(replace(full, head_start="probe", rate=RATE)),
}


def _thin_tests(task: Task) -> Task:
    """The task with at most `MAX_TEST_IMAGES` test images: every second or third where there are more."""
    step = -(-len(task.test) // MAX_TEST_IMAGES)
    return replace(task, test=task.test[torch.arange(0, len(task.test), step)])


def measure_depth(way: str, stages: int, task: Task, seed: int) -> dict[str, float]:
    """One training with so many transferred stages, frozen or fine-tuned."""
    network = backbone_with_first_stages(stages, len(task.classes), seed)
    learning = STAGE_NAMES if way == "fine-tuned" else STAGE_NAMES[stages:]
    strategy = plain(surgical(*learning, rate=RATE)) if learning else probe
    found = train_and_test(network, task, strategy, seed, epochs=EPOCHS)
    return found | {"weights": network.count_learning_weights()}


def _measure_weight_kind(way: str, task: Task, seed: int) -> dict[str, float]:
    """One training of few weights, or of all step by step."""
    network = backbone("mini_resnet", classes=len(task.classes))
    if way == "gradually":
        gradual_unfreezing(network, task, seed)
        found = {"test_accuracy": evaluate(network, task.test.pixels, task.test.labels)}
    else:
        if way == "adapters":
            network = with_adapters(network, seed)
            strategy = plain(surgical(*adapter_names(network), head_start="probe", rate=RATE))
        else:
            strategy = WEIGHT_KINDS[way]
        found = train_and_test(network, task, strategy, seed, epochs=WEIGHT_KIND_EPOCHS)
    return found | {"weights": network.count_learning_weights()}


_source = lru_cache(maxsize=1)(source_network)  # trained once for all repairs of a seed


def _measure_adaptation(part: str, shift: str, seed: int) -> dict[str, float]:
    """The source's network before and after one part of it was adapted to a shift."""
    task, knowing = shifted_task(shift, seed), _source(seed)
    before = evaluate(knowing, task.test.pixels, task.test.labels)
    return {"before": before, **unfreeze_one_part(part, knowing, task, seed)}


def plan_depth() -> Plan:
    """All runs of the three parts, each with its own number of seeds."""
    bases = {target: _thin_tests(make_task(target, shots=1)) for target in TARGETS}
    for seed in range(max(SEEDS.values())):
        for run, measure in _runs_of_seed(bases, seed):
            if seed < SEEDS[run["part"]]:
                shots = SHIFT_SHOTS if run["part"] == "shift" else SHOTS
                yield run | {"shots": shots, "rate": RATE, "seed": seed}, measure


def _runs_of_seed(bases: dict[str, Task], seed: int) -> Plan:
    """All runs of one seed: the parts "depth" and "weights" on each target, and the part "shift"."""
    run: dict[str, str | int | None]
    for target, base in bases.items():
        for stages in range(len(STAGE_NAMES) + 1):
            for way in ("frozen", "fine-tuned") if stages else ("fine-tuned",):
                run = {"part": "depth", "target": target, "way": way, "stages": stages}
                measure = partial(measure_depth, way, stages)
                yield run, partial(resumable_row_on_task, base, SHOTS, seed, measure)
        for way in (*WEIGHT_KINDS, "adapters", "gradually"):
            run = {"part": "weights", "target": target, "way": way, "stages": None}
            yield (
                run,
                partial(
                    resumable_row_on_task, base, SHOTS, seed, partial(_measure_weight_kind, way)
                ),
            )
    for shift in SHIFTS:
        for part in PARTS:
            run = {"part": "shift", "target": shift, "way": part, "stages": None}
            yield run, partial(_measure_adaptation, part, shift, seed)


if __name__ == "__main__":
    make_resumable_table("depth", lambda folder: fill_table(plan_depth(), folder), __doc__)
