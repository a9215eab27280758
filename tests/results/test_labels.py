import re

import pytest
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D

from vtlab.results.labels import BACKBONES, STRATEGIES, get_label, rank_label


@pytest.mark.parametrize("labels", [STRATEGIES, BACKBONES], ids=["strategies", "backbones"])
def test_every_name_has_a_look_of_its_own(labels):
    for name, shown in labels.items():
        assert shown.name == name and re.fullmatch("#[0-9A-F]{6}", shown.colour)
        assert shown.marker in Line2D.markers
    for attribute in ("text", "colour", "marker"):
        assert len({getattr(shown, attribute) for shown in labels.values()}) == len(labels)


def test_no_backbone_has_the_mark_of_a_strategy():
    marks = [{shown.marker for shown in labels.values()} for labels in (STRATEGIES, BACKBONES)]
    assert marks[0].isdisjoint(marks[1])


def test_the_words_are_the_courses():
    words = [get_label(name).text for name in ("scratch", "probe", "partial", "full", "lp_ft")]
    assert words == ["From scratch", "Linear probe", "Partial", "Full", "LP-FT"]


@pytest.mark.parametrize("name", [*STRATEGIES, *BACKBONES])
def test_colours_are_legible_as_text_on_white(name):
    """Contrast of at least 3 to 1, what WCAG 2.2 asks of large text and of graphics."""
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in to_rgb(get_label(name).colour)
    ]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    assert 1.05 / (luminance + 0.05) >= 3


def test_a_strategy_with_a_setting_looks_like_its_kind():
    shown = get_label("partial(2)")
    assert (shown.name, shown.text) == ("partial(2)", "Partial (2)")
    assert shown.colour == get_label("partial").colour
    assert get_label("surgical(stage1)").text == "Surgical (stage1)"


def test_a_strategy_of_ones_own_is_shown_by_its_name():
    for name in ("mine", "mine(3)"):
        assert get_label(name).text == name
    assert get_label("mine").colour not in {shown.colour for shown in STRATEGIES.values()}


def test_strategies_sort_in_the_courses_order_and_others_come_last():
    mixed = ["mine", "full", "partial(2)", "scratch", "partial(1)", "probe"]
    assert sorted(mixed, key=rank_label) == [
        "scratch",
        "probe",
        "partial(1)",
        "partial(2)",
        "full",
        "mine",
    ]
