"""Models of Keras on torch are networks like others: cut, trained, explained, copied, saved."""

import copy
import os
import pickle
import warnings

import pytest
import torch

from vtlab.analysis.cams import grad_cam
from vtlab.models.backbones import backbone
from vtlab.training.fit import fit
from vtlab.training.saving import load, save

os.environ.setdefault("KERAS_BACKEND", "torch")  # read when keras is first imported
keras = pytest.importorskip("keras", reason="keras is not installed: pip install keras")
if keras.backend.backend() != "torch":
    pytest.skip("keras runs on another backend here", allow_module_level=True)
layers = keras.layers

KNOWN = {"mean": [0.0], "std": [1.0]}


def in_line():
    """A Sequential, as Keras' first guide has it."""
    return keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            layers.Conv2D(4, 3, strides=2, name="low"),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Conv2D(8, 3, name="high"),
            layers.GlobalAveragePooling2D(),
            layers.Dropout(0.2),
            layers.Dense(3, activation="softmax"),
        ]
    )


def transferred():
    """TensorFlow's tutorial of transfer learning: a base without its top, which never trains, and a head."""
    base = keras.applications.MobileNetV2((32, 32, 3), alpha=0.35, weights=None, include_top=False)
    images = keras.Input((32, 32, 3))
    maps = base(layers.Rescaling(2.0, -1)(images), training=False)
    features = layers.Dropout(0.2)(layers.GlobalAveragePooling2D()(maps))
    return keras.Model(images, layers.Dense(5)(features))


def outputs(model, images):
    """Keras' own outputs, of images `(N, C, H, W)`."""
    with torch.no_grad():
        return model(images.permute(0, 2, 3, 1), training=False)


@pytest.mark.parametrize("build", [in_line, transferred])
def test_a_model_is_cut_and_gives_features_of_its_own_outputs(build):
    model = build()
    network = backbone(model, classes=4, **KNOWN).eval()
    size = network.image_size
    assert size == model.input_shape[1] and set(network.layouts.values()) == {"channels_last"}
    images = network.normalise(torch.randint(0, 256, (2, 3, size, size), dtype=torch.uint8))
    kernel, bias = (variable.value.detach() for variable in model.layers[-1].variables)
    with torch.no_grad():
        logits = network.pool(network.run_stages(images, 0)) @ kernel + bias
    own = outputs(model, images)
    expected = logits.softmax(1) if build is in_line else logits
    assert torch.allclose(expected, own, atol=1e-4)
    twin = pickle.loads(pickle.dumps(copy.deepcopy(network)))
    with torch.no_grad():
        assert torch.equal(twin(images), network(images))


def test_it_learns_by_stages_and_what_is_frozen_or_counted_stands_still(toy, tmp_path):
    network = backbone(in_line(), classes=3, stages=["low", "high"], **KNOWN)
    assert network.stage_names == ("low", "high")
    before = {name: value.clone() for name, value in network.state_dict().items()}
    list(fit(network, toy, "partial", epochs=1, bfloat16=False))
    moved = {name for name, v in network.state_dict().items() if not torch.equal(v, before[name])}
    assert {name.split(".")[1] for name in moved if name.startswith("stages")} == {"high"}
    network.freeze(["low", "head"]).train()
    network(network.normalise(toy.train.pixels))
    statistics = [name for name, _ in network.named_buffers() if "moving_mean" in name]
    now = dict(network.named_buffers())
    assert statistics and not any(torch.equal(now[name], before[name]) for name in statistics)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # weights of one epoch may find no evidence
        assert grad_cam(network, toy.test.pixels[:2]).shape[0] == 2
    save(network.eval(), tmp_path / "model", toy)
    loaded, _ = load(tmp_path / "model", backbone=network)
    images = network.normalise(toy.test.pixels[:4])
    with torch.no_grad():
        assert torch.equal(loaded(images), network(images))


def test_its_initialisers_draw_a_random_start_from_the_seed():
    network = backbone(in_line(), **KNOWN)
    drawn = []
    for seed in (1, 1, 2):
        network.reset_stages(seed)
        drawn.append(next(network.stages.parameters()).detach().clone())
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])


def test_layers_that_keras_was_told_to_freeze_stay_frozen():
    model = in_line()
    model.get_layer("low").trainable = False
    network = backbone(model, **KNOWN)
    with pytest.warns(UserWarning, match="had requires_grad switched off by hand"):
        network.freeze([*network.stage_names, "head"])
    assert not next(network.stages.parameters()).requires_grad


def test_what_has_no_graph_or_no_images_is_refused():
    with pytest.raises(ValueError, match="has no graph"):
        backbone(keras.Sequential([layers.Dense(2)]), **KNOWN)
    with pytest.raises(ValueError, match=r"inputs of shape \(None, 5\), not images"):
        backbone(keras.Sequential([keras.Input((5,)), layers.Dense(2)]), **KNOWN)
