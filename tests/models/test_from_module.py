"""Networks of one's own: as people write them, cut into stages and a head, or refused with a sentence."""

import random
import sys
import textwrap
import types
import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from vtlab.analysis.cams import grad_cam
from vtlab.models.backbones import backbone, find_backbone_image_size
from vtlab.models.network import Network
from vtlab.models.normalisation import IMAGENET_NORMALISATION
from vtlab.training.fit import fit
from vtlab.training.strategies import FOUR, surgical

KNOWN = {"mean": [0.5] * 3, "std": [0.25] * 3, "image_size": 32}  # nothing is assumed then


class Mine(nn.Module):
    """Two parts, a mean in the forward pass, a linear head."""

    def __init__(self, classes=8):
        super().__init__()
        self.low = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU())
        self.high = nn.Sequential(nn.Conv2d(8, 16, 3, 2, 1), nn.ReLU())
        self.out = nn.Linear(16, classes)

    def forward(self, x):
        return self.out(self.high(self.low(x)).mean((2, 3)))


class Tutorial(nn.Module):
    """As PyTorch's first tutorial: functional ReLUs, a `view`, three linear layers."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 6, 5), nn.Conv2d(6, 16, 5)
        self.pool = nn.MaxPool2d(2, 2)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 12), nn.Linear(12, 8), nn.Linear(8, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = x.view(-1, 16 * 5 * 5)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))


class Digits(nn.Module):
    """As PyTorch's example of MNIST: grey images of 28 px, dropout, a softmax at the end."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 8, 3)
        self.dropout = nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(8 * 12 * 12, 16), nn.Linear(16, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv2(F.relu(self.conv1(x)))), 2)
        x = F.relu(self.fc1(torch.flatten(self.dropout(x), 1)))
        return F.log_softmax(self.fc2(x), dim=1)


class Block(nn.Module):
    """With a shortcut."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(inputs, outputs, 3, 2, 1), nn.BatchNorm2d(outputs)
        self.short = nn.Conv2d(inputs, outputs, 1, 2)

    def forward(self, x):
        return F.relu(self.norm(self.conv(x)) + self.short(x))


class Residual(nn.Module):
    """Blocks one after the other, and dropout before the head."""

    def __init__(self):
        super().__init__()
        self.one, self.two, self.three = Block(3, 8), Block(8, 12), Block(12, 16)
        self.drop, self.fc = nn.Dropout(0.2), nn.Linear(16, 5)

    def forward(self, x):
        x = F.adaptive_avg_pool2d(self.three(self.two(self.one(x))), 1).flatten(1)
        return self.fc(self.drop(x))


class Wrapped(nn.Module):
    """A network inside another, whose forward pass has options."""

    def __init__(self):
        super().__init__()
        self.net = Residual()

    def forward(self, x, mask=None, *, scale=True):
        return self.net(x) if mask is None else self.net(x * mask)


class Counting(nn.Module):
    """Reads the number of images in its first line, and uses it in its last ones."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 4, 3, 2, 1), nn.Conv2d(4, 4, 3, 2, 1)
        self.fc1, self.fc2 = nn.Linear(4 * 8 * 8, 16), nn.Linear(16, 3)

    def forward(self, x):
        count = x.shape[0]
        x = F.relu(self.conv2(F.relu(self.conv1(x))).view(x.size(0), 4, 8, 8))
        return self.fc2(F.relu(self.fc1(x.view(count, -1))))


class Transformer(nn.Module):
    """A class token, places, three blocks, a norm after the token is taken."""

    def __init__(self):
        super().__init__()
        self.patch = nn.Conv2d(3, 8, 8, 8)
        self.token, self.places = (nn.Parameter(torch.randn(1, n, 8)) for n in (1, 17))
        self.blocks = nn.ModuleList(
            [nn.TransformerEncoderLayer(8, 2, 16, batch_first=True) for _ in range(3)]
        )
        self.norm, self.head = nn.LayerNorm(8), nn.Linear(8, 4)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.places
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x[:, 0]))


