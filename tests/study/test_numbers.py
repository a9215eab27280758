"""Studies of tasks that ask for a number: compared, reported, saved and predicted."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from sklearn.metrics import mean_absolute_error, r2_score

from vtlab.cli import main
from vtlab.data.baselines import pixel_neighbour
from vtlab.data.tasks import task
from vtlab.models.evaluation import compute_outputs
from vtlab.results.comparison import format_comparison
from vtlab.study import recommend as advice
from vtlab.study.compare import compare
from vtlab.study.recommend import recommend
from vtlab.study.setting import Setting
from vtlab.system.randomness import make_generator
from vtlab.training.strategies import probe

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


@pytest.fixture(scope="module")
def grey():
    """Sixty images that are brighter the larger their number is."""

    def images(count, seed):
        numbers = np.linspace(10, 22, count)
        noise = np.random.default_rng(seed).integers(0, 40, (count, 32, 32, 3))
        return (noise + 16 * (numbers - 10)[:, None, None, None]).astype(np.uint8), numbers

    return task(images(60, 0), test=images(20, 1), shots="all", regression=True)


RACED = Setting(backbone="mini_resnet", image_size=32, epochs=2, recipe="committed")


@pytest.fixture
def three_splits(monkeypatch):
    monkeypatch.setattr(advice, "MAX_SPLITS", advice.MIN_SPLITS)


def test_numbers_are_raced_and_their_mean_is_what_must_be_beaten(grey, three_splits, monkeypatch):
    judged = {"probe": [], "partial": []}

    def watched(network, pixels):
        outputs = compute_outputs(network, pixels)
        way = "partial" if "stage4" in network.learning_parts else "probe"
        judged[way].append((pixels, outputs[:, 0]))
        return outputs

    monkeypatch.setattr(advice, "compute_outputs", watched)
    said, true = [], grey.train.labels
    found = recommend(grey, budget=3600, setting=RACED, ways=[*judged], say=said.append)
    assert found.images == (45, 15)
    # by hand: the numbers of what was held back are found by its pixels
    places = {image.numpy().tobytes(): i for i, image in enumerate(grey.train.pixels)}
    rows = found.table.set_index("way")
    for way, splits in judged.items():
        offs = [y - true[[places[x.numpy().tobytes()] for x in pixels]] for pixels, y in splits]
        scores = [max(-1, float(1 - (off**2).mean() / true.var(correction=0))) for off in offs]
        assert rows["mean"][way] == pytest.approx(np.mean(scores))
        assert rows.mean_error[way] == pytest.approx(np.mean([off.abs().mean() for off in offs]))
        assert len(splits) == 3 and np.isnan(rows.balanced[way])
    assert found.learnt and -0.3 < found.majority < 0 and found.lead.low > 0
    assert rows["mean"]["probe"] > 0.8
    shown = str(found)
    for words in (
        "R²",
        "mean error",
        "Always their mean",
        "Train so: ",
        "every R² may be a little",
    ):
        assert words in shown
    assert "accurac" not in shown and "Chance" not in shown
    assert "%" not in shown.replace("95 % interval", "") and "leads at 0." in said[-1]


def test_numbers_that_no_image_shows_are_not_recommended(grey, three_splits):
    order = torch.randperm(len(grey.train), generator=make_generator(0, "mix"))
    lost = replace(grey, train=replace(grey.train, labels=grey.train.labels[order]), draw=None)
    found = recommend(lost, budget=3600, setting=RACED, ways="probe")
    assert not found.learnt and found.lead.low < 0
    assert "Nothing learnt was shown: Linear probe, the best, has an R² of" in str(found)
    assert "always answering with the mean number has 0.0" in str(found)
    few = replace(grey, train=grey.train[torch.arange(3)])
    with pytest.raises(ValueError, match="^'number' has 3 training images; a recommendation takes"):
        recommend(few, setting=RACED)


def test_a_split_that_goes_wrong_does_not_outweigh_the_others(grey, three_splits, monkeypatch):
    wrong = iter([0.0, 1e6, 0.0])

    def answer(network, pixels):
        return compute_outputs(network, pixels) + next(wrong)

    monkeypatch.setattr(advice, "compute_outputs", answer)
    row = recommend(grey, budget=3600, setting=RACED, ways="probe").table.iloc[0]
    assert row["mean"] == pytest.approx((2 * 0.9 - 1) / 3, abs=0.05) and row.low == -1


def test_the_command_recommends_for_numbers(table, three_splits, monkeypatch, capsys):
    monkeypatch.setitem(advice.recommend.__kwdefaults__, "ways", probe)
    own = ["--backbone", "mini_resnet", "--image-size", "32", "--regression"]
    assert main(["recommend", str(table), *own]) == 0
    shown = capsys.readouterr().out
    head = "R² 95 % interval mean error behind the best splits seconds"
    assert shown.splitlines()[0].split() == head.split()
    assert "--regression" in shown or "Nothing learnt" in shown
