from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest

import vtlab as vt
from vtlab.course import lesson_01
from vtlab.garden.worlds import WORLDS
from vtlab.plots import export


@pytest.fixture(scope="module")
def task():
    return vt.task("garden", shots=5, seed=0, tests=3)


@pytest.fixture
def game(task):
    made = lesson_01.NamingPanel(task, seed=0)
    yield made
    made.close()


def said(capsys, number, answer):
    vt.check(number, answer)
    return capsys.readouterr().out


def test_ten_flowers_are_named_by_letters_and_scored_when_all_are_named(game, task):
    truth = task.test.labels[game.places].tolist()
    letters = [game.letters[k] for k in truth]
    game.answers = ", ".join(letters[:9]).lower()
    assert game.named == truth[:9] and game.score is None
    game.answers = "".join(letters)
    assert game.score == 1
    assert game.controls["answers"].value == game.answers


def test_a_letter_too_many_or_of_no_class_is_said_in_the_panel(game):
    game.answers = "Z"
    assert "Z is none of the letters A to H" in game._picture.value
    game.answers = "A" * 11
    assert "11 letters for 10 flowers" in game._picture.value


def test_the_page_shows_the_question_before_anybody_answered(game):
    data, metadata = game._repr_mimebundle_()
    assert data["text/plain"] == "NamingPanel(answers='')"
    assert data["image/png"] and "Named so far: 0" in metadata["image/png"]["alt"]
    written = [text.get_text() for text in game.figure().axes[0].texts]
    assert "10: ?" in written and "A" in written


def test_the_answers_are_shown_beside_the_networks(game, task, capsys):
    perfect = task.test.labels.clone()

    def written():
        return [text.get_text() for text in game.reveal(perfect).axes[0].texts]

    assert not any(words.startswith("you") for words in written()), "nobody has played"
    assert capsys.readouterr().out == "the probe: 10 of 10 (95 % interval 72 to 100 %)\n"
    game.answers = "A"
    assert written().count("you: ?") == 9
    assert "you: 1 of 10 flowers named so far" in capsys.readouterr().out
    game.answers = "A" * 10
    right = int((perfect[game.places] == 0).sum())
    assert sum("✗" in words for words in written()) == 10 - right
    assert f"you: {right} of 10 (95 % interval" in capsys.readouterr().out
    assert export.to_png(game.reveal(perfect))


def test_the_learner_is_one_more_row_of_the_figure_once_all_flowers_are_named(game):
    runs = lesson_01.shots_table("garden").query("shots == 5")
    assert game.add_to(runs) is runs
    game.answers = "A" * 10
    figure = vt.plots.accuracy(game.add_to(runs))
    assert "You" in [tick.get_text() for tick in figure.axes[0].get_yticklabels()]


def test_marks_say_what_a_run_names(task):
    class Run:
        strategy, predictions = "probe", task.test.labels.tolist()

    marks = lesson_01.name_top_class([Run], [0, 4], task)
    assert marks == {"probe": [(task.classes[int(task.test.labels[i])], True) for i in (0, 4)]}


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (vt.partial(2), "right"),
        (vt.partial(1), "not yet. Count"),
        (3, "not yet. The answer is a strategy"),
    ],
)
def test_exercise_1_takes_two_stages(answer, verdict, capsys):
    assert verdict in said(capsys, "01.1", answer)


def test_exercise_2_takes_the_paired_interval_and_nothing_else(capsys):
    def right(a, b):
        found = vt.metrics.paired_difference(list(a), list(b))
        return found.mean, found.low, found.high

    def unpaired(a, b):
        half = 1.96 * (np.var(a, ddof=1) / len(a) + np.var(b, ddof=1) / len(b)) ** 0.5
        return np.mean(a) - np.mean(b), np.mean(a) - np.mean(b) - half, np.mean(a) + half

    assert "right" in said(capsys, "01.2", right)
    assert "not yet. For two rows" in said(capsys, "01.2", unpaired)
    assert "three numbers" in said(capsys, "01.2", lambda a, b: 0.1)
    assert "not attempted" in said(capsys, "01.2", lambda a, b: ...)


