import pytest
import torch
from pretrain import PretrainingPhotos

from vtlab.data.augment import Augment
from vtlab.garden.source import GardenSource

STILL = Augment(flip=False, shift=0.0, light=0.0)


def photographs(count=10, augment=STILL):
    """Image i is of the grey value i, and of class i % 3."""
    pixels = (
        torch.arange(count, dtype=torch.uint8)[:, None, None, None]
        .expand(count, 3, 16, 16)
        .contiguous()
    )
    labels = torch.arange(count) % 3
    return PretrainingPhotos(pixels, labels, pixels, labels, 3, "made up", augment)


def test_every_photograph_comes_once_an_epoch_in_another_order():
    source = photographs(12)
    epochs = [
        [int(v) for b in range(3) for v in source.batch(3 * epoch + b, 4, 0, 16)[0][:, 0, 0, 0]]
        for epoch in range(2)
    ]
    assert all(sorted(order) == list(range(12)) for order in epochs) and epochs[0] != epochs[1]


def test_a_batch_does_not_depend_on_those_before_it():
    one, other = photographs(augment=Augment(crop=0.4)), photographs(augment=Augment(crop=0.4))
    for number in range(7):
        expected = one.batch(number, 4, 5, 16)
    found = other.batch(6, 4, 5, 16)
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_labels_belong_to_their_images_and_sizes_are_as_asked():
    images, labels = photographs().batch(1, 5, 0, 8)
    assert images.shape == (5, 3, 8, 8) and images.dtype == torch.uint8
    assert labels.tolist() == [int(v) % 3 for v in images[:, 0, 0, 0]]


def test_what_does_not_fill_a_batch_is_left_out_of_the_epoch():
    source = photographs(10)
    assert len({int(v) for b in range(2) for v in source.batch(b, 4, 0, 16)[0][:, 0, 0, 0]}) == 8
    assert source._orders.keys() == {(0, 0)}
    source.batch(2, 4, 0, 16)
    assert source._orders.keys() == {(0, 1)}


def test_fewer_photographs_than_a_batch_takes_are_refused():
    with pytest.raises(
        ValueError, match="a batch takes 128 photographs to learn from; there are 10"
    ):
        photographs(10).batch(0, 128, 0, 16)


def test_another_content_or_augmentation_is_another_configuration():
    assert photographs().fingerprint() != photographs(augment=Augment()).fingerprint()
    assert GardenSource().fingerprint() == {"species": 256, "genera": 128, "spread": 0.6}


@pytest.mark.parametrize("size", [32, 64])
def test_drawings_come_in_the_size_asked_for(size):
    images, labels = GardenSource(species=4, genera=2).batch(0, 3, 0, size)
    assert images.shape == (3, 3, size, size) and set(labels.tolist()) <= set(range(4))
