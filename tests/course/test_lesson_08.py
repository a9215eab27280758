from dataclasses import replace

import augmentation
import pytest
import torch
from augmentation import PARTS, WAYS, plan, train

from vtlab.course.lesson_08 import (
    KINDS,
    NO_CHANGE,
    augmentation_table,
    predict_views,
    probe_on_views,
)
from vtlab.data.augment import Augment
from vtlab.data.tasks import task
from vtlab.models.backbones import backbone
from vtlab.models.evaluation import predict
from vtlab.models.features import activations
from vtlab.training.fit import fit
from vtlab.training.strategies import full, probe


@pytest.fixture(scope="module")
def small():
    """Two images per class, and a test set of 48."""
    made = task("garden", shots=2, seed=0)
    return replace(made, test=made.test[torch.arange(0, 1200, 25)])


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

    from vtlab.training.probe import choose_strength, probe_unit

    network, index = backbone("mini_resnet", classes=8), torch.arange(16)
    probe_on_views(network, small, Augment(), seed=3, views=2)
    views = [Augment().view(small.train.pixels, index, 3, v) for v in (0, 1)]
    features = [activations(network, pixels) for pixels in views]
    strength = choose_strength(features[0] / probe_unit(features[0]), small.train.labels, 8, 3)
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


def test_a_run_says_what_it_measured(small):
    memos = {}
    part = replace(PARTS["few"], epochs={"partial": 1})
    run = augmentation.one(part, probe, "default", small, 0, memos)
    assert 0 < run["test_accuracy"] <= 1 and 0 < run["mirrored_accuracy"] <= 1
    assert (
        run["train_accuracy"] != run["train_accuracy"] and run["cpu_seconds"] > 0
    )  # nan: a probe on views
    assert set(memos) == {("garden", 0), ("garden", 1)}


def test_a_way_is_what_fit_is_given(small):
    networks = [backbone("mini_resnet", classes=8) for _ in range(2)]
    train(networks[0], small, full, "mixup", seed=0, epochs=1)
    list(fit(networks[1], small, full, seed=0, epochs=1, augment=None, mixup=0.2))
    assert torch.equal(*(network.head.weight for network in networks))


def test_finished_runs_are_read_and_not_trained_again(tmp_path, monkeypatch):
    few = replace(PARTS["few"], shots=1, ways={"probe": ("none", "flip")})
    monkeypatch.setattr(augmentation, "SEEDS", 2)
    monkeypatch.setattr(augmentation, "PARTS", {"few": few})
    monkeypatch.setattr(augmentation, "one", lambda *run: {"test_accuracy": 0.5})
    first = augmentation.measure(tmp_path)
    monkeypatch.setattr(augmentation, "one", lambda *run: pytest.fail("twice"))
    assert augmentation.measure(tmp_path).equals(first)
    assert list(first.seed) == [0, 0, 1, 1] and list(first.way) == ["none", "flip"] * 2


def test_the_committed_table_has_every_run_of_the_plan():
    wanted = {(name, s.name, way, seed) for name, _, seed, s, way in plan()}
    table = augmentation_table()
    found = set(zip(table.part, table.strategy, table.way, table.seed, strict=True))
    assert found == wanted and len(table) == len(wanted)
