"""`explain` with networks of anybody's own: what they give, their precision, what they are wrapped in."""

import contextlib
import re
import warnings
from collections import namedtuple
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from captum.attr import GuidedBackprop
from torch import nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.checkpoint import checkpoint

from vtlab.analysis.cams import METHODS, explain
from vtlab.models.backbones import backbone

IMAGES = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
Named = namedtuple("Named", ["aux", "logits"])

# methods at the pixels are called here as those at a stage
pytestmark = pytest.mark.filterwarnings("ignore:stage changes nothing here")


class Plain(nn.Module):
    """Two stages and a head, which gives its logits `(N, 3)` in some form."""

    def __init__(self, form=lambda logits: logits, classes: int = 3) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.low = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU())
        self.high = nn.Sequential(nn.Conv2d(4, 6, 3, 2, 1), nn.BatchNorm2d(6), nn.ReLU())
        self.out = nn.Linear(6, classes)
        self.form = form

    def forward(self, images):
        return self.form(self.out(self.high(self.low(images)).mean((2, 3))))


# what the network makes of its logits (N, 3)
FORMS = {
    "tensor": lambda logits: logits,
    "one value in a tuple": lambda logits: (logits,),
    "a list with maps": lambda logits: [torch.zeros(len(logits), 5, 4, 4), logits],
    "a tuple with a loss": lambda logits: (logits.sum(), logits),
    "a dict": lambda logits: {"loss": logits.sum(), "logits": logits, "features": logits[:, :2]},
    "a dict without that name": lambda logits: {"loss": logits.sum(), "scores": logits},
    "a named tuple": lambda logits: Named(logits * 2, logits),
    "an object with logits": lambda logits: SimpleNamespace(logits=logits, aux=logits * 2),
    "a map of one cell": lambda logits: logits[:, :, None, None],
}
PRECISIONS = {
    torch.float32: 1e-5,
    torch.float64: 1e-5,
    torch.float16: 0.02,
    torch.bfloat16: 0.15,  # it has eight bits: occlusion is a small difference of logits
}


@contextlib.contextmanager
def nothing(network):
    yield network


@contextlib.contextmanager
def without_gradients(network):
    with torch.no_grad():
        yield network


@contextlib.contextmanager
def in_inference_mode(network):
    with torch.inference_mode():
        yield network


@contextlib.contextmanager
def compiled(network):
    found = torch.compile(network, backend="eager")
    with torch.no_grad():  # as every user does before asking where it looks
        found(IMAGES.to(network.out.weight.dtype))
    yield found


@contextlib.contextmanager
def compiled_inside(network):
    network.high = torch.compile(network.high, backend="eager")
    with torch.no_grad():
        network(IMAGES.to(network.out.weight.dtype))
    yield network


@contextlib.contextmanager
def frozen(network):
    yield network.requires_grad_(False)


WRAPPINGS = {
    "no_grad": without_gradients,
    "inference_mode": in_inference_mode,
    "DataParallel": lambda network: nothing(nn.DataParallel(network)),
    "averaged": lambda network: nothing(AveragedModel(network)),
    "in a Sequential": lambda network: nothing(nn.Sequential(nn.Identity(), network)),
    "frozen": frozen,
}
COMPILED = {"compiled": compiled, "a part compiled": compiled_inside}


def explain_each(network, images=IMAGES, **how):
    """The maps of all methods, by name."""
    inner = next(part for part in network.modules() if isinstance(part, Plain))
    return {
        method: explain(network, images, method=method, stage=inner.high, cut=False, **how)
        for method in METHODS
    }


@pytest.fixture(scope="module")
def wanted():
    return explain_each(Plain().double().eval(), targets=1)


# every form and every wrapping in every precision; to compile takes a second each time
CASES = [
    *((form, precision, "plain") for form in FORMS for precision in PRECISIONS),
    *(("a dict", precision, wrapping) for wrapping in WRAPPINGS for precision in PRECISIONS),
    ("a dict", torch.float16, "compiled"),
    ("tensor", torch.float32, "a part compiled"),
]


@pytest.mark.parametrize(("form", "precision", "wrapping"), CASES, ids=str)
def test_maps_are_those_of_the_plain_network(form, precision, wrapping, wanted):
    network = Plain(FORMS[form]).to(precision).eval()
    with {"plain": nothing, **WRAPPINGS, **COMPILED}[wrapping](network) as wrapped:
        found = explain_each(wrapped, targets=1)
    kind = torch.float64 if precision == torch.float64 else torch.float32
    for method, maps in wanted.items():
        assert found[method].dtype == kind and not found[method].requires_grad
        worst = (found[method].double() - maps).abs().max() / maps.abs().max()
        assert worst <= PRECISIONS[precision], method


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_a_network_made_in_inference_mode_is_explained(wrapping, wanted):
    with torch.inference_mode():
        network = Plain().double().eval()
        with WRAPPINGS[wrapping](network) as wrapped:
            found = explain_each(wrapped, IMAGES.clone(), targets=torch.tensor([1, 1]))
    for method, maps in wanted.items():
        assert torch.allclose(found[method], maps, atol=1e-6)


