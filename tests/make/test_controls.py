from dataclasses import replace
from pathlib import Path

import controls

from vtlab.course.tables import controls_table


def test_the_committed_table_has_every_planned_run():
    planned = [tuple(run.values()) for run, _ in controls.plan_controls(Path())]
    table = controls_table()
    assert [*table[["data", "way", "shots", "seed"]].itertuples(index=False, name=None)] == planned
    assert table.test_accuracy.between(0, 1).all()
    assert table[table.way == "pixels"].train_accuracy.isna().all()


def test_random_features_are_those_of_the_seed(toy):
    few = replace(toy, test=toy.train)
    one, again, other = (controls.measure_random(few, seed)["test_accuracy"] for seed in (0, 0, 1))
    assert one == again and 0 <= other <= 1


def test_the_patient_training_has_as_many_epochs_as_from_scratch(toy, monkeypatch):
    called = {}

    def train(network, task, strategy, seed, *, epochs):
        called.update(origin=network.origin, rate=strategy.rate, epochs=epochs)
        return {"test_accuracy": 0.5}

    monkeypatch.setattr(controls, "train_and_test", train)
    controls.measure_patient(toy, 0)
    assert called == {"origin": called["origin"], "rate": 1e-2, "epochs": 120}
    assert "natural" in called["origin"]
