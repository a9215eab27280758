"""What lesson 08 uses: tables, kinds of augmentation, changed images, a probe on views, checks of exercises."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor, nn

from vtlab.course.exercise import Verdict, call_answer, exercise
from vtlab.course.tables import augmentation_table as augmentation_table
from vtlab.course.tables import read_committed_table
from vtlab.data.augment import Augment, Augmentation
from vtlab.data.mixup import Mix as Mix
from vtlab.data.tasks import Task
from vtlab.garden.worlds import WORLDS
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


@dataclass(frozen=True)
class NearestAugment(Augment):
    """An `Augment` whose crops and rotations take the nearest old pixel, so that no new pixel is a mean."""

    resampling: ClassVar[str] = "nearest"

    def fingerprint(self) -> dict:
        """The strengths by name, and how it resamples."""
        return super().fingerprint() | {"resampling": self.resampling}


# the same angles and the same zooms as in `KINDS`
NEAREST = {kind: NearestAugment(**asdict(KINDS[kind])) for kind in ("rotate", "crop")}

BLUR_WIDTH = 0.6  # pixels: the deviation of the symmetric blur
CHANGES = ("as drawn", "drawn again", "half a pixel on", "blurred")  # of the test images


def photograph_twice(per_class: int) -> tuple[Tensor, Tensor]:
    """The garden's test plants, and again with the camera half a pixel further right and down.

    Both are cut from one drawing of twice the size: every second pixel from the first on, and from the
    second on. So each pixel is drawn, and none is a mean of others.

    Args:
        per_class: Plants of each species.

    Returns:
        Bytes `(N, 3, 64, 64)` twice, species by species.

    Lesson 08.
    """
    fine, _, _ = WORLDS["garden"].draw(per_class, None, size=128)
    return fine[:, :, ::2, ::2].contiguous(), fine[:, :, 1::2, 1::2].contiguous()


def change_test_images(per_class: int) -> dict[str, Tensor]:
    """The garden's test plants by the name of what was done to them, one of `CHANGES`: bytes `(N, 3, 64, 64)`.

    Args:
        per_class: Plants of each species.

    Lesson 08.
    """
    drawn, again = photograph_twice(per_class)
    found = (drawn, again, move_half_a_pixel(drawn), blur(drawn))
    return dict(zip(CHANGES, found, strict=True))


def move_half_a_pixel(pixels: Tensor) -> Tensor:
    """Bytes `(N, 3, H, W)` moved left and up by half a pixel: each new pixel is the mean of four."""
    padded = nn.functional.pad(pixels.float(), (0, 1, 0, 1), mode="replicate")
    return nn.functional.avg_pool2d(padded, 2, stride=1).round().byte()


def blur(pixels: Tensor, width: float = BLUR_WIDTH) -> Tensor:
    """Bytes `(N, 3, H, W)` blurred alike in all directions, so that nothing moves."""
    blurred = gaussian_filter(pixels.float().numpy(), (0, 0, width, width))
    return torch.from_numpy(blurred.round()).byte()


def blur_at_random(image: np.ndarray) -> np.ndarray:
    """An image `(H, W, 3)` blurred by a width that is drawn, from none to one pixel."""
    width = random.random()
    return gaussian_filter(image.astype(np.float32), (width, width, 0)).round().astype(np.uint8)


ZOOMED_SIDE = 16  # pixels


def zoom_in(images: Tensor, row: int, column: int) -> tuple[Tensor, Tensor]:
    """All images, and after them a square of each, enlarged; with masks that outline the square.

    Args:
        images: Bytes `(N, 3, 64, 64)`.
        row: Of the square's first pixel; its side is `ZOOMED_SIDE`.
        column: The same.

    Returns:
        Bytes `(2N, 3, 64, 64)` and masks `(2N, 64, 64)`, empty where the square is all that is shown.

    Lesson 08.
    """
    times = images.shape[-1] // ZOOMED_SIDE
    rows, columns = (slice(first, first + ZOOMED_SIDE) for first in (row, column))
    square = images[:, :, rows, columns]
    large = square.repeat_interleave(times, 2).repeat_interleave(times, 3)
    masks = torch.zeros(2 * len(images), *images.shape[2:], dtype=torch.bool)
    masks[: len(images), rows, columns] = True
    return torch.cat([images, large]), masks


def blur_table() -> pd.DataFrame:
    """The committed table of probes on 5 images per class, a row per run, and what blur costs them.

    `way` is what they learnt from: "sharp" images, "blurred" ones, views that are "sharp and blurred", or
    eight views of each image, all but the first rotated ("bilinear", "nearest"). The columns named as
    `CHANGES` are the accuracies on test images that were changed in that way.

    Raises:
        FileNotFoundError: If there is none.

    Lesson 08.
    """
    return read_committed_table("blur")


def swap_colours(pixels: Tensor, partner: Tensor) -> Tensor:
    """Each image `(N, 3, H, W)` in the colours of its partner: mean and deviation of each channel; shapes stay.

    Lesson 08.
    """
    images = pixels.float()
    mean, spread = images.mean((2, 3), keepdim=True), images.std((2, 3), keepdim=True)
    found = (images - mean) / spread.clamp(min=1e-6) * spread[partner] + mean[partner]
    return found.clamp(0, 255).round().byte()


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


MIRRORED = torch.tensor([1, 0, 3, 2])  # the class of a mirrored arrow, by its class


@exercise("08.2", function_of="images (N, 3, H, W) and labels (N,)")
def _mirror_with_labels(answer: Callable) -> Verdict:
    labels = torch.tensor([0, 1, 2, 3, 3])
    pixels = (torch.arange(5 * 3 * 4 * 6) * 37 % 251).reshape(5, 3, 4, 6).byte()
    found = call_answer(answer, pixels.clone(), labels.clone())
    if not isinstance(found, tuple) or len(found) != 2:
        return False, "Two things are asked for: return images, labels."
    images, named = found
    if tuple(images.shape) != (10, 3, 4, 6) or tuple(named.shape) != (10,):
        return False, (
            f"5 images become 10, with 10 labels; yours are {tuple(images.shape)} and {tuple(named.shape)}."
        )
    if not torch.equal(images[:5], pixels) or not torch.equal(named[:5], labels):
        return False, "The first half are the images and labels as they are."
    if torch.equal(images[5:], pixels.flip(2)):
        return False, "These stand on their heads: a mirror swaps left and right, axis 3."
    if not torch.equal(images[5:], pixels.flip(3)):
        return False, "The second half are the mirror images, in the same order."
    if torch.equal(named[5:], labels):
        return False, "A mirrored north-east is a north-west: the labels of the second half change."
    right = torch.equal(named[5:], MIRRORED[labels])
    return (
        right,
        "Eighty maps from forty, and every label is true."
        if right
        else "Go through the four directions: left and right are swapped, north and south stay.",
    )


@exercise("08.3")
def _known_by_colours(answer: object) -> Verdict:
    wanted = ("with flips", "without")
    if not isinstance(answer, Mapping) or set(answer) != set(wanted):
        return (
            False,
            'The answer is a dict: {"with flips": (before, after), "without": (before, after)}.',
        )
    (before, after), (control_before, control_after) = (map(float, answer[name]) for name in wanted)
    if not all(0 <= share <= 1 for share in (before, after, control_before, control_after)):
        return False, "Accuracies lie between 0 and 1."
    if before < 0.6 or control_before < 0.6:
        return (
            False,
            "Both networks name most of the forty training images as they are: take these images.",
        )
    right = after < min(0.65, before - 0.1) and control_after > after + 0.05
    return (
        right,
        "About a half is all that the arrows alone can tell it; the control can read them."
        if right
        else "Give each image the colours of a partner of another class, for both networks alike.",
    )
