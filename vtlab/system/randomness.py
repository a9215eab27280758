"""Random numbers for images: they depend on the image alone, not on the order in which images are drawn.

A generator hands out numbers in the order of asking, so an image would depend on the batch
it was drawn in. Here every number is a hash of (key of the image, stream, position): the same
whatever the batch, and the same bits on every device. The mixer is the 32-bit finaliser of
Wellons' hash-prospector (public domain); it is meant for pictures, not for cryptography.
"""

from __future__ import annotations

import contextlib
import math
import random
import threading
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from vtlab.system.fingerprints import hash_bytes

_TORCH_SEED_LOCK = threading.RLock()


def _mix_bits(x: Tensor) -> Tensor:
    """A bijection of 32-bit integers whose output bits look independent of the input's."""
    x = x ^ ((x >> 16) & 0xFFFF)  # `>>` keeps the sign; the mask makes it a logical shift
    x = x * 0x7FEB352D
    x = x ^ ((x >> 15) & 0x1FFFF)
    x = x * (0x846CA68B - (1 << 32))
    return x ^ ((x >> 16) & 0xFFFF)


def derive_random_keys(seed: int, stream: int, indices: Tensor) -> Tensor:
    """One key per index, `(N,)` int32, all different under one seed and stream.

    Args:
        seed: Any integer.
        stream: Which use the keys are for, so that two uses of one seed share nothing.
        indices: `(N,)` whole numbers.
    """
    start = _mix_bits(torch.tensor([_wrap_int32(seed)], dtype=torch.int32, device=indices.device))
    start = _mix_bits(start ^ _wrap_int32(stream * 0x9E3779B1))
    return _mix_bits(start ^ _mix_bits(indices.to(torch.int32)))


def random_uniform(keys: Tensor, shape: tuple[int, ...] | int, stream: int) -> Tensor:
    """Numbers in [0, 1), `(N, *shape)` float32: row i depends on `keys[i]` and `stream` only.

    Args:
        keys: `(N,)` int32, from `derive_random_keys`.
        shape: The shape of one row.
        stream: Different streams of one key are independent.
    """
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    count = math.prod(shape)
    rows = _mix_bits(keys ^ _wrap_int32(stream * 0x85EBCA6B))
    steps = torch.arange(count, dtype=torch.int32, device=keys.device) * (0x9E3779B1 - (1 << 32))
    bits = _mix_bits(rows[:, None] + steps)  # (N, count)
    fraction = ((bits >> 8) & 0xFFFFFF).to(torch.float32) * 2.0**-24
    return fraction.view(len(keys), *shape)


def random_normal(keys: Tensor, shape: tuple[int, ...] | int, stream: int) -> Tensor:
    """Roughly normal numbers, `(N, *shape)`: the sum of four uniforms, mean 0, deviation 1.

    Bounded by 3.5 deviations, which keeps every plant recognisable, and free of the
    logarithm whose last digit differs between devices.
    """
    a, b, c, d = (random_uniform(keys, shape, 4 * stream + 1000 + i) for i in range(4))
    return (a + b + c + d - 2.0) * math.sqrt(3.0)


def make_generator(seed: int, purpose: str) -> torch.Generator:
    """A torch generator for one purpose of one seed ("head", "batches", ...)."""
    mixed = _wrap_int32(seed)
    for letter in purpose:
        mixed = int(_mix_bits(torch.tensor([mixed ^ ord(letter)], dtype=torch.int32)))
    return torch.Generator().manual_seed(mixed & 0x7FFFFFFF)


@contextlib.contextmanager
def seed_torch(seed: int, step: int, device: torch.device | None = None) -> Iterator[None]:
    """A block whose draws from torch's own generators (dropout's) belong to this seed and step.

    Afterwards the generators are as they were. One block at a time in a process, since torch
    has one generator for all threads.
    """
    number = int.from_bytes(hash_bytes(f"{seed} {step}".encode())[:4])
    cuda = torch.cuda if device is not None and device.type == "cuda" else None
    with _TORCH_SEED_LOCK:
        before = torch.get_rng_state(), cuda and cuda.get_rng_state(device)
        try:
            torch.default_generator.manual_seed(number)
            if cuda:
                cuda.manual_seed(number)
            yield
        finally:
            torch.set_rng_state(before[0])
            if cuda:
                cuda.set_rng_state(before[1], device)


def _wrap_int32(number: int) -> int:
    """The number as a signed 32-bit integer."""
    return (number + (1 << 31)) % (1 << 32) - (1 << 31)


@contextlib.contextmanager
def every_seed(seed: int) -> Iterator[None]:
    """A context in which torch, NumPy and Python draw from one seed; their states before are given back."""
    states = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        np.random.seed(seed)
        random.seed(seed)
        try:
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])
