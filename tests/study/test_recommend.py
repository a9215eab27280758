"""What should be trained: a race on the training images, within a time."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats

from vtlab.data.images import Images
from vtlab.data.tasks import task
from vtlab.results.metrics import resampled_interval
from vtlab.study import recommend as advice
from vtlab.study.recommend import recommend
from vtlab.study.setting import Setting
from vtlab.training.strategies import full, lp_ft, partial, probe, scratch, strategy_code, surgical

QUICK = Setting(image_size=32, epochs=1)
ACTED = Setting(image_size=32)  # its pilot alone has an epoch


@pytest.fixture(scope="module")
def few():
    return task("garden", shots=8, image_size=32)


class Acted:
    """A race whose trainings take said times and reach said accuracies, on a clock of its own."""

    def __init__(self, patch, seconds, accuracies):
        self.now, self.runs, self.seconds, self.accuracies = 0.0, [], seconds, accuracies
        patch.setattr(advice.time, "perf_counter", lambda: self.now)
        patch.setattr(advice, "fit", self.fit)
        patch.setattr(advice, "predict", self.predict)
        patch.setattr(advice, "OVERHEAD_SECONDS", 0)

        def operations(network, way, images, *, epochs, image_size):
            return seconds[way.name] if epochs is None else 1

        patch.setattr(advice, "count_training_operations", operations)

    def fit(self, network, part, way, *, seed=0, epochs=None):
        if epochs == 1:  # the pilot
            self.now += 1
            return []
        self.runs.append((way, seed))
        self.part = part
        self.now += self.seconds[way.name]
        return []

    def predict(self, network, pixels):
        way, seed = self.runs[-1]
        share = self.accuracies[way.name] if way.rate is None else self.accuracies["other rate"]
        share = share[seed % len(share)]
        labels = self.labels
        right = torch.arange(len(labels)) < round(share * len(labels))
        return torch.nn.functional.one_hot(torch.where(right, labels, (labels + 1) % 8), 8).double()


@pytest.fixture
def acted(monkeypatch, few):
    def make(seconds, accuracies):
        play = Acted(monkeypatch, seconds, accuracies)
        true = advice.stratified_split

        def split(labels, share, seed, classes):
            kept, held = true(labels, share, seed, classes)
            play.labels = labels[held]
            return kept, held

        monkeypatch.setattr(advice, "stratified_split", split)
        return play

    return make


WAYS = (probe, partial(1), full)
SECONDS = {"probe": 1, "partial": 5, "full": 10}


def test_the_race_keeps_within_its_time_and_names_whom_it_cannot_tell_apart(acted, few):
    play = acted(
        SECONDS,
        {
            "probe": (0.5, 0.75, 0.5),
            "partial": (0.75, 0.5, 0.75),
            "full": (0.5, 0.5, 0.75),
            "other rate": (0.0,),
        },
    )
    said = []
    found = recommend(few, budget=100, ways=WAYS, setting=ACTED, say=said.append)
    assert play.now <= 100 and found.seconds == play.now
    assert said[0].startswith("begins from mini_resnet")
    assert said[1].startswith(
        "probe, partial, full on up to 6 splits of 48 images to learn from and 16 held"
    )
    assert found.best == partial(1) and found.close == ("probe", "full at 0.0003")
    assert "do not tell it from probe, full at 0.0003: probe is the cheapest." in found.caveats[2]
    assert (found.table.high <= 1).all() and found.alike == 0
    assert found.code == "vt.fit(network, task, vt.partial(1))"


def test_who_is_clearly_behind_leaves_and_the_leaders_rates_are_tried(acted, few):
    play = acted(
        SECONDS,
        {
            "probe": (0.25,),
            "partial": (0.75, 0.8125),
            "full": (0.5, 0.4375),
            "other rate": (0.875,),
        },
    )
    found = recommend(few, budget=400, ways=WAYS, setting=ACTED)
    splits = found.table.set_index(["way", "rate"]).splits
    assert splits["partial", 1e-3] == 10 and splits["full", 3e-4] == advice.MIN_SPLITS
    assert found.table.way.tolist() == ["partial", "partial", "partial", "full", "probe"]
    assert found.best == partial(1, rate=1e-3 / 3)
    assert found.code == "vt.fit(network, task, vt.partial(1, rate=0.00033))"
    seeds = [seed for way, seed in play.runs if way == probe]
    assert seeds == [0, 1, 2]


def test_the_cheapest_way_that_leads_is_called_so(acted, few):
    acted(
        SECONDS, {"probe": (0.75, 0.5, 0.75), "partial": (0.5, 0.75, 0.5), "full": (0.5, 0.5, 0.75)}
    )
    found = recommend(few, budget=100, ways=WAYS, setting=ACTED)
    assert found.best == probe and found.caveats[-1].endswith(": it is the cheapest itself.")


def test_equal_differences_of_one_image_do_not_send_a_way_away(acted, few):
    """Three splits with the same lead of one of 16 images: no spread, and yet no certainty."""
    acted(SECONDS, {"probe": (0.5,), "partial": (0.5625,), "full": (0.5625,)})
    found = recommend(few, budget=60, ways=WAYS, setting=ACTED).table.set_index("way")
    assert found.splits["probe"] == found.splits["partial"] >= 3
    assert found.behind_low["probe"] < 0 < found.behind_high["probe"]


def test_images_held_back_that_were_learnt_from_are_said(acted, few):
    train = few.train
    doubled = replace(
        few, train=Images(train.pixels[train.labels.argsort()][[0] * 64], train.labels.sort()[0])
    )
    acted(SECONDS, {"probe": (0.5,), "partial": (0.75,), "full": (0.5,)})
    found = recommend(doubled, budget=60, ways=WAYS, setting=ACTED)
    assert found.alike == 16 and "16 of 16 images held back look the same" in " ".join(
        found.caveats
    )


def test_a_split_that_the_time_cuts_short_does_not_count(acted, few):
    play = acted(
        SECONDS, {"probe": (0.5, 0.5, 0.5, 1.0), "partial": (0.75,), "full": (0.75, 0.6875)}
    )
    play.seconds = {"probe": 1, "partial": 8, "full": 16}  # slower than it was foretold
    found = recommend(few, budget=95, ways=WAYS, setting=ACTED)
    assert found.table.splits.tolist() == [3, 3, 3] and found.best == partial(1) and play.now <= 95


def test_ways_for_which_there_is_no_time_are_named(acted, few):
    acted({"probe": 1, "full": 100}, {"probe": (0.5,), "full": (0.9,)})
    said = []
    found = recommend(few, budget=60, ways=(full, probe), setting=ACTED, say=said.append)
    assert said[1].endswith("too slow for that time: full")
    assert found.best == probe and found.left_out == ("full",)
    assert "For full the time was too short." in found.caveats
    with pytest.raises(
        ValueError, match="2 s are too short: probe alone would take some 3 s on 3 splits"
    ):
        recommend(few, budget=2, ways=(full, probe), setting=ACTED)


def test_a_real_race_never_looks_at_the_test_images(few):
    poisoned = replace(few, test=Images(few.test.pixels * 0, few.test.labels * 0))
    one, other = (
        recommend(of, budget=120, ways=(probe, partial(1)), setting=QUICK) for of in (few, poisoned)
    )
    columns = ["way", "mean", "low", "high", "behind"]
    assert (
        one.table[columns].equals(other.table[columns])
        or one.table.splits[0] != other.table.splits[0]
    )
    assert one.best in (
        probe,
        partial(1),
        *(partial(1, rate=1e-3 * factor) for factor in (1 / 3, 3)),
    )
    assert one.images == (48, 16) and one.table["mean"].iloc[0] > few.chance
    shown = str(one)
    assert "Train so: " in shown and one.code in shown and "held-back images" in shown


def test_the_lines_that_carry_it_out_hold_in_a_shell_and_keep_the_epochs(few):
    found = recommend(few, budget=60, ways=(partial(2),), setting=Setting(image_size=32, epochs=2))
    if found.best.rate is None:
        assert "--strategies 'partial(2)' --shots 8 --epochs 2 --save" in str(found)
    assert found.code.endswith(", epochs=2)")


def test_the_lines_that_carry_it_out_mirror_no_more_than_the_race_did(acted, few):
    acted(SECONDS, {"probe": (0.5,), "partial": (0.75,), "other rate": (0.0,)})
    found = recommend(few, budget=60, ways=["probe", "partial"], setting=replace(ACTED, flip=False))
    assert found.code.endswith(", augment=vt.Augment(flip=False))")
    assert str(found).endswith(" --no-flip --save")


def test_ways_are_given_by_name_too_and_one_needs_no_list(acted, few):
    acted(SECONDS, {"probe": (0.75,), "partial": (0.5,), "other rate": (0.0,)})
    assert recommend(few, budget=60, ways=["probe", "partial"], setting=ACTED).best == probe
    assert recommend(few, budget=60, ways=partial(1), setting=ACTED).best == partial(1)


def test_what_cannot_be_raced_is_refused(few):
    with pytest.raises(
        ValueError, match="has 3 training images; a recommendation takes 4 or more of each"
    ):
        recommend(task("garden", shots=3, image_size=32), setting=QUICK)
    for ways, words in (
        ([], "no strategy in the list"),
        (["prob"], "unknown strategy 'prob'"),
        ([probe, surgical("stage9")], "no stage 'stage9'"),
    ):
        with pytest.raises(ValueError, match=words):
            recommend(few, ways=ways, setting=QUICK)
    with pytest.raises(ValueError, match="images of 64 px, and those of garden have 32"):
        recommend(few, setting=replace(QUICK, image_size=64))
    with pytest.raises(ValueError, match="petals asks for a number"):
        recommend(task("petals", shots=5, image_size=32), setting=QUICK)


@pytest.mark.parametrize(
    ("way", "code"),
    [
        (probe, "vt.probe"),
        (full, "vt.full"),
        (partial(2), "vt.partial(2)"),
        (scratch, "vt.scratch"),
        (partial(2, rate=3e-3), "vt.partial(2, rate=0.003)"),
        (surgical("stem"), "vt.surgical('stem')"),
        (replace(full, rate=1e-4), "dataclasses.replace(vt.full, rate=0.0001)"),
        (lp_ft, "vt.lp_ft"),
        (replace(full, rate=3e-4), "vt.full"),
        (replace(full, stage_decay=0.5), "dataclasses.replace(vt.full, stage_decay=0.5)"),
        (partial(2, kind="norm", weight_decay=0.1), "vt.partial(2, kind='norm', weight_decay=0.1)"),
        (replace(full, name="mine", rate=1e-2), "vt.Strategy('mine', rate=0.01)"),
    ],
)
def test_the_line_of_code_makes_the_strategy(way, code):
    import dataclasses

    import vtlab as vt

    assert strategy_code(way) == code
    made = eval(code, {"vt": vt, "dataclasses": dataclasses})
    assert made == way or made == replace(way, rate=None)


def test_overlapping_splits_widen_the_interval_as_nadeau_and_bengio_say():
    values = [0.7, 0.8, 0.75, 0.9]
    half = stats.t.ppf(0.975, 3) * np.sqrt((1 / 4 + 30 / 90) * np.var(values, ddof=1))
    found = resampled_interval(values, 90, 30)
    assert found.low == pytest.approx(np.mean(values) - half) and found.n == 4
    assert found.high - found.mean == pytest.approx(half)
    with pytest.raises(ValueError, match="images on both sides, not 9 and 0"):
        resampled_interval(values, 9, 0)
