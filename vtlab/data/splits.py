"""Splitting labelled images in two, with the same share of each class on each side.

Several images of one patient, animal or film are a group: a group on both sides lets a network win by
recognising it, so groups stay whole.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from vtlab.data.images import image_places_by_class
from vtlab.system.randomness import make_generator

MIN_IMAGES_PER_CLASS = 4  # so that a split leaves two images to learn from and two to test on
GROUP_CHOICES = 8  # that are tried, since groups have images of several classes
MANY_GROUPS = 10_000  # of which one choice is as good as another


def stratified_split(
    labels: Tensor,
    share: float,
    seed: int,
    classes: Sequence[str] = (),
    groups: Sequence[str] = (),
) -> tuple[Tensor, Tensor]:
    """Places to learn from and places to test on: a share of each class, at least two each.

    Groups go to one side as a whole. Then the shares are as near as the groups allow, a side may have one
    image of a class, and a class that is one group is kept.

    Args:
        labels: `(N,)` int64.
        share: Of each class that is held out, between 0 and 1.
        seed: Which images are held out.
        classes: Names for the message.
        groups: The group of each image; empty where every image stands alone.

    Returns:
        Places in `labels` of the images that are kept and of those held out, sorted within each class.

    Raises:
        ValueError: If a class has fewer than `MIN_IMAGES_PER_CLASS` images, no such share exists, or no
            class lies in two groups.
    """
    if not 0 < share < 1:
        raise ValueError(f"a share of {share} cannot be held out; it lies between 0 and 1")
    for k, count in zip(*(x.tolist() for x in labels.unique(return_counts=True)), strict=True):
        check_class_size(classes[k] if classes else k, count)
    return split_each_class(labels, share, make_generator(seed, "holdout"), least=2, groups=groups)


def split_each_class(
    labels: Tensor,
    share: float,
    random: torch.Generator,
    least: int,
    groups: Sequence[str] = (),
) -> tuple[Tensor, Tensor]:
    """Do what `stratified_split` does, unchecked, with at least so many images of each class on each side."""
    if groups:
        return _split_groups(labels, share, random, groups)
    kept, held = [], []
    for places in image_places_by_class(labels, labels.unique().tolist(), random):
        cut = min(max(least, round(share * len(places))), len(places) - least)
        held.append(places[:cut].sort().values)
        kept.append(places[cut:].sort().values)
    return torch.cat(kept), torch.cat(held)


def _split_groups(
    labels: Tensor, share: float, random: torch.Generator, groups: Sequence[str]
) -> tuple[Tensor, Tensor]:
    """Hold out whole groups: of some random choices the one with the share of each class nearest to `share`."""
    numbers = labels.tolist()
    total, counts = Counter(numbers), defaultdict[str, Counter[int]](Counter)
    for label, group in zip(numbers, groups, strict=True):
        counts[group][label] += 1
    names = list(counts)
    tries = []
    for _ in range(GROUP_CHOICES if len(names) < MANY_GROUPS else 1):
        mixed = [names[i] for i in torch.randperm(len(names), generator=random).tolist()]
        tries.append(_choose_groups({name: counts[name] for name in mixed}, total, share))
    chosen, _ = min(tries, key=lambda one: one[1])
    if not chosen:
        raise ValueError("no class lies in two groups: whole groups cannot be held out of any")
    is_held = torch.tensor([group in chosen for group in groups])
    places = torch.cat(image_places_by_class(labels, labels.unique().tolist()))
    return places[~is_held[places]], places[is_held[places]]


def _choose_groups(
    counts: dict[str, Counter[int]], total: Counter[int], share: float
) -> tuple[set[str], float]:
    """Choose groups in their order, as long as that brings the classes nearer to their shares.

    Args:
        counts: The images of each class in each group.
        total: The images of each class.
        share: Of each class that is to be chosen.

    Returns:
        The groups, which leave something of each class, and how far a class is from its share at most.
    """
    held: Counter[int] = Counter()
    chosen: set[str] = set()

    def leaves_each_class(group: str) -> bool:
        return all(held[k] + n < total[k] for k, n in counts[group].items())

    def comes_nearer(group: str) -> bool:
        # squared distances of the classes' shares from the one asked for, after less before
        steps = ((held[k] / total[k] - share, n / total[k]) for k, n in counts[group].items())
        return sum((2 * away + step) * step for away, step in steps) < 0

    for group, images in counts.items():
        if leaves_each_class(group) and comes_nearer(group):
            chosen.add(group)
            held.update(images)
    # a class of few and large groups may have none yet: then its smallest
    for k in total:
        own = (g for g in counts if k in counts[g] and g not in chosen and leaves_each_class(g))
        smallest = None if held[k] else min(own, key=lambda g: counts[g].total(), default=None)
        if smallest is not None:
            chosen.add(smallest)
            held.update(counts[smallest])
    return chosen, max(abs(held[k] / total[k] - share) for k in total)


def count_groups(labels: Tensor, groups: Sequence[str]) -> dict[int, int]:
    """In how many groups each class lies; how many images it has where there are no groups."""
    if not groups:
        return Counter(labels.tolist())
    pairs = set(zip(labels.tolist(), groups, strict=True))
    return Counter(label for label, _ in pairs)


def alternate_groups(places: Iterable[int], groups: Sequence[str]) -> list[int]:
    """The places in an order in which every group has its first image before any has its second."""
    seen: Counter[str] = Counter()
    turns = []
    for place in places:
        seen[groups[place]] += 1
        turns.append((seen[groups[place]], place))
    return [place for _, place in sorted(turns, key=lambda turn: turn[0])]


def check_class_size(name: str | int, count: int) -> None:
    """Refuse a class that is too small to be split.

    Raises:
        ValueError: Naming it and its count.
    """
    if count < MIN_IMAGES_PER_CLASS:
        images = "image" if count == 1 else "images"
        raise ValueError(
            f"class {name!r} has {count} {images}; the least is {MIN_IMAGES_PER_CLASS}, "
            "two to learn from and two to test on"
        )
