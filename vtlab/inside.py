"""What is inside a network: shapes, what its stages respond to, and who is near whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor, nn

from vtlab.attribution.stages import maps_of
from vtlab.costs import cost_table
from vtlab.fields import receptive_fields
from vtlab.network import Network, in_evaluation
from vtlab.precision import autocast
from vtlab.strategies import probe

SOME = 8  # images at a time: the maps of a stage are large


def anatomy(network: Network, image_size: int = 64) -> pd.DataFrame:
    """A network stage by stage.

    Args:
        network: As in `receptive_fields`.
        image_size: Side of the images in pixels.

    Returns:
        A row per stage: `channels` and `side` of its maps, its `weights`, its `operations`
        (multiply-adds per image), and the side of its receptive `field` in pixels.

    Raises:
        ValueError: As `receptive_fields`.

    Lesson 02.
    """
    costs, fields = cost_table(network, probe, image_size=image_size), receptive_fields(network)
    maps = torch.zeros(1, 3, image_size, image_size, device=network.device)
    rows = []
    with torch.no_grad():
        for name, stage in network.stages.items():
            maps = run_stage(stage, maps)
            _, channels, side, _ = maps_of(network, name, maps, (image_size, image_size)).shape
            rows.append({"stage": name, "channels": channels, "side": side,
                         "weights": int(costs.weights[name]), "operations": int(costs.forward[name]),
                         "field": fields[name].size})  # fmt: skip
    return pd.DataFrame(rows).set_index("stage")


def run_stage(stage: nn.Module, maps: Tensor) -> Tensor:
    """The stage applied as in evaluation."""
    with in_evaluation(stage):
        return stage(maps)


def sensitivity(network: Network, pixels: Tensor) -> dict[str, Tensor]:
    """How much a cell in the middle of each stage's maps depends on each pixel.

    The cell's responses are added up over the channels, and differentiated with respect to the
    normalised image, in evaluation mode.

    Args:
        network: Its mode and its gradients are left as they are.
        pixels: Bytes `(N, 3, H, W)`.

    Returns:
        For each stage `(H, W)`: the gradient's size, mean over colours and images. It is exactly
        0 outside the receptive field. Of a map with an even side the cell is the one right below
        the middle.

    Raises:
        ValueError: If a stage gives no maps.

    Luo et al. (2016), https://arxiv.org/abs/1701.04128. Lesson 02.
    """
    found: dict[str, Tensor] = {}
    for part in pixels.split(SOME):
        maps = inputs = network.normalise(part).requires_grad_()
        for name, stage in network.stages.items():
            maps = run_stage(stage, maps)
            seen = maps_of(network, name, maps, tuple(pixels.shape[2:]))
            middle = seen[:, :, seen.shape[2] // 2, seen.shape[3] // 2].sum()
            (gradient,) = torch.autograd.grad(middle, inputs, retain_graph=True)
            found[name] = found.get(name, 0) + gradient.abs().mean(1).sum(0) / len(pixels)
    return {name: values.to(pixels.device) for name, values in found.items()}


def middle_fields(network: Network, image_size: int = 64) -> dict[str, tuple[float, float]]:
    """For each stage the first and the last pixel, along a side, of the cell that `sensitivity` asks.

    Lesson 02.
    """
    sides = anatomy(network, image_size).side
    return {name: field.of_cell(int(sides[name]) // 2) for name, field in receptive_fields(network).items()}


def extent(values: Tensor) -> int:
    """The side of the smallest square that holds everything of `(H, W)` that is not zero."""
    rows, columns = values.nonzero(as_tuple=True)
    return max((int(i.max() - i.min()) + 1 for i in (rows, columns) if len(i)), default=0)


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
    def alive(self) -> Tensor:
        """The numbers of the channels that do not say the same of all images."""
        return ((self.peak.amax(0) - self.peak.amin(0)) > 0).nonzero()[:, 0]

    def strongest(self, count: int = 9) -> Tensor:
        """The images to which each channel responds most, `(C, count)`, the first one strongest."""
        return self.peak.topk(count, dim=0).indices.T

    def purity(self, labels: Tensor, count: int = 9) -> float:
        """The share of the most frequent class among a channel's strongest images; mean over channels.

        Lesson 02.
        """
        found = torch.nn.functional.one_hot(labels[self.strongest(count)[self.alive]])  # (C, count, K)
        return (found.sum(1).amax(1).double() / count).mean().item()

    def on_object(self, masks: Tensor, count: int = 9) -> float:
        """How often a channel's strongest places lie on the object, as a share; mean over channels.

        Args:
            masks: `(N, H, W)` bool.
            count: Strongest images of each channel.

        Lesson 02.
        """
        images = self.strongest(count)[self.alive]  # (C, count)
        places = self.place[images, self.alive[:, None]].long()  # (C, count, 2)
        return masks[images, places[..., 0], places[..., 1]].double().mean().item()


def responses(network: Network, pixels: Tensor, *, bfloat16: bool | None = None) -> dict[str, Responses]:
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
    with torch.no_grad(), autocast(bfloat16, network.device):
        for first in range(0, len(pixels), 2 * SOME):
            part = slice(first, first + 2 * SOME)
            maps = network.normalise(pixels[part])
            for name, stage in network.stages.items():
                maps = run_stage(stage, maps)
                seen = maps_of(network, name, maps, tuple(pixels.shape[2:]))
                if name not in found:  # whole at once: pieces to join would take the memory twice
                    size = (len(pixels), seen.shape[1])
                    mean, peak = (torch.empty(size, device=pixels.device) for _ in range(2))
                    found[name] = Responses(mean, peak, mean.new_empty((*size, 2), dtype=torch.int16))
                of, cells = found[name], seen.float().flatten(2)  # (n, C, h * w)
                strongest, number = cells.max(2)
                of.mean[part], of.peak[part] = cells.mean(2), strongest
                cell = number // seen.shape[3], number % seen.shape[3]  # row and column
                for axis, (i, whole, side) in enumerate(
                        zip(cell, pixels.shape[2:], seen.shape[2:], strict=True)):  # fmt: skip
                    of.place[part, :, axis] = (i * 2 + 1) * whole // (2 * side)
    return found


def purity_by_chance(labels: Tensor, count: int = 9, draws: int = 2000, seed: int = 0) -> float:
    """What `Responses.purity` would be if a channel liked images at random: a mean over draws.

    Args:
        labels: `(N,)`.
        count: Images of a draw, none twice.
        draws: How many.
        seed: Of the draws.

    Lesson 02.
    """
    random = torch.Generator().manual_seed(seed)
    drawn = torch.rand(draws, len(labels), generator=random).topk(count).indices  # (draws, count)
    found = nn.functional.one_hot(labels.cpu()[drawn])  # (draws, count, K)
    return (found.sum(1).amax(1).double() / count).mean().item()


def patches(pixels: Tensor, images: Tensor, places: Tensor, size: int, fill: int = 235) -> Tensor:
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
    return torch.stack([image[:, row : row + size, column : column + size]
                        for image, (row, column) in zip(wide, places.tolist(), strict=True)])  # fmt: skip


def strongest_patches(network: Network, found: Mapping[str, Responses], pixels: Tensor, *,
                      channels: int = 3, count: int = 4) -> dict[str, list[Tensor]]:  # fmt: skip
    """What the first few living channels of each stage respond to most.

    Args:
        network: Whose receptive fields are cut out.
        found: From `responses`.
        pixels: The images that these are of.
        channels: How many, from the first on: they are not chosen for their looks.
        count: Patches of each.

    Returns:
        For each stage, for each channel, `(count, 3, s, s)`, s being the side of the field.

    Lesson 02.
    """
    fields = receptive_fields(network)
    return {name: [patches(pixels, images, of.place[images, channel], fields[name].size)
                   for channel, images in zip(of.alive[:channels], of.strongest(count)[of.alive], strict=False)]
            for name, of in found.items()}  # fmt: skip


def neighbours(features: Tensor, labels: Tensor, k: int = 5) -> float:
    """How many images are named correctly by their k nearest others: nothing is learnt for that.

    Each image in turn is left out, and its k nearest of all others vote, by the angle between
    features from which the mean of all images was taken; of classes with as many votes the
    first wins.

    Args:
        features: `(N, …)`, flattened.
        labels: `(N,)`.
        k: How many vote.

    Returns:
        The share that is right.

    Raises:
        ValueError: If there are not more than k images.

    Lesson 02.
    """
    if len(features) <= k:
        raise ValueError(f"{k} neighbours need more than {len(features)} images")
    flat = features.flatten(1).double()
    flat = nn.functional.normalize(flat - flat.mean(0), dim=1)
    likeness = (flat @ flat.T).fill_diagonal_(-torch.inf)
    near = labels[likeness.topk(k).indices]  # (N, k)
    votes = nn.functional.one_hot(near, int(labels.max()) + 1).sum(1)
    return (votes.argmax(1) == labels).double().mean().item()


def neighbours_by_part(features: Mapping[str, Tensor], labels: Tensor, parts: int = 5,
                       k: int = 5) -> dict[str, list[float]]:  # fmt: skip
    """The `neighbours` score of several kinds of features, each in disjoint parts of the images.

    Args:
        features: For each name `(N, …)`, of the same images.
        labels: `(N,)`.
        parts: The images are dealt into so many, class by class, so that each has as many of
            every class; each gives a score.
        k: How many vote.

    Raises:
        ValueError: If a part has not more than k images.

    Lesson 02.
    """
    dealt = torch.empty_like(labels)
    dealt[labels.argsort(stable=True)] = torch.arange(len(labels), device=labels.device) % parts
    return {name: [neighbours(of[dealt == i], labels[dealt == i], k) for i in range(parts)]
            for name, of in features.items()}  # fmt: skip


def two_axes(features: Tensor) -> Tensor:
    """Features `(N, …)` seen along their two axes of largest spread, `(N, 2)`: principal components.

    The sign of each axis is such that the value furthest from 0 is positive.

    Raises:
        ValueError: If there are fewer than three images.

    Lesson 02.
    """
    if len(features) < 3:
        raise ValueError(f"two axes need three images or more, not {len(features)}")
    flat = features.flatten(1).double()
    flat = flat - flat.mean(0)
    squares, axes = torch.linalg.eigh(flat @ flat.T)  # of (N, N): images are fewer than their pixels
    seen = axes[:, [-1, -2]] * squares[[-1, -2]].clamp(min=0).sqrt()  # (N, 2)
    furthest = seen.abs().argmax(0)
    return seen * seen[furthest, torch.arange(2, device=seen.device)].sign()
