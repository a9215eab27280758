"""Make stopping.csv: early stopping on five images per class, one of which is held back to choose the epoch.

`python data/make/stopping.py` trains two strategies on the other four, looks at the network every few epochs,
keeps each finished run and goes on where it was.
"""

from __future__ import annotations

from functools import partial

import torch
from resumable_table import Plan, fill_table, make_resumable_table, resumable_row_on_task

from vtlab.data.tasks import Task
from vtlab.data.tasks import task as make_task
from vtlab.models.backbones import backbone
from vtlab.models.evaluation import compute_outputs, evaluate
from vtlab.models.network import Network
from vtlab.study.tune import HELD_BACK_SHARE
from vtlab.training.fit import fit
from vtlab.training.strategies import Strategy, full, scratch

SEEDS = 5
SHOTS = 5
LOOK_EVERY = 3  # epochs
LOOK_TESTS = 240  # test images of a look; the network of the last epoch and the chosen one meet all
LOOKS = ["epoch", "train", "val", "test", "test_loss"]


def plan_stopping() -> Plan:
    """Every seed x strategy."""
    base = make_task("garden", shots=1)
    for strategy in (scratch, full):
        for seed in range(SEEDS):
            run = {"strategy": strategy.name, "shots": SHOTS, "seed": seed}
            yield run, partial(resumable_row_on_task, base, SHOTS, seed, partial(measure, strategy))


def measure(strategy: Strategy, task: Task, seed: int) -> dict:
    """One training: its looks, and the accuracy at the epoch that is best on the images held back."""
    task = task.hold_back(HELD_BACK_SHARE, 0)
    assert task.val is not None
    tests = task.test[torch.arange(0, len(task.test), len(task.test) // LOOK_TESTS)]
    network, best, kept = backbone("mini_resnet", classes=len(task.classes)), -1.0, {}
    looks: dict[str, list[float]] = {name: [] for name in LOOKS}
    training = fit(network, task, strategy, seed=seed)
    for record in training:
        if training.batches_done == 0 or record.number % LOOK_EVERY:
            continue
        outputs = compute_outputs(network, tests.pixels)
        look = {
            "epoch": record.number,
            "train": record.train_accuracy,
            "val": evaluate(network, task.val.pixels, task.val.labels),
            "test": (outputs.argmax(1) == tests.labels).double().mean().item(),
            "test_loss": torch.nn.functional.cross_entropy(outputs, tests.labels).item(),
        }
        for name, value in look.items():
            looks[name].append(value)
        if look["val"] > best:
            best, kept = look["val"], {k: v.clone() for k, v in network.state_dict().items()}
    return looks | {
        "steps": training.batches_done,
        "test_accuracy": _test(network, task),
        "stopped_accuracy": _test(_restored(network, kept), task),
    }


def _restored(network: Network, state: dict[str, torch.Tensor]) -> Network:
    network.load_state_dict(state)
    return network


def _test(network: Network, task: Task) -> float:
    return evaluate(network, task.test.pixels, task.test.labels)


if __name__ == "__main__":
    make_resumable_table(
        "stopping", lambda folder: fill_table(plan_stopping(), folder).explode(LOOKS), __doc__
    )
