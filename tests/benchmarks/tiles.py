"""Tiny-ImageNet's sheets cut into files: `python tests/benchmarks/tiles.py SHEETS.zip FOLDER [--jpeg]`.

A sheet holds a class's tiles of 64 pixels, row by row. The files are PNG, which loses nothing, or
JPEG; the folder is one that `vtlab` reads, with `train/` and `val/`.
"""

from __future__ import annotations

import argparse
import io
import sys
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

TILE, TILES = 64, {"train": 250, "val": 20}


def cut(sheets: Path, folder: Path, jpeg: bool = False, share: float = 1.0) -> int:
    """Write the tiles, or the first share of each class; returns how many."""
    count = 0
    with zipfile.ZipFile(sheets) as archive:
        for name in sorted(n for n in archive.namelist() if n.endswith(".jpg")):
            part, label = Path(name).parent.name, Path(name).stem
            sheet = np.asarray(Image.open(io.BytesIO(archive.read(name))).convert("RGB"))
            rows = sheet.reshape(len(sheet) // TILE, TILE, -1, TILE, 3)
            tiles = rows.swapaxes(1, 2).reshape(-1, TILE, TILE, 3)[: round(share * TILES[part])]
            target = folder / part / label
            target.mkdir(parents=True, exist_ok=True)
            for i, tile in enumerate(tiles):
                path = target / f"{i:03}.{'jpg' if jpeg else 'png'}"
                Image.fromarray(tile).save(
                    path, **({"quality": 95} if jpeg else {"compress_level": 1})
                )
            count += len(tiles)
    return count


def main() -> int:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sheets", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--jpeg", action="store_true")
    given = parser.parse_args()
    print(cut(given.sheets, given.folder, given.jpeg), "files")
    return 0


if __name__ == "__main__":
    sys.exit(main())
