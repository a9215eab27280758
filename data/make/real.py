"""Make real.csv: the four strategies on photographs; three data sets, three starts, three numbers of shots.

`python data/make/real.py FOLDER` keeps each finished run and goes on where it was. The folder holds the data
(`pacs_photo_sketch_128.zip`, `hymenoptera_224.zip`) and `weights/mobilenet_v2.pth`, none of which is part of
the project (data/README.md). Rows that the committed table has are taken from there, so that a
table can grow; `--anew` measures them again.
"""

from __future__ import annotations

import itertools
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pandas as pd
import torch
from resumable_table import resumable_row, table_parser, write_rounded_table

from vtlab.course.lesson_16 import real_table
from vtlab.data.folders import ImageFolder, read_folder
from vtlab.data.images import Images, image_places_by_class
from vtlab.data.tasks import Task
from vtlab.models.backbones import backbone
from vtlab.models.evaluation import predict
from vtlab.models.network import Network
from vtlab.results.metrics import accuracy, balanced_accuracy
from vtlab.study.tune import CANDIDATE_RATES, tune_rate
from vtlab.system.files import find_shipped_files
from vtlab.system.randomness import make_generator
from vtlab.system.threads import THREADS
from vtlab.training.fit import fit
from vtlab.training.strategies import FOUR, Strategy

SHOTS = (5, 20, 60)
SEEDS = 5
EPOCHS = 10  # of every strategy but the probe, which is solved
TUNING_SHOTS, TUNING_SEED = 20, 100  # a seed that no run has
MIN_TEST_IMAGES = 20  # of each class


@dataclass(frozen=True)
class _PretrainedStart:
    """Where a network's weights come from.

    Attributes:
        backbone: The backbone's name.
        weights: As `backbone` takes them; a file name is one in the data's folder.
        size: Side of the images in pixels.
    """

    backbone: str
    weights: str
    size: int


STARTS = {
    "garden": _PretrainedStart("mini_resnet", "default", 64),
    "natural": _PretrainedStart("mini_resnet", "natural", 64),
    "imagenet": _PretrainedStart("mobilenet_v2", "weights/mobilenet_v2.pth", 128),
}
SETS = {
    "photo": ("pacs_photo_sketch_128.zip", "photo"),
    "sketch": ("pacs_photo_sketch_128.zip", "sketch"),
    "hymenoptera": ("hymenoptera_224.zip", ""),
}
SHIFT = ("photo", "sketch")  # learnt from the first, also tested on the second
KEY = ["data", "start", "strategy", "shots", "seed"]


class _PhotoPool:
    """The images of one data set at one size: shots for a seed, and a test set of what they leave."""

    def __init__(self, name: str, read: ImageFolder) -> None:
        """Take the images of a folder, which may have test images of its own."""
        self.name, self.classes = name, read.classes
        self.images, self.test = read.train, read.test

    def task(self, shots: int | None, seed: int) -> Task:
        """The shots of a seed are nested: its first 5 images of a class are among its first 20.

        Raises:
            ValueError: If a class would keep fewer than 20 test images, or has too few shots.
        """
        assert shots is not None, "all images would leave none to test on"
        random = make_generator(seed, "real shots")
        shuffled = image_places_by_class(self.images.labels, range(len(self.classes)), random)
        drawn, rest = [], []
        for k, index in enumerate(shuffled):
            left = len(index) - shots if self.test is None else int((self.test.labels == k).sum())
            if left < MIN_TEST_IMAGES or len(index) < shots:
                raise ValueError(
                    f"{self.name}: {shots} shots leave {left} test images of {self.classes[k]!r}"
                )
            drawn.append(index[:shots])
            rest.append(index[shots:])
        test = self.images[torch.cat(rest)] if self.test is None else self.test
        return Task(
            self.name,
            self.classes,
            self.images[torch.cat(drawn)],
            test,
            shots,
            seed,
            lambda n, s: self.task(n, s).train,
        )


def _read_photo_pools(folder: Path, size: int) -> dict[str, _PhotoPool]:
    """The data sets by name, decoded.

    Raises:
        FileNotFoundError: If a file is not there.
    """
    found = {}
    with tempfile.TemporaryDirectory() as place:
        for name, (file, inside) in SETS.items():
            with zipfile.ZipFile(folder / file) as archive:
                archive.extractall(
                    Path(place) / file, [n for n in archive.namelist() if n.startswith(inside)]
                )
            found[name] = _PhotoPool(name, read_folder(Path(place) / file / inside, size))
    return found


def plan_real() -> Iterator[tuple[str, str, Strategy, int, int]]:
    """Data, start, strategy, shots, seed: what is cheap first, and all of a seed before the next."""
    for price in range(3):
        for seed in range(SEEDS):
            for start, about in STARTS.items():
                for strategy in FOUR:
                    price_of_run = 0 if strategy.convex else 1 if about.size == 64 else 2
                    known = strategy.start == "random" and start == "natural"  # as from "garden"
                    if price_of_run == price and not known:
                        for shots, data in itertools.product(SHOTS, SETS):
                            yield data, start, strategy, shots, seed


