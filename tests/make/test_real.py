import pandas as pd
import pytest
import real
import resumable_table
import torch
from real import RealTable, _PhotoPool

from vtlab.data.folders import ImageFolder
from vtlab.data.images import Images
from vtlab.training.strategies import full, probe, scratch


def pictures(each=30, side=16, seed=0):
    """Two classes, dark and light, with grain."""
    random = torch.Generator().manual_seed(seed)
    labels = torch.arange(2).repeat_interleave(each)
    grain = torch.randint(0, 100, (2 * each, 3, side, side), generator=random)
    pixels = (grain + 100 * labels[:, None, None, None]).to(torch.uint8)
    return Images(pixels, labels, None, tuple(f"{i}.png" for i in range(2 * each)))


def pool(name="photo", test=None):
    return _PhotoPool(name, ImageFolder(("dark", "light"), pictures(), test))


def test_the_shots_of_a_seed_are_nested_and_the_test_set_is_what_they_leave():
    made = pool()
    few, more = made.task(3, 1), made.task(8, 1)
    assert set(few.train.files) < set(
        more.train.files
    ) and few.train.labels.bincount().tolist() == [3, 3]
    for task in (few, more):
        assert not set(task.train.files) & set(task.test.files)
        assert len(task.train) + len(task.test) == 60
    assert set(made.task(3, 2).train.files) != set(few.train.files)


def test_twenty_test_images_a_class_are_kept():
    with pytest.raises(ValueError, match="photo: 11 shots leave 19 test images of 'dark'"):
        pool().task(11, 0)


def test_a_test_set_of_its_own_stays_as_it_is():
    made = pool(test=pictures(25, seed=9))
    assert len(made.task(28, 0).test) == 50
    with pytest.raises(ValueError, match="40 shots"):
        made.task(40, 0)


def test_what_is_cheap_comes_first_and_no_run_twice():
    runs = list(real.plan_real())
    keys = [
        (data, start, strategy.name, shots, seed) for data, start, strategy, shots, seed in runs
    ]
    assert len(set(keys)) == len(keys) == 3 * 3 * 5 * (4 + 3 + 4)
    price = [
        0 if strategy.convex else 1 + (start == "imagenet") for _, start, strategy, _, _ in runs
    ]
    assert price == sorted(price)


@pytest.fixture
def measurement(tmp_path, monkeypatch):
    made = RealTable(tmp_path, tmp_path / "runs", pd.DataFrame())
    made._pools[64] = {name: pool(name) for name in real.SETS}
    monkeypatch.setattr(real, "TUNING_SHOTS", 4)
    monkeypatch.setattr(real, "EPOCHS", 1)
    return made


def test_a_run_is_measured_once(measurement, monkeypatch):
    row = measurement.row("photo", "garden", probe, 5, 0)
    assert row["test_accuracy"] > 0.9 and row["test_images"] == 50 and row["chance"] == 0.5
    assert row["shifted_accuracy"] > 0.9 and row["rate"] is None
    monkeypatch.setattr(real, "fit", None)
    assert measurement.row("photo", "garden", probe, 5, 0) == row
    known = RealTable(measurement.folder, measurement.runs_folder / "other", pd.DataFrame([row]))
    assert known.row("photo", "garden", probe, 5, 0)["test_accuracy"] == row["test_accuracy"]


def test_the_rate_is_tuned_once_within_the_shots(measurement, monkeypatch):
    tune_rate, asked = real.tune_rate, []

    def counted(strategy, task, *rest):
        asked.append((strategy.name, task.shots, task.seed))
        return tune_rate(strategy, task, *rest)

    monkeypatch.setattr(real, "tune_rate", counted)
    rates = {measurement.row(data, "garden", scratch, 2, 0)["rate"] for data in ("photo", "sketch")}
    assert asked == [("scratch", 4, 100)] and rates <= set(real.CANDIDATE_RATES)
    measurement.rate("garden", full)
    assert asked[-1][0] == "full"
    known = pd.DataFrame([{"start": "garden", "strategy": "full", "rate": 0.002}])
    again = RealTable(measurement.folder, measurement.runs_folder / "other", known)
    assert again.rate("garden", full) == 0.002 and len(asked) == 2


def test_ctrl_c_keeps_what_is_there(measurement, monkeypatch, capsys):
    def row(*run):
        if run[3] == 20:
            raise KeyboardInterrupt
        return {"shots": run[3]}

    monkeypatch.setattr(measurement, "row", row)
    assert list(real.measure_real_rows(measurement)) == [{"shots": 5}] * 3
    assert "stopped" in capsys.readouterr().out


def test_ctrl_c_takes_no_known_row_from_the_table(tmp_path, monkeypatch):
    known = [
        {
            "data": "photo",
            "start": "garden",
            "strategy": name,
            "shots": 5,
            "seed": 0,
            "rate": 0.001,
            "test_accuracy": 0.5,
        }
        for name in ("probe", "full")
    ]
    pd.DataFrame(known).to_csv(tmp_path / "real.csv", index=False)
    for module in (real, resumable_table):
        monkeypatch.setattr(module, "find_shipped_files", lambda name: tmp_path)
    monkeypatch.setattr(real, "real_table", lambda: pd.DataFrame(known))
    monkeypatch.setattr(
        real, "measure_real_rows", lambda measurement: iter(known[:1])
    )  # and then Ctrl-C
    monkeypatch.setattr("sys.argv", ["real", str(tmp_path)])
    real.main()
    assert pd.read_csv(tmp_path / "real.csv").strategy.tolist() == ["probe", "full"]
