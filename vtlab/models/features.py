"""Activations of the frozen stages, computed once and kept.

The stages before the first one that learns give the same activations in every epoch, so they
are run once per image (or once per augmented view), and training starts at the first learning
stage. This equals the run without a cache within float tolerance.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import BinaryIO

import torch
from torch import Tensor, nn

from vtlab.models.folding import fold_batchnorm
from vtlab.models.inputs import check_inputs
from vtlab.models.network import Network, network_in_evaluation_mode
from vtlab.system.cache import cache_folder, delete_unused_folders
from vtlab.system.fingerprints import HASH_BYTES, fingerprint_bytes, fingerprint_tensors, hash_bytes
from vtlab.system.locks import lock_folder
from vtlab.system.memory import MAX_BYTES_IN_MEMORY, allocate_tensor, keep_freed_memory

MAX_BATCH_SIZE = 64
MAX_BATCH_PIXELS = 1_700_000  # then feature maps stay in the processor's cache: 33 images of 224 px


def activations(
    network: Network, pixels: Tensor, stop: int | None = None, *, bfloat16: bool | None = None
) -> Tensor:
    """The output of the first `stop` stages for images, without gradients.

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
    frozen = FrozenPass(network, pixels, stop, bfloat16=bfloat16)
    while not frozen.done:
        frozen.advance()
    return frozen.result()


class FrozenPass:
    """The computation of `activations` in parts, so that it can be stopped between two of them.

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
        check_inputs(pixels)
        self.network, self.pixels, self.stop, self.bfloat16 = network, pixels, stop, bfloat16
        self.features = stop is None or stop == len(network.stage_names)
        self._parts = split_feature_batches(pixels, pixels)
        self._stages = prepare_stages_for_features(network, 0, stop, len(self._parts))
        self._number = 0
        self._buffer = FeatureBuffer(len(pixels))
        self._file: FeatureFile | None = None
        keep_freed_memory()

    @property
    def done(self) -> bool:
        """Whether all parts are computed."""
        return self._number == len(self._parts)

    @property
    def _is_stored(self) -> bool:
        """Whether other processes will find them: features of many images are small and take long."""
        large = self.pixels.nbytes > MAX_BYTES_IN_MEMORY
        return large and self.features and self.pixels.device.type == "cpu"

    def advance(self) -> None:
        """Compute the next part, or read it."""
        pixels, number = self._parts[self._number], self._number
        part = self._file.read(number, len(pixels)) if self._file is not None else None
        if part is None:
            part = self._compute(pixels)
            if self._file is not None:
                self._file.write(number, part)
        # maps that were not pooled are too large for it
        if number == 0 and self._is_stored and part.dim() == 2:
            half = self.network.resolve_bfloat16(self.bfloat16)
            self._file = FeatureFile.of(self.network, self.pixels, half, part)
        self._buffer.add(part)
        self._number += 1
        if self.done and self._file is not None:
            self._file.close()

    def _compute(self, pixels: Tensor) -> Tensor:
        network, half = self.network, self.network.autocast(self.bfloat16)
        with network_in_evaluation_mode(self._stages), torch.no_grad(), half:
            maps = self._stages(network.normalise(pixels))
            maps = network.pool(maps.float()) if self.features else maps
            return maps.to(pixels.device)

    def result(self) -> Tensor:
        """All activations, once it is `done`."""
        return self._buffer.result()


class FeatureBuffer:
    """Collects activations of many images, batch by batch: in memory or, if they are large, in a file."""

    def __init__(self, count: int, copies: int = 1) -> None:
        """An empty buffer for `count` images; `copies` such buffers will be kept at the same time."""
        self.count, self.copies, self.position = count, copies, 0
        self._all: Tensor | None = None

    def add(self, part: Tensor) -> None:
        """The next images' activations, `(n, …)`."""
        if self._all is None:
            shape = (self.count, *part.shape[1:])
            if part.device.type == "cpu":
                self._all = allocate_tensor(shape, part.dtype, self.copies)
            else:
                self._all = part.new_empty(shape)
        self._all[self.position : self.position + len(part)] = part
        self.position += len(part)

    def result(self) -> Tensor:
        """All of them, `(N, …)`, once they are complete."""
        assert self._all is not None and self.position == self.count
        return self._all


