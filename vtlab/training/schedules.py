"""How long a training is, and how its learning rate rises and falls."""

from __future__ import annotations

import torch

from vtlab.training.strategies import Strategy

MIN_STEPS = {"pretrained": 60, "random": 120}
MIN_EPOCHS = {"pretrained": 10, "random": 30}
FITTED_SHARE = 0.9  # of the training images, which a linear head on pretrained features gets right
# how `Training.fitted` tells it: what was trained by another rule may have another length
LENGTH_RULE = f"longer where a solved head has a balanced accuracy below {FITTED_SHARE:g}"
WARMUP_SHARE = 0.1  # share of the steps in which the rate rises


def count_batches(images: int, batch_size: int) -> int:
    """Steps in an epoch. Its batches are of one size, give or take one image, and of two at least.

    A last batch of what is left over, two images say, would teach BatchNorm the statistics of two images.
    """
    return max(1, min(-(-images // batch_size), images // 2))


def choose_epochs(images: int, strategy: Strategy, fitted: bool = True) -> int:
    """How many epochs a strategy takes: its own number, or enough whole ones for a number of steps.

    Few images are seen often and many images a few times, so that the number of steps does not fall with
    the shots. A random start takes more of both, since it takes longer to get as far (He et al. 2019).
    So does a pretrained one whose features do not fit the task: these are still to be learnt.
    The number is fixed before the first batch, and the last epoch is the one reported.

    Args:
        images: In the training set.
        strategy: With its batch size.
        fitted: Whether a linear head on the features of the start learns the training images, as
            `Training.fitted` says; True where that is not known.
    """
    kind = strategy.start if fitted else "random"
    steps, epochs = MIN_STEPS[kind], MIN_EPOCHS[kind]
    return strategy.epochs or max(epochs, -(-steps // count_batches(images, strategy.batch_size)))


def warmup_cosine(step: int, steps: int) -> float:
    """The learning rate at a step as a share of its peak: a linear rise, then half a cosine to 0.

    Args:
        step: From 0.
        steps: Of the whole training.
    """
    warm = max(1, round(WARMUP_SHARE * steps))
    if step < warm:
        return (step + 1) / warm
    progress = (step - warm) / max(1, steps - warm)
    return 0.5 * (1 + torch.cos(torch.tensor(torch.pi * min(1.0, progress))).item())
