from dataclasses import replace

import pytest
import traitlets

from vtlab.costs import cost_table
from vtlab.widgets import FreezePanel


@pytest.fixture
def panel(network, toy):
    made = FreezePanel(network, toy, stages=("stage4",), epochs=1)
    yield made
    made.close()
    made._worker.stop()


def test_costs_are_those_of_the_plain_function(panel, network):
    plain = cost_table(network, ("stage4", "head"), image_size=16)
    assert panel.costs().equals(plain)
    panel.controls["stages"].boxes["stage3"].value = True
    assert panel.costs().learn.sum() > plain.learn.sum()
    assert f"{panel.costs().learn.sum():,} of" in panel.describe()


def test_after_training_what_was_frozen_has_not_moved_a_bit(panel, network):
    before = {name: value.clone() for name, value in network.state_dict().items()}
    panel.buttons["train"].click()
    panel.wait()
    assert (panel.moved.loc[["stem", "stage1", "stage2", "stage3"]] == 0).all(axis=None)
    assert (panel.moved.loc["stage4"] > 0).all() and panel.moved.weights["head"] > 0
    assert "moved in: stem, stage1, stage2, stage3." in panel.status.words
    assert all(value.equal(before[name]) for name, value in network.state_dict().items())
    assert "seconds" in panel.costs()


def test_other_ticks_take_back_what_was_measured(panel):
    panel.train()
    panel.wait()
    panel.stages = ()
    assert panel.moved is None and "Moved" not in panel.describe()
    panel.train()
    panel.wait()
    assert panel.moved.weights["stage4"] == 0 and panel.moved.weights["head"] > 0


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


def test_another_measurement_changes_the_seconds(panel, monkeypatch):
    panel.buttons["measure"].click()
    panel.wait()
    first = panel.costs().seconds.sum()
    real = panel._speed
    slow = replace(real, forward={name: 10 * s for name, s in real.forward.items()})
    monkeypatch.setattr("vtlab.widgets.freeze.calibrate", lambda *args, **kwargs: slow)
    panel.buttons["measure"].click()
    panel.wait()
    assert panel.costs().seconds.sum() > 2 * first
