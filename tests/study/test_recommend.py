"""What should be trained: a race on the training images, within a time."""

import shlex
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from vtlab.data.images import Images
from vtlab.data.tasks import task
from vtlab.models.backbones import backbone
from vtlab.results.metrics import resampled_interval
from vtlab.results.records import Epoch
from vtlab.study import recommend as advice
from vtlab.study import tune
from vtlab.study.recommend import recommend
from vtlab.study.setting import Setting
from vtlab.training.strategies import (
    Strategy,
    full,
    lp_ft,
    partial,
    plain,
    probe,
    scratch,
    strategy_code,
    surgical,
)

QUICK = Setting(image_size=32, epochs=1)
ACTED = Setting(image_size=32)  # its pilot alone has an epoch
AMPLE = 3600  # seconds for any machine


@pytest.fixture(scope="module")
def few():
    return task("garden", shots=8, image_size=32)


@pytest.fixture
def few_splits(monkeypatch):
    """A real race has as few splits as may be, however slow the machine is."""
    monkeypatch.setattr(advice, "MAX_SPLITS", advice.MIN_SPLITS)


class Ended(list):
    """A training without records."""

    def __init__(self, diverged=""):
        self.diverged, self.history = diverged, []


class Acted:
    """A race whose trainings take said times and reach said accuracies, on a clock of its own."""

    def __init__(self, patch, seconds, accuracies):
        self.now, self.runs, self.seconds, self.accuracies = 0.0, [], seconds, accuracies
        self.diverging = {}  # by way and seed: the words
        self.choose = lambda way, part, seed: way  # the recipe
        patch.setattr(advice.time, "perf_counter", lambda: self.now)
        patch.setattr(advice, "fit", self.fit)
        patch.setattr(advice, "predict", self.predict)
        patch.setattr(advice.Runner, "choose_recipe", lambda runner, *asked: self.choose(*asked))
        patch.setattr(advice, "count_trials", lambda *asked: 0)
        patch.setattr(advice, "choose_epochs", lambda *asked: None)
        patch.setattr(advice, "OVERHEAD_SECONDS", 0)

        def operations(network, way, images, *, epochs, image_size):
            return seconds[way.name] if epochs is None else epochs

        patch.setattr(advice, "count_training_operations", operations)

    def fit(self, network, part, way, *, seed=0, epochs=None, say):
        if epochs == 2:  # the pilot, of which the second epoch is timed
            self.now += 1
            pilot = Ended()
            pilot.history = [Epoch(2, 0.0, 1.0, 0.0, seconds=1.0)]
            return pilot
        self.runs.append((way, seed))
        self.now += self.seconds[way.name]
        return Ended(self.diverging.get((way.name, seed), ""))

    def predict(self, network, pixels):
        way, seed = self.runs[-1]
        shares = self.accuracies[way.name]
        share = shares[seed % len(shares)]
        labels = self.labels
        right = torch.arange(len(labels)) < round(share * len(labels))
        return torch.nn.functional.one_hot(torch.where(right, labels, (labels + 1) % 8), 8).double()


@pytest.fixture
def acted(monkeypatch, few):
    def make(seconds, accuracies):
        play = Acted(monkeypatch, seconds, accuracies)
        true = advice.stratified_split

        def split(labels, share, seed, classes, groups):
            kept, held = true(labels, share, seed, classes, groups)
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
        },
    )
    said = []
    found = recommend(few, budget=100, ways=WAYS, setting=ACTED, say=said.append)
    assert play.now <= 100 and found.seconds == play.now
    assert said[0].startswith("begins from mini_resnet")
    assert said[1].startswith(
        "probe, partial, full on up to 6 splits of 48 images to learn from and 16 held"
    )
    assert found.best == partial(1) and found.close == ("probe", "full")
    assert "do not tell it from probe, full: probe is the cheapest." in found.caveats[2]
    assert "out of the race" not in str(found)
    assert (found.table.high <= 1).all() and found.alike == 0
    assert found.code == "vt.fit(network, task, vt.partial(1))"


