import degradation
import pytest
from resumable_table import fill_table


def test_a_stack_learns_digits_and_every_epoch_is_kept(monkeypatch):
    monkeypatch.setattr(degradation, "TRAINING", 128)
    monkeypatch.setattr(degradation, "EPOCHS", 2)
    found = degradation.train(shortcuts=True, layers=3, rate=0.03, seed=0)
    assert found["epoch"] == [1, 2] and found["loss"][1] < found["loss"][0]
    assert all(len(found[name]) == 2 for name in degradation.PER_EPOCH)
    again = degradation.train(shortcuts=True, layers=3, rate=0.03, seed=0)
    assert again["loss"] == pytest.approx(found["loss"], rel=1e-4)


def test_every_kind_is_trained_at_the_rate_that_ended_lowest(monkeypatch, tmp_path):
    def train(shortcuts, layers, rate, seed):
        loss = abs(rate - (0.1 if layers == 7 else 0.01))
        return {
            "epoch": [1, 2],
            "loss": [1.0, loss],
            "train_error": [0.9, 0.1],
            "test_accuracy": 0.5,
        }

    monkeypatch.setattr(degradation, "train", train)
    table = degradation.measure_degradation(tmp_path)
    runs = table[table.seed < degradation.RATE_SEED]
    assert len(table) == 2 * (4 * len(degradation.RATES) + 4 * degradation.SEEDS)
    assert set(zip(runs.layers, runs.rate, strict=True)) == {(7, 0.1), (31, 0.01)}


def test_a_plan_has_a_row_for_each_run(monkeypatch, tmp_path):
    monkeypatch.setattr(degradation, "train", lambda **run: {"test_accuracy": run["rate"]})
    runs = [{"shortcuts": False, "layers": 6, "rate": rate, "seed": 0} for rate in (0.01, 0.1)]
    assert fill_table(degradation.plan(runs), tmp_path).test_accuracy.tolist() == [0.01, 0.1]
