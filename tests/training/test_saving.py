import json
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import tiny_network
from steps_made_up import noise_task

from vtlab.models.backbones import backbone
from vtlab.models.mini_networks import MINI_NETWORKS
from vtlab.models.normalisation import Normalisation
from vtlab.system.sealing import seal_json, unseal_json
from vtlab.training.fit import fit
from vtlab.training.saving import CARD_FILE, load, save
from vtlab.training.strategies import full, lp_ft, partial, probe, scratch, surgical

EVERY = (scratch, probe, partial(1), partial(3), full, lp_ft, surgical("stage2"))
ANOTHER = """
import sys
from pathlib import Path
import torch
from safetensors.torch import load_file, save_file
from vtlab.training.saving import load
root = Path(sys.argv[1])
torch.set_num_threads(1)
images = load_file(root / "images.safetensors")
logits = {}
for folder in sorted(p for p in root.iterdir() if p.is_dir()):
    network, card = load(folder)
    assert not network.training
    with torch.no_grad():
        logits[folder.name] = network(network.normalise(images[card.backbone]))
save_file(logits, root / "logits.safetensors")
"""


def kept(folder, network=None):
    network = network or backbone("mini_resnet", classes=3, weights=None)
    return network, save(network, folder, noise_task(), strategy=partial(2), test_accuracy=0.75)


def test_every_backbone_and_strategy_gives_equal_logits_in_another_process(tmp_path):
    from safetensors.torch import load_file, save_file

    task, images, logits = noise_task(2), {}, {}
    large = task.train.pixels.repeat_interleave(4, 2).repeat_interleave(4, 3)  # 64 px
    task = replace(task, train=replace(task.train, pixels=large))
    for name in MINI_NETWORKS:
        images[name] = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
        for strategy in EVERY:
            network = backbone(name, classes=3, weights=None)
            made = fit(network, task, strategy, epochs=None if strategy.convex else 1)
            made.step()
            network.eval()
            key = f"{name}-{strategy.name}"
            save(network, tmp_path / key, task, strategy=strategy)
            with torch.no_grad():
                logits[key] = network(network.normalise(images[name]))
    save_file(images, tmp_path / "images.safetensors")
    subprocess.run([sys.executable, "-c", ANOTHER, str(tmp_path)], check=True)
    loaded = load_file(tmp_path / "logits.safetensors")
    assert loaded.keys() == logits.keys() and len(logits) == len(MINI_NETWORKS) * len(EVERY)
    assert all(logits[key].isfinite().all() for key in logits)
    assert [key for key in logits if not torch.equal(loaded[key], logits[key])] == []


def test_the_card_says_what_the_model_is(tmp_path):
    network, card = kept(tmp_path / "model")
    loaded, read = load(tmp_path / "model")
    assert read == card and read.classes == ("red", "green", "blue")
    assert (read.backbone, read.strategy, read.test_accuracy) == ("mini_resnet", "partial(2)", 0.75)
    assert read.mean == network.normalisation.mean and read.image_size == 16
    written = json.loads((tmp_path / "model" / CARD_FILE).read_text())["content"]
    assert written["classes"] == ["red", "green", "blue"] and written["sha256"] == card.sha256
    assert loaded.origin == network.origin


def test_a_loaded_model_is_frozen_as_it_was_and_can_learn_on(tmp_path):
    network = partial(1).prepare(backbone("mini_resnet", classes=3), 0)
    kept(tmp_path, network)
    loaded, _ = load(tmp_path)
    assert loaded.learning_parts == {"stage4", "head"}
    assert [p.requires_grad for p in loaded.parameters()] == [
        p.requires_grad for p in network.parameters()
    ]


def test_a_loaded_model_lets_the_same_module_of_a_stage_learn(tmp_path):
    network = surgical("stage4.conv2").prepare(backbone("mini_resnet", classes=3, weights=None), 0)
    _, card = kept(tmp_path, network)
    loaded, _ = load(tmp_path)
    assert card.learning == ("head", "stage4.conv2") and loaded.learning_names == set(card.learning)
    assert loaded.count_learning_weights() == network.count_learning_weights()


