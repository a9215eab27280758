import pytest
import torch

from vtlab.models.inputs import check_inputs

CLASSES = torch.tensor([0, 2])
NUMBERS = torch.tensor([3.0, 5.0, 10.0])
PIXELS = torch.zeros(3, 3, 8, 8, dtype=torch.uint8)


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
