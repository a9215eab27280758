import pytest
import torch
import torch.nn.functional as F

from vtlab.models.losses import are_correct_by_loss, compute_loss, label_variance_loss

CLASSES = torch.tensor([0, 2])
NUMBERS = torch.tensor([3.0, 5.0, 10.0])


def test_classes_cost_their_cross_entropy_and_numbers_their_squared_error():
    logits = torch.tensor([[1.0, 0.0, 2.0], [0.0, 0.0, 1.0]])
    assert compute_loss(logits, CLASSES, label_variance_loss(CLASSES)) == F.cross_entropy(
        logits, CLASSES
    )
    mean = torch.full((3, 1), 6.0)
    assert compute_loss(mean, NUMBERS, label_variance_loss(NUMBERS)).item() == pytest.approx(1)
    assert compute_loss(NUMBERS[:, None], NUMBERS, label_variance_loss(NUMBERS)) == 0


def test_a_number_is_right_to_within_a_half():
    found = torch.tensor([[3.4], [5.6], [9.9]])
    assert are_correct_by_loss(found, NUMBERS).tolist() == [True, False, True]
    assert are_correct_by_loss(torch.tensor([[3.0, 1, 1], [0, 1, 0]]), CLASSES).tolist() == [
        True,
        False,
    ]


def test_equal_numbers_have_no_variance_to_divide_by():
    same = torch.full((4,), 2.0)
    assert torch.isfinite(compute_loss(torch.zeros(4, 1), same, label_variance_loss(same)))
