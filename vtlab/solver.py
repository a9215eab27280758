"""The linear probe, solved: multinomial logistic regression on frozen features.

The loss is convex, so there is one best head and no learning rate to choose. All problems over
the same features (folds of a cross-validation, strengths of L2, seeds) are solved at once, in
double precision: one matrix product serves them all. They share one turn of the features to
their principal axes, in which each problem's curvature is nearly diagonal and therefore known
beforehand; L-BFGS (Liu and Nocedal 1989) learns what is left of it in a dozen steps.
"""

from __future__ import annotations

import functools
import math
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from vtlab.precision import THREADS, single_thread
from vtlab.randomness import generator
from vtlab.targets import variance

STRENGTHS = tuple(10.0**e for e in (-4, -3, -2, -1, 0, 1))  # of L2, on features of unit spread
DEFAULT_STRENGTH = 1e-2  # where one shot leaves nothing to cross-validate; not tuned
FOLDS = 5
AT_ONCE = 500_000  # numbers that one evaluation holds: problems x classes x images
REMEMBERED = 2_000_000  # numbers that L-BFGS's memory may take, of all problems solved together
AT_MOST = 1_000_000  # images x classes that a strength is chosen on
MEMORY = 10  # steps that L-BFGS remembers
TOLERANCE = 1e-12  # square of the gradient, in units in which the curvature is near 1
NOTHING = 1e-6  # square of weights that are as good as 0: then their size no longer counts


@dataclass(frozen=True)
class Step:
    """One iteration of the solver: mean loss (L2 left out) and accuracy on the shots."""

    number: int
    loss: float
    accuracy: float


