import json
import math
from dataclasses import asdict, replace

import numpy as np
import pytest
from runs_made_up import made_up

from vtlab.results.records import (
    Epoch,
    Run,
    epochs_to_table,
    is_under_trained,
    run_record_key,
    runs_to_table,
)
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


def curve(first, end, *, speed, accuracy, epochs=30, fast=1.0, solved=()):
    """A training under a cosine: its loss falls towards `end`, by `speed` e-folds over the whole way."""
    shares = 0.5 * (1 + np.cos(np.pi * np.arange(1, epochs + 1) / epochs))
    ways = np.linspace(np.cumsum(shares) - shares, np.cumsum(shares), 50) / shares.sum()
    losses = (end + (first - end) * np.exp(-speed * ways)).mean(0).tolist()  # over each epoch
    return [Epoch(i, loss, 0.5, 0.0, 0.1) for i, loss in enumerate(solved, 1)] + [
        Epoch(i, loss, accuracy, fast * share, 0.1)
        for i, (loss, share) in enumerate(zip(losses, shares.round(9).tolist(), strict=True), 1)
    ]


@pytest.mark.parametrize("epochs", [5, 12, 30, 200])
@pytest.mark.parametrize("fast", [1e-5, 1e-2])
@pytest.mark.parametrize("solved", [(), (2.0, 1.0, 0.9)])
@pytest.mark.parametrize(
    ("how", "under_trained"),
    [
        ({"speed": 1, "accuracy": 0.6}, True),  # flat at its end, as every cosine, and half way
        ({"speed": 1, "accuracy": 0.97}, False),  # what was to be learnt is learnt
        ({"speed": 12, "accuracy": 0.6}, False),  # no more can be learnt
        ({"speed": 0.05, "accuracy": 0.3}, True),  # hardly begun
        ({"speed": -0.1, "accuracy": 0.3}, True),  # nothing learnt at all
    ],
)
def test_under_trained_is_who_has_not_learnt_and_still_learns(
    how, under_trained, epochs, fast, solved
):
    records = curve(2.1, 0.4, epochs=epochs, fast=fast, solved=solved, **how)
    assert is_under_trained(records) == under_trained


@pytest.mark.parametrize("records", [0, 1, 4])
def test_solver_and_single_epoch_are_never_under_trained(records):
    solver = [Epoch(i, 2.0 / i, 0.3, 0.0, 0.1) for i in range(1, records + 1)]
    assert not is_under_trained(solver)
    assert not is_under_trained([*solver, Epoch(1, 2.0, 0.3, 0.0, 0.1)])


def test_a_run_says_where_its_training_ended():
    run = made_up()
    assert (run.train_loss, run.train_accuracy, run.steps) == (1.0, 0.6, 2)
    assert run.under_trained  # two epochs, and the loss fell by half in the last one
    row = runs_to_table([run]).iloc[0]
    for name in ("train_loss", "train_accuracy", "steps", "under_trained"):
        assert row[name] == getattr(run, name)
    assert not row.diverged


def test_a_run_that_diverged_has_no_number_in_the_table():
    run = replace(made_up(), diverged="full diverged at a rate of 9", test_accuracy=math.nan)
    row = runs_to_table([run]).iloc[0]
    assert row.diverged and not row.under_trained
    assert row[["test_accuracy", "train_loss", "train_accuracy"]].isna().all()
