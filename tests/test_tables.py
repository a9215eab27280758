import pytest

from vtlab.tables import committed, kept, results_folder


def measured():
    return {"test_accuracy": 0.5}


def test_a_run_is_measured_once(tmp_path, capsys):
    path, run = tmp_path / "new" / "a-0.json", {"way": "a", "seed": 0, "rate": None}
    first = kept(path, run, measured)
    assert first == run | {"test_accuracy": 0.5} and "a-0 0.5" in capsys.readouterr().out
    assert kept(path, run, lambda: pytest.fail("measured twice")) == first


def test_a_file_of_another_run_is_refused_and_kept(tmp_path):
    path = tmp_path / "a.json"
    kept(path, {"way": "a", "shots": 5}, measured)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="shots is 5 there and 10 here"):
        kept(path, {"way": "a", "shots": 10}, measured)
    assert path.read_bytes() == before


def test_every_committed_table_is_read_by_its_name():
    names = [path.stem for path in results_folder().glob("*.csv")]
    assert names and all(len(committed(name)) for name in names)
    with pytest.raises(FileNotFoundError, match=r"no committed table nothing\.csv"):
        committed("nothing")
