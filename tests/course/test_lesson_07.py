from dataclasses import replace

import drift
import pytest
import torch

from vtlab.course.lesson_07 import drift_table
from vtlab.course.old_task import OldTask
from vtlab.data.tasks import task
from vtlab.garden.drawing import draw
from vtlab.garden.source import SOURCE_SEED, Drawings
from vtlab.garden.species import grow
from vtlab.results.metrics import paired_difference
from vtlab.system.randomness import derive_keys
from vtlab.training.strategies import full, probe


@pytest.fixture(scope="module")
def old():
    return OldTask.make()


@pytest.fixture(scope="module")
def small():
    """One image per class, and a test set of 48."""
    made = task("garden", shots=1, seed=0)
    return replace(made, test=made.test[torch.arange(0, 1200, 25)])


def test_the_old_task_is_of_the_source_and_no_image_of_the_pretraining(old):
    learnt = Drawings()
    species = grow(learnt.species, SOURCE_SEED, genera=learnt.genera, spread=learnt.spread)
    assert torch.equal(learnt.grown.genomes, species.genomes)
    kept = {image.numpy().tobytes() for image in old.train.pixels}
    assert len(kept) == 320 and not kept & {i.numpy().tobytes() for i in old.test.pixels}
    again, _ = draw(species, old.test.labels, derive_keys(0, 3, torch.arange(400)))
    assert torch.equal(again, old.test.pixels)


def test_a_probe_forgets_nothing_and_moves_nothing(small, old):
    found = drift.one(probe, small, old, seed=0)
    assert found["old_accuracy"] == found["old_refit"] == old.accuracy(old.start, old.head) > 0.5
    stages = ("stem", "stage1", "stage2", "stage3", "stage4")
    assert all(found[f"moved_{stage}"] == 0 for stage in stages)
    assert all(found[f"cka_{stage}"] == pytest.approx(1) for stage in stages)


def test_a_rate_far_too_large_moves_far_and_forgets(small, old):
    found = drift.one(replace(full, rate=0.03), small, old, seed=0)
    assert found["moved_stage4"] > 0.2 and found["cka_stage4"] < 0.7
    assert found["old_accuracy"] < old.accuracy(old.start, old.head) - 0.3


def test_finished_runs_are_read_and_not_trained_again(small, tmp_path, monkeypatch):
    monkeypatch.setattr(drift, "WAYS", {"probe": (probe,)})
    monkeypatch.setattr(drift, "SEEDS", 2)
    monkeypatch.setattr(drift, "one", lambda *given: {"test_accuracy": 0.5})
    first = drift.measure(tmp_path)
    monkeypatch.setattr(drift, "one", lambda *given: pytest.fail("trained twice"))
    assert drift.measure(tmp_path).equals(first) and list(first.seed) == [0, 1]


def test_the_committed_table_is_whole_and_paired():
    table = drift_table()
    wanted = sum(len(ways) for ways in drift.WAYS.values())
    assert (
        len(table) == wanted * drift.SEEDS and not table.duplicated(["way", "rate", "seed"]).any()
    )
    assert (
        table[table.way == "probe"].old_accuracy == table[table.way == "probe"].old_before
    ).all()
    rows = table[table.way == "full"].sort_values("seed")
    small, large = (rows[rows.rate == rate].old_accuracy.to_numpy() for rate in (1e-5, 3e-2))
    assert paired_difference(small, large).low > 0  # the larger rate forgets more
