"""How long a training is, and how its learning rate rises and falls."""

from __future__ import annotations

import torch

MIN_EPOCHS = {"pretrained": 12, "random": 30}
WARMUP_SHARE = 0.1  # share of the steps in which the rate rises


def default_schedule_epochs(images: int, start: str = "pretrained") -> int:
    """How many epochs so many training images take: 30 up to 320 images, then fewer.

    The number falls with the square root of the number of images, to no less than 12. A random start
    keeps 30 epochs, since it takes longer to get as far (He et al. 2019). The number is fixed
    before training, and the last epoch is the one reported. `python data/make/epochs.py`
    compares 15, 30 and 60 on other tasks.

    Args:
        images: In the training set.
        start: Of the strategy, "pretrained" or "random".
    """
    return int(max(MIN_EPOCHS[start], min(30, 30 * (320 / images) ** 0.5)))


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
