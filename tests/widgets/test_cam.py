import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
import traitlets
from matplotlib.text import Text

from vtlab.analysis.cams import explain
from vtlab.analysis.scores import cam_scores
from vtlab.widgets.cam import CamPanel


@pytest.fixture
def masked(toy):
    masks = torch.zeros(30, 16, 16, dtype=torch.bool)
    masks[:, 3:9, 5:12] = True
    return replace(toy, test=replace(toy.test, masks=masks))


@pytest.fixture
def panel(network, masked):
    later = copy.deepcopy(network)
    with torch.no_grad():
        later.head.weight.mul_(-2)
    made = CamPanel({"full": [network, later], "probe": network}, masked)
    yield made
    made.close()


def test_a_map_is_that_of_the_plain_function(panel, network, masked):
    panel.epoch, panel.image, panel.stage, panel.target = 0, 4, "stage2", "blue"
    plain = explain(network, masked.test.pixels[4:5], stage="stage2", targets=2)
    assert np.array_equal(panel.explanations()["full"].map, plain[0].numpy())
    scores = cam_scores(plain, masked.test.masks[4:5]).iloc[0]
    assert np.allclose(panel.scores().loc["full"].to_numpy(dtype=float), scores)


@pytest.mark.parametrize(
    ("method", "target", "words"),
    [
        ("grad_cam", "predicted", "evidence for the predicted class (Grad-CAM)"),
        ("guided_backprop", "true", "evidence for the true class (Guided backprop)"),
        ("layer_cam", "blue", "evidence for blue (LayerCAM)"),
    ],
)
def test_the_colour_bar_names_the_method_and_whose_evidence_it_is(panel, method, target, words):
    panel.method, panel.target = method, target
    texts = [text.get_text() for text in panel.figure().findobj(Text)]
    assert any(words.lower() in text.lower() for text in texts)


def test_classes_that_are_called_like_targets_are_told_from_them(network, toy):
    panel = CamPanel(
        {"full": network}, replace(toy, classes=("true", "blue", "predicted")), image=12
    )
    one = {"pixels": toy.test.pixels[12:13], "labels": toy.test.labels[12:13], "say": [].append}
    for target, targets in {
        "true": "true",
        "predicted": "predicted",
        "class true": 0,
        "blue": 1,
        "class predicted": 2,
    }.items():
        panel.controls["target"].value = target
        assert np.array_equal(
            panel.explanations()["full"].map, explain(network, **one, targets=targets)[0].numpy()
        )
    panel.close()


def test_the_epoch_goes_by_box_and_by_button_and_stays_within_its_limits(panel):
    assert panel.epoch == panel.last_epoch == 1
    last = panel._picture.value
    panel.buttons["earlier"].click()
    assert panel.epoch == 0 == panel.controls["epoch"].value and panel._picture.value != last
    panel.buttons["earlier"].click()
    assert panel.epoch == 0
    panel.controls["epoch"].value = 1
    assert panel._picture.value == last


def test_a_picture_that_was_drawn_is_not_drawn_again(panel, monkeypatch):
    panel.epoch = 0
    panel.epoch = 1
    monkeypatch.setattr(CamPanel, "figure", None)
    panel.epoch = 0
    panel.epoch = 1


def test_words_table_and_picture_say_the_same(panel):
    panel.strategies = ("full",)
    assert "Full says" in panel.describe() and "Linear probe" not in panel.describe()
    assert panel.footer().count("<tr") == 2
    panel.strategies = ()
    assert "Pick at least one strategy" in panel._picture.value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("image", 30),
        ("epoch", 2),
        ("stage", "stage9"),
        ("method", "magic"),
        ("target", "pink"),
        ("strategies", ("none",)),
    ],
)
def test_what_does_not_exist_is_refused(panel, name, value):
    with pytest.raises(traitlets.TraitError, match=str(value).strip("(',)")):
        setattr(panel, name, value)


def test_without_masks_there_are_maps_and_no_scores(network, toy):
    panel = CamPanel({"full": network}, toy)
    assert not panel.mask and panel.footer() == "" and "object" not in panel.describe()
    with pytest.raises(ValueError, match="masks of toy are not known"):
        panel.scores()
    panel.close()
    with pytest.raises(ValueError, match="no network"):
        CamPanel({}, toy)


def test_empty_maps_are_spoken_of_above_the_picture_and_in_words(network, toy):
    twin = copy.deepcopy(network)
    torch.nn.init.zeros_(twin.head.weight)
    panel = CamPanel({"full": network, "probe": twin}, toy, target="red")
    empty = "Linear probe: Grad-CAM found no evidence for the class: the map is zero everywhere."
    assert empty in panel.caption() and panel.describe().endswith(empty)
    assert f"<p>{empty}</p>" in panel._picture.value
    panel.strategies = ("full",)
    assert "no evidence" not in panel._picture.value and panel.describe()[-1] == "."
    panel.close()
