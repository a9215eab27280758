import pytest
import torch

from vtlab.garden.drawing import Scene, draw_plants, superformula
from vtlab.garden.species import GENES, count_petals, express_genes, grow_species
from vtlab.garden.worlds import WORLDS, World
from vtlab.system.randomness import derive_keys


def test_an_image_is_the_same_whatever_the_batch():
    species, labels = grow_species(4, seed=5), torch.arange(70) % 4
    image_keys = derive_keys(1, 0, torch.arange(70))
    images, masks = draw_plants(species, labels, image_keys, 32)
    again, _ = draw_plants(species, labels[60:63], image_keys[60:63], 32)
    assert torch.equal(images[60:63], again)
    assert images.shape == (70, 3, 32, 32) and masks.dtype == torch.bool


def test_a_circle_is_the_superformula_without_petals():
    one = torch.ones(1)
    radii = superformula(0 * one, 2 * one, 2 * one, 2 * one)
    assert torch.allclose(radii, torch.ones_like(radii))


def test_an_outline_has_as_many_tips_as_petals():
    one = torch.ones(1)
    radii = superformula(5 * one, 0.5 * one, one, one)[0]
    tips = (radii > radii.roll(1)) & (radii >= radii.roll(-1))
    assert tips.sum() == 5


def test_the_mask_is_where_the_plant_changes_the_picture():
    """The same scene with another species differs on either plant (and its shadow) only."""
    labels, image_keys = torch.tensor([0]), derive_keys(4, 0, torch.arange(1))
    first, a = draw_plants(grow_species(1, seed=1), labels, image_keys, 64, Scene(variation=0))
    second, b = draw_plants(grow_species(1, seed=2), labels, image_keys, 64, Scene(variation=0))
    changed = (first != second).any(1)
    near = torch.nn.functional.max_pool2d((a | b).float(), 13, 1, 6) > 0
    assert (changed & ~near).sum() == 0
    assert changed[a & b].float().mean() > 0.9


def test_individuals_share_the_petals_of_their_species():
    from vtlab.garden.drawing import vary_genomes

    genomes = grow_species(1, seed=9).genomes.expand(50, -1)
    shaken = vary_genomes(genomes, derive_keys(0, 0, torch.arange(50)), 0.2, 3)
    assert (count_petals(shaken) == count_petals(genomes)).all()
    assert not torch.equal(shaken, genomes)


def test_traits_stay_finite_far_outside_the_pretraining_range():
    genomes = torch.rand(200, len(GENES)) * 3 - 1
    assert all(torch.isfinite(v.float()).all() for v in express_genes(genomes).values())


def test_names_are_different_and_of_as_many_genera_as_asked():
    names = grow_species(24, seed=3, genera=4).names
    assert len(set(names)) == 24
    assert len({name.split()[0] for name in names}) == 4


@pytest.mark.parametrize("name", [n for n in WORLDS if WORLDS[n].target == "class"])
def test_every_world_draws_its_classes(name):
    images, labels, masks = WORLDS[name].draw(2, 0, 32)
    assert labels.tolist() == [k for k in range(len(WORLDS[name].classes)) for _ in range(2)]
    assert images.shape == (len(labels), 3, 32, 32) and masks.shape == (len(labels), 32, 32)
    assert images.float().std((1, 2, 3)).min() > 2, "a picture is not empty"


def test_the_number_world_asks_for_the_petals():
    _, targets, _ = WORLDS["petals"].draw(1, 0, 32)
    assert targets.tolist() == WORLDS["petals"].species.petals.float().tolist()


def test_arrows_have_more_ink_where_they_point():
    _, labels, masks = WORLDS["arrows"].draw(40, 0, 64)
    assert WORLDS["arrows"].classes == ("north-east", "north-west", "south-west", "south-east")
    line = torch.arange(64) - 31.5
    for k, (east, south) in enumerate([(1, -1), (-1, -1), (-1, 1), (1, 1)]):
        ink = masks[labels == k].float().mean(0)
        assert (ink.sum(0) * line).sum() * east > 0 and (ink.sum(1) * line).sum() * south > 0


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


def test_contrast_and_blur_do_what_their_names_say():
    plain, _, _ = WORLDS["garden"].draw(1, 0, 32)
    for kind in ("contrast", "blur"):
        turned, _, _ = WORLDS["garden"].turn(corruption=kind, strength=4).draw(1, 0, 32)
        steps = [x.float().diff(dim=3).abs().mean() for x in (plain, turned)]
        assert steps[1] < 0.6 * steps[0]


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


def test_impossible_species_are_refused():
    with pytest.raises(ValueError, match="0 species"):
        grow_species(0, seed=1)
    with pytest.raises(ValueError, match="spread"):
        grow_species(3, seed=1, spread=0)
