"""Nothing frozen is computed twice: activations of the frozen prefix, kept.

The stages before the first one that learns give the same activations in every epoch, so they
are run once per image (or once per augmented view) and training starts at the first learning
stage. This equals the run without a cache within float tolerance.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path
from typing import BinaryIO

import torch
from torch import Tensor, nn

from vtlab.models.network import Network, in_evaluation
from vtlab.models.targets import check, right
from vtlab.models.workarounds import folded
from vtlab.system.cache import HASH, IN_MEMORY, cache_folder, forget, room
from vtlab.system.device import autocast, half, keep_freed
from vtlab.system.files import opened
from vtlab.system.fingerprints import fingerprint_tensors

BATCH = 64  # at most
BATCH_PIXELS = 1_700_000  # then feature maps stay in the processor's cache: 33 images of 224 px
LARGEST_CACHE = 400_000_000  # bytes; of more images one view is kept at a time


def activations(
    network: Network, pixels: Tensor, stop: int | None = None, *, bfloat16: bool | None = None
) -> Tensor:
    """What the first `stop` stages make of images, without gradients.

    Args:
        network: Its mode does not matter; the stages run as in evaluation.
        pixels: Bytes `(N, 3, H, W)`.
        stop: How many stages; None for all, which gives pooled features.
        bfloat16: As in `fit`.

    Returns:
        Feature maps `(N, C, h, w)`, or features `(N, D)` float32 after the last stage, where
        the images are.

    Raises:
        ValueError: If the pixels are not bytes of that shape.
    """
    frozen = Frozen(network, pixels, stop, bfloat16=bfloat16)
    while not frozen.done:
        frozen.more()
    return frozen.whole()


class Frozen:
    """What `activations` gives, part by part: whoever computes it may stop between two parts.

    Features of more images than memory are read from the cache where an earlier process left them.
    """

    def __init__(
        self,
        network: Network,
        pixels: Tensor,
        stop: int | None = None,
        *,
        bfloat16: bool | None = None,
    ) -> None:
        """Nothing is computed yet; the arguments are those of `activations`."""
        check(pixels)
        self.network, self.pixels, self.stop, self.bfloat16 = network, pixels, stop, bfloat16
        self.features = stop is None or stop == len(network.stage_names)
        self._parts = batches(pixels, pixels)
        self._stages = evaluated(network, 0, stop, len(self._parts))
        self._number = 0
        self._kept = Kept(len(pixels))
        self._file: FeatureFile | None = None
        keep_freed()

    @property
    def done(self) -> bool:
        """Whether all parts are there."""
        return self._number == len(self._parts)

    @property
    def _lasting(self) -> bool:
        """Whether to keep them for other processes: features of many images are small, and dear."""
        return self.features and self.pixels.device.type == "cpu" and self.pixels.nbytes > IN_MEMORY

    def more(self) -> None:
        """The next part."""
        pixels, number = self._parts[self._number], self._number
        part = self._file and self._file.read(number, len(pixels))
        if part is None:
            part = self._compute(pixels)
            if self._file is not None:
                self._file.write(number, part)
        if number == 0 and self._lasting and part.dim() == 2:  # maps that were not pooled are large
            self._file = FeatureFile.of(self.network, self.pixels, half(self.bfloat16), part)
        self._kept.add(part)
        self._number += 1
        if self.done and self._file is not None:
            self._file.close()

    def _compute(self, pixels: Tensor) -> Tensor:
        network = self.network
        with in_evaluation(self._stages), torch.no_grad(), autocast(self.bfloat16, network.device):
            maps = self._stages(network.normalise(pixels))
            maps = network.pool(maps.float()) if self.features else maps
            return maps.to(pixels.device)

    def whole(self) -> Tensor:
        """All of them, once it is done."""
        return self._kept.whole()


class Kept:
    """Activations of many images, collected batch by batch: in memory or, if they are large, in a file."""

    def __init__(self, count: int, copies: int = 1) -> None:
        """For `count` images, one of `copies` such collections that will be kept."""
        self.count, self.copies, self.filled = count, copies, 0
        self._all: Tensor | None = None

    def add(self, part: Tensor) -> None:
        """The next images' activations, `(n, …)`."""
        if self._all is None:
            shape = (self.count, *part.shape[1:])
            on_cpu = part.device.type == "cpu"
            self._all = room(shape, part.dtype, self.copies) if on_cpu else part.new_empty(shape)
        self._all[self.filled : self.filled + len(part)] = part
        self.filled += len(part)

    def whole(self) -> Tensor:
        """All of them, `(N, …)`."""
        return self._all