@pytest.mark.parametrize("kind", ["all", "norm", "bias"])
def test_a_loaded_model_lets_the_same_kind_of_weights_learn(tmp_path, kind):
    network = partial(2, kind=kind).prepare(backbone("mini_resnet", classes=3, weights=None), 0)
    _, card = kept(tmp_path, network)
    loaded, _ = load(tmp_path)
    assert card.kind == kind and loaded.count_learning_weights() == network.count_learning_weights()


def test_a_card_from_before_there_were_kinds_is_read_and_another_unknown_field_is_not(tmp_path):
    kept(tmp_path)
    values = unseal_json((tmp_path / CARD_FILE).read_bytes())
    del values["kind"]
    (tmp_path / CARD_FILE).write_bytes(seal_json(values))
    assert load(tmp_path)[1].kind == "all"
    for change, words in (
        ({"colour": 1}, "'colour' is unknown"),
        ({"kind": "some"}, "kind .* 'some'"),
    ):
        (tmp_path / CARD_FILE).write_bytes(seal_json(values | change))
        with pytest.raises(ValueError, match=words):
            load(tmp_path)


@pytest.mark.parametrize("accuracy", [np.float32(0.5), torch.tensor(0.5)])
def test_an_accuracy_of_numpys_or_a_tensors_is_kept_as_a_number(tmp_path, accuracy):
    network = backbone("mini_resnet", classes=3, weights=None)
    save(network, tmp_path, noise_task(), test_accuracy=accuracy)
    assert load(tmp_path)[1].test_accuracy == 0.5


def test_a_card_that_cannot_be_written_leaves_no_weights(tmp_path):
    network = backbone("mini_resnet", classes=3, weights=None)
    with pytest.raises(TypeError):
        save(network, tmp_path / "model", noise_task(), strategy={1})
    assert not (tmp_path / "model").exists()


def test_saving_again_replaces_the_model_and_a_full_disk_does_not(tmp_path, monkeypatch):
    kept(tmp_path)
    network = backbone("mini_resnet", classes=3, weights=None)
    with torch.no_grad():
        network.head.bias += 1

    def full_disk(path, content):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space"):
        patch.setattr("vtlab.training.saving.write_bytes", full_disk)
        kept(tmp_path, network)
    assert not torch.equal(load(tmp_path)[0].head.bias, network.head.bias)
    kept(tmp_path, network)
    assert torch.equal(load(tmp_path)[0].head.bias, network.head.bias)
    assert len(list(tmp_path.iterdir())) == 2


def flip(path, place=200):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def weights(folder):
    return next(folder.glob("weights-*"))


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda f: flip(f / CARD_FILE), "sha256"),
        (lambda f: flip(weights(f), -9), "sha256"),
        (lambda f: weights(f).unlink(), "weights-"),
        (lambda f: (f / CARD_FILE).write_text("{}"), "sha256"),
        (lambda f: weights(f).write_bytes(b""), "sha256"),
    ],
)
def test_a_damaged_model_is_one_clear_error(tmp_path, harm, words):
    kept(tmp_path)
    harm(tmp_path)
    with pytest.raises(ValueError, match=f"is damaged or foreign: .*{words}") as caught:
        load(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_foreign_folder_and_none_at_all_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no model in .*card\.json"):
        load(tmp_path / "nowhere")
    kept(tmp_path / "a")
    shutil.copy(weights(tmp_path / "a"), tmp_path / "b.pth")
    with pytest.raises(FileNotFoundError, match="no model in"):
        load(tmp_path / "b.pth")
    kept(tmp_path / "report" / "model")
    with pytest.raises(FileNotFoundError, match=r"no model in .*report: .*; .*model is one"):
        load(tmp_path / "report")
    assert load(tmp_path / "a", "mini_resnet")[1].backbone == "mini_resnet"
    with pytest.raises(ValueError, match="it is a mini_resnet, not a mini_vgg: leave backbone out"):
        load(tmp_path / "a", "mini_vgg")


def test_a_model_is_saved_and_loaded_in_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    kept("~/model")
    assert (tmp_path / "model" / CARD_FILE).is_file()
    network, _ = load("~/model")
    start = backbone("mini_resnet", weights="~/model")
    assert all(
        torch.equal(value, start.stages.state_dict()[name])
        for name, value in network.stages.state_dict().items()
    )


def test_what_could_not_be_loaded_again_is_not_saved(tmp_path):
    network = backbone("mini_resnet", classes=3, weights=None)
    network.head = torch.nn.Sequential(torch.nn.Linear(256, 3))
    network.head.out_features = 3
    with pytest.raises(ValueError, match=r"not a plain mini_resnet \(head"):
        kept(tmp_path / "m", network)
    with pytest.raises(ValueError, match="2 outputs, the task 3"):
        kept(tmp_path / "m", backbone("mini_resnet", classes=2, weights=None))
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="is a file"):
        kept(tmp_path / "file")
    assert not (tmp_path / "m").exists()