def split_feature_batches(inputs: Tensor, pixels: Tensor) -> tuple[Tensor, ...]:
    """Inputs `(N, …)` in batches that suit the size of the images they were made from, `pixels`."""
    height, width = pixels.shape[-2:]
    return inputs.split(max(8, min(MAX_BATCH_SIZE, MAX_BATCH_PIXELS // (height * width))))


def prepare_stages_for_features(
    network: Network, start: int, stop: int | None, batch_count: int
) -> nn.Sequential:
    """The stages numbered `start` to `stop` (not included) for evaluation, BatchNorm folded if it pays."""
    stages = nn.Sequential(*list(network.stages.values())[start:stop])
    # for one batch the copying takes longer than it saves
    return fold_batchnorm(stages) if batch_count > 1 else stages


FEATURE_FILE_VERSION = 1  # of the format: files of another version are not read
FEATURE_FILE_NAME = "features.bin"


def _fingerprint_features(network: Network, pixels: Tensor, half: bool) -> str:
    """A name for the features of these images: another one where anything that they depend on differs."""
    known = (
        FEATURE_FILE_VERSION,
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
    return fingerprint_bytes(repr(known).encode())[:24]


class FeatureFile:
    """The features of one set of images, in parts of equal length (the last may be shorter)."""

    def __init__(self, folder: Path, first: Tensor) -> None:
        """Open the file, if there is room and no other process has it.

        Args:
            folder: A folder of its own.
            first: The first part, `(n, D)` float32, computed now. A file that begins otherwise is
                not believed: it begins anew.
        """
        self.first, self._file, self._lock = first, None, None
        with contextlib.suppress(OSError, ValueError):  # no room, or another process has it
            self._lock = lock_folder(folder, purpose="features", hint="go on without them")
            self._file = _open_for_update(folder / FEATURE_FILE_NAME)
            os.utime(folder / FEATURE_FILE_NAME)
            delete_unused_folders(folder.parent, folder, FEATURE_FILE_NAME)
            if (begins := self.read(0, len(first))) is None or not torch.equal(begins, first):
                self._file.truncate(0)
                self.write(0, first)

    @classmethod
    def of(cls, network: Network, pixels: Tensor, half: bool, first: Tensor) -> FeatureFile:
        """The file of these images' features in the cache."""
        return cls(
            cache_folder() / "features" / _fingerprint_features(network, pixels, half), first
        )

    def read(self, number: int, count: int) -> Tensor | None:
        """Part `number`, `(count, D)`; None if it is not there, or not as it was written."""
        if self._file is None:
            return None
        with contextlib.suppress(OSError):
            self._file.seek(self._place(number))
            check, content = self._file.read(HASH_BYTES), self._file.read(count * self._row)
            if len(content) == count * self._row and check == _hash_part(number, content):
                return torch.frombuffer(bytearray(content), dtype=torch.float32).view(count, -1)
        return None

    def write(self, number: int, part: Tensor) -> None:
        """Keep a part; where there is no room, nothing more is kept."""
        if self._file is None:
            return
        content = part.contiguous().numpy().tobytes()
        try:
            self._file.seek(self._place(number))
            self._file.write(_hash_part(number, content) + content)
        except OSError:
            self.close()

    def close(self) -> None:
        """Close the file and unlock its folder for other processes."""
        with contextlib.suppress(OSError):
            if self._file is not None:
                self._file.close()
        if self._lock is not None:
            self._lock.release()
        self._file = self._lock = None

    @property
    def _row(self) -> int:
        return self.first.shape[1] * self.first.element_size()

    def _place(self, number: int) -> int:
        return number * (HASH_BYTES + len(self.first) * self._row)


def _open_for_update(path: Path) -> BinaryIO:
    path.touch()
    return path.open("r+b", buffering=0)


def _hash_part(number: int, content: bytes) -> bytes:
    """A part's hash together with its number: a part in another's place is found out, too."""
    return hash_bytes(number.to_bytes(8, "little"), content)
