"""What lesson 08 uses: its table, kinds of augmentation, prediction and probe on views, checks of exercises."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from vtlab.course.exercise import Verdict, call_answer, exercise, letter_exercise
from vtlab.course.tables import augmentation_table as augmentation_table
from vtlab.data.augment import Augment, Augmentation
from vtlab.data.mixup import Mix as Mix
from vtlab.data.tasks import Task
from vtlab.models.features import activations
from vtlab.models.network import Network
from vtlab.training.probe import choose_probe_strength, probe_unit, solve_probe
from vtlab.training.strategies import probe
from vtlab.training.views import VIEWS_PER_IMAGE
from vtlab.training.views import predict_views as predict_views

NO_CHANGE = Augment(flip=False, shift=0.0, light=0.0)  # changes nothing
KINDS: dict[str, Augment] = {
    "flip": replace(NO_CHANGE, flip=True),
    "shift": replace(NO_CHANGE, shift=0.06),
    "turn": replace(NO_CHANGE, turn=True),
    "crop": replace(NO_CHANGE, crop=0.2),
    "rotate": replace(NO_CHANGE, rotate=15.0),
    "hue": replace(NO_CHANGE, hue=0.1),
    "noise": replace(NO_CHANGE, noise=10.0),
    "erase": replace(NO_CHANGE, erase=0.3),
}


def probe_on_views(
    network: Network, task: Task, augment: Augmentation, seed: int = 0, views: int = VIEWS_PER_IMAGE
) -> Network:
    """A linear probe solved on the features of several views of each image, in place.

    Its strength of L2 is chosen on the images as they are: with views in it, a cross-validation
    would be asked about images that it has learnt from.

    Args:
        network: Its head is drawn anew and solved.
        task: Its `train` images are used.
        augment: Makes the views; view 0, the image as it is, is among them.
        seed: Of head, views and the cross-validation's folds.
        views: How many views of each image.

    Lesson 08.
    """
    probe.prepare(network, seed)
    pixels, labels, index = task.train.pixels, task.train.labels, torch.arange(len(task.train))
    features = [activations(network, augment.view(pixels, index, seed, v)) for v in range(views)]
    # strengths count in the unit of the features that they are chosen on
    plain = features[0] / probe_unit(features[0])
    strength = choose_probe_strength(plain, labels, len(task.classes), seed)
    head = network.head
    assert isinstance(head, nn.Linear)
    for _ in solve_probe(torch.cat(features), labels.repeat(views), head, seed, strength):
        pass
    return network


@exercise("08.1")
def _under_the_microscope(answer: object) -> Verdict:
    if not isinstance(answer, Augment):
        return False, "The answer is an augmentation, such as vt.Augment(noise=5)."
    if not (answer.flip and answer.turn):
        return False, "A slide has neither left nor right nor up: which two kinds say that?"
    if answer.light or answer.hue:
        return False, "The stain tells the classes apart: something still changes the colours."
    right = not (answer.crop or answer.rotate)
    return right, "It moves whole pixels, and the stain stays." if right else (
        "Whole pixels only: something still resamples."
    )


@exercise("08.2", function_of="labels, partners, a share and the number of classes")
def _mixed_labels(answer: Callable) -> Verdict:
    for labels, partner, share in (
        ([0, 2, 1], [1, 2, 0], 0.75),
        ([1, 1], [1, 0], 0.6),
        ([2], [0], 0.9),
    ):
        found = call_answer(answer, np.array(labels), np.array(partner), share, 3)
        hot = np.eye(3)[labels]
        wanted = share * hot + (1 - share) * hot[partner]
        if np.shape(found) != wanted.shape:
            return False, f"{len(labels)} labels of three classes gave the shape {np.shape(found)}."
        if not np.allclose(found, wanted):
            return (
                False,
                f"For labels {labels}, partners {partner} and a share of {share} it gave {found}.",
            )
    return True, "Every row sums to one."


letter_exercise(
    "08.3",
    "b",
    "Forty images can be told apart by more than what they mean.",
    "What else differs between the images, and stays in all views of one of them?",
)
