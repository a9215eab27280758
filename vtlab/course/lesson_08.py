"""What lesson 08 uses: its table, kinds of augmentation, prediction and probe on views, checks of exercises."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter
from torch import Tensor, nn

from vtlab.course.exercise import Verdict, call_answer, exercise
from vtlab.course.tables import augmentation_table as augmentation_table
from vtlab.course.tables import read_committed_table
from vtlab.data.augment import Augment, Augmentation, augment_with
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


BLUR_WIDTH = 0.6  # pixels: the deviation of the symmetric blur


def move_half_a_pixel(pixels: Tensor) -> Tensor:
    """Bytes `(N, 3, H, W)` moved left and up by half a pixel: each new pixel is the mean of four."""
    padded = nn.functional.pad(pixels.float(), (0, 1, 0, 1), mode="replicate")
    return nn.functional.avg_pool2d(padded, 2, stride=1).byte()


def blur(pixels: Tensor, width: float = BLUR_WIDTH) -> Tensor:
    """Bytes `(N, 3, H, W)` blurred alike in all directions, so that nothing moves."""
    blurred = gaussian_filter(pixels.float().numpy(), (0, 0, width, width))
    return torch.from_numpy(blurred.round()).byte()


def _blur_at_random(image: np.ndarray) -> np.ndarray:
    """An image `(H, W, 3)` blurred by a width that is drawn, from none to one pixel."""
    width = random.random()
    return gaussian_filter(image.astype(np.float32), (width, width, 0)).round().astype(np.uint8)


def _rotate(image: np.ndarray, how: Image.Resampling) -> np.ndarray:
    """An image `(H, W, 3)` rotated by up to 15 degrees either way, black where it looks beyond its edge."""
    return np.asarray(Image.fromarray(image).rotate(random.uniform(-15, 15), how))


BLURRED_VIEWS = augment_with(_blur_at_random, "blur")
ROTATED_VIEWS = {
    "bilinear": augment_with(lambda image: _rotate(image, Image.Resampling.BILINEAR), "bilinear"),
    "nearest": augment_with(lambda image: _rotate(image, Image.Resampling.NEAREST), "nearest"),
}
# images of the same flowers: as drawn, and changed
TESTS: dict[str, Callable[[Tensor], Tensor]] = {
    "sharp": lambda pixels: pixels,
    "moved by a pixel": lambda pixels: pixels.roll((-1, -1), (2, 3)),
    "moved by half a pixel": move_half_a_pixel,
    "blurred": blur,
}


def blur_table() -> pd.DataFrame:
    """The committed table of probes on 5 images per class, a row per run, and what blur costs them.

    `way` is what they learnt from: "sharp" images, "blurred" ones, views that are "sharp and blurred", or
    eight views of each image, all but the first rotated ("bilinear", "nearest"). The columns named as
    `TESTS` are the accuracies on test images that were changed in that way.

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


@exercise("08.2", function_of="images, bytes (N, 3, H, W)")
def _mean_of_nine(answer: Callable) -> Verdict:
    pixels = (torch.arange(2 * 3 * 5 * 4) * 37 % 251).reshape(2, 3, 5, 4).byte()
    found = call_answer(answer, pixels.clone())
    if not isinstance(found, Tensor) or found.dtype != torch.uint8:
        return (
            False,
            f"Bytes are asked for, a tensor of torch.uint8, not {getattr(found, 'dtype', type(found))}.",
        )
    if found.shape != pixels.shape:
        return (
            False,
            f"Images of {tuple(pixels.shape)} became {tuple(found.shape)}: mind the edges.",
        )
    padded = nn.functional.pad(pixels.float(), (1, 1, 1, 1), mode="replicate")
    gap = (found.float() - nn.functional.avg_pool2d(padded, 3, stride=1)).abs()
    if gap[:, :, 1:-1, 1:-1].max() > 1:
        return False, "Inside the image it is not the mean of nine pixels."
    if gap.max() > 1:
        return (
            False,
            "At the edges the nearest pixel is repeated: they are darker, or lighter, than that.",
        )
    right = bool(gap.max() <= 0.51)
    return (
        right,
        "That is all that a blur is." if right else "Round to the nearest byte: bytes cut off.",
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
