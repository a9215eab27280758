"""More images than memory: decoded once into a file that is mapped, not read.

The file's name is a hash of the images' contents and the size. Every row has a hash of its own, which is
checked whenever the store is opened: what is damaged is decoded again, and a build that was
interrupted goes on from the rows that it had written.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
import weakref
from pathlib import Path

import torch
from torch import Tensor

IN_MEMORY = 256_000_000  # bytes of images, or of activations, that are simply kept in memory
HASH = 32  # bytes of a sha256
UNUSED = 30 * 86400  # seconds after which a store may go when another is built


def cache_folder() -> Path:
    """Where stores lie: the system's place for caches, or `VTLAB_CACHE`. It may be deleted at any time."""
    from platformdirs import user_cache_path

    own = os.environ.get("VTLAB_CACHE")
    return Path(own) if own else user_cache_path("vtlab", appauthor=False)


def forget(root: Path, keep: Path, name: str, but: str = "") -> None:
    """Delete the folders in `root` whose file of that name nobody has opened for a month.

    Not `keep`, nor those that have a file `but`.
    """
    for file in root.glob(f"*/{name}"):
        with contextlib.suppress(OSError):
            if but and (file.parent / but).exists():
                continue
            if file.parent != keep and time.time() - file.stat().st_mtime > UNUSED:
                shutil.rmtree(file.parent)


def room(shape: tuple[int, ...], dtype: torch.dtype, copies: int = 1) -> Tensor:
    """An empty tensor on the CPU: in memory, or, if it and its copies are large, in a file without a name.

    Args:
        shape: Its shape.
        dtype: Its type.
        copies: How many such tensors will be kept.

    Raises:
        OSError: If the disk has no room.
    """
    empty = torch.empty(shape, dtype=dtype, device="meta")
    if copies * empty.nbytes <= IN_MEMORY:
        return torch.empty(shape, dtype=dtype)
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix="activations-", dir=folder)
    try:
        if hasattr(
            os, "posix_fallocate"
        ):  # else a full disk would end the process at the first write
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
