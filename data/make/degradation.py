"""Make degradation.csv: shallow and deep stacks, plain and with shortcuts, learn handwritten digits.

He et al. (2016) saw that a deeper plain network has a higher training error, and one with shortcuts has not.
`python data/make/degradation.py` first tries every rate with a seed of its own, then trains with the rate that
ended at the lowest training loss; it keeps each finished run and goes on where it was.
"""

from __future__ import annotations

from functools import partial
from itertools import product
from pathlib import Path

import pandas as pd
import torch
from resumable_table import Plan, fill_table, make_resumable_table
from torch.nn import functional as F

from vtlab.data.digits import handwritten_digits
from vtlab.models.initialisation import deep_stack
from vtlab.system.randomness import make_generator

LAYERS = (7, 31)
RATES = (0.01, 0.03, 0.1, 0.3)
RATE_SEED, SEEDS = 100, 5
TRAINING = 1500  # of the scans, in their order; the last are tested on
WIDTH, BATCH, EPOCHS = 16, 64, 6
PER_EPOCH = ["epoch", "loss", "train_error"]


def measure_degradation(folder: Path) -> pd.DataFrame:
    """A row for each epoch of each run."""
    arms = [{"shortcuts": on, "layers": depth} for on, depth in product((False, True), LAYERS)]
    tried = [arm | {"rate": rate, "seed": RATE_SEED} for arm, rate in product(arms, RATES)]
    table = fill_table(plan(tried), folder)
    final = table.assign(final=[losses[-1] for losses in table.loss])
    best = final.loc[final.groupby(["shortcuts", "layers"]).final.idxmin()]
    rates = best.set_index(["shortcuts", "layers"]).rate
    runs = [
        arm | {"rate": float(rates[arm["shortcuts"], arm["layers"]]), "seed": seed}
        for arm, seed in product(arms, range(SEEDS))
    ]
    both = pd.concat([table, fill_table(plan(runs), folder)])
    return both.explode(PER_EPOCH).astype({"epoch": int, "loss": float, "train_error": float})


def plan(runs: list[dict]) -> Plan:
    """Every run with what measures it."""
    for run in runs:
        yield run, partial(train, **run)


def train(shortcuts: bool, layers: int, rate: float, seed: int) -> dict:
    """One training by SGD; loss and error are those of the batches, as they were trained on."""
    pixels, labels = handwritten_digits(10)
    images = (
        pixels[:, :, 1:-1, 1:-1].float() / 127.5 - 1
    )  # the scans of 8 x 8 pixels, without a margin
    stack = deep_stack(layers, "he", True, shortcuts=shortcuts, width=WIDTH, classes=10, seed=seed)
    optimiser = torch.optim.SGD(stack.parameters(), rate, momentum=0.9, weight_decay=1e-4)
    random = make_generator(seed, "order")
    found: dict = {name: [] for name in PER_EPOCH}
    for epoch in range(1, EPOCHS + 1):
        order = torch.randperm(TRAINING, generator=random)[: TRAINING // BATCH * BATCH]
        losses, wrong = [], []
        for batch in order.split(BATCH):
            outputs = stack(images[batch])
            loss = F.cross_entropy(outputs, labels[batch])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
            wrong.append((outputs.argmax(1) != labels[batch]).double().mean().item())
        row = epoch, sum(losses) / len(losses), sum(wrong) / len(wrong)
        for name, value in zip(PER_EPOCH, row, strict=True):
            found[name].append(value)
    stack.eval()
    with torch.no_grad():
        right = stack(images[TRAINING:]).argmax(1) == labels[TRAINING:]
    return found | {"test_accuracy": right.double().mean().item()}


if __name__ == "__main__":
    make_resumable_table("degradation", measure_degradation, __doc__)
