from functools import partial

import stopping
import torch

from vtlab.course.lesson_05 import stopping_table
from vtlab.data.tasks import Task
from vtlab.training.fit import fit
from vtlab.training.strategies import full


def test_a_training_is_looked_at_and_stopped_where_the_images_held_back_are_best(
    garden, monkeypatch
):
    tests = garden.test[torch.arange(0, 1200, 50)]
    task = Task(garden.name, garden.classes, garden.at(2, 0).train, tests, 2, 0, garden.draw)
    monkeypatch.setattr(stopping, "LOOK_TESTS", 8)
    monkeypatch.setattr(stopping, "fit", partial(fit, epochs=6))
    found = stopping.measure(full, task, 0)
    assert found["epoch"] == [3, 6]
    assert all(len(found[name]) == 2 for name in stopping.LOOKS)
    if found["val"][1] > found["val"][0]:
        assert found["stopped_accuracy"] == found["test_accuracy"]


def test_the_committed_table_has_every_look_of_every_run():
    table = stopping_table()
    last = table.groupby(["strategy", "seed"]).epoch.max()
    assert set(table.strategy) == {"scratch", "full"}
    assert (table.epoch % stopping.LOOK_EVERY == 0).all()
    assert (table.groupby(["strategy", "seed"]).size() == last / stopping.LOOK_EVERY).all()
    assert table[["train", "val", "test"]].apply(lambda column: column.between(0, 1).all()).all()
