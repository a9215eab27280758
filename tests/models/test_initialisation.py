import pytest
import torch
from torch import nn

from vtlab.models.initialisation import reinitialise
from vtlab.system.randomness import make_generator


def mixed():
    return nn.Sequential(nn.Conv2d(3, 64, 3), nn.BatchNorm2d(64), nn.Flatten(), nn.Linear(400, 50))


def test_each_layer_has_the_spread_of_its_rule():
    part = mixed()
    reinitialise(part, make_generator(0, "x"))
    conv, _, _, linear = part
    assert conv.weight.std().item() == pytest.approx((2 / (64 * 9)) ** 0.5, rel=0.05)
    assert not conv.bias.any()
    assert linear.weight.abs().max() <= 400**-0.5
    assert linear.weight.std().item() == pytest.approx((400 * 3) ** -0.5, rel=0.05)


def test_what_was_learnt_is_forgotten_and_a_seed_gives_the_same_weights():
    first, second = mixed(), mixed()
    with torch.no_grad():
        for values in (*first.parameters(), first[1].running_mean):
            values.fill_(7)
    for part in (first, second):
        reinitialise(part, make_generator(3, "x"))
    for name, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[name]), name
    reinitialise(second, make_generator(4, "x"))
    assert not torch.equal(first[3].weight, second[3].weight)


def test_the_callers_generator_is_left_alone():
    part = mixed()
    before = torch.get_rng_state()
    reinitialise(part, make_generator(0, "x"))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_layer_without_a_rule_draws_in_its_own_way_from_the_same_seed():
    one, two = nn.GRU(2, 2), nn.GRU(2, 2)
    reinitialise(one, make_generator(0, "x"))
    reinitialise(two, make_generator(0, "x"))
    assert all(map(torch.equal, one.parameters(), two.parameters()))
    reinitialise(two, make_generator(1, "x"))
    assert not torch.equal(one.weight_ih_l0, two.weight_ih_l0)


def test_a_layer_without_a_rule_and_a_way_is_named():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(2))

    with pytest.raises(
        TypeError, match="no rule to initialise a Odd anew, whose weights are scale"
    ):
        reinitialise(Odd(), make_generator(0, "x"))


def test_attention_is_drawn_by_xaviers_rule():
    attention = nn.MultiheadAttention(16, 2)
    reinitialise(attention, make_generator(0, "x"))
    wanted = nn.init.xavier_uniform_(torch.empty(48, 16), generator=make_generator(0, "x"))
    assert torch.equal(attention.in_proj_weight, wanted)


def test_weights_in_other_memory_are_drawn_where_the_generator_is():
    """It can fill no other memory; having drawn as much for both, it ends in the same state."""
    states = []
    for device in ("cpu", "meta"):
        random = make_generator(0, "x")
        reinitialise(nn.MultiheadAttention(16, 2, device=device), random)
        states.append(random.get_state())
    assert torch.equal(*states)
