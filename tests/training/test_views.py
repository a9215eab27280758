import itertools

import pytest
import torch

from vtlab.data.augment import Augment
from vtlab.training.views import VIEWS_PER_IMAGE, Views


@pytest.fixture
def logits_of(network, toy):
    """The logits of all training images in each of some epochs, without any learning between."""

    def of(learning, epochs, augment=Augment()):
        network.freeze(learning).eval()
        views = Views(network, toy.train.pixels, 0, augment, True, False)
        found = []
        for epoch in epochs:
            assert views.prepare(epoch)
            with torch.no_grad():
                found.append(views.logits(torch.arange(len(toy.train)), epoch))
        return found

    return of


def different(found):
    return not any(torch.equal(a, b) for a, b in itertools.combinations(found, 2))


def test_every_epoch_sees_a_view_of_its_own(network, logits_of):
    assert different(logits_of((*network.stage_names, "head"), range(1, 2 * VIEWS_PER_IMAGE)))


def test_behind_a_frozen_prefix_eight_views_come_in_turn(logits_of):
    found = logits_of(("stage4", "head"), range(1, 2 * VIEWS_PER_IMAGE + 1))
    assert VIEWS_PER_IMAGE == 8 and different(found[:VIEWS_PER_IMAGE])
    assert all(map(torch.equal, found[:VIEWS_PER_IMAGE], found[VIEWS_PER_IMAGE:]))


def test_without_augmentation_there_is_one_view(network, logits_of):
    for learning in (("stage4", "head"), (*network.stage_names, "head")):
        first, *others = logits_of(learning, range(1, 4), augment=None)
        assert all(torch.equal(first, other) for other in others)


@pytest.mark.parametrize("epochs", [3, 16, 30])
def test_where_memory_is_short_as_many_views_serve_one_after_the_other(
    network, toy, monkeypatch, epochs
):
    monkeypatch.setattr("vtlab.training.views.MAX_CACHE_BYTES", 1)
    network.freeze(("stage4", "head")).eval()
    views = Views(network, toy.train.pixels, 0, Augment(), True, False, epochs=epochs)
    served = []
    for epoch in range(1, epochs + 1):
        assert views.prepare(epoch)
        (number,) = views.complete
        served.append(number)
        with torch.no_grad():
            found = views.logits(torch.arange(len(toy.train)), epoch)
            alone = network(
                network.normalise(Augment().view(toy.train.pixels, torch.arange(12), 0, number))
            )
        assert torch.allclose(found, alone, atol=1e-5)
    assert served == sorted(served) and set(served) == set(range(min(VIEWS_PER_IMAGE, epochs)))
