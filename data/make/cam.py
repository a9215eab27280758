"""Make the tables about heat maps: cam_scores.csv, cam_sanity.csv, cam_methods.csv and cam_shortcut.csv.

`python data/make/cam.py scores` (or `sanity`, `methods`, `shortcut`) trains what that table needs, keeps
every trained network and goes on where it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import torch
from resumable_table import table_parser, write_rounded_table
from torch import Tensor

from vtlab.analysis.baselines import BASELINES, baseline_maps
from vtlab.analysis.cams import METHODS, explain
from vtlab.analysis.map_similarity import pair_maps_of_other_images, rank_correlation, ssim
from vtlab.analysis.sanity_checks import cascading_randomisation
from vtlab.analysis.scores import SCORES, cam_scores, deletion_curve
from vtlab.course.lesson_09 import GROUND_SHOTS, ground_task
from vtlab.data.images import Images
from vtlab.data.tasks import Task
from vtlab.data.tasks import task as make_task
from vtlab.garden.worlds import WORLDS
from vtlab.models.backbones import backbone
from vtlab.models.evaluation import predict
from vtlab.models.network import Network
from vtlab.results import metrics
from vtlab.system.threads import THREADS
from vtlab.training.fit import fit
from vtlab.training.strategies import FOUR, Strategy, full, plain

SEEDS = 5
SHOTS = 40
GROUND_EPOCHS = 15
GROUND_TEST = 20  # test images per class of the planted shortcut
SCORED_IMAGES = 240  # test images whose maps are scored: every fifth one
NEAR_PIXELS = 2  # pixels of tolerance: 3 % of the side, as 15 are of a photograph's 500
COMPARED_IMAGES = 48  # test images of the slower comparisons
SANITY_METHODS = ("grad_cam", "layer_cam", "guided_backprop")
STAGES = ("stage1", "stage2", "stage3", "stage4")


def _train_or_load_network(
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


def _train_strategies(base: Task, folder: Path) -> Iterator[tuple[Strategy, int, Network]]:
    """The four strategies, trained with paired seeds."""
    for seed in range(SEEDS):
        task = base.at(SHOTS, seed)
        for strategy in map(plain, FOUR):
            yield strategy, seed, _train_or_load_network(strategy, task, seed, folder)


def measure_cam_scores(folder: Path) -> pd.DataFrame:
    """Strategy x stage x seed: how well Grad-CAM finds the plant, beside the baselines."""
    base = make_task("garden", shots=1)
    images = _every_nth(base.test, len(base.test) // SCORED_IMAGES)
    sizes = _map_sizes(images)
    rows = []
    for seed in range(SEEDS):
        for name in BASELINES:
            for stage, size in sizes.items():
                rows.append(
                    {
                        "strategy": name,
                        "stage": stage,
                        "seed": seed,
                        **_score_maps(baseline_maps(name, images.pixels, size, seed), images),
                    }
                )
    for strategy, seed, network in _train_strategies(base, folder):
        accuracy = _accuracy(network, base.test)
        for stage in STAGES:
            maps = explain(network, images.pixels, stage=stage)
            rows.append(
                {
                    "strategy": strategy.name,
                    "stage": stage,
                    "seed": seed,
                    **_score_maps(maps, images),
                    "accuracy": accuracy,
                }
            )
    return pd.DataFrame(rows)


def _score_maps(maps: Tensor, images: Images) -> dict[str, float]:
    """The mean of each score against the images' masks, and of hits that are near enough."""
    assert images.masks is not None, "drawings have masks"
    found = cam_scores(maps, images.masks).mean()
    near = cam_scores(maps, images.masks, NEAR_PIXELS).hit.mean()
    return {**{name: found[name] for name in SCORES}, "near": near}


def _accuracy(network: Network, images: Images) -> float:
    guesses = predict(network, images.pixels).argmax(1)
    return metrics.accuracy(images.labels.tolist(), guesses.tolist())


def _every_nth(images: Images, step: int) -> Images:
    return images[torch.arange(0, len(images), step)]


def _map_sizes(images: Images) -> dict[str, tuple[int, int]]:
    """The resolution of each stage's maps."""
    network, sizes = backbone("mini_resnet"), {}
    for stage in STAGES:
        _, height, width = explain(network, images.pixels[:1], stage=stage).shape
        sizes[stage] = height, width
    return sizes


