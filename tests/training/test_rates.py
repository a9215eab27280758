from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import tiny_network
from torch import nn

from vtlab.analysis.movement import take_snapshot
from vtlab.models.features import activations
from vtlab.training.probe import solve_probe
from vtlab.training.rates import rate_range
from vtlab.training.strategies import full, lp_ft, partial, plain, probe


def test_the_range_test_is_the_loop_written_by_hand(network, toy):
    found = rate_range(
        network, toy, plain(full), seed=2, low=1e-4, high=1e-1, steps=6, bfloat16=False
    )
    learner = plain(full).prepare(network, 2).train()
    rates = np.geomspace(1e-4, 1e-1, 6)
    optimiser = torch.optim.AdamW(learner.parameters(), lr=1.0, weight_decay=full.weight_decay)
    losses = []
    for rate in rates.tolist():
        loss = torch.nn.functional.cross_entropy(
            learner(learner.normalise(toy.train.pixels)), toy.train.labels
        )
        losses.append(loss.item())
        optimiser.param_groups[0]["lr"] = rate
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert found.rate.to_numpy() == pytest.approx(rates)
    assert found.loss.to_numpy() == pytest.approx(losses, rel=1e-4) and losses[-1] != losses[0]


def test_a_copy_is_trained_and_what_is_frozen_stays(network, toy):
    before = take_snapshot(network)
    rate_range(network, toy, partial(1), steps=3)
    assert all(torch.equal(before[k], v) for k, v in network.state_dict().items())


def test_it_ends_where_the_loss_is_lost(network, toy):
    found = rate_range(network, toy, full, low=1.0, high=1e6, steps=50)
    assert len(found) < 50
    last = found.loss.iloc[-1]
    assert not np.isfinite(last) or last > 3 * found.loss[0]
    assert (found.loss[:-1] <= 3 * found.loss[0]).all()


def test_stage_wise_rates_keep_their_proportions(network, toy):
    """With a decay of nearly nothing only the head learns, as in a probe that descends."""
    slow = rate_range(network, toy, replace(plain(full), stage_decay=1e-9), high=0.1, steps=8)
    whole = rate_range(network, toy, plain(full), high=0.1, steps=8)
    assert slow.loss[0] == whole.loss[0] and slow.loss.iloc[-1] > whole.loss.iloc[-1]


@pytest.mark.parametrize(
    ("strategy", "rates", "words"),
    [
        (probe, {}, "solved"),
        (full, {"low": 1.0, "high": 0.1}, "do not rise"),
        (full, {"steps": 1}, "do not rise"),
        (full, {"low": 0.0}, "do not rise"),
    ],
)
def test_what_cannot_be_tested_is_said(network, toy, strategy, rates, words):
    with pytest.raises(ValueError, match=words):
        rate_range(network, toy, strategy, **rates)


def test_a_solved_head_is_where_lp_ft_begins(network, toy):
    found = rate_range(network, toy, lp_ft, steps=2, bfloat16=False)
    lp_ft.prepare(network, 0)
    features = activations(network, toy.train.pixels, bfloat16=False)
    for _ in solve_probe(features, toy.train.labels, network.head):
        pass
    logits = network.train()(network.normalise(toy.train.pixels))
    loss = nn.functional.cross_entropy(logits, toy.train.labels)
    assert found.loss[0] == pytest.approx(loss.item(), rel=1e-4)


def test_numbers_begin_near_the_cost_of_their_mean(toy):
    train, test = (
        replace(some, labels=some.labels.float() * 3 + 7) for some in (toy.train, toy.test)
    )
    task = replace(toy, classes=("count",), train=train, test=test)
    assert 0.5 < rate_range(tiny_network(classes=1), task, plain(full), steps=2).loss[0] < 2


def test_dropout_is_of_the_seed_and_leaves_the_global_random_state(toy):
    network = tiny_network()
    network.stages["stage4"].append(nn.Dropout(0.5))
    state = torch.get_rng_state()
    first, second = (rate_range(network, toy, full, steps=4) for _ in range(2))
    assert first.equals(second) and torch.equal(torch.get_rng_state(), state)
    assert not first.equals(rate_range(network, toy, full, steps=4, seed=1))


def test_a_strategys_name_is_as_good_as_the_strategy(network, toy):
    assert rate_range(network, toy, "full", steps=3).equals(rate_range(network, toy, full, steps=3))
    with pytest.raises(ValueError, match="probe is solved"):
        rate_range(network, toy, "probe")


def test_a_probe_that_is_not_solved_has_a_rate(network, toy):
    network.head = nn.Sequential(network.head)
    assert len(rate_range(network, toy, probe, steps=3)) == 3
