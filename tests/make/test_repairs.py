import pytest
import repairs
from resumable_table import fill_table

from vtlab.course.lesson_06 import REPAIR_COLOURS, depth_table, repairs_table


def test_the_plan_is_what_the_table_holds(tmp_path, monkeypatch):
    monkeypatch.setattr(repairs, "measure_repair", lambda *run: {"test_accuracy": 0.5})
    planned = fill_table(repairs.plan_repairs(), tmp_path)
    runs = ["shift", "part", "rate", "seed"]
    held = repairs_table()
    assert planned[runs].to_numpy().tolist() == held[runs].to_numpy().tolist()
    assert {*planned.part} == {*REPAIR_COLOURS}


def test_at_the_rate_of_the_other_table_parts_do_what_they_did_there():
    ours = repairs_table()
    ours = ours[ours.rate == repairs.RATE].groupby("part").test_accuracy.mean()
    theirs = depth_table()
    theirs = theirs[(theirs.part == "shift") & (theirs.target == "names")]
    theirs = theirs.groupby("way").test_accuracy.mean()
    for part in ours.index:
        assert ours[part] == pytest.approx(theirs[part], abs=0.03)
