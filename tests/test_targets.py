import pytest
import torch
import torch.nn.functional as F
from torch import nn

from vtlab.targets import aim, cost, right, variance

CLASSES = torch.tensor([0, 2])
NUMBERS = torch.tensor([3.0, 5.0, 10.0])


def test_classes_cost_their_cross_entropy_and_numbers_their_squared_error():
    logits = torch.tensor([[1.0, 0.0, 2.0], [0.0, 0.0, 1.0]])
    assert cost(logits, CLASSES, variance(CLASSES)) == F.cross_entropy(logits, CLASSES)
    mean = torch.full((3, 1), 6.0)
    assert cost(mean, NUMBERS, variance(NUMBERS)).item() == pytest.approx(1)
    assert cost(NUMBERS[:, None], NUMBERS, variance(NUMBERS)) == 0


def test_a_number_is_right_to_within_a_half():
    found = torch.tensor([[3.4], [5.6], [9.9]])
    assert right(found, NUMBERS).tolist() == [True, False, True]
    assert right(torch.tensor([[3.0, 1, 1], [0, 1, 0]]), CLASSES).tolist() == [True, False]


def test_equal_numbers_have_no_variance_to_divide_by():
    same = torch.full((4,), 2.0)
    assert torch.isfinite(cost(torch.zeros(4, 1), same, variance(same)))


def test_an_aimed_head_begins_at_the_mean_in_the_numbers_unit():
    head = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 1))
    before = head[2].weight.clone()
    aim(head, NUMBERS)
    assert head[2].bias.item() == pytest.approx(6)
    assert torch.allclose(head[2].weight, before * NUMBERS.std(correction=0))
