import pytest
import torch

from vtlab.garden.worlds import WORLDS, World


@pytest.mark.parametrize("name", [n for n in WORLDS if WORLDS[n].target == "class"])
def test_every_world_draws_its_classes(name):
    images, labels, masks = WORLDS[name].draw(2, 0, 32)
    assert labels.tolist() == [k for k in range(len(WORLDS[name].classes)) for _ in range(2)]
    assert images.shape == (len(labels), 3, 32, 32) and masks.shape == (len(labels), 32, 32)
    assert images.float().std((1, 2, 3)).min() > 2, "a picture is not empty"


def test_the_number_world_asks_for_the_petals():
    _, targets, _ = WORLDS["petals"].draw(1, 0, 32)
    assert targets.tolist() == WORLDS["petals"].species.petals.float().tolist()


def test_training_shots_are_nested_and_never_in_the_test_set():
    world = WORLDS["garden"]
    few, labels, _ = world.draw(2, 0, 32)
    many, more, _ = world.draw(3, 0, 32)
    test, _, _ = world.draw(3, None, 32)
    for k in range(world.count):
        assert torch.equal(few[labels == k], many[more == k][:2])
    flat = test.flatten(1).float()
    assert torch.cdist(few.flatten(1).float(), flat).min() > 0


def test_another_seed_draws_other_individuals_of_the_same_species():
    world = WORLDS["garden"]
    (first, labels, _), (second, same, _), (test, _, _) = (
        world.draw(1, s, 32) for s in (0, 1, None)
    )
    assert torch.equal(labels, same) and torch.equal(first, world.draw(1, 0, 32)[0])
    every = torch.cat([first, second, test]).flatten(1).float()
    assert torch.pdist(every).min() > 0


def test_the_centre_does_not_give_the_plant_away():
    _, _, masks = WORLDS["garden"].draw(75, None, 64)
    assert masks[:, 32, 32].float().mean() <= 0.40
    assert masks.flatten(1).float().mean(1).min() > 0.005, "the plant is always there"


def test_a_planted_shortcut_ties_grounds_to_classes():
    tied = World("x", seed=1, count=2, genera=1).turn(shortcut=1.0, weeds=0, leaves=0)
    images, labels, masks = tied.draw(12, 0, 32)
    ground = torch.where(masks[:, None], torch.nan, images.float()).nanmean((2, 3))
    light = ground / ground.norm(dim=1, keepdim=True)
    within = (light[labels == 0] - light[labels == 0].mean(0)).norm(dim=1).mean()
    between = (light[labels == 0].mean(0) - light[labels == 1].mean(0)).norm()
    assert between > within


@pytest.mark.parametrize(
    "dial",
    [
        {"style": "night"},
        {"style": "line"},
        {"corruption": "blur", "strength": 3},
        {"corruption": "noise", "strength": 3},
        {"corruption": "contrast", "strength": 3},
        {"corruption": "hue", "strength": 3},
    ],
)
def test_a_dial_changes_the_pictures_and_not_the_masks(dial):
    plain, _, masks = WORLDS["garden"].draw(1, 0, 32)
    turned, _, same = WORLDS["garden"].turn(**dial).draw(1, 0, 32)
    assert not torch.equal(plain, turned) and torch.equal(masks, same)


@pytest.mark.parametrize(
    "dial",
    [
        {"style": "oil"},
        {"corruption": "snow"},
        {"colour": 1},
        {"corruption": "blur", "strength": 9},
    ],
)
def test_an_unknown_dial_is_named(dial):
    with pytest.raises(ValueError, match="oil|snow|colour|9"):
        WORLDS["garden"].turn(**dial).draw(1, 0, 16)