ONE_CLASS = {
    "(N,)": lambda logits: logits[:, 0],
    "(N, 1)": lambda logits: logits,
    "squeezed": lambda logits: logits.squeeze(),
    "(N,) in a tuple": lambda logits: (logits.squeeze(1), None),
}


@pytest.mark.parametrize("images", [IMAGES, IMAGES[:1]], ids=["two", "one"])
@pytest.mark.parametrize("form", ONE_CLASS)
def test_a_network_with_one_logit_is_explained(form, images):
    wanted = explain_each(Plain(classes=1).eval(), images)
    found = explain_each(Plain(ONE_CLASS[form], classes=1).eval(), images)
    for method, maps in wanted.items():
        assert torch.equal(found[method], maps) and maps.any()


def test_a_batch_of_one_may_be_squeezed():
    wanted = explain_each(Plain().eval(), IMAGES[:1])
    found = explain_each(Plain(torch.squeeze).eval(), IMAGES[:1])
    assert all(torch.equal(found[method], wanted[method]) for method in METHODS)


def test_a_path_may_begin_with_the_wrapper():
    network = Plain().eval()
    wanted = explain(network, IMAGES, stage="high")
    for path in ("high", "module.high"):
        assert torch.equal(explain(nn.DataParallel(network), IMAGES, stage=path), wanted)
    both = torch.compile(nn.DataParallel(network), backend="eager")
    assert torch.equal(explain(both, IMAGES, stage="_orig_mod.module.high"), wanted)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("form", "words"),
    [
        (lambda logits: logits.argmax(1), "gives torch.int64: answers, .*say nothing"),
        (lambda logits: logits.mean(), r"gives \(\) for 2 images; logits are \(N, K\)"),
        (lambda logits: logits[:, :, None].expand(-1, -1, 4), r"gives \(2, 3, 4\) for 2 images"),
        (lambda logits: None, r"gives no logits \(N, K\) in a NoneType"),
        (
            lambda logits: {"a": logits, "b": logits[:, :2]},
            r"several .* in a dict \(a: \(N, 3\), b",
        ),
        (lambda logits: "cat", r"gives no logits \(N, K\) in a str"),
        (lambda logits: logits.no_such, "does not take images .* AttributeError: .*no_such"),
    ],
)
def test_a_network_without_logits_is_refused_in_words(method, form, words):
    with pytest.raises(ValueError, match=words):
        explain(Plain(form).eval(), IMAGES, method=method, stage="high")


@pytest.mark.parametrize("method", METHODS)
def test_the_first_of_several_values_is_taken_and_said(method):
    network, said = Plain(lambda logits: (logits, logits[:, :2])).eval(), []
    how = {"method": method, "stage": "high" if METHODS[method].at_stage else None, "cut": False}
    found = explain(network, IMAGES, say=said.append, **how)
    assert torch.equal(found, explain(Plain().eval(), IMAGES, **how))
    assert said == [
        "Plain gives several values (0: (N, 3), 1: (N, 2)): the first is taken for the logits"
    ]


class Patches(nn.Module):
    """A vision transformer of two blocks, read at its class token or at the mean of its patches."""

    def __init__(self, read: str, projections: str = "together") -> None:
        super().__init__()
        torch.manual_seed(2)
        self.read, self.embed = read, nn.Conv2d(3, 8, 4, 4)
        self.token = nn.Parameter(torch.randn(1, 1, 8))
        self.blocks = nn.Sequential(Block(projections), Block(projections))
        self.head = nn.Linear(8, 3)

    def forward(self, images):
        tokens = self.embed(images).flatten(2).transpose(1, 2)
        tokens = self.blocks(torch.cat([self.token.expand(len(images), -1, -1), tokens], 1))
        return self.head(tokens[:, 0] if self.read == "token" else tokens[:, 1:].mean(1))


