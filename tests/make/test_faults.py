import faults
import pytest
from resumable_table import fill_table


def test_every_combination_is_trained_with_its_own_faults_and_finished_runs_are_read(
    small_garden, tmp_path, monkeypatch
):
    monkeypatch.setattr(faults, "make_task", lambda *name, **more: small_garden)  # nothing is drawn
    monkeypatch.setattr(faults, "SEEDS", 1)
    monkeypatch.setattr(faults, "SHOTS", small_garden.shots)
    asked = []

    def train(task, seed, faults):
        asked.append((seed, *faults))
        return {"test_accuracy": 0.5}

    monkeypatch.setattr(faults, "train_head", train)
    table = fill_table(faults.plan_faults(), tmp_path)
    assert len(table) == 16 + 2 and len(set(asked)) == 16
    assert table[table.task == "digits"]["statistics move"].tolist() == [False, True]
    assert (0,) in asked and (0, *faults.FAULTS) in asked
    assert table[list(faults.FAULTS)].sum(axis=1).tolist() == [len(has) - 1 for has in asked]
    monkeypatch.setattr(faults, "train_head", lambda *given, **more: pytest.fail("trained twice"))
    assert fill_table(faults.plan_faults(), tmp_path).equals(table)
