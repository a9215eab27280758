import pytest
import torch
from torch import nn

from vtlab.models.backbones import backbone
from vtlab.models.heads import find_head_linear_layers, start_head_at_label_mean

NUMBERS = torch.tensor([3.0, 5.0, 10.0])


def test_a_head_ends_in_a_linear_layer():
    assert [
        layer.out_features
        for layer in find_head_linear_layers(backbone(classes=5, weights=None).head)
    ] == [5]
    with pytest.raises(ValueError, match="needs a linear layer"):
        find_head_linear_layers(nn.ReLU())


def test_a_head_begins_at_the_mean_of_its_numbers_and_in_their_unit():
    head = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 1))
    before = head[2].weight.clone()
    start_head_at_label_mean(head, NUMBERS)
    assert head[2].bias.item() == pytest.approx(6)
    assert torch.allclose(head[2].weight, before * NUMBERS.std(correction=0))
