import pytest
import torch
import torch.nn.functional as F
from torch import nn

from vtlab.models.heads import start_head_at_mean
from vtlab.models.inputs import check_inputs
from vtlab.models.losses import are_correct, compute_loss, label_variance

CLASSES = torch.tensor([0, 2])
NUMBERS = torch.tensor([3.0, 5.0, 10.0])
PIXELS = torch.zeros(3, 3, 8, 8, dtype=torch.uint8)


def test_classes_cost_their_cross_entropy_and_numbers_their_squared_error():
    logits = torch.tensor([[1.0, 0.0, 2.0], [0.0, 0.0, 1.0]])
    assert compute_loss(logits, CLASSES, label_variance(CLASSES)) == F.cross_entropy(
        logits, CLASSES
    )
    mean = torch.full((3, 1), 6.0)
    assert compute_loss(mean, NUMBERS, label_variance(NUMBERS)).item() == pytest.approx(1)
    assert compute_loss(NUMBERS[:, None], NUMBERS, label_variance(NUMBERS)) == 0


def test_a_number_is_right_to_within_a_half():
    found = torch.tensor([[3.4], [5.6], [9.9]])
    assert are_correct(found, NUMBERS).tolist() == [True, False, True]
    assert are_correct(torch.tensor([[3.0, 1, 1], [0, 1, 0]]), CLASSES).tolist() == [True, False]


def test_equal_numbers_have_no_variance_to_divide_by():
    same = torch.full((4,), 2.0)
    assert torch.isfinite(compute_loss(torch.zeros(4, 1), same, label_variance(same)))


def test_an_aimed_head_begins_at_the_mean_in_the_numbers_unit():
    head = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 1))
    before = head[2].weight.clone()
    start_head_at_mean(head, NUMBERS)
    assert head[2].bias.item() == pytest.approx(6)
    assert torch.allclose(head[2].weight, before * NUMBERS.std(correction=0))


def test_images_and_labels_that_fit_are_let_through():
    check_inputs(PIXELS)
    for labels in (torch.tensor([0, 7, 3]), torch.tensor([0, 7, 3], dtype=torch.uint8)):
        check_inputs(PIXELS, labels, 8)
    check_inputs(PIXELS, NUMBERS, 1)
    for numbers in (NUMBERS, NUMBERS.double(), torch.tensor([3, 5, 10])):
        check_inputs(PIXELS, numbers)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (PIXELS.float(), "torch.uint8.* not torch.float32"),
        (PIXELS[0], r"not torch.uint8 of shape \(3, 8, 8\)"),
        (PIXELS[:, :1], r"of shape \(3, 1, 8, 8\)"),
        (PIXELS.numpy(), "not uint8"),
        (None, "not NoneType"),
    ],
)
def test_pixels_of_another_kind_are_named(wrong, words):
    with pytest.raises(ValueError, match=words):
        check_inputs(wrong)


@pytest.mark.parametrize(
    ("labels", "outputs", "words"),
    [
        (torch.zeros(3, 1).long(), 8, r"shape \(3,\), not \(3, 1\)"),
        (CLASSES, 8, r"shape \(3,\), not \(2,\)"),
        ([0, 1, 2], 8, "not list"),
        (NUMBERS, 8, "ask for one output, not 8"),
        (torch.tensor([0, 1, 8]), 8, "from 0 to 8 are not all among the classes 0 to 7"),
        (torch.tensor([0, -1, 2]), 8, "from -1 to 2"),
        (NUMBERS.log().sub(9e9).log(), 1, "no finite number"),
    ],
)
def test_labels_that_do_not_belong_to_the_images_or_the_network_are_named(labels, outputs, words):
    with pytest.raises(ValueError, match=words):
        check_inputs(PIXELS, labels, outputs)


def test_no_images_have_no_accuracy():
    with pytest.raises(ValueError, match="there are no images"):
        check_inputs(PIXELS[:0], CLASSES[:0], 8)
