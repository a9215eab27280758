"""Augmentation of a whole batch at once, repeatable image by image and view by view.

View v of image i under a seed is always the same picture, so that activations of a frozen
prefix can be computed once per view and kept. Torchvision's batched functions (transforms.v2)
draw one angle, one zoom, one rectangle for a whole batch; here every image of a batch has its
own, so the geometry is computed here and the tests hold it against torchvision image by image.
Flips, shifts and quarter turns move whole pixels. Crops and rotations resample, which blurs: on
small images this cost more than it gave (data/NOTES.md), so they are off unless asked for.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import ClassVar, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vtlab.data.images import Images
from vtlab.system.randomness import derive_random_keys, random_uniform, seed_torch

MIN_ERASED_SHARE = 0.02  # of the picture
MAX_ERASED_RATIO = 1 / 0.3  # of an erased rectangle's sides
# of each kind the largest strength that makes a picture
MAX_STRENGTHS = {
    "shift": 0.9,
    "crop": 0.9,
    "rotate": 180,
    "light": 1,
    "noise": 255,
    "hue": 0.5,
    "erase": 1,
}


class Augmentation(Protocol):
    """What `fit` takes as `augment`: an `Augment`, or what `augment_with` makes of a function."""

    def view(self, pixels: Tensor, index: Tensor, seed: int, number: int) -> Tensor:
        """View `number` of these images, see `Augment.view`."""

    def fingerprint(self) -> dict:
        """What it does, as JSON values: trainings that differ in it are not the same."""


@dataclass(frozen=True)
class Augment:
    """What may change in a training image, with its strength. Lesson 08.

    Attributes:
        flip: Mirror half of the images.
        shift: Move by up to this share of the side, whole pixels, edges mirrored.
        crop: Zoom in by up to this share of the side, and move within it.
        rotate: Turn by up to so many degrees.
        light: Change brightness and contrast by up to this share.
        noise: Standard deviation of added noise, in grey levels.
        turn: Turn by none, one, two or three quarters; for square images.
        hue: Turn the colours by up to this share of the colour circle (0.5 is all of it).
        erase: In half of the images, put noise on a rectangle of up to this share of the picture
            and no less than 0.02 (random erasing, Zhong et al. 2020).
    """

    flip: bool = True
    shift: float = 0.06
    crop: float = 0.0
    rotate: float = 0.0
    light: float = 0.1
    noise: float = 0.0
    turn: bool = False
    hue: float = 0.0
    erase: float = 0.0

    resampling: ClassVar[str] = "bilinear"  # of crops and rotations

    def __post_init__(self) -> None:
        """Refuse strengths that make no picture.

        Raises:
            ValueError: Naming the one that is out of range, and the range.
        """
        for name, most in MAX_STRENGTHS.items():
            if not 0 <= (value := getattr(self, name)) <= most:
                raise ValueError(f"{name} is {value}; it lies between 0 and {most:g}")

    def view(self, pixels: Tensor, index: Tensor, seed: int, number: int) -> Tensor:
        """View `number` of these images: bytes `(N, 3, H, W)` in and out.

        Args:
            pixels: The images.
            index: `(N,)` their places in the training set, which the draws belong to.
            seed: Of the run.
            number: Which view; 0 is the image as it is.
        """
        if number == 0:
            return pixels
        image_keys = derive_random_keys(seed, 500 + number, index.to(pixels.device))
        pixels = self._flip_and_shift(pixels, image_keys)
        images = (_turn_quarters(pixels, image_keys) if self.turn else pixels).float()
        if self.crop or self.rotate:
            images = self._resample(images, image_keys)
        bright = 1 + self.light * (2 * random_uniform(image_keys, (2, 1, 1, 1), 3) - 1)
        middle = images.mean((1, 2, 3), keepdim=True)
        images = ((images - middle) * bright[:, 0] + middle) * bright[:, 1]
        if self.hue:
            images = self._turn_hue(images, image_keys)
        if self.noise:
            shape = tuple(images.shape[1:])
            images = images + (random_uniform(image_keys, shape, 4) - 0.5) * 12**0.5 * self.noise
        if self.erase:
            grain = 255 * random_uniform(image_keys, tuple(images.shape[1:]), 7)
            images = torch.where(self._erasing_mask(images, image_keys)[:, None], grain, images)
        return (images.clamp(0, 255) + 0.5).to(torch.uint8)

    def fingerprint(self) -> dict:
        """The strengths by name."""
        return asdict(self)

    def _flip_and_shift(self, pixels: Tensor, image_keys: Tensor) -> Tensor:
        """Whole-pixel flips and shifts: every output pixel is one input pixel."""
        height, width = pixels.shape[-2:]
        draws = random_uniform(image_keys, 3, 2)
        reach = round(self.shift * width)
        steps = (draws[:, :2] * (2 * reach + 1)).floor().long() - reach
        down, across = (torch.arange(side, device=pixels.device) for side in (height, width))
        rows = _mirror_at_edges(down + steps[:, :1], height)
        columns = _mirror_at_edges(across + steps[:, 1:], width)
        if self.flip:
            columns = torch.where(draws[:, 2:] < 0.5, width - 1 - columns, columns)
        every = torch.arange(len(pixels), device=pixels.device)[:, None, None]
        moved = pixels.permute(0, 2, 3, 1)[every, rows[:, :, None], columns[:, None, :]]
        return moved.permute(0, 3, 1, 2)  # (N, 3, H, W)

    def _resample(self, images: Tensor, image_keys: Tensor) -> Tensor:
        """Crops and rotations at once, edges mirrored."""
        draws = (2 * random_uniform(image_keys, 4, 1) - 1).unbind(1)
        zoom = 1 - self.crop * (draws[0] + 1) / 2
        shift_x, shift_y = draws[1] * (1 - zoom), draws[2] * (1 - zoom)
        angle = draws[3] * self.rotate * torch.pi / 180
        cos, sin = angle.cos() * zoom, angle.sin() * zoom
        theta = torch.stack([cos, -sin, shift_x, sin, cos, shift_y], 1).view(-1, 2, 3)
        grid = F.affine_grid(theta, list(images.shape), align_corners=False)
        return F.grid_sample(
            images, grid, self.resampling, padding_mode="reflection", align_corners=False
        )

    def _turn_hue(self, images: Tensor, image_keys: Tensor) -> Tensor:
        """Torchvision's turn of the hue, by an amount of each image's own."""
        from torchvision.transforms.v2 import functional as v2

        turns = (self.hue * (2 * random_uniform(image_keys, (), 5) - 1)).tolist()
        shares = (images / 255).clamp(0, 1)
        return 255 * torch.stack([v2.adjust_hue(*each) for each in zip(shares, turns, strict=True)])

    def _erasing_mask(self, images: Tensor, image_keys: Tensor) -> Tensor:
        """Which pixels are erased, `(N, H, W)` bool: a rectangle in about half of the images."""
        height, width = images.shape[-2:]
        draws = random_uniform(image_keys, 5, 6)[:, :, None].unbind(1)  # five of (N, 1)
        area = MIN_ERASED_SHARE + draws[1] * (max(self.erase, MIN_ERASED_SHARE) - MIN_ERASED_SHARE)
        ratio = MAX_ERASED_RATIO ** (2 * draws[2] - 1)  # of height to width
        tall = ((area * ratio).sqrt().clamp(max=1) * height).round()
        wide = ((area / ratio).sqrt().clamp(max=1) * width).round()
        top = (draws[3] * (height - tall + 1)).floor()
        left = (draws[4] * (width - wide + 1)).floor()
        rows, columns = (torch.arange(side, device=images.device) for side in (height, width))
        down = (rows >= top) & (rows < top + tall) & (draws[0] < 0.5)  # (N, H)
        across = (columns >= left) & (columns < left + wide)
        return down[:, :, None] & across[:, None, :]


@dataclass(frozen=True)
class FunctionAugmentation:
    """A function of one NumPy image as an augmentation; made by `augment_with`.

    Attributes:
        change: From an image `(H, W, 3)` uint8 to another one of that shape.
        name: In checkpoints.
    """

    change: Callable
    name: str

    def view(self, pixels: Tensor, index: Tensor, seed: int, number: int) -> Tensor:
        """View `number` of these images, one after the other; see `Augment.view`.

        Raises:
            ValueError: If the function gives an image of another shape or type.
        """
        if number == 0:
            return pixels
        seeds = (derive_random_keys(seed, 500 + number, index) & 0x7FFFFFFF).tolist()
        arrays = pixels.permute(0, 2, 3, 1).numpy()
        changed = [self._change_one(*each) for each in zip(arrays, seeds, strict=True)]
        return torch.from_numpy(np.stack(changed)).permute(0, 3, 1, 2)

    def fingerprint(self) -> dict:
        """The function's name, since what it does cannot be known."""
        return {"function": self.name}

    def _change_one(self, image: np.ndarray, seed: int) -> np.ndarray:
        """One image changed by the function, under this seed; refuses another shape or type."""
        image = np.ascontiguousarray(image)
        with _seed_all(seed):
            if hasattr(self.change, "set_random_seed"):
                # Albumentations draws from a generator of its own
                self.change.set_random_seed(seed)
                changed = np.asarray(self.change(image=image)["image"])
            else:
                changed = np.asarray(self.change(image))
        if changed.shape != image.shape or changed.dtype != np.uint8:
            raise ValueError(
                f"{self.name} made an image {changed.shape} {changed.dtype} "
                f"of one {image.shape} uint8"
            )
        return changed


