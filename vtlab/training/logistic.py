"""Multinomial logistic regressions over the same features, all solved at once.

The loss is convex: a regression has one solution, and there is no learning rate to choose. The folds of
a cross-validation, strengths of L2 and seeds are problems over the same features, so one matrix product
in double precision serves them all. The features are turned to their principal axes once. In these the
curvature of every problem is nearly diagonal, and so it is known beforehand; L-BFGS (Liu and Nocedal
1989) learns what is left of it in a dozen steps.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from vtlab.system.threads import THREADS, single_thread

NUMBERS_AT_ONCE = 500_000  # that one evaluation holds: problems x classes x images
HISTORY_SIZE = 10  # steps that L-BFGS remembers
MAX_HISTORY_NUMBERS = 2_000_000  # that L-BFGS remembers, of all problems solved together
TOLERANCE = 1e-12  # square of the gradient, in units in which the curvature is near 1
MIN_SQUARED_NORM = 1e-6  # of weights; the size of smaller ones does not count


def solve_logistic(
    features: Tensor,
    labels: Tensor,
    strengths: Tensor,
    weights: Tensor,
    classes: int,
    *,
    iterations: int = 200,
    tolerance: float = TOLERANCE,
    threads: int = THREADS,
    dtype: torch.dtype = torch.float64,
) -> tuple[Tensor, Tensor]:
    """Solve B problems over the same features.

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
        tolerance: A problem is solved when the square of its gradient is no larger. Where L2 is so
            strong that the square of the weights is below 1, the tolerance is a share of that square:
            what a head says does not depend on how long its weights are.
        threads: Among which the problems are shared out.
        dtype: Of the steps. Single precision takes two thirds of the time, and is enough for a tolerance
            of 1e-7; smaller ones may never be reached.

    Returns:
        `W (B, K, D)` and `bias (B, K)`, double precision.
    """

    def solve_group(problems: slice) -> Tensor:
        steps = _minimise_losses(
            inputs, labels, strengths[problems], weights[problems], classes, iterations, tolerance
        )
        return deque(steps, maxlen=1)[0]

    # Each thread takes problems of its own, rather than a share of every product: threads that wait
    # for each other in every product stand still where a core has other work.
    history_numbers = len(strengths) * classes * features.shape[1] * 2 * HISTORY_SIZE
    count = max(threads, -(-history_numbers // MAX_HISTORY_NUMBERS))
    groups = [slice(first, None, count) for first in range(min(count, len(strengths)))]
    with (
        single_thread(),
        # every thread sets its own number of inner threads, whatever another sets meanwhile
        ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool,
    ):
        axes = _PrincipalAxes.of(features, weights)
        inputs = axes.inputs.to(dtype)
        solution = axes.inputs.new_empty(len(strengths), classes, axes.inputs.shape[1])
        for problems, found in zip(groups, pool.map(solve_group, groups), strict=True):
            solution[problems] = found
        return axes.undo(solution)


def iterate_logistic(
    features: Tensor,
    labels: Tensor,
    strength: float,
    classes: int,
    weights: Tensor | None = None,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Solve one problem, step by step: `W (K, D)` and `bias (K,)` after every step of L-BFGS.

    The arguments are those of `solve_logistic`; `weights` are `(N,)`, or None for all images alike.
    """
    weights = torch.ones(1, len(labels)) if weights is None else weights[None]
    with single_thread():
        axes = _PrincipalAxes.of(features, weights)
    for point in _minimise_losses(axes.inputs, labels, torch.tensor([strength]), weights, classes):
        matrix, bias = axes.undo(point)
        yield matrix[0], bias[0]


@dataclass(frozen=True)
class _PrincipalAxes:
    """Features along their principal axes, `inputs (N, r + 1)`; the last column is the bias's.

    The solution is the same: centring moves only the bias, which is free, and turning leaves ||W|| as it
    is. With fewer images than features only the space that the images span is left. Many images are
    taken part by part, so that nothing of their number is held beside `inputs`.
    """

    inputs: Tensor
    centre: Tensor  # (D,)
    basis: Tensor  # (r, D), orthonormal rows

    @classmethod
    def of(cls, features: Tensor, weights: Tensor) -> _PrincipalAxes:
        """The principal axes of features `(N, D)`; B problems weigh the images, `(B, N)`."""
        share = weights.double().mean(0)[:, None]  # (N, 1)
        parts = split_logistic_slices(len(features), features.shape[1])
        centre = sum((features[part].double() * share[part]).sum(0) for part in parts) / share.sum()
        basis = torch.eye(features.shape[1]).to(centre)
        is_wide = len(features) < len(basis)
        if is_wide:
            basis = torch.linalg.qr((features.double() - centre).T).Q.T  # (N, D)
        curvature = centre.new_zeros(len(basis), len(basis))
        for part in parts:
            centred = features[part].double() - centre
            centred = centred @ basis.T if is_wide else centred  # (n, r)
            curvature += (centred * share[part]).T @ centred
        basis = torch.linalg.eigh(curvature).eigenvectors.T @ basis
        inputs = centre.new_ones(len(features), len(basis) + 1)
        for part in parts:
            inputs[part, :-1] = (features[part].double() - centre) @ basis.T
        return cls(inputs, centre, basis)

    def undo(self, solution: Tensor) -> tuple[Tensor, Tensor]:
        """`W (B, K, D)` and `bias (B, K)` for the features as they were, of `(B, K, r + 1)`."""
        matrix = solution[..., :-1] @ self.basis
        return matrix, solution[..., -1] - matrix @ self.centre