class Cosine(torch.nn.Linear):
    """A head with the entries of a linear one."""

    def forward(self, features):
        unit = torch.nn.functional.normalize
        return torch.nn.functional.linear(unit(features), unit(self.weight), self.bias)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda network: setattr(network, "head", Cosine(256, 3)), "head has other layers"),
        (
            lambda network: setattr(network.stages["stage1"], "relu", torch.nn.GELU()),
            "stage1 has other layers",
        ),
        (lambda network: setattr(network, "pooling", False), "other pooling"),
    ],
)
def test_other_layers_under_the_same_names_are_not_saved(tmp_path, change, words):
    """The plain network would be loaded, and say other things."""
    network = backbone("mini_resnet", classes=3, weights=None)
    change(network)
    with pytest.raises(ValueError, match=rf"not a plain mini_resnet \({words}\)"):
        kept(tmp_path / "m", network)
    assert not (tmp_path / "m").exists()


def test_a_loaded_model_takes_its_images_as_the_saved_one_did(tmp_path):
    task, network = noise_task(), backbone("mini_resnet", classes=3, weights=None)
    network.normalisation = Normalisation((0.1, 0.2, 0.3), (0.5, 0.6, 0.7))
    save(network.eval(), tmp_path / "model", task)
    images = task.test.pixels
    assert torch.equal(load(tmp_path / "model")[0].normalise(images), network.normalise(images))


def test_a_network_of_ones_own_is_saved_and_comes_back_where_it_is_given(tmp_path):
    task, network = noise_task(), tiny_network().eval()
    network.freeze(["stage4.0", "head"]).eval()
    card = save(network, tmp_path / "model", task)
    assert (card.backbone, card.learning) == ("tiny", ("head", "stage4.0"))
    with pytest.raises(
        ValueError, match="it is of a network of one's own, tiny: give that as backbone"
    ):
        load(tmp_path / "model")
    loaded, _ = load(tmp_path / "model", backbone=tiny_network(classes=9))
    images = network.normalise(task.test.pixels)
    with torch.no_grad():
        assert torch.equal(loaded(images), network(images))
    learning = [name for name, weight in loaded.named_parameters() if weight.requires_grad]
    assert learning == ["stages.stage4.0.weight", "head.weight", "head.bias"]
    with pytest.raises(ValueError, match="damaged or foreign: "):
        load(tmp_path / "model", backbone=backbone("mini_resnet", weights=None))
    for given, why in (
        ("missing.py:make", "there is no file missing.py"),
        ("missing.here:make", "no network was found at 'missing.here:make'"),
        ("", "is empty"),
    ):
        with pytest.raises(ValueError, match=f"no network with the backbone .* given: .*{why}"):
            load(tmp_path / "model", backbone=given)


def test_a_saved_model_is_a_start_for_its_own_network_alone(tmp_path):
    task = noise_task()
    network = backbone("mini_resnet", classes=3, weights=None, mean=[0.3], std=[0.3]).eval()
    save(network, tmp_path / "model", task, strategy="partial")
    start = backbone("mini_resnet", classes=5, weights=tmp_path / "model")
    for name, value in network.stages.state_dict().items():
        assert torch.equal(value, start.stages.state_dict()[name])
    assert start.normalisation == network.normalisation
    assert start.origin == f"random, trained on {task.name} by partial"
    with pytest.raises(ValueError, match="holds a mini_resnet, not a mini_vgg: name mini_resnet"):
        backbone("mini_vgg", weights=tmp_path / "model")
    file = next((tmp_path / "model").glob("weights-*"))
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(ValueError, match=r"is damaged: weights-\w+.safetensors is not as it was"):
        backbone("mini_resnet", weights=tmp_path / "model")
