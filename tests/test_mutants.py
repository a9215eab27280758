import csv
import sys

import pytest
from mutants import (
    COLUMNS,
    MUTANTS,
    ROOT,
    SOURCES,
    TABLE,
    first_failure,
    list_files,
    main,
    plant_bug,
    pytest_in,
)


def rows():
    with TABLE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: m.name)
def test_a_mutant_changes_one_place_of_a_module_that_still_compiles(mutant):
    assert mutant.file.startswith(SOURCES) and mutant.old != mutant.new
    compile(plant_bug(mutant), mutant.file, "exec")


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: m.name)
def test_its_tests_and_its_lesson_are_there(mutant):
    files = list_files((*mutant.test_arguments, mutant.lesson))
    assert len(files) >= 1 + bool(mutant.lesson) and all(file.is_file() for file in files)


def test_there_are_thirty_or_more_of_different_names_all_over_the_package():
    assert len({m.name for m in MUTANTS}) == len(MUTANTS) >= 30
    assert len({m.file for m in MUTANTS}) >= 20


def test_a_text_that_is_not_there_once_is_named(tmp_path):
    path = tmp_path / MUTANTS[0].file
    path.parent.mkdir(parents=True)
    path.write_text(2 * MUTANTS[0].old)
    with pytest.raises(ValueError, match=f"{MUTANTS[0].name}: .* is 2 times in"):
        plant_bug(MUTANTS[0], tmp_path)


def test_the_committed_table_is_of_these_mutants_and_nine_in_ten_were_killed():
    assert [(row["mutant"], row["file"]) for row in rows()] == [(m.name, m.file) for m in MUTANTS]
    assert list(rows()[0]) == list(COLUMNS)
    killed = [row for row in rows() if row["killed_by"]]
    assert {row["killed_by"] for row in killed} <= {"tests", "lesson", "time"}
    assert len(killed) >= 0.9 * len(MUTANTS)


def test_the_data_pages_say_what_the_table_is():
    assert "`results/mutants.csv`" in (ROOT / "data" / "README.md").read_text(encoding="utf-8")


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("text", "status", "first"),
    [
        ("def test_a(): pass", 0, ""),
        ("def test_b(): assert False", 1, "test_it.py::test_b"),
        ("import nothing_of_that_name", 2, "test_it.py"),
    ],
)
def test_a_failed_test_is_told_from_one_that_could_not_begin(tmp_path, text, status, first):
    (tmp_path / "test_it.py").write_text(text)
    found, output = pytest_in(tmp_path, ("test_it.py",), 120)
    assert (found, first_failure(output)) == (status, first), output


@pytest.mark.nightly
def test_a_test_that_hangs_is_ended(tmp_path):
    (tmp_path / "test_hangs.py").write_text("def test_a():\n    while True: pass")
    assert pytest_in(tmp_path, ("test_hangs.py",), 5)[0] is None


def test_a_name_that_is_none_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["--only", "nothing of the kind"])
    assert "--list names them" in capsys.readouterr().err
    assert main(["--list"]) == 0 and MUTANTS[0].name in capsys.readouterr().out
    assert sys.modules["mutants"].__file__ == str(ROOT / "tests" / "mutants.py")
