"""The accuracy of a classifier that learns nothing, to compare trained networks with."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from vtlab.data.images import Images
from vtlab.data.tasks import Task


def pixel_neighbour(task: Task) -> float:
    """The test accuracy of the nearest shot in plain pixels: what looking without learning gives.

    One nearest neighbour (Euclidean) on images shrunk to 16 x 16. Lesson 16.
    """
    from sklearn.neighbors import KNeighborsClassifier

    def shrink(images: Images) -> Tensor:  # a part at a time: the images may be larger than memory
        small = [
            F.adaptive_avg_pool2d(part.float(), 16).flatten(1) for part in images.pixels.split(256)
        ]
        return torch.cat(small)  # (N, 768)

    nearest = KNeighborsClassifier(1).fit(shrink(task.train).numpy(), task.train.labels.numpy())
    guesses = torch.from_numpy(nearest.predict(shrink(task.test).numpy()))
    return (guesses == task.test.labels).float().mean().item()
