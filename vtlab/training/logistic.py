"""Multinomial logistic regressions over the same features, all solved at once.

The loss is convex, so each has one solution and no learning rate to choose. Folds of a cross-validation,
strengths of L2 and seeds are problems over the same features: in double precision, one matrix product
serves them all. They share one turn of the features to their principal axes, in which each problem's
curvature is nearly diagonal and therefore known beforehand; L-BFGS (Liu and Nocedal 1989) learns what is
left of it in a dozen steps.
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

NUMBERS_AT_ONCE = 500_000  # numbers that one evaluation holds: problems x classes x images
MAX_HISTORY_NUMBERS = (
    2_000_000  # numbers that L-BFGS's memory may take, of all problems solved together
)
HISTORY_SIZE = 10  # steps that L-BFGS remembers
TOLERANCE = 1e-12  # square of the gradient, in units in which the curvature is near 1
MIN_SQUARED_NORM = 1e-6  # square of weights that are as good as 0: then their size no longer counts


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
        return deque(
            minimise_losses(
                inputs, labels, strengths[part], weights[part], classes, iterations, tolerance
            ),
            maxlen=1,
        )[0]

    # problems are shared out to threads rather than each product split among them: threads
    # that wait for each other in every product stand still where a core has other work
    remembered = (
        len(strengths) * classes * features.shape[1] * 2 * HISTORY_SIZE
    )  # numbers, by L-BFGS
    groups = max(threads, -(-remembered // MAX_HISTORY_NUMBERS))
    parts = [slice(first, None, groups) for first in range(min(groups, len(strengths)))]
    one = {
        "initializer": torch.set_num_threads,
        "initargs": (1,),
    }  # whatever another thread sets meanwhile
    with single_thread(), ThreadPoolExecutor(threads, **one) as pool:
        axes = PrincipalAxes.of(features, weights)
        inputs = axes.inputs.to(dtype)
        solution = torch.empty(
            len(strengths),
            classes,
            axes.inputs.shape[1],
            dtype=torch.float64,
            device=features.device,
        )
        for part, found in zip(parts, pool.map(last, parts), strict=True):
            solution[part] = found
        return axes.back(solution)


@dataclass(frozen=True)
class PrincipalAxes:
    """Features along their principal axes, `inputs (N, r + 1)`; the last column is the bias's.

    Centring moves only the bias, which is free, and turning leaves ||W|| as it is: the solution
    is the same. With fewer images than features only the space that the images span is left.
    Of many images a part at a time is taken: beside `inputs` nothing of their number is held.
    """

    inputs: Tensor
    centre: Tensor  # (D,)
    basis: Tensor  # (r, D), orthonormal rows

    @classmethod
    def of(cls, features: Tensor, weights: Tensor) -> PrincipalAxes:
        """Of features `(N, D)`, as B problems weigh the images, `(B, N)`."""
        share = weights.double().mean(0)[:, None]  # (N, 1)
        parts = split_range(len(features), features.shape[1])
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
        inputs = torch.ones(
            len(features), len(basis) + 1, dtype=torch.float64, device=features.device
        )
        for part in parts:
            inputs[part, :-1] = (features[part].double() - centre) @ basis.T
        return cls(inputs, centre, basis)

    def back(self, solution: Tensor) -> tuple[Tensor, Tensor]:
        """`W (B, K, D)` and `bias (B, K)` for the features as they were."""
        matrix = solution[..., :-1] @ self.basis
        return matrix, solution[..., -1] - matrix @ self.centre


def split_range(count: int, each: int) -> list[slice]:
    """So many images in parts, where each takes `each` numbers."""
    once = max(1, NUMBERS_AT_ONCE // each)
    return [slice(start, start + once) for start in range(0, count, once)]


def minimise_losses(
    inputs: Tensor,
    labels: Tensor,
    strengths: Tensor,
    weights: Tensor,
    classes: int,
    iterations: int = 200,
    tolerance: float = TOLERANCE,
) -> Iterator[Tensor]:
    """Weights with bias `(B, K, r + 1)` of all problems after each step of L-BFGS.

    Every problem has its own step length and its own memory. Those that have converged leave.
    """
    shares = weights.to(inputs) / weights.sum(1, keepdim=True)  # (B, N)
    penalty = strengths.to(inputs)[:, None].repeat(1, inputs.shape[1])  # (B, r + 1)
    noise = 45 * torch.finfo(inputs.dtype).eps  # share of a loss by which rounding may raise it
    penalty[:, -1] = 0
    parts, share = split_range(len(labels), len(shares) * classes), shares.mean(0)
    # the curvature at the start, where every class has probability 1 / K
    spread_along = (
        sum(inputs[part].square().T @ share[part] for part in parts) / classes
    )  # (r + 1,)
    scale = (spread_along + penalty + 1e-12).rsqrt()[:, None]  # (B, 1, r + 1)

    @functools.lru_cache(maxsize=1)  # made once where there is one part
    def hot(number: int) -> Tensor:
        return F.one_hot(labels[parts[number]], classes).T.to(inputs)  # (K, n)

    def evaluate(
        point: Tensor, scale: Tensor, penalty: Tensor, shares: Tensor
    ) -> tuple[Tensor, Tensor]:
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
        memory = [*memory[-HISTORY_SIZE + 1 :], (step, new_gradient - gradient)]
        point, value, gradient = point + step, new_value, new_gradient
        found[busy] = point * state[0]
        yield found
        going = gradient.square().sum((1, 2)) > tolerance * point.square().sum((1, 2)).clamp(
            MIN_SQUARED_NORM, 1
        )
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
