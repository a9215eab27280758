import gentle
from resumable_table import fill_table

from vtlab.course.lesson_07 import SCHEDULES, gentle_table


def test_a_loop_is_measured_on_both_tasks(small_garden, old_task):
    found = gentle.measure_loop({"rate": 1e-5}, old_task, small_garden, 0)
    assert set(found) == {"train_accuracy", "test_accuracy", "old_accuracy"}
    assert 0 <= found["test_accuracy"] <= 1 and found["old_accuracy"] > 0.5  # it has hardly moved


def test_every_run_is_planned_once(small_garden, old_task, tmp_path, monkeypatch):
    monkeypatch.setattr(gentle, "make_task", lambda *name, **more: small_garden)
    monkeypatch.setattr(gentle.OldTask, "make", lambda: old_task)
    for measure in ("measure_fit", "measure_loop"):
        monkeypatch.setattr(gentle, measure, lambda *given, **more: {"test_accuracy": 0.5})
    runs = ["part", "way", "rate", "pull", "seed"]
    table = fill_table(gentle.plan_gentle(), tmp_path)
    assert not table.duplicated(runs).any()
    assert set(table[table.part == "schedule"].way) == set(SCHEDULES)
    planned = set(table[runs].itertuples(index=False, name=None))
    assert set(gentle_table()[runs].itertuples(index=False, name=None)) == planned
