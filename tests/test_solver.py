import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge

from vtlab.solver import DEFAULT_STRENGTH, STRENGTHS, choose_strength, fit_head, solve, spread


def cloud(n, d, k, seed=0):
    random = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % k
    centres = torch.randn(k, d, generator=random)
    return centres[labels] + 1.5 * torch.randn(n, d, generator=random), labels


@pytest.mark.parametrize(("n", "d"), [(30, 8), (12, 40)], ids=["tall", "wide"])
@pytest.mark.parametrize("strength", [1e-3, 1e-1, 1.0])
def test_the_solution_is_scikit_learns(n, d, strength):
    features, labels = cloud(n, d, 3)
    matrix, bias = solve(features, labels, torch.tensor([strength]), torch.ones(1, n), 3)
    theirs = LogisticRegression(C=1 / (n * strength), tol=1e-10, max_iter=10_000)
    theirs.fit(features.double().numpy(), labels.numpy())
    ours = (features.double() @ matrix[0].T + bias[0]).softmax(1)
    assert np.allclose(ours, theirs.predict_proba(features.double().numpy()), atol=1e-4)


def test_in_single_precision_the_solution_is_nearly_scikit_learns():
    features, labels = cloud(200, 12, 4)
    strength = torch.tensor([1e-2])
    matrix = solve(features, labels, strength, torch.ones(1, 200), 4, tolerance=1e-7,
                   dtype=torch.float32)[0]  # fmt: skip
    theirs = LogisticRegression(C=1 / (200 * 1e-2), tol=1e-10, max_iter=10_000)
    theirs.fit(features.double().numpy(), labels.numpy())
    wanted = torch.from_numpy(theirs.coef_)
    assert (matrix[0] - wanted).norm() < 0.01 * wanted.norm() and matrix.dtype == torch.float64


@pytest.mark.parametrize(("n", "k", "d", "strength"), [(60, 3, 8, 1.0), (200, 8, 30, 0.3)])
def test_the_small_weights_of_a_strong_l2_are_no_less_exact_for_their_size(n, k, d, strength):
    features, labels = cloud(n, d, k)
    scaled, uses = features / spread(features), torch.ones(1, n)
    loose, exact = (solve(scaled, labels, torch.tensor([strength]), uses, k, tolerance=tolerance)[0]
                    for tolerance in (1e-6, 1e-16))  # fmt: skip
    assert exact.norm() < 1
    assert (loose - exact).norm() < 1e-4 * exact.norm()


def test_problems_solved_together_are_those_solved_alone():
    features, labels = cloud(24, 6, 3)
    strengths = torch.tensor([1e-2, 1e-2, 1.0])
    weights = torch.ones(3, 24)
    weights[1, ::4] = 0
    together = solve(features, labels, strengths, weights, 3)[0]
    for b in range(3):
        alone = solve(features, labels, strengths[b : b + 1], weights[b : b + 1], 3)[0]
        assert torch.allclose(together[b], alone[0], atol=1e-4)


def test_a_left_out_image_has_no_influence():
    features, labels = cloud(20, 5, 2)
    weights = torch.ones(1, 20)
    weights[0, 3] = 0
    first = solve(features, labels, torch.tensor([0.1]), weights, 2)[0]
    features[3] = 100.0
    second = solve(features, labels, torch.tensor([0.1]), weights, 2)[0]
    assert torch.allclose(first, second, atol=1e-5)


def test_the_strength_is_that_of_scikit_learns_cross_validation():
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_score

    features, labels = cloud(30, 10, 3, seed=2)
    features = features / spread(features)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    scores = []
    for strength in STRENGTHS:
        model = LogisticRegression(C=1 / (24 * strength), tol=1e-8, max_iter=10_000)
        found = cross_val_score(model, features.numpy(), labels.numpy(), cv=folds,
                                scoring="neg_log_loss")  # fmt: skip
        scores.append(found.mean())
    assert choose_strength(features, labels, 3) == STRENGTHS[int(np.argmax(scores))]


def test_one_shot_takes_the_default_strength():
    features, labels = cloud(3, 10, 3)
    assert choose_strength(features, labels, 3) == DEFAULT_STRENGTH


