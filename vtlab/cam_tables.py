"""The committed measurements of heat maps: scores, sanity, and the planted shortcut.

`python -m vtlab.cam_tables scores` (or `sanity`, `shortcut`) trains what it needs, keeps every
trained network and goes on where it was, and writes its table to `data/results`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from vtlab.attribution import cam_scores, explain
from vtlab.attribution.baselines import BASELINES, baseline
from vtlab.attribution.scores import SCORES
from vtlab.backbones import Network, backbone
from vtlab.features import predict
from vtlab.garden.tags import tag
from vtlab.precision import THREADS
from vtlab.randomness import generator
from vtlab.strategies import FOUR, Strategy
from vtlab.sweeps import results_folder
from vtlab.tasks import Images, Task
from vtlab.tasks import task as make_task
from vtlab.training import fit

SEEDS = 5
SHOTS = 40
TAG_SHOTS = 20
SCORED = 600  # test images whose maps are scored: every second one
NEAR = 2  # pixels of tolerance: 3 % of the side, as 15 are of a photograph's 500
STAGES = ("stage1", "stage2", "stage3", "stage4")


def cam_table(name: str = "scores") -> pd.DataFrame:
    """A committed table: "scores", "sanity" or "shortcut".

    Raises:
        FileNotFoundError: If there is none of that name.

    Lesson 09.
    """
    path = results_folder() / f"cam_{name}.csv"
    if not path.exists():
        raise FileNotFoundError(f"no committed table cam_{name}.csv")
    return pd.read_csv(path)


def trained(strategy: Strategy, task: Task, seed: int, folder: Path) -> Network:
    """A network trained on the task's shots, from its file if it was trained before."""
    from safetensors.torch import load_file, save_file

    network = backbone("mini_resnet", classes=len(task.classes))
    path = folder / f"{task.name}-{task.shots}-{strategy.name}-{seed}.safetensors"
    if path.exists():
        strategy.prepare(network, seed)
        network.load_state_dict(load_file(path))
        return network
    for _ in fit(network, task, strategy, seed=seed):
        pass
    folder.mkdir(parents=True, exist_ok=True)
    save_file({k: v.contiguous() for k, v in network.state_dict().items()}, path)
    print("trained", path.stem, flush=True)
    return network


def runs(base: Task, folder: Path, shots: int = SHOTS) -> Iterator[tuple[Strategy, int, Network]]:
    """The four strategies, trained with paired seeds."""
    for seed in range(SEEDS):
        task = base.at(shots, seed)
        for strategy in FOUR:
            yield strategy, seed, trained(strategy, task, seed, folder)


def scores(folder: Path) -> pd.DataFrame:
    """Strategy x stage x seed: how well Grad-CAM finds the plant, beside the baselines."""
    base = make_task("garden", shots=1)
    images = _every(base.test, len(base.test) // SCORED)
    sizes = _sizes(images)
    rows = []
    for seed in range(SEEDS):
        for name in BASELINES:
            for stage, size in sizes.items():
                rows.append({"strategy": name, "stage": stage, "seed": seed,
                             **_scored(baseline(name, images.pixels, size, seed), images)})  # fmt: skip
    for strategy, seed, network in runs(base, folder):
        accuracy = _accuracy(network, base.test)
        for stage in STAGES:
            maps = explain(network, images.pixels, stage=stage)
            rows.append({"strategy": strategy.name, "stage": stage, "seed": seed,
                         **_scored(maps, images), "accuracy": accuracy})  # fmt: skip
    return pd.DataFrame(rows)


def _scored(maps: Tensor, images: Images) -> dict[str, float]:
    found = cam_scores(maps, images.masks).mean()
    near = cam_scores(maps, images.masks, NEAR).hit.mean()
    return {**{name: found[name] for name in SCORES}, "near": near}


def _accuracy(network: Network, images: Images) -> float:
    return (predict(network, images.pixels).argmax(1) == images.labels).double().mean().item()


def _every(images: Images, step: int) -> Images:
    return images[torch.arange(0, len(images), step)]


def _sizes(images: Images) -> dict[str, tuple[int, int]]:
    """The resolution of each stage's maps."""
    network = backbone("mini_resnet")
    return {stage: tuple(explain(network, images.pixels[:1], stage=stage).shape[1:])
            for stage in STAGES}  # fmt: skip


def tag_tasks(seed: int) -> dict[str, Task]:
    """The garden with tags in the pictures' corners: tied to the class, or balanced.

    "tied": every training picture carries its class's colour. "balanced": every colour, at
    random. Both have the same pictures.
    """
    base = make_task("garden", shots=TAG_SHOTS, seed=seed)
    balanced = torch.randint(len(base.classes), (len(base.train),),
                             generator=generator(seed, "tag colours"))  # fmt: skip
    made = {"tied": base.train.labels, "balanced": balanced}
    return {name: replace(base, name=f"tags-{name}", train=replace(
        base.train, pixels=tag(base.train.pixels, colours, seed)[0]))
        for name, colours in made.items()}  # fmt: skip


def tagged_test(images: Images) -> dict[str, tuple[Images, Tensor]]:
    """Test images with the tag of their own class, and with that of another; masks of the tags."""
    turn = torch.randint(1, 8, (len(images),), generator=generator(0, "other tags"))
    made = {"holds": images.labels, "breaks": (images.labels + turn) % 8}
    found = {}
    for name, colours in made.items():
        pixels, masks = tag(images.pixels, colours, 0)
        found[name] = (replace(images, pixels=pixels, masks=images.masks & ~masks), masks)
    return found


def shortcut(folder: Path) -> pd.DataFrame:
    """Training (tied, balanced) x strategy x seed: accuracy and where the maps' mass lies."""
    rows = []
    for seed in range(SEEDS):
        for training, task in tag_tasks(seed).items():
            tests = tagged_test(task.test)
            for strategy in FOUR:
                network = trained(strategy, task, seed, folder)
                row = {"training": training, "strategy": strategy.name, "seed": seed,
                       "without": _accuracy(network, task.test)}  # fmt: skip
                for name, (images, marks) in tests.items():
                    row[name] = _accuracy(network, images)
                    part = _every(images, 4)
                    maps = explain(network, part.pixels)
                    for what, masks in (("tag", marks[::4]), ("plant", part.masks)):
                        found = cam_scores(maps, masks).mean()
                        row |= {f"{name}_{what}_mass": found["mass"],
                                f"{name}_{what}_hit": found["hit"]}  # fmt: skip
                rows.append(row)
    return pd.DataFrame(rows)


TABLES = {"scores": scores, "shortcut": shortcut}


def main() -> None:
    """Make one table and write it."""
    parser = argparse.ArgumentParser(prog="python -m vtlab.cam_tables", description=__doc__)
    parser.add_argument("which", choices=tuple(TABLES))
    parser.add_argument("--runs", type=Path, default=Path("vtlab-runs/cam"),
                        help="trained networks (default: %(default)s)")  # fmt: skip
    arguments = parser.parse_args()
    torch.set_num_threads(THREADS)
    table = TABLES[arguments.which](arguments.runs)
    name = f"cam_{arguments.which}.csv"
    table.round(4).to_csv(results_folder() / name, index=False)
    print("written:", name)


if __name__ == "__main__":
    main()
