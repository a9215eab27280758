"""The folder of files that spare work and can be made again at any time."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from pathlib import Path

UNUSED_SECONDS = 30 * 86400  # seconds after which a store may go when another is built


def cache_folder() -> Path:
    """Where stores lie: the system's place for caches, or `VTLAB_CACHE`. It may be deleted at any time."""
    from platformdirs import user_cache_path

    own = os.environ.get("VTLAB_CACHE")
    return Path(own) if own else user_cache_path("vtlab", appauthor=False)


def delete_unused_folders(root: Path, keep: Path, name: str, but: str = "") -> None:
    """Delete the folders in `root` whose file of that name nobody has opened for a month.

    Not `keep`, nor those that have a file `but`.
    """
    for file in root.glob(f"*/{name}"):
        with contextlib.suppress(OSError):
            if but and (file.parent / but).exists():
                continue
            if file.parent != keep and time.time() - file.stat().st_mtime > UNUSED_SECONDS:
                shutil.rmtree(file.parent)
