from dataclasses import replace

import drift
import pytest
from resumable_table import fill_table

from vtlab.course.lesson_07 import drift_table
from vtlab.results.metrics import paired_difference
from vtlab.training.strategies import full, probe


def test_a_probe_forgets_nothing_and_moves_nothing(small_garden, old_task):
    found = drift.measure_drift(probe, small_garden, old_task, seed=0)
    assert (
        found["old_accuracy"]
        == found["old_refit"]
        == old_task.accuracy(old_task.start, old_task.head)
        > 0.5
    )
    stages = ("stem", "stage1", "stage2", "stage3", "stage4")
    assert all(found[f"moved_{stage}"] == 0 for stage in stages)
    assert all(found[f"cka_{stage}"] == pytest.approx(1) for stage in stages)


def test_a_rate_far_too_large_moves_far_and_forgets(small_garden, old_task):
    found = drift.measure_drift(replace(full, rate=0.03), small_garden, old_task, seed=0)
    assert found["moved_stage4"] > 0.2 and found["cka_stage4"] < 0.7
    assert found["old_accuracy"] < old_task.accuracy(old_task.start, old_task.head) - 0.3


def test_finished_runs_are_read_and_not_trained_again(
    small_garden, old_task, tmp_path, monkeypatch
):
    monkeypatch.setattr(drift, "make_task", lambda *name, **more: small_garden)  # nothing is drawn
    monkeypatch.setattr(drift.OldTask, "make", lambda: old_task)
    monkeypatch.setattr(drift, "WAYS", {"probe": (probe,)})
    monkeypatch.setattr(drift, "SEEDS", 2)
    monkeypatch.setattr(drift, "measure_drift", lambda *given, **more: {"test_accuracy": 0.5})
    first = fill_table(drift.plan_drift(), tmp_path)
    monkeypatch.setattr(drift, "measure_drift", lambda *given, **more: pytest.fail("trained twice"))
    assert fill_table(drift.plan_drift(), tmp_path).equals(first) and list(first.seed) == [0, 1]


def test_the_committed_table_is_whole_and_paired():
    table = drift_table()
    wanted = sum(len(ways) for ways in drift.WAYS.values())
    assert (
        len(table) == wanted * drift.SEEDS and not table.duplicated(["way", "rate", "seed"]).any()
    )
    assert (
        table[table.way == "probe"].old_accuracy == table[table.way == "probe"].old_before
    ).all()
    rows = table[table.way == "full"].sort_values("seed")
    small_garden, large = (rows[rows.rate == rate].old_accuracy.to_numpy() for rate in (1e-5, 3e-2))
    assert paired_difference(small_garden, large).low > 0  # the larger rate forgets more