def split_logistic_slices(count: int, numbers_each: int) -> list[slice]:
    """Cut a range of images into slices of which each holds `NUMBERS_AT_ONCE` numbers at most."""
    length = max(1, NUMBERS_AT_ONCE // numbers_each)
    return [slice(start, start + length) for start in range(0, count, length)]


def _minimise_losses(
    inputs: Tensor,
    labels: Tensor,
    strengths: Tensor,
    weights: Tensor,
    classes: int,
    iterations: int = 200,
    tolerance: float = TOLERANCE,
) -> Iterator[Tensor]:
    """Weights with bias `(B, K, r + 1)` of all problems after each step of L-BFGS.

    Every problem has a step length and a history of its own. Solved problems leave.
    """
    shares = weights.to(inputs) / weights.sum(1, keepdim=True)  # (B, N)
    penalty = strengths.to(inputs)[:, None].repeat(1, inputs.shape[1])  # (B, r + 1)
    penalty[:, -1] = 0  # of the bias
    rounding = 45 * torch.finfo(inputs.dtype).eps  # share of a loss by which rounding may raise it
    parts, mean_share = split_logistic_slices(len(labels), len(shares) * classes), shares.mean(0)
    # Weights are scaled so that their curvature is 1 at the start, where every class has
    # probability 1 / K: then the first step, down the gradient, has about the right length.
    curvature = sum(inputs[part].square().T @ mean_share[part] for part in parts) / classes
    scale = (curvature + penalty + 1e-12).rsqrt()[:, None]  # (B, 1, r + 1)

    @functools.lru_cache(maxsize=1)  # where there is one part, it is made once
    def one_hot_labels(number: int) -> Tensor:
        return F.one_hot(labels[parts[number]], classes).T.to(inputs)  # (K, n)

    def evaluate(
        point: Tensor, scale: Tensor, penalty: Tensor, shares: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Losses `(B,)` and gradients `(B, K, r + 1)` of the scaled weights."""
        matrix = point * scale
        value = (penalty[:, None] * matrix.square()).sum((1, 2)) / 2
        gradient = penalty[:, None] * matrix
        for number, part in enumerate(parts):
            rows, share, one_hot = inputs[part], shares[:, part], one_hot_labels(number)
            logits = (matrix.flatten(0, 1) @ rows.T).view(len(point), classes, -1)  # (B, K, n)
            logs = logits.log_softmax(1)
            value = value - ((logs * one_hot).sum(1) * share).sum(1)
            errors = logs.exp_().sub_(one_hot).mul_(share[:, None])
            gradient = gradient + (errors.flatten(0, 1) @ rows).view_as(point)
        return value, gradient * scale

    solutions = inputs.new_zeros(len(shares), classes, inputs.shape[1])
    unsolved = torch.arange(len(shares), device=inputs.device)  # places of the problems at work
    fields = [scale, penalty, shares]
    point = solutions.clone()
    history: list[tuple[Tensor, Tensor]] = []
    value, gradient = evaluate(point, *fields)
    moving = torch.ones_like(value, dtype=torch.bool)
    for _ in range(iterations):
        step = _find_lbfgs_direction(gradient, history) * moving[:, None, None]
        slope = (step * gradient).sum((1, 2))
        length = torch.ones_like(slope)
        # Halve the steps of those problems alone whose loss did not fall enough (Armijo's rule).
        for _ in range(30):
            new_value, new_gradient = evaluate(point + length[:, None, None] * step, *fields)
            too_far = new_value > value + 1e-4 * length * slope + rounding * value
            if not too_far.any():
                break
            length = torch.where(too_far, length / 2, length)
        step = length[:, None, None] * step
        history = [*history[-HISTORY_SIZE + 1 :], (step, new_gradient - gradient)]
        point, value, gradient = point + step, new_value, new_gradient
        solutions[unsolved] = point * fields[0]
        yield solutions
        squared_norm = point.square().sum((1, 2)).clamp(MIN_SQUARED_NORM, 1)
        moving = gradient.square().sum((1, 2)) > tolerance * squared_norm
        if not moving.any():
            return
        # Solved problems stand still at first: to drop them copies all that is held of the others,
        # which pays once a fifth is solved.
        if moving.double().mean() < 0.8:
            unsolved, point, value, gradient = (
                t[moving] for t in (unsolved, point, value, gradient)
            )
            fields = [t[moving] for t in fields]
            history = [(s[moving], y[moving]) for s, y in history]
            moving = moving[moving]


def _find_lbfgs_direction(gradient: Tensor, history: list[tuple[Tensor, Tensor]]) -> Tensor:
    """Minus the gradient times the inverse curvature that L-BFGS has learnt, problem by problem.

    The two loops of Nocedal (1980).

    Args:
        gradient: `(B, K, r + 1)`.
        history: Of each step, the oldest first: the step, and how it changed the gradient.
    """

    def dot(a: Tensor, b: Tensor) -> Tensor:
        return (a * b).sum((1, 2))[:, None, None]  # (B, 1, 1)

    direction, coefficients = -gradient, []
    for step, change in reversed(history):
        bend = dot(step, change)  # above 0: the loss is convex; 0 for a problem at rest
        bend = torch.where(bend > 1e-60, bend, torch.inf)
        coefficients.append((bend, dot(step, direction) / bend))
        direction = direction - coefficients[-1][1] * change
    if history:
        step, change = history[-1]
        unit = dot(step, change) / dot(change, change)
        direction = direction * torch.where(unit > 0, unit, 1.0)
    for (step, change), (bend, along) in zip(history, reversed(coefficients), strict=True):
        direction = direction + (along - dot(change, direction) / bend) * step
    return direction
