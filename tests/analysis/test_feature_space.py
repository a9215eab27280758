"""Neighbours and planes, against scikit-learn."""

import numpy as np
import pytest
import torch

from vtlab.analysis.feature_space import neighbour_accuracies, neighbour_accuracy, project_to_plane


@pytest.mark.parametrize("k", [1, 5])
def test_neighbours_are_those_of_scikit_learn(k):
    from sklearn.neighbors import KNeighborsClassifier

    random = torch.Generator().manual_seed(k)
    labels = torch.arange(60) % 4
    features = torch.randn(60, 7, generator=random) + labels[:, None] * torch.tensor(
        [1.0, 0, 0, -1, 0, 0, 0.5]
    )
    centred = (features - features.mean(0)).double().numpy()
    model = KNeighborsClassifier(k, metric="cosine", algorithm="brute")
    wanted = model.fit(centred, labels.numpy()).score(None, labels.numpy())  # each left out in turn
    assert neighbour_accuracy(features, labels, k) == pytest.approx(wanted)
    assert 0.3 < wanted < 1


def test_more_neighbours_than_images_are_refused():
    with pytest.raises(ValueError, match="more than 5 images"):
        neighbour_accuracy(torch.rand(5, 3), torch.zeros(5, dtype=torch.long))


def test_parts_are_dealt_evenly_and_each_has_its_score():
    random = torch.Generator().manual_seed(1)
    pixels = torch.randint(0, 256, (20, 3, 32, 32), generator=random, dtype=torch.uint8)
    labels = torch.arange(20) % 2
    features = {"pixels": pixels.float(), "means": pixels.float().mean((2, 3))}
    scores = neighbour_accuracies(features, labels, parts=2, k=3)
    chosen = torch.tensor([i for i in range(20) if (i // 2) % 2 == 0])  # of each class every second
    for name, of in features.items():
        assert (
            scores[name][0] == neighbour_accuracy(of[chosen], labels[chosen], 3)
            and len(scores[name]) == 2
        )
    whole = neighbour_accuracies(features, labels, parts=1)
    assert whole["means"] == [neighbour_accuracy(features["means"], labels)]
    with pytest.raises(ValueError, match="more than 4 images"):
        neighbour_accuracies(features, labels, parts=5)


def test_the_plane_is_that_of_scikit_learns_principal_components():
    from sklearn.decomposition import PCA

    features = torch.randn(40, 6, generator=torch.Generator().manual_seed(0)) * torch.tensor(
        [3, 2, 1, 1, 1, 1]
    )
    ours = project_to_plane(features).numpy()
    theirs = PCA(2, svd_solver="full").fit_transform(features.double().numpy())
    np.testing.assert_allclose(np.abs(ours), np.abs(theirs), atol=1e-6)
    assert (ours[np.abs(ours).argmax(0), [0, 1]] > 0).all()
    with pytest.raises(ValueError, match="three images"):
        project_to_plane(features[:2])
    kept = features.double()
    project_to_plane(kept)
    assert torch.equal(kept, features.double())
