"""Files of weights as trainers write them: what is wrapped around one small network is taken off, and said."""

import argparse
import collections
import pathlib
import types

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from vtlab.models.weights_files import open_weights, read_model_card


class Tiny(nn.Module):
    """Named as a ResNet: a stem, two stages, and a head."""

    def __init__(self, blocks=1, classes=3, channels=3):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 4, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(4)
        self.relu = nn.ReLU()
        self.layer1 = nn.Sequential(*(nn.Conv2d(4, 4, 3) for _ in range(blocks)))
        self.fc = nn.Linear(4, classes)


NETWORK = Tiny()
STATE = NETWORK.state_dict()
MEAN = {name: value + 1 for name, value in STATE.items()}
BODY = {name: value for name, value in STATE.items() if not name.startswith("fc.")}
NUMBERED = nn.Sequential(*NETWORK.children()).state_dict()
ARGS = argparse.Namespace(lr=0.1, output=pathlib.PurePosixPath("runs/1"))


def under(prefix, state=STATE):
    return {prefix + name: value for name, value in state.items()}


class Config(dict):
    """As a trainer's own dict of settings."""


class Trainer:
    """As an object of a trainer that holds the network whole."""

    def __init__(self, model):
        self.model = model


# what lies in the file, and what a user reads
WRAPPED = {
    "a plain state dict": (STATE, ""),
    "half precision": ({name: value.half() for name, value in STATE.items()}, ""),
    "a body without head": (BODY, ""),
    "a head of another shape": ({**STATE, "fc.weight": torch.zeros(1000, 4)}, ""),
    "a head of layers": (
        {**BODY, "fc.0.weight": torch.zeros(2, 4), "fc.2.weight": torch.zeros(3, 2)},
        "",
    ),
    "no counters": ({k: v for k, v in STATE.items() if "num_batches" not in k}, ""),
    "DataParallel": (under("module."), "'module.…' are taken"),
    "torch.compile": (under("_orig_mod."), "'_orig_mod.…' are taken"),
    "compiled and parallel": (under("module._orig_mod."), "'module._orig_mod.…' are taken"),
    "a compiled part": (
        {name.replace("layer1.", "layer1._orig_mod."): value for name, value in STATE.items()},
        "'_orig_mod.' is taken out of the names",
    ),
    "a parallel part, as AlexNet's in pytorch/examples": (
        {name.replace("layer1.", "layer1.module."): value for name, value in STATE.items()},
        "'module.' is taken out of the names",
    ),
    "pytorch/examples": (
        {
            "epoch": 3,
            "arch": "tiny",
            "state_dict": under("module."),
            "optimizer": {"state": {0: STATE}},
        },
        "'state_dict.module.…' are taken$",
    ),
    "the tutorial": (
        {"model_state_dict": STATE, "optimizer_state_dict": {"state": {}}, "loss": 0.3},
        "'model_state_dict.…' are taken$",
    ),
    "model_state": ({"model_state": STATE}, "model_state"),
    "net": ({"net": under("module."), "acc": 93.1, "epoch": 1}, "'net.module.…'"),
    "ignite": (
        {"model": STATE, "trainer": {"iteration": torch.tensor(4)}},
        "'trainer.iteration' left aside",
    ),
    "Lightning": (
        {
            "pytorch-lightning_version": "2.2.0",
            "state_dict": {**under("model."), "criterion.weight": torch.ones(3)},
            "hyper_parameters": Config(lr=0.1),
        },
        "'state_dict.model.…' are taken; 'state_dict.criterion.weight' left aside",
    ),
    "fastai's learn.save": ({"model": STATE, "opt": {}}, "'model.…' are taken"),
    "fastai's body of children": (
        {"model": under("0.", NUMBERED), "opt": {}},
        "'model.0.…' are taken; its parts have numbers",
    ),
    "children without names": (
        under("backbone.", NUMBERED),
        "'backbone.…' are taken; its parts have numbers",
    ),
    "fastai's learn.export": (Trainer(NETWORK), "'model.…' are taken"),
    "a module saved whole": (NETWORK, ""),
    "a parallel module saved whole": (nn.DataParallel(NETWORK), "'module.…' are taken"),
    "MMPretrain": (
        {
            "meta": {"config": "x"},
            "state_dict": {**under("backbone.", BODY), "head.fc.weight": torch.ones(3)},
        },
        "'state_dict.backbone.…' are taken; 'state_dict.head.fc.weight' left aside",
    ),
    "a segmentation network": (
        {
            "model": {
                **under("backbone.", BODY),
                "decoder.weight": torch.ones(2),
                "decoder.bias": torch.ones(2),
            }
        },
        "'model.decoder.weight' and 1 more left aside",
    ),
    "a detector": (under("backbone.body.", BODY), "'backbone.body.…'"),
    "MoCo": (
        {
            "state_dict": {
                **under("module.encoder_q."),
                **under("module.encoder_k."),
                "module.queue": torch.ones(2),
            }
        },
        "'state_dict.module.encoder_q.…' are taken; 'state_dict.module.encoder_k.…' would fit as well; "
        "'state_dict.module.queue' left aside",
    ),
    "CLIP's tower": (under("visual.trunk."), "'visual.trunk.…'"),
    "numbers of NumPy's": (
        {"state_dict": STATE, "best": np.float64(0.9), "log": np.ones(3)},
        "'state_dict.…'",
    ),
    "a defaultdict": ({"model": STATE, "log": collections.defaultdict(list, a=[1])}, "'model.…'"),
    "a state dict and its epoch": ([STATE, 3], "'0.…'"),
    "pruned": (
        {"conv1.weight_orig": 2 * STATE["conv1.weight"], "conv1.weight_mask": torch.tensor(0.5)}
        | {name: value for name, value in STATE.items() if name != "conv1.weight"},
        "1 pruned weights are multiplied by their masks",
    ),
    "settings of any class": (
        {"model": STATE, "args": ARGS, "cfg": Config(a=Config(b=2))},
        "'model.…'",
    ),
}
# as above, of files that also hold a running mean of the weights, which is taken
AVERAGED = {
    "torchvision's script": (
        {
            "model": STATE,
            "model_ema": {**under("module.", MEAN), "n_averaged": torch.tensor(3)},
            "args": ARGS,
        },
        "'model_ema.module.…' are taken; 'model.…' would fit as well$",
    ),
    "timm's script": (
        {"arch": "tiny", "state_dict": STATE, "state_dict_ema": MEAN, "args": ARGS},
        "'state_dict_ema.…' are taken; 'state_dict.…' would fit as well$",
    ),
    "MMPretrain's EMA": (
        {"state_dict": STATE, "ema_state_dict": under("module.", MEAN)},
        "'ema_state_dict.module.…'",
    ),
    "DINO": (
        {"student": under("module.backbone."), "teacher": under("backbone.", MEAN), "args": ARGS},
        "'teacher.backbone.…' are taken; 'student.module.backbone.…' would fit",
    ),
    "YOLO's": ({"model": Trainer(NETWORK), "ema": {"module": MEAN}}, "'ema.module.…' are taken"),
}