def _ground_test_images(share: float) -> Images:
    """Test images whose ground is tied to their species in this share, else drawn at random."""
    world = WORLDS["garden"].turn(shortcut=share)
    return Images(*world.draw(GROUND_TEST, None, 64))


def measure_cam_shortcut(folder: Path) -> pd.DataFrame:
    """Training (tied, balanced) x strategy x seed: accuracy, and how much of the map is on the plant.

    `holds` and `breaks` are test images with tied grounds and with grounds at random. What of a
    map is not on the plant is on the ground, or on what else lies there.
    """
    tests = {"holds": _ground_test_images(1.0), "breaks": _ground_test_images(0.0)}
    rows = []
    for seed in range(SEEDS):
        for training, share in (("tied", 1.0), ("balanced", 0.0)):
            task = ground_task(share, seed)
            for strategy in map(plain, FOUR):
                network = _train_or_load_network(strategy, task, seed, folder, GROUND_EPOCHS)
                row = {
                    "training": training,
                    "strategy": strategy.name,
                    "shots": GROUND_SHOTS,
                    "seed": seed,
                    "trainable_weights": network.count_learning_weights(),
                }
                for name, images in tests.items():
                    found = _score_maps(explain(network, images.pixels), images)
                    row |= {
                        name: _accuracy(network, images),
                        f"{name}_hit": found["hit"],
                        f"{name}_mass": found["mass"],
                    }
                rows.append(row)
    return pd.DataFrame(rows)


def measure_cam_sanity(folder: Path) -> pd.DataFrame:
    """Method x seed x part: the likeness of maps to the trained network's, of `full`.

    "trained" is the network itself. "other image" compares the trained network's maps of
    different images: a map that says something of its image and its network cannot be less
    alike than that.
    """
    base = make_task("garden", shots=1)
    pixels = _every_nth(base.test, len(base.test) // COMPARED_IMAGES).pixels
    rows = []
    for seed in range(SEEDS):
        network = _train_or_load_network(plain(full), base.at(SHOTS, seed), seed, folder)
        for method in SANITY_METHODS:
            steps = list(cascading_randomisation(network, pixels, method=method, seed=seed))
            _, first = steps[0]  # of the trained network
            for part, maps in [*steps, ("other image", pair_maps_of_other_images(first))]:
                run = {"method": method, "part": part, "seed": seed}
                rows.append(run | _compare_maps(first, maps))
    return pd.DataFrame(rows)


def _compare_maps(first: Tensor, maps: Tensor) -> dict[str, float]:
    return {
        "rank_correlation": rank_correlation(first, maps).mean().item(),
        "ssim": ssim(first, maps).mean().item(),
    }


def measure_cam_methods(folder: Path) -> pd.DataFrame:
    """Method x seed, of `full`: scores, and means over the steps of the deletion and insertion curves.

    A good map has a small mean for deletion and a large one for insertion.
    """
    base = make_task("garden", shots=1)
    images = _every_nth(base.test, len(base.test) // COMPARED_IMAGES)
    rows = []
    for seed in range(SEEDS):
        network = _train_or_load_network(plain(full), base.at(SHOTS, seed), seed, folder)
        found = {name: explain(network, images.pixels, method=name) for name in METHODS}
        found |= {name: baseline_maps(name, images.pixels, seed=seed) for name in BASELINES}
        for name, maps in found.items():
            areas = {
                what: deletion_curve(network, images.pixels, maps, steps=8, insert=insert)
                .mean()
                .item()
                for what, insert in (("deletion", False), ("insertion", True))
            }
            rows.append({"method": name, "seed": seed, **_score_maps(maps, images), **areas})
    return pd.DataFrame(rows)


TABLES = {
    "scores": measure_cam_scores,
    "sanity": measure_cam_sanity,
    "methods": measure_cam_methods,
    "shortcut": measure_cam_shortcut,
}


def main() -> None:
    """Make one table and write it."""
    parser = table_parser("cam", __doc__)
    parser.add_argument("which", choices=tuple(TABLES))
    given = parser.parse_args()
    torch.set_num_threads(THREADS)
    write_rounded_table(TABLES[given.which](given.runs), f"cam_{given.which}")


if __name__ == "__main__":
    main()
