import pytest
import torch

from vtlab.data.splits import stratified_split


def test_the_hold_out_is_stratified_and_complete():
    labels = torch.tensor([1] * 20 + [0] * 10)
    kept, held = stratified_split(labels, 0.3, seed=0)
    assert sorted([*kept.tolist(), *held.tolist()]) == list(range(30))
    assert torch.bincount(labels[held]).tolist() == [3, 6]
    assert torch.equal(held, stratified_split(labels, 0.3, seed=0)[1])
    assert not torch.equal(held, stratified_split(labels, 0.3, seed=1)[1])


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_a_hold_out_leaves_two_of_each_class_on_both_sides(share):
    labels = torch.arange(3).repeat_interleave(torch.tensor([4, 5, 9]))
    for index in stratified_split(labels, share, seed=0):
        assert torch.bincount(labels[index]).min() >= 2


def test_a_hold_out_names_what_is_impossible():
    labels = torch.tensor([0, 0, 0, 1, 1, 1, 1])
    with pytest.raises(ValueError, match="class 0 has 3 images; the least is 4"):
        stratified_split(labels, 0.3, 0)
    with pytest.raises(ValueError, match="class 'ant' has 3 images"):
        stratified_split(labels, 0.3, 0, classes=("ant", "bee"))
    with pytest.raises(ValueError, match=r"share of 1\.5"):
        stratified_split(labels, 1.5, 0)
