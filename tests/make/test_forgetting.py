import csv
import io
import zipfile

import forgetting
import numpy as np
import torch
from PIL import Image
from resumable_table import fill_table


def write_sheets(path):
    """Two kinds, two tiles each: tile k of kind c is grey 40 c + 20 k."""
    with zipfile.ZipFile(path, "w") as archive:
        rows = io.StringIO()
        out = csv.writer(rows)
        out.writerow(["index", "wnid", "imagenet_index", "name"])
        for kind, place in enumerate((7, 900)):
            out.writerow([kind, f"n{kind}", place, "thing"])
            sheet = np.zeros((64, 128, 3), np.uint8)
            sheet[:, :64], sheet[:, 64:] = 40 * kind, 40 * kind + 20
            data = io.BytesIO()
            Image.fromarray(sheet).save(data, "png")
            for part in ("train", "val"):
                archive.writestr(f"{part}/n{kind}.jpg", data.getvalue())
        archive.writestr("classes.csv", rows.getvalue())


def test_a_tile_of_each_kind_is_read_with_its_place_among_the_names(tmp_path):
    write_sheets(tmp_path / "sheets.zip")
    tiles, labels = forgetting.read_tiles(tmp_path / "sheets.zip", "val", 1)
    assert tiles.shape == (2, 3, 64, 64) and labels.tolist() == [7, 900]
    assert tiles.flatten(1).float().mean(1).tolist() == [20, 60]


def test_batches_move_statistics_and_no_weight(tmp_path, monkeypatch):
    write_sheets(tmp_path / "sheets.zip")
    monkeypatch.setattr(forgetting, "BATCHES", 2)
    monkeypatch.setattr(forgetting, "BATCH", 2)
    seen = []
    monkeypatch.setattr(forgetting, "evaluate", lambda network, *tests: seen.append(network) or 0.5)
    tests = forgetting.read_tiles(tmp_path / "sheets.zip", "val", 0)
    noise = torch.randint(0, 256, (4, 3, 64, 64), dtype=torch.uint8)
    for pictures in (None, noise):
        forgetting.measure_forgetting(pictures, 64, 0, tests)
    before, after = (network.state_dict() for network in seen)
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved and all("running" in name or "num_batches" in name for name in moved)


def test_every_kind_and_size_is_measured_once(small_garden, tmp_path, monkeypatch):
    write_sheets(tmp_path / "sheets.zip")
    monkeypatch.setattr(forgetting, "make_task", lambda *name, **more: small_garden)
    monkeypatch.setattr(forgetting, "SEEDS", 2)
    monkeypatch.setattr(forgetting, "measure_forgetting", lambda *given: {"test_accuracy": 0.5})
    table = fill_table(forgetting.plan_forgetting(tmp_path / "sheets.zip"), tmp_path / "runs")
    assert len(table) == 1 + 2 * 2 * 2 and not table.duplicated().any()
