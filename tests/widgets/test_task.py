from dataclasses import replace

import pytest
import torch
import traitlets

from vtlab import plots as plots
from vtlab.data.augment import Augment
from vtlab.garden.worlds import WORLDS
from vtlab.plots import export
from vtlab.widgets.task import TaskPanel


@pytest.fixture
def panel():
    made = TaskPanel()
    yield made
    made.close()


def test_it_shows_what_its_twin_shows_of_the_garden(panel, garden):
    images = garden.train.first_of_classes(range(8), 16)
    twin = plots.images(images.pixels, titles=[garden.classes[k] for k in images.labels])
    assert export.to_png(panel.figure()) == export.to_png(twin)
    assert panel.describe() == "16 training images of garden, all classes."


def test_the_words_are_those_of_the_controls_where_the_picture_was_drawn_before(panel):
    said = panel.describe()
    panel.augmented = True
    assert panel.describe().startswith("2 training images")
    panel.augmented = False
    assert panel.describe() == said


def test_a_dial_is_that_of_the_world(panel):
    panel.controls["style"].value = "night"
    panel.controls["weeds"].value = 0
    pixels, _, _ = WORLDS["garden"].turn(style="night", weeds=0).draw(2, 0)
    assert torch.equal(panel.images().pixels, pixels)
    assert "style night; weeds 0" in panel.describe()


def test_test_images_do_not_depend_on_the_seed(panel):
    panel.split = "test"
    first = panel.images().pixels
    panel.seed = 5
    assert torch.equal(panel.images().pixels, first)
    panel.split = "train"
    assert not torch.equal(panel.images().pixels, first)


def test_another_task_brings_its_classes_and_its_dials(panel):
    panel.shown = 3
    panel.controls["task"].value = "far"
    assert panel.shown == -1 and panel.similarity == WORLDS["far"].similarity
    assert [name for name, _ in panel.controls["shown"].options][1:] == list(WORLDS["far"].classes)
    panel.controls["shown"].value = 2
    assert set(panel.images().labels.tolist()) == {2}


def test_views_are_those_that_training_sees(panel):
    panel.augmented, panel.flip, panel.rotate = True, False, 30.0
    images = panel.images()
    view = Augment(flip=False, rotate=30.0).view(images.pixels, torch.arange(2), 0, 1)
    assert panel.augment == Augment(flip=False, rotate=30.0)
    assert not torch.equal(view, images.pixels) and "rotate 30" in panel.describe()


def test_every_kind_of_augmentation_has_its_control(panel):
    panel.augmented = True
    for name, value in {"turn": True, "hue": 0.2, "erase": 0.3}.items():
        panel.controls[name].value = value
    assert panel.augment == Augment(turn=True, hue=0.2, erase=0.3)
    assert {"flip", "shift", "crop", "rotate", "light", "noise"} <= panel.controls.keys()
    assert "turn 1, hue 0.2, erase 0.3" in panel.describe()


def test_a_task_of_ones_own_has_no_dials(toy):
    panel = TaskPanel(toy)
    assert "style" not in panel.controls and len(panel.images()) == 12
    with pytest.raises(ValueError, match="toy is no garden task"):
        panel.world  # noqa: B018
    panel.close()


@pytest.mark.parametrize("wrong", [{"task": "petals"}, {"shown": 8}, {"style": "baroque"}])
def test_what_does_not_exist_is_refused(wrong):
    with pytest.raises((ValueError, traitlets.TraitError), match=str(next(iter(wrong.values())))):
        TaskPanel(**wrong)


def test_a_given_task_is_shown_as_it_is(garden):
    given = garden.at(2, seed=3)
    panel = TaskPanel(given)
    assert panel.seed == 3 and "style" in panel.controls
    panel.close()
    turned = replace(given, train=replace(given.train, pixels=given.train.pixels.flip(3)))
    panel = TaskPanel(turned)
    assert torch.equal(panel.images().pixels[0], turned.train.pixels[0])
    panel.close()
