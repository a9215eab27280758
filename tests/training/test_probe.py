import pytest
import torch
from sklearn.linear_model import LogisticRegression

from vtlab.data.splits import stratified_split
from vtlab.models.features import activations
from vtlab.training.probe import probe_grid, probe_unit


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
