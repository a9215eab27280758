"""The command with a network of one's own: compared, saved, and named again where it is used."""

import textwrap

import pytest
from PIL import Image

from vtlab.cli import main

NETWORK = """
    from torch import nn

    class Small(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.fc = nn.Conv2d(3, 8, 3, 4), nn.Linear(8, 2)

        def forward(self, images):
            return self.fc(self.body(images).relu().mean((2, 3)))

    def make():
        return Small()
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_network.py").write_text(textwrap.dedent(NETWORK))
    Image.new("RGB", (40, 30), (200, 40, 40)).save("red.png")
    return tmp_path


@pytest.mark.filterwarnings("default")
def test_a_network_of_ones_own_is_compared_saved_and_a_start(folder, capfd):
    own = ["--backbone", "own_network.py:make", "--image-size", "32"]
    little = ["--strategies", "probe", "--shots", "1", "--seeds", "1"]
    assert main(["compare", "garden", *own, *little, "--save"]) == 0
    printed, notes = capfd.readouterr()
    assert "vtlab predict vtlab-report/model --backbone own_network.py:make IMAGE" in printed
    # a warning is one line for a person, without the place in the code
    assert notes.startswith("vtlab: own_network.py:make: ImageNet's mean and std are assumed; say")
    assert "UserWarning" not in notes and "begins from own_network.py:make" in notes
    assert main(["predict", "vtlab-report/model", "red.png"]) == 2
    assert "of a network of one's own, own_network.py:make: give that" in capfd.readouterr().err
    assert main(["predict", "vtlab-report/model", "red.png", *own[:2]]) == 0
    assert capfd.readouterr().out.startswith("red.png\t")
    # what a folder names is never run by itself
    assert main(["compare", "garden", "--weights", "vtlab-report/model", *little]) == 2
    assert "own_network.py:make: name that as backbone, too" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("own_network.py:makes", "no network was found at 'own_network.py:makes'"),
        ("nowhere.py:make", "there is no file nowhere.py"),
        ("builtins:dict", "builtins:dict gives a dict, not a torch.nn.Module"),
    ],
)
def test_a_network_that_is_not_there_is_one_line(folder, capfd, name, words):
    assert main(["compare", "garden", "--backbone", name]) == 2
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 1 and words in lines[0]
