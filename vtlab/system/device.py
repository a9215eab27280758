"""The choice of the device that networks are put on, and of half precision."""

from __future__ import annotations

import functools
import os
import platform

import torch

from vtlab.system.threads import THREADS


def choose_device() -> torch.device:
    """The device that networks are put on: CUDA or MPS where there is one, else the CPU, the reference.

    The environment variable `VTLAB_DEVICE` ("cpu", "cuda", "cuda:1", "mps") overrules this.

    Raises:
        ValueError: If `VTLAB_DEVICE` names a device that is not here.
    """
    here = count_devices()
    if not (wanted := os.environ.get("VTLAB_DEVICE", "")):
        return torch.device(next(kind for kind, count in here.items() if count))
    try:
        device = torch.device(wanted)
        there = (device.index or 0) < here.get(device.type, 0)
    except RuntimeError:
        there = False
    if not there:
        have = ", ".join(kind for kind, count in here.items() if count)
        raise ValueError(f"VTLAB_DEVICE is {wanted!r}, but this machine has {have}")
    return device


def count_devices() -> dict[str, int]:
    """How many devices there are of each kind that vtlab uses, the fastest kind first."""
    cuda = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return {"cuda": cuda, "mps": int(torch.backends.mps.is_available()), "cpu": 1}


def synchronize(device: torch.device) -> None:
    """Wait until the device has done all that it was asked: a GPU takes work and returns at once."""
    if device.type in ("cuda", "mps"):
        getattr(torch, device.type).synchronize()


@functools.cache
def has_native_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 matrices itself (AMX or AVX512-BF16)."""
    try:
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    except (AttributeError, RuntimeError):  # another architecture, or an older torch
        return False


def resolve_bfloat16(bfloat16: bool | None = None, device: torch.device | str = "cpu") -> bool:
    """Whether forward passes are in bfloat16: where it is native (None), always, or never."""
    if bfloat16 is not None:
        return bfloat16
    kind = torch.device(device).type
    if kind == "cuda":
        return torch.cuda.is_bf16_supported()
    return kind == "cpu" and has_native_bfloat16()


def autocast(bfloat16: bool | None = None, device: torch.device | str = "cpu") -> torch.autocast:
    """A context for forward passes, in bfloat16 or not as `resolve_bfloat16` says."""
    return torch.autocast(
        torch.device(device).type, torch.bfloat16, enabled=resolve_bfloat16(bfloat16, device)
    )


def describe_machine(
    device: torch.device | str = "cpu", threads: int = THREADS
) -> dict[str, str | int | bool]:
    """What the last digits of a result depend on, beside its settings.

    Args:
        device: Where the network is.
        threads: How many threads compute.
    """
    import torchvision

    return {
        "torch": torch.__version__.split("+")[0],
        "torchvision": torchvision.__version__.split("+")[0],
        "python": platform.python_version(),
        "system": platform.system(),
        "processor": platform.machine(),
        "device": torch.device(device).type,
        "threads": threads,
        "bfloat16": resolve_bfloat16(None, device),
    }
