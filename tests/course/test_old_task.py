import torch

from vtlab.garden.drawing import draw_plants
from vtlab.garden.source import SOURCE_SEED, GardenSource
from vtlab.garden.species import grow_species
from vtlab.system.randomness import derive_random_keys


def test_the_old_task_is_of_the_source_and_no_image_of_the_pretraining(old_task):
    learnt = GardenSource()
    species = grow_species(learnt.species, SOURCE_SEED, genera=learnt.genera, spread=learnt.spread)
    assert torch.equal(learnt.all_species.genomes, species.genomes)
    kept = {image.numpy().tobytes() for image in old_task.train.pixels}
    assert len(kept) == 320 and not kept & {i.numpy().tobytes() for i in old_task.test.pixels}
    again, _ = draw_plants(
        species, old_task.test.labels, derive_random_keys(0, 3, torch.arange(400))
    )
    assert torch.equal(again, old_task.test.pixels)
