"""Studies of tasks that ask for a number: compared, reported, saved and predicted."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.metrics import mean_absolute_error, r2_score

from vtlab.cli import main
from vtlab.data.baselines import pixel_neighbour
from vtlab.data.tasks import task
from vtlab.results.comparison import format_comparison
from vtlab.study.compare import compare
from vtlab.study.recommend import recommend
from vtlab.study.setting import Setting

COUNT = 24


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Images that are brighter the larger their number is, and a table with it."""
    folder, rows = tmp_path_factory.mktemp("grey"), ["file;weight"]
    random = np.random.default_rng(0)
    for i in range(COUNT):
        pixels = random.integers(0, 40, (40, 40, 3)) + 8 * i
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{i}.png")
        rows.append(f"{i}.png;{10 + i / 2:.1f}".replace(".1f", ""))
    (folder / "weights.csv").write_text("\n".join(rows))
    return folder / "weights.csv"


@pytest.fixture(scope="module")
def study(table):
    made = task(table, regression=True, image_size=32, shots="all")
    setting = Setting(backbone="mini_resnet", epochs=2)
    return compare(
        made,
        strategies=["probe", "full"],
        shots="all",
        seeds=2,
        setting=setting,
        progress=False,
        keep_networks=True,
    )


def test_runs_hold_numbers_and_their_score_is_scikit_learns(study):
    true = study.task.test.labels.tolist()
    for run in study.runs:
        assert run.test_accuracy == pytest.approx(r2_score(true, run.predictions))
        assert run.confidences == () and len(run.predictions) == len(true)
    comparison = study.comparison()
    own = [run for run in study.runs if run.strategy == "probe"]
    wanted = np.mean([mean_absolute_error(true, run.predictions) for run in own])
    assert comparison.mean_errors["probe"] == pytest.approx(wanted)
    means = {
        name: [r.test_accuracy for r in study.runs if r.strategy == name]
        for name in ("probe", "full")
    }
    assert comparison.best == max(means, key=lambda name: np.mean(means[name]))
    assert (comparison.summary["high"] <= 1).all()


def test_what_takes_no_training_is_the_mean_and_the_neighbour(study):
    references = study.comparison().reference_accuracies
    assert references["Always their mean"] == 0
    made = study.task
    assert references["Nearest neighbour in pixels"] == pixel_neighbour(made) > 0.5


def test_the_words_of_a_study_are_those_of_numbers(study):
    shown = format_comparison(study.comparison())
    assert "R²" in shown and "mean error" in shown and "Always their mean" in shown
    assert "%" not in shown.replace("95 % interval", "")
    assert any("intervals know the seeds" in caveat for caveat in study.list_caveats())


def test_the_report_has_the_answers_against_the_true_numbers(study, tmp_path):
    page = study.write_report(tmp_path).read_text(encoding="utf-8")
    for words in (
        "By R², with all training images,",
        "A number, weight,",
        "Answers against the true numbers",
        "on the line an answer is right",
        "weights: a number (weight)",
        "Mean error",
    ):
        assert words in page, words
    assert "Confusion" not in page and "Worst mistakes" not in page


def test_a_model_of_numbers_is_trained_again_to_the_same_answers(study):
    run = study.runs[0]
    other = study.model(run)
    study.networks.clear()
    assert all(
        (a == b).all()
        for a, b in zip(other.parameters(), study.model(run).parameters(), strict=True)
    )


def test_the_command_compares_saves_and_predicts_numbers(table, tmp_path, capsys):
    words = ["--regression", "--strategies", "probe", "--seeds", "1", "--image-size", "32"]
    out = tmp_path / "out"
    assert main(["compare", str(table), *words, "--save", "--out", str(out)]) == 0
    shown = capsys.readouterr().out
    assert "(best mean R² on the test images, so its 0." in shown
    files = [str(table.parent / f"{i}.png") for i in (2, 20)]
    written = ["--cam", "--out", str(tmp_path / "cam"), "--csv", str(tmp_path / "answers.csv")]
    assert main(["predict", str(out / "model"), *files, *written]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [line[1] for line in lines] == ["weight", "weight"]
    assert [float(line[2]) for line in lines] == pytest.approx([11, 20], abs=2.5)
    answers = pd.read_csv(tmp_path / "answers.csv")
    assert list(answers) == ["file", "predicted weight", "error"]
    assert [f"{one:.4g}" for one in answers["predicted weight"]] == [line[2] for line in lines]


def test_recommend_says_who_takes_numbers(table):
    made = task(table, regression=True, image_size=32, shots="all")
    with pytest.raises(
        ValueError, match="weights asks for a number, and recommend races ways by how"
    ):
        recommend(made, budget=1)
