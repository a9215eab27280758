import pandas as pd
import pytest
from resumable_table import fill_table, make_resumable_table, read_finished_rows, resumable_row

from vtlab.course.tables import read_committed_table
from vtlab.system.files import find_shipped_files


def measured():
    return {"test_accuracy": 0.5}


def test_a_run_is_measured_once(tmp_path, capsys):
    path, run = tmp_path / "new" / "a-0.json", {"way": "a", "seed": 0, "rate": None}
    first = resumable_row(path, run, measured)
    assert first == run | {"test_accuracy": 0.5} and "a-0 0.5" in capsys.readouterr().out
    assert resumable_row(path, run, lambda: pytest.fail("measured twice")) == first


def test_a_file_of_another_run_is_refused_and_kept(tmp_path):
    path = tmp_path / "a.json"
    resumable_row(path, {"way": "a", "shots": 5}, measured)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="shots is 5 there and 10 here"):
        resumable_row(path, {"way": "a", "shots": 10}, measured)
    assert path.read_bytes() == before


def test_a_plan_is_a_row_a_run_and_is_gone_on_with(tmp_path):
    plan = [({"way": "a, b", "rate": rate, "seed": 0}, measured) for rate in (None, 1e-5)]
    first = fill_table(plan, tmp_path)
    assert list(first.columns) == ["way", "rate", "seed", "test_accuracy"] and len(first) == 2
    assert {p.name for p in tmp_path.iterdir()} == {"a-b-None-0.json", "a-b-1e-05-0.json"}
    again = [(run, lambda: pytest.fail("measured twice")) for run, _ in plan]
    assert fill_table(again, tmp_path).equals(first)


def test_finished_rows_are_read_by_name_and_none_is_an_error(tmp_path):
    for way in "ba":
        resumable_row(tmp_path / f"{way}.json", {"way": way}, measured)
    assert [row["way"] for row in read_finished_rows(tmp_path)] == ["a", "b"]
    with pytest.raises(ValueError, match="has no finished run"):
        read_finished_rows(tmp_path / "none")


def test_every_committed_table_is_read_by_its_name():
    names = [path.stem for path in find_shipped_files("results").glob("*.csv")]
    assert names and all(len(read_committed_table(name)) for name in names)
    with pytest.raises(FileNotFoundError, match=r"no committed table nothing\.csv"):
        read_committed_table("nothing")


def test_a_table_is_written_with_its_small_rates_whole(tmp_path, monkeypatch):
    monkeypatch.setattr("resumable_table.find_shipped_files", lambda name: tmp_path)
    monkeypatch.setattr("sys.argv", ["vtlab.some", "--runs", str(tmp_path / "runs")])
    asked = []

    def measure(folder):
        asked.append(folder)
        return pd.DataFrame({"rate": [1e-5], "test_accuracy": [0.123456]})

    make_resumable_table("some", measure, "about")
    assert asked == [tmp_path / "runs"]
    assert (tmp_path / "some.csv").read_text(encoding="utf-8").split() == [
        "rate,test_accuracy",
        "1e-05,0.1235",
    ]