class Block(nn.Module):
    """Attention and a hidden layer, its queries, keys and values from one projection or from three."""

    def __init__(self, projections: str) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(8), nn.LayerNorm(8)
        if projections == "together":
            self.qkv = nn.Linear(8, 24)
        else:
            self.query, self.key, self.value = (nn.Linear(8, 8) for _ in range(3))
        self.hidden = nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 8))

    def forward(self, tokens):
        normed = self.norm1(tokens)
        if hasattr(self, "qkv"):
            query, key, value = self.qkv(normed).chunk(3, 2)
        else:
            query, key, value = self.query(normed), self.key(normed), self.value(normed)
        tokens = tokens + nn.functional.scaled_dot_product_attention(query, key, value)
        return tokens + self.hidden(self.norm2(tokens))


@pytest.mark.parametrize("method", ["grad_cam", "layer_cam"])
@pytest.mark.parametrize("projections", ["together", "apart"])
def test_a_transformer_read_at_its_class_token_is_seen_where_its_patches_last_count(
    projections, method
):
    network, images, said = Patches("token", projections).eval(), torch.randn(2, 3, 16, 16), []
    how = {"method": method, "layout": "tokens", "cut": False, "targets": 1}
    found = explain(network, images, stage="blocks", say=said.append, **how)
    assert found.any() and found.shape == (2, 4, 4)
    assert torch.equal(found, explain(network, images, stage=network.blocks[1].norm1, **how))
    assert said == [
        "no place of the stage asked for reaches the logits: the map is of blocks.1.norm1, the last "
        "place in it that does"
    ]


def test_a_transformer_read_at_its_patches_is_seen_where_it_was_asked_for():
    network, images = Patches("mean").eval(), torch.randn(2, 3, 16, 16)
    found = explain(network, images, stage="blocks", layout="tokens", cut=False, targets=1)
    maps = []
    network.blocks.register_forward_hook(lambda module, inputs, output: maps.append(output))
    gradients = torch.autograd.grad(network(images)[:, 1].sum(), maps[0])[0][:, 1:].mean(1)
    by_hand = (maps[0][:, 1:] * gradients[:, None]).sum(2).unflatten(1, (4, 4))
    assert torch.allclose(found, by_hand, atol=1e-6)


def test_a_vtlab_transformer_has_a_map_by_default_and_only_a_stage_asked_for_is_spoken_of():
    pytest.importorskip("timm")
    network = backbone("timm:vit_tiny_patch16_224", classes=3, weights=None)
    images = torch.randint(0, 256, (1, 3, 224, 224), dtype=torch.uint8)
    default = explain(network, images, cut=False)  # without a word: warnings are errors here
    assert default.any()
    with pytest.warns(UserWarning, match="the map is of stages.stage4.*norm1, the last place"):
        assert torch.equal(explain(network, images, stage="stage4", cut=False), default)


@pytest.mark.parametrize("method", METHODS)
def test_maps_that_are_empty_are_spoken_of(method):
    network = Plain().eval()
    nn.init.zeros_(network.out.weight)
    text = METHODS[method].text
    with pytest.warns(UserWarning, match=f"{text} found no evidence .* 2 of 2 images, .* image 0"):
        assert not explain(network, IMAGES, method=method, stage="high").any()
    with pytest.warns(
        UserWarning, match=f"^{text} found no evidence .*: the map is zero everywhere$"
    ):
        explain(network, IMAGES[:1], method=method, stage="high")


def test_evidence_against_the_class_alone_is_spoken_of():
    network, said = nn.Sequential(nn.Conv2d(3, 1, 1), nn.Flatten(), nn.Linear(4, 2)), []
    nn.init.ones_(network[0].weight)
    network[2].weight.data = torch.tensor([[-1.0], [1.0]]).expand(2, 4).clone()
    images = torch.stack([torch.ones(3, 2, 2), -torch.ones(3, 2, 2)])
    explain(network, images, stage="0", targets=0, say=said.append)
    assert said == [
        "Grad-CAM found no evidence for the class in 1 of 2 images, first in image 0: the map is "
        "zero everywhere; cut=False shows the evidence against it"
    ]
    explain(network, images, stage="0", targets=0, cut=False)  # without a word


# a function that cuts at zero, as people write it
CUTS = {
    "nn.ReLU": nn.ReLU(),
    "in place": nn.ReLU(inplace=True),
    "torch.relu": torch.relu,
    "F.relu": nn.functional.relu,
    "F.relu in place": lambda maps: nn.functional.relu(maps, inplace=True),
    "Tensor.relu": lambda maps: maps.relu(),
    "relu_ as a statement": lambda maps: (maps.relu_(), maps)[1],
    "clamp": lambda maps: maps.clamp(min=0),
    "clamp_min": lambda maps: torch.clamp_min(maps, 0.0),
    "nn.ReLU6": nn.ReLU6(),
}


