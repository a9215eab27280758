"""Augmentation of a whole batch at once, repeatable image by image and view by view.

View v of image i under a seed is always the same picture, so that activations of a frozen
prefix can be computed once per view and kept. Flips and shifts move whole pixels. Crops and
rotations resample, which blurs: on small images this cost more than it gave (data/README.md),
so they are off unless asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from vtlab.randomness import keys, uniform


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
    """

    flip: bool = True
    shift: float = 0.06
    crop: float = 0.0
    rotate: float = 0.0
    light: float = 0.1
    noise: float = 0.0

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
        image_keys = keys(seed, 500 + number, index)
        images = self._step(pixels, image_keys).float()
        if self.crop or self.rotate:
            images = self._resample(images, image_keys)
        bright = 1 + self.light * (2 * uniform(image_keys, (2, 1, 1, 1), 3) - 1)
        middle = images.mean((1, 2, 3), keepdim=True)
        images = ((images - middle) * bright[:, 0] + middle) * bright[:, 1]
        if self.noise:
            shape = tuple(images.shape[1:])
            images = images + (uniform(image_keys, shape, 4) - 0.5) * 12**0.5 * self.noise
        return (images.clamp(0, 255) + 0.5).to(torch.uint8)

    def _step(self, pixels: Tensor, image_keys: Tensor) -> Tensor:
        """Whole-pixel flips and shifts: every output pixel is one input pixel."""
        height, width = pixels.shape[-2:]
        draws = uniform(image_keys, 3, 2)
        reach = round(self.shift * width)
        steps = (draws[:, :2] * (2 * reach + 1)).floor().long() - reach
        rows = _mirrored(torch.arange(height) + steps[:, :1], height)  # (N, H)
        columns = _mirrored(torch.arange(width) + steps[:, 1:], width)
        if self.flip:
            columns = torch.where(draws[:, 2:] < 0.5, width - 1 - columns, columns)
        every = torch.arange(len(pixels))[:, None, None]
        moved = pixels.permute(0, 2, 3, 1)[every, rows[:, :, None], columns[:, None, :]]
        return moved.permute(0, 3, 1, 2)  # (N, 3, H, W)

    def _resample(self, images: Tensor, image_keys: Tensor) -> Tensor:
        draws = (2 * uniform(image_keys, 4, 1) - 1).unbind(1)
        zoom = 1 - self.crop * (draws[0] + 1) / 2
        shift_x, shift_y = draws[1] * (1 - zoom), draws[2] * (1 - zoom)
        angle = draws[3] * self.rotate * torch.pi / 180
        cos, sin = angle.cos() * zoom, angle.sin() * zoom
        theta = torch.stack([cos, -sin, shift_x, sin, cos, shift_y], 1).view(-1, 2, 3)
        grid = F.affine_grid(theta, list(images.shape), align_corners=False)
        return F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)


def _mirrored(places: Tensor, size: int) -> Tensor:
    """Places outside an image folded back at its edges."""
    places = places.abs()
    return torch.where(places >= size, 2 * (size - 1) - places, places)
