import numpy as np
import pytest
import torch

from vtlab.data.splits import alternate_groups, count_groups, stratified_split


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


def sides(labels, groups, share=0.3, seed=0):
    """The kept and held places of a split, checked: nothing lost, no group on both sides, every class kept."""
    kept, held = (part.tolist() for part in stratified_split(labels, share, seed, groups=groups))
    assert sorted([*kept, *held]) == list(range(len(labels)))
    assert not {groups[i] for i in kept} & {groups[i] for i in held}
    assert set(labels[kept].tolist()) == set(labels.tolist())
    return kept, held


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
def test_groups_stay_whole_and_the_shares_are_kept_as_near_as_they_allow(share):
    labels = torch.arange(2).repeat_interleave(torch.tensor([60, 120]))
    groups = [f"{label}-{i // 6}" for i, label in enumerate(labels.tolist())]
    for seed in range(5):
        _, held = sides(labels, groups, share, seed)
        shares = torch.bincount(labels[held]) / torch.bincount(labels)
        assert (shares - share).abs().max() <= 3 / 60  # half a group
    assert sides(labels, groups, share, 0) == sides(labels, groups, share, 0)
    assert sides(labels, groups, share, 0) != sides(labels, groups, share, 1)


@pytest.mark.parametrize("seed", range(5))
def test_a_group_may_have_images_of_several_classes(seed):
    random = np.random.default_rng(seed)
    labels = torch.from_numpy(random.integers(0, 3, 300))
    groups = [f"p{i}" for i in random.integers(0, 25, 300)]
    _, held = sides(labels, groups, 0.3, seed)
    shares = torch.bincount(labels[held]) / torch.bincount(labels)
    assert (shares - 0.3).abs().max() < 0.1


def test_of_few_large_groups_the_smallest_is_held_out():
    labels = torch.tensor([0] * 30 + [1] * 12)
    groups = ["a"] * 11 + ["b"] * 10 + ["c"] * 9 + ["d"] * 7 + ["e"] * 5
    _, held = sides(labels, groups, 0.1)
    assert {groups[i] for i in held} == {"c", "e"}


def test_a_class_of_one_group_is_kept_and_where_all_are_so_nothing_can_be_held_out():
    labels = torch.arange(2).repeat_interleave(12)
    _, held = sides(labels, ["a"] * 12 + ["b"] * 4 + ["c"] * 8)
    assert set(labels[held].tolist()) == {1}
    with pytest.raises(ValueError, match="no class lies in two groups"):
        stratified_split(labels, 0.3, 0, groups=["a"] * 12 + ["b"] * 12)


def test_groups_of_one_image_each_are_as_none():
    labels = torch.arange(2).repeat_interleave(torch.tensor([60, 120]))
    _, held = sides(labels, [str(i) for i in range(180)])
    assert torch.bincount(labels[held]).tolist() == [18, 36]


def test_groups_take_turns_in_their_order():
    assert alternate_groups([5, 0, 1, 2, 4, 3], "aabbbc") == [5, 0, 2, 1, 4, 3]


def test_groups_of_a_class_are_counted_or_else_its_images():
    labels = torch.tensor([0, 0, 0, 1])
    assert count_groups(labels, ()) == {0: 3, 1: 1}
    assert count_groups(labels, ("a", "b", "a", "a")) == {0: 2, 1: 1}
