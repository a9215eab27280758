import re
from types import SimpleNamespace

import pandas as pd
import pytest
import traitlets
from ipywidgets.widgets.widget import _instances
from runs_made_up import diverged, made_up

from vtlab import plots as plots
from vtlab.plots import export
from vtlab.results.records import runs_to_table
from vtlab.widgets.compare import REQUIRED_COLUMNS, ComparePanel

ACCURACY = {  # by strategy: at 5, at 20 images, with all
    "scratch": (0.20, 0.30, 0.60),
    "probe": (0.70, 0.80, 0.85),
    "partial(1)": (0.75, 0.85, 0.90),
    "full": (0.65, 0.80, 0.95),
}


def table(shots=(5, 20, "all"), strategies=tuple(ACCURACY)) -> pd.DataFrame:
    """Two seeds, 0.02 above and below the mean."""
    return pd.DataFrame(
        [
            {
                "strategy": name,
                "shots": n,
                "seed": seed,
                "seconds": 1.0,
                "trainable_weights": 8,
                "test_accuracy": ACCURACY[name][(5, 20, "all").index(n)] + 0.02 * (2 * seed - 1),
            }
            for name in strategies
            for n in shots
            for seed in range(2)
        ]
    )


@pytest.fixture
def panel():
    panel = ComparePanel(table(), chance=0.125)
    yield panel
    panel.close()


def page(panel) -> str:
    return panel.widget.children[-1].value


def alt(panel) -> str:
    return re.search('alt="(.*?)"', page(panel))[1].replace("\N{NO-BREAK SPACE}", " ")


def test_a_study_is_as_good_as_its_table():
    finished = [made_up(name, seed=seed) for name in ("probe", "full") for seed in range(2)]
    panel = ComparePanel(SimpleNamespace(runs=finished))
    assert panel.strategies == ("probe", "full")
    assert panel.runs.equals(runs_to_table(finished))
    panel.close()


def test_it_starts_with_the_curve_of_every_strategy(panel):
    assert panel.shots == "curve" and panel.strategies == tuple(ACCURACY)
    twin = plots.shots(table(), chance=0.125)
    assert export.to_png(panel.figure()) == export.to_png(twin)


def test_one_number_of_images_is_drawn_as_by_its_twin():
    panel = ComparePanel(
        table(), chance=0.125, baseline=0.3, test_images=500, shots=5, strategies=("probe", "full")
    )
    twin = plots.accuracy(
        table((5,), ("probe", "full")),
        chance=0.125,
        baseline=0.3,
        test_images=500,
        title="5 images per class",
    )
    assert export.to_png(panel.figure()) == export.to_png(twin)
    panel.close()


def test_a_tick_takes_a_strategy_in_and_out(panel):
    boxes = panel.controls["strategies"].boxes
    boxes["probe"].value = False
    assert panel.strategies == ("scratch", "partial(1)", "full")
    assert "Linear probe" not in alt(panel) and "Partial (1)" in alt(panel)
    boxes["probe"].value = True
    assert panel.strategies == tuple(ACCURACY) and "Linear probe" in alt(panel)


def test_a_list_of_strategies_moves_the_ticks(panel):
    panel.strategies = ("full", "probe")
    assert panel.strategies == ("probe", "full")  # in the course's order
    ticked = [name for name, box in panel.controls["strategies"].boxes.items() if box.value]
    assert ticked == ["probe", "full"]


def test_the_number_of_images_goes_both_ways(panel):
    panel.shots = 20
    assert panel.controls["shots"].value == 20 and "with 20 images per class" in alt(panel)
    panel.controls["shots"].value = "all"
    assert panel.shots == "all" and "with all images" in alt(panel)
    panel.controls["shots"].value = "curve"
    assert panel.shots == "curve" and "by images per class" in alt(panel)


def test_a_number_may_be_given_as_text(panel):
    panel.shots = "20"
    assert panel.shots == 20 and panel.controls["shots"].value == 20
    assert repr(panel).endswith("shots=20, seeds=(0, 1), run='')")


def test_the_choices_are_those_of_the_table(panel):
    assert [value for _, value in panel.controls["shots"].options] == ["curve", 5, 20, "all"]
    one = ComparePanel(table((20,)))
    assert [value for _, value in one.controls["shots"].options] == [20] and one.shots == 20
    one.close()


def test_the_words_hold_the_numbers(panel):
    panel.strategies = ("scratch", "probe")
    assert alt(panel) == (
        "Mean test accuracy by images per class: From scratch 20.0 % at 5, 30.0 % at 20, 60.0 % at "
        "all; Linear probe 70.0 % at 5, 80.0 % at 20, 85.0 % at all; chance 12.5 %."
    )
    panel.shots = 5
    assert alt(panel) == (
        "Mean test accuracy with 5 images per class: "
        "From scratch 20.0 %; Linear probe 70.0 %; chance 12.5 %."
    )


