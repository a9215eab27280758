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
from vtlab.data.tasks import task as make_task
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


def test_two_starts_of_the_head_are_drawn_for_both_tasks_over_the_probe():
    rows = [
        {
            "way": way,
            "rate": rate,
            "test_accuracy": 0.5 + 10 * rate + seed / 100,
            "old_accuracy": 0.6,
        }
        for way, rate, seed in itertools.product(
            lesson_07.HEAD_STARTS, (1e-5, 1e-3, 1e-2), range(3)
        )
    ]
    rows += [
        {"way": "probe", "rate": 0.0, "test_accuracy": 0.8 + s / 100, "old_accuracy": 0.95}
        for s in range(3)
    ]
    new, old = lesson_07.plot_head_starts(pd.DataFrame(rows)).axes
    for way in lesson_07.HEAD_STARTS:
        drawn = artist(new, f"{way} test_accuracy").get_ydata()
        assert list(drawn) == pytest.approx([0.5101, 0.52, 0.61])
        assert list(artist(old, f"{way} old_accuracy").get_ydata()) == pytest.approx([0.6] * 3)
    assert artist(new, "probe test_accuracy").get_ydata()[0] == pytest.approx(0.81)
    assert artist(old, "probe old_accuracy").get_ydata()[0] == pytest.approx(0.95)


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


@pytest.mark.parametrize(("share", "verdict"), [(0.5, "right"), (0.9, "not yet")])
def test_a_share_of_the_way_is_held_against_the_whole_way(share, verdict, monkeypatch, capsys):
    start = backbone("mini_resnet", classes=8)

    def train(task, seed, rate):
        tuned = backbone("mini_resnet", classes=8)
        for weight in tuned.stages.parameters():
            weight.data += 1.0
        return tuned

    def way(network):  # how far it is from the start, as a share
        pairs = zip(network.stages.parameters(), start.stages.parameters(), strict=True)
        return max((a - b).mean().item() for a, b in pairs)

    class Old:
        def __init__(self):
            self.start, self.head = start, None

        @classmethod
        def make(cls):
            return cls()

        def accuracy(self, network, head):
            return 1 - way(network) / 2

    monkeypatch.setattr(lesson_07, "fine_tune", train)
    monkeypatch.setattr(lesson_07, "OldTask", Old)
    monkeypatch.setattr(lesson_07, "evaluate", lambda network, *images: 0.8)
    check("07.3", share)
    said = capsys.readouterr().out
    assert f"exercise 07.3: {verdict}" in said and "from 50" in said


def test_plants_elsewhere_are_those_of_the_test_set():
    task, elsewhere = make_task("garden", shots=1, tests=2), lesson_07.draw_elsewhere(2)
    for images in elsewhere.values():
        assert torch.equal(images.labels, task.test.labels)
        assert torch.equal(images.masks, task.test.masks)
        assert not torch.equal(images.pixels, task.test.pixels)
