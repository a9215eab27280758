"""What the channels of each stage respond to, and the patches that they respond to most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vtlab.analysis.architecture import receptive_fields
from vtlab.models.layouts import convert_stage_layout
from vtlab.models.network import Network, network_in_evaluation_mode

BATCH = 16  # images at once: the maps of a stage are large


@dataclass(frozen=True, eq=False)
class Responses:
    """What the channels of a stage say of images.

    Attributes:
        mean: `(N, C)`: the mean over a map's cells, a channel as a feature.
        peak: `(N, C)`: the strongest response in a map.
        place: `(N, C, 2)` int16: where that is: row and column of the middle of its cell, in pixels.
    """

    mean: Tensor
    peak: Tensor
    place: Tensor

    @property
    def living_channels(self) -> Tensor:
        """The numbers of the channels that do not say the same of all images."""
        return ((self.peak.amax(0) - self.peak.amin(0)) > 0).nonzero()[:, 0]

    def strongest_images(self, count: int = 9) -> Tensor:
        """The images to which each channel responds most, `(C, count)`, the first one strongest."""
        return self.peak.topk(count, dim=0).indices.T

    def purity(self, labels: Tensor, count: int = 9) -> float:
        """The share of the most frequent class among a channel's strongest images; mean over channels.

        Lesson 02.
        """
        return _average_purity(labels[self.strongest_images(count)[self.living_channels]])

    def object_share(self, masks: Tensor, count: int = 9) -> float:
        """How often a channel's strongest places lie on the object, as a share; mean over channels.

        Args:
            masks: `(N, H, W)` bool.
            count: Strongest images of each channel.

        Lesson 02.
        """
        images = self.strongest_images(count)[self.living_channels]  # (C, count)
        places = self.place[images, self.living_channels[:, None]].long()  # (C, count, 2)
        return masks[images, places[..., 0], places[..., 1]].double().mean().item()


def measure_responses(
    network: Network, pixels: Tensor, *, bfloat16: bool | None = None
) -> dict[str, Responses]:
    """What each stage responds to, in one pass over the images.

    Args:
        network: Its mode does not matter; the stages run as in evaluation.
        pixels: Bytes `(N, 3, H, W)`.
        bfloat16: As in `fit`.

    Raises:
        ValueError: If a stage gives no maps.

    Lesson 02.
    """
    found: dict[str, Responses] = {}
    size = (pixels.shape[2], pixels.shape[3])
    with (
        torch.no_grad(),
        network_in_evaluation_mode(network.stages),
        network.autocast(bfloat16),
    ):
        for first in range(0, len(pixels), BATCH):
            part = slice(first, first + BATCH)
            maps = network.normalise(pixels[part])
            for name, stage in network.stages.items():
                maps = stage(maps)
                seen = convert_stage_layout(network, name, maps, size)  # (n, C, h, w)
                if (
                    name not in found
                ):  # for all images at once: joining parts takes the memory twice
                    shape = (len(pixels), seen.shape[1])
                    mean, peak = (torch.empty(shape, device=pixels.device) for _ in range(2))
                    place = mean.new_empty((*shape, 2), dtype=torch.int16)
                    found[name] = Responses(mean, peak, place)
                of, cells = found[name], seen.float().flatten(2)  # (n, C, h * w)
                strongest, number = cells.max(2)
                of.mean[part], of.peak[part] = cells.mean(2), strongest
                cell = number // seen.shape[3], number % seen.shape[3]  # row and column
                for axis in (0, 1):  # the middle of the cell, in pixels
                    middle = (cell[axis] * 2 + 1) * size[axis] // (2 * seen.shape[2 + axis])
                    of.place[part, :, axis] = middle
    return found


def chance_response_purity(
    labels: Tensor, count: int = 9, draws: int = 2000, seed: int = 0
) -> float:
    """What `Responses.purity` would be if a channel liked images at random: a mean over draws.

    Args:
        labels: `(N,)`.
        count: Images of a draw, none twice.
        draws: How many draws the mean is of.
        seed: Of the draws.

    Lesson 02.
    """
    random = torch.Generator().manual_seed(seed)
    drawn = torch.rand(draws, len(labels), generator=random).topk(count).indices  # (draws, count)
    return _average_purity(labels.cpu()[drawn])


def _average_purity(classes: Tensor) -> float:
    """The share of the most frequent class in each row of classes `(n, count)`; mean over rows."""
    counts = nn.functional.one_hot(classes).sum(1)  # (n, K)
    return (counts.amax(1).double() / classes.shape[1]).mean().item()


def _cut_patches(
    pixels: Tensor, images: Tensor, places: Tensor, size: int, fill: int = 235
) -> Tensor:
    """Squares cut out of images, `(n, 3, size, size)`.

    Args:
        pixels: Bytes `(N, 3, H, W)`.
        images: Which, `(n,)`.
        places: Row and column of each square's middle, `(n, 2)`; of an even side the pixel right
            below the middle.
        size: Side in pixels.
        fill: What lies outside the image.

    Lesson 02.
    """
    half = size // 2
    wide = nn.functional.pad(pixels[images], (half, size, half, size), value=fill)
    return torch.stack(
        [
            image[:, row : row + size, column : column + size]
            for image, (row, column) in zip(wide, places.tolist(), strict=True)
        ]
    )


def strongest_patches(
    network: Network,
    found: Mapping[str, Responses],
    pixels: Tensor,
    *,
    channels: int = 3,
    count: int = 4,
) -> dict[str, list[Tensor]]:
    """What the first few living channels of each stage respond to most.

    Args:
        network: Whose receptive fields are cut out.
        found: From `measure_responses`.
        pixels: The images that these are of.
        channels: How many, from the first on: they are not chosen for their looks.
        count: Patches of each.

    Returns:
        For each stage, for each channel, `(count, 3, s, s)`, s being the side of the field.

    Lesson 02.
    """
    fields = receptive_fields(network)
    return {
        name: [
            _cut_patches(pixels, images, of.place[images, channel], fields[name].size)
            for channel, images in zip(
                of.living_channels[:channels],
                of.strongest_images(count)[of.living_channels],
                strict=False,
            )
        ]
        for name, of in found.items()
    }
