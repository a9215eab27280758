"""Make zoo.csv: what each small backbone costs, and what it is good for.

`python data/make/zoo.py` keeps each finished run and goes on where it was.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import pandas as pd
import torch
from resumable_table import make_resumable_table

from vtlab.course.lesson_02 import ZOO, pretraining_log
from vtlab.models.backbones import backbone
from vtlab.models.network import Network
from vtlab.results.metrics import interval
from vtlab.study.compare import compare
from vtlab.study.setting import Setting
from vtlab.system.device import autocast, synchronize
from vtlab.system.files import find_shipped_files
from vtlab.system.threads import THREADS
from vtlab.training.strategies import full, partial, plain, probe

TASKS = ("garden", "digits")
STRATEGIES = (probe, plain(partial(1)), plain(full))
SHOTS, SEEDS = 5, 5
BATCH = 64
REPEATS = 7


def measure_zoo(folder: Path) -> pd.DataFrame:
    """The table of the zoo, with finished runs kept in a folder: two minutes a backbone on two cores."""
    networks = {name: backbone(name, weights=None) for name in ZOO}  # costs ask for no weights
    table = pd.DataFrame([count_zoo_costs(network) for network in networks.values()])
    table = table.merge(measure_zoo_speeds(networks), on="backbone")
    results = pd.DataFrame(
        [
            {
                "backbone": name,
                "pretraining_accuracy": pretraining_log(name).test_accuracy.iloc[-1],
                **measure_zoo_accuracies(name, folder),
            }
            for name in ZOO
        ]
    )
    return table.merge(results, on="backbone")


def count_zoo_costs(network: Network) -> dict[str, str | int | float]:
    """What is counted and not timed: weights, operations, bytes, cells of the last map."""
    from torch.utils.flop_counter import FlopCounterMode

    network.eval()
    image = network.normalise(torch.zeros(1, 3, 64, 64, dtype=torch.uint8))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        maps = network.run_stages(image, 0)
    disk = (find_shipped_files("weights") / f"{network.name}.safetensors").stat().st_size
    return {
        "backbone": network.name,
        "weights": sum(p.numel() for p in network.stages.parameters()),
        "megaflops": round(counter.get_total_flops() / 1e6, 1),
        "megabytes": round(disk / 1e6, 2),
        "cells": maps.shape[-1],
    }


def measure_zoo_speeds(networks: dict[str, Network], repeats: int | None = None) -> pd.DataFrame:
    """Images per second forward and in training, medians of interleaved repeats.

    The ratios are medians of each repeat's own ratio to the first network: what else the
    machine does slows all of them alike.
    """
    torch.set_num_threads(THREADS)
    pixels = torch.zeros(BATCH, 3, 64, 64, dtype=torch.uint8)
    seconds: dict[str, dict[str, list[float]]] = {}
    for kind, step in (("forward", _step_forward), ("training", _step_training)):
        seconds[kind] = {name: [] for name in networks}
        for number in range((repeats or REPEATS) + 1):
            for name, network in networks.items():
                started = time.perf_counter()
                step(network, pixels)
                synchronize(network.device)
                if number:  # the first pass warms up
                    seconds[kind][name].append(time.perf_counter() - started)
    first = next(iter(networks))
    rows = []
    for name in networks:
        row: dict[str, str | float] = {"backbone": name}
        for kind in seconds:
            ours, theirs = seconds[kind][name], seconds[kind][first]
            row[f"{kind}_images_s"] = round(BATCH / statistics.median(ours), 1)
            ratios = [b / a for a, b in zip(ours, theirs, strict=True)]
            row[f"{kind}_ratio"] = round(statistics.median(ratios), 2)
        rows.append(row)
    return pd.DataFrame(rows)


def _step_forward(network: Network, pixels: torch.Tensor) -> None:
    network.eval()
    with torch.no_grad(), autocast(device=network.device):
        network(network.normalise(pixels))


def _step_training(network: Network, pixels: torch.Tensor) -> None:
    network.train()
    with autocast(device=network.device):
        loss = network(network.normalise(pixels)).float().square().mean()
    loss.backward()
    network.zero_grad()


def measure_zoo_accuracies(name: str, folder: Path) -> dict[str, float]:
    """Test accuracy of each strategy on each task, with its interval over the seeds."""
    row: dict[str, float] = {}
    for task in TASKS:
        study = compare(
            task,
            strategies=STRATEGIES,
            shots=SHOTS,
            seeds=SEEDS,
            setting=Setting(backbone=name),
            folder=folder / f"{name}-{task}",
            progress=False,
            say=print,
        )
        for strategy, group in study.table().groupby("strategy", sort=False):
            of = interval(group.test_accuracy.to_numpy(), len(study.task.test))
            key = f"{task}_{strategy}"
            row |= {key: of.mean, f"{key}_low": of.low, f"{key}_high": of.high}
    return row


if __name__ == "__main__":
    make_resumable_table("zoo", measure_zoo, __doc__)
