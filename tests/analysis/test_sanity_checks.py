"""Cascades of random weights."""

import copy

import pytest
import torch
from tests_support import entries_that_moved

from vtlab.analysis.cams import explain
from vtlab.analysis.sanity_checks import cascading_randomisation
from vtlab.models.evaluation import predict


@pytest.fixture
def pixels():
    return torch.randint(0, 255, (4, 3, 16, 16), dtype=torch.uint8)


def test_the_cascade_goes_from_head_to_stem_and_leaves_the_network(network, pixels):
    before = {k: v.clone() for k, v in network.state_dict().items()}
    found = dict(cascading_randomisation(network, pixels))
    assert list(found) == ["trained", "head", "stage4", "stage3", "stage2", "stage1", "stem"]
    assert torch.equal(found["trained"], explain(network, pixels))
    assert not torch.equal(found["trained"], found["head"])
    assert not entries_that_moved(before, network)
    again = dict(cascading_randomisation(network, pixels))
    assert all(torch.equal(found[part], again[part]) for part in found)


def test_the_explained_class_stays_the_one_that_the_trained_network_names(network, pixels):
    wreck = copy.deepcopy(network)
    wreck.reset_head(1)
    other = predict(wreck, pixels, bfloat16=False).sum(0).argmin().item()
    network.head.bias.data[other] = 100
    found = dict(cascading_randomisation(network, pixels, stage="stage2"))["head"]
    assert torch.equal(found, explain(wreck, pixels, stage="stage2", targets=other))
    assert not torch.equal(found, explain(wreck, pixels, stage="stage2"))  # of what it names itself


def test_the_cascade_ends_with_nothing_of_the_trained_network(network, pixels):
    network.head.bias.data[0] = 100  # so that both networks predict class 0
    first = list(cascading_randomisation(network, pixels))[-1][1]
    network.reset_stages(9)
    assert torch.equal(list(cascading_randomisation(network, pixels))[-1][1], first)
