import pytest
import torch
from conftest import tiny_network
from tests_support import entries_that_moved
from torch import nn

from vtlab.models.evaluation import compute_outputs, evaluate, mean_absolute_error, predict
from vtlab.models.features import activations
from vtlab.training.fit import fit
from vtlab.training.strategies import partial


def test_cached_test_activations_change_nothing(network, toy):
    list(fit(network, toy, partial(1), epochs=1, bfloat16=False))
    memo = {}
    plain = predict(network, toy.test.pixels, bfloat16=False)
    for _ in range(2):
        assert torch.allclose(
            predict(network, toy.test.pixels, memo, bfloat16=False), plain, atol=1e-6
        )
    assert list(memo) == [4]


def test_a_memo_stays_whatever_the_head_does_with_it(network, toy):
    network.head = nn.Sequential(nn.ReLU6(inplace=True), nn.Linear(network.head.in_features, 3))
    network.freeze(("head",))
    with torch.no_grad():
        for stage in network.stages.values():
            for parameter in stage.parameters():
                parameter.neg_()  # some features are then below zero
    memo = {}
    first = predict(network, toy.test.pixels, memo)
    kept = {stop: maps.clone() for stop, maps in memo.items()}
    memo[5].sub_(1)
    kept[5].sub_(1)
    predict(network, toy.test.pixels, memo)
    assert torch.equal(memo[5], kept[5]) and (kept[5] < 0).any()
    assert first.shape == (len(toy.test), 3)


def test_predicting_leaves_mode_statistics_and_random_state(network, toy):
    network.freeze(["stage4", "head"]).train()
    before = {k: v.clone() for k, v in network.state_dict().items()}
    state = torch.get_rng_state()
    predict(network, toy.test.pixels)
    activations(network, toy.test.pixels, 2)
    assert not entries_that_moved(before, network)
    assert network.stages["stage4"].training and torch.equal(state, torch.get_rng_state())


def test_images_that_are_no_bytes_are_not_looked_at(network, toy):
    for look in (predict, compute_outputs):
        with pytest.raises(ValueError, match="pixels are bytes"):
            look(network, toy.test.pixels / 255)
    with pytest.raises(ValueError, match="there are no images"):
        evaluate(network, toy.test.pixels[:0], toy.test.labels[:0])
    with pytest.raises(ValueError, match=r"not \(30, 1\)"):
        mean_absolute_error(tiny_network(1), toy.test.pixels, toy.test.labels[:, None])


@pytest.mark.parametrize(
    "wrong", [torch.rand(2, 3, 16, 16), torch.zeros(2, 16, 16, 3, dtype=torch.uint8)]
)
def test_activations_are_of_bytes_alone(network, wrong):
    with pytest.raises(ValueError, match="pixels are bytes"):
        activations(network, wrong)
