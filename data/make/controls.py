"""Make controls.csv: what plain pixels and random features reach, beside the numbers of other tables.

`python data/make/controls.py FOLDER` keeps each finished run and goes on where it was; the folder holds the
zips of `photographs.SETS`. "pixels" is the nearest shot in plain pixels, "random" a linear probe on the
features of a mini_resnet with random weights (of digits and hands), both on the very shots and test images that
other tables have. "patient" is full fine-tuning of hands from natural weights by the recipe that is chosen
there from the garden's weights, with as many epochs: features that do not fit get more steps.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import torch
from photographs import SETS, read_pools
from resumable_table import Plan, fill_table, table_parser, write_rounded_table

from vtlab.data.baselines import pixel_neighbour
from vtlab.data.tasks import Task
from vtlab.data.tasks import task as make_task
from vtlab.models.backbones import backbone
from vtlab.study.run import train_and_test
from vtlab.system.threads import THREADS
from vtlab.training.schedules import choose_epochs
from vtlab.training.strategies import full, probe

BUILT_IN = ("garden", "digits")
RANDOM = ("digits", "hands")
SHOTS = {"built in": (1, 2, 5, 10, 20), "photographs": (5, 20)}
SEEDS = range(5)
SIZE = 64
PATIENT = replace(full, rate=1e-2)
PATIENT_SHOTS, PATIENT_SEEDS = 20, (0, 1)


def plan_controls(folder: Path) -> Plan:
    """Every data set x shots x seed, plain pixels and random features; then the patient trainings."""
    for data in (*BUILT_IN, *SETS):
        numbers = SHOTS["built in" if data in BUILT_IN else "photographs"]
        ways = {"pixels": measure_pixels} | ({"random": measure_random} if data in RANDOM else {})
        for way, seed, shots in itertools.product(ways, SEEDS, numbers):
            run = {"data": data, "way": way, "shots": shots, "seed": seed}
            yield run, partial(_measure, folder, run, ways[way])
    for seed in PATIENT_SEEDS:
        run = {"data": "hands", "way": "patient", "shots": PATIENT_SHOTS, "seed": seed}
        yield run, partial(_measure, folder, run, measure_patient)


def _measure(folder: Path, run: dict, measure: Callable[[Task, int], dict]) -> dict:
    """The columns that are measured, on the images that this run names."""
    data, shots, seed = run["data"], run["shots"], run["seed"]
    if data in BUILT_IN:
        return measure(_read_built_in(data).at(shots, seed), seed)
    return measure(read_pools(folder, SIZE)[data].task(shots, seed), seed)


@cache
def _read_built_in(name: str) -> Task:
    """The test images are drawn once."""
    return make_task(name, shots=1, image_size=SIZE)


def measure_pixels(task: Task, seed: int) -> dict:
    """The nearest shot in plain pixels."""
    return {"test_accuracy": pixel_neighbour(task)}


def measure_random(task: Task, seed: int) -> dict:
    """A linear probe on random features, those of this seed."""
    network = backbone("mini_resnet", classes=len(task.classes), weights=None)
    network.reset_stages(seed)
    return train_and_test(network, task, probe, seed)


def measure_patient(task: Task, seed: int) -> dict:
    """Full fine-tuning from natural weights, with as many epochs as training from scratch has."""
    network = backbone("mini_resnet", classes=len(task.classes), weights="natural")
    epochs = choose_epochs(len(task.train), PATIENT, fitted=False)
    return train_and_test(network, task, PATIENT, seed, epochs=epochs)


def main() -> None:
    """Measure, and write the table."""
    parser = table_parser("controls", __doc__)
    parser.add_argument("folder", type=Path, help="with the zips")
    given = parser.parse_args()
    torch.set_num_threads(THREADS)
    write_rounded_table(fill_table(plan_controls(given.folder), given.runs), "controls")


if __name__ == "__main__":
    main()
