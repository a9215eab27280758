"""Make forgetting.csv: what a network that was frozen by `requires_grad` alone forgets in training mode.

`python data/make/forgetting.py FOLDER` shows EfficientNet-Lite0 ten batches of photographs or of drawings, in
two sizes, keeps each finished run and goes on where it was. FOLDER holds `tiny_imagenet_64.zip`, which is no
part of the project (data/README.md).
"""

from __future__ import annotations

import csv
import io
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from resumable_table import Plan, fill_table, table_parser, write_rounded_table
from torch import Tensor
from torch.nn.functional import interpolate

from vtlab.data.tasks import task as make_task
from vtlab.models.backbones import backbone
from vtlab.models.evaluation import evaluate
from vtlab.system.randomness import make_generator
from vtlab.system.threads import THREADS

SEEDS = 3
BATCHES, BATCH = 10, 16
SIZES = (96, 224)  # pixels of the batches' pictures; both kinds have 64 before
TEST_SIZE = 160
TILE = 64
SHOTS = 20  # drawings of each species to draw batches from


def read_tiles(path: Path, part: str, place: int) -> tuple[Tensor, Tensor]:
    """One tile of each kind of Tiny-ImageNet, and its place among ImageNet's 1,000 names.

    Args:
        path: Of the zip.
        part: "train" or "val".
        place: Which tile of each sheet, row by row.
    """
    with zipfile.ZipFile(path) as archive:
        rows = list(csv.DictReader(archive.read("classes.csv").decode().splitlines()))
        tiles = [_cut_tile(archive.read(f"{part}/{row['wnid']}.jpg"), place) for row in rows]
    labels = torch.tensor([int(row["imagenet_index"]) for row in rows])
    return torch.from_numpy(np.stack(tiles)).permute(0, 3, 1, 2).contiguous(), labels


def _cut_tile(sheet: bytes, place: int) -> np.ndarray:
    with Image.open(io.BytesIO(sheet)) as image:
        across = image.width // TILE
        left, top = TILE * (place % across), TILE * (place // across)
        return np.asarray(image.convert("RGB").crop((left, top, left + TILE, top + TILE)))


def enlarge(pixels: Tensor, size: int) -> Tensor:
    """Bytes `(N, 3, 64, 64)` as bytes of `size` pixels a side."""
    large = interpolate(pixels.float(), (size, size), mode="bicubic", antialias=True)
    return large.round().clamp(0, 255).byte()


def measure_forgetting(
    pictures: Tensor | None, size: int, seed: int, tests: tuple[Tensor, Tensor]
) -> dict[str, float]:
    """The accuracy after ten batches of these pictures in training mode; without pictures before."""
    network = backbone("efficientnet_lite0", classes=None).requires_grad_(False)
    if pictures is not None:
        order = torch.randperm(len(pictures), generator=make_generator(seed, "batches"))
        network.train()
        with torch.no_grad():
            for index in order[: BATCHES * BATCH].split(BATCH):
                network(network.normalise(enlarge(pictures[index], size)))
    return {"test_accuracy": evaluate(network.eval(), *tests)}


def plan_forgetting(path: Path) -> Plan:
    """Without a batch, then every seed x kind x size."""
    photographs, _ = read_tiles(path, "train", 0)
    pictures = {
        "photographs": photographs,
        "drawings": make_task("garden", shots=SHOTS).train.pixels,
    }
    pixels, labels = read_tiles(path, "val", 0)
    tests = enlarge(pixels, TEST_SIZE), labels
    none = {"kind": "none", "size": 0, "seed": 0}
    yield none, partial(measure_forgetting, None, 0, 0, tests)
    for seed in range(SEEDS):
        for size in SIZES:
            for kind, given in pictures.items():
                run = {"kind": kind, "size": size, "seed": seed}
                yield run, partial(measure_forgetting, given, size, seed, tests)


if __name__ == "__main__":
    parser = table_parser("forgetting", __doc__)
    parser.add_argument("folder", type=Path, help="with tiny_imagenet_64.zip")
    arguments = parser.parse_args()
    torch.set_num_threads(THREADS)
    plan = plan_forgetting(arguments.folder / "tiny_imagenet_64.zip")
    write_rounded_table(fill_table(plan, arguments.runs), "forgetting")
