from dataclasses import replace

import pytest
import traitlets

from vtlab.training.costs import calibrate_costs, cost_table
from vtlab.training.fit import fit
from vtlab.training.strategies import partial, surgical
from vtlab.widgets import freeze as freeze
from vtlab.widgets.freeze import FreezePanel
from vtlab.widgets.train import TrainPanel


@pytest.fixture
def panel(network, toy):
    made = FreezePanel(network, toy, stages=("stage4",), epochs=1)
    yield made
    made.close()
    made._worker.stop()


def test_costs_are_those_of_the_plain_function(panel, network):
    plain = cost_table(network, ("stage4", "head"), image_size=16, batch=partial().batch_size)
    assert panel.costs().equals(plain)
    panel.controls["stages"].boxes["stage3"].value = True
    assert panel.costs().learn.sum() > plain.learn.sum()
    assert f"{panel.costs().learn.sum():,} of" in panel.describe()


def test_after_training_what_was_frozen_has_not_moved_a_bit(panel, network):
    before = {name: value.clone() for name, value in network.state_dict().items()}
    panel.buttons["train"].click()
    panel.wait()
    assert (panel.movement.loc[["stem", "stage1", "stage2", "stage3"]] == 0).all(axis=None)
    assert (panel.movement.loc["stage4"] > 0).all() and panel.movement.weights["head"] > 0
    assert "moved in: stem, stage1, stage2, stage3." in panel.status.words
    assert all(value.equal(before[name]) for name, value in network.state_dict().items())
    assert "seconds" in panel.costs()


def test_other_ticks_take_back_what_was_measured(panel):
    panel.train()
    panel.wait()
    panel.stages = ()
    assert panel.movement is None and "Moved" not in panel.describe()
    panel.train()
    panel.wait()
    assert panel.movement.weights["stage4"] == 0 and panel.movement.weights["head"] > 0


def test_ticks_during_a_training_are_said_and_what_moved_is_not_shown(panel, monkeypatch):
    def ticked(*given, **more):
        panel.stages = ("stage3",)
        return fit(*given, **more)

    monkeypatch.setattr(freeze, "fit", ticked)
    panel.train()
    panel.wait()
    assert panel.movement is None and panel.trained_network is None
    assert panel.status.words.startswith("Other stages were ticked meanwhile")


def test_a_measurement_says_so_also_after_a_training(panel):
    panel.train()
    panel.wait()
    panel.measure()
    panel.wait()
    assert panel.status.words == "Measured." and "Moved" in panel.describe()


def test_a_training_that_was_stopped_before_it_began_says_so(panel, monkeypatch):
    def stopped(*given, **more):
        panel.stop()
        return calibrate_costs(*given, **more)

    monkeypatch.setattr(freeze, "calibrate_costs", stopped)
    panel.train()
    panel.wait()
    assert panel.trained_network is None and panel.movement is None
    assert panel.status.words == "Stopped before the first step: nothing was trained."


def test_an_error_is_shown_and_raised(network, toy):
    wrong = FreezePanel(network)  # three outputs, and the garden has eight classes
    wrong.train()
    with pytest.raises(ValueError, match="3 outputs"):
        wrong.wait()
    assert "3 outputs" in wrong.status.words
    wrong.close()


def test_an_unknown_stage_is_refused(network):
    with pytest.raises(traitlets.TraitError, match="tiny has no stage 'stage9'"):
        FreezePanel(network, stages=("stage9",))


@pytest.mark.parametrize(
    "panel_of", [FreezePanel, lambda network, **more: TrainPanel(network=network, **more)]
)
def test_panels_tick_whole_stages_and_say_so_where_a_module_inside_one_is_meant(network, panel_of):
    words = r"no stage 'stage4.0'; a module inside one is trained by vt.surgical, and whole stages are stem"
    with pytest.raises(traitlets.TraitError, match=words):
        panel_of(network, stages=("stage4.0",))
    plain = panel_of(network)
    assert "vt.surgical" not in plain.status.words
    surgical("stage4.0", "stage2").freeze(network)
    part = panel_of(network)
    assert "stage4.0, which learns now, is inside one: vt.surgical trains it" in part.status.words
    for made in (plain, part):
        made.close()


def slower(speed):
    forward, backward = (
        {k: 10 * v for k, v in part.items()} for part in (speed.forward, speed.backward)
    )
    return replace(speed, forward=forward, backward=backward, update=10 * speed.update)


def test_another_measurement_changes_the_seconds(panel, monkeypatch):
    panel.buttons["measure"].click()
    panel.wait()
    first = panel.costs().seconds.sum()
    slow = slower(panel._measured[0])
    monkeypatch.setattr(freeze, "calibrate_costs", lambda *given, **more: slow)
    panel.buttons["measure"].click()
    panel.wait()
    assert panel.costs().seconds.sum() > 2 * first


def test_costs_that_a_measurement_overtakes_are_not_kept(panel, network, monkeypatch):
    real = calibrate_costs(network, image_size=16, repeats=1)
    speeds = iter((real, slower(real)))
    monkeypatch.setattr(freeze, "calibrate_costs", lambda *given, **more: next(speeds))
    monkeypatch.setattr(panel, "refresh", lambda: None)  # it would ask for the costs before we do
    panel.measure()
    panel.wait()

    def overtaken(*given, **more):
        monkeypatch.setattr(freeze, "cost_table", cost_table)
        panel.measure()
        panel.wait()
        return cost_table(*given, **more)

    monkeypatch.setattr(freeze, "cost_table", overtaken)
    first = panel.costs().seconds.sum()
    assert panel.costs().seconds.sum() > 2 * first