def batches(inputs: Tensor, pixels: Tensor) -> tuple[Tensor, ...]:
    """Inputs cut into batches that suit the size of the images they were made from."""
    height, width = pixels.shape[-2:]
    return inputs.split(max(8, min(BATCH, BATCH_PIXELS // (height * width))))


def evaluated(network: Network, start: int, stop: int | None, parts: int) -> nn.Sequential:
    """The stages numbered `start` to `stop` for evaluation, of so many batches: as they are, or folded."""
    stages = nn.Sequential(*list(network.stages.values())[start:stop])
    return folded(stages) if parts > 1 else stages  # for one batch the copying would not pay


def affordable_views(
    network: Network, pixels: Tensor, stop: int, wanted: int, bfloat16: bool | None = None
) -> int:
    """How many views of these images fit into `LARGEST_CACHE`, at least one."""
    one = activations(network, pixels[:1], stop, bfloat16=bfloat16)
    return max(1, min(wanted, LARGEST_CACHE // (one.numel() * one.element_size() * len(pixels))))


def predict(
    network: Network,
    pixels: Tensor,
    memo: dict[int, Tensor] | None = None,
    *,
    bfloat16: bool | None = None,
) -> Tensor:
    """Class probabilities `(N, K)` of images, in evaluation mode.

    Args:
        network: The network; its mode is given back.
        pixels: Bytes `(N, 3, H, W)`.
        memo: Activations of these very images by number of frozen stages; filled and used.
            Only for networks whose frozen stages hold the same weights.
        bfloat16: As in `fit`.

    Raises:
        ValueError: If the images are no such bytes.

    Lesson 01.
    """
    return outputs(network, pixels, memo, bfloat16=bfloat16).softmax(1)


def outputs(
    network: Network,
    pixels: Tensor,
    memo: dict[int, Tensor] | None = None,
    *,
    bfloat16: bool | None = None,
) -> Tensor:
    """What the head says of images, `(N, K)` float32: logits, or a number where K is 1.

    In evaluation mode; the arguments are `predict`'s. Lesson 03.
    """
    check(pixels)
    keep_freed()
    stop = network.frozen_prefix
    if memo is not None and stop > 0:
        if stop not in memo:
            memo[stop] = activations(network, pixels, stop, bfloat16=bfloat16)
        inputs = memo[stop]
    else:
        inputs, stop = pixels, 0
    parts = batches(inputs, pixels)
    stages, told = evaluated(network, stop, None, len(parts)), []
    with in_evaluation(network), torch.no_grad(), autocast(bfloat16, network.device):
        for part in parts:
            # a copy: the next layer may work in place
            part = part.to(network.device, copy=True) if stop else network.normalise(part)
            told.append(network.classify(stages(part)).float().to(pixels.device))
    return torch.cat(told)


def evaluate(network: Network, pixels: Tensor, labels: Tensor) -> float:
    """The share of images that are named correctly, or counted correctly where the label is a number.

    A number is right when it is off by less than a half.

    Args:
        network: The network; its mode is given back.
        pixels: Bytes `(N, 3, H, W)`.
        labels: `(N,)`: classes (int), or, of a network with one output, numbers (float).

    Raises:
        ValueError: If images or labels are of another kind, or not as many.
    """
    check(pixels, labels, network.outputs)
    return right(outputs(network, pixels), labels).float().mean().item()


def mean_absolute_error(network: Network, pixels: Tensor, labels: Tensor) -> float:
    """How far off the network's numbers are on average, in the labels' unit.

    Args:
        network: With one output.
        pixels: Bytes `(N, 3, H, W)`.
        labels: `(N,)` numbers.

    Raises:
        ValueError: If the network has more than one output, or as `evaluate`.

    Lesson 03.
    """
    if network.outputs != 1:
        raise ValueError(f"a number needs a head with one output, not {network.outputs}")
    check(pixels, labels)
    return (outputs(network, pixels)[:, 0] - labels).abs().mean().item()


VERSION = 1  # of the file
NAME = "features.bin"


def key(network: Network, pixels: Tensor, half: bool) -> str:
    """A name for the features of these images: another one where anything that they depend on differs."""
    known = (
        VERSION,
        torch.__version__,
        network.device.type,
        torch.get_num_threads(),
        half,
        network.normalisation,
        network.pooling,
        str(network.stages),
        fingerprint_tensors(network.stages.state_dict()),
        fingerprint_tensors({"pixels": pixels}),
    )
    return hashlib.sha256(repr(known).encode()).hexdigest()[:24]


class FeatureFile:
    """The features of one set of images, in parts of equal length (the last may be shorter)."""

    def __init__(self, folder: Path, first: Tensor) -> None:
        """Open it, if it can be had.

        Args:
            folder: A folder of its own.
            first: The first part, `(n, D)` float32, computed now. A file that begins otherwise is
                not believed: it begins anew.
        """
        self.first, self._file, self._lock = first, None, None
        with contextlib.suppress(OSError, ValueError):  # no room, or another process has it
            self._lock = opened(folder, "features", "go on without them")
            self._file = _opened(folder / NAME)
            os.utime(folder / NAME)
            forget(folder.parent, folder, NAME)
            if (begins := self.read(0, len(first))) is None or not torch.equal(begins, first):
                self._file.truncate(0)
                self.write(0, first)

    @classmethod
    def of(cls, network: Network, pixels: Tensor, half: bool, first: Tensor) -> FeatureFile:
        """The file of these images' features in the cache."""
        return cls(cache_folder() / "features" / key(network, pixels, half), first)

    def read(self, number: int, count: int) -> Tensor | None:
        """Part `number`, `(count, D)`; None if it is not there, or not as it was written."""
        if self._file is None:
            return None
        with contextlib.suppress(OSError):
            self._file.seek(self._place(number))
            check, content = self._file.read(HASH), self._file.read(count * self._row)
            if len(content) == count * self._row and check == _check(number, content):
                return torch.frombuffer(bytearray(content), dtype=torch.float32).view(count, -1)
        return None

    def write(self, number: int, part: Tensor) -> None:
        """Keep a part; where there is no room, nothing more is kept."""
        if self._file is None:
            return
        content = part.contiguous().numpy().tobytes()
        try:
            self._file.seek(self._place(number))
            self._file.write(_check(number, content) + content)
        except OSError:
            self.close()

    def close(self) -> None:
        """Let others have it."""
        for file in (self._file, self._lock):
            with contextlib.suppress(OSError):
                if file is not None:
                    file.close()
        self._file = self._lock = None

    @property
    def _row(self) -> int:
        return self.first.shape[1] * self.first.element_size()

    def _place(self, number: int) -> int:
        return number * (HASH + len(self.first) * self._row)


def _opened(path: Path) -> BinaryIO:
    path.touch()
    return path.open("r+b", buffering=0)


def _check(number: int, content: bytes) -> bytes:
    """A part's hash together with its number: a part in another's place is found out, too."""
    return hashlib.sha256(number.to_bytes(8, "little") + content).digest()
