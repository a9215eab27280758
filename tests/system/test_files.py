import errno
import time
from pathlib import Path

import pandas as pd
import pytest
from runs_made_up import made_up

from vtlab.results.records import runs_to_table
from vtlab.system.files import expand_home, write_csv, write_text


def test_a_read_only_place_is_one_sentence_and_the_old_file_stays(tmp_path, monkeypatch):
    path = tmp_path / "runs.csv"
    write_text(path, "old")

    def refuse(self: Path, target: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "replace", refuse)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    with pytest.raises(PermissionError, match=r"runs\.csv could not be written: Permission"):
        write_text(path, "new")
    assert [p.read_text() for p in tmp_path.iterdir()] == ["old"]


def test_a_table_comes_back_from_its_csv(tmp_path):
    runs = runs_to_table([made_up(seed=seed) for seed in range(3)])
    write_csv(tmp_path / "runs.csv", runs)
    back = pd.read_csv(tmp_path / "runs.csv")
    pd.testing.assert_frame_equal(back, runs.astype({"val_accuracy": float}))
    assert b"\r" not in (tmp_path / "runs.csv").read_bytes()


def test_a_path_from_the_home_folder_is_expanded_and_all_else_stays(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert expand_home("~/photos") == f"{tmp_path}/photos"
    assert expand_home(Path("~/photos")) == tmp_path / "photos"
    assert expand_home("~") == str(tmp_path)
    for empty in ("", " "):
        with pytest.raises(ValueError, match="is empty; '.' is the folder you are in"):
            expand_home(empty)
    for other in ("garden", "a/~/b", "~nobody-of-this-name/x", Path("x"), None, 3):
        assert expand_home(other) is other or expand_home(other) == other