def in_line():
    """A plain `nn.Sequential`."""
    convolutions = [nn.Conv2d(3, 4, 3, 2, 1), nn.ReLU(), nn.Conv2d(4, 8, 3, 2, 1), nn.ReLU()]
    return nn.Sequential(*convolutions, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3))


def borrowed():
    """The children of a library's network, with a head of layers on top, as many notebooks have it."""
    from torchvision.models import squeezenet1_1

    body = squeezenet1_1(weights=None).features
    head = nn.Sequential(
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 6), nn.ReLU(), nn.Linear(6, 3)
    )
    return nn.Sequential(body, head)


# who wrote it: how, and which stages come of it
WRITTEN = {
    "two parts": (Mine, ("stem", "stage1")),
    "the tutorial": (Tutorial, ("stem", "stage1", "neck")),
    "grey digits": (Digits, ("stem", "stage1", "neck")),
    "shortcuts": (Residual, ("stem", "stage1", "stage2")),
    "a count of images": (Counting, ("stem", "stage1", "neck")),
    "one inside another": (Wrapped, ("stem", "stage1", "stage2")),
    "a transformer": (Transformer, ("stem", "stage1", "stage2", "stage3", "stage4")),
    "a plain line": (in_line, ("stem", "stage1")),
    "a borrowed body": (borrowed, ("stem", "stage1", "stage2", "stage3", "stage4", "neck")),
}