class Cut(nn.Module):
    """Two cuts, the first one a module and the other as given."""

    def __init__(self, cut) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.first, self.second = nn.Conv2d(3, 8, 3, 1, 1), nn.Conv2d(8, 8, 3, 1, 1)
        self.relu, self.cut, self.out = nn.ReLU(), cut, nn.Linear(8, 3)

    def forward(self, images):
        return self.out(self.cut(self.second(self.relu(self.first(images)))).mean((2, 3)))


@pytest.mark.parametrize("cut", CUTS)
def test_guided_backprop_guides_every_way_to_cut_at_zero_as_captum_does_modules(cut):
    theirs = GuidedBackprop(Cut(nn.ReLU()).eval())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # captum announces its hooks
        wanted = theirs.attribute(IMAGES.clone().requires_grad_(), target=1).abs().sum(1)
    found = explain(Cut(CUTS[cut]).eval(), IMAGES, method="guided_backprop", targets=1)
    assert torch.allclose(found, wanted, atol=1e-7) and found.any()


def test_guided_backprop_says_which_curves_it_passes():
    said = []
    explain(Cut(nn.SiLU()).eval(), IMAGES, method="guided_backprop", say=said.append)
    assert said == ["guided backprop guides ReLUs alone: silu of Cut pass gradients as they are"]


class Around(Plain):
    """The same network, its stages run in another way."""

    def __init__(self, run) -> None:
        super().__init__()
        self.run = run

    def forward(self, images):
        return self.run(super().forward, images)


def with_hooks():
    """A network that somebody has put hooks on, at a layer and as a whole."""
    network, seen = Plain(), []
    network.high.register_forward_hook(lambda module, inputs, output: seen.append(output))
    network.high.register_full_backward_hook(lambda module, inputs, outputs: None)
    network.register_full_backward_hook(lambda module, inputs, outputs: None)
    return network


def in_place():
    """A network whose ReLUs change what the layers before them gave."""
    network = Plain()
    for stage in (network.low, network.high):
        stage[-1].inplace = True
    return network


def with_parametrization():
    network = Plain()
    nn.utils.parametrizations.weight_norm(network.high[0])
    return network


def in_mode(mode):
    """A context around the call of a network, as a decorator of its `forward` gives it."""

    def run(forward, images):
        with mode:
            return forward(images)

    return lambda: Around(run)


def in_a_checkpoint(*, reentrant):
    return lambda: Around(
        lambda forward, images: checkpoint(forward, images, use_reentrant=reentrant)
    )


# how the network and the images of people's reports are made, and what must come out as without
SAME = {
    "hooks that are there already": (with_hooks, IMAGES),
    "ReLU in place": (in_place, IMAGES),
    "training mode, BatchNorm": (lambda: Plain().train(), IMAGES),
    "weight_norm": (with_parametrization, IMAGES),
    "images not contiguous": (Plain, IMAGES.transpose(2, 3).contiguous().transpose(2, 3)),
    "images channels last": (Plain, IMAGES.to(memory_format=torch.channels_last)),
    "images in double precision": (Plain, IMAGES.double()),
    "images that want a gradient": (Plain, IMAGES.clone().requires_grad_()),
    "traced by torch.fx": (lambda: torch.fx.symbolic_trace(Plain().eval()), IMAGES),
    "recomputed in the backward pass": (in_a_checkpoint(reentrant=False), IMAGES),
    "an outer module": (lambda: nn.ModuleDict({"model": Plain()})["model"], IMAGES),
}


@pytest.mark.parametrize("what", SAME)
def test_what_people_report_gives_the_same_maps(what, wanted):
    make, images = SAME[what]
    network = make()
    modes = [part.training for part in network.modules()]
    before = {name: value.clone() for name, value in network.state_dict().items()}
    stage = network.get_submodule("high.2")  # torch.fx goes into what holds it
    for method, maps in wanted.items():
        how = {"method": method, "stage": stage, "targets": 1, "cut": False}
        assert torch.allclose(explain(network, images, **how).double(), maps, atol=1e-6), method
    assert modes == [part.training for part in network.modules()]
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert images.grad is None and all(p.grad is None for p in network.parameters())


def test_a_batch_of_one_in_training_mode_is_explained_with_kept_statistics(wanted):
    found = explain(Plain().train(), IMAGES[:1], stage="high", targets=1, cut=False)
    assert torch.allclose(found.double(), wanted["grad_cam"][:1], atol=1e-6)


