import repairs
from resumable_table import fill_table

from vtlab.course.lesson_06 import repairs_table


def test_the_plan_is_what_the_table_holds(tmp_path, monkeypatch):
    monkeypatch.setattr(repairs, "measure_run", lambda *run: {"test_accuracy": 0.5})
    planned = fill_table(repairs.plan_repairs(), tmp_path)
    runs = ["shift", "part", "rate", "seed"]
    held = repairs_table()
    assert planned[runs].fillna(0).to_numpy().tolist() == held[runs].fillna(0).to_numpy().tolist()


def test_what_takes_steps_has_its_rates_and_what_takes_none_has_one_run():
    arms = list(repairs.list_arms("noise"))
    assert arms.count(("head", None)) == arms.count(("statistics", None)) == 1
    assert [rate for part, rate in arms if part == "stage3"] == list(repairs.RATES)
    assert not any(part == "head by steps" for part, _ in arms)