def test_exercise_3_takes_the_number_of_images_that_is_enough_and_no_other(capsys):
    means = lesson_01.shots_table("garden").groupby(["strategy", "shots"]).test_accuracy.mean()
    right = [n for n in means["scratch"].index if "right" in said(capsys, "01.3", n)]
    assert right == [80]
    assert means["scratch"][40] < means["probe"][1] < means["scratch"][80]


def test_the_key_shows_every_species_with_its_petals_and_pattern(task):
    (ax,) = lesson_01.plot_key(task).axes
    written = [text.get_text() for text in ax.texts]
    petals = WORLDS["garden"].species.petals.tolist()
    assert len(ax.images) == len(written) == len(task.classes)
    for letter, name, count, words in zip("ABCDEFGH", task.classes, petals, written, strict=True):
        assert words.startswith(f"{letter}  {name}\n{count} petals, ")


def test_the_twins_differ_in_the_start_of_their_stages_alone():
    table = lesson_01.twins_table()
    assert set(table.strategy) == {"scratch", "full"}
    seeds = {name: sorted(runs.seed) for name, runs in table.groupby("strategy")}
    assert seeds["scratch"] == seeds["full"] == [0, 1, 2, 3, 4]
    both = vt.plain(vt.scratch), replace(vt.plain(vt.full), rate=vt.plain(vt.scratch).rate)
    differing = {f.name for f in fields(both[0]) if len({getattr(one, f.name) for one in both}) > 1}
    assert differing == {"name", "start"}


def test_practising_tests_on_images_that_are_neither_trained_on_nor_test_images(monkeypatch):
    seen = {}

    def note(network, task, strategy, seed):
        seen["train"] = task.train.pixels
        return iter(())

    def measure(network, pixels, labels):
        seen["held"], seen["labels"] = pixels, labels
        return 0.5

    monkeypatch.setattr(lesson_01, "fit", note)
    monkeypatch.setattr(lesson_01, "evaluate", measure)
    assert lesson_01.practise(vt.plain(vt.full)) == 0.5
    held, train = ({one.numpy().tobytes() for one in seen[name]} for name in ("held", "train"))
    tests = {one.numpy().tobytes() for one in vt.task("garden", shots=1, tests=30).test.pixels}
    assert len(train) == 40 and len(held) == 200
    assert not held & train and not held & tests
    assert seen["labels"].bincount().tolist() == [25] * 8


def test_exercise_4_refuses_what_is_no_change_of_the_recipe(capsys):
    plain = vt.plain(vt.full)
    assert "these differ: none" in said(capsys, "01.4", plain)
    many = replace(plain, epochs=60, rate=1e-3, stage_decay=0.5)
    assert "these differ: rate, stage_decay, epochs" in said(capsys, "01.4", many)
    assert "All weights should learn" in said(capsys, "01.4", vt.probe)
    assert "The answer is a strategy" in said(capsys, "01.4", "a")


@pytest.mark.parametrize(("after", "verdict"), [(0.80, "right"), (0.74, "not yet")])
def test_exercise_4_judges_by_other_seeds_than_one_practises_with(
    after, verdict, capsys, monkeypatch
):
    drawn = []

    def note(network, task, strategy, seed):
        drawn.append((task.seed, seed))
        return iter(())

    monkeypatch.setattr(lesson_01, "fit", note)
    monkeypatch.setattr(lesson_01, "evaluate", lambda *args: after)
    words = said(capsys, "01.4", replace(vt.plain(vt.full), head_start="probe"))
    assert f"{verdict}. head_start, seeds 1 and 2: 73 % before, {100 * after:.0f} % now." in words
    assert drawn == [(1, 1), (2, 2)] and lesson_01.PRACTICE_SEED not in (1, 2)


def test_the_tables_that_the_lesson_compares_have_the_same_seeds():
    seeds = {
        name: set(lesson_01.shots_table(name).query("shots == 5").seed)
        for name in ("garden", "plain")
    }
    assert seeds["garden"] == seeds["plain"] and isinstance(lesson_01.real_table(), pd.DataFrame)
