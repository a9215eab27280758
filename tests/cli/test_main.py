import csv
import html
import io
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from vtlab import __version__
from vtlab.cli import main
from vtlab.data.tasks import DIGIT_TASKS
from vtlab.garden.worlds import WORLDS
from vtlab.models.mini_networks import MINI_NETWORKS


@pytest.fixture
def folder(tmp_path):
    for name, colour in (("ant", (200, 20, 20)), ("bee", (20, 20, 200))):
        for i in range(8):
            path = tmp_path / "photos" / name / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (40, 40), tuple(c + 5 * i for c in colour)).save(path)
    return tmp_path / "photos"


@pytest.fixture(autouse=True)
def a_small_start(monkeypatch):
    """As where EfficientNet-Lite0's package is missing: photographs begin from a network that is quick."""
    for place in ("models.starts", "study.setting"):
        monkeypatch.setattr(f"vtlab.{place}.find_efficientnet_lite_weights", lambda: None)


def run(*arguments):
    return main(["compare", *map(str, arguments)])


def test_the_main_job_on_a_folder(folder, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(folder, "--epochs", 2, "--seeds", 2, "--out", out) == 0
    shown = capsys.readouterr().out
    assert all(word in shown for word in ("From scratch", "Linear probe", "Partial", "Full"))
    assert "vtlab lab" in shown and "report.html" in shown
    rows = list(csv.DictReader((out / "runs.csv").open()))
    assert len(rows) == 8 and float(rows[0]["test_accuracy"]) <= 1
    assert "ant" in (out / "report.html").read_text(encoding="utf-8")


def test_the_first_line_says_what_the_runs_begin_from(folder, tmp_path, capsys):
    quick = ("--strategies", "probe", "--seeds", 1, "--image-size", 32)
    assert run(folder, *quick, "--out", tmp_path / "a") == 0
    first = capsys.readouterr().err.splitlines()[0]
    assert first.startswith("begins from mini_resnet with the weights natural, images of 32 px")
    assert "pip install" in first
    assert run(folder, *quick, "--backbone", "mini_vgg", "--out", tmp_path / "b") == 0
    first = capsys.readouterr().err.splitlines()[0]
    assert first == "begins from mini_vgg, images of 32 px"


def test_starts_lists_the_networks_at_hand(capsys):
    assert main(["starts"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in (*MINI_NETWORKS, "natural", "BSD-3-Clause"))


def test_the_same_command_goes_on_where_it_was(folder, tmp_path, capsys, monkeypatch):
    from vtlab.study.run import Runner

    whole, calls = Runner.run, []

    def interrupted(self, *rest):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return whole(self, *rest)

    monkeypatch.setattr(Runner, "run", interrupted)
    out = tmp_path / "out"
    assert run(folder, "--epochs", 1, "--seeds", 1, "--out", out) == 130
    assert "finished runs are kept" in capsys.readouterr().err
    assert not (out / "report.html").exists()
    assert run(folder, "--epochs", 1, "--seeds", 1, "--out", out) == 0
    assert "2 of 4 runs were finished before" in capsys.readouterr().err
    assert len(calls) == 5


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere/at/all"], "no folder or zip at nowhere"),
        (["gardn"], "'gardn'"),
        (["--strategies", "probe,magic"], "'magic'"),
        (["--strategies", ","], "names no strategy"),
        (["--strategies", "full,full"], "twice"),
        (["--backbone", "resnet9000"], "resnet9000"),
        (["--weights", "missing.pth"], "missing.pth"),
        (["--shots", "many"], "--shots many"),
        (["--shots", "0"], "--shots 0"),
        (["--shots", "all"], "no end of images"),
        (["digits", "--shots", "80"], "class '4' has 79 training images, fewer than the 80"),
        (["printed", "--shots", "all"], "printed has no end of images"),
        (["--image-size", "4"], "too small"),
        (["--label-smoothing", "1"], "label_smoothing is 1.0; it is from 0 to below 1"),
        (["--label-smoothing", "nan"], "label_smoothing is nan"),
        (
            ["--batch-size", "8", "--recipe", "plain"],
            "the batches of --recipe plain have 32 images",
        ),
        (["--image-size", "100000"], "images of 100000 px are too large; the most is 1024"),
        (
            ["--seed", str(2**32 - 1), "--seeds", "2"],
            "--seed 4294967295 with --seeds 2 goes beyond 4294967295",
        ),
    ],
)
def test_a_mistake_is_one_line_and_no_report(arguments, words, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(*arguments, "--out", out) == 2
    error = capsys.readouterr().err.strip()
    assert words in error and "\n" not in error and error.startswith("vtlab:")
    assert not (out / "report.html").exists()


@pytest.mark.parametrize(
    ("words", "complaint", "help_of"),
    [
        ("compare --seeds -1", "--seeds: -1 is negative", "compare"),
        ("compare --seeds 0", "--seeds: 0 is not 1 or more", "compare"),
        ("compare --seeds", "--seeds: expected one argument", "compare"),
        ("compare --epochs x", "--epochs: 'x' is not a whole number", "compare"),
        ("compare --jobs -1", "--jobs: -1 is negative", "compare"),
        ("compare --seed -3", "--seed: -3 is negative", "compare"),
        (f"compare --seed {2**32}", f"--seed: {2**32} is more than {2**32 - 1}", "compare"),
        ("compare --colour", "not understood: --colour", "compare"),
        ("compare my photos", "not understood: photos; a path with spaces is quoted", "compare"),
        ("compare --s 1", "ambiguous option: --s could match --strict", "compare"),
        ("compare --batch-size 0", "--batch-size: 0 is not 1 or more", "compare"),
        ("compare --class-weights even", "'even' is neither balanced nor numbers", "compare"),
        ("compare --class-weights 1,,2", "'1,,2' is neither balanced nor numbers", "compare"),
        ("compare --class-weights=-1,2", "'-1,2' is neither balanced nor numbers", "compare"),
        ("compare --label-smoothing some", "--label-smoothing: invalid float value", "compare"),
        ("recommend x --batch-size 8", "not understood: --batch-size 8", "recommend"),
        ("compare --recipe best", "--recipe: invalid choice: 'best'", "compare"),
        ("compare --strict=yes", "--strict: it takes no value, and was given 'yes'", "compare"),
        ("compare --strategies probe --strategies full", "--strategies: given twice", "compare"),
        ("compare --seeds 3 --seeds 3", "--seeds: given twice", "compare"),
        ("compare --tune --recipe plain", "--recipe: not allowed with argument --tune", "compare"),
        ("recommend", "required: PATH", "recommend"),
        ("recommend garden --seeds 3", "not understood: --seeds 3", "recommend"),
        ("recommend garden --budget=-1", "--budget: '-1' is no time such as 90s", "recommend"),
        ("recommend garden --budget=0s", "--budget: '0s' is no time such as 90s", "recommend"),
        ("recommend garden --budget soon", "--budget: 'soon' is no time such as 90s", "recommend"),
        ("predict model", "required: IMAGE", "predict"),
        ("predict model x.png --out", "--out: expected one argument", "predict"),
        ("starts --all", "not understood: --all", "starts"),
        ("lab here", "'here' is no option of JupyterLab, such as --port=9000", "lab"),
        ("train photos", "COMMAND: invalid choice: 'train'", ""),
        ("--colour starts", "not understood: --colour", ""),
        ("", "required: COMMAND", ""),
    ],
)
def test_a_bad_option_is_one_line_that_names_it_and_where_help_is(
    words, complaint, help_of, capsys
):
    with pytest.raises(SystemExit) as stop:
        main(words.split())
    shown = capsys.readouterr()
    assert stop.value.code == 2 and not shown.out
    (line,) = shown.err.splitlines()
    assert line.startswith("vtlab: ") and complaint in line
    assert line.endswith(f"(see {' '.join(['vtlab', help_of]).strip()} --help)")


@pytest.mark.parametrize(
    "words",
    [
        ["compare", ""],
        ["compare", " "],
        ["compare", "garden", "--weights", ""],
        ["compare", "garden", "--backbone", ""],
        ["compare", "garden", "--out", ""],
        ["recommend", ""],
        ["predict", "", "x.png"],
        ["predict", "model", ""],
        ["predict", "model", "x.png", "--csv", ""],
        ["predict", "model", "x.png", "--out="],
        ["predict", "model", "x.png", "--backbone", ""],
        ["lab", "--folder", ""],
    ],
    ids=" ".join,
)
def test_an_empty_path_as_of_a_variable_that_is_not_set_is_no_folder(words, capsys):
    with pytest.raises(SystemExit):
        main(words)
    assert "is empty; '.' is the folder you are in" in capsys.readouterr().err


def test_an_unreadable_image_is_left_out_and_named_or_with_strict_refused(folder, tmp_path, capsys):
    (folder / "ant" / "torn.png").write_bytes(b"\x89PNG")
    assert run(folder, "--strict", "--out", tmp_path / "o") == 2
    assert "ant/torn.png" in capsys.readouterr().err
    assert run(folder, "--strategies", "probe", "--seeds", 1, "--out", tmp_path / "o") == 0
    assert "1 file was left out; the report names each:" in (shown := capsys.readouterr().out)
    assert "  ant/torn.png cannot be read as an image\n" in shown
    page = (tmp_path / "o" / "report.html").read_text(encoding="utf-8")
    assert "1 file was left out." in page and "ant/torn.png cannot be read as an image" in page


def test_finished_runs_are_not_mixed_with_those_of_other_images(folder, tmp_path, capsys):
    one = ("--strategies", "probe", "--seeds", 1, "--out", tmp_path / "o")
    assert run(folder, *one) == 0
    (folder / "ant" / "0.png").unlink()
    assert run(folder, *one) == 2
    assert "holds another study (images is" in capsys.readouterr().err


def test_a_folder_is_the_same_study_by_whatever_path(folder, tmp_path, capsys, monkeypatch):
    one = ("--strategies", "probe", "--seeds", 1, "--out", tmp_path / "o")
    assert run(folder, *one) == 0
    monkeypatch.chdir(tmp_path)
    for path in ("photos", "photos/", "./photos"):
        assert run(path, *one) == 0
        assert "1 of 1 runs were finished before" in capsys.readouterr().err


def test_the_report_may_lie_among_the_images_whose_folder_is_the_one_here(
    folder, capsys, monkeypatch
):
    monkeypatch.chdir(folder)
    for _ in range(2):
        assert run(".", "--strategies", "probe", "--seeds", 1) == 0
    assert "1 of 1 runs were finished before" in capsys.readouterr().err
    assert next(csv.DictReader((folder / "vtlab-report" / "runs.csv").open()))["task"] == "photos"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems' names are always text")
def test_names_that_are_no_text_reach_the_report_and_the_line_to_type_is_quoted(
    folder, tmp_path, capsys
):
    (folder / "ant").rename(folder / os.fsdecode(b"caf\xe9"))
    odd = folder.rename(tmp_path / os.fsdecode(b"my photos \xe9"))
    out = tmp_path / os.fsdecode(b"my report \xe9")
    assert run(odd, "--strategies", "probe", "--seeds", 1, "--out", out, "--save") == 0
    page = html.unescape((out / "report.html").read_text(encoding="utf-8"))
    assert (
        "caf\\udce9" in page
        and f"vtlab compare '{tmp_path}/my photos \\udce9' --strategies probe" in page
    )
    shown = capsys.readouterr().out
    assert f"  vtlab predict '{tmp_path}/my report \\udce9/model' IMAGE…\n" in shown
    shown.encode()
    assert main(["predict", str(out / "model"), str(odd)]) == 0
    assert "my photos \\udce9/caf\\udce9/0.png\tcaf\\udce9\t" in capsys.readouterr().out


@pytest.mark.parametrize(("user", "more"), [(0, ["--allow-root"]), (1000, [])])
def test_lab_opens_a_copy_and_passes_options_on(tmp_path, monkeypatch, user, more):
    opened = []

    def run(command, **options):
        opened.append(command[3:])
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("vtlab.cli.commands.subprocess.run", run)
    monkeypatch.setattr("os.geteuid", lambda: user)
    assert main(["lab", "--", "--port=9000"]) == 0
    first = Path("vtlab-lessons/01_four_strategies.ipynb")
    assert opened == [[str(first), "--port=9000", *more]]
    assert Path("vtlab-lessons/solutions").is_dir() and not Path("vtlab-lessons/tools").exists()
    first.write_text("mine", encoding="utf-8")
    assert main(["lab"]) == 0 and first.read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_lab_says_where_there_are_no_lessons(tmp_path, capsys, monkeypatch, kind):
    place = tmp_path / "notes"
    place.mkdir() if kind == "folder" else place.write_text("x")
    assert main(["lab", "--folder", str(place)]) == 2
    words = "holds no lessons (01_….ipynb)" if kind == "folder" else "is a file, not a folder"
    assert capsys.readouterr().err.startswith(
        f"vtlab: {place} {words}: name another folder (--folder)"
    )


def test_if_every_run_diverges_the_report_is_written_and_the_exit_says_so(
    folder, tmp_path, capsys, monkeypatch
):
    from vtlab.models.evaluation import NonFiniteOutputsError

    def overflown(*given):
        raise NonFiniteOutputsError("its outputs are no finite numbers")

    monkeypatch.setattr("vtlab.study.run.predict", overflown)
    out = tmp_path / "out"
    quick = ("--strategies", "probe", "--seeds", 1, "--image-size", 32)
    assert run(folder, *quick, "--save", "--out", out) == 1
    shown = capsys.readouterr()
    assert shown.err.splitlines()[-1] == (
        "vtlab: every run diverged: no strategy has an accuracy, and no network was saved"
    )
    assert "With all training images, every run diverged" in shown.out
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "every run diverged" in page and not (out / "model").exists()


def test_the_terminal_says_what_the_runs_show_and_what_is_known_of_the_data(
    folder, tmp_path, capsys
):
    assert run(folder, "--strategies", "probe", "--seeds", 1, "--out", tmp_path / "out") == 0
    shown = capsys.readouterr()
    assert "  no test folder: 4 images, 30% of each class, held out\n" in shown.err
    assert "With all training images, Linear probe reaches 100.0 %; nothing else was" in shown.out
    assert "  - The test set has 4 images: one image is 25.0 %." in shown.out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["--epochs", "3", "--tune"],
            "not used, since what learns is a linear probe, which is solved on the images as they are: "
            "epochs 3, recipe tuned",
        ),
        (["--no-flip"], "images as they are: flip False"),
        (
            ["--strategies", "scratch", "--weights", "natural"],
            "not used, since what learns begins at random: weights natural",
        ),
        (["--strict"], "not used, since no files are read: strict True"),
    ],
)
def test_an_option_that_has_no_effect_is_named(words, sentence, tmp_path, capsys, monkeypatch):
    from vtlab.study.run import Runner

    def stop(self, *rest):
        raise ValueError("no training")

    monkeypatch.setattr(Runner, "run", stop)
    strategies = [] if "--strategies" in words else ["--strategies", "probe"]
    given = ["--seeds", 1, "--image-size", 32, "--out", tmp_path, *strategies, *words]
    assert run("digits", *given) == 2
    (line,) = (line for line in capsys.readouterr().err.splitlines() if "not used" in line)
    assert line.endswith(sentence)


