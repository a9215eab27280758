import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from steps_made_up import cloud

from vtlab.training.logistic import solve_logistic
from vtlab.training.probe import probe_unit


@pytest.mark.parametrize(("n", "d"), [(30, 8), (12, 40)], ids=["tall", "wide"])
@pytest.mark.parametrize("strength", [1e-3, 1e-1, 1.0])
def test_the_solution_is_scikit_learns(n, d, strength):
    features, labels = cloud(n, d, 3)
    matrix, bias = solve_logistic(features, labels, torch.tensor([strength]), torch.ones(1, n), 3)
    theirs = LogisticRegression(C=1 / (n * strength), tol=1e-10, max_iter=10_000)
    theirs.fit(features.double().numpy(), labels.numpy())
    ours = (features.double() @ matrix[0].T + bias[0]).softmax(1)
    assert np.allclose(ours, theirs.predict_proba(features.double().numpy()), atol=1e-4)


def test_in_single_precision_the_solution_is_nearly_scikit_learns():
    features, labels = cloud(200, 12, 4)
    strength = torch.tensor([1e-2])
    matrix = solve_logistic(
        features, labels, strength, torch.ones(1, 200), 4, tolerance=1e-7, dtype=torch.float32
    )[0]
    theirs = LogisticRegression(C=1 / (200 * 1e-2), tol=1e-10, max_iter=10_000)
    theirs.fit(features.double().numpy(), labels.numpy())
    wanted = torch.from_numpy(theirs.coef_)
    assert (matrix[0] - wanted).norm() < 0.01 * wanted.norm() and matrix.dtype == torch.float64


@pytest.mark.parametrize(("n", "k", "d", "strength"), [(60, 3, 8, 1.0), (200, 8, 30, 0.3)])
def test_the_small_weights_of_a_strong_l2_are_no_less_exact_for_their_size(n, k, d, strength):
    features, labels = cloud(n, d, k)
    scaled, uses = features / probe_unit(features), torch.ones(1, n)
    loose, exact = (
        solve_logistic(scaled, labels, torch.tensor([strength]), uses, k, tolerance=tolerance)[0]
        for tolerance in (1e-6, 1e-16)
    )
    assert exact.norm() < 1
    assert (loose - exact).norm() < 1e-4 * exact.norm()


def test_problems_solved_together_are_those_solved_alone():
    features, labels = cloud(24, 6, 3)
    strengths = torch.tensor([1e-2, 1e-2, 1.0])
    weights = torch.ones(3, 24)
    weights[1, ::4] = 0
    together = solve_logistic(features, labels, strengths, weights, 3)[0]
    for b in range(3):
        alone = solve_logistic(features, labels, strengths[b : b + 1], weights[b : b + 1], 3)[0]
        assert torch.allclose(together[b], alone[0], atol=1e-4)


def test_a_left_out_image_has_no_influence():
    features, labels = cloud(20, 5, 2)
    weights = torch.ones(1, 20)
    weights[0, 3] = 0
    first = solve_logistic(features, labels, torch.tensor([0.1]), weights, 2)[0]
    features[3] = 100.0
    second = solve_logistic(features, labels, torch.tensor([0.1]), weights, 2)[0]
    assert torch.allclose(first, second, atol=1e-5)


def test_images_taken_part_by_part_have_the_same_solution(monkeypatch):
    x, y = cloud(90, 12, 3)
    strengths, uses = torch.tensor([1e-2, 1e-1]), torch.ones(2, 90)
    whole = solve_logistic(x, y, strengths, uses, 3)
    monkeypatch.setattr(
        "vtlab.training.logistic.NUMBERS_AT_ONCE", 60
    )  # ten images of two problems and three classes
    for ours, theirs in zip(solve_logistic(x, y, strengths, uses, 3), whole, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-6)
