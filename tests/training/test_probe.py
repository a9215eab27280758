import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import (
    GroupKFold,
    StratifiedGroupKFold,
    StratifiedKFold,
    cross_val_score,
)
from steps_made_up import cloud

from vtlab.data.splits import stratified_split
from vtlab.models.features import activations
from vtlab.models.losses import weigh_classes
from vtlab.training.logistic import solve_logistic
from vtlab.training.probe import (
    DEFAULT_STRENGTH,
    STRENGTHS,
    choose_probe_strength,
    probe_grid,
    probe_unit,
    solve_probe,
)


def test_the_strength_is_that_of_scikit_learns_cross_validation():
    features, labels = cloud(30, 10, 3, seed=2)
    features = features / probe_unit(features)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    scores = []
    for strength in STRENGTHS:
        model = LogisticRegression(C=1 / (24 * strength), tol=1e-8, max_iter=10_000)
        found = cross_val_score(
            model, features.numpy(), labels.numpy(), cv=folds, scoring="neg_log_loss"
        )
        scores.append(found.mean())
    assert choose_probe_strength(features, labels, 3) == STRENGTHS[int(np.argmax(scores))]


def test_one_shot_takes_the_default_strength():
    features, labels = cloud(3, 10, 3)
    assert choose_probe_strength(features, labels, 3) == DEFAULT_STRENGTH


def test_the_head_is_filled_and_the_loss_falls():
    features, labels = cloud(60, 10, 3)
    head = torch.nn.Linear(10, 3)
    steps = list(solve_probe(features, labels, head, strength=1e-3))
    assert steps[-1].loss <= steps[0].loss + 1e-9
    accuracy = (head(features).argmax(1) == labels).float().mean().item()
    assert accuracy == pytest.approx(steps[-1].accuracy)


def test_the_unit_of_features_does_not_matter():
    features, labels = cloud(30, 6, 3)
    guesses = []
    for unit in (1.0, 250.0):
        head = torch.nn.Linear(6, 3)
        list(solve_probe(features * unit, labels, head))
        guesses.append(head(features * unit).softmax(1))
    assert torch.allclose(*guesses, atol=1e-3)


def test_numbers_are_solved_as_scikit_learns_ridge_solves_them():
    features = torch.randn(40, 7, generator=torch.Generator().manual_seed(0)) * 3
    labels = features[:, 0] * 2 + 5 + torch.randn(40, generator=torch.Generator().manual_seed(1))
    head = torch.nn.Linear(7, 1)
    (step,) = solve_probe(features, labels, head, strength=0.1)
    unit = probe_unit(features)
    theirs = Ridge(alpha=0.1 * 40).fit((features / unit).double().numpy(), labels.double().numpy())
    wanted = torch.from_numpy(theirs.predict((features / unit).double().numpy())).float()
    assert torch.allclose(head(features)[:, 0], wanted, atol=1e-4)
    assert step.loss == pytest.approx(
        (wanted - labels).var(correction=0).item() / labels.var(correction=0).item(), rel=1e-3
    )
    assert step.accuracy == ((wanted - labels).abs() < 0.5).double().mean().item()


def test_the_ridges_strength_is_chosen_among_the_same_ones():
    features = torch.randn(30, 5, generator=torch.Generator().manual_seed(0))
    labels = torch.randn(30, generator=torch.Generator().manual_seed(1))  # nothing to be learnt
    head = torch.nn.Linear(5, 1)
    list(solve_probe(features, labels, head))
    assert head.weight.norm() < 0.1


def test_the_steps_that_are_told_are_means_over_all_images_however_they_are_taken(monkeypatch):
    x, y = cloud(91, 12, 3)
    head = torch.nn.Linear(12, 3)
    monkeypatch.setattr("vtlab.training.logistic.NUMBERS_AT_ONCE", 60)
    for step in solve_probe(x, y, head, strength=1e-2):
        logits = head(x)
        assert step.accuracy == pytest.approx((logits.argmax(1) == y).float().mean().item())
        assert step.loss == pytest.approx(
            torch.nn.functional.cross_entropy(logits, y).item(), rel=1e-5
        )


def test_the_strength_of_very_many_images_is_chosen_on_a_part_with_as_many_of_each_class(
    monkeypatch,
):
    x, y = cloud(300, 6, 3)
    seen = []

    def solve_and_count(features, labels, *rest, **named):
        seen.append(labels.bincount().tolist())
        return solve_logistic(features, labels, *rest, **named)

    monkeypatch.setattr("vtlab.training.probe.solve_logistic", solve_and_count)
    monkeypatch.setattr("vtlab.training.probe.MAX_IMAGES_TIMES_CLASSES", 180)
    assert choose_probe_strength(x, y, 3) in STRENGTHS and seen == [[20, 20, 20]]


@pytest.mark.parametrize("value", [torch.nan, torch.inf, 1e30])
def test_features_that_are_no_numbers_have_no_solution(value):
    features, labels = cloud(12, 4, 3)
    features[5, 2] = value
    with pytest.raises(ValueError, match="features hold values that are no numbers"):
        next(solve_probe(features, labels, torch.nn.Linear(4, 3)))