def test_with_one_image_per_class_no_recipe_is_chosen_and_that_is_said(
    tmp_path, capsys, monkeypatch
):
    from vtlab.study.run import Runner

    monkeypatch.setattr(Runner, "run", lambda *given: 1 / 0)
    for strategy, said in (("full", True), ("probe", False)):
        given = ("--strategies", strategy, "--shots", 1, "--image-size", 32)
        with pytest.raises(ZeroDivisionError):
            run("garden", *given, "--out", tmp_path)
        words = "with 1 image per class none can be held back: the most cautious recipe is taken"
        assert (words in capsys.readouterr().err) == said


def test_a_small_class_is_named(folder, tmp_path, capsys):
    for i in range(5):
        (folder / "bee" / f"{i}.png").unlink()
    assert run(folder, "--out", tmp_path / "o") == 2
    assert "'bee' has 3 images" in capsys.readouterr().err


def test_the_help_of_compare_names_every_task_and_backbone(capsys):
    with pytest.raises(SystemExit):
        main(["compare", "--help"])
    shown = capsys.readouterr().out
    drawn = [name for name, world in WORLDS.items() if world.target == "class"]
    assert all(
        name in shown for name in (*drawn, *DIGIT_TASKS, *MINI_NETWORKS, "efficientnet_lite0")
    )


