import pytest
import torch
from tests_support import entries_that_moved
from torch import nn

from vtlab.course.shifted_worlds import (
    GENUS_WORLD,
    PARTS,
    SHIFTS,
    _renew_statistics,
    _strategy_for_part,
    genus_task,
    shifted_task,
)
from vtlab.models.backbones import backbone, backbone_with_first_stages
from vtlab.models.network import STAGE_NAMES
from vtlab.training.unfreezing import gradual_unfreezing


@pytest.mark.parametrize("stages", range(6))
def test_so_many_stages_stay_and_the_others_are_drawn_anew(stages):
    whole, network = backbone("mini_resnet"), backbone_with_first_stages(stages, 8, seed=3)
    same = [
        all(map(torch.equal, network.stages[name].parameters(), whole.stages[name].parameters()))
        for name in STAGE_NAMES
    ]
    assert same == [True] * stages + [False] * (5 - stages)
    assert network.output_count == 8


def test_more_stages_than_there_are_cannot_stay():
    with pytest.raises(ValueError, match="there are 5"):
        backbone_with_first_stages(6, 8, 0)


def test_a_genus_has_two_known_species_and_two_new_ones():
    world = GENUS_WORLD
    names = [set(), set()]
    for which, species in enumerate(("known", "new")):
        drawn = genus_task(species, 2, 0)
        assert torch.bincount(drawn.train.labels).tolist() == [4] * 8
        images, labels, _ = world.draw(2, 0)
        for image, genus in zip(drawn.train.pixels, drawn.train.labels, strict=True):
            place = next(i for i, other in enumerate(images) if torch.equal(image, other))
            name = world.classes[int(labels[place])]
            assert name.startswith(drawn.classes[int(genus)])
            names[which].add(name)
    assert len(names[0]) == len(names[1]) == 16 and not names[0] & names[1]
    with pytest.raises(ValueError, match="'known' or 'new'"):
        genus_task("both", 1, 0)


def test_each_shift_changes_what_it_says():
    plain = genus_task("known", 3, 100)
    for shift in SHIFTS:
        changed = shifted_task(shift, 0)
        pixels = torch.equal(changed.train.pixels, plain.train.pixels)
        labels = torch.equal(changed.train.labels, plain.train.labels)
        assert (pixels, labels) == {
            "noise": (False, True),
            "species": (False, True),
            "names": (True, False),
        }[shift]
    assert torch.equal(shifted_task("names", 0).test.labels, (plain.test.labels + 1) % 8)
    with pytest.raises(ValueError, match="there are noise, species, names"):
        shifted_task("fog", 0)


def test_one_part_and_no_other_learns(network):
    learning = {part: _strategy_for_part(part).learning_parts(network) for part in PARTS[1:]}
    assert learning == {
        **{name: (name,) for name in STAGE_NAMES},
        "head": ("head",),
        "head by steps": ("head",),
        "everything": (*STAGE_NAMES, "head"),
    }
    assert all(_strategy_for_part(part).head_start == "kept" for part in PARTS[1:])


def test_new_statistics_are_those_of_the_new_images_and_nothing_else_moves(network, toy):
    before = {k: v.clone() for k, v in network.state_dict().items()}
    momenta = [m.momentum for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    _renew_statistics(network, toy)
    moved = entries_that_moved(before, network)
    assert moved == {name for name in before if "running" in name or "num_batches" in name}
    first = network.stages["stem"][0](network.normalise(toy.train.pixels))
    assert torch.allclose(network.stages["stem"][1].running_mean, first.mean((0, 2, 3)), atol=1e-5)
    assert not network.learning_parts
    assert momenta == [m.momentum for m in network.modules() if isinstance(m, nn.BatchNorm2d)]


def test_gradual_unfreezing_ends_with_everything_learning(network, toy):
    made = gradual_unfreezing(network, toy, 0, epochs=5)
    assert made.learning_parts == {*STAGE_NAMES, "head"}


def test_swapped_names_are_swapped_for_every_shot():
    task = shifted_task("names", 0)
    plain = genus_task("known", task.shots // 2, task.seed)
    assert torch.equal(
        task.at(2, 7).train.labels, (plain.at(2, 7).train.labels + 1) % len(task.classes)
    )
    assert torch.equal(task.at(task.shots, task.seed).train.labels, task.train.labels)