def test_who_is_clearly_behind_leaves(acted, few):
    play = acted(SECONDS, {"probe": (0.25,), "partial": (0.75, 0.8125), "full": (0.5, 0.4375)})
    found = recommend(few, budget=400, ways=WAYS, setting=ACTED)
    assert found.table.way.tolist() == ["partial", "full", "probe"] and found.best == partial(1)
    assert found.table.splits.tolist() == [10, advice.MIN_SPLITS, advice.MIN_SPLITS]
    seeds = [seed for way, seed in play.runs if way == probe]
    assert seeds == [0, 1, 2]
    assert "Clearly behind, and so out of the race before its end: full and probe." in found.caveats


def test_a_race_has_no_more_splits_than_asked_for(acted, few):
    acted(SECONDS, {"probe": (0.5, 0.75), "partial": (0.75, 0.5), "full": (0.5, 0.75)})
    found = recommend(few, budget=400, ways=WAYS, setting=ACTED, splits=4)
    assert found.table.splits.tolist() == [4, 4, 4] and not found.more_splits
    with pytest.raises(ValueError, match="3 splits or more, not 2"):
        recommend(few, budget=400, ways=WAYS, setting=ACTED, splits=2)


def test_a_way_trains_by_the_recipe_of_the_split_and_is_recommended_by_that_of_all_images(
    acted, few
):
    play = acted(SECONDS, {"probe": (0.25,), "full": (0.75, 0.8125)})
    recipes = full.candidates()

    def choose(way, part, seed):
        return way if way == probe else recipes[1 if part.train is few.train else -seed % 2]

    play.choose = choose
    found = recommend(few, budget=60, ways=(probe, full), setting=ACTED)
    learnt = [way for way, seed in play.runs if way.name == "full"]
    assert learnt == [recipes[-seed % 2] for seed in range(len(learnt))] and len(learnt) >= 3
    # one way with one mean, whatever its recipes, and no rate of its own
    assert found.table.way.tolist() == ["full", "probe"] and found.table.rate.isna().all()
    assert found.best == recipes[1] and found.code in str(found)
    assert found.code == f"vt.fit(network, task, {strategy_code(recipes[1])})"
    assert found.caveats[-1].startswith("Its recipe was chosen within the 64 images;")
    assert str(found).endswith(
        "\n  vtlab compare … --strategies full --shots 8 --image-size 32 --save"
    )


def test_the_recipe_of_a_split_is_chosen_within_what_is_learnt_from_there(
    few, monkeypatch, few_splits
):
    def images(pixels):
        return {image.numpy().tobytes() for image in pixels}

    seen, splits = set(), []  # images of the trials since the last split; of each split all three

    def watch(module, name, note):
        true = getattr(module, name)

        def watched(*given, **more):
            note(*given)
            return true(*given, **more)

        monkeypatch.setattr(module, name, watched)

    watch(tune, "fit", lambda network, part, way: seen.update(images(part.train.pixels)))
    watch(tune, "compute_outputs", lambda network, pixels: seen.update(images(pixels)))
    watch(
        advice,
        "fit",
        lambda network, part, way: splits.append([way, images(part.train.pixels), {*seen}]),
    )

    def judge(network, pixels):
        splits[-1].append(images(pixels))
        seen.clear()

    watch(advice, "predict", judge)
    found = recommend(few, budget=AMPLE, ways="lp_ft", setting=QUICK)
    assert len(splits) == 1 + advice.MIN_SPLITS  # the first is the pilot
    for way, learnt_from, tried, held_back in splits[1:]:
        assert way in lp_ft.candidates() and len(learnt_from) == 48
        assert tried == learnt_from and not tried & held_back
    assert found.best in lp_ft.candidates() and seen == images(few.train.pixels)


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
    why = "it needs some 300 s on 3 splits, and 56 s were left for it"
    assert said[1].endswith(f"\nwithout full: {why}")
    assert found.best == probe and found.left_out == {"full": why}
    assert f"Without full: {why}." in found.caveats
    alone = "Linear probe raced alone: it is better than chance, and whether another way is better still"
    assert alone in str(found) and "Train so" not in str(found)
    with pytest.raises(
        ValueError,
        match="2 s are too short: 1 s of them are left for the race, and probe alone would take some 3 s",
    ):
        recommend(few, budget=2, ways=(full, probe), setting=ACTED)


