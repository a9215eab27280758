"""What runs are said to say, against runs made to say it."""

from dataclasses import replace

import numpy as np
import pytest
from runs_made_up import diverged

from vtlab.results import conclusions as findings
from vtlab.results import metrics as metrics
from vtlab.results.comparison import Comparison, format_comparison
from vtlab.results.formatting import format_shots, join_words
from vtlab.results.records import Epoch, Run

TEST = 1000


def run(strategy, seed, accuracy, shots=5, test=TEST):
    right = round(accuracy * test)
    return Run(
        task="garden",
        backbone="mini_resnet",
        weights="w",
        strategy=strategy,
        shots=shots,
        seed=seed,
        val_accuracy=None,
        test_accuracy=right / test,
        balanced_accuracy=right / test,
        seconds=2.0 + seed,
        trainable_weights=10,
        total_weights=20,
        steps=2,
        diverged="",
        epochs=(),
        predictions=(0,) * right + (1,) * (test - right),
        confidences=tuple(np.linspace(0.5, 0.99, test).tolist()),
        cams=(),
        settings={},
    )


def runs(**accuracies):
    names = {"partial": "partial(1)"}
    return [
        run(names.get(s, s), i, a) for s, values in accuracies.items() for i, a in enumerate(values)
    ]


def compared(**accuracies):
    return Comparison(runs(**accuracies), 0.125, 0.2)


def plain(words):
    return words.replace("\N{NO-BREAK SPACE}", " ")


def test_the_best_leads_where_every_paired_interval_excludes_zero():
    said = plain(
        findings.state_conclusion(compared(scratch=[0.2, 0.22, 0.21], full=[0.8, 0.82, 0.84]))
    )
    assert said.startswith("With 5 images per class, Full leads at 82.0 %")
    assert "excludes 0" in said


def test_a_lead_whose_interval_includes_zero_is_no_lead():
    made = runs(scratch=[0.2, 0.2, 0.2], probe=[0.8, 0.86, 0.8], full=[0.85, 0.82, 0.85])
    gap = metrics.paired_difference([0.85, 0.82, 0.85], [0.8, 0.86, 0.8])
    assert gap.low < 0 < gap.high  # the oracle: these runs cannot tell
    said = plain(findings.state_conclusion(Comparison(made)))
    assert "Full comes out highest at 84.0 %, but 3 seeds do not tell it apart from" in said
    assert "from Linear probe at 82.0 %: the 95 % interval of the difference includes 0" in said
    assert "From scratch" not in said


def test_one_and_the_same_image_in_every_seed_is_no_lead():
    made = [
        run(name, seed, right / 10, test=10)
        for name, right in (("probe", 10), ("full", 9))
        for seed in range(3)
    ]
    said = plain(findings.state_conclusion(Comparison(made)))
    assert "3 seeds do not tell it apart from Full" in said
    assert "leads" in findings.state_conclusion(compared(probe=[0.99] * 3, full=[0.9] * 3))


def test_several_that_are_not_told_apart_are_all_named():
    made = runs(probe=[0.8, 0.86, 0.8], partial=[0.86, 0.8, 0.8], full=[0.85, 0.82, 0.85])
    said = plain(findings.state_conclusion(Comparison(made)))
    assert "Linear probe at 82.0 % and Partial (1) at 82.0 %" in said
    assert "intervals of the differences include 0" in said


def test_equal_strategies_are_not_told_apart():
    assert "do not tell it apart" in findings.state_conclusion(
        compared(probe=[0.8, 0.8], full=[0.8, 0.8])
    )


def test_one_seed_and_one_strategy_claim_nothing():
    assert "cannot tell a lead from luck" in findings.state_conclusion(
        compared(probe=[0.8], full=[0.9])
    )
    assert "nothing else was run" in findings.state_conclusion(compared(probe=[0.8, 0.9]))


