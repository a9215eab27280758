from dataclasses import replace

import pytest
import torch
from tests_support import entries_that_moved

from vtlab.augment import Augment
from vtlab.features import activations, predict
from vtlab.strategies import FOUR, full, lp_ft, partial, probe, scratch, surgical
from vtlab.training import fit

EVERY = (*FOUR, partial(3), lp_ft, surgical("stage2"))


@pytest.mark.parametrize("strategy", EVERY, ids=lambda s: s.name)
def test_exactly_the_learning_stages_move_buffers_included(network, toy, strategy):
    strategy.prepare(network, 0)
    before = {k: v.clone() for k, v in network.state_dict().items()}
    list(fit(network, toy, strategy, epochs=2))
    moved = entries_that_moved(before, network)
    expected = {
        name for name in before
        if (name.split(".")[1] if name.startswith("stages") else "head")
        in strategy.learning(network)
    }  # fmt: skip
    assert moved == expected


@pytest.mark.parametrize("k", [1, 2, 3, 4])
@pytest.mark.parametrize("augment", [None, Augment()], ids=["plain", "augmented"])
def test_a_cached_prefix_changes_nothing(toy, k, augment):
    from conftest import tiny_network

    results = []
    for cache in (True, False):
        torch.manual_seed(0)
        network = tiny_network()
        list(fit(network, toy, partial(k), epochs=10, augment=augment, cache=cache, bfloat16=False))
        results.append(predict(network, toy.test.pixels, bfloat16=False))
    assert torch.allclose(*results, atol=1e-5)


def test_cached_test_activations_change_nothing(network, toy):
    list(fit(network, toy, partial(1), epochs=1, bfloat16=False))
    memo = {}
    plain = predict(network, toy.test.pixels, bfloat16=False)
    for _ in range(2):
        assert torch.allclose(predict(network, toy.test.pixels, memo, bfloat16=False), plain,
                              atol=1e-6)  # fmt: skip
    assert list(memo) == [4]


def test_one_step_equals_a_step_by_hand(network, toy):
    strategy = replace(full, rate=1e-2)
    strategy.prepare(network, 0)
    start = {k: v.clone() for k, v in network.state_dict().items()}
    list(fit(network, toy, strategy, epochs=1, augment=None, bfloat16=False))
    ours = {k: v.clone() for k, v in network.state_dict().items()}
    network.load_state_dict(start)
    network.train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-2, weight_decay=0.01)
    logits = network(network.normalise(toy.train.pixels))  # 12 images: one batch
    torch.nn.functional.cross_entropy(logits, toy.train.labels).backward()
    optimiser.step()
    theirs = network.state_dict()
    assert all(torch.allclose(ours[k].float(), theirs[k].float(), atol=1e-5) for k in ours)


@pytest.mark.parametrize("strategy", [scratch, probe, partial(1), full], ids=lambda s: s.name)
def test_one_seed_gives_the_same_bits_and_another_does_not(toy, strategy):
    from conftest import tiny_network

    def train(seed):
        torch.manual_seed(0)
        network = tiny_network()
        list(fit(network, toy, strategy, seed=seed, epochs=3))
        return torch.cat([p.detach().flatten() for p in network.parameters()])

    assert torch.equal(train(0), train(0))
    if not strategy.convex:  # the probe has one solution
        assert not torch.equal(train(0), train(1))


def test_training_learns(network, toy):
    records = list(fit(network, toy, replace(full, rate=1e-2), epochs=20))
    assert records[-1].loss < 0.5 * records[0].loss
    assert [r.number for r in records] == list(range(1, 21))
    guesses = predict(network, toy.test.pixels).argmax(1)
    assert (guesses == toy.test.labels).float().mean() > 0.9


def test_the_loop_can_be_left_and_what_was_learnt_stays(network, toy):
    before = network.stages["stage1"][0].weight.clone()
    for epoch in fit(network, toy, full, epochs=50):
        if epoch.number == 2:
            break
    assert not torch.equal(before, network.stages["stage1"][0].weight)


def test_predicting_leaves_mode_statistics_and_random_state(network, toy):
    network.freeze(["stage4", "head"]).train()
    before = {k: v.clone() for k, v in network.state_dict().items()}
    state = torch.get_rng_state()
    predict(network, toy.test.pixels)
    activations(network, toy.test.pixels, 2)
    assert not entries_that_moved(before, network)
    assert network.stages["stage4"].training and torch.equal(state, torch.get_rng_state())


def test_plotting_cam_and_evaluation_leave_every_global_random_state(network, toy):
    import random

    import numpy as np

    from vtlab import plots
    from vtlab.attribution import grad_cam
    from vtlab.features import evaluate

    def states():
        kind, words, *rest = np.random.get_state()
        return torch.get_rng_state().tolist(), random.getstate(), (kind, words.tolist(), *rest)

    records = list(fit(network, toy, partial(1), epochs=2))
    buffers = {k: v.clone() for k, v in network.state_dict().items()}
    before = states()
    pixels = toy.test.pixels[:2]
    evaluate(network, toy.test.pixels, toy.test.labels)
    maps = grad_cam(network, pixels).numpy()
    plots.plot_cams(pixels.numpy(), {"partial": maps})
    plots.plot_images(pixels.numpy())
    assert records and states() == before
    assert not entries_that_moved(buffers, network)


def test_impossible_trainings_are_refused(network, toy):
    with pytest.raises(ValueError, match="0 epochs"):
        next(fit(network, toy, full, epochs=0))
    from conftest import tiny_network

    with pytest.raises(ValueError, match="5 outputs.*3 classes"):
        next(fit(tiny_network(5), toy, full))


def test_augmented_views_repeat_and_do_not_depend_on_the_batch(toy):
    pixels, index = toy.train.pixels, torch.arange(12)
    augment = Augment(crop=0.2, rotate=20, noise=3)
    whole = augment.view(pixels, index, seed=1, number=3)
    part = augment.view(pixels[5:7], index[5:7], seed=1, number=3)
    assert torch.equal(whole[5:7], part)
    assert not torch.equal(whole, augment.view(pixels, index, seed=1, number=4))
    assert torch.equal(pixels, augment.view(pixels, index, seed=1, number=0))


def test_flips_and_shifts_move_whole_pixels():
    row = torch.arange(16, dtype=torch.uint8).repeat(1, 3, 16, 1)
    moved = Augment(light=0).view(row.expand(20, -1, -1, -1), torch.arange(20), 0, 1)
    assert set(moved.unique().tolist()) <= set(range(16))
    assert len({tuple(m[0, 0].tolist()) for m in moved}) > 3