def test_a_real_race_never_looks_at_the_test_images(few, few_splits):
    poisoned = replace(few, test=Images(few.test.pixels * 0, few.test.labels * 0))
    one, other = (
        recommend(of, budget=AMPLE, ways=(probe, partial(1)), setting=QUICK)
        for of in (few, poisoned)
    )
    columns = ["way", "mean", "low", "high", "behind"]
    assert one.table[columns].equals(other.table[columns]) and one.best == other.best
    assert one.best in (probe, *partial(1).candidates())
    assert one.images == (48, 16) and one.table["mean"].iloc[0] > few.chance
    shown = str(one)
    assert "Train so: " in shown and one.code in shown and "held-back images" in shown


def test_the_lines_that_carry_it_out_hold_in_a_shell_and_keep_the_epochs(few, few_splits):
    two = replace(QUICK, epochs=2)
    found = recommend(few, budget=AMPLE, ways=(partial(2),), setting=two)
    assert found.learnt and found.code.endswith(", epochs=2)")
    assert f"  for epoch in {found.code}: print(epoch)" in str(found)
    assert "--strategies 'partial(2)' --shots 8 --image-size 32 --epochs 2 --save" in str(found)


def test_the_lines_that_carry_it_out_mirror_no_more_than_the_race_did(acted, few):
    acted(SECONDS, {"probe": (0.5,), "partial": (0.75,)})
    found = recommend(few, budget=60, ways=["probe", "partial"], setting=replace(ACTED, flip=False))
    assert found.code.endswith(", augment=vt.Augment(flip=False))")
    assert str(found).endswith(" --no-flip --save")


def test_ways_are_given_by_name_too_and_one_needs_no_list(acted, few):
    acted(SECONDS, {"probe": (0.75,), "partial": (0.5,)})
    assert recommend(few, budget=60, ways=["probe", "partial"], setting=ACTED).best == probe
    alone = recommend(few, budget=60, ways=partial(1), setting=ACTED)
    assert alone.best == partial(1) and "No other way was given." in alone.caveats


