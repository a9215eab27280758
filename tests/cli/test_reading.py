"""The command's options for how images and tables are read, and what it prints where signs are lacking."""

import io
import json

import numpy as np
import pytest
from images_made_up import grainy, saved
from PIL import Image

from vtlab.cli import main
from vtlab.training.saving import load

QUICK = ("--strategies", "probe", "--seeds", "1", "--image-size", "32", "--backbone", "mini_resnet")


@pytest.fixture
def table(tmp_path):
    """Twelve wide images, and a table with columns of no usual names."""
    rows = ["picture,other,kind,quarter"]
    for i in range(12):
        shade = np.full((20, 60, 3), (40, 200)[i % 2], dtype=np.uint8)
        shade[5:15, 5:15] = 10 * i
        Image.fromarray(shade).save(tmp_path / f"{i}.png")
        rows.append(f"{i}.png,{i}.png,{('dark', 'kočka')[i % 2]},{i // 3}")
    (tmp_path / "labels.csv").write_text("\n".join(rows), encoding="utf-8")
    return tmp_path / "labels.csv"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ("--file-column", "no"),
            "labels.csv has no column 'no' for the file; it has picture, other",
        ),
        (("--label-column", "no"), "labels.csv has no column 'no' for the label"),
        (("--split-column", "no"), "labels.csv has no column 'no' for the split"),
        (("--label-column", "picture", "--regression"), "holds no two different numbers"),
        (("--resize", "stretch"), "invalid choice: 'stretch'"),
        (
            ("--label-column", "quarter", "--split-column", "kind"),
            "the column 'kind' of labels.csv says",
        ),
    ],
)
@pytest.mark.parametrize("command", ["compare", "recommend"])
def test_options_of_a_table_reach_its_reading(table, tmp_path, capsys, words, sentence, command):
    place = [*QUICK, "--out", str(tmp_path / "out")] if command == "compare" else []
    try:
        status = main([command, str(table), *place, *words])
    except SystemExit as end:  # what the parser refuses
        status = end.code
    assert status == 2 and sentence in capsys.readouterr().err


def test_an_option_for_tables_is_refused_where_there_is_none(table, capsys):
    (table.parent / "a").mkdir()
    (table.parent / "a" / "0.png").write_bytes((table.parent / "0.png").read_bytes())
    assert main(["compare", str(table.parent / "a"), "--label-column", "kind"]) == 2
    assert "columns are given, and a holds no table" in capsys.readouterr().err
    assert main(["compare", "garden", "--resize", "pad"]) == 2
    assert "garden has no files, and resize 'pad' would say nothing" in capsys.readouterr().err


class Ascii(io.TextIOWrapper):
    """A terminal that has few signs."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="ascii")

    def text(self) -> str:
        self.flush()
        return self.buffer.getvalue().decode("ascii")


def test_a_table_is_compared_padded_and_its_model_reads_new_images_alike(
    table, tmp_path, monkeypatch
):
    out, shown, said = tmp_path / "out", Ascii(), Ascii()
    monkeypatch.setattr("sys.stdout", shown)
    monkeypatch.setattr("sys.stderr", said)
    options = ["--label-column", "kind", "--split-column", "quarter", "--resize", "pad", "--save"]
    assert main(["compare", str(table), *QUICK, *options, "--out", str(out)]) == 0
    assert "the middle square" not in said.text()
    assert "fold 3 of the column quarter, the last of 4, is the test set" in said.text()
    assert (card := load(out / "model")[1]).resize == "pad" and card.classes == ("dark", "kočka")
    # the same pixels as in training, and signs that the terminal lacks are escaped
    for name in ("0.png", "1.png"):
        (tmp_path / f"č{name}").write_bytes((tmp_path / name).read_bytes())
    files = [str(tmp_path / name) for name in ("č0.png", "č1.png", "2.png")]
    monkeypatch.setattr("sys.stdout", printed := Ascii())
    assert main(["predict", str(out / "model"), *files]) == 0
    lines = [line.split("\t") for line in printed.text().splitlines()]
    assert [line[1] for line in lines] == ["dark", "ko\\u010dka", "dark"]
    assert lines[0][0].endswith("\\u010d0.png")
    # another way to read is another study
    assert main(["compare", str(table), *QUICK, *options[:4], "--out", str(out)]) == 2
    assert "resize" in said.text()


def test_the_model_is_kept_before_anything_is_said(table, tmp_path, monkeypatch):
    class Full(io.StringIO):
        def write(self, text):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("sys.stdout", Full())
    words = ["--label-column", "kind", "--save", "--out", str(tmp_path / "out")]
    assert main(["compare", str(table), *QUICK, *words]) == 2
    assert load(tmp_path / "out" / "model")[1].classes == ("dark", "kočka")
    assert (tmp_path / "out" / "report.html").exists()


def test_a_card_from_before_images_could_be_padded_is_read(table, tmp_path):
    from vtlab.system.sealing import seal_json, unseal_json

    for i in range(8):
        folder = tmp_path / "set" / "ab"[i % 2]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{i}.png").write_bytes(saved(grainy(i, 40)))
    words = [*QUICK, "--save", "--out", str(tmp_path / "out")]
    assert main(["compare", str(tmp_path / "set"), *words]) == 0
    path = tmp_path / "out" / "model" / "card.json"
    values = unseal_json(path.read_bytes())
    assert (values.pop("resize"), values.pop("bits")) == ("crop", 16)
    path.write_bytes(seal_json(json.loads(json.dumps(values))))
    card = load(tmp_path / "out" / "model")[1]
    assert (card.resize, card.bits) == ("crop", 16)