@pytest.mark.parametrize(
    ("words", "recipe"),
    [
        ([], "chosen"),
        (["--recipe", "plain"], "plain"),
        (["--recipe", "committed"], "committed"),
        (["--tune"], "tuned"),
    ],
)
def test_the_recipe_that_is_asked_for_is_that_of_the_study(
    words, recipe, tmp_path, monkeypatch, capsys
):
    asked = []

    def seen(*task, setting, **how):
        asked.append(setting.recipe)
        raise ValueError("seen")

    monkeypatch.setattr("vtlab.study.compare.compare", seen)
    assert run("garden", "--out", tmp_path, *words) == 2
    assert asked == [recipe] and "seen" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "fields", "unused"),
    [
        ([], {}, ""),
        (
            ["--batch-size", "8", "--label-smoothing", "0.1"],
            {"batch_size": 8, "label_smoothing": 0.1},
            "  not used, since probe is solved on all images at once: batch size 8, label smoothing 0.1\n",
        ),
        (["--class-weights", "balanced"], {"class_weights": "balanced"}, ""),
        (["--class-weights", "1,2.5"], {"class_weights": (1.0, 2.5)}, ""),
    ],
)
def test_how_strategies_are_trained_reaches_each_that_has_a_use_for_it(
    words, fields, unused, tmp_path, monkeypatch, capsys
):
    from vtlab.training.strategies import full, probe

    asked = []

    def seen(*task, strategies, **how):
        asked.extend(strategies)
        raise ValueError("seen")

    monkeypatch.setattr("vtlab.study.compare.compare", seen)
    assert run("garden", "--out", tmp_path, "--strategies", "probe,full", *words) == 2
    weighed = {name: value for name, value in fields.items() if name == "class_weights"}
    assert asked == [replace(probe, **weighed), replace(full, **fields)]
    assert capsys.readouterr().err == f"{unused}vtlab: seen\n"


