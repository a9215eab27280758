from dataclasses import replace

import matplotlib
import numpy as np
import pandas as pd
import pytest
import torch
from IPython.core import pylabtools
from matplotlib_inline import backend_inline as inline

from vtlab.course.exercise import EXERCISES, check
from vtlab.course.guess import guess
from vtlab.course.lesson import begin, claim
from vtlab.data.augment import Augment
from vtlab.results.metrics import t_interval
from vtlab.system.device import choose_device
from vtlab.training.strategies import full, probe


def test_begin_prints_one_stable_line_and_seeds(capsys, monkeypatch):
    monkeypatch.delenv("VTLAB_SEED", raising=False)
    assert begin(3) == 3
    first = torch.rand(1)
    assert capsys.readouterr().out == "vtlab lesson · seed 3\n"
    monkeypatch.setenv("VTLAB_SEED", "3")
    assert begin(0) == 3
    assert torch.equal(first, torch.rand(1))


def test_lessons_compute_on_the_cpu_unless_told_otherwise(monkeypatch):
    monkeypatch.setattr(
        "vtlab.system.device.count_devices", lambda: {"cuda": 1, "mps": 0, "cpu": 1}
    )
    monkeypatch.delenv("VTLAB_DEVICE")
    assert choose_device().type == "cuda"
    begin()
    assert choose_device().type == "cpu"
    monkeypatch.setenv("VTLAB_DEVICE", "cuda")
    begin()
    assert choose_device().type == "cuda"


def test_begin_leaves_figures_as_the_user_has_them(monkeypatch):
    monkeypatch.setattr(inline, "set_matplotlib_formats", lambda *formats: pytest.fail("changed"))
    monkeypatch.setattr(pylabtools, "select_figure_formats", lambda *all: pytest.fail("changed"))
    with matplotlib.rc_context({"figure.dpi": 144, "font.size": 7}):
        before = dict(matplotlib.rcParams)
        begin()
        assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("truth", [True, np.True_, torch.tensor(True)])
def test_a_true_claim_prints_its_sentence(truth, capsys):
    claim("two is two", truth)
    assert capsys.readouterr().out == "✓ two is two\n"


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0.5, "0.50"),
        (0.0004321, "0.00043"),
        (0.0, "0.00"),
        (12.345, "12.35"),
        (7, "7"),
        ("probe", "probe"),
        (torch.tensor([0.25, 1.0]), "0.25, 1.00"),
        (np.float64(0.25), "0.25"),
        ({"full": 0.25, "probe": [1, 2]}, "full: 0.25, probe: 1, 2"),
        (pd.Series({"full": 0.25}), "full: 0.25"),
        (t_interval([0.5, 0.5, 0.5, 0.7]), "0.55 ± 0.16"),
    ],
)
def test_a_claim_shows_what_it_rests_on(number, shown, capsys):
    claim("it is so", True, the_gap=number, n=3)
    assert capsys.readouterr().out == f"✓ it is so\n  → the gap {shown}\n  → n 3\n"


def test_a_false_claim_raises_with_its_numbers():
    with pytest.raises(AssertionError, match="two is three .gap 0.50, n 3, of 0.25"):
        claim("two is three", np.False_, gap=0.5, n=3, of=torch.tensor(0.25))
    with pytest.raises(AssertionError, match="gap 0.50 ± "):
        claim("two is three", False, gap=t_interval([0.4, 0.6]))
    with pytest.raises(ValueError, match="3 answers"):
        claim("some", np.array([True, True, False]))


@pytest.mark.parametrize("other", [float("nan"), 0.3, len, "False", None, torch.tensor(1.0)])
def test_what_is_no_truth_value_cannot_pass_for_one(other):
    with pytest.raises(ValueError, match="needs true or false.*two is two"):
        claim("two is two", other)


def test_a_guess_is_kept_and_revealed(capsys):
    question = guess("Which?", ["a", "b"])
    assert repr(question) == "Guess: Which? (a, b)" and question.value is None
    question.reveal("b")
    assert "guess" not in capsys.readouterr().out, "who has not guessed is not spoken of"
    question.commit("a")
    question.reveal("b")
    assert "your guess: a" in capsys.readouterr().out
    with pytest.raises(ValueError, match="'c' is not among"):
        question.commit("c")
    for options in (["a"], "ab"):
        with pytest.raises(ValueError, match="two options"):
            guess("Which?", options)


def test_a_number_is_guessed_from_a_range(capsys):
    question = guess("How many?", range(0, 101, 5))
    assert repr(question) == "Guess: How many? (0 … 100)"
    assert question._repr_mimebundle_()[0]["text/html"].count("<li>") == 0
    question.commit(0)
    assert question.controls["value"].value == 0
    question.reveal(np.float64(0.1234))
    assert "your guess: 0\n  result:     0.123\n" in capsys.readouterr().out
    with pytest.raises(ValueError, match="7 is not among 0 … 100"):
        question.commit(7)
    question.close()


def test_a_guess_has_buttons_that_are_linked_and_a_static_form():
    question = guess("A <b>?", ["a", "b"])
    bundle = question._repr_mimebundle_()[0]
    assert "&lt;b&gt;" in bundle["text/html"] and bundle["text/plain"] == repr(question)
    question.controls["value"].value = "b"
    assert question.value == "b"
    question.commit("a")
    assert question.controls["value"].value == "a"
    question.close()


