"""The linear probe, solved: logistic regression on frozen features, or ridge where a number is asked for.

The strength of its L2 is chosen by cross-validation within the shots; `logistic` does the work.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from vtlab.data.images import places_by_class
from vtlab.data.splits import stratified_split
from vtlab.models.features import activations
from vtlab.models.network import Network
from vtlab.models.targets import label_variance
from vtlab.system.randomness import make_generator
from vtlab.system.threads import single_thread
from vtlab.training.logistic import PrincipalAxes, minimise_losses, solve_logistic, split_range

STRENGTHS = tuple(10.0**e for e in (-4, -3, -2, -1, 0, 1))  # of L2, on features of unit spread
DEFAULT_STRENGTH = 1e-2  # where one shot leaves nothing to cross-validate; not tuned
MAX_FOLDS = 5
MAX_IMAGE_CLASSES = 1_000_000  # images x classes that a strength is chosen on


@dataclass(frozen=True)
class ProbeStep:
    """One iteration of the solver: mean loss (L2 left out) and accuracy on the shots."""

    number: int
    loss: float
    accuracy: float


def probe_unit(features: Tensor) -> float:
    """The typical distance of a feature vector from their mean: the unit for L2 strengths.

    Raises:
        ValueError: If there is none: a feature is nan or infinite, or nearly so.
    """
    centred = features - features.mean(0)
    found = centred.square().sum(1).mean().sqrt().clamp(min=1e-12).item()
    if not math.isfinite(found):
        raise ValueError(
            "features hold values that are no numbers (nan, or infinite): look for them in the "
            "network's weights"
        )
    return found


def choose_strength(features: Tensor, labels: Tensor, classes: int, seed: int = 0) -> float:
    """The L2 strength with the least cross-validated loss, within the shots alone.

    Stratified folds, at most five; the committed default where a class has one image. Where images
    times classes are more than a million, only so many images are taken, as many of each class.

    Args:
        features: `(N, D)`, of unit `spread`.
        labels: `(N,)`.
        classes: K.
        seed: Of the folds.
    """
    folds = min(MAX_FOLDS, int(torch.bincount(labels, minlength=classes).min()))
    if folds < 2:
        return DEFAULT_STRENGTH
    from sklearn.model_selection import StratifiedKFold

    if len(labels) * classes > MAX_IMAGE_CLASSES:
        each = max(folds, MAX_IMAGE_CLASSES // classes**2)
        random = make_generator(seed, "strength")
        shuffled = places_by_class(labels, range(classes), random)
        some = torch.cat([own[:each] for own in shuffled])
        features, labels = features[some], labels[some]
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    use = torch.ones(folds, len(labels))
    for fold, (_, held) in enumerate(splitter.split(features, labels)):
        use[fold, torch.as_tensor(held)] = 0
    strengths = torch.tensor(STRENGTHS).repeat_interleave(folds)
    uses = use.repeat(len(STRENGTHS), 1)  # (B, N)
    matrix, bias = solve_logistic(features, labels, strengths, uses, classes, tolerance=1e-8)
    losses = torch.stack(
        [
            F.cross_entropy(features.double() @ w.T + b, labels, reduction="none")
            for w, b in zip(matrix, bias, strict=True)
        ]
    )  # (B, N)
    held_loss = (losses * (1 - uses)).sum(1) / (1 - uses).sum(1)
    best = held_loss.view(len(STRENGTHS), folds).mean(1).argmin()
    return STRENGTHS[int(best)]


def is_solvable(head: torch.nn.Module) -> bool:
    """Whether `solve_probe` can fill this head: a linear layer with a bias."""
    return isinstance(head, torch.nn.Linear) and head.bias is not None


def solve_probe(
    features: Tensor,
    labels: Tensor,
    head: torch.nn.Linear,
    seed: int = 0,
    strength: float | None = None,
) -> Iterator[ProbeStep]:
    """Solve the probe into `head`; a record after every step of the solver.

    Where the labels are numbers the probe is ridge regression (Hoerl and Kennard 1970), which
    has one step.

    Args:
        features: `(N, D)`, as the network gives them.
        labels: `(N,)`: classes (int), or numbers (float).
        head: Filled in place at every record.
        seed: Of the cross-validation's folds.
        strength: Of L2 on features of unit `spread`; None to choose it within the shots.

    Raises:
        ValueError: As `spread`, before the first record.
    """
    unit = probe_unit(features)
    scaled = features / unit
    if strength is None and not labels.is_floating_point():
        strength = choose_strength(scaled, labels, head.out_features, seed)
    if labels.is_floating_point():
        yield _ridge(scaled, labels, head, unit, strength)
        return
    whole = torch.ones(1, len(labels))
    with single_thread():
        axes = PrincipalAxes.of(scaled, whole)
    points = minimise_losses(
        axes.inputs, labels, torch.tensor([strength]), whole, head.out_features
    )
    for number, point in enumerate(points, 1):
        matrix, bias = axes.back(point)
        with torch.no_grad():
            head.weight.copy_(matrix[0] / unit)
            head.bias.copy_(bias[0])
        yield ProbeStep(number, *_loss_and_accuracy(head, features, labels))


def _loss_and_accuracy(
    head: torch.nn.Linear, features: Tensor, labels: Tensor
) -> tuple[float, float]:
    """Means over all images; of their logits there is only a part at a time."""
    loss, right = 0.0, 0
    with torch.no_grad():
        for part in split_range(len(labels), head.out_features):
            logits = head(features[part].to(head.weight.device)).to(features.device)  # (n, K)
            loss += F.cross_entropy(logits, labels[part], reduction="sum").item()
            right += int((logits.argmax(1) == labels[part]).sum())
    return loss / len(labels), right / len(labels)


def _ridge(
    scaled: Tensor, labels: Tensor, head: torch.nn.Linear, unit: float, strength: float | None
) -> ProbeStep:
    """Ridge regression into `head`; the strength by leave-one-out within the shots."""
    from sklearn.linear_model import RidgeCV

    inputs, wanted = scaled.double().cpu().numpy(), labels.double().cpu().numpy()
    strengths = STRENGTHS if strength is None else (strength,)
    # scikit-learn adds alpha ||w||² to the sum of squares, we strength ||w||² to their mean
    found = RidgeCV([s * len(labels) for s in strengths]).fit(inputs, wanted)
    errors = torch.from_numpy(found.predict(inputs) - wanted)
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(found.coef_)[None] / unit)
        head.bias.fill_(float(found.intercept_))
    loss = errors.square().mean() / label_variance(labels).cpu()
    return ProbeStep(1, loss.item(), (errors.abs() < 0.5).double().mean().item())


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

    The network runs once over the images. Each seed holds out its own part of every class; all probes
    are solved together.

    Args:
        network: Its stages are used, its head is not.
        pixels: Bytes `(N, 3, H, W)`.
        labels: `(N,)`.
        seeds: S of them, each a hold-out.
        strengths: L of them, on features of unit `spread`.
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
    matrix, bias = solve_logistic(
        features,
        labels,
        torch.tensor(strengths).repeat(len(splits)),
        uses.repeat_interleave(len(strengths), 0),
        classes,
        tolerance=1e-7,
        dtype=torch.float32,
    )
    every = zip(
        splits,
        matrix.float().split(len(strengths)),
        bias.float().split(len(strengths)),
        strict=True,
    )
    return torch.stack(
        [
            _accuracies(features[held], labels[held], some, biases)
            for (_, held), some, biases in every
        ]
    )


def _accuracies(features: Tensor, labels: Tensor, matrices: Tensor, biases: Tensor) -> Tensor:
    """Of L heads `(L, K, D)` and `(L, K)`: `(L,)`."""
    logits = features @ matrices.transpose(1, 2) + biases[:, None]  # (L, n, K)
    return (logits.argmax(2) == labels).float().mean(1)