@pytest.mark.parametrize("kind", WRITTEN)
def test_what_people_write_is_cut_and_computes_what_it_computed(kind):
    build, stages = WRITTEN[kind]
    module = build().eval()
    size = {"grey digits": 28, "a borrowed body": 64}.get(kind, 32)
    grey = {"mean": [0.5], "std": [0.25]} if kind == "grey digits" else {}
    given = {**KNOWN, "image_size": size, **grey}
    whole = backbone(module, classes=None, **given).eval()
    pixels = torch.randint(0, 256, (3, 3, size, size), dtype=torch.uint8)
    images = whole.normalise(pixels)
    with torch.no_grad():
        assert torch.allclose(whole(images), module(images.contiguous()), atol=1e-5)
    network = backbone(module, classes=5, **given).eval()
    assert network.stage_names == stages and network.image_size == size
    with torch.no_grad():
        assert network(images).shape == (3, 5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # random weights may find no evidence
        assert grad_cam(network, pixels).dim() == 3
    backbone(build, classes=5, **given).reset_stages(3)  # the function draws


FORMS = {
    "half precision": (lambda: Mine().half(), "its weights are turned to float32"),
    "double precision": (lambda: Mine().double(), "its weights are turned to float32"),
    "compiled": (lambda: torch.compile(Mine(), backend="eager"), ""),
    "lazy": (
        lambda: nn.Sequential(
            nn.LazyConv2d(4, 3, 2),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.LazyLinear(3),
        ),
        "",
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_module_in_another_form_is_cut_as_well(form):
    build, words = FORMS[form]
    said = []
    network = backbone(module := build(), classes=5, say=said.append, **KNOWN)
    with torch.no_grad():
        assert network(torch.rand(2, 3, 32, 32)).dtype == torch.float32
    assert [words in line for line in said] == ([True] if words else [])
    if "precision" in form:  # one's own stays as it is
        assert next(module.parameters()).dtype != torch.float32


def test_weights_that_no_rule_draws_anew_need_the_function():
    with pytest.raises(TypeError, match="weights are token: give the function that builds"):
        backbone(Transformer(), **KNOWN).reset_stages(0)
    odd = nn.Sequential(nn.Conv2d(3, 4, 3), nn.PReLU(), nn.ConvTranspose2d(4, 4, 2))
    network = backbone(
        nn.Sequential(odd, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)), **KNOWN
    )
    before = {name: value.clone() for name, value in network.stages.state_dict().items()}
    network.reset_stages(1)
    moved = {n for n, v in network.stages.state_dict().items() if not torch.equal(v, before[n])}
    assert len(moved) >= 4  # of layers without a rule here their own way draws


def test_stages_are_named_by_modules_and_dotted_names_and_nothing_is_lost():
    network = backbone(Mine(), stages=["low", "high"], **KNOWN)
    assert network.stage_names == ("low", "high")
    dotted = backbone(Mine(), stages={"first": "low.0", "all": "high"}, **KNOWN)
    assert dotted.stage_names == ("first", "all")
    assert sum(p.numel() for p in dotted.parameters()) == sum(
        p.numel() for p in network.parameters()
    )
    left = backbone(Residual(), stages=["one", "two"], **KNOWN)
    assert left.stage_names == ("one", "two", "rest")  # `three` was not named


class Branching(nn.Module):
    """Goes another way where the images are dark."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.fc = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3), nn.Linear(4, 2)

    def forward(self, x):
        x = self.b(self.a(x)) if x.mean() > 0 else self.b(-self.a(x))
        return self.fc(x.mean((2, 3)))


class Pair(Mine):
    """Gives more than logits."""

    def forward(self, x):
        return super().forward(x), x


def four_channels():
    return nn.Sequential(nn.Conv2d(4, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 2))


REFUSED = [
    (Branching, {}, r"Branching cannot be followed block by block \(.*control flow.*give stages="),
    (Pair, {}, r"Pair gives a tuple, not logits \(N, K\)"),
    (four_channels, {}, "takes images of 4 channels; images here have 3"),
    (lambda: nn.Sequential(nn.Flatten(), nn.Linear(3072, 2)), {}, "has no part that makes maps"),
    (Mine, {"stages": ["lo"]}, "Mine has no part 'lo'; it has low, high, out"),
    (Mine, {"stages": ["high", "low"]}, "'low' ends no later than the one before it"),
    (Mine, {"stages": ["out"]}, "no stage can end with 'out'"),
    (Mine, {"stages": []}, "stages is empty"),
    (lambda: Mine().state_dict(), {}, "a state dict holds weights and no network"),
    (torch.jit.ScriptModule, {}, "TorchScript cannot be cut"),
    (Mine, {"mean": [0.5, 0.5]}, "mean is .*; it holds a finite number for each of 3 channels"),
    (Mine, {"std": [0.5, 0.5, 0]}, "std is .*above 0"),
    (Mine, {"mean": 0.5}, "mean is 0.5; it holds a finite number for each of 3 channels"),
    (Mine, {"std": "abc"}, "std is abc; it holds"),
    (Mine, {"mean": (123.7, 116.3, 103.5)}, r"mean is \(123.7, .*divide by 255"),
    (Mine, {"std": [58, 57, 57]}, "std is .*divide by 255"),
    (lambda: "resnet18", {"image_size": None, "mean": [9] * 3, "weights": None}, "divide by 255"),
    (Mine, {"image_size": "32"}, "'32' as image_size: that is no whole number"),
    (Mine, {"image_size": (32, 32)}, "as image_size: that is no whole number"),
    *((Mine, {"classes": count}, "classes") for count in (-1, 0, "3", 2.5, True, ["a", "b"])),
    (Mine, {"in_chans": 1}, "in_chans is 1; Mine takes images of 3 channels"),
    (Mine, {"in_chans": 4}, "in_chans is 4; images here have 3 channels, or 1"),
    (Tutorial, {"image_size": 64}, r"Tutorial does not take images \(2, 3, 64, 64\)"),
    (
        lambda: nn.Sequential(Mine().low, nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        {"classes": None},
        "no linear head to keep",
    ),
]


@pytest.mark.parametrize(("build", "given", "words"), REFUSED, ids=lambda value: str(value)[:20])
def test_what_cannot_be_cut_is_refused_with_what_to_do(build, given, words):
    with pytest.raises(ValueError, match=words):
        backbone(build(), say=lambda sentence: None, **(KNOWN | given))


def test_what_was_not_given_is_assumed_and_said():
    said = []
    network = backbone(Digits(), say=said.append)
    assert (network.image_size, network.channels) == (28, 1)
    assert said == [
        "Digits: images of 28 px and ImageNet's mean and std are assumed; say image_size, mean and std "
        "where its weights expect others"
    ]
    with pytest.warns(UserWarning, match="ImageNet's mean and std are assumed"):
        assert backbone(Mine(), image_size=32).normalisation == IMAGENET_NORMALISATION
    backbone(Mine(), say=said.append, **KNOWN)
    assert len(said) == 1


def test_a_body_without_a_head_gets_one_and_that_is_said():
    said = []
    body = nn.Sequential(Mine().low, Mine().high, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    network = backbone(body, classes=4, say=said.append, **KNOWN)
    assert network.head.in_features == 16 and "is not linear: it is kept" in said[0]


def test_a_norm_after_the_pooling_is_kept_and_never_learns():
    network = backbone(Transformer(), classes=5, **KNOWN).train()
    norm = network.pooler[-1]
    assert isinstance(norm, nn.LayerNorm) and not norm.training
    network.freeze([*network.stage_names, "head"])
    assert not any(weight.requires_grad for weight in norm.parameters())
    assert all(weight.requires_grad for weight in network.stages.parameters())


def test_ones_own_module_stays_as_it_is():
    module = Mine()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    network = backbone(module, classes=3, **KNOWN)
    network.reset_stages(1)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert module.out.out_features == 8


def test_weights_come_from_a_file_with_ones_own_names(tmp_path):
    trained = Mine(classes=3)
    torch.save(
        {"state_dict": {f"module.{k}": v for k, v in trained.state_dict().items()}},
        tmp_path / "c.pt",
    )
    said = []
    network = backbone(Mine(), classes=4, weights=tmp_path / "c.pt", say=said.append, **KNOWN)
    assert torch.equal(network.stages["stem"][0].weight, trained.low[0].weight)
    assert network.origin == "c" and said == ["c.pt: the entries 'state_dict.module.…' are taken"]
    torch.save(Residual().state_dict(), tmp_path / "other.pt")
    with pytest.raises(ValueError, match="other.pt does not hold Mine: low.0.weight is missing"):
        backbone(Mine(), weights=tmp_path / "other.pt", **KNOWN)
    again = backbone(network, classes=2, weights=tmp_path / "c.pt", say=said.append)
    assert torch.equal(again.stages["stem"][0].weight, trained.low[0].weight)


def test_a_function_draws_the_random_start_as_it_likes_and_the_callers_state_stays():
    def build():
        module = Mine()
        nn.init.constant_(module.low[0].bias, float(np.random.rand() + random.random()))
        return module

    network = backbone(build, **KNOWN)
    assert network.name == "build"
    states = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    network.reset_stages(1)
    one = {name: value.clone() for name, value in network.stages.state_dict().items()}
    network.reset_stages(2)
    assert not torch.equal(network.stages["stem"][0].bias, one["stem.0.bias"])
    network.reset_stages(1)
    assert all(torch.equal(v, one[name]) for name, v in network.stages.state_dict().items())
    assert torch.equal(torch.get_rng_state(), states[0]) and random.getstate() == states[2]
    assert (np.random.get_state()[1] == states[1]).all()


def test_a_function_that_reads_trained_weights_is_no_random_start():
    trained = Mine()

    def build():
        module = Mine()
        module.load_state_dict(trained.state_dict())
        return module

    network = backbone(build, **KNOWN)
    assert torch.equal(network.stages["stem"][0].weight, trained.low[0].weight)
    network.reset_stages(0)
    assert not torch.equal(network.stages["stem"][0].weight, trained.low[0].weight)


def test_a_name_says_where_the_function_stands(tmp_path, monkeypatch):
    (tmp_path / "my_networks.py").write_text(
        textwrap.dedent(
            """
            from torch import nn
            import vtlab as vt

            class Small(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.body, self.fc = nn.Conv2d(3, 4, 3, 2), nn.Linear(4, 2)

                def forward(self, x):
                    return self.fc(self.body(x).relu().mean((2, 3)))

            def make():
                return vt.backbone(Small(), image_size=32, mean=[0.5], std=[0.5], stages=["body"])

            def fail():
                raise RuntimeError("no such file")

            number = 3
            """
        )
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in ("my_networks:make", "my_networks.py:make", str(tmp_path / "my_networks.py:make")):
        network = backbone(name, classes=3)
        assert (network.name, network.stage_names, network.output_count) == (name, ("body",), 3)
        assert find_backbone_image_size(name) == 32
    for name, words in (
        ("my_networks:nothing", "no network was found at 'my_networks:nothing'"),
        ("nowhere:make", "no network was found at 'nowhere:make': No module named"),
        ("nowhere.py:make", "there is no file nowhere.py"),
        ("my_networks:number", "is a int, not a function that builds a network"),
        ("my_networks:fail", "my_networks:fail could not be built: no such file"),
        ("builtins:dict", "builtins:dict gives a dict, not a torch.nn.Module"),
    ):
        with pytest.raises(ValueError, match=words):
            backbone(name)


def test_stages_and_sizes_are_asked_of_networks_of_ones_own_alone():
    for given in ({"stages": ["layer1"]}, {"image_size": 32}):
        with pytest.raises(ValueError, match="asked of a network of your own"):
            backbone("mini_resnet", **given)
    other = backbone("mini_resnet", mean=[0.1, 0.2, 0.3], std=[0.5])
    assert other.normalisation.mean == (0.1, 0.2, 0.3) and other.normalisation.std == (0.5,) * 3


def test_a_network_is_copied_with_its_weights_and_another_head(network):
    twin = backbone(network, classes=7)
    assert isinstance(twin, Network) and twin.output_count == 7 and network.output_count == 3
    for name, value in network.stages.state_dict().items():
        assert torch.equal(value, twin.stages.state_dict()[name])
    assert torch.equal(backbone(network, classes=None).head.weight, network.head.weight)


def test_every_strategy_trains_it_and_modules_by_their_own_names_learn_alone(toy):
    given = {**KNOWN, "image_size": 16}
    for strategy in FOUR:
        network = backbone(Mine, classes=3, **given)
        before = {name: value.clone() for name, value in network.state_dict().items()}
        list(fit(network, toy, strategy, epochs=None if strategy.convex else 1))
        moved = {
            name.split(".")[1]
            for name, value in network.state_dict().items()
            if name.startswith("stages") and not torch.equal(value, before[name])
        }
        assert moved == set(strategy.learning_parts(network)) - {"head"}
    network = backbone(Mine(), classes=3, stages=["low", "high"], **given)
    surgical("low.1").freeze(network).train()
    assert network.learning_parts == {"low", "head"} and network.frozen_prefix == 0
    learning = [name for name, weight in network.named_parameters() if weight.requires_grad]
    assert learning == ["stages.low.0.1.weight", "stages.low.0.1.bias", "head.weight", "head.bias"]
    assert [part.training for part in network.stages["low"][0]] == [False, True, False]
    with pytest.raises(ValueError, match=r"Mine has no stage 'low.7'; its stages are low, high"):
        network.freeze(["low.7"])


class Declared(Mine):
    """Says in one of the usual ways which images it expects."""

    def __init__(self, **said):
        super().__init__()
        for name, value in said.items():
            setattr(self, name, value)


SAID = {
    "torchvision": ({"image_size": 48}, 48),
    "a pair": ({"img_size": (48, 48)}, 48),
    "timm": ({"pretrained_cfg": {"input_size": (3, 40, 40)}}, 40),
    "transformers": ({"config": types.SimpleNamespace(image_size=48)}, 48),
    "what it does not take": ({"image_size": 0}, None),
    "a word": ({"image_size": "large"}, None),
    "nothing": ({}, None),
}


@pytest.mark.parametrize("how", SAID)
def test_a_network_that_says_its_size_is_cut_for_it_and_nothing_is_assumed(how):
    about, size = SAID[how]
    said = []
    network = backbone(Declared(**about), say=said.append, mean=[0.5] * 3, std=[0.25] * 3)
    assert network.image_size == (size or 224)
    assert said == ([] if size else [said[0]]) and len(said) == (size is None)
    assert all("images of 224 px are assumed" in line for line in said)