def test_no_strategy_is_a_sentence_and_no_picture(panel):
    for box in panel.controls["strategies"].boxes.values():
        box.value = False
    assert panel.strategies == () and "<img" not in page(panel)
    assert "Pick at least one strategy" in page(panel)
    panel.strategies = ("full",)
    assert "<img" in page(panel)


def test_a_strategy_that_was_not_run_there_is_a_sentence():
    panel = ComparePanel(pd.concat([table((5,)), table((20,), ("full",))]), shots=20)
    assert "Full" in alt(panel) and "Linear probe" not in alt(panel)
    panel.strategies = ("probe",)
    assert "not run with 20 images per class" in page(panel)
    panel.close()


def test_what_is_not_in_the_table_is_refused_and_changes_nothing(panel):
    before = page(panel)
    with pytest.raises(ValueError, match="'prob' here, only of scratch, probe"):
        panel.strategies = ("prob",)
    with pytest.raises(ValueError, match="7 images per class, only curve, 5, 20, all"):
        panel.shots = 7
    with pytest.raises(traitlets.TraitError, match="tuple"):
        panel.strategies = "probe"
    assert page(panel) == before and panel.controls["shots"].value == "curve"
    assert panel.strategies == tuple(ACCURACY) and panel.shots == "curve"


def test_a_table_without_runs_is_refused_and_leaves_no_model():
    before = len(_instances)
    for bad in (
        {"runs": table()[:0]},
        {"runs": table().drop(columns="shots")},
        {"runs": table(), "shots": 9},
    ):
        with pytest.raises(ValueError, match=r"no runs|no column 'shots'"):
            ComparePanel(**bad)
    assert len(_instances) == before


def test_a_later_change_of_the_table_does_not_reach_the_panel():
    runs = table()
    panel = ComparePanel(runs, shots=5)
    before = page(panel)
    runs["test_accuracy"] = 0.0
    panel.shots = 20
    panel.shots = 5
    assert page(panel) == before
    panel.close()


def test_five_panels_leave_no_model_behind():
    before = len(_instances)
    for _ in range(5):
        ComparePanel(table((5,), ("full",))).close()
    assert len(_instances) == before


def test_without_a_page_it_is_a_line_and_a_picture(panel):
    panel.shots, panel.strategies = 5, ("probe", "full")
    data, metadata = panel._repr_mimebundle_()
    assert (
        data["text/plain"]
        == "ComparePanel(strategies=('probe', 'full'), shots=5, seeds=(0, 1), run='')"
    )
    assert data["image/png"] and "70.0" in metadata["image/png"]["alt"]


def test_a_run_is_told_in_words(panel):
    panel.shots = 20
    said = panel.details("partial(1)", seed=1).replace("\N{NO-BREAK SPACE}", " ")
    assert said == (
        "Partial (1), 20 images per class, seed 1: test accuracy 87.0 %, 8 weights learn, 1.0 s."
    )
    panel.shots = "curve"
    lines = panel.details("full", seed=0).replace("\N{NO-BREAK SPACE}", " ").splitlines()
    assert [line.split(": ")[1][:20] for line in lines] == [
        "test accuracy 63.0 %",
        "test accuracy 78.0 %",
        "test accuracy 93.0 %",
    ]
    assert "Full, all images, seed 0" in lines[2]


def test_val_accuracy_is_told_where_it_was_measured():
    panel = ComparePanel(table((5,), ("full",)).assign(val_accuracy=[0.5, float("nan")]))
    assert "val accuracy 50.0" in panel.details("full", 0)
    assert "val accuracy" not in panel.details("full", 1)
    panel.close()


@pytest.mark.parametrize("column", REQUIRED_COLUMNS)
def test_a_column_that_is_missing_is_named(column):
    with pytest.raises(ValueError, match=f"no column '{column}'"):
        ComparePanel(table().drop(columns=column))


def test_a_run_that_is_not_there_is_refused(panel):
    panel.shots = 5
    with pytest.raises(ValueError, match="no run of 'full' with seed 7 with 5 images per class"):
        panel.details("full", 7)


def test_two_panels_of_one_table_are_apart(panel):
    other = ComparePanel(table())
    other.shots = 5
    other.controls["strategies"].boxes["full"].value = False
    assert panel.shots == "curve" and "full" in panel.strategies
    other.close()


def test_runs_that_diverged_are_words_and_in_no_mean():
    made = [made_up(name, seed=seed) for name in ("probe", "full") for seed in range(2)]
    made = [made[0], diverged(made[1]), diverged(made[2]), diverged(made[3])]
    panel = ComparePanel(SimpleNamespace(runs=made))
    words = panel.describe().replace("\N{NO-BREAK SPACE}", " ")
    share = f"{100 * made[0].test_accuracy:.1f} %"
    assert f"Linear probe {share} (1 of 2 diverged); Full diverged." in words
    assert panel.details("full", 1).startswith("Full, 5 images per class, seed 1: diverged, ")
    assert "under-trained" in panel.details("probe", 0)
    panel.strategies = ("full",)
    assert "nan" not in page(panel).replace("nano", "")
    panel.close()
