"""A network's predictions for images, and how good they are."""

from __future__ import annotations

import torch
from torch import Tensor

from vtlab.models.features import activations, prepare_stages_for_features, split_feature_batches
from vtlab.models.inputs import check_inputs
from vtlab.models.losses import are_correct_by_loss
from vtlab.models.network import Network, network_in_evaluation_mode
from vtlab.system.memory import keep_freed_memory


class NonFiniteOutputsError(ValueError):
    """A network gives outputs that are nan or infinite, of which no class and no accuracy follows."""


def predict(
    network: Network,
    pixels: Tensor,
    memo: dict[int, Tensor] | None = None,
    *,
    bfloat16: bool | None = None,
) -> Tensor:
    """Class probabilities `(N, K)` of images.

    Args:
        network: Runs in evaluation mode; its own mode is given back.
        pixels: Bytes `(N, 3, H, W)`.
        memo: Activations of these very images by number of frozen stages; filled and used.
            Only for networks whose frozen stages hold the same weights.
        bfloat16: As in `fit`.

    Raises:
        NonFiniteOutputsError: If an output is nan or infinite, as after a training that diverged.
        ValueError: If the images are no such bytes.

    Lesson 01.
    """
    return compute_outputs(network, pixels, memo, bfloat16=bfloat16).softmax(1)


def compute_outputs(
    network: Network,
    pixels: Tensor,
    memo: dict[int, Tensor] | None = None,
    *,
    bfloat16: bool | None = None,
) -> Tensor:
    """The head's outputs `(N, K)`, float32: logits, or a number where K is 1.

    The arguments and errors are those of `predict`. Lesson 03.
    """
    check_inputs(pixels)
    keep_freed_memory()
    stop = network.frozen_prefix
    if memo is not None and stop > 0:
        if stop not in memo:
            memo[stop] = activations(network, pixels, stop, bfloat16=bfloat16)
        inputs = memo[stop]
    else:
        inputs, stop = pixels, 0
    batches = split_feature_batches(inputs, pixels)
    stages, outputs = prepare_stages_for_features(network, stop, None, len(batches)), []
    with network_in_evaluation_mode(network), torch.no_grad(), network.autocast(bfloat16):
        for batch in batches:
            # a copy: the next layer may work in place
            batch = batch.to(network.device, copy=True) if stop else network.normalise(batch)
            outputs.append(network.classify(stages(batch)).float().to(pixels.device))
    return check_finite_outputs(torch.cat(outputs))


def check_finite_outputs(outputs: Tensor) -> Tensor:
    """A network's outputs `(N, K)`, if all are finite.

    Raises:
        NonFiniteOutputsError: Naming the first image whose outputs are not.
    """
    if not outputs.isfinite().all():
        first = int((~outputs.isfinite()).any(1).nonzero()[0])
        raise NonFiniteOutputsError(
            "the network's outputs are no finite numbers (nan, or infinite), first those for image "
            f"{first} of {len(outputs)}"
        )
    return outputs


def evaluate(network: Network, pixels: Tensor, labels: Tensor) -> float:
    """The share of images, in [0, 1], that are classified or counted correctly.

    Where labels are numbers, an answer is correct when it is off by less than a half.

    Args:
        network: Runs in evaluation mode; its own mode is given back.
        pixels: Bytes `(N, 3, H, W)`.
        labels: `(N,)`: classes (int), or, of a network with one output, numbers (float).

    Raises:
        ValueError: If images or labels are of another kind, or not as many; or as `predict`.
    """
    check_inputs(pixels, labels, network.output_count)
    return are_correct_by_loss(compute_outputs(network, pixels), labels).float().mean().item()


def mean_absolute_error(network: Network, pixels: Tensor, labels: Tensor) -> float:
    """How far the network's numbers are from the labels on average, in the labels' unit.

    Args:
        network: With one output.
        pixels: Bytes `(N, 3, H, W)`.
        labels: `(N,)` numbers.

    Raises:
        ValueError: If the network has more than one output, or as `evaluate`.

    Lesson 03.
    """
    if network.output_count != 1:
        raise ValueError(f"a number needs a head with one output, not {network.output_count}")
    check_inputs(pixels, labels)
    return (compute_outputs(network, pixels)[:, 0] - labels).abs().mean().item()