def find(path, network=NETWORK):
    children = [name for name, _ in network.named_children()]
    return open_weights(path).find(network.state_dict(), "tiny", ["fc."], children)


@pytest.mark.filterwarnings("ignore::UserWarning")  # pickling a DataParallel
@pytest.mark.parametrize("kind", [*WRAPPED, *AVERAGED])
def test_what_trainers_wrap_around_weights_is_taken_off_and_said(tmp_path, kind):
    content, words = (WRAPPED | AVERAGED)[kind]
    torch.save(content, tmp_path / "mine.pth")
    found = find(tmp_path / "mine.pth")
    expected = MEAN if kind in AVERAGED else STATE
    for name in BODY:
        if "num_batches" not in name:
            assert torch.allclose(found.state[name].float(), expected[name], atol=1e-3), name
    assert bool(found.note) == bool(words)
    if words:
        assert found.note.startswith("mine.pth: ") and "\n" not in found.note
        assert __import__("re").search(words.replace(".", r"\."), found.note)


def test_an_old_head_that_fits_is_among_them(tmp_path):
    torch.save(under("module."), tmp_path / "mine.pth")
    assert torch.equal(find(tmp_path / "mine.pth").state["fc.weight"], STATE["fc.weight"])


def test_safetensors_are_read_by_the_same_rules(tmp_path):
    save_file({f"timm_model.{k}": v for k, v in STATE.items()}, tmp_path / "model.safetensors")
    found = find(tmp_path / "model.safetensors")
    assert torch.equal(found.state["conv1.weight"], STATE["conv1.weight"])
    assert found.note == "model.safetensors: the entries 'timm_model.…' are taken"


def test_a_files_content_and_not_its_ending_says_how_it_is_read(tmp_path):
    save_file(STATE, tmp_path / "a.bin")
    torch.save(STATE, tmp_path / "b.safetensors")
    for name in ("a.bin", "b.safetensors"):
        found = find(tmp_path / name)
        assert torch.equal(found.state["conv1.weight"], STATE["conv1.weight"])


