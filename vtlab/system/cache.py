"""The cache folder: its files save work, and can be deleted and made again at any time."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from pathlib import Path

from vtlab.system.files import expand_home

UNUSED_SECONDS = 30 * 86400  # after which a folder may go when another one is made


def cache_folder() -> Path:
    """The system's folder for caches, or `VTLAB_CACHE`. It may be deleted at any time."""
    from platformdirs import user_cache_path

    own = os.environ.get("VTLAB_CACHE")
    return Path(expand_home(own)) if own else user_cache_path("vtlab", appauthor=False)


def delete_unused_folders(root: Path, keep: Path, name: str, but: str = "") -> None:
    """Delete the folders that nobody has used for a month.

    Args:
        root: The folder that holds them.
        keep: The folder that stays in any case.
        name: The name of the file whose time says when its folder was used. A folder without this file
            is left alone.
        but: A folder with a file of this name stays; "" for none.
    """
    for file in root.glob(f"*/{name}"):
        with contextlib.suppress(OSError):
            if but and (file.parent / but).exists():
                continue
            if file.parent != keep and time.time() - file.stat().st_mtime > UNUSED_SECONDS:
                shutil.rmtree(file.parent)