def test_weights_of_other_classes_are_refused_by_number(folder, tmp_path, capsys):
    place = ("--image-size", 32, "--out", tmp_path / "out", "--strategies", "probe", "--seeds", 1)
    assert run(folder, "--class-weights", "1,1,5", *place) == 2
    assert "class_weights has 3 numbers, the task 2 classes" in capsys.readouterr().err


def test_version_and_help(capsys):
    for option, words in (("--version", __version__), ("--help", "compare")):
        with pytest.raises(SystemExit) as stop:
            main([option])
        assert stop.value.code == 0 and words in capsys.readouterr().out


@pytest.fixture
def model(tmp_path):
    """The folder of a model that has learnt the colours of the photos: red is red."""
    import torch

    from vtlab.data.images import Images
    from vtlab.data.tasks import Task
    from vtlab.models.backbones import backbone
    from vtlab.training.fit import fit
    from vtlab.training.saving import save
    from vtlab.training.strategies import probe

    colours = [
        [c + 5 * i for c in colour] for colour in ((200, 20, 20), (20, 20, 200)) for i in range(8)
    ]
    pixels = torch.tensor(colours, dtype=torch.uint8)[:, :, None, None].expand(-1, -1, 32, 32)
    images = Images(pixels.contiguous(), torch.tensor([0] * 8 + [1] * 8))
    task = Task("colours", ("red", "blue"), images, images, 8, 0, lambda shots, seed: images)
    network = backbone("mini_resnet", classes=2)
    list(fit(network, task, probe))
    save(network, tmp_path / "model", task, strategy=probe)
    return tmp_path / "model"


