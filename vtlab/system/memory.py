"""How this process uses memory: it keeps freed memory for the next step, and puts large tensors into files."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import sys
import tempfile
import weakref
from pathlib import Path

import torch
from torch import Tensor

from vtlab.system.cache import cache_folder

MAX_BYTES_IN_MEMORY = 256_000_000  # of images, or of activations; more lie in a file
TRIM_THRESHOLD, MMAP_MAX = -1, -4  # glibc's numbers for these options (malloc.h)
MALLOC_VARIABLES = tuple(  # of the environment: with these a person chooses how memory is managed
    "MALLOC_TRIM_THRESHOLD_ MALLOC_MMAP_THRESHOLD_ MALLOC_MMAP_MAX_ GLIBC_TUNABLES".split()
)


def allocate_tensor(shape: tuple[int, ...], dtype: torch.dtype, copies: int = 1) -> Tensor:
    """An empty tensor on the CPU: in memory, or, if it and its copies are large, in a file without a name.

    Args:
        shape: Its shape.
        dtype: Its type.
        copies: How many such tensors will be kept.

    Raises:
        OSError: If the disk has no room.
    """
    empty = torch.empty(shape, dtype=dtype, device="meta")
    if copies * empty.nbytes <= MAX_BYTES_IN_MEMORY:
        return torch.empty(shape, dtype=dtype)
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix="activations-", dir=folder)
    try:
        if hasattr(os, "posix_fallocate"):
            # a sparse file on a full disk would end the process at the first write
            os.posix_fallocate(handle, 0, empty.nbytes)
        else:
            os.truncate(handle, empty.nbytes)
        made = torch.from_file(name, shared=True, size=empty.numel(), dtype=dtype).view(shape)
    finally:
        os.close(handle)
        if os.name == "posix":  # the file goes with the last who has it open
            Path(name).unlink()
    if os.name != "posix":
        weakref.finalize(made.untyped_storage(), _unlink, name)
    return made


def _unlink(name: str) -> None:
    with contextlib.suppress(OSError):
        Path(name).unlink()


@functools.cache
def keep_freed_memory() -> bool:
    """Let the C library keep the memory that this process frees, from now on.

    A training frees and asks for the same large tensors in every step. Getting their pages from the
    system again costs more than the computing; `return_freed_memory` gives them back.

    Returns:
        Whether it does: not on another system or with another C library, and not where the environment
        (`MALLOC_VARIABLES`) says how memory is managed.
    """
    if sys.platform == "linux" and not any(name in os.environ for name in MALLOC_VARIABLES):
        with contextlib.suppress(AttributeError, OSError):  # another C library
            tell = ctypes.CDLL(None).mallopt
            return bool(tell(MMAP_MAX, 0) and tell(TRIM_THRESHOLD, -1))
    return False


def return_freed_memory() -> None:
    """Give the memory that `keep_freed_memory` kept back to the system."""
    if keep_freed_memory():
        ctypes.CDLL(None).malloc_trim(0)
