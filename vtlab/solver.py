"""The linear probe, solved: multinomial logistic regression on frozen features.

The loss is convex, so there is one best head and no learning rate to choose. Several problems
(folds of a cross-validation, strengths of L2, seeds) that share nothing are solved together by
torch's L-BFGS in double precision. With fewer images than features, the features are first
turned into the space that the images span, where the same solution lies.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

STRENGTHS = tuple(10.0**e for e in (-4, -3, -2, -1, 0, 1))  # of L2, on features of unit spread
DEFAULT_STRENGTH = 1e-2  # where one shot leaves nothing to cross-validate; see rates.csv
FOLDS = 5


@dataclass(frozen=True)
class Step:
    """One iteration of the solver: mean loss (L2 left out) and accuracy on the shots."""

    number: int
    loss: float
    accuracy: float


def solve(features: Tensor, labels: Tensor, strengths: Tensor, weights: Tensor, classes: int,
          *, iterations: int = 200) -> tuple[Tensor, Tensor]:  # fmt: skip
    """The best heads of B problems over the same features.

    Minimises, for each problem b, the weighted mean cross-entropy plus
    `strengths[b] / 2 * ||W||²`; the bias is not penalised. scikit-learn's
    `LogisticRegression(C=1 / (n * strength))` has the same solution.

    Args:
        features: `(N, D)`.
        labels: `(N,)`.
        strengths: `(B,)` of L2.
        weights: `(B, N)`: 1 where a problem uses an image, 0 where it does not.
        classes: K.
        iterations: At most so many.

    Returns:
        `W (B, K, D)` and `bias (B, K)`, double precision.
    """
    *_, solution = _iterate(features, labels, strengths, weights, classes, iterations)
    return solution


def _iterate(features: Tensor, labels: Tensor, strengths: Tensor, weights: Tensor, classes: int,
             iterations: int) -> Iterator[tuple[Tensor, Tensor]]:  # fmt: skip
    inputs, basis = _span(features.double())
    problems, width = len(strengths), inputs.shape[1]
    matrix = torch.zeros(problems, classes, width, dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(problems, classes, dtype=torch.float64, requires_grad=True)
    shares = weights.double() / weights.sum(1, keepdim=True)
    optimiser = torch.optim.LBFGS([matrix, bias], max_iter=10, history_size=20,
                                  tolerance_grad=1e-9, tolerance_change=1e-14,
                                  line_search_fn="strong_wolfe")  # fmt: skip

    def loss() -> Tensor:
        optimiser.zero_grad()
        logits = inputs @ matrix.transpose(1, 2) + bias[:, None]  # (B, N, K)
        each = F.cross_entropy(logits.flatten(0, 1), labels.repeat(problems), reduction="none")
        value = (each.view(problems, -1) * shares).sum()
        value = value + (strengths.double()[:, None, None] / 2 * matrix.square()).sum()
        value.backward()
        return value

    previous = float("inf")
    for _ in range(max(1, iterations // 10)):
        value = optimiser.step(loss).item()
        yield (matrix.detach() @ basis, bias.detach().clone())
        if previous - value < 1e-10 * max(1.0, abs(value)):
            return
        previous = value


def _span(features: Tensor) -> tuple[Tensor, Tensor]:
    """Features as coordinates `(N, r)` in a basis `(r, D)` of the space they span."""
    if features.shape[0] >= features.shape[1]:
        return features, torch.eye(features.shape[1], dtype=features.dtype)
    basis = torch.linalg.qr(features.T).Q.T  # (N, D)
    return features @ basis.T, basis


def spread(features: Tensor) -> float:
    """The typical distance of a feature vector from their mean: the unit for L2 strengths."""
    centred = features - features.mean(0)
    return centred.square().sum(1).mean().sqrt().clamp(min=1e-12).item()


def choose_strength(features: Tensor, labels: Tensor, classes: int, seed: int = 0) -> float:
    """The L2 strength with the least cross-validated loss, within the shots alone.

    Stratified folds, at most five; the committed default where a class has one image.

    Args:
        features: `(N, D)`, of unit `spread`.
        labels: `(N,)`.
        classes: K.
        seed: Of the folds.
    """
    folds = min(FOLDS, int(torch.bincount(labels, minlength=classes).min()))
    if folds < 2:
        return DEFAULT_STRENGTH
    from sklearn.model_selection import StratifiedKFold

    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    use = torch.ones(folds, len(labels))
    for fold, (_, held) in enumerate(splitter.split(features, labels)):
        use[fold, torch.as_tensor(held)] = 0
    strengths = torch.tensor(STRENGTHS).repeat_interleave(folds)
    uses = use.repeat(len(STRENGTHS), 1)  # (B, N)
    matrix, bias = solve(features, labels, strengths, uses, classes, iterations=60)
    logits = features.double() @ matrix.transpose(1, 2) + bias[:, None]
    losses = F.cross_entropy(logits.flatten(0, 1), labels.repeat(len(uses)), reduction="none")
    held_loss = (losses.view(len(uses), -1) * (1 - uses)).sum(1) / (1 - uses).sum(1)
    best = held_loss.view(len(STRENGTHS), folds).mean(1).argmin()
    return STRENGTHS[int(best)]


def fit_head(features: Tensor, labels: Tensor, head: torch.nn.Linear, seed: int = 0,
             strength: float | None = None) -> Iterator[Step]:  # fmt: skip
    """Solve the probe into `head`; a record after every ten iterations of the solver.

    Args:
        features: `(N, D)`, as the network gives them.
        labels: `(N,)`.
        head: Filled in place at every record.
        seed: Of the cross-validation's folds.
        strength: Of L2 on features of unit `spread`; None to choose it within the shots.
    """
    unit = spread(features)
    scaled = features / unit
    if strength is None:
        strength = choose_strength(scaled, labels, head.out_features, seed)
    whole = torch.ones(1, len(labels))
    solutions = _iterate(scaled, labels, torch.tensor([strength]), whole, head.out_features, 200)
    for number, (matrix, bias) in enumerate(solutions, 1):
        with torch.no_grad():
            head.weight.copy_(matrix[0] / unit)
            head.bias.copy_(bias[0])
            logits = head(features)
        accuracy = (logits.argmax(1) == labels).float().mean().item()
        yield Step(number, F.cross_entropy(logits, labels).item(), accuracy)
