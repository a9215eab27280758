import torch

from vtlab.data.images import Images, image_places_by_class

LABELS = torch.tensor([2, 0, 2, 1, 2, 0])


def test_places_are_those_of_each_class_in_their_order_or_shuffled():
    assert [own.tolist() for own in image_places_by_class(LABELS, (2, 3, 0))] == [
        [0, 2, 4],
        [],
        [1, 5],
    ]
    many = torch.zeros(50, dtype=torch.long)
    (shuffled,) = image_places_by_class(many, [0], torch.Generator().manual_seed(0))
    assert shuffled.tolist() != list(range(50)) == sorted(shuffled.tolist())


def test_the_first_of_some_classes_share_the_room():
    pixels = torch.arange(6, dtype=torch.uint8)[:, None, None, None].expand(-1, 3, 2, 2)
    images = Images(pixels, LABELS, None, tuple("abcdef"))
    assert images.first_of_classes((2, 0), 3).files == ("a", "c", "b")
    assert images.first_of_classes((2, 0), 4).pixels[:, 0, 0, 0].tolist() == [0, 2, 1, 5]
    assert images.first_of_classes([1], 9).labels.tolist() == [1]
