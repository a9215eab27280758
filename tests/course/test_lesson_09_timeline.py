import copy

import torch

from vtlab.analysis.cams import explain
from vtlab.course.lesson_09 import explain_each_epoch
from vtlab.training.fit import fit
from vtlab.training.strategies import full, lp_ft, plain, scratch


def test_watching_does_not_change_what_is_learnt(network, toy):
    twin = copy.deepcopy(network)
    looks = list(explain_each_epoch(network, toy, full, toy.test.pixels[:2], epochs=3))
    losses = [epoch.loss for epoch in fit(twin, toy, full, epochs=3)]
    assert [look.loss for look in looks] == [None, *losses]
    assert all(
        torch.equal(a, b)
        for a, b in zip(network.state_dict().values(), twin.state_dict().values(), strict=True)
    )


def test_the_last_look_is_at_the_trained_network_and_the_first_at_its_start(network, toy):
    pixels, targets = toy.test.pixels[:2], torch.tensor([0, 2])
    descent = plain(full)  # no solver before the epochs
    start = descent.prepare(copy.deepcopy(network), 0)
    looks = list(explain_each_epoch(network, toy, descent, pixels, epochs=2, targets=targets))
    assert [look.epoch for look in looks] == [0, 1, 2]
    for look, state in ((looks[0], start), (looks[-1], network)):
        maps = explain(state, pixels, targets=targets, say=[].append)
        assert torch.equal(torch.tensor(look.maps), maps)
    assert looks[0].maps != looks[-1].maps


def test_scratch_begins_with_its_own_random_weights(network, toy):
    first = next(explain_each_epoch(network, toy, scratch, toy.test.pixels[:1], seed=4))
    twin = scratch.prepare(copy.deepcopy(network), 4)
    maps = explain(twin, toy.test.pixels[:1], say=[].append)
    assert torch.equal(torch.tensor(first.maps), maps)


def test_two_phases_are_counted_through(network, toy):
    looks = list(explain_each_epoch(network, toy, lp_ft, toy.test.pixels[:1], epochs=1))
    assert [look.epoch for look in looks] == list(range(len(looks))) and len(looks) > 2


def test_a_strategys_name_is_as_good_as_the_strategy(network, toy):
    twin, pixels = copy.deepcopy(network), toy.test.pixels[:2]
    named = list(explain_each_epoch(network, toy, "scratch", pixels, epochs=1))
    assert named == list(explain_each_epoch(twin, toy, scratch, pixels, epochs=1))
    assert len(named) == 2