@pytest.mark.parametrize("number", sorted(EXERCISES))
@pytest.mark.parametrize("answer", [..., None])
def test_an_untouched_exercise_says_so(number, answer, capsys):
    check(number, answer)
    assert capsys.readouterr().out == f"exercise {number}: not attempted yet\n"


@pytest.mark.parametrize(
    ("number", "wrong"),
    [
        ("01.1", "full"),
        ("01.2", lambda a, b: 0.5),
        ("01.3", "a"),
        ("01.2", 7),
        ("01.2", lambda labels: 1 / 0),
        ("01.2", lambda labels, predictions: "all"),
        ("01.3", np.array(["a", "b"])),
        ("02.1", torch.nn.Conv2d(16, 16, 7, padding=3)),
        ("02.1", torch.nn.Conv2d(16, 16, 3, padding=1)),
        ("02.1", torch.nn.Conv2d(16, 8, 3, padding=1)),
        ("02.1", torch.nn.Conv2d(16, 16, 3, 2, 1)),
        ("02.1", 3),
        ("02.2", lambda layers: 1 + 2 * len(layers)),
        ("02.2", 7),
        ("02.3", "a"),
    ],
)
def test_a_wrong_answer_gets_help_and_no_error(number, wrong, capsys):
    check(number, wrong)
    assert f"exercise {number}: not yet." in capsys.readouterr().out


def test_an_unfinished_function_is_not_attempted(capsys):
    check("01.2", lambda labels, predictions: ...)
    assert "not attempted yet" in capsys.readouterr().out


def test_a_learners_own_error_is_shown(capsys):
    check("01.2", lambda labels, predictions: labels.nonsense)
    assert "stopped with AttributeError" in capsys.readouterr().out


def test_an_unknown_exercise_is_named():
    with pytest.raises(ValueError, match="99.9"):
        check("99.9", 1)


def reset_mean(layer, maps):
    layer.running_mean = maps.mean((0, 2, 3))
    layer.running_var = maps.std((0, 2, 3))
    return layer


def both(first, second, labels):
    return torch.cat([first, second]), torch.cat([labels, labels])


@pytest.mark.parametrize(
    ("number", "wrong", "words"),
    [
        ("04.1", 8 * 8 * 32 * 16 * 9, "way back"),
        ("04.1", 12, "one output cell"),
        ("04.2", lambda module: ["0"], "both BatchNorms train"),
        ("04.2", lambda module: ["1", "2.0"], "the convolution alone"),
        ("04.3", "a", "train"),
        ("05.1", "a", "one number"),
        ("05.1", 10_000, "Which accuracy"),
        ("05.3", 2.5, "a whole number"),
        ("05.3", 1000, "a whole number"),
        ("05.2", lambda shots, first, second: 8, "ahead from 4 on"),
        (
            "05.2",
            lambda shots, first, second: next(
                n for n, a, b in zip(shots, first, second, strict=True) if b > a
            ),
            "back in between",
        ),
        ("06.1", lambda weight, bias: weight, "two things"),
        ("06.1", lambda weight, bias: (weight[1:], bias), "Shapes stay"),
        ("06.1", lambda weight, bias: (weight.roll(-1, 0), bias.roll(-1, 0)), "other direction"),
        ("06.1", lambda weight, bias: (weight.roll(1, 0), bias), "should be what"),
        ("06.2", lambda layer, maps: maps, "gives the layer back"),
        ("06.2", lambda layer, maps: layer, "not yet the mean"),
        ("06.2", lambda layer, maps: reset_mean(layer, maps), "no root"),
        ("06.3", "a", "a network"),
        ("07.1", replace(full, stage_decay=0.9), "by what factor"),
        ("07.1", replace(probe, stage_decay=0.5), "All pretrained"),
        ("07.2", lambda start, tuned, share: tuned, "At a share of 0"),
        ("07.2", lambda start, tuned, share: list(start), "a dictionary"),
        (
            "07.2",
            lambda start, tuned, share: {k: v.lerp_(tuned[k], share) for k, v in start.items()},
            "was given",
        ),
        ("07.3", 1.5, "between 0 and 1"),
        ("08.1", Augment(light=0), "neither left nor right"),
        ("08.1", Augment(turn=True), "stain"),
        ("08.1", Augment(turn=True, light=0, rotate=5), "resamples"),
        ("08.1", "turn", "an augmentation"),
        ("08.2", lambda images, labels: images, "Two things"),
        ("08.2", lambda images, labels: (images, labels), "become 10"),
        ("08.2", lambda images, labels: both(images.flip(3), images, labels), "first half"),
        (
            "08.2",
            lambda images, labels: both(images, images.flip(2), labels),
            "stand on their heads",
        ),
        ("08.2", lambda images, labels: both(images, images.flip(3), labels), "a north-west"),
        ("08.3", "a", "The answer is a dict"),
        ("08.3", {"with flips": (0.9, 0.9), "without": (0.9, 0.9)}, "another class"),
    ],
)
def test_half_an_answer_is_told_from_a_whole_one(number, wrong, words, capsys):
    check(number, wrong)
    said = capsys.readouterr().out
    assert said.startswith(f"exercise {number}: not yet.") and words in said
