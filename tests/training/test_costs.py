import copy
from dataclasses import replace

import pytest
import torch
from torch import nn

from vtlab.models.backbones import backbone
from vtlab.system.operations import count_operations
from vtlab.training.costs import (
    Speed,
    calibrate_costs,
    collect_saved_tensors,
    cost_table,
    count_saved_bytes,
    count_training_operations,
    measure_step,
)
from vtlab.training.strategies import FOUR, full, partial, probe, surgical

# By hand, from the tiny network's drawing at 16 x 16 pixels: 3 x 3 convolutions, so
# (cells of the output) x (channels out) x (channels in) x 9 multiply-adds an image.
HAND = {
    "stem": 8 * 8 * 4 * 3 * 9,
    "stage1": 8 * 8 * 6 * 4 * 9,
    "stage2": 4 * 4 * 8 * 6 * 9,
    "stage3": 4 * 4 * 8 * 8 * 9,
    "stage4": 4 * 4 * 10 * 8 * 9,
    "head": 10 * 3,
}
# weights of each convolution, and scale and shift of each BatchNorm channel
WEIGHTS = {
    "stem": 3 * 4 * 9 + 8,
    "stage1": 4 * 6 * 9 + 12,
    "stage2": 6 * 8 * 9 + 16,
    "stage3": 8 * 8 * 9 + 16,
    "stage4": 8 * 10 * 9 + 20,
    "head": 10 * 3 + 3,
}


def at_16(network, strategy, **more):
    return cost_table(network, strategy, image_size=16, batch=4, **more)


def test_weights_and_forward_operations_are_those_counted_by_hand(network):
    table = at_16(network, full)
    assert table.forward.to_dict() == HAND
    assert table.weights.to_dict() == WEIGHTS and (table.learn == table.weights).all()


def test_training_everything_is_three_forward_passes_but_for_the_images_own_gradient(network):
    step = at_16(network, full).step
    assert step["stem"] == 2 * HAND["stem"]
    assert (step[1:] == 3 * at_16(network, full).forward[1:]).all()


def test_a_cached_prefix_costs_nothing_in_a_step(network):
    step = at_16(network, partial(1)).step.to_dict()
    assert step == dict.fromkeys(list(HAND)[:4], 0) | {
        "stage4": 2 * HAND["stage4"],
        "head": 3 * HAND["head"],
    }
    uncached = at_16(network, partial(1), cache=False).step
    assert uncached["stem"] == HAND["stem"] and uncached["stage4"] == step["stage4"]


def test_a_frozen_stage_behind_one_that_learns_passes_gradients_through(network):
    table = at_16(network, surgical("stage1"))
    assert table.step["stage1"] == 2 * HAND["stage1"]  # there, and the gradient of its weights
    assert table.step["stage2"] == 2 * HAND["stage2"]  # there, and the gradient of its input
    assert table.step["head"] == 3 * HAND["head"]
    assert table.learn["stage2"] == 0 and table.activations["stem"] == 0


def test_the_probe_is_a_linear_layer_without_anything_behind_it(network):
    table = at_16(network, probe)
    assert table.step.sum() == 2 * HAND["head"]
    assert table.activations.sum() == 4 * 4 * 10  # the features: 4 images, 10 floats of 4 bytes


def test_adamw_keeps_a_gradient_and_two_means_for_each_weight_that_learns(network):
    table = at_16(network, partial(1))
    assert table.optimiser.sum() == 12 * (WEIGHTS["stage4"] + WEIGHTS["head"])


def test_kept_activations_are_those_counted_by_hand(network):
    # a stage: its input (for the convolution), the convolution's output (for BatchNorm),
    # BatchNorm's means and deviations, and its own output (for the ReLU), which is also the
    # next stage's input and counts once
    kept = at_16(network, full).activations
    image, maps = 4 * 3 * 16 * 16 * 4, 4 * 4 * 8 * 8 * 4
    assert kept["stem"] == image + 2 * maps + 2 * 4 * 4
    assert kept["stage1"] == 2 * 4 * 6 * 8 * 8 * 4 + 2 * 4 * 6


@pytest.mark.parametrize("strategy", [*FOUR, surgical("stage1")], ids=lambda s: s.name)
def test_predictions_are_what_a_real_training_step_does(strategy):
    """The oracle: torch's own counts while numbers really flow."""
    network = backbone("mini_resnet", classes=8)
    table = cost_table(network, strategy, image_size=32, batch=2).sum()
    real = measure_step(network, strategy, image_size=32, batch=2, repeats=1, bfloat16=False)
    assert all(table[kind] == real[kind] for kind in ("learn", "step", "optimiser"))
    # a BatchNorm with statistics of its own keeps no deviations of a batch; the meta device lists them
    # all the same: 8 bytes a channel, of those behind stage1 and of all
    allowance = {"surgical(stage1)": 8 * 1536, "full": 8 * 1712}.get(strategy.name, 0)
    assert 0 <= table.activations - real["activations"] <= allowance