def solve(features: Tensor, labels: Tensor, strengths: Tensor, weights: Tensor, classes: int,
          *, iterations: int = 200, tolerance: float = TOLERANCE, threads: int = THREADS,
          dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:  # fmt: skip
    """The best heads of B problems over the same features.

    Minimises, for each problem b, the weighted mean cross-entropy plus
    `strengths[b] / 2 * ||W||²`; the bias is not penalised. scikit-learn's
    `LogisticRegression(C=1 / (n * strength))` has the same solution; of two classes, where it has one row of
    weights for both of ours, with C=2 / (n * strength).

    Args:
        features: `(N, D)`.
        labels: `(N,)`.
        strengths: `(B,)` of L2.
        weights: `(B, N)`: 1 where a problem uses an image, 0 where it does not.
        classes: K.
        iterations: At most so many.
        tolerance: A problem is solved when the square of its gradient is no larger. Where L2 is so strong
            that the square of the weights is below 1, as a share of that: guesses do not depend on
            how long weights are.
        threads: Among which the problems are shared out.
        dtype: Of the steps. Single precision takes two thirds of the time, and is enough for a tolerance
            of 1e-7; smaller ones may never be reached.

    Returns:
        `W (B, K, D)` and `bias (B, K)`, double precision.
    """
    def last(part: slice) -> Tensor:
        return deque(_minimise(inputs, labels, strengths[part], weights[part], classes,
                               iterations, tolerance), maxlen=1)[0]  # fmt: skip

    # problems are shared out to threads rather than each product split among them: threads
    # that wait for each other in every product stand still where a core has other work
    remembered = len(strengths) * classes * features.shape[1] * 2 * MEMORY  # numbers, by L-BFGS
    groups = max(threads, -(-remembered // REMEMBERED))
    parts = [slice(first, None, groups) for first in range(min(groups, len(strengths)))]
    with single_thread(), ThreadPoolExecutor(threads) as pool:
        axes = _Axes.of(features, weights)
        inputs = axes.inputs.to(dtype)
        solution = torch.empty(len(strengths), classes, axes.inputs.shape[1],
                               dtype=torch.float64, device=features.device)  # fmt: skip
        for part, found in zip(parts, pool.map(last, parts), strict=True):
            solution[part] = found
        return axes.back(solution)


@dataclass(frozen=True)
class _Axes:
    """Features along their principal axes, `inputs (N, r + 1)`; the last column is the bias's.

    Centring moves only the bias, which is free, and turning leaves ||W|| as it is: the solution
    is the same. With fewer images than features only the space that the images span is left.
    Of many images a part at a time is taken: beside `inputs` nothing of their number is held.
    """

    inputs: Tensor
    centre: Tensor  # (D,)
    basis: Tensor  # (r, D), orthonormal rows

    @classmethod
    def of(cls, features: Tensor, weights: Tensor) -> _Axes:
        share = weights.double().mean(0)[:, None]  # (N, 1)
        parts = _slices(len(features), features.shape[1])
        centre = sum((features[part].double() * share[part]).sum(0) for part in parts) / share.sum()
        basis = torch.eye(features.shape[1], dtype=torch.float64, device=features.device)
        few = len(features) < len(basis)
        if few:
            basis = torch.linalg.qr((features.double() - centre).T).Q.T  # (N, D)
        curvature = torch.zeros(len(basis), len(basis), dtype=torch.float64, device=features.device)
        for part in parts:
            inside = features[part].double() - centre
            inside = inside @ basis.T if few else inside  # (n, r)
            curvature += (inside * share[part]).T @ inside
        basis = torch.linalg.eigh(curvature).eigenvectors.T @ basis
        inputs = torch.ones(len(features), len(basis) + 1, dtype=torch.float64, device=features.device)
        for part in parts:
            inputs[part, :-1] = (features[part].double() - centre) @ basis.T
        return cls(inputs, centre, basis)

    def back(self, solution: Tensor) -> tuple[Tensor, Tensor]:
        """`W (B, K, D)` and `bias (B, K)` for the features as they were."""
        matrix = solution[..., :-1] @ self.basis
        return matrix, solution[..., -1] - matrix @ self.centre


def _slices(count: int, each: int) -> list[slice]:
    """So many images in parts, where each takes `each` numbers."""
    once = max(1, AT_ONCE // each)
    return [slice(start, start + once) for start in range(0, count, once)]


def _minimise(inputs: Tensor, labels: Tensor, strengths: Tensor, weights: Tensor, classes: int,
              iterations: int = 200, tolerance: float = TOLERANCE) -> Iterator[Tensor]:  # fmt: skip
    """Weights with bias `(B, K, r + 1)` of all problems after each step of L-BFGS.

    Every problem has its own step length and its own memory. Those that have converged leave.
    """
    shares = weights.to(inputs) / weights.sum(1, keepdim=True)  # (B, N)
    penalty = strengths.to(inputs)[:, None].repeat(1, inputs.shape[1])  # (B, r + 1)
    noise = 45 * torch.finfo(inputs.dtype).eps  # share of a loss by which rounding may raise it
    penalty[:, -1] = 0
    parts, share = _slices(len(labels), len(shares) * classes), shares.mean(0)
    # the curvature at the start, where every class has probability 1 / K
    spread_along = sum(inputs[part].square().T @ share[part] for part in parts) / classes  # (r + 1,)
    scale = (spread_along + penalty + 1e-12).rsqrt()[:, None]  # (B, 1, r + 1)

    @functools.lru_cache(maxsize=1)  # made once where there is one part
    def hot(number: int) -> Tensor:
        return F.one_hot(labels[parts[number]], classes).T.to(inputs)  # (K, n)

    def evaluate(point: Tensor, scale: Tensor, penalty: Tensor,
                 shares: Tensor) -> tuple[Tensor, Tensor]:  # fmt: skip
        """Losses `(B,)` and gradients in units of the scaled weights."""
        matrix = point * scale
        value = (penalty[:, None] * matrix.square()).sum((1, 2)) / 2
        gradient = penalty[:, None] * matrix
        for number, part in enumerate(parts):
            some, share, named = inputs[part], shares[:, part], hot(number)
            logits = (matrix.flatten(0, 1) @ some.T).view(len(point), classes, -1)  # (B, K, n)
            logs = logits.log_softmax(1)
            value = value - ((logs * named).sum(1) * share).sum(1)
            errors = logs.exp_().sub_(named).mul_(share[:, None])
            gradient = gradient + (errors.flatten(0, 1) @ some).view_as(point)
        return value, gradient * scale

    found = inputs.new_zeros(len(shares), classes, inputs.shape[1])
    busy = torch.arange(len(shares), device=inputs.device)
    state = [scale, penalty, shares]
    point, memory = found.clone(), []
    value, gradient = evaluate(point, *state)
    going = torch.ones_like(value, dtype=torch.bool)
    for _ in range(iterations):
        step = _direction(gradient, memory) * going[:, None, None]
        slope = (step * gradient).sum((1, 2))
        length = torch.ones_like(slope)
        for _ in range(30):
            new_value, new_gradient = evaluate(point + length[:, None, None] * step, *state)
            too_far = new_value > value + 1e-4 * length * slope + noise * value
            if not too_far.any():
                break
            length = torch.where(too_far, length / 2, length)
        step = length[:, None, None] * step
        memory = [*memory[-MEMORY + 1 :], (step, new_gradient - gradient)]
        point, value, gradient = point + step, new_value, new_gradient
        found[busy] = point * state[0]
        yield found
        going = gradient.square().sum((1, 2)) > tolerance * point.square().sum((1, 2)).clamp(NOTHING, 1)
        if not going.any():
            return
        if going.double().mean() < 0.8:
            busy, point, value, gradient = (t[going] for t in (busy, point, value, gradient))
            state = [t[going] for t in state]
            memory = [(s[going], y[going]) for s, y in memory]
            going = going[going]


def _direction(gradient: Tensor, memory: list[tuple[Tensor, Tensor]]) -> Tensor:
    """Minus the gradient times L-BFGS's inverse curvature, problem by problem."""

    def dot(a: Tensor, b: Tensor) -> Tensor:
        return (a * b).sum((1, 2))[:, None, None]

    step, coefficients = -gradient, []
    for moved, change in reversed(memory):
        bend = dot(moved, change)  # above 0: the loss is convex; 0 for a problem at rest
        bend = torch.where(bend > 1e-60, bend, torch.inf)
        coefficients.append((bend, dot(moved, step) / bend))
        step = step - coefficients[-1][1] * change
    if memory:
        moved, change = memory[-1]
        unit = dot(moved, change) / dot(change, change)
        step = step * torch.where(unit > 0, unit, 1.0)
    for (moved, change), (bend, along) in zip(memory, reversed(coefficients), strict=True):
        step = step + (along - dot(change, step) / bend) * moved
    return step


def spread(features: Tensor) -> float:
    """The typical distance of a feature vector from their mean: the unit for L2 strengths.

    Raises:
        ValueError: If there is none: a feature is nan or infinite, or nearly so.
    """
    centred = features - features.mean(0)
    found = centred.square().sum(1).mean().sqrt().clamp(min=1e-12).item()
    if not math.isfinite(found):
        raise ValueError("features hold values that are no numbers (nan, or infinite): look for them in the "
                         "network's weights")  # fmt: skip
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
    folds = min(FOLDS, int(torch.bincount(labels, minlength=classes).min()))
    if folds < 2:
        return DEFAULT_STRENGTH
    from sklearn.model_selection import StratifiedKFold

    if len(labels) * classes > AT_MOST:
        each = max(folds, AT_MOST // classes**2)
        random = generator(seed, "strength")
        chosen = [(labels == k).nonzero()[:, 0] for k in range(classes)]
        some = torch.cat([c[torch.randperm(len(c), generator=random)[:each]] for c in chosen])
        features, labels = features[some], labels[some]
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    use = torch.ones(folds, len(labels))
    for fold, (_, held) in enumerate(splitter.split(features, labels)):
        use[fold, torch.as_tensor(held)] = 0
    strengths = torch.tensor(STRENGTHS).repeat_interleave(folds)
    uses = use.repeat(len(STRENGTHS), 1)  # (B, N)
    matrix, bias = solve(features, labels, strengths, uses, classes, tolerance=1e-8)
    losses = torch.stack([F.cross_entropy(features.double() @ w.T + b, labels, reduction="none")
                          for w, b in zip(matrix, bias, strict=True)])  # (B, N)  # fmt: skip
    held_loss = (losses * (1 - uses)).sum(1) / (1 - uses).sum(1)
    best = held_loss.view(len(STRENGTHS), folds).mean(1).argmin()
    return STRENGTHS[int(best)]


def solvable(head: torch.nn.Module) -> bool:
    """Whether `fit_head` can fill this head: a linear layer with a bias."""
    return isinstance(head, torch.nn.Linear) and head.bias is not None


def fit_head(features: Tensor, labels: Tensor, head: torch.nn.Linear, seed: int = 0,
             strength: float | None = None) -> Iterator[Step]:  # fmt: skip
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
    unit = spread(features)
    scaled = features / unit
    if strength is None and not labels.is_floating_point():
        strength = choose_strength(scaled, labels, head.out_features, seed)
    if labels.is_floating_point():
        yield _ridge(scaled, labels, head, unit, strength)
        return
    whole = torch.ones(1, len(labels))
    with single_thread():
        axes = _Axes.of(scaled, whole)
    points = _minimise(axes.inputs, labels, torch.tensor([strength]), whole, head.out_features)
    for number, point in enumerate(points, 1):
        matrix, bias = axes.back(point)
        with torch.no_grad():
            head.weight.copy_(matrix[0] / unit)
            head.bias.copy_(bias[0])
        yield Step(number, *_loss_and_accuracy(head, features, labels))


def _loss_and_accuracy(head: torch.nn.Linear, features: Tensor, labels: Tensor) -> tuple[float, float]:
    """Means over all images; of their logits there is only a part at a time."""
    loss, right = 0.0, 0
    with torch.no_grad():
        for part in _slices(len(labels), head.out_features):
            logits = head(features[part].to(head.weight.device)).to(features.device)  # (n, K)
            loss += F.cross_entropy(logits, labels[part], reduction="sum").item()
            right += int((logits.argmax(1) == labels[part]).sum())
    return loss / len(labels), right / len(labels)


def _ridge(scaled: Tensor, labels: Tensor, head: torch.nn.Linear, unit: float,
           strength: float | None) -> Step:  # fmt: skip
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
    loss = errors.square().mean() / variance(labels).cpu()
    return Step(1, loss.item(), (errors.abs() < 0.5).double().mean().item())
