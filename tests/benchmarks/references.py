"""`full` beside the recipes that two other libraries recommend, on the same shots and networks.

    PYTHONPATH=data/make python tests/benchmarks/references.py FOLDER

makes `data/results/references.csv` and prints how far `full` is ahead of each, paired over seeds. Finished
runs are kept in `--runs`, a stopped command goes on where it was, and the table has all that are finished
(it is called like that folder). FOLDER is that of `real.py`.

The recipes are written out here in plain torch, with the defaults that their sources have:

- fastai's `fine_tune`: one epoch with frozen stages, then all at stage-wise rates, both in one cycle.
  https://docs.fast.ai/callback.schedule.html#learner.fine_tune
  https://github.com/fastai/fastai/blob/main/fastai/callback/schedule.py (`fine_tune`, `fit_one_cycle`)
  https://github.com/fastai/fastai/blob/main/fastai/optimizer.py (`Adam`, `set_hyper`, `freeze`)
  https://github.com/fastai/fastai/blob/main/fastai/learner.py (`moms`, `wd_bn_bias`, `train_bn`)
- the two phases of Keras' guide "Transfer learning & fine-tuning".
  https://keras.io/guides/transfer_learning/

What is ours in them: the network with one linear layer for a head, the views of an image (`Augment`), and
the budget. With a few dozen images an epoch is one step, and ten epochs are ten; so an epoch goes over the
images several times until that part of a recipe in which all stages learn has no fewer steps than `full`.
fastai leaves the number of epochs to its user: 5 or 20, whichever does better on a quarter of the shots.
"""

from __future__ import annotations

import argparse
import itertools
import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import pandas as pd
import torch
import torch.nn.functional as F
from photographs import read_pools
from real import STARTS, describe_recipe
from resumable_table import read_finished_rows, resumable_row, table_parser, write_rounded_table
from torch import Tensor, nn

from vtlab.data.augment import Augment
from vtlab.data.tasks import Task
from vtlab.data.tasks import task as make_task
from vtlab.models.evaluation import evaluate, predict
from vtlab.models.heads import find_head_linear_layers
from vtlab.models.initialisation import NORM_LAYERS
from vtlab.models.network import Network
from vtlab.results.metrics import paired_difference
from vtlab.study.run import Runner
from vtlab.system.device import autocast
from vtlab.system.randomness import make_generator, seed_torch
from vtlab.system.threads import THREADS
from vtlab.training.strategies import full

FASTAI_EPOCHS = (5, 20)
KERAS_EPOCHS = (20, 10)  # with frozen stages, and with all
DATA = ("garden", "flowers", "eurosat", "hands")
SHOTS = (5, 20)
SEEDS = range(5)
RECIPES = ("vtlab", "fastai", "keras")  # ours first: the others have its number of steps


def fine_tune_as_fastai(
    network: Network,
    task: Task,
    seed: int,
    *,
    epochs: int,
    least_steps: int = 0,
    base_rate: float = 2e-3,
) -> int:
    """Train in place as `learn.fine_tune(epochs)` would; returns how many steps it took.

    Args:
        network: Its head is replaced.
        task: Its `train` images are learnt from.
        seed: Of the head, the order of batches and the views.
        epochs: In which all stages learn, after one in which they are frozen.
        least_steps: An epoch goes over the images so often that these epochs have no fewer.
        base_rate: Of the head while the stages are frozen.
    """
    head = replace_head(network, nn.init.kaiming_normal_, seed)
    stages = [*network.stages.values()]
    groups = (nn.ModuleList(stages[:-2]), nn.ModuleList(stages[-2:]), head)
    norm = {p for m in network.modules() if isinstance(m, NORM_LAYERS) for p in m.parameters()}
    undecayed = norm | {p for name, p in network.named_parameters() if name.endswith("bias")}
    size = min(64, len(task.train))
    each = len(task.train) // size  # a last batch that is not full is dropped
    passes = max(1, math.ceil(least_steps / (epochs * each)))
    network.train()
    steps = 0
    for frozen in (True, False):
        # BatchNorm learns even where it is frozen, at a tenth of the head's rate
        for group in groups[:2]:
            for parameter in group.parameters():
                parameter.requires_grad_(not frozen or parameter in norm)
        if frozen:
            count, rise, begin = 1, 0.99, 25
            peaks = (base_rate / 10, base_rate / 10, base_rate)
        else:
            count, rise, begin = epochs, 0.3, 5
            peaks = (base_rate / 200, base_rate / 20, base_rate / 2)
        optimiser = torch.optim.AdamW(
            [
                {
                    "params": [p for p in group.parameters() if (p in undecayed) == bare],
                    "weight_decay": 0.0 if bare else 0.01,
                    "peak": peak,
                }
                for group, peak in zip(groups, peaks, strict=True)
                for bare in (False, True)
            ],
            eps=1e-5,
        )
        first, total = steps // each, count * passes * each
        for number, (images, labels) in enumerate(
            batches(network, task, seed, range(first, first + count * passes), size, whole=True)
        ):
            share = number / total
            for group in optimiser.param_groups:
                peak = group["peak"]
                group["lr"] = one_cycle(share, rise, peak / begin, peak, peak / 1e5)
                group["betas"] = (one_cycle(share, rise, 0.95, 0.85, 0.95), 0.99)
            learn(network, optimiser, images, labels)
            steps += 1
    return steps


