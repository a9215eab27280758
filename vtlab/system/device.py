"""Half precision where the processor computes it itself, threads, and the device."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import sys
import threading
from collections.abc import Iterator

import torch
from torch.utils.flop_counter import FlopCounterMode


def _threads() -> int:
    """Two, or as many as `VTLAB_THREADS` says, and never more than this process has cores.

    Convolutions wait for one another in tight loops: two threads on one core take ten times
    longer than one.

    Raises:
        ValueError: If `VTLAB_THREADS` is no whole number above 0.
    """
    wanted = os.environ.get("VTLAB_THREADS") or "2"
    if not wanted.strip().isdecimal() or int(wanted) < 1:
        raise ValueError(f"VTLAB_THREADS is {wanted!r}; it is a whole number, 1 or more")
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        cores = os.cpu_count() or 1
    return min(int(wanted), cores)


THREADS = _threads()  # inner threads of every run: a run in a worker equals one in a notebook


@functools.cache
def native_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 matrices itself (AMX or AVX512-BF16)."""
    try:
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    except (AttributeError, RuntimeError):  # another architecture, or an older torch
        return False


def half(bfloat16: bool | None = None, device: torch.device | str = "cpu") -> bool:
    """Whether forward passes are in bfloat16: where it is native (None), always, or never."""
    if bfloat16 is not None:
        return bfloat16
    native = {"cpu": native_bfloat16, "cuda": torch.cuda.is_bf16_supported}
    kind = torch.device(device).type
    return native[kind]() if kind in native else False


def autocast(bfloat16: bool | None = None, device: torch.device | str = "cpu") -> torch.autocast:
    """A context for forward passes, in bfloat16 or not as `half` says."""
    return torch.autocast(torch.device(device).type, torch.bfloat16, enabled=half(bfloat16, device))


class _Inside:
    """Who is in `single_thread`: whether this thread is, how many are, and the number before the first."""

    this, lock, count, before = threading.local(), threading.Lock(), 0, 0


@contextlib.contextmanager
def single_thread() -> Iterator[None]:
    """One inner thread for small linear algebra, and for Python threads that are started here.

    Each Python thread has a number of its own, which begins as the one that was set last, by whichever
    thread: so each sets its own back, and one that began while another was in here takes that one's.
    """
    if getattr(_Inside.this, "inside", False):
        yield
        return
    with _Inside.lock:
        own = torch.get_num_threads()
        if not _Inside.count:
            _Inside.before = own
        elif own == 1:
            own = _Inside.before
        _Inside.count += 1
        torch.set_num_threads(1)
    _Inside.this.inside = True
    try:
        yield
    finally:
        _Inside.this.inside = False
        with _Inside.lock:
            _Inside.count -= 1
            torch.set_num_threads(own)


def wait_for(device: torch.device) -> None:
    """Until the device has done all that it was asked: a GPU takes work and returns at once."""
    if device.type in ("cuda", "mps"):
        getattr(torch, device.type).synchronize()


def best_device() -> torch.device:
    """Where networks are put: CUDA or MPS where there is one, else the CPU, the reference.

    The environment variable `VTLAB_DEVICE` ("cpu", "cuda", "cuda:1", "mps") overrules this.

    Raises:
        ValueError: If `VTLAB_DEVICE` names a device that is not here.
    """
    here = devices()
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


def devices() -> dict[str, int]:
    """How many there are of each kind that vtlab uses, the fastest kind first."""
    cuda = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return {"cuda": cuda, "mps": int(torch.backends.mps.is_available()), "cpu": 1}


def counted() -> FlopCounterMode:
    """Counts the operations of a block, two for a multiply-add: `get_total_flops()`.

    Torch's own count of a convolution's gradients takes every channel for connected with every other one, so
    that those of a channel-wise convolution come out as many times too large as it has channels (2.14).
    """
    return FlopCounterMode(
        display=False,
        custom_mapping={torch.ops.aten.convolution_backward: _gradients_of_a_convolution},
    )


def _gradients_of_a_convolution(
    outputs: torch.Size,
    inputs: torch.Size,
    weight: torch.Size,
    *more: object,
    out_shape: object,
    **names: object,
) -> int:
    """That of the inputs and that of the weights take as many operations as the convolution, each.

    A weight meets each place of the outputs once; of a transposed convolution, of the inputs.
    """
    transposed, mask = more[4], more[7]
    places = (inputs if transposed else outputs)[2:].numel() * inputs[0]
    return sum(mask[:2]) * 2 * weight.numel() * places


TRIM_THRESHOLD, MMAP_MAX = -1, -4  # glibc's numbers for them (malloc.h)
TOLD = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_MMAP_MAX_", "GLIBC_TUNABLES")


@functools.cache
def keep_freed() -> bool:
    """From now on, let the C library keep what this process frees; `give_back` empties what it has kept.

    Returns:
        Whether it does: not on another system or with another C library, and not where the environment
        says how memory is to be had.
    """
    if sys.platform == "linux" and not any(name in os.environ for name in TOLD):
        with contextlib.suppress(AttributeError, OSError):  # another C library
            tell = ctypes.CDLL(None).mallopt
            return bool(tell(MMAP_MAX, 0) and tell(TRIM_THRESHOLD, -1))
    return False


def give_back() -> None:
    """What was kept goes back to the system."""
    if keep_freed():
        ctypes.CDLL(None).malloc_trim(0)
