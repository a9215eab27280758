"""Runs with made-up numbers, for tests that need records and no training."""

from dataclasses import replace

import numpy as np

from vtlab.results.records import Epoch, Run


def made_up(strategy="full", shots=5, seed=0, accuracy=0.75, images=40, classes=4) -> Run:
    random = np.random.default_rng(seed)
    labels = np.arange(images) % classes
    right = random.random(images) < accuracy
    guesses = np.where(right, labels, (labels + 1) % classes)
    return Run(
        task="garden",
        backbone="mini_resnet",
        weights="mini_resnet",
        strategy=strategy,
        shots=shots,
        seed=seed,
        val_accuracy=None,
        test_accuracy=float((guesses == labels).mean()),
        balanced_accuracy=float((guesses == labels).mean()),
        seconds=1.5,
        trainable_weights=2056,
        total_weights=1_554_888,
        steps=2,
        diverged="",
        epochs=(Epoch(1, 2.0, 0.2, 1e-3, 0.5), Epoch(2, 1.0, 0.6, 1e-4, 0.5)),
        predictions=tuple(guesses.tolist()),
        confidences=(0.5,) * images,
        cams=(((0.0, 1.0), (0.5, 0.25)),),
        settings={"rate": 1e-3, "threads": 2},
    )


def diverged(run: Run) -> Run:
    """The run as it would be if it had diverged."""
    return replace(
        run,
        diverged=f"{run.strategy} diverged at a rate of 9: at step {run.seed + 2} the loss was nan",
        test_accuracy=float("nan"),
        balanced_accuracy=float("nan"),
        predictions=(),
        confidences=(),
        cams=(),
    )