def test_the_head_is_filled_and_the_loss_falls():
    features, labels = cloud(60, 10, 3)
    head = torch.nn.Linear(10, 3)
    steps = list(fit_head(features, labels, head, strength=1e-3))
    assert steps[-1].loss <= steps[0].loss + 1e-9
    accuracy = (head(features).argmax(1) == labels).float().mean().item()
    assert accuracy == pytest.approx(steps[-1].accuracy)


def test_the_unit_of_features_does_not_matter():
    features, labels = cloud(30, 6, 3)
    guesses = []
    for unit in (1.0, 250.0):
        head = torch.nn.Linear(6, 3)
        list(fit_head(features * unit, labels, head))
        guesses.append(head(features * unit).softmax(1))
    assert torch.allclose(*guesses, atol=1e-3)


def test_numbers_are_solved_as_scikit_learns_ridge_solves_them():
    features = torch.randn(40, 7, generator=torch.Generator().manual_seed(0)) * 3
    labels = features[:, 0] * 2 + 5 + torch.randn(40, generator=torch.Generator().manual_seed(1))
    head = torch.nn.Linear(7, 1)
    (step,) = fit_head(features, labels, head, strength=0.1)
    unit = spread(features)
    theirs = Ridge(alpha=0.1 * 40).fit((features / unit).double().numpy(), labels.double().numpy())
    wanted = torch.from_numpy(theirs.predict((features / unit).double().numpy())).float()
    assert torch.allclose(head(features)[:, 0], wanted, atol=1e-4)
    assert step.loss == pytest.approx((wanted - labels).var(correction=0).item()
                                      / labels.var(correction=0).item(), rel=1e-3)  # fmt: skip
    assert step.accuracy == ((wanted - labels).abs() < 0.5).double().mean().item()


def test_the_ridges_strength_is_chosen_among_the_same_ones():
    features = torch.randn(30, 5, generator=torch.Generator().manual_seed(0))
    labels = torch.randn(30, generator=torch.Generator().manual_seed(1))  # nothing to be learnt
    head = torch.nn.Linear(5, 1)
    list(fit_head(features, labels, head))
    assert head.weight.norm() < 0.1


def test_images_taken_part_by_part_have_the_same_solution(monkeypatch):
    x, y = cloud(90, 12, 3)
    strengths, uses = torch.tensor([1e-2, 1e-1]), torch.ones(2, 90)
    whole = solve(x, y, strengths, uses, 3)
    monkeypatch.setattr("vtlab.solver.AT_ONCE", 60)  # ten images of two problems and three classes
    for ours, theirs in zip(solve(x, y, strengths, uses, 3), whole, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-6)


def test_the_steps_that_are_told_are_means_over_all_images_however_they_are_taken(monkeypatch):
    x, y = cloud(91, 12, 3)
    head = torch.nn.Linear(12, 3)
    monkeypatch.setattr("vtlab.solver.AT_ONCE", 60)
    for step in fit_head(x, y, head, strength=1e-2):
        logits = head(x)
        assert step.accuracy == pytest.approx((logits.argmax(1) == y).float().mean().item())
        assert step.loss == pytest.approx(torch.nn.functional.cross_entropy(logits, y).item(), rel=1e-5)


def test_the_strength_of_very_many_images_is_chosen_on_a_part_with_as_many_of_each_class(monkeypatch):
    x, y = cloud(300, 6, 3)
    seen = []

    def counted(features, labels, *rest, **named):
        seen.append(labels.bincount().tolist())
        return solve(features, labels, *rest, **named)

    monkeypatch.setattr("vtlab.solver.solve", counted)
    monkeypatch.setattr("vtlab.solver.AT_MOST", 180)
    assert choose_strength(x, y, 3) in STRENGTHS and seen == [[20, 20, 20]]


@pytest.mark.parametrize("value", [torch.nan, torch.inf, 1e30])
def test_features_that_are_no_numbers_have_no_solution(value):
    features, labels = cloud(12, 4, 3)
    features[5, 2] = value
    with pytest.raises(ValueError, match="features hold values that are no numbers"):
        next(fit_head(features, labels, torch.nn.Linear(4, 3)))