def augment_with(change: Callable, name: str | None = None) -> FunctionAugmentation:
    """Any function of an image as an augmentation for `fit`, repeatable by image and view.

    Args:
        change: From a NumPy image `(H, W, 3)` uint8 to another one of that shape, or a transform of
            Albumentations. What it draws from `random`, `numpy.random` or torch is drawn under a
            seed of the image and the view; a generator of its own would not repeat.
        name: In checkpoints; None for the function's own.

    It is called once per image and view: some twenty times slower than `Augment`, which takes a
    batch at once. Lesson 08.
    """
    return FunctionAugmentation(
        change, name or str(getattr(change, "__name__", type(change).__name__))
    )


@contextlib.contextmanager
def _seed_all(seed: int) -> Iterator[None]:
    """A block in which all global generators begin at this seed; afterwards they are as before."""
    with seed_torch(seed, 0):  # torch's, and one block at a time
        before = random.getstate(), np.random.get_state()
        try:
            random.seed(seed)
            np.random.seed(seed)
            yield
        finally:
            random.setstate(before[0])
            np.random.set_state(before[1])


def _turn_quarters(pixels: Tensor, image_keys: Tensor) -> Tensor:
    """Each image by a number of quarters of its own, against the clock."""
    quarters = (4 * random_uniform(image_keys, (), 8)).long()
    turned = pixels.clone()
    for k in (1, 2, 3):
        turned[quarters == k] = torch.rot90(pixels[quarters == k], k, (2, 3))
    return turned


def _mirror_at_edges(places: Tensor, size: int) -> Tensor:
    """Places outside an image folded back at its edges."""
    places = places.abs()
    return torch.where(places >= size, 2 * (size - 1) - places, places)


def augment_images(images: Images, augment: Augment, seed: int, count: int) -> Tensor:
    """Each image as it is, followed by `count` augmented views: bytes `(N * (1 + count), 3, H, W)`."""
    index = torch.arange(len(images))
    # view 0 is the image as it is
    views = [augment.view(images.pixels, index, seed, number) for number in range(count + 1)]
    return torch.stack(views, 1).flatten(0, 1)
