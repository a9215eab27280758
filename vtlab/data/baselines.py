"""The accuracy, or R², of an answer that learns nothing, to compare trained networks with."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from vtlab.data.images import Images
from vtlab.data.tasks import Task
from vtlab.results.metrics import accuracy, r_squared


def pixel_neighbour(task: Task) -> float:
    """The test accuracy of the nearest shot in plain pixels: what looking without learning gives.

    Of a task that asks for a number it is R² (`metrics.r_squared`).

    One nearest neighbour (Euclidean) on images shrunk to 16 x 16. Lesson 16.
    """
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

    def shrink(images: Images) -> Tensor:  # a part at a time: the images may be larger than memory
        small = [
            F.adaptive_avg_pool2d(part.float(), 16).flatten(1) for part in images.pixels.split(256)
        ]
        return torch.cat(small)  # (N, 768)

    kind = KNeighborsRegressor if task.asks_a_number else KNeighborsClassifier
    nearest = kind(1).fit(shrink(task.train).numpy(), task.train.labels.numpy())
    measure = r_squared if task.asks_a_number else accuracy
    return measure(task.test.labels.numpy(), nearest.predict(shrink(task.test).numpy()))
