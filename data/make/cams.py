"""The committed measurements of heat maps: scores, sanity, and the planted shortcut.

`python data/make/cams.py scores` (or `sanity`, `methods`, `shortcut`) trains what it needs, keeps every
trained network and goes on where it was, and writes its table to `data/results`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from vtlab.analysis.cams import METHODS, explain
from vtlab.analysis.sanity import cascade, deletion, different_images, rank_correlation, ssim
from vtlab.analysis.scores import BASELINES, SCORES, baseline, cam_scores
from vtlab.course.lesson_09 import GROUND_SHOTS, ground_task
from vtlab.data.images import Images
from vtlab.data.tasks import Task
from vtlab.data.tasks import task as make_task
from vtlab.garden.worlds import WORLDS
from vtlab.models.backbones import backbone
from vtlab.models.evaluation import predict
from vtlab.models.network import Network
from vtlab.system.files import find_shipped_folder
from vtlab.system.threads import THREADS
from vtlab.training.fit import fit
from vtlab.training.strategies import FOUR, Strategy, full

SEEDS = 5
SHOTS = 40
GROUND_EPOCHS = 15
GROUND_TEST = 20  # test images per class of the planted shortcut
SCORED = 240  # test images whose maps are scored: every fifth one
NEAR = 2  # pixels of tolerance: 3 % of the side, as 15 are of a photograph's 500
COMPARED = 48  # test images of the slower comparisons
SANE = ("grad_cam", "layer_cam", "guided_backprop")
STAGES = ("stage1", "stage2", "stage3", "stage4")


def trained(
    strategy: Strategy, task: Task, seed: int, folder: Path, epochs: int | None = None
) -> Network:
    """A network trained on the task's shots, from its file if it was trained before."""
    from safetensors.torch import load_file, save_file

    network = backbone("mini_resnet", classes=len(task.classes))
    path = folder / f"{task.name}-{task.shots}-{strategy.name}-{seed}.safetensors"
    if path.exists():
        strategy.prepare(network, seed)
        network.load_state_dict(load_file(path))
        return network
    for _ in fit(network, task, strategy, seed=seed, epochs=epochs):
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
                rows.append(
                    {
                        "strategy": name,
                        "stage": stage,
                        "seed": seed,
                        **_scored(baseline(name, images.pixels, size, seed), images),
                    }
                )
    for strategy, seed, network in runs(base, folder):
        accuracy = _accuracy(network, base.test)
        for stage in STAGES:
            maps = explain(network, images.pixels, stage=stage)
            rows.append(
                {
                    "strategy": strategy.name,
                    "stage": stage,
                    "seed": seed,
                    **_scored(maps, images),
                    "accuracy": accuracy,
                }
            )
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
    return {
        stage: tuple(explain(network, images.pixels[:1], stage=stage).shape[1:]) for stage in STAGES
    }


def ground_test(share: float) -> Images:
    """Test images whose ground is tied to their species in this share, else drawn at random."""
    world = WORLDS["garden"].turn(shortcut=share)
    return Images(*world.draw(GROUND_TEST, None, 64))


def shortcut(folder: Path) -> pd.DataFrame:
    """Training (tied, balanced) x strategy x seed: accuracy, and how much of the map is on the plant.

    `holds` and `breaks` are test images with tied grounds and with grounds at random. What of a
    map is not on the plant is on the ground, or on what else lies there.
    """
    tests = {"holds": ground_test(1.0), "breaks": ground_test(0.0)}
    rows = []
    for seed in range(SEEDS):
        for training, share in (("tied", 1.0), ("balanced", 0.0)):
            task = ground_task(share, seed)
            for strategy in FOUR:
                network = trained(strategy, task, seed, folder, GROUND_EPOCHS)
                row = {
                    "training": training,
                    "strategy": strategy.name,
                    "shots": GROUND_SHOTS,
                    "seed": seed,
                    "trainable_weights": network.count_learning_weights(),
                }
                for name, images in tests.items():
                    found = cam_scores(explain(network, images.pixels), images.masks).mean()
                    row |= {
                        name: _accuracy(network, images),
                        f"{name}_hit": found["hit"],
                        f"{name}_mass": found["mass"],
                    }
                rows.append(row)
    return pd.DataFrame(rows)


def sanity(folder: Path) -> pd.DataFrame:
    """Method x seed x part: the likeness of maps to the trained network's, of `full`.

    "trained" is the network itself. "other image" compares the trained network's maps of
    different images: a map that says something of its image and its network cannot be less
    alike than that.
    """
    base = make_task("garden", shots=1)
    pixels = _every(base.test, len(base.test) // COMPARED).pixels
    rows = []
    for seed in range(SEEDS):
        network = trained(full, base.at(SHOTS, seed), seed, folder)
        for method in SANE:
            first = None
            for part, maps in cascade(network, pixels, method=method, seed=seed):
                first = maps if first is None else first
                rows.append({"method": method, "part": part, "seed": seed, **_alike(first, maps)})
            rows.append(
                {
                    "method": method,
                    "part": "other image",
                    "seed": seed,
                    **_alike(first, different_images(first)),
                }
            )
    return pd.DataFrame(rows)


def _alike(first: Tensor, maps: Tensor) -> dict[str, float]:
    return {
        "rank_correlation": rank_correlation(first, maps).mean().item(),
        "ssim": ssim(first, maps).mean().item(),
    }


def methods(folder: Path) -> pd.DataFrame:
    """Method x seed, of `full`: scores, and means over the steps of the deletion and insertion curves.

    A good map has a small mean for deletion and a large one for insertion.
    """
    base = make_task("garden", shots=1)
    images = _every(base.test, len(base.test) // COMPARED)
    rows = []
    for seed in range(SEEDS):
        network = trained(full, base.at(SHOTS, seed), seed, folder)
        found = {name: explain(network, images.pixels, method=name) for name in METHODS}
        found |= {name: baseline(name, images.pixels, seed=seed) for name in BASELINES}
        for name, maps in found.items():
            areas = {
                what: deletion(network, images.pixels, maps, steps=8, insert=insert).mean().item()
                for what, insert in (("deletion", False), ("insertion", True))
            }
            rows.append({"method": name, "seed": seed, **_scored(maps, images), **areas})
    return pd.DataFrame(rows)


TABLES = {"scores": scores, "sanity": sanity, "methods": methods, "shortcut": shortcut}


def main() -> None:
    """Make one table and write it."""
    parser = argparse.ArgumentParser(prog="python data/make/cams.py", description=__doc__)
    parser.add_argument("which", choices=tuple(TABLES))
    parser.add_argument(
        "--runs",
        type=Path,
        default=Path("vtlab-runs/cam"),
        help="trained networks (default: %(default)s)",
    )
    arguments = parser.parse_args()
    torch.set_num_threads(THREADS)
    table = TABLES[arguments.which](arguments.runs)
    name = f"cam_{arguments.which}.csv"
    table.round(4).to_csv(find_shipped_folder("results") / name, index=False)
    print("written:", name)


if __name__ == "__main__":
    main()
