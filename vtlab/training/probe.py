"""The linear probe, solved: logistic regression on frozen features, or ridge where labels are numbers.

The strength of its L2 is chosen by cross-validation within the shots. `logistic` has the solver.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vtlab.data.images import image_places_by_class
from vtlab.data.splits import alternate_groups, count_groups, stratified_split
from vtlab.models.features import activations
from vtlab.models.losses import label_variance_loss
from vtlab.models.network import Network
from vtlab.system.randomness import make_generator
from vtlab.training.logistic import iterate_logistic, solve_logistic, split_logistic_slices

STRENGTHS = tuple(10.0**e for e in (-4, -3, -2, -1, 0, 1))  # of L2, on features in `probe_unit`
DEFAULT_STRENGTH = 1e-2  # where one shot leaves nothing to cross-validate; not tuned
MAX_FOLDS = 5
MAX_IMAGES_TIMES_CLASSES = 1_000_000  # images x classes that a strength is chosen on


@dataclass(frozen=True)
class ProbeStep:
    """One step of the solver, and what it has reached on the shots.

    Attributes:
        number: From 1.
        loss: Its mean, without L2.
        accuracy: The share that is right.
        balanced: The same as a mean over the classes; of numbers no other.
    """

    number: int
    loss: float
    accuracy: float
    balanced: float


def probe_unit(features: Tensor) -> float:
    """The unit of a probe's features: their typical distance from their mean.

    In this unit one strength of L2 means the same for any network.

    Args:
        features: `(N, D)`.

    Raises:
        ValueError: If a feature is nan or infinite, or too large to be squared.
    """
    centred = features - features.mean(0)
    unit = centred.square().sum(1).mean().sqrt().clamp(min=1e-12).item()
    if not math.isfinite(unit):
        raise ValueError(
            "features hold values that are no numbers (nan, or infinite): look for them in the "
            "network's weights"
        )
    return unit


def choose_probe_strength(
    features: Tensor,
    labels: Tensor,
    classes: int,
    seed: int = 0,
    groups: Sequence[str] = (),
    weights: Tensor | None = None,
) -> float:
    """The L2 strength with the least cross-validated loss, within the shots alone.

    The folds are stratified, five at most, and divide no group. Where a class has one image, or lies in one
    group, it is `DEFAULT_STRENGTH`. Where images times classes are more than a million, as many images of
    each class are taken as make that.

    Args:
        features: `(N, D)`, in `probe_unit`.
        labels: `(N,)` classes.
        classes: K.
        seed: Of the folds.
        groups: The group of each image; empty where every image stands alone.
        weights: `(N,)`, of the loss of each image; None for all alike.
    """
    weights = torch.ones(len(labels)) if weights is None else weights
    counts = count_groups(labels, groups)
    folds = min(MAX_FOLDS, *(counts.get(k, 0) for k in range(classes)))
    if folds < 2:
        return DEFAULT_STRENGTH
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    if len(labels) * classes > MAX_IMAGES_TIMES_CLASSES:
        each = max(folds, MAX_IMAGES_TIMES_CLASSES // classes**2)
        random = make_generator(seed, "strength")
        places = image_places_by_class(labels, range(classes), random)
        if groups:
            places = [torch.tensor(alternate_groups(own.tolist(), groups)) for own in places]
        sample = torch.cat([place[:each] for place in places])
        features, labels, weights = features[sample], labels[sample], weights[sample]
        groups = [groups[i] for i in sample.tolist()] if groups else ()
    kind = StratifiedGroupKFold if groups else StratifiedKFold
    splits = kind(folds, shuffle=True, random_state=seed).split(features, labels, groups or None)
    uses = torch.ones(folds, len(labels))
    for use, (_, held) in zip(uses, splits, strict=True):
        use[torch.as_tensor(held)] = 0
    strengths = torch.tensor(STRENGTHS).repeat_interleave(folds)
    uses = uses.repeat(len(STRENGTHS), 1)  # (B, N): every strength on every fold
    weighed = uses * weights
    matrix, bias = solve_logistic(features, labels, strengths, weighed, classes, tolerance=1e-8)
    losses = torch.stack(
        [
            F.cross_entropy(features.double() @ w.T + b, labels, reduction="none")
            for w, b in zip(matrix, bias, strict=True)
        ]
    )  # (B, N)
    held = (1 - uses) * weights
    held_loss = (losses * held).sum(1) / held.sum(1)
    best = held_loss.view(len(STRENGTHS), folds).mean(1).argmin()
    return STRENGTHS[int(best)]


def solve_probe(
    features: Tensor,
    labels: Tensor,
    head: nn.Linear,
    seed: int = 0,
    strength: float | None = None,
    groups: Sequence[str] = (),
    class_weights: Tensor | None = None,
) -> Iterator[ProbeStep]:
    """Solve the probe into `head`, a record after every step of the solver.

    Where the labels are numbers the probe is ridge regression (Hoerl and Kennard 1970), which
    has one step.

    Args:
        features: `(N, D)`, as the network gives them.
        labels: `(N,)`: classes (int), or numbers (float).
        head: Filled in place at every record.
        seed: Of the cross-validation's folds.
        strength: Of L2 on features in `probe_unit`; None to choose it within the shots.
        groups: As in `choose_probe_strength`.
        class_weights: `(K,)`, of the loss of each class; None for all alike.

    Raises:
        ValueError: As `probe_unit`, before the first record.
    """
    unit = probe_unit(features)
    scaled = features / unit
    if labels.is_floating_point():
        yield _solve_ridge(scaled, labels, head, unit, strength, groups)
        return
    weights = torch.ones(len(labels)) if class_weights is None else class_weights[labels.cpu()]
    if strength is None:
        strength = choose_probe_strength(scaled, labels, head.out_features, seed, groups, weights)
    steps = iterate_logistic(scaled, labels, strength, head.out_features, weights)
    for number, (matrix, bias) in enumerate(steps, 1):
        with torch.no_grad():
            head.weight.copy_(matrix / unit)
            head.bias.copy_(bias)
        yield ProbeStep(number, *_measure_head(head, features, labels))


def _measure_head(head: nn.Linear, features: Tensor, labels: Tensor) -> tuple[float, float, float]:
    """Means over all images, which go through the head part by part; the last one over classes."""
    loss, correct = 0.0, torch.zeros(len(labels), dtype=torch.bool, device=labels.device)
    with torch.no_grad():
        for part in split_logistic_slices(len(labels), head.out_features):
            logits = head(features[part].to(head.weight.device)).to(features.device)  # (n, K)
            loss += F.cross_entropy(logits, labels[part], reduction="sum").item()
            correct[part] = logits.argmax(1) == labels[part]
    counts, right = labels.bincount(), labels[correct].bincount(minlength=int(labels.max()) + 1)
    balanced = (right / counts)[counts > 0].mean().item()
    return loss / len(labels), correct.double().mean().item(), balanced


def _solve_ridge(
    scaled: Tensor,
    labels: Tensor,
    head: nn.Linear,
    unit: float,
    strength: float | None,
    groups: Sequence[str] = (),
) -> ProbeStep:
    """Ridge regression into `head`; its strength is chosen by leaving out images or groups of the shots."""
    from sklearn.linear_model import RidgeCV
    from sklearn.model_selection import GroupKFold

    inputs, targets = scaled.double().cpu().numpy(), labels.double().cpu().numpy()
    strengths = STRENGTHS if strength is None else (strength,)
    # scikit-learn adds alpha ||w||² to the sum of squares, and strength ||w||² belongs to their mean
    folds = min(MAX_FOLDS, len({*groups}))
    # None is leave-one-out, without training anew
    splits = [*GroupKFold(folds).split(inputs, groups=groups)] if folds > 1 else None
    score = "neg_mean_squared_error" if splits else None
    ridge = RidgeCV([s * len(labels) for s in strengths], cv=splits, scoring=score)
    ridge.fit(inputs, targets)
    errors = torch.from_numpy(ridge.predict(inputs) - targets)
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(ridge.coef_)[None] / unit)
        head.bias.fill_(float(ridge.intercept_))
    loss = errors.square().mean() / label_variance_loss(labels).cpu()
    accuracy = (errors.abs() < 0.5).double().mean().item()
    return ProbeStep(1, loss.item(), accuracy, accuracy)


def probe_grid(
    network: Network,
    pixels: Tensor,
    labels: Tensor,
    *,
    seeds: Sequence[int] = range(5),
    strengths: Sequence[float] = STRENGTHS,
    share: float = 0.5,
) -> Tensor:
    """How accurate linear probes are, by seed and by strength of L2.

    The network runs over the images once. Each seed holds out a part of every class. All probes are
    solved together.

    Args:
        network: Its stages are used, its head is not.
        pixels: Bytes `(N, 3, H, W)`.
        labels: `(N,)`.
        seeds: S of them, each a hold-out.
        strengths: L of them, on features in `probe_unit`.
        share: Of each class that is held out.

    Returns:
        Accuracies on the images held out, `(S, L)`.

    Raises:
        ValueError: If a class has too few images to hold some out.

    Lesson 07.
    """
    classes = int(labels.max()) + 1
    splits = [
        [part.to(labels.device) for part in stratified_split(labels.cpu(), share, seed)]
        for seed in seeds
    ]
    features = activations(network, pixels)
    features = features / probe_unit(features)
    uses = torch.zeros(len(splits), len(labels), device=labels.device)
    for use, (kept, _) in zip(uses, splits, strict=True):
        use[kept] = 1
    matrices, biases = solve_logistic(
        features,
        labels,
        torch.tensor(strengths).repeat(len(splits)),
        uses.repeat_interleave(len(strengths), 0),
        classes,
        tolerance=1e-7,
        dtype=torch.float32,
    )
    matrices = matrices.float().unflatten(0, (len(splits), -1))  # (S, L, K, D)
    biases = biases.float().unflatten(0, (len(splits), -1))  # (S, L, K)
    accuracies = [
        _measure_heads(features[held], labels[held], matrix, bias)
        for (_, held), matrix, bias in zip(splits, matrices, biases, strict=True)
    ]
    return torch.stack(accuracies)


def _measure_heads(features: Tensor, labels: Tensor, matrices: Tensor, biases: Tensor) -> Tensor:
    """Accuracies `(L,)` of L heads, `(L, K, D)` and `(L, K)`, on the same features `(n, D)`."""
    logits = features @ matrices.transpose(1, 2) + biases[:, None]  # (L, n, K)
    return (logits.argmax(2) == labels).float().mean(1)
