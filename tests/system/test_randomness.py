import random

import numpy as np
import pytest
import torch

from vtlab.system.randomness import (
    derive_random_keys,
    every_seed,
    make_generator,
    random_normal,
    random_uniform,
)


def test_a_number_depends_on_its_key_and_not_on_the_batch():
    index = torch.arange(50)
    whole = random_uniform(derive_random_keys(3, 1, index), (4, 5), 2)
    part = random_uniform(derive_random_keys(3, 1, index[20:30]), (4, 5), 2)
    assert torch.equal(whole[20:30], part)


def test_seeds_streams_and_indices_give_different_keys():
    index = torch.arange(1000)
    found = torch.cat([derive_random_keys(s, t, index) for s in (-1, 0, 1) for t in (0, 1)])
    assert len(found.unique()) == len(found)


def test_uniform_numbers_are_uniform_and_normal_ones_have_unit_spread():
    drawn = random_uniform(derive_random_keys(0, 0, torch.arange(200)), 500, 0)
    assert 0 <= drawn.min() and drawn.max() < 1
    counts = torch.histc(drawn, 10, 0, 1) / drawn.numel()
    assert (counts - 0.1).abs().max() < 0.005
    spread = random_normal(derive_random_keys(0, 0, torch.arange(200)), 500, 1)
    assert abs(spread.mean()) < 0.01 and abs(spread.std() - 1) < 0.01


def test_neighbouring_streams_are_uncorrelated():
    image_keys = derive_random_keys(0, 0, torch.arange(100))
    pair = torch.stack([random_uniform(image_keys, 300, s).flatten() for s in (0, 1)])
    assert abs(torch.corrcoef(pair)[0, 1]) < 0.02


def test_generators_differ_by_purpose_and_repeat_by_seed():
    def draw(seed, purpose):
        return torch.rand(3, generator=make_generator(seed, purpose)).tolist()

    assert draw(0, "head") == draw(0, "head")
    assert draw(0, "head") != draw(0, "batches") and draw(0, "head") != draw(1, "head")


def test_seeds_of_every_kind_are_given_back_also_after_an_error():
    states = random.getstate(), np.random.get_state()[1].copy(), torch.get_rng_state()
    drawn = []
    for seed in (5, 5, 6):
        with pytest.raises(RuntimeError), every_seed(seed):
            drawn.append((random.random(), np.random.rand(), torch.rand(1).item()))
            raise RuntimeError
    assert drawn[0] == drawn[1] != drawn[2]
    assert random.getstate() == states[0] and (np.random.get_state()[1] == states[1]).all()
    assert torch.equal(torch.get_rng_state(), states[2])
