from dataclasses import replace

import pytest
import torch
from conftest import tiny_network

from vtlab.models.evaluation import predict
from vtlab.study import tune
from vtlab.study.tune import calibrated_likelihood, choose_recipe, list_candidates, trial_epochs
from vtlab.training.fit import fit
from vtlab.training.strategies import FOUR, full, lp_ft, partial, plain, probe, scratch


def fresh():
    """Always the same weights."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return tiny_network()


def test_candidates_learn_from_a_part_of_the_shots_and_are_judged_on_the_rest(toy, monkeypatch):
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
    candidates = full.candidates()
    choose_recipe(candidates, toy, fresh, 0, epochs=2)
    assert len(looked) == len(learnt) == len(candidates) > 1
    assert all(torch.equal(pixels, held.val.pixels) for pixels in looked)
    assert all(torch.equal(pixels, held.train.pixels) for pixels in learnt)


@pytest.mark.parametrize("recipe", ["chosen", "tuned"])
def test_the_most_likely_there_is_taken(toy, recipe):
    held, scores = toy.hold_back(), {}
    candidates = list_candidates(lp_ft, recipe)
    for candidate in candidates:
        network = fresh()
        length = trial_epochs(len(held.train), candidate, recipe, 4)
        list(fit(network, held, candidate, epochs=length))
        chances = predict(network, held.val.pixels)
        scores[candidate] = calibrated_likelihood(chances, held.val.labels)
    found = choose_recipe(candidates, toy, fresh, 0, recipe, 4)
    assert found == max(scores, key=scores.get)
    with pytest.raises(ValueError, match="one image"):
        choose_recipe(candidates, toy.at(1), fresh, 0)


def test_how_sure_a_network_is_counts_for_nothing():
    """Its order of the classes counts: a sharper one is as likely, after calibration."""
    logits = torch.randn(200, 5, generator=torch.Generator().manual_seed(0))
    labels = torch.multinomial(logits.softmax(1), 1, generator=torch.Generator().manual_seed(1))[
        :, 0
    ]
    modest, sure = ((sharp * logits).softmax(1) for sharp in (1.0, 4.0))
    own = -torch.nn.functional.cross_entropy(logits, labels).item()
    assert -torch.nn.functional.nll_loss(sure.log(), labels).item() < own - 0.5
    for chances in (modest, sure):
        assert calibrated_likelihood(chances, labels) == pytest.approx(own, abs=0.02)
    assert calibrated_likelihood(torch.full((4, 2), 0.5), torch.zeros(4).long()) == pytest.approx(
        -torch.tensor(2.0).log().item()
    )


def test_a_candidate_that_diverges_is_not_taken(toy):
    wild = replace(full, rate=1e30)
    assert choose_recipe((wild, replace(full, rate=1e-3)), toy, fresh, 0).rate == 1e-3


def test_a_given_rate_a_solved_head_and_a_committed_recipe_leave_nothing_to_choose():
    assert list_candidates(replace(full, rate=1e-3), "chosen") == (replace(full, rate=1e-3),)
    for recipe in ("chosen", "tuned"):
        assert list_candidates(probe, recipe) == (probe,)
    for strategy in (*FOUR, plain(full), lp_ft):
        assert list_candidates(strategy, "committed") == (strategy,)


def test_tuning_tries_rates_on_both_sides_of_every_candidate():
    for strategy in (scratch, partial(1), full, lp_ft):
        tried = list_candidates(strategy, "tuned")
        for one in strategy.candidates():
            alike = [other.rate for other in tried if replace(other, rate=one.rate) == one]
            for factor in (1 / 3, 1, 3):
                assert any(rate == pytest.approx(factor * one.rate) for rate in alike)


def test_a_trial_is_shorter_than_the_training():
    assert 1 <= trial_epochs(40, full, "chosen") < trial_epochs(40, full, "tuned")
    assert trial_epochs(40, full, "tuned", 7) == 7
    # and with many images a small part of it
    assert trial_epochs(10**5, full, "chosen") == 1
