from dataclasses import replace

import pytest
import torch
from conftest import tiny_network

from vtlab.models.evaluation import predict
from vtlab.study import tune
from vtlab.study.tune import CANDIDATE_RATES, tune_rate
from vtlab.training.fit import fit
from vtlab.training.strategies import full


def fresh():
    """Always the same weights."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return tiny_network()


def test_rates_are_tuned_on_a_held_back_quarter_of_the_shots_and_nothing_else(toy, monkeypatch):
    held, looked, learnt = toy.hold_back(), [], []
    monkeypatch.setattr(
        tune, "predict", lambda network, pixels: looked.append(pixels) or predict(network, pixels)
    )
    monkeypatch.setattr(
        tune,
        "fit",
        lambda network, task, *rest, **more: (
            learnt.append(task.train.pixels) or fit(network, task, *rest, **more)
        ),
    )
    tune_rate(full, toy, fresh, 0, 1)
    assert len(looked) == len(learnt) == len(CANDIDATE_RATES)
    assert all(torch.equal(pixels, held.val.pixels) for pixels in looked)
    assert all(torch.equal(pixels, held.train.pixels) for pixels in learnt)


def test_the_tuned_rate_is_the_one_with_the_least_loss_there(toy):
    held, losses = toy.hold_back(), {}
    for rate in CANDIDATE_RATES:
        network = fresh()
        list(fit(network, held, replace(full, rate=rate), epochs=4))
        chances = predict(network, held.val.pixels)
        losses[rate] = torch.nn.functional.nll_loss(chances.log(), held.val.labels).item()
    found = tune_rate(full, toy, fresh, 0, 4)
    assert found == replace(full, rate=min(losses, key=losses.get))
    with pytest.raises(ValueError, match="one image"):
        tune_rate(full, toy.at(1), fresh, 0, 4)
