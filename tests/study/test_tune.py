import math
from dataclasses import replace

import pytest
import torch
from conftest import tiny_network
from scipy.stats import ttest_rel
from torch.nn.functional import cross_entropy

from vtlab.models.evaluation import compute_outputs
from vtlab.study import tune
from vtlab.study.tune import (
    choose_recipe,
    count_hold_outs,
    count_trials,
    is_ahead,
    learns_on_frozen_features,
    list_candidates,
    most_cautious,
    score_images,
    trial_epochs,
)
from vtlab.training.fit import fit
from vtlab.training.strategies import FOUR, full, lp_ft, partial, plain, probe, scratch


def fresh():
    """Always the same weights."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return tiny_network()


def test_candidates_learn_from_a_part_of_the_shots_and_are_judged_on_the_rest(toy, monkeypatch):
    looked, learnt = [], []
    monkeypatch.setattr(
        tune,
        "compute_outputs",
        lambda network, pixels: looked.append(pixels) or compute_outputs(network, pixels),
    )
    monkeypatch.setattr(
        tune,
        "fit",
        lambda network, task, strategy, **more: (
            (learnt.append(task.train.pixels) if strategy is not probe else None)
            or fit(network, task, strategy, **more)
        ),
    )
    candidates = full.candidates()
    choose_recipe(candidates, toy, fresh, 0, epochs=2)
    held = [toy.hold_back(0.25, number) for number in range(count_hold_outs(len(toy.train)))]
    assert sum(len(one.val) for one in held) >= 10
    assert len(looked) == len(learnt) == len(candidates) * len(held) > len(held)
    for place, (seen, known) in enumerate(zip(looked, learnt, strict=True)):
        one = held[place % len(held)]
        assert torch.equal(seen, one.val.pixels) and torch.equal(known, one.train.pixels)


@pytest.mark.parametrize(("images", "times"), [(8, 5), (10, 4), (25, 2), (40, 1), (4000, 1)])
def test_of_few_images_parts_are_held_back_several_times(images, times):
    assert count_hold_outs(images) == times
    few, many = (count_trials(full, n, "chosen") for n in (images, 40))
    assert few > many or times == 1


@pytest.mark.parametrize("recipe", ["chosen", "tuned"])
@pytest.mark.parametrize("fitted", [True, False])
def test_another_candidate_is_taken_where_it_is_ahead(toy, recipe, fitted, monkeypatch):
    """The first is the most cautious, or the boldest where the features do not fit."""
    monkeypatch.setattr(tune, "learns_on_frozen_features", lambda *asked: fitted)
    held = [toy.hold_back(0.25, n) for n in range(count_hold_outs(len(toy.train)))]
    candidates, best, most = list_candidates(lp_ft, recipe), None, None
    in_order = sorted(candidates, key=lambda one: (one.statistics == "batch", one.peak_rate))
    for candidate in in_order if fitted else reversed(in_order):
        outputs = []
        for one in held:
            network = fresh()
            length = trial_epochs(len(one.train), candidate, recipe, 4)
            list(fit(network, one, candidate, epochs=length))
            outputs.append(compute_outputs(network, one.val.pixels))
        labels = torch.cat([one.val.labels for one in held])
        scores = score_images(torch.cat(outputs), labels)
        if best is None or is_ahead(scores, most):
            best, most = candidate, scores
    assert choose_recipe(candidates, toy, fresh, 0, recipe, 4) == best
    with pytest.raises(ValueError, match="one image"):
        choose_recipe(candidates, toy.at(1), fresh, 0)


def test_how_sure_a_network_is_counts_for_nothing():
    """Its order of the classes counts: a sharper one is as likely, after calibration."""
    outputs = torch.randn(200, 5, generator=torch.Generator().manual_seed(0))
    draw = torch.Generator().manual_seed(1)
    labels = torch.multinomial(outputs.softmax(1), 1, generator=draw)[:, 0]
    own = -cross_entropy(outputs, labels).item()
    assert -cross_entropy(4 * outputs, labels).item() < own - 0.5
    for sharpness in (1, 4):
        found = score_images(sharpness * outputs, labels)
        assert len(found) == 200 and found.mean().item() == pytest.approx(own, abs=0.02)
    know_nothing = score_images(torch.zeros(4, 2), torch.zeros(4).long())
    assert know_nothing.tolist() == pytest.approx([-math.log(2)] * 4)


def test_of_numbers_the_squared_error_counts():
    numbers = torch.tensor([1.0, 2.0, 5.0])
    near, far = (score_images(numbers[:, None] + error, numbers) for error in (0.1, 1.0))
    assert near.tolist() == pytest.approx([-0.01] * 3, rel=1e-4)
    assert far.tolist() == pytest.approx([-1] * 3, rel=1e-4)
    assert is_ahead(near, far)


def test_ahead_is_ahead_by_a_standard_error():
    """The t statistic of the paired differences, as SciPy has it, is above 1."""
    draw, verdicts = torch.Generator().manual_seed(0), set()
    for gain in (-0.5, 0.2, 0.3, 0.4, 1.0):
        own, other = torch.randn(2, 10, generator=draw)
        t = ttest_rel(own + gain, other).statistic
        verdicts.add(is_ahead(own + gain, other))
        assert is_ahead(own + gain, other) == (t > 1)
    assert verdicts == {True, False}
    assert not is_ahead(own, own)


def test_the_most_cautious_candidate_keeps_the_statistics_and_has_the_least_rate():
    for strategy in (partial(1), full, lp_ft):
        found = most_cautious(strategy.candidates())
        assert found.statistics == "kept"
        assert found.peak_rate == min(one.peak_rate for one in strategy.candidates())


@pytest.mark.parametrize("fitted", [True, False])
def test_trials_of_a_task_whose_features_do_not_fit_are_longer(toy, monkeypatch, fitted):
    lengths = set()

    def guess_at_once(candidate, split, make_network, seed, epochs):
        lengths.add((len(split.train), epochs))
        return torch.zeros(len(split.val), len(toy.classes)), split.val.labels

    monkeypatch.setattr(tune, "learns_on_frozen_features", lambda *asked: fitted)
    monkeypatch.setattr(tune, "_try_recipe", guess_at_once)
    choose_recipe(full.candidates(), toy, fresh, 0)
    ((images, epochs),) = lengths
    as_random = trial_epochs(images, scratch, "chosen")
    assert epochs == as_random if not fitted else epochs < as_random


def test_features_are_asked_whether_a_linear_head_learns_the_images(toy):
    constant = fresh()
    with torch.no_grad():
        for weight in constant.stages.parameters():
            weight.zero_()
    assert learns_on_frozen_features(fresh(), toy, 0)
    assert not learns_on_frozen_features(constant, toy, 0)


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
