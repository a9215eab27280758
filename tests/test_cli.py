import csv

import pytest
from PIL import Image

from vtlab import __version__
from vtlab.cli import main
from vtlab.families import FAMILIES
from vtlab.garden.worlds import WORLDS
from vtlab.tasks import DIGITS


@pytest.fixture
def folder(tmp_path):
    for name, colour in (("ant", (200, 20, 20)), ("bee", (20, 20, 200))):
        for i in range(8):
            path = tmp_path / "photos" / name / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (40, 40), tuple(c + 5 * i for c in colour)).save(path)
    return tmp_path / "photos"


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


def test_the_same_command_goes_on_where_it_was(folder, tmp_path, capsys, monkeypatch):
    from vtlab.study import Bench

    whole, calls = Bench.run, []

    def interrupted(self, *rest):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return whole(self, *rest)

    monkeypatch.setattr(Bench, "run", interrupted)
    out = tmp_path / "out"
    assert run(folder, "--epochs", 1, "--seeds", 1, "--out", out) == 130
    assert "finished runs are kept" in capsys.readouterr().err
    assert not (out / "report.html").exists()
    assert run(folder, "--epochs", 1, "--seeds", 1, "--out", out) == 0
    assert "2 of 4 runs were finished before" in capsys.readouterr().err
    assert len(calls) == 5


@pytest.mark.parametrize(("arguments", "words"), [
    (["nowhere/at/all"], "no folder or zip at nowhere"),
    (["gardn"], "'gardn'"),
    (["--strategies", "probe,magic"], "'magic'"),
    (["--strategies", ","], "names no strategy"),
    (["--strategies", "full,full"], "twice"),
    (["--backbone", "resnet9000"], "resnet9000"),
    (["--backbone", "mobilenet_v2"], "no weights ship"),
    (["--weights", "missing.pth"], "missing.pth"),
    (["--shots", "many"], "--shots many"),
    (["--shots", "0"], "--shots 0"),
    (["--shots", "all"], "no end of images"),
    (["digits", "--shots", "80"], "class '4' has 79 training images, fewer than the 80"),
    (["printed", "--shots", "all"], "printed has no end of images"),
    (["--image-size", "4"], "too small"),
])  # fmt: skip
def test_a_mistake_is_one_line_and_no_report(arguments, words, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(*arguments, "--out", out) == 2
    error = capsys.readouterr().err.strip()
    assert words in error and "\n" not in error and error.startswith("vtlab:")
    assert not (out / "report.html").exists()


@pytest.mark.parametrize("arguments", [["--seeds", "0"], ["--epochs", "x"], ["--jobs", "-1"],
                                       ["--seed", "-3"], ["--colour"]])  # fmt: skip
def test_a_bad_number_or_option_ends_with_usage(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        run(*arguments)
    assert stop.value.code == 2 and arguments[0] in capsys.readouterr().err


def test_an_unreadable_image_and_a_small_class_are_named(folder, tmp_path, capsys):
    (folder / "ant" / "torn.png").write_bytes(b"\x89PNG")
    assert run(folder, "--out", tmp_path / "o") == 2
    assert "ant/torn.png" in capsys.readouterr().err
    (folder / "ant" / "torn.png").unlink()
    for i in range(5):
        (folder / "bee" / f"{i}.png").unlink()
    assert run(folder, "--out", tmp_path / "o") == 2
    assert "'bee' has 3 images" in capsys.readouterr().err


def test_the_help_of_compare_names_every_task_and_backbone(capsys):
    with pytest.raises(SystemExit):
        main(["compare", "--help"])
    shown = capsys.readouterr().out
    drawn = [name for name, world in WORLDS.items() if world.target == "class"]
    assert all(name in shown for name in (*drawn, *DIGITS, *FAMILIES))


def test_version_and_help(capsys):
    for option, words in (("--version", __version__), ("--help", "compare")):
        with pytest.raises(SystemExit) as stop:
            main([option])
        assert stop.value.code == 0 and words in capsys.readouterr().out