REFUSED = {
    "a deeper sibling": (
        Tiny(blocks=3).state_dict(),
        "more than tiny: 'layer1.1.weight' and 3 entries more",
    ),
    "a deeper sibling, wrapped": (
        {"arch": "tiny3", "state_dict": under("module.", Tiny(blocks=3).state_dict())},
        r"'state_dict.module.layer1.1.weight'.*no place in it.*the file names 'tiny3'",
    ),
    "one entry too many in a stage": (
        {**STATE, "layer1.0.se.weight": torch.ones(2)},
        "'layer1.0.se.weight' has no place",
    ),
    "one entry too few": (
        {k: v for k, v in STATE.items() if k != "layer1.0.bias"},
        "does not hold tiny: layer1.0.bias is missing",
    ),
    "another width": (
        {**STATE, "layer1.0.weight": torch.zeros(8, 4, 3, 3)},
        r"layer1.0.weight is of another shape, \(8, 4, 3, 3\) where tiny has \(4, 4, 3, 3\)",
    ),
    "a network for grey images": (
        Tiny(channels=1).state_dict(),
        "it takes grey images: say in_chans=1",
    ),
    "weights in integers": (
        {k: v.to(torch.int8) for k, v in STATE.items()},
        "conv1.weight is of another kind, torch.int8",
    ),
    "another family": (
        {"embed.weight": torch.ones(2), "blocks.0.weight": torch.ones(2)},
        "conv1.weight is missing, and so is all else; there are 2 entries such as 'embed.weight'",
    ),
    "an optimiser alone": ({"optimizer": {"state": {0: STATE}}}, "is no file of weights"),
    "a value that is no number": (
        {**STATE, "bn1.bias": torch.full((4,), torch.nan)},
        r"no numbers \(bn1.bias\)",
    ),
    "settings alone": (
        {"args": ARGS, "epoch": 3},
        "is no file of weights: it is not a plain state dict",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_another_networks_is_refused_by_the_entrys_name(tmp_path, kind):
    content, words = REFUSED[kind]
    torch.save(content, tmp_path / "mine.pth")
    with pytest.raises(ValueError, match=words) as error:
        find(tmp_path / "mine.pth")
    assert str(error.value).startswith("mine.pth ") and "\n" not in str(error.value)


def test_a_longer_line_of_layers_without_names_is_a_deeper_network(tmp_path):
    short, long = (
        nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 3)),
        nn.Sequential(*(nn.Linear(2, 2) for _ in range(4))),
    )
    torch.save(long.state_dict(), tmp_path / "long.pth")
    with pytest.raises(ValueError, match=r"more than short: '2.weight' and 3 entries more"):
        open_weights(tmp_path / "long.pth").find(short.state_dict(), "short", ["1."])


def test_code_in_a_file_never_runs_and_a_blocked_module_is_refused(tmp_path):
    class Code:
        def __reduce__(self):
            return exec, ("raise SystemExit('code ran')",)

    class Shell:
        def __reduce__(self):
            return __import__("os").system, ("exit 7",)

    torch.save({"state_dict": STATE, "hook": Code()}, tmp_path / "code.pth")
    assert find(tmp_path / "code.pth").note == "code.pth: the entries 'state_dict.…' are taken"
    torch.save({"state_dict": STATE, "hook": Shell()}, tmp_path / "shell.pth")
    with pytest.raises(
        ValueError, match="shell.pth is no file of weights: it is not a plain state dict"
    ):
        open_weights(tmp_path / "shell.pth")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("model.h5", "its format is Keras"),
        ("model.onnx", "ONNX"),
        ("x.npz", "NumPy"),
        ("flax.msgpack", "Flax"),
    ],
)
def test_files_of_other_libraries_are_named(tmp_path, name, words):
    (tmp_path / name).write_bytes(b"anything")
    with pytest.raises(ValueError, match=rf"^{name} is no file of weights for PyTorch: .*{words}"):
        open_weights(tmp_path / name)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "git lfs pull"),
        ("\n<!DOCTYPE html>\n<title>Sign in</title>", "it is a web page"),
        ("<html>Not found</html>", "it is a web page"),
    ],
)
def test_what_a_download_left_in_place_of_weights_is_named(tmp_path, content, words):
    (tmp_path / "model.pth").write_text(content)
    with pytest.raises(ValueError, match=f"^model.pth is no file of weights: .*{words}"):
        open_weights(tmp_path / "model.pth")


@pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning")
def test_a_torchscript_program_is_named(tmp_path):
    script = types.SimpleNamespace(path=tmp_path / "script.pt")
    torch.jit.save(torch.jit.script(nn.Linear(2, 2)), script.path)
    with pytest.raises(
        ValueError, match="script.pt is no file of weights: it is a TorchScript program"
    ):
        open_weights(script.path)


def test_a_folder_is_asked_for_its_only_file_and_else_says_what_is_in_it(tmp_path):
    with pytest.raises(ValueError, match="is a folder without weights"):
        open_weights(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    save_file(STATE, tmp_path / "model.safetensors")
    assert open_weights(tmp_path).name == "model.safetensors"
    torch.save(STATE, tmp_path / "pytorch_model.bin")
    with pytest.raises(
        ValueError, match="several files of weights, model.safetensors, pytorch_model.bin: name one"
    ):
        open_weights(tmp_path)
    with pytest.raises(FileNotFoundError, match="no weights at .*none"):
        open_weights(tmp_path / "none")
    assert read_model_card(tmp_path) == {}


def test_a_state_dict_with_other_values_in_it_has_its_tensors(tmp_path):
    torch.save({**STATE, "version": 3}, tmp_path / "mine.pth")
    assert open_weights(tmp_path / "mine.pth").entries.keys() == STATE.keys()
