import pytest

from vtlab.course import lesson_02 as lesson_02_
from vtlab.results import labels as names


def test_committed_accuracies_lie_inside_their_intervals_and_above_chance():
    table = lesson_02_.zoo_table().set_index("backbone")
    for key in (column.removesuffix("_low") for column in table if column.endswith("_low")):
        there = table[table[key].notna()]
        assert tuple(there.index) == lesson_02_.ZOO
        assert (there[f"{key}_low"] <= there[key]).all()
        assert (there[key] <= there[f"{key}_high"]).all()
        assert (there[f"{key}_low"] > 0.125).all()


def test_every_log_ends_where_the_recipe_does_and_at_the_tables_accuracy():
    curves, table = lesson_02_.zoo_curves(), lesson_02_.zoo_table().set_index("backbone")
    assert tuple(curves.backbone.unique()) == lesson_02_.ZOO
    for name, log in curves.groupby("backbone"):
        assert log.images.iloc[-1] == 200_000 // 128 * 128
        assert log.test_accuracy.iloc[-1] == pytest.approx(table.loc[name].pretraining_accuracy)
        assert log.loss.iloc[-1] < log.loss.iloc[0]


def test_every_backbone_of_the_zoo_has_a_label_and_a_colour_of_its_own():
    assert set(lesson_02_.ZOO) <= set(names.BACKBONES)
    everything = [*names.BACKBONES.values(), *names.STRATEGIES.values()]
    assert len({label.colour for label in everything}) == len(everything)
    assert names.get_label("mini_vgg").text == "mini VGG"
