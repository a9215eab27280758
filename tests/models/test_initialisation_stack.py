"""The deep stacks of lesson 02: their random start, and gradients through them."""

import pytest
import torch
from torch import nn

from vtlab.analysis.gradients import stack_gradient_lengths
from vtlab.models.initialisation import WEIGHT_VARIANCES, deep_stack


@pytest.fixture
def images():
    random = torch.Generator().manual_seed(0)
    return torch.randn(16, 3, 16, 16, generator=random), torch.arange(16) % 8


@pytest.mark.parametrize(
    ("start", "variance"), [("he", 2 / 288), ("xavier", 2 / 576), ("default", 1 / 864)]
)
def test_a_stack_begins_with_the_variance_of_its_rule(start, variance):
    stack = deep_stack(3, start, False)
    assert stack[2][0].weight.var().item() == pytest.approx(variance, rel=0.06)
    assert torch.equal(stack[2][0].weight, deep_stack(3, start, True)[2][0].weight)
    assert not torch.equal(stack[2][0].weight, deep_stack(3, start, False, seed=1)[2][0].weight)


def test_the_default_is_pytorchs_own_variance():
    torchs = nn.Conv2d(32, 32, 3).weight.var().item()
    assert deep_stack(2, "default", False)[1][0].weight.var().item() == pytest.approx(
        torchs, rel=0.08
    )


def test_a_stack_leaves_the_callers_random_numbers_alone():
    before = torch.get_rng_state()
    deep_stack(2, "he", True)
    assert torch.equal(before, torch.get_rng_state())


def test_an_unknown_start_is_refused():
    with pytest.raises(ValueError, match="no start 'zero'"):
        deep_stack(2, "zero", False)


def test_lengths_by_depth_are_autograds(images):
    stack = deep_stack(4, "he", True)
    found = stack_gradient_lengths(stack, *images)
    inputs = images[0].clone().requires_grad_()
    nn.functional.cross_entropy(stack(inputs), images[1]).backward()
    assert len(found) == 5 and found[0] == pytest.approx(inputs.grad.norm().item(), rel=1e-3)


def test_a_shortcut_adds_its_input_before_the_last_relu_and_the_weights_stay(images):
    plain, cured = (deep_stack(5, "he", True, shortcuts=on) for on in (False, True))
    assert len(plain) == 5 + 1 and len(cured) == 1 + 2 + 1
    x = plain[0](images[0])
    torch.testing.assert_close(cured[0](images[0]), x)
    _, norm, relu = plain[2]
    by_hand = relu(x + norm(plain[2][0](plain[1](x))))
    torch.testing.assert_close(cured[1](x), by_hand)


def test_a_layer_without_its_pair_is_refused():
    with pytest.raises(ValueError, match="of 4 layers one would be left without its pair"):
        deep_stack(4, "he", True, shortcuts=True)


def test_each_layer_shortens_a_gradient_by_its_rule_and_batchnorm_hides_the_rule(images):
    plain = {
        start: stack_gradient_lengths(deep_stack(20, start, False), *images)
        for start in WEIGHT_VARIANCES
    }
    factor = {start: (of[1] / of[-1]) ** (1 / 19) for start, of in plain.items()}
    # a ReLU lets half of the gradient's square pass
    assert factor["he"] == pytest.approx(1, abs=0.06)
    assert factor["xavier"] == pytest.approx(0.5**0.5, abs=0.05)
    assert factor["default"] == pytest.approx(6**-0.5, abs=0.04)
    normed = [
        stack_gradient_lengths(deep_stack(20, start, True), *images) for start in WEIGHT_VARIANCES
    ]
    assert normed[0] == pytest.approx(normed[1], rel=0.01) and normed[1] == pytest.approx(
        normed[2], rel=0.01
    )