def test_predict_names_every_image_and_says_which_it_could_not_read(
    model, folder, tmp_path, capsys
):
    (folder / "torn.png").write_bytes(b"\x89PNG")
    status = main(["predict", str(model), str(folder), str(tmp_path / "no.png")])
    shown = capsys.readouterr()
    lines = [line.split("\t") for line in shown.out.splitlines()]
    assert [line[1] for line in lines] == ["red"] * 8 + ["blue"] * 8
    assert all(line[2].endswith(" %") and float(line[2][:-2]) > 50 for line in lines)
    assert status == 1 and len(shown.err.splitlines()) == 2
    assert "torn.png" in shown.err and "no.png" in shown.err
    assert main(["predict", str(model), str(folder / "ant")]) == 0


def test_predict_writes_a_table_with_the_probability_of_every_class_and_loses_no_file(
    model, folder, tmp_path, capsys
):
    (folder / "torn.png").write_bytes(b"\x89PNG")
    (tmp_path / "empty").mkdir()
    given = [str(folder), str(tmp_path / "no.png"), str(tmp_path / "empty")]
    assert main(["predict", str(model), *given, "--csv", str(tmp_path / "all.csv")]) == 1
    assert (tmp_path / "all.csv").read_bytes().startswith("\ufefffile,".encode())  # for Excel
    table = pd.read_csv(tmp_path / "all.csv")
    assert list(table) == ["file", "class", "confidence", "p(red)", "p(blue)", "error"]
    shown = capsys.readouterr()
    lines, read = [line.split("\t") for line in shown.out.splitlines()], table[table.error.isna()]
    assert read.file.tolist() == [line[0] for line in lines] and len(read) == 16
    assert read["class"].tolist() == [line[1] for line in lines]
    assert [f"{100 * one:.1f} %" for one in read.confidence] == [line[2] for line in lines]
    every = read[["p(red)", "p(blue)"]]
    assert np.allclose(every.sum(axis=1), 1) and (every.max(axis=1) == read.confidence).all()
    unread = table[table.error.notna()]
    assert unread[["confidence", "p(red)"]].isna().all(axis=None)
    assert [Path(str(file)).name for file in unread.file] == ["torn.png", "no.png", "nan"]
    assert [error in shown.err for error in unread.error] == [True] * 3
    assert unread.error.iloc[2] == f"{tmp_path / 'empty'} holds no image"


