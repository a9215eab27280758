import json

import pandas as pd
import pytest
import real
import resumable_table
from photographs import PhotoPool
from real import RealRun, plan_real, read_real_table, real_row

from vtlab.training.strategies import probe, scratch


@pytest.fixture(scope="module")
def pools():
    """Every set is the same two classes, dark and light."""
    from make.test_photographs import pictures

    images = pictures(each=25, side=64)
    return {name: PhotoPool(name, ("dark", "light"), images) for name in real.SETS}


@pytest.fixture
def photographs(pools, monkeypatch):
    monkeypatch.setattr(real, "read_pools", lambda folder, size: pools)


def test_seed_by_seed_what_is_cheap_comes_first_and_no_run_twice():
    runs = list(plan_real())
    assert len(set(runs)) == len(runs) == 5 * 3 * 6 * (5 + 4 + 5)
    assert [run.seed for run in runs] == sorted(run.seed for run in runs)
    first = [run for run in runs if run.seed == 0]
    price = [
        (not run.strategy.convex, run.start == "efficientnet_lite0", run.shots) for run in first
    ]
    assert price == sorted(price)
    assert not [run for run in runs if run.start == "natural" and run.strategy == scratch]


def test_a_run_is_measured_once(photographs, tmp_path, monkeypatch):
    run = RealRun("photo", "garden", probe, 5, 0)
    row = real_row(tmp_path, tmp_path / "runs", run)
    assert row["test_accuracy"] > 0.9 and row["test_images"] == 40 and row["chance"] == 0.5
    assert row["shifted_accuracy"] > 0.9 and row["train_accuracy"] == 1.0
    assert row["rate"] is None and row["steps"] > 0 and not row["under_trained"]
    other = real_row(tmp_path, tmp_path / "runs", run._replace(data="hands"))
    assert "shifted_accuracy" not in other and other["test_accuracy"] == row["test_accuracy"]
    monkeypatch.setattr(real, "Runner", None)
    assert real_row(tmp_path, tmp_path / "runs", run) == row
    with pytest.raises(ValueError, match="of another run: recipe is 'chosen"):
        real_row(tmp_path, tmp_path / "runs", run, "plain")


def write_row(folder, data="photo", start="garden", strategy="probe", shots=5, seed=0, recipe="r"):
    row = {"data": data, "start": start, "strategy": strategy, "shots": shots, "seed": seed}
    folder.mkdir(exist_ok=True)
    path = folder / f"{'-'.join(map(str, row.values()))}.json"
    path.write_text(json.dumps(row | {"recipe": recipe, "test_accuracy": 0.5}))


def test_the_table_has_all_finished_runs_in_order(tmp_path):
    for given in ({"seed": 3}, {"start": "natural"}, {"data": "hands"}, {"shots": 20}, {}):
        write_row(tmp_path, **given)
    write_row(tmp_path, strategy="scratch", recipe="s")
    table = read_real_table(tmp_path)
    assert "recipe" not in table and table.strategy.tolist() == ["scratch", *["probe"] * 5]
    assert table.seed.tolist() == [0, 0, 3, 0, 0, 0]
    assert table.start.tolist() == [*["garden"] * 4, "natural", "garden"]
    assert table.data.tolist() == [*["photo"] * 5, "hands"]
    write_row(tmp_path, seed=4, recipe="other")
    with pytest.raises(ValueError, match="runs of probe by two recipes"):
        read_real_table(tmp_path)


def test_ctrl_c_writes_the_table_of_what_is_finished(tmp_path, monkeypatch, capsys):
    runs, asked = tmp_path / "real_again", []

    def row(folder, runs_folder, run, recipe):
        asked.append(run)
        if len(asked) == 3:
            raise KeyboardInterrupt
        write_row(runs_folder, run.data, run.start, run.strategy.name, run.shots, run.seed)

    monkeypatch.setattr(real, "real_row", row)
    monkeypatch.setattr(resumable_table, "find_shipped_files", lambda name: tmp_path)
    line = ["real", str(tmp_path), "--runs", str(runs), "--seeds", "100", "--data", "eurosat"]
    monkeypatch.setattr("sys.argv", line)
    real.main()
    assert "stopped" in capsys.readouterr().out
    assert {(run.data, run.seed) for run in asked} == {("eurosat", 100)}
    assert len(pd.read_csv(tmp_path / "real_again.csv")) == 2
