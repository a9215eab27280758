import pytest

from vtlab.course.guess import GuessPanel, plot_guess
from vtlab.plots import export


@pytest.fixture
def panel():
    made = GuessPanel("Which?", ["a", "b"])
    yield made
    made.close()


def test_guess_and_result_stand_side_by_side(panel, capsys):
    panel.controls["value"].value = "a"
    assert panel.status.words == "Your guess: a."
    assert not panel._picture.value
    panel.reveal("b < c")
    assert "Result: b &lt; c" in panel._picture.value and panel.status.words == "Your guess: a."
    assert "<img" not in panel._picture.value, "the buttons say it already"
    assert panel.describe().endswith("Your guess: a. Result: b < c.")
    twin = plot_guess("Which?", ["a", "b"], guess="a", result="b < c")
    assert export.to_png(panel.figure()) == export.to_png(twin)
    assert "your guess: a" in capsys.readouterr().out


def test_without_a_page_there_are_question_and_picture(panel):
    data, metadata = panel._repr_mimebundle_()
    assert data["text/plain"] == "Guess: Which? (a, b)" and "<li>a</li>" in data["text/html"]
    assert data["image/png"] and "No guess yet" in metadata["image/png"]["alt"]


def test_what_is_no_option_is_refused(panel):
    with pytest.raises(ValueError, match="'c' is not among a, b"):
        panel.value = "c"


def test_a_long_question_is_written_in_lines_that_fit():
    question = "Trained from scratch on such images: which part of an image will its map light up, or both?"
    figure = plot_guess(question, ["the plant", "the ground"])
    figure.canvas.draw()
    (axes,) = figure.axes
    words = {text.get_text(): text.get_window_extent() for text in axes.texts}
    assert " ".join(list(words)[:-2]) == question and list(words)[-2:] == [
        "the plant",
        "the ground",
    ]
    assert max(extent.x1 for extent in words.values()) <= figure.bbox.x1
    heights = [extent.y0 for extent in words.values()]
    assert heights == sorted(heights, reverse=True)