def test_differences_pair_the_seeds_that_both_have():
    made = [*runs(full=[0.9, 0.8, 0.7]), run("probe", 1, 0.6), run("probe", 2, 0.55)]
    gaps = Comparison(made).differences.set_index("strategy")
    assert list(gaps.index) == ["full", "probe"]
    expected = metrics.paired_difference([0.8, 0.7], [0.6, 0.55])
    assert gaps.loc["probe", "pairs"] == 2
    assert gaps.loc["probe", "behind"] == pytest.approx(expected.mean)
    assert gaps.loc["probe", "low"] == pytest.approx(expected.low)


def test_no_common_seed_gives_no_difference():
    made = Comparison([run("full", 0, 0.9), run("probe", 1, 0.6)])
    gaps = made.differences
    assert gaps.pairs[1] == 0 and np.isnan(gaps.behind[1])
    assert "cannot tell" in findings.state_conclusion(made)


def test_the_worst_mistakes_are_the_surest_of_the_best_strategy_each_once():
    made = compared(scratch=[0.1, 0.1], full=[0.99, 0.98])
    worst = findings._find_worst_mistakes(made, [0] * TEST, count=5)
    assert list(worst.image) == [999, 998, 997, 996, 995]  # confidences rise with the place
    assert set(worst.predicted) == {1} and set(worst.true) == {0}
    assert len(findings._find_worst_mistakes(made, [0] * TEST, count=100)) == 20
    assert not len(findings._find_worst_mistakes(compared(full=[1.0]), [0] * TEST))


@pytest.mark.parametrize(
    ("made", "more", "expected"),
    [
        (runs(full=[0.8]), {}, "One seed"),
        (runs(full=[0.8] * 3), {}, "3 seeds"),
        (runs(full=[0.8] * 3, probe=[0.7] * 2), {}, "not finished"),
        ([run("full", i, 0.8, test=50) for i in range(5)], {}, "50 images: one image is 2.0 %"),
        (runs(full=[0.8] * 5), {"train_counts": [3, 9]}, "uneven: 3 to 9"),
        (runs(full=[0.13] * 5), {}, "above chance"),
        (runs(full=[0.8] * 5), {"baseline": 0.85}, "plain pixels"),
    ],
)
def test_a_caveat_is_said_where_there_is_reason(made, more, expected):
    given = {"train_counts": [5, 5], "chance": 0.125, "baseline": 0.2} | more
    counts = given.pop("train_counts")
    said = findings.list_caveats(Comparison(made, **given), counts)
    (sentence,) = [s for s in said if expected in plain(s)]
    assert sentence.endswith(".")


def test_a_sound_study_has_no_caveat():
    assert findings.list_caveats(compared(full=[0.8, 0.81, 0.82, 0.8, 0.79]), [5, 5]) == []


def test_the_terminals_table_has_the_numbers_of_the_summary():
    lines = format_comparison(compared(probe=[0.8, 0.82], full=[0.9, 0.92])).splitlines()
    expected = metrics.interval([0.9, 0.92], TEST)
    assert [line.split("  ")[0] for line in lines[1:]] == [
        "Linear probe",
        "Full",
        "Chance",
        "Nearest neighbour in pixels",
    ]
    assert f"{100 * expected.low:.1f} to {100 * expected.high:.1f}" in lines[2]
    assert "91.0 %" in lines[2] and lines[2].endswith("2.5")
    assert lines[3].endswith("12.5 %") or "12.5 %" in lines[3]
    assert len(format_comparison(Comparison(runs(full=[0.9]), 0.125)).splitlines()) == 3


@pytest.mark.parametrize(
    ("shots", "words"),
    [(1, "1 image per class"), (5, "5 images per class"), (None, "all training images")],
)
def test_shots_in_words(shots, words):
    assert format_shots(shots) == words


def test_lists_are_read_aloud():
    assert join_words(["a"]) == "a"
    assert join_words(["a", "b"]) == "a and b"
    assert join_words(["a", "b", "c"]) == "a, b and c"


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ([], "at least one run"),
        ([run("full", 0, 0.9), run("full", 1, 0.9, shots=3)], "one number of images per class"),
        ([run("full", 0, 0.9), run("full", 1, 0.9, test=9)], "differ in size"),
    ],
)
def test_runs_that_cannot_stand_in_one_table_are_refused(made, words):
    with pytest.raises(ValueError, match=words):
        Comparison(made)