class RealTable:
    """The table while it is made: it keeps data sets, rates and known rows."""

    def __init__(self, folder: Path, runs_folder: Path, known: pd.DataFrame) -> None:
        """Nothing is read yet."""
        self.folder, self.runs_folder, self.known = folder, runs_folder, known
        self._pools: dict[int, dict[str, _PhotoPool]] = {}

    def pool(self, start: str, data: str) -> _PhotoPool:
        """A data set at the size of a start."""
        size = STARTS[start].size
        if size not in self._pools:
            self._pools[size] = _read_photo_pools(self.folder, size)
        return self._pools[size][data]

    def network(self, start: str, classes: int) -> Network:
        """A fresh network."""
        about = STARTS[start]
        file = self.folder / about.weights
        return backbone(
            about.backbone, classes=classes, weights=file if file.is_file() else about.weights
        )

    def rate(self, start: str, strategy: Strategy) -> float | None:
        """Tuned once for each strategy and start, within 20 shots of PACS's photographs."""
        if strategy.convex:
            return None
        if len(self.known):  # so that one table has one rate
            same = self.known[(self.known.start == start) & (self.known.strategy == strategy.name)]
            if len(same):
                return float(same.rate.iloc[0])
        pool = self.pool(start, SHIFT[0])

        def measure() -> dict[str, float]:
            task = pool.task(TUNING_SHOTS, TUNING_SEED)
            fresh = partial(self.network, start, len(pool.classes))
            found = tune_rate(strategy, task, fresh, 0, EPOCHS)
            return {"rate": found.peak_rate, "test_accuracy": float("nan")}  # nothing was tested

        run = {"start": start, "strategy": strategy.name, "epochs": EPOCHS}
        path = self.runs_folder / f"rate-{start}-{strategy.name}.json"
        return resumable_row(path, run | {"rates": list(CANDIDATE_RATES)}, measure)["rate"]

    def row(self, data: str, start: str, strategy: Strategy, shots: int, seed: int) -> dict:
        """One training, tested once."""
        run = dict(zip(KEY, (data, start, strategy.name, shots, seed), strict=True))
        if len(self.known):
            same = self.known[(self.known[KEY] == pd.Series(run)).all(axis=1)]
            if len(same):
                return same.iloc[0].to_dict()
        rate = self.rate(start, strategy)
        task = self.pool(start, data).task(shots, seed)

        def measure() -> dict[str, float]:
            network = self.network(start, len(task.classes))
            way = replace(strategy, rate=rate)
            records = list(fit(network, task, way, seed=seed, epochs=EPOCHS))
            labels, guesses = _answer(network, task.test)
            found = {
                "test_accuracy": accuracy(labels, guesses),
                "test_images": len(labels),
                "chance": task.chance,
                "balanced_accuracy": balanced_accuracy(labels, guesses),
                "seconds": round(sum(record.seconds for record in records), 1),
            }
            if data == SHIFT[0]:
                shifted = _answer(network, self.pool(start, SHIFT[1]).images)
                found["shifted_accuracy"] = accuracy(*shifted)
            return found

        path = self.runs_folder / f"{'-'.join(map(str, run.values()))}.json"
        return resumable_row(path, run | {"rate": rate, "epochs": EPOCHS}, measure)


def _answer(network: Network, images: Images) -> tuple[list[int], list[int]]:
    """The labels of images, and the classes that a network names."""
    return images.labels.tolist(), predict(network, images.pixels).argmax(1).tolist()


def measure_real_rows(table: RealTable, say: Callable[[str], None] = print) -> Iterator[dict]:
    """Every run; stops without an error at Ctrl-C, so that what is there can be kept."""
    try:
        for run in plan_real():
            yield table.row(*run)
    except KeyboardInterrupt:
        say("stopped; the table has the runs so far")


def main() -> None:
    """Measure and write the table."""
    parser = table_parser("real", __doc__)
    parser.add_argument("folder", type=Path, help="with the zips and weights/")
    parser.add_argument("--anew", action="store_true", help="take no row from the committed table")
    given = parser.parse_args()
    torch.set_num_threads(THREADS)
    committed = find_shipped_files("results") / "real.csv"
    known = pd.DataFrame() if given.anew or not committed.exists() else real_table()
    table = pd.DataFrame(measure_real_rows(RealTable(given.folder, given.runs, known)))
    if len(known):  # after Ctrl-C: rows that were known and not reached stay
        table = pd.concat([table, known]).drop_duplicates(KEY, ignore_index=True)
    write_rounded_table(table, "real")
    print(f"{sum(1 for _ in plan_real())} rows are planned")


if __name__ == "__main__":
    main()