def test_every_probe_is_scikit_learns(network, toy):
    pixels, labels = toy.test.pixels, toy.test.labels
    ours = probe_grid(network, pixels, labels, seeds=[0, 7], strengths=[1e-3, 1e-1, 10.0])
    features = activations(network, pixels)
    features = (features / probe_unit(features)).double().numpy()
    for row, seed in zip(ours, (0, 7), strict=True):
        kept, held = stratified_split(labels, 0.5, seed)
        for accuracy, strength in zip(row, (1e-3, 1e-1, 10.0), strict=True):
            model = LogisticRegression(C=1 / (len(kept) * strength), tol=1e-8, max_iter=10_000)
            model.fit(features[kept], labels[kept])
            theirs = model.score(features[held], labels[held])
            assert accuracy.item() == pytest.approx(theirs, abs=1 / len(held) + 1e-6)


def test_the_network_runs_once_whatever_the_number_of_probes(network, toy):
    calls = []
    network.stages["stem"].register_forward_hook(
        lambda module, given, maps: calls.append(len(maps))
    )
    probe_grid(network, toy.test.pixels, toy.test.labels, seeds=range(5), strengths=[0.1] * 10)
    assert sum(calls) == len(toy.test)


def test_a_class_too_small_to_split_is_named(network, toy):
    with pytest.raises(ValueError, match="3 images; the least is 4"):
        labels = torch.tensor([0, 0, 0, 0, 1, 1, 1])
        probe_grid(network, toy.test.pixels[:7], labels)


def test_the_folds_divide_no_group():
    """Images of a group look alike and its class is by chance: only whole groups held out show that."""
    random = np.random.default_rng(0)
    own = random.normal(size=(24, 8))
    groups = np.repeat(np.arange(24), 6)
    features = torch.from_numpy(own[groups] + 0.05 * random.normal(size=(144, 8))).float()
    labels = torch.from_numpy((np.arange(24) % 2)[groups])
    features = features / probe_unit(features)
    names = [f"p{g}" for g in groups]
    alone = choose_probe_strength(features, labels, 2)
    whole = choose_probe_strength(features, labels, 2, groups=names)
    assert whole > alone  # by heart is of no use
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=0)
    scores = []
    for strength in STRENGTHS:
        model = LogisticRegression(C=1 / (115 * strength), tol=1e-8, max_iter=10_000)
        found = cross_val_score(
            model, features.numpy(), labels, groups=groups, cv=folds, scoring="neg_log_loss"
        )
        scores.append(found.mean())
    assert whole == STRENGTHS[int(np.argmax(scores))]
    assert choose_probe_strength(features, labels, 2, groups=["a"] * 144) == DEFAULT_STRENGTH


def test_numbers_are_judged_on_whole_groups_as_scikit_learn_judges_them():
    random = np.random.default_rng(2)
    groups = np.repeat(np.arange(12), 5)
    features = torch.from_numpy(random.normal(size=(12, 30))[groups]).float()
    features += 0.01 * torch.from_numpy(random.normal(size=(60, 30))).float()
    labels = torch.from_numpy(random.normal(size=12)[groups]).float()  # by chance
    names = [f"p{g:02d}" for g in groups]
    scaled = (features / probe_unit(features)).double().numpy()
    errors = {}
    for strength in STRENGTHS:
        folds, ridge = GroupKFold(5).split(scaled, groups=names), Ridge(alpha=60 * strength)
        found = cross_val_score(ridge, scaled, labels, cv=folds, scoring="neg_mean_squared_error")
        errors[strength] = -found.mean()
    best = min(errors, key=errors.__getitem__)
    whole, alone, given = (torch.nn.Linear(30, 1) for _ in range(3))
    list(solve_probe(features, labels, whole, groups=names))
    list(solve_probe(features, labels, alone))
    list(solve_probe(features, labels, given, strength=best))
    assert torch.equal(whole.weight, given.weight) and not torch.equal(whole.weight, alone.weight)


def test_weights_of_classes_count_as_in_scikit_learn():
    features, labels = cloud(60, 4, 3)
    kept = torch.cat([(labels == k).nonzero()[:n, 0] for k, n in enumerate((20, 8, 3))])
    features, labels = features[kept], labels[kept]
    head = torch.nn.Linear(4, 3)
    weights = weigh_classes(labels, "balanced", 3)
    list(solve_probe(features, labels, head, strength=0.01, class_weights=weights))
    unit = probe_unit(features)
    theirs = LogisticRegression(
        C=1 / (len(labels) * 0.01), class_weight="balanced", tol=1e-10, max_iter=10_000
    ).fit((features / unit).double().numpy(), labels.numpy())
    wanted = torch.from_numpy(theirs.predict_proba((features / unit).double().numpy())).float()
    assert torch.allclose(head(features).softmax(1), wanted, atol=1e-4)
    plain_head = torch.nn.Linear(4, 3)
    list(solve_probe(features, labels, plain_head, strength=0.01))
    assert not torch.allclose(plain_head(features).softmax(1), wanted, atol=1e-2)
