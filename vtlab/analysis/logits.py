"""The logits of any network: whatever it is wrapped in, in its own precision, in whatever form they come."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from vtlab.models.network import network_in_evaluation_mode

WRAPPERS = (nn.DataParallel, nn.parallel.DistributedDataParallel, AveragedModel)
PRECISIONS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def unwrap_network(
    network: nn.Module, stage: str | nn.Module | None = None
) -> tuple[nn.Module, str | nn.Module | None]:
    """The network that torch's own wrappers hold (compiled, on several devices, averaged), and its stage.

    A stage whose dotted path begins with the wrapper gets the path within the network.
    """
    while True:
        if isinstance(network, WRAPPERS):
            name = "module"
        elif "_orig_mod" in network._modules:  # `torch.compile`
            name = "_orig_mod"
        else:
            return network, stage
        stage = stage.removeprefix(f"{name}.") if isinstance(stage, str) else stage
        network = network.get_submodule(name)


@contextlib.contextmanager
def network_with_gradients(network: nn.Module) -> Iterator[None]:
    """A context in which gradients flow, hooks are called, and the network is in evaluation mode.

    Also where the caller has switched gradients off, and where parts of the network are compiled: what
    was compiled before a hook came does not call it, so they run as they were written.

    Raises:
        ValueError: If the network knows no evaluation mode, as one that was exported.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        if "torch._dynamo" in sys.modules:  # or nothing here is compiled, and its import takes long
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        with refuse_in_words(f"{type(network).__name__} cannot be put into evaluation mode"):
            stack.enter_context(network_in_evaluation_mode(network))
        yield


@contextlib.contextmanager
def refuse_in_words(words: str) -> Iterator[None]:
    """A context whose errors become a `ValueError` of one line that begins with these words."""
    try:
        yield
    except (ValueError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # whatever a network of somebody's own does
        line = str(error).strip().partition("\n")[0]
        raise ValueError(f"{words}: {type(error).__name__}{f': {line}' if line else ''}") from error


def differentiate(value: Tensor, inputs: Tensor, name: str) -> Tensor:
    """The gradient of a number with respect to what it was computed from.

    Raises:
        ValueError: If there is none.
    """
    found = None
    if value.requires_grad:
        with refuse_in_words(f"no gradient comes back from the logits to {name}"):
            found = torch.autograd.grad(value, inputs, allow_unused=True)[0]
    if found is None:
        raise ValueError(
            f"no gradient comes back from the logits to {name}: they do not depend on it, or are "
            'computed without gradients (quantised, detached); method="occlusion" needs none'
        )
    return found


class Logits:
    """A network as a function from images `(N, C, H, W)` to logits `(N, K)`, which raises `ValueError` only.

    Attributes:
        network: Without wrappers; it is left as it is.
        notes: Sentences about what it gave and was not used.
    """

    def __init__(self, network: nn.Module) -> None:
        """What was made in inference mode knows no gradient: copies stand in for it."""
        self.network = network
        self.notes: dict[str, None] = {}
        named = [*network.named_parameters(), *network.named_buffers()]
        self._copies = {name: value.clone() for name, value in named if value.is_inference()}
        self._weights = next((p for p in network.parameters() if p.dtype in PRECISIONS), None)

    def prepare(self, images: Tensor) -> Tensor:
        """Images on the device and in the precision of the weights that they meet."""
        if self._weights is None:
            return images
        return images.to(self._weights.device, self._weights.dtype)

    def __call__(self, images: Tensor) -> Tensor:
        """Logits `(N, K)`.

        Raises:
            ValueError: If the network cannot take the images, or gives no logits.
        """
        name, shape = type(self.network).__name__, tuple(images.shape)
        with refuse_in_words(f"{name} does not take images {shape} of {images.dtype}"):
            if self._copies:
                given = torch.func.functional_call(self.network, self._copies, (images,))
            else:
                given = self.network(images)
        return self._find(given, len(images))

    def _find(self, given: object, count: int) -> Tensor:
        """The logits `(N, K)` in what the network gave for that many images."""
        if isinstance(named := getattr(given, "logits", None), Tensor):
            given = named
        if isinstance(given, Tensor):
            return _shape_logits(given, count)
        if isinstance(given, list | tuple):
            parts: dict[object, object] = dict(enumerate(given))
        else:
            parts = dict(given if isinstance(given, Mapping) else getattr(given, "__dict__", {}))
        if isinstance(named := parts.get("logits"), Tensor):
            return _shape_logits(named, count)
        found: dict[object, Tensor] = {}
        for key, part in parts.items():
            with contextlib.suppress(ValueError):
                found[key] = _shape_logits(part, count)
        listed = ", ".join(f"{key}: (N, {logits.shape[1]})" for key, logits in found.items())
        if not found or (len(found) > 1 and not isinstance(given, list | tuple)):
            what = "several values that could be logits" if found else "no logits (N, K)"
            raise ValueError(
                f"{type(self.network).__name__} gives {what} in a {type(given).__name__}"
                f"{f' ({listed})' if found else ''}; name them logits, or give a module that returns them alone"
            )
        if len(found) > 1:
            self.notes[
                f"{type(self.network).__name__} gives several values ({listed}): the first is "
                "taken for the logits"
            ] = None
        return next(iter(found.values()))


def _shape_logits(given: object, count: int) -> Tensor:
    """What a network gave for that many images as logits `(N, K)`.

    Raises:
        ValueError: If it is none: no tensor, no real numbers, or not one row per image.
    """
    if not isinstance(given, Tensor):
        raise ValueError(f"the network gives a {type(given).__name__}; logits are a tensor (N, K)")
    logits = given
    while logits.dim() > 2 and logits.shape[-1] == 1:
        logits = logits.squeeze(-1)
    if logits.dim() < 2 and count == 1:  # squeezed, as many networks do with a batch of one
        logits = logits.reshape(1, -1)
    elif logits.dim() == 1:
        logits = logits[:, None]
    if logits.dim() != 2 or len(logits) != count or not logits.shape[1]:
        raise ValueError(
            f"the network gives {tuple(given.shape)} for {count} images; logits are (N, K)"
        )
    if not logits.is_floating_point():
        raise ValueError(
            f"the network gives {logits.dtype}: answers, which say nothing of the evidence; "
            "logits are (N, K), floats"
        )
    return logits
