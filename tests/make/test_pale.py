from dataclasses import replace

import pale
import pytest
import torch
from resumable_table import fill_table


@pytest.fixture(scope="module")
def forty(garden):
    """The default task with five images per class, and a test set of 48."""
    return replace(garden.at(5, 0), test=garden.test[torch.arange(0, 1200, 25)])


def measure(task, images, head="healthy", renewed="none", count=0):
    given = {"images": images, "head": head, "renewed": renewed, "count": count}
    return pale.measure_pale(task, 0, "mini_resnet", rate=None, **given)["test_accuracy"]


def test_the_first_layer_repairs_what_a_new_head_cannot(forty):
    healthy, bug = measure(forty, "healthy"), measure(forty, "pale")
    assert healthy > bug + 0.4
    assert measure(forty, "pale", renewed="first", count=40) > bug + 0.4
    assert measure(forty, "pale", head="pale") < healthy - 0.2


def test_every_way_is_measured_once_with_its_own_settings(small_garden, tmp_path, monkeypatch):
    monkeypatch.setattr(pale, "make_task", lambda *name, **more: small_garden)  # nothing is drawn
    monkeypatch.setattr(pale, "SEEDS", 1)
    monkeypatch.setattr(pale, "SHOTS", small_garden.shots)
    asked = []

    def note(task, seed, **way):
        asked.append(tuple(way.values()))
        return {"test_accuracy": 0.5}

    monkeypatch.setattr(pale, "measure_pale", note)
    table = fill_table(pale.plan_pale(), tmp_path)
    assert len(table) == len(asked) == len(set(asked))
    assert set(table.renewed) == set(pale.RENEWED)
    monkeypatch.setattr(pale, "measure_pale", lambda *given, **more: pytest.fail("twice"))
    assert fill_table(pale.plan_pale(), tmp_path)["count"].tolist() == table["count"].tolist()
