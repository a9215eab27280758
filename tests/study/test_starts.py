"""The table of starts, against the files it is read from."""

import pandas as pd
import pytest
import torch

import vtlab as vt
from vtlab.models.starts import list_starts
from vtlab.study.starts import format_starts, starts
from vtlab.system.files import find_shipped_files


def test_a_row_for_each_start_with_what_the_committed_table_says_of_it():
    table, real = starts(), pd.read_csv(find_shipped_files("results") / "real.csv")
    assert len(table) == len(list_starts())
    natural = table[table.weights == "natural"].iloc[0]
    for data in real.data.unique():
        rows = real[(real.start == "natural") & (real.data == data)]
        rows = rows[(rows.shots == 20) & (rows.strategy == "probe")]
        assert natural[data] == pytest.approx(rows.test_accuracy.mean())
    assert table[table.backbone == "mini_vgg"].iloc[0][list(real.data.unique())].isna().all()
    assert natural.weights_count == sum(
        w.numel() for w in vt.backbone("mini_resnet", weights=None).stages.parameters()
    )


def test_printed_it_names_every_start_and_what_empty_cells_mean():
    table = starts()
    shown = format_starts(table)
    assert all(row.trained_on in shown and row.origin in shown for row in table.itertuples())
    assert "nan" not in shown and "empty: not there" in shown


def test_published_weights_that_were_fetched_before_are_starts_too(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "squeezenet1_1-b8a52dc0.pth").write_bytes(bytes(10**5))
    row = starts().iloc[-1]
    assert (row.backbone, row.weights) == ("squeezenet1_1", "IMAGENET1K_V1")
    assert (row.megabytes, row.image_size) == (0.1, 224)