def with_diverged(**seeds):
    """Three strategies with three seeds; of each strategy the given number of runs diverged."""
    made = runs(probe=(0.8, 0.82, 0.81), full=(0.7, 0.72, 0.95), scratch=(0.3, 0.32, 0.31))
    return Comparison(
        [diverged(of) if of.seed >= 3 - seeds.get(of.strategy, 0) else of for of in made], 0.125
    )


def test_what_diverged_is_in_no_mean_and_in_no_difference():
    compared = with_diverged(full=1)
    rows = compared.summary.set_index("strategy")
    assert rows.loc["full", "mean"] == pytest.approx(0.71)
    assert rows.loc["full", ["seeds", "diverged"]].tolist() == [2, 1]
    assert rows.diverged.tolist() == [0, 0, 1]
    gaps = compared.differences.set_index("strategy")
    assert gaps.loc["full", "behind"] == pytest.approx(0.1) and gaps.loc["full", "pairs"] == 2
    assert compared.best == "probe" and compared.test_images == TEST
    (note,) = compared.training_notes
    assert note.startswith(plain("Diverged: 1 of 3 runs of Full. These have no accuracy"))
    assert note.endswith(
        "The first of them: full diverged at a rate of 9: at step 4 the loss was nan."
    )
    assert note in findings.list_caveats(compared, [5, 5])
    assert "not finished" not in " ".join(findings.list_caveats(compared, [5, 5]))
    assert note in format_comparison(compared)


def test_a_strategy_whose_every_run_diverged_has_words_for_a_number():
    compared = with_diverged(full=3)
    gaps = compared.differences.set_index("strategy")
    assert np.isnan(gaps.loc["full", "mean"]) and gaps.loc["full", "pairs"] == 0
    sentence = findings.state_conclusion(compared)
    assert "Linear probe leads" in sentence and "Full" not in sentence and "nan" not in sentence
    full = next(
        line for line in format_comparison(compared).splitlines() if line.startswith("Full")
    )
    assert full.split() == ["Full", "10", "diverged"]
    only = Comparison([of for of in compared.runs if of.strategy != "scratch"], 0.125)
    assert "; every other strategy diverged." in findings.state_conclusion(only)


def test_a_comparison_of_nothing_but_divergence_says_so():
    compared = with_diverged(probe=3, full=3, scratch=3)
    words = findings.state_conclusion(compared)
    assert words == "With 5 images per class, every run diverged: there is no accuracy."
    (caveat,) = findings.list_caveats(compared, [5, 5])
    assert (
        "3 of 3 runs of From scratch, 3 of 3 runs of Linear probe and 3 of 3 runs of Full" in caveat
    )
    assert format_comparison(compared).count("diverged") >= 3


def test_runs_that_ended_too_early_are_counted():
    early = (Epoch(1, 2.0, 0.2, 1e-3, 0.1), Epoch(2, 1.5, 0.4, 0.0, 0.1))
    made = [
        replace(of, epochs=early) if of.strategy == "full" and of.seed else of
        for of in runs(probe=(0.8, 0.82, 0.81), full=(0.7, 0.72, 0.71))
    ]
    compared = Comparison(made, 0.125)
    assert compared.summary.set_index("strategy").under_trained.to_dict() == {"probe": 0, "full": 2}
    (note,) = compared.training_notes
    assert note.startswith("Under-trained: 2 of 3 runs of Full. Such a run ended before")
    assert note in findings.list_caveats(compared, [5, 5]) and note in format_comparison(compared)
    assert not Comparison([of for of in made if of.strategy == "probe"]).training_notes


def test_balanced_accuracy_stands_in_the_terminal_where_it_says_more():
    made = runs(probe=(0.8, 0.9))
    assert "balanced" not in format_comparison(Comparison(made))
    uneven = Comparison([replace(of, balanced_accuracy=0.5) for of in made], 0.75)
    head, first, chance = format_comparison(uneven).splitlines()
    assert "balanced accuracy" in head and "85.0 %" in first and "50.0 %" in first
    assert len(chance.rstrip()) < len(first)
    assert uneven.summary.balanced_accuracy.tolist() == [0.5]
