import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.utils.class_weight import compute_class_weight

from vtlab.models.losses import (
    are_correct_by_loss,
    compute_loss,
    label_variance_loss,
    weigh_classes,
)

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


def test_weights_of_classes_are_scikit_learns_and_an_average_image_weighs_one():
    labels = torch.tensor([0] * 7 + [1] * 2 + [2])
    weights = weigh_classes(labels, "balanced", 3)
    theirs = compute_class_weight("balanced", classes=np.arange(3), y=labels.numpy())
    assert weights.tolist() == pytest.approx(theirs.tolist())
    assert weights[labels].mean().item() == pytest.approx(1)
    own = weigh_classes(labels, (1, 2, 4), 3)
    assert (own / own[0]).tolist() == pytest.approx([1, 2, 4])
    assert own[labels].mean().item() == pytest.approx(1)
    with pytest.raises(ValueError, match="2 numbers, the task 3 classes"):
        weigh_classes(labels, (1, 2), 3)


def test_the_weighted_smoothed_loss_is_the_mean_of_the_images_losses_times_their_weights():
    logits = torch.tensor([[1.0, 0.0, 2.0], [0.0, 0.0, 1.0]])
    each = F.cross_entropy(logits, CLASSES, reduction="none", label_smoothing=0.1)
    weights = torch.tensor([3.0, 1.0, 0.5])
    found = compute_loss(logits, CLASSES, label_variance_loss(CLASSES), weights, 0.1)
    assert found.item() == pytest.approx((3 * each[0] + 0.5 * each[1]).item() / 2)