TARGETS = {
    "list of NumPy's numbers": [np.int64(1), np.int64(2)],
    "uint8": np.array([1, 2], np.uint8),
    "int32": torch.tensor([1, 2], dtype=torch.int32),
    "a column of a table": pd.Series([1, 2]),
    "range": range(1, 3),
    "list of tensors": [torch.tensor(1), torch.tensor(2)],
}


@pytest.mark.parametrize("kind", TARGETS)
def test_targets_of_every_kind_are_taken(kind):
    network, how = Plain().eval(), {"stage": "high", "cut": False}
    found = explain(network, IMAGES, targets=TARGETS[kind], **how)
    assert torch.equal(found, explain(network, IMAGES, targets=torch.tensor([1, 2]), **how))
    labelled = explain(network, IMAGES, targets="true", labels=TARGETS[kind], **how)
    assert torch.equal(found, labelled)
    first = explain(network, IMAGES, targets=np.int32(1), **how)
    assert torch.equal(found[0], first[0])


@pytest.mark.parametrize("targets", [None, ["a", "b"], {1: 2}, [None, 1]])
def test_targets_that_are_no_classes_are_named(targets):
    with pytest.raises(
        ValueError, match=f"'predicted', 'true' or classes, not {re.escape(repr(targets))}"
    ):
        explain(Plain(), IMAGES, stage="high", targets=targets)


# networks whose gradients do not come back: only occlusion works with them
NO_GRADIENT = {
    "forward without gradients": in_mode(torch.no_grad()),
    "forward in inference mode": in_mode(torch.inference_mode()),
    "detached": lambda: Around(lambda forward, images: forward(images).detach()),
    "through NumPy": lambda: Around(
        lambda forward, images: torch.from_numpy(forward(images).detach().numpy())
    ),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("what", NO_GRADIENT)
def test_a_network_without_gradients_names_the_method_that_needs_none(what, method):
    network = NO_GRADIENT[what]().eval()
    if method == "occlusion":
        wanted = explain(Plain().eval(), IMAGES, method=method, targets=1)
        assert torch.equal(explain(network, IMAGES, method=method, targets=1), wanted)
    else:
        with pytest.raises(ValueError, match='method="occlusion" needs no'):
            explain(network, IMAGES, method=method, stage=network.high)


class Meta(Plain):
    def forward(self, images, meta):
        return super().forward(images)


REFUSED = {
    "two inputs": (Meta, IMAGES, r"Meta does not take images .* missing 1 required .* 'meta'"),
    "other channels": (
        Plain,
        IMAGES[:, :1],
        r"does not take images \(2, 1, 8, 8\) of torch.float32",
    ),
    "NumPy": (Plain, IMAGES.numpy(), r"images are a tensor .*, not ndarray \(2, 3, 8, 8\)"),
    "whole numbers": (Plain, IMAGES.int(), r"as floats, .* are torch.int32"),
    "sparse": (Plain, IMAGES.to_sparse(), "not torch.sparse_coo"),
    "a stage that does not run": (
        lambda: Aside(),
        IMAGES,
        "the stage does not run when the network does",
    ),
}


class Aside(Plain):
    """A network whose stage of that name is for its training, such as an auxiliary head."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.high = self.high, nn.Conv2d(4, 3, 1)

    def forward(self, images):
        return self.out(self.body(self.low(images)).mean((2, 3)))


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_explained_is_refused_in_one_line(what):
    make, images, words = REFUSED[what]
    with pytest.raises(ValueError, match=words) as refused:
        explain(make().eval(), images, stage="high")
    assert "\n" not in str(refused.value)


def test_a_stage_that_runs_twice_shows_its_last_run_and_says_so():
    class Twice(Plain):
        def forward(self, images):
            return self.out(self.high(self.low(images) + self.low(images.flip(3))).mean((2, 3)))

    said: list[str] = []
    network = Twice().eval()
    found = explain(network, IMAGES, stage="low", cut=False, targets=1, say=said.append)
    flipped = explain(network, IMAGES.flip(3), stage="low", cut=False, targets=1, say=said.append)
    assert said == ["the stage runs 2 times: the map is of its last run"] * 2
    assert not torch.allclose(found, flipped)


def test_a_layer_that_gives_several_values_is_seen_at_the_first():
    class Pair(nn.Module):
        def __init__(self, stage) -> None:
            super().__init__()
            self.stage = stage

        def forward(self, maps):
            return self.stage(maps), None

    class First(Plain):
        def forward(self, images):
            return self.out(self.high(self.low(images))[0].mean((2, 3)))

    network = First().eval()
    network.high = Pair(network.high)
    found = explain(network, IMAGES, stage="high", cut=False)
    assert torch.equal(found, explain(Plain().eval(), IMAGES, stage="high", cut=False))