def test_a_network_of_one_stage_has_no_two_to_train(few):
    layers = nn.Conv2d(3, 4, 3, 2, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    module = nn.Sequential(*layers, nn.Linear(4, 8))
    short = backbone(module, image_size=32, mean=(0.5,) * 3, std=(0.5,) * 3)
    asked = advice.RecommendationRace(few, 60, Setting(backbone=short), 0, advice.DEFAULT_WAYS)
    assert "partial(2)" not in [way.name for way in asked.ways] and len(asked.ways) == 5
    with pytest.raises(ValueError, match="has 1 stages only"):
        advice.RecommendationRace(few, 60, Setting(backbone=short), 0, [partial(2)])


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


@pytest.mark.parametrize(
    ("way", "code"),
    [
        (probe, "vt.probe"),
        (full, "vt.full"),
        (partial(2), "vt.partial(2)"),
        (scratch, "vt.scratch"),
        (partial(2, rate=0.07), "vt.partial(2, rate=0.07)"),
        (surgical("stem"), "vt.surgical('stem')"),
        (
            replace(scratch, weight_decay=0.1),
            "vt.Strategy('scratch', start='random', weight_decay=0.1)",
        ),
        (
            replace(lp_ft, rate=7e-4),
            "vt.Strategy('lp_ft', head_start='probe', rate=0.0007)",
        ),
        (lp_ft, "vt.lp_ft"),
        (replace(full, rate=full.peak_rate), "vt.full"),
        (
            replace(lp_ft, stage_decay=0.9),
            "vt.Strategy('lp_ft', head_start='probe', stage_decay=0.9)",
        ),
        (partial(2, kind="norm", weight_decay=0.1), "vt.partial(2, kind='norm', weight_decay=0.1)"),
        (Strategy("mine", rate=1e-2), "vt.Strategy('mine', rate=0.01)"),
    ],
)
def test_the_line_of_code_makes_the_strategy(way, code):
    import vtlab as vt

    assert strategy_code(way) == code
    made = eval(code, {"vt": vt})
    assert made == way or made == replace(way, rate=None)


def test_overlapping_splits_widen_the_interval_as_nadeau_and_bengio_say():
    values = [0.7, 0.8, 0.75, 0.9]
    half = stats.t.ppf(0.975, 3) * np.sqrt((1 / 4 + 30 / 90) * np.var(values, ddof=1))
    found = resampled_interval(values, 90, 30)
    assert found.low == pytest.approx(np.mean(values) - half) and found.n == 4
    assert found.high - found.mean == pytest.approx(half)
    with pytest.raises(ValueError, match="images on both sides, not 9 and 0"):
        resampled_interval(values, 9, 0)


def test_the_four_have_the_first_claim_on_the_time_and_the_others_what_is_left(acted, few):
    seconds = {"probe": 1, "partial": 5, "partial(2)": 6, "lp_ft": 8, "full": 10, "scratch": 15}
    acted(seconds, dict.fromkeys(seconds, (0.5, 0.4375)))
    said = []
    recommend(few, budget=116, setting=ACTED, say=said.append)  # a second for the pilot
    assert said[1].startswith("probe, partial, partial(2), full, scratch on up to 3 splits")
    assert "without lp_ft: it needs some 24 s on 3 splits, and 4 s were left for it" in said[1]
    said.clear()
    recommend(few, budget=60, setting=ACTED, say=said.append)
    assert said[1].startswith("probe, partial, full on up to 3 splits")
    assert "without scratch: it needs some 45 s on 3 splits, and 11 s were left" in said[1]


@pytest.mark.parametrize("split", [0, 2])
def test_a_way_that_diverges_leaves_the_race_and_that_is_said(acted, few, split):
    play = acted(SECONDS, {"probe": (0.5,), "partial": (0.9,), "full": (0.75, 0.6875)})
    play.diverging["partial", split] = "partial diverged at step 4"
    said = []
    found = recommend(few, budget=60, ways=WAYS, setting=ACTED, say=said.append)
    assert "partial leaves the race: partial diverged at step 4" in said
    assert found.left_out == {"partial": "partial diverged at step 4"}
    assert "Without partial: partial diverged at step 4." in found.caveats
    assert found.best == full and set(found.table.way) == {"probe", "full"}
    assert [seed for way, seed in play.runs if way == partial(1)] == [*range(split + 1)]


def test_a_rate_of_ones_own_stands_in_the_table_and_may_diverge(acted, few):
    play = acted(SECONDS, {"probe": (0.75,), "full": (0.75, 0.6875)})
    slow = replace(full, rate=1e-4)
    found = recommend(few, budget=60, ways=(probe, slow), setting=ACTED)
    assert found.table.rate.dropna().tolist() == [1e-4] and found.close == ("full at 0.0001",)
    assert "rate" in str(found).splitlines()[0] and "0.0001" in str(found)
    assert "--strategies probe" in found.command  # of the leader, which has no rate of its own
    play.diverging["full", 0] = "full diverged"
    found = recommend(few, budget=60, ways=(probe, slow), setting=ACTED)
    assert found.best == probe and found.left_out == {"full at 0.0001": "full diverged"}
    assert "rate" not in str(found).splitlines()[0]


def test_plain_recipes_race_where_the_setting_asks_for_them(acted, few):
    play = acted(SECONDS, {"probe": (0.5,), "full": (0.75,)})
    found = recommend(few, budget=60, ways=(probe, full), setting=replace(ACTED, recipe="plain"))
    assert {way for way, seed in play.runs} == {probe, plain(full)} and found.best == plain(full)
    assert "Its recipe" not in str(found)  # it was given
    assert "--strategies full --shots 8 --image-size 32 --recipe plain --save" in str(found)


def test_two_ways_of_one_name_are_told_apart_by_their_rates(acted, few):
    acted({"probe": 1, "full": 100}, {"probe": (0.75,)})
    ways = (full, replace(full, rate=1e-4), replace(full, rate=1e-3))
    found = recommend(few, budget=60, ways=(probe, *ways), setting=ACTED)
    assert list(found.left_out) == ["full", "full at 0.0001", "full at 0.001"]
    acted(SECONDS, {"full": (0.75, 0.6875)})
    said = []
    found = recommend(few, budget=300, ways=ways, setting=ACTED, say=said.append)
    assert said[1].startswith("full, full at 0.0001, full at 0.001 on up to")
    assert found.leader == full and found.close == ("full at 0.0001", "full at 0.001")
    for twice in ((full, "full"), (full, replace(full, stage_decay=0.9)), (probe, "probe")):
        with pytest.raises(ValueError, match="is asked for twice: ways of one name differ in"):
            recommend(few, ways=twice, setting=ACTED)


@pytest.mark.parametrize(
    ("asked", "way", "words"),
    [
        ({"recipe": "tuned"}, full, "--recipe tuned"),
        ({"recipe": "committed"}, full, "--recipe committed"),
        ({"recipe": "plain"}, full, "--recipe plain"),
        (
            {"backbone": "mini_vgg", "weights": "my file.pt"},
            full,
            "--backbone mini_vgg --weights 'my file.pt'",
        ),
        ({"flip": False, "strict": True}, full, "--strict --no-flip"),
        ({"epochs": 4}, full, "--epochs 4"),
        ({}, probe, "--strategies probe"),
        ({"weights": "natural"}, probe, "--weights natural"),
    ],
)
def test_the_line_for_a_shell_asks_for_the_same_setting(acted, few, asked, way, words):
    from vtlab.cli.commands import read_setting
    from vtlab.cli.options import build_parser

    acted(SECONDS, {"probe": (0.75,), "full": (0.75,)})
    found = recommend(few, budget=60, ways=way, setting=ACTED)
    given = replace(ACTED, **asked)
    found = replace(
        found,
        setting=given,
        leader=plain(way) if given.recipe == "plain" else way,
        task=replace(few, seed=3, flip=given.flip is not False),
        path="my photos",
    )
    assert words in found.command
    read = build_parser().parse_args(shlex.split(found.command)[1:])
    assert (read.path, read.seed, read.shots, read.save) == ("my photos", 3, "8", True)
    assert read_setting(read) == replace(given, task="my photos") and read.strategies == way.name


def test_the_line_for_a_shell_asks_a_probe_for_nothing_that_it_does_not_use(acted, few):
    acted(SECONDS, {"probe": (0.75,)})
    asked = replace(ACTED, epochs=4, recipe="tuned", flip=False)
    found = recommend(few, budget=60, ways=probe, setting=asked)
    assert found.command == "vtlab compare … --strategies probe --shots 8 --image-size 32 --save"


@pytest.mark.parametrize(
    "way", [replace(full, stage_decay=0.9), replace(full, rate=1e-4), Strategy("mine")]
)
def test_what_the_command_line_has_no_words_for_has_no_such_line(acted, few, way):
    acted({way.name: 1}, {way.name: (0.75,)})
    found = recommend(few, budget=60, ways=way, setting=ACTED)
    assert found.learnt and found.command == "" and "vtlab compare" not in str(found)
    assert found.code in str(found)


def test_what_is_not_used_and_what_was_trained_too_shortly_is_said(acted, few):
    play = acted(SECONDS, {"probe": (0.5,), "full": (0.75,)})
    said = []
    recommend(few, budget=60, ways=probe, setting=replace(ACTED, recipe="tuned"), say=said.append)
    assert said[1].startswith("  not used, since what learns is a linear probe")
    assert said[1].endswith(": recipe tuned")
    falling = [Epoch(n, 1 - n / 10, 0.2, 0.1, seconds=1.0) for n in range(8)]
    true = play.fit

    def slow(network, part, way, **more):
        ended = true(network, part, way, **more)
        ended.history = ended.history or (falling if way == full else [])
        return ended

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(advice, "fit", slow)
        found = recommend(few, budget=60, ways=(probe, full), setting=ACTED)
    splits = found.table.splits[0]
    assert f"Under-trained: full (in {splits} of {splits} splits)." in " ".join(found.caveats)


def test_if_every_way_diverges_nothing_is_recommended(acted, few):
    play = acted(SECONDS, {"probe": (0.5,), "full": (0.75,)})
    play.diverging = {(way, 0): f"{way} diverged" for way in ("probe", "full")}
    with pytest.raises(ValueError, match="every way left the race: probe diverged; full diverged"):
        recommend(few, budget=60, ways=(probe, full), setting=ACTED)


def uneven(few, counts):
    """The task with so many training images of each of its first classes."""
    places = torch.cat(
        [(few.train.labels == k).nonzero()[:, 0].repeat(9)[:n] for k, n in enumerate(counts)]
    )
    train = few.train[places]
    return replace(few, classes=few.classes[: len(counts)], train=train, draw=lambda *_: train)


@pytest.mark.parametrize(
    ("counts", "shares", "learnt"),
    [
        ((48, 8), (1.0,), True),
        ((48, 8), (0.857, 0.9), False),  # 6 of 7 are of the most frequent class
        ((48, 8), (0.5,), False),
        ((16, 16), (0.875,), True),
        ((16, 16), (0.5, 0.625, 0.375), False),
    ],
)
def test_nothing_is_recommended_that_is_no_better_than_naming_the_most_frequent_class(
    acted, few, counts, shares, learnt
):
    task = uneven(few, counts)
    acted(SECONDS, {"probe": shares})
    found = recommend(task, budget=30, ways=probe, setting=ACTED)
    shown, share = str(found), max(counts) / sum(counts)
    assert found.learnt == learnt and found.majority == pytest.approx(share, abs=0.02)
    assert ("Linear probe raced alone: it is better than" in shown) == learnt
    assert (found.code in shown) == learnt and "Train so" not in shown
    assert ("Nothing learnt was shown: Linear probe, the best, is right for" in shown) != learnt
    assert "Chance (1 of 2)" in shown and "50.0 %" in shown
    first = task.classes[0]
    constant = f"always naming {first!r} (the most frequent class)"
    assert (constant if counts[0] > counts[1] else "chance") in shown
    # balanced accuracy stands where it says more
    even = counts[0] == counts[1]
    assert ("balanced" in shown) != even and ("Always the most frequent class" in shown) != even
    if not learnt:
        assert (
            "Give more images" in shown and (f"of {task.classes[1]!r} above all" in shown) != even
        )


def test_one_split_shows_no_learning(acted, few):
    play = acted({"probe": 1}, {"probe": (1.0,)})
    play.seconds = {"probe": 20}  # slower than it was foretold
    found = recommend(few, budget=22, ways=probe, setting=ACTED)
    assert found.table.splits.tolist() == [1] and not found.learnt
    assert "one split has no interval" in str(found)


def test_balanced_accuracy_is_the_mean_over_classes(acted, few):
    acted(SECONDS, {"probe": (6 / 7,)})
    found = recommend(uneven(few, (48, 8)), budget=30, ways=probe, setting=ACTED)
    # the first images held back are right, those of the second class stand last
    assert found.table.balanced[0] == pytest.approx(0.5) and found.table["mean"][0] > 0.8


def test_a_clear_lead_over_chance_counts_although_three_splits_differ(acted, few, few_splits):
    acted(SECONDS, {"probe": (0.375, 0.875, 0.75)})
    found = recommend(few, budget=60, ways=probe, setting=ACTED)
    mean, images = 2 / 3, found.images[1]
    z = 1.959964
    middle, half = (
        mean + z**2 / (2 * images),
        z * (mean * (1 - mean) / images + (z / images / 2) ** 2) ** 0.5,
    )
    wilson = (middle - half) / (1 + z**2 / images)
    assert found.learnt and found.lead.low == pytest.approx(wilson - found.majority, abs=1e-6)
    assert "Linear probe raced alone: it is better than chance" in str(found)