def one_cycle(share: float, rise: float, begin: float, middle: float, end: float) -> float:
    """A value that goes along half a cosine to the middle one, until `rise`, and along another to the end."""
    if share < rise:
        return begin + (middle - begin) * (1 - math.cos(math.pi * share / rise)) / 2
    return end + (middle - end) * (1 + math.cos(math.pi * (share - rise) / (1 - rise))) / 2


def fine_tune_as_keras(network: Network, task: Task, seed: int, *, least_steps: int = 0) -> int:
    """Train in place by the two phases of Keras' guide; arguments and result as above.

    The stages are in inference mode throughout, so that BatchNorm's statistics stay.
    """
    head = replace_head(network, nn.init.xavier_uniform_, seed, dropout=0.2)
    network.eval()
    head.train()
    each = math.ceil(len(task.train) / 32)
    passes = max(1, math.ceil(least_steps / (KERAS_EPOCHS[1] * each)))
    steps = 0
    for learning, epochs, rate in zip((head, network), KERAS_EPOCHS, (1e-3, 1e-5), strict=True):
        network.requires_grad_(False)
        learning.requires_grad_(True)
        optimiser = torch.optim.Adam(learning.parameters(), lr=rate, eps=1e-7)
        first = steps // each
        for images, labels in batches(
            network, task, seed, range(first, first + epochs * passes), 32
        ):
            with seed_torch(seed, steps):  # of dropout
                learn(network, optimiser, images, labels)
            steps += 1
    return steps


def replace_head(
    network: Network, fill: Callable[[Tensor], Tensor], seed: int, dropout: float = 0.0
) -> nn.Module:
    """Give a network one new linear layer for a head, with a bias of 0."""
    last = find_head_linear_layers(network.head)[-1]
    linear = nn.Linear(last.in_features, last.out_features)
    with seed_torch(seed, 0):
        fill(linear.weight)
    nn.init.zeros_(linear.bias)
    network.head = nn.Sequential(nn.Dropout(dropout), linear) if dropout else linear
    return network.head


def batches(
    network: Network, task: Task, seed: int, epochs: Iterable[int], size: int, whole: bool = False
) -> Iterator[tuple[Tensor, Tensor]]:
    """Normalised images and labels; each epoch has an order and views of its own."""
    augment = Augment(flip=task.flip)
    for epoch in epochs:
        order = torch.randperm(
            len(task.train), generator=make_generator(seed, f"order of epoch {epoch}")
        )
        for index in order.split(size):
            if len(index) == size or not whole:
                pixels = augment.view(task.train.pixels[index], index, seed, 1 + epoch)
                yield network.normalise(pixels), task.train.labels[index]


def learn(
    network: Network, optimiser: torch.optim.Optimizer, images: Tensor, labels: Tensor
) -> None:
    """A step; numbers are of the kind that `fit` would use here."""
    with autocast():
        logits = network(images)
    loss = F.cross_entropy(logits.float(), labels)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()


def choose_epochs(runner: Runner, shots: Task, seed: int, least_steps: int) -> int:
    """5 or 20 epochs, whichever makes the held-back quarter of the shots more likely."""
    split, scores = shots.hold_back(), {}
    for epochs in FASTAI_EPOCHS:
        network = runner.make_network()
        fine_tune_as_fastai(network, split, seed, epochs=epochs, least_steps=least_steps)
        chances = predict(network, split.val.pixels).gather(1, split.val.labels[:, None])
        scores[epochs] = chances.clamp(min=1e-9).log().mean().item()
    return max(scores, key=scores.__getitem__)


