"""Groups of images, such as those of a patient, through a study and a race."""

from dataclasses import replace

import pandas
import pytest
import torch
from images_made_up import grainy, saved

from vtlab.cli.options import build_parser
from vtlab.data.splits import stratified_split
from vtlab.data.tasks import task
from vtlab.results.metrics import Interval
from vtlab.study.recommend import HELD_BACK_SHARE, RecommendationRace, _describe_groups
from vtlab.study.recommendation import Recommendation
from vtlab.study.run import Runner
from vtlab.study.setting import Setting
from vtlab.training.strategies import full, probe


@pytest.fixture
def folder(tmp_path):
    """Two classes of eight patients with three images each: `a/p03_1.png`."""
    for patient in range(16):
        for i in range(3):
            path = tmp_path / "photos" / "ab"[patient % 2] / f"p{patient:02}_{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(saved(grainy(3 * patient + i)))
    return tmp_path / "photos"


def test_a_study_reads_the_groups_that_its_setting_asks_for(folder):
    setting = Setting(task=str(folder), backbone="mini_resnet", image_size=32)
    plain, grouped = (Runner.build(one) for one in (setting, replace(setting, group="name")))
    assert plain.task.train.groups == ()
    sides = [{*part.groups} for part in (grouped.task.train, grouped.task.test)]
    assert not sides[0] & sides[1] and len(sides[0] | sides[1]) == 16
    assert any("16 beginnings of files' names" in note for note in plain.task.notes)
    assert "group" not in plain.fingerprint() and grouped.fingerprint()["group"] == "name"


def test_the_splits_of_a_race_divide_no_group_and_that_is_said(folder):
    made = task(folder, shots="all", image_size=32, group="name")
    for seed in range(3):
        kept, held = stratified_split(
            made.train.labels, HELD_BACK_SHARE, seed, made.classes, made.train.groups
        )
        groups = made.train.groups
        assert not {groups[i] for i in kept.tolist()} & {groups[i] for i in held.tolist()}
        assert {*made.train.labels[held].tolist()} == {0, 1}
    assert [line[:26] for line in _describe_groups(made)] == ["whole groups are held back"]
    assert _describe_groups(task(folder, shots="all", image_size=32, group="none")) == []
    first = made.train.groups[int((made.train.labels == 0).nonzero()[0, 0])]
    alone = made.train[
        torch.tensor(
            [
                k == 1 or g == first
                for k, g in zip(made.train.labels, made.train.groups, strict=True)
            ]
        ).nonzero()[:, 0]
    ]
    lines = _describe_groups(replace(made, train=alone))
    assert lines[1] == "all images of 'a' are of one group: none of them is ever held back"


@pytest.mark.parametrize("command", ["compare", "recommend"])
def test_the_command_takes_groups(command):
    given = build_parser().parse_args([command, "photos", "--group", "name"])
    assert given.group == "name"
    assert build_parser().parse_args([command, "photos"]).group is None


def test_groups_of_what_has_no_files_are_refused():
    with pytest.raises(ValueError, match="garden has no files.*group 'auto'"):
        task("garden", group="auto")


def test_where_a_class_is_of_two_groups_a_race_says_that_no_recipe_could_be_tried(folder):
    made = task(folder, shots="all", image_size=32, group="name")
    names = [group for group, k in zip(made.train.groups, made.train.labels, strict=True) if k == 0]
    two = list(dict.fromkeys(names))[:2]
    some = [
        i
        for i, (group, k) in enumerate(zip(made.train.groups, made.train.labels, strict=True))
        if k == 1 or group in two
    ]
    few = replace(made, train=made.train[torch.tensor(some)], draw=None)
    setting = Setting(backbone="mini_resnet", image_size=32, epochs=1)
    for given, recipe, words in (
        (few, "chosen", "in 3 of 3 splits a class has one group to learn from and none to try"),
        (few, "committed", ""),
        (made, "chosen", ""),
    ):
        race = RecommendationRace(given, 3600, replace(setting, recipe=recipe), 0, (probe, full), 3)
        race.plan(race.ways)
        assert race.describe_untried().startswith(words) and bool(words) == bool(
            race.describe_untried()
        )


def test_a_recommendation_does_not_say_that_a_recipe_was_chosen_where_none_was_tried(folder):
    made = task(folder, shots="all", image_size=32, group="name")
    first = made.train.groups[0]
    one = [k == 1 or g == first for k, g in zip(made.train.labels, made.train.groups, strict=True)]
    alone = replace(made, train=made.train[torch.tensor(one).nonzero()[:, 0]], draw=None)
    row = {"way": "full", "rate": None, "splits": 3, "seconds": 1.0, "under_trained": 0}
    table = pandas.DataFrame([row | {"behind_low": 0.0}])
    for given, words in ((made, "Its recipe was chosen within"), (alone, "No recipe was tried")):
        found = Recommendation(
            full,
            full,
            table,
            0.5,
            Interval(0, 0, 0, 3, 0),
            {},
            (3, 1),
            0,
            given,
            Setting(),
            False,
            1.0,
        )
        assert sum(words in line for line in found.caveats) == 1
        assert sum("recipe was" in line for line in found.caveats) == 1
