"""The pictures of lesson 07, read back from their artists; its loop, its rates and its experiment."""

import itertools

import pandas as pd
import pytest
import torch
from matplotlib.colors import same_color
from tests_support import artist

from vtlab.course import lesson_07
from vtlab.course.exercise import check
from vtlab.course.lesson_07 import ACCURACIES, RatesByPart, fine_tune, list_rates, plot_drift
from vtlab.models.backbones import backbone
from vtlab.models.network import STAGE_NAMES
from vtlab.plots import style
from vtlab.training.strategies import full, plain


def drift():
    rows = []
    for rate, seed in itertools.product((1e-5, 1e-3, 1e-2), range(3)):
        row = {"way": "full", "rate": rate, "seed": seed, "old_before": 0.9}
        row |= {column: 0.5 + 10 * rate + seed / 100 for column in ACCURACIES}
        for i, stage in enumerate(STAGE_NAMES):
            row |= {f"moved_{stage}": rate * (i + 1), f"cka_{stage}": 1 - rate * i}
        rows.append(row)
    return pd.DataFrame(rows)


def test_drift_shows_means_over_the_seeds_for_every_stage():
    accuracies, moved, alike = plot_drift(drift()).axes
    for column in ACCURACIES:
        assert list(artist(accuracies, column).get_ydata()) == pytest.approx([0.5101, 0.52, 0.61])
    for ax in (accuracies, moved, alike):  # the least rate is within the picture
        assert ax.get_xscale() == "log" and 1e-6 < ax.get_xlim()[0] < 1e-5
    assert artist(accuracies, "old_before").get_ydata()[0] == 0.9
    for i, stage in enumerate(STAGE_NAMES):
        assert list(artist(moved, f"moved_{stage}").get_ydata()) == pytest.approx(
            [1e-5 * (i + 1), 1e-3 * (i + 1), 1e-2 * (i + 1)]
        )
        assert list(artist(alike, f"cka_{stage}").get_ydata()) == pytest.approx(
            [1 - 1e-5 * i, 1 - 1e-3 * i, 1 - 1e-2 * i]
        )
    for ax, count in ((accuracies, len(ACCURACIES)), (moved, len(STAGE_NAMES))):
        words = ax.get_legend().get_texts()
        assert len(words) == count
        assert all(same_color(text.get_color(), style.INK) for text in words)
    looks = {(line.get_color(), line.get_marker()) for line in moved.lines}
    assert len(looks) == len({marker for _, marker in looks}) == len(STAGE_NAMES)
    with pytest.raises(ValueError, match="no rows of 'probe'; there are full"):
        plot_drift(drift(), "probe")


def test_both_tasks_are_one_point_for_each_way():
    rows = [
        {"way": way, "rate": rate, "test_accuracy": 0.8 + seed / 100, "old_accuracy": 0.6}
        for (way, rate), seed in itertools.product(lesson_07.TRADES, range(3))
    ]
    ax = lesson_07.plot_trade(pd.DataFrame(rows)).axes[0]
    for words, *_ in lesson_07.TRADES.values():
        assert artist(ax, words).get_xydata()[0].tolist() == pytest.approx([0.81, 0.6])


def test_schedules_are_drawn_with_what_they_brought():
    rows = [
        {"part": "schedule", "way": way, "rate": rate, "test_accuracy": 0.5 + seed / 10}
        for way, rate, seed in itertools.product(lesson_07.SCHEDULES, (1e-3, 1e-2), range(3))
    ]
    shapes, small, large = lesson_07.plot_schedules(pd.DataFrame(rows)).axes
    for i, name in enumerate(lesson_07.SCHEDULES):
        for ax in (small, large):
            assert artist(ax, f"mean {name}").get_xydata()[0].tolist() == pytest.approx([0.6, i])
    both = artist(shapes, "shape warm-up and cosine").get_ydata()
    assert both[0] == pytest.approx(1 / 6) and max(both) == 1 and both[-1] < 0.01
    with pytest.raises(ValueError, match="schedule"):
        lesson_07.plot_schedules(pd.DataFrame({"part": ["pull"]}))


def test_a_pull_draws_weights_to_their_start_or_to_zero(small_garden):
    start = torch.cat([w.flatten() for w in backbone("mini_resnet").stages.parameters()])

    def weights(**how):
        network = fine_tune(small_garden, 0, 1e-4, **how)
        return torch.cat([w.detach().flatten() for w in network.stages.parameters()])

    free, tied, shrunk = weights(), weights(pull=1000.0), weights(pull=1000.0, to="zero")
    assert (tied - start).norm() < 0.5 * (free - start).norm()
    assert shrunk.norm() < 0.5 * start.norm()


def test_rates_by_part_are_those_of_a_stage_decay_or_of_its_controls():
    network = backbone("mini_resnet", weights=None)

    def rates(way):
        return RatesByPart(**vars(plain(full)), rates=list_rates(way, 1e-3)).peak_rates(network)

    decayed = full.__class__("full", rate=1e-3, stage_decay=0.5)
    assert rates("stage-wise") == pytest.approx(decayed.peak_rates(network))
    assert rates("reversed")["stem"] == rates("stage-wise")["stage4"] == 5e-4
    assert rates("slow body")["stem"] == rates("slow body")["stage4"] == 1.25e-4
    assert {rates(way)["head"] for way in ("stage-wise", "reversed", "slow body")} == {1e-3}


@pytest.mark.parametrize(("got", "verdict"), [(0.75, "right"), (0.5, "not yet")])
def test_a_schedule_of_ones_own_is_held_against_a_constant_rate(got, verdict, monkeypatch, capsys):
    def mine(i, n):
        return 1.0 if i == 0 else 0.1

    monkeypatch.setattr(lesson_07, "fine_tune", lambda task, seed, rate, schedule: schedule)
    monkeypatch.setattr(
        lesson_07, "evaluate", lambda schedule, *images: got if schedule is mine else 0.4
    )
    check("07.3", mine)
    said = capsys.readouterr().out
    assert f"exercise 07.3: {verdict}" in said and "a constant rate 40" in said
