from dataclasses import replace

import pytest
import torch
from augmentation import WAYS

from vtlab.course.lesson_08 import (
    KINDS,
    NO_CHANGE,
    predict_views,
    probe_on_views,
)
from vtlab.data.augment import Augment
from vtlab.models.backbones import backbone
from vtlab.models.evaluation import predict
from vtlab.models.features import activations
from vtlab.training.fit import fit
from vtlab.training.strategies import probe


@pytest.fixture
def small(small_garden):
    """Two images per class."""
    return small_garden.at(2, 0)


def test_every_kind_is_one_change_and_still_is_none():
    for name, augment in KINDS.items():
        assert replace(augment, **{name: getattr(NO_CHANGE, name)}) == NO_CHANGE != augment
    assert WAYS["default"] == (Augment(), 0.0) and WAYS["none"] == (None, 0.0)


def test_a_probe_on_views_that_are_all_the_image_is_the_probe(small):
    found, wanted = (backbone("mini_resnet", classes=8) for _ in range(2))
    probe_on_views(found, small, NO_CHANGE, seed=0, views=3)
    list(fit(wanted, small, probe, seed=0))
    assert torch.allclose(found.head.weight, wanted.head.weight, atol=1e-3)


def test_a_probe_on_views_is_scikit_learns_on_their_features(small):
    from sklearn.linear_model import LogisticRegression

    from vtlab.training.probe import choose_probe_strength, probe_unit

    network, index = backbone("mini_resnet", classes=8), torch.arange(16)
    probe_on_views(network, small, Augment(), seed=3, views=2)
    views = [Augment().view(small.train.pixels, index, 3, v) for v in (0, 1)]
    features = [activations(network, pixels) for pixels in views]
    strength = choose_probe_strength(
        features[0] / probe_unit(features[0]), small.train.labels, 8, 3
    )
    both = torch.cat(features)
    theirs = LogisticRegression(C=1 / (32 * strength), tol=1e-8, max_iter=5000)
    theirs.fit((both / probe_unit(both)).double().numpy(), small.train.labels.repeat(2).numpy())
    asked = activations(network, small.test.pixels)
    ours = network.head(asked).softmax(1).detach()
    shown = torch.from_numpy(theirs.predict_proba((asked / probe_unit(both)).double().numpy()))
    assert torch.allclose(ours.double(), shown, atol=2e-3)


def test_the_answer_to_views_is_the_mean_of_the_answers(small):
    network, pixels = backbone("mini_resnet", classes=8), small.test.pixels
    mirror = Augment(shift=0, light=0)
    found = predict_views(network, pixels, mirror, views=3, seed=1)
    views = [mirror.view(pixels, torch.arange(48), 1, v) for v in range(3)]
    assert torch.allclose(found, sum(predict(network, view) for view in views) / 3)
    assert torch.equal(predict_views(network, pixels, mirror, views=1), predict(network, pixels))