def measure(runner: Runner, shots: int, seed: int, recipe: str, least_steps: int) -> dict:
    """One training by a recipe, tested once: the columns that are measured."""
    asked, started = runner.task.at(shots, seed), time.perf_counter()
    network, epochs = runner.make_network(), None
    if recipe == "vtlab":
        run, network = runner.run(full, shots, seed)
        steps = run.steps
    elif recipe == "fastai":
        epochs = choose_epochs(runner, asked, seed, least_steps)
        steps = fine_tune_as_fastai(network, asked, seed, epochs=epochs, least_steps=least_steps)
    else:
        steps = fine_tune_as_keras(network, asked, seed, least_steps=least_steps)
    seconds = time.perf_counter() - started
    return {
        "epochs": epochs,
        "steps": steps,
        "train_accuracy": evaluate(network, asked.train.pixels, asked.train.labels),
        "test_accuracy": evaluate(network, asked.test.pixels, asked.test.labels),
        "test_images": len(asked.test),
        "seconds": round(seconds, 1),
    }


def measure_recipes(folder: Path, runs: Path, data: str, start: str, shots: int, seed: int) -> None:
    """A training by each recipe on the same images, unless it is finished."""
    setting = STARTS[start]
    if data == "garden":
        made = make_task("garden", shots=shots, seed=seed, image_size=setting.size)
    else:
        made = read_pools(folder, setting.size)[data].task(shots, seed)
    runner, least = Runner.build(setting, made), 0
    for recipe in RECIPES:
        run = {"data": data, "start": start, "shots": shots, "seed": seed, "recipe": recipe}
        path = runs / f"{'-'.join(map(str, run.values()))}.json"
        if recipe == "vtlab":
            run |= {"strategy": describe_recipe(full, setting.recipe)}
        row = resumable_row(path, run, partial(measure, runner, shots, seed, recipe, least))
        least = least or row["steps"]  # ours


def summarise(table: pd.DataFrame) -> pd.DataFrame:
    """Mean accuracies, and how far `full` is ahead of each other recipe, with 95 % intervals over seeds."""
    found = []
    for about, rows in table.groupby(["start", "data", "shots"], sort=False):
        by_seed = rows.pivot_table(index="seed", columns="recipe", values="test_accuracy").dropna()
        if len(by_seed) < 2:
            continue
        row = dict(zip(("start", "data", "shots"), about, strict=True)) | {"seeds": len(by_seed)}
        row |= {name: f"{100 * by_seed[name].mean():.1f}" for name in RECIPES}
        for name in RECIPES[1:]:
            size = rows.test_images.min()
            ahead = paired_difference(by_seed["vtlab"], by_seed[name], size)
            ends = f"{100 * ahead.mean:+.1f} ({100 * ahead.low:+.1f} to {100 * ahead.high:+.1f})"
            row[f"ahead of {name}"] = ends + (" BEHIND" if ahead.high < 0 else "")
        found.append(row)
    return pd.DataFrame(found)


def main() -> int:
    """What the command line asks for."""
    parser = table_parser("references", __doc__)
    parser.prog = "python tests/benchmarks/references.py"
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("folder", type=Path, help="with the zips")
    parser.add_argument("--data", nargs="+", choices=DATA, default=DATA)
    parser.add_argument("--starts", nargs="+", choices=STARTS, default=[*STARTS])
    parser.add_argument("--shots", nargs="+", type=int, default=SHOTS)
    parser.add_argument("--seeds", nargs="+", type=int, default=SEEDS)
    given = parser.parse_args()
    torch.set_num_threads(THREADS)
    try:
        for seed, start, shots, data in itertools.product(
            given.seeds, given.starts, given.shots, given.data
        ):
            if data != "garden" or start == "garden":
                measure_recipes(given.folder, given.runs, data, start, shots, seed)
    except KeyboardInterrupt:
        print("stopped")
    table = pd.DataFrame(read_finished_rows(given.runs)).drop(columns="strategy")
    write_rounded_table(table, given.runs.name)
    print(summarise(table).to_string(index=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
