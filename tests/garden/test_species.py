import pytest
import torch

from vtlab.garden.species import (
    GENES,
    count_species_petals,
    express_genes,
    grow_species,
    vary_genomes,
)
from vtlab.system.randomness import derive_random_keys


def test_individuals_share_the_petals_of_their_species():
    genomes = grow_species(1, seed=9).genomes.expand(50, -1)
    shaken = vary_genomes(genomes, derive_random_keys(0, 0, torch.arange(50)), 0.2, 3)
    assert (count_species_petals(shaken) == count_species_petals(genomes)).all()
    assert not torch.equal(shaken, genomes)


def test_traits_stay_finite_far_outside_the_pretraining_range():
    genomes = torch.rand(200, len(GENES)) * 3 - 1
    assert all(torch.isfinite(v.float()).all() for v in express_genes(genomes).values())


def test_names_are_different_and_of_as_many_genera_as_asked():
    names = grow_species(24, seed=3, genera=4).names
    assert len(set(names)) == 24
    assert len({name.split()[0] for name in names}) == 4


def test_impossible_species_are_refused():
    with pytest.raises(ValueError, match="0 species"):
        grow_species(0, seed=1)
    with pytest.raises(ValueError, match="spread"):
        grow_species(3, seed=1, spread=0)
