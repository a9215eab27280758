import json
from dataclasses import asdict

import pytest
from runs_made_up import made_up

from vtlab.results.records import Run, epochs_to_table, run_record_key, runs_to_table
from vtlab.system.sealing import seal_json, unseal_json


def test_a_run_survives_its_file():
    run = made_up("partial(2)")
    assert Run.from_values(unseal_json(seal_json(asdict(run)))) == run


@pytest.mark.parametrize("change", [{"colour": 1}, {"seed": None}])
def test_unknown_and_missing_fields_are_named(change):
    values = json.loads(json.dumps(asdict(made_up())))
    for name, value in change.items():
        if value is None:
            del values[name]
        else:
            values[name] = value
    with pytest.raises(ValueError, match=r"'(colour' is unknown|seed' is missing)"):
        Run.from_values(values)


def test_a_field_of_an_epoch_is_named_too():
    values = json.loads(json.dumps(asdict(made_up())))
    del values["epochs"][0]["loss"]
    with pytest.raises(ValueError, match="'loss' is missing"):
        Run.from_values(values)


@pytest.mark.parametrize(
    ("field", "odd"),
    [("epochs", 3), ("epochs", [[1]]), ("cams", None), ("predictions", "12"), ("confidences", {})],
)
def test_a_field_that_holds_no_list_is_named(field, odd):
    values = json.loads(json.dumps(asdict(made_up()))) | {field: odd}
    with pytest.raises(ValueError, match=f"'{field}' holds"):
        Run.from_values(values)


def test_tables_of_no_runs_keep_their_columns():
    for tabulate in (runs_to_table, epochs_to_table):
        assert list(tabulate([]).columns) == list(tabulate([made_up()]).columns)


def test_what_is_no_run_is_refused():
    for text in ("[]", "3", '{"task": "gar'):
        with pytest.raises(ValueError):
            Run.from_values(unseal_json(text.encode()))


def test_keys_are_file_names_and_differ():
    keys = [
        run_record_key(s, n, i)
        for s in ("full", "partial(2)", "partial(3)")
        for n in (5, None)
        for i in (0, 1)
    ]
    assert len(set(keys)) == len(keys)
    assert all(k.replace("-", "").replace("_", "").isalnum() for k in keys)


def test_the_table_is_tidy_and_in_the_courses_order():
    runs = [
        made_up(s, n, i)
        for s in ("full", "mine", "probe", "scratch")
        for n in (None, 10, 5)
        for i in (1, 0)
    ]
    rows = runs_to_table(runs)
    assert list(dict.fromkeys(rows.strategy)) == ["scratch", "probe", "full", "mine"]
    assert list(dict.fromkeys(rows.shots)) == [5, 10, "all"]
    assert {"val_accuracy", "test_accuracy", "seconds", "trainable_weights"} <= set(rows.columns)
    assert len(epochs_to_table(runs)) == 2 * len(runs)
    assert rows.val_accuracy.dtype == float and rows.val_accuracy.isna().all()