def test_the_table_names_images_that_were_not_reached(model, folder, tmp_path, monkeypatch):
    from vtlab.study.predict import Predictor

    def stop(predictor, path):
        if path.name == "1.png":
            raise KeyboardInterrupt
        return classify(predictor, path)

    classify = Predictor.classify
    monkeypatch.setattr(Predictor, "classify", stop)
    assert main(["predict", str(model), str(folder), "--csv", str(tmp_path / "all.csv")]) == 130
    table = pd.read_csv(tmp_path / "all.csv")
    assert table.error.tolist()[1:] == ["not reached"] * 15 and table["class"][0] == "red"


@pytest.mark.parametrize(
    ("name", "words"),
    [("a.png", "--csv: {} does not end in .csv"), ("no/all.csv", "--csv: there is no folder")],
)
def test_a_table_of_predictions_is_refused_before_the_work(model, tmp_path, capsys, name, words):
    with pytest.raises(SystemExit):
        main(["predict", str(model), "x.png", "--csv", str(tmp_path / name)])
    assert words.format(tmp_path / name) in capsys.readouterr().err


def test_predict_writes_where_the_evidence_lies_into_a_folder_of_its_own(
    model, folder, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    before = sorted(folder.rglob("*"))
    assert main(["predict", str(model), "photos", "--cam"]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    pictures = sorted(tmp_path.glob("vtlab-cams/*"))
    assert sorted(tmp_path / line[3] for line in lines) == pictures and len(pictures) == 16
    assert all((tmp_path / line[3]).name.startswith(f"{line[0][-5]}-") for line in lines)
    with Image.open(pictures[0]) as drawn:
        assert drawn.width > 300
    assert sorted(folder.rglob("*")) == before
    # by whatever path an image is named, its picture is the same file, and a later call writes it again
    pictures[0].write_bytes(b"old")
    assert main(["predict", str(model), str(folder), "--cam"]) == 0
    assert sorted(tmp_path.glob("vtlab-cams/*")) == pictures
    assert pictures[0].read_bytes() != b"old"
    one = str(folder / "bee" / "0.png")
    assert main(["predict", str(model), one, "--cam", "--out", str(tmp_path / "maps")]) == 0
    assert len(list((tmp_path / "maps").iterdir())) == 1
    assert main(["predict", str(model), one, "--cam", "--out", str(folder / "bee")]) == 2
    assert main(["predict", str(model), one, "--out", str(tmp_path / "maps")]) == 2
    said = capsys.readouterr().err
    assert "holds the images themselves" in said and "give --cam, too" in said
    assert sorted(folder.rglob("*")) == before


def test_pictures_of_the_evidence_are_no_photographs_and_that_is_said(
    model, folder, capsys, monkeypatch
):
    from vtlab.data.folders import read_folder

    monkeypatch.chdir(folder)
    assert main(["predict", str(model), ".", "--cam"]) == 0
    read = read_folder(folder, 16)
    assert read.classes == ("ant", "bee") and len(read.train.files) == 16
    note = "vtlab-cams/ holds pictures of vtlab predict --cam and was left out"
    assert note in read.notes
    capsys.readouterr()
    assert main(["predict", str(model), "."]) == 0
    shown = capsys.readouterr()
    assert len(shown.out.splitlines()) == 16 and note in shown.err


def test_predict_refuses_a_file_where_its_pictures_belong(model, folder, tmp_path, capsys):
    (tmp_path / "maps").write_text("x")
    asked = ["predict", str(model), str(folder), "--cam", "--out", str(tmp_path / "maps")]
    assert main(asked) == 2
    assert "maps is a file, not a folder" in capsys.readouterr().err


@pytest.mark.skipif(os.name != "posix", reason="Windows has no pipes in folders")
def test_predict_waits_for_no_pipe(model, folder, tmp_path, capsys):
    os.mkfifo(tmp_path / "pipe.png")
    os.mkfifo(folder / "ant" / "pipe.png")
    assert main(["predict", str(model), str(tmp_path / "pipe.png"), str(folder / "ant")]) == 1
    shown = capsys.readouterr()
    ends = [
        line.endswith("pipe.png cannot be read: it is no file") for line in shown.err.splitlines()
    ]
    assert ends == [True, True]
    assert len(shown.out.splitlines()) == 8


def test_predict_names_the_others_where_a_folder_is_empty(model, folder, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    for order in ((folder / "ant", tmp_path / "empty"), (tmp_path / "empty", folder / "ant")):
        assert main(["predict", str(model), *map(str, order)]) == 1
        shown = capsys.readouterr()
        assert shown.err == f"vtlab: {tmp_path / 'empty'} holds no image\n"
        assert len(shown.out.splitlines()) == 8


def test_predict_stops_quietly_where_nobody_reads_on(model, folder, capsys, monkeypatch):
    class Closed(io.StringIO):
        def write(self, text):
            raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr("sys.stdout", Closed())
    assert main(["predict", str(model), str(folder)]) == 141
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("model_at", "image", "words"),
    [
        ("nowhere", "x.png", "no model in"),
        ("photos", "x.png", "no card.json"),
        ("model", "empty", "holds no image"),
    ],
)
def test_a_mistake_in_predict_is_one_line(model, folder, tmp_path, capsys, model_at, image, words):
    (tmp_path / "empty").mkdir()
    assert main(["predict", str(tmp_path / model_at), str(tmp_path / image)]) == 2
    error = capsys.readouterr().err.strip()
    assert words in error and "\n" not in error


def test_compare_saves_the_best_network_and_predict_takes_it(folder, tmp_path, capsys):
    from vtlab.training.saving import load

    out = tmp_path / "out"
    assert (
        run(
            folder,
            "--strategies",
            "probe,full",
            "--epochs",
            1,
            "--seeds",
            1,
            "--out",
            out,
            "--save",
        )
        == 0
    )
    _, card = load(out / "model")
    assert card.classes == ("ant", "bee") and card.strategy in ("probe", "full")
    assert f"vtlab predict {out / 'model'}" in capsys.readouterr().out
    assert main(["predict", str(out / "model"), str(folder / "bee" / "1.png")]) == 0


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
def test_a_terminated_comparison_keeps_its_runs_and_says_so(folder, tmp_path, capsys, monkeypatch):
    from vtlab.study.run import Runner

    whole, calls = Runner.run, []

    def terminated(self, *rest):
        calls.append(1)
        if len(calls) == 3:
            signal.raise_signal(signal.SIGTERM)
        return whole(self, *rest)

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(Runner, "run", terminated)
    out = tmp_path / "out"
    assert run(folder, "--epochs", 1, "--seeds", 1, "--out", out) == 143
    assert "finished runs are kept" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGTERM) == before
    assert len(list((out / "runs").glob("*-all-0.json"))) == 2


def test_recommend_names_a_way_and_the_line_that_carries_it_out(folder, capsys, monkeypatch):
    monkeypatch.setattr("vtlab.study.recommend.MAX_SPLITS", 3)
    (folder / "ant" / "torn.png").write_bytes(b"")
    assert (
        main(["recommend", str(folder), "--budget", "10min", "--epochs", "1", "--image-size", "16"])
        == 0
    )
    shown = capsys.readouterr()
    assert "Train so: " in shown.out and "vt.fit(network, task, vt." in shown.out
    assert f"\n  vtlab compare {folder} --strategies " in shown.out
    assert "at most 600" in shown.err and "ant/torn.png cannot be read" in shown.err
    assert main(["recommend", str(folder), "--budget", "0.01s", "--epochs", "1"]) == 2
    assert "are too short" in capsys.readouterr().err


@pytest.mark.parametrize(("words", "flip"), [([], True), (["--no-flip"], False)])
def test_images_of_writing_are_not_mirrored_where_that_is_said(
    folder, tmp_path, monkeypatch, words, flip
):
    asked = []
    monkeypatch.setattr(
        "vtlab.study.recommend.recommend", lambda task, **more: asked.append(task.flip) or 1 / 0
    )
    with pytest.raises(ZeroDivisionError):
        main(["recommend", str(folder), *words])
    assert asked == [flip]
    assert (
        run(folder, *words, "--strategies", "probe", "--seeds", 1, "--out", tmp_path / "out") == 0
    )
    (kept,) = (tmp_path / "out" / "runs").glob("probe*.json")
    assert json.loads(kept.read_text())["content"]["settings"]["flip"] is flip
