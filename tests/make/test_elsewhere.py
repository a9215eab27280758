import elsewhere
from resumable_table import fill_table

from vtlab.course.lesson_07 import ELSEWHERE, elsewhere_table
from vtlab.training.strategies import probe


def test_a_run_is_tested_on_its_own_world_and_on_each_other_one(small_garden):
    found = elsewhere.measure_elsewhere(probe, {"here": small_garden.test}, small_garden, 0)
    assert found["here"] == found["test_accuracy"] > 0.5


def test_every_run_is_planned_once_and_in_the_committed_table(small_garden, tmp_path, monkeypatch):
    monkeypatch.setattr(elsewhere, "make_task", lambda *name, **more: small_garden)
    monkeypatch.setattr(elsewhere, "draw_elsewhere", dict)
    monkeypatch.setattr(
        elsewhere, "measure_elsewhere", lambda *given, **more: {"test_accuracy": 0.5}
    )
    runs = ["way", "rate", "seed"]
    planned, table = fill_table(elsewhere.plan_elsewhere(), tmp_path), elsewhere_table()
    assert not planned.duplicated(runs).any()
    assert planned[runs].values.tolist() == table[runs].values.tolist()
    assert set(ELSEWHERE) <= set(table)