def test_autograd_keeps_the_inputs_of_a_product_and_weights_do_not_count():
    layer, inputs = torch.nn.Linear(3, 2), torch.ones(5, 3)
    with collect_saved_tensors(layer) as kept:
        layer(layer(inputs)[:, [0, 1, 0]])
    assert (
        count_saved_bytes(kept) == 4 * (5 * 3 + 5 * 3) + 8 * 3
    )  # both inputs, and the three places


def test_the_network_is_left_as_it_is(network):
    network.freeze(("head",))
    before = copy.deepcopy(network.state_dict())
    at_16(network, full, speed=calibrate_costs(network, image_size=16, batch=4, repeats=1))
    measure_step(network, full, image_size=16, batch=4, repeats=1)
    assert network.learning_parts == {"head"}
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())


def test_seconds_add_up_forward_the_needed_share_of_backward_and_the_update(network):
    names = (*network.stage_names, "head")
    speed = Speed(dict.fromkeys(names, 1.0), dict.fromkeys(names, 2.0), 1e-3)
    seconds = at_16(network, surgical("stage1"), speed=speed).seconds
    assert seconds["stem"] == 0
    assert seconds["stage1"] == pytest.approx(1 + 1 + WEIGHTS["stage1"] * 1e-3)
    assert seconds["stage2"] == pytest.approx(1 + 1)
    assert seconds["head"] == pytest.approx(1 + 2 + WEIGHTS["head"] * 1e-3)


def test_a_calibration_has_a_time_for_every_part(network):
    speed = calibrate_costs(network, image_size=16, batch=4, repeats=2)
    assert list(speed.forward) == list(speed.backward) == [*network.stage_names, "head"]
    assert all(s > 0 for s in (*speed.forward.values(), *speed.backward.values(), speed.update))


def test_a_part_that_is_not_there_is_named(network):
    with pytest.raises(ValueError, match="no stage 'stage9'"):
        cost_table(network, ("stage9",))


def test_a_whole_training_is_counted_by_hand(network):
    forward, last = sum(HAND.values()), HAND["stage4"] + HAND["head"]
    assert count_training_operations(network, probe, 7, image_size=16) == 7 * forward
    # forward, back to the weights, back to the inputs; the images themselves need no gradient
    everything = 3 * forward - HAND["stem"]
    descent = replace(full, head_start="random")
    found = count_training_operations(network, descent, 7, epochs=2, image_size=16)
    assert found == 7 * 2 * everything
    solved = count_training_operations(network, full, 7, epochs=2, image_size=16)
    assert solved == 7 * (forward + 2 * everything)  # the head's features, once
    # a frozen prefix is computed for eight views at most, and its output needs no gradient
    step = 3 * last - HAND["stage4"]
    last_stage = partial(1, head_start="random")
    views = count_training_operations(network, last_stage, 7, epochs=20, image_size=16)
    assert views == 7 * (8 * (forward - last) + 20 * step)
    with pytest.raises(ValueError, match="0 images"):
        count_training_operations(network, full, 0)


def test_a_head_that_is_no_single_layer_is_descended_on_and_not_solved(network):
    network.head = nn.Sequential(network.head)
    prefix = sum(HAND.values()) - HAND["head"]
    found = count_training_operations(network, probe, 7, epochs=20, image_size=16)
    assert found == 7 * (8 * prefix + 20 * 2 * HAND["head"])


def test_a_strategys_name_is_as_good_as_the_strategy(network):
    assert at_16(network, "partial").equals(at_16(network, partial(1)))
    assert count_training_operations(network, "full", 7) == count_training_operations(
        network, full, 7
    )
    named, given = (
        measure_step(network, way, image_size=16, batch=4, repeats=1)
        for way in ("partial", partial(1))
    )
    assert all(named[kind] == given[kind] for kind in ("learn", "step", "activations", "optimiser"))
    with pytest.raises(ValueError, match="unknown strategy 'head'"):
        cost_table(network, "head")


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(8, 16, 3, padding=1),
        nn.Conv2d(8, 8, 3, padding=1, groups=8),
        nn.Conv2d(8, 16, 3, stride=2, groups=4),
        nn.ConvTranspose2d(8, 16, 3, stride=2, groups=2),
    ],
)
def test_each_gradient_of_a_convolution_takes_as_much_as_the_convolution(layer):
    inputs = torch.randn(2, 8, 14, 14, requires_grad=True)
    with count_operations() as there:
        outputs = layer(inputs)
    places = (inputs if isinstance(layer, nn.ConvTranspose2d) else outputs).shape[2:].numel()
    assert (
        there.get_total_flops() == 2 * 2 * layer.weight.numel() * places
    )  # two images, two operations
    with count_operations() as back:
        outputs.sum().backward()
    assert back.get_total_flops() == 2 * there.get_total_flops()
    with count_operations() as weights:
        layer(inputs.detach()).sum().backward()
    assert weights.get_total_flops() == 2 * there.get_total_flops()
