import torch

from vtlab.garden.drawing import DrawnScene, _superformula, draw_plants
from vtlab.garden.species import grow_species
from vtlab.system.randomness import derive_random_keys


def test_an_image_is_the_same_whatever_the_batch():
    species, labels = grow_species(4, seed=5), torch.arange(70) % 4
    image_keys = derive_random_keys(1, 0, torch.arange(70))
    images, masks = draw_plants(species, labels, image_keys, 32)
    again, _ = draw_plants(species, labels[60:63], image_keys[60:63], 32)
    assert torch.equal(images[60:63], again)
    assert images.shape == (70, 3, 32, 32) and masks.dtype == torch.bool


def test_a_circle_is_the_superformula_without_petals():
    one = torch.ones(1)
    radii = _superformula(0 * one, 2 * one, 2 * one, 2 * one)
    assert torch.allclose(radii, torch.ones_like(radii))


def test_an_outline_has_as_many_tips_as_petals():
    one = torch.ones(1)
    radii = _superformula(5 * one, 0.5 * one, one, one)[0]
    tips = (radii > radii.roll(1)) & (radii >= radii.roll(-1))
    assert tips.sum() == 5


def test_the_mask_is_where_the_plant_changes_the_picture():
    """The same scene with another species differs on either plant (and its shadow) only."""
    labels, image_keys = torch.tensor([0]), derive_random_keys(4, 0, torch.arange(1))
    first, a = draw_plants(grow_species(1, seed=1), labels, image_keys, 64, DrawnScene(variation=0))
    second, b = draw_plants(
        grow_species(1, seed=2), labels, image_keys, 64, DrawnScene(variation=0)
    )
    changed = (first != second).any(1)
    near = torch.nn.functional.max_pool2d((a | b).float(), 13, 1, 6) > 0
    assert (changed & ~near).sum() == 0
    assert changed[a & b].float().mean() > 0.9
