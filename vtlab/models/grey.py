"""Networks for grey images: the first convolution takes one channel in the place of three."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from vtlab.models.network import Network
from vtlab.models.normalisation import Normalisation
from vtlab.models.weights_files import WeightsFile


def _find_first_convolution(module: nn.Module) -> tuple[str, nn.Conv2d]:
    """The convolution that images of three channels meet, and its name."""
    for name, part in module.named_modules():
        if isinstance(part, nn.Conv2d) and part.in_channels == 3 and part.groups == 1:
            return name, part
    raise ValueError(f"{type(module).__name__} has no convolution that takes 3 channels")


def take_grey_images(network: Network) -> Network:
    """Let a network take grey images, in place: its first weights are summed over the three channels.

    It then gives for grey images what it gave for the same images in three equal channels, but for the
    channels' means and deviations, which become one.

    Raises:
        ValueError: If no convolution comes first, or more than that wants three channels.
    """
    name, first = _find_first_convolution(network.stages)
    _sum_channels(first)
    mean, std = (
        (sum(values) / len(values),)
        for values in (network.normalisation.mean, network.normalisation.std)
    )
    network.normalisation = Normalisation(mean, std)
    if (redraw := network.redraw) is not None:

        def redraw_grey(seed: int) -> dict[str, Tensor]:
            state = redraw(seed)
            return state | {f"{name}.weight": state[f"{name}.weight"].sum(1, keepdim=True)}

        network.redraw = redraw_grey
    try:
        network.check_image_size(network.image_size or 96)
    except (ValueError, IndexError) as error:
        raise ValueError(f"{network.name} does not take images of 1 channel: {error}") from None
    return network


def _sum_channels(convolution: nn.Conv2d) -> None:
    with torch.no_grad():
        convolution.weight = nn.Parameter(convolution.weight.sum(1, keepdim=True))
    convolution.in_channels = 1


def widen_grey_weights(file: WeightsFile, module: nn.Module) -> WeightsFile:
    """A file of a network for grey images as one for three channels, of which two count for nothing."""
    name = f"{_find_first_convolution(module)[0]}.weight"

    def widen(there: str, values: Tensor) -> Tensor:
        own = there == name or there.endswith(f".{name}")
        if not own or values.dim() != 4 or values.shape[1] != 1:
            return values
        return torch.cat([values, torch.zeros_like(values), torch.zeros_like(values)], 1)

    return replace(file, entries={key: widen(key, value) for key, value in file.entries.items()})
