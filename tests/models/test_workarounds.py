import subprocess
import sys
from functools import partial

import pytest
import torch
from torch import nn

import vtlab as vt
from vtlab.models.workarounds import (
    DepthwiseConv2d,
    InPlaceReLU6,
    StridedPointwiseConv2d,
    _DepthwiseConvolution,
    apply_workarounds,
)

TRAIN = """
import torch
from vtlab.models.workarounds import apply_workarounds
layer = torch.nn.Sequential(torch.nn.Conv2d(3, 48, 1, stride=2)).to(memory_format=torch.channels_last)
apply_workarounds(layer)
images = torch.randn(4, 3, 64, 64).contiguous(memory_format=torch.channels_last)
for _ in range(20):
    layer(images).square().sum().backward()
"""


def with_workaround(layer):
    made = nn.Sequential(layer)
    apply_workarounds(made)
    return made[0]


def results(layer, maps):
    """Outputs and gradients, also of the bias."""
    inputs = maps.detach().clone().to(layer.weight.dtype).requires_grad_()
    outputs = layer(inputs)
    outputs.square().sum().backward()
    return [outputs.double(), inputs.grad.double(), *(w.grad.double() for w in layer.parameters())]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("kernel", "stride", "padding"),
    [(3, 2, 1), (5, 1, 2), (5, 2, 0), (7, 1, 3), ((3, 5), (2, 1), 1)],
)
def test_a_depthwise_convolution_in_half_precision_computes_and_learns_the_same(
    kernel, stride, padding, bias
):
    """Trained on a CPU its gradients are put together from others; the oracle is the plain layer's."""
    make = partial(nn.Conv2d, 96, 96, kernel, stride, padding, groups=96, bias=bias)
    plain, ours = make(), with_workaround(make())
    ours.load_state_dict(plain.state_dict())
    maps = torch.randn(2, 96, 15, 12)
    assert type(ours) is DepthwiseConv2d and torch.equal(ours(maps), plain(maps))
    for half, exact in zip(
        results(ours.bfloat16(), maps), results(plain.double(), maps), strict=True
    ):
        assert half.shape == exact.shape
        assert (half - exact).norm() < 0.02 * exact.norm()


def test_a_depthwise_convolution_has_a_second_gradient():
    maps = torch.randn(1, 2, 6, 5, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(2, 1, 5, 5, dtype=torch.float64, requires_grad=True)

    def run(maps, weight):
        return _DepthwiseConvolution.apply(maps, weight, None, (2, 2), (2, 2))

    torch.autograd.gradcheck(run, (maps, weight))
    torch.autograd.gradgradcheck(run, (maps, weight))


@pytest.mark.parametrize("stride", [2, (2, 3), 4])
@pytest.mark.parametrize("bias", [True, False])
def test_a_pointwise_stride_computes_and_learns_the_same(stride, bias):
    plain = nn.Conv2d(3, 20, 1, stride=stride, bias=bias)
    ours = with_workaround(nn.Conv2d(3, 20, 1, stride=stride, bias=bias))
    ours.load_state_dict(plain.state_dict())
    maps = torch.randn(2, 3, 15, 12)
    assert type(ours) is StridedPointwiseConv2d
    with torch.no_grad():
        assert torch.equal(ours(maps), plain(maps))
    for near, exact in zip(results(ours, maps), results(plain.double(), maps), strict=True):
        assert torch.allclose(near, exact, atol=1e-4)


def test_a_pointwise_stride_trains_channels_last_without_ending_the_process():
    """In a process of its own, since the plain layer's gradient takes its process with it."""
    assert subprocess.run([sys.executable, "-c", TRAIN], timeout=120).returncode == 0


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(3, 8, 1),
        nn.Conv2d(3, 8, 3, stride=2, padding=1),
        nn.Conv2d(32, 8, 1, stride=2),
        nn.Conv2d(8, 8, 3, padding=1, groups=8),
        nn.Conv2d(4, 8, 1, stride=2, padding=1),
        nn.Conv2d(8, 8, 3, 2, 1, groups=8, padding_mode="reflect"),
        nn.Conv2d(4, 8, 1, stride=2, groups=2),
        nn.Conv2d(8, 16, 3, 2, 1, groups=8),
        nn.Conv2d(8, 8, 5, padding="same", groups=8),
        nn.Conv2d(8, 8, 3, 2, 2, dilation=2, groups=8),
    ],
)
def test_other_layers_stay_what_they_are(layer):
    assert type(with_workaround(layer)) is nn.Conv2d


def kept(work):
    """Bytes that are kept for the gradient, each place in memory once, beside the result."""
    places = {}

    def see(tensor):
        places[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(see, lambda tensor: tensor):
        result = work()
    return sum(places.values()), result


def edgy(dtype=torch.float32):
    """Maps `(2, 4, 5, 3)`, channels last, whose numbers lie on both sides of 0 and 6, and on them."""
    maps = torch.linspace(-3, 9, 120).round(decimals=1).to(dtype).view(2, 4, 5, 3)
    return maps.contiguous(memory_format=torch.channels_last).requires_grad_()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_a_relu6_in_place_is_pytorchs_to_the_bit(dtype):
    weights = torch.randn(2, 4, 5, 3).to(dtype)
    found = []
    for layer in (nn.ReLU6(inplace=True), with_workaround(nn.ReLU6(inplace=True))):
        outputs = layer((maps := edgy(dtype)) * 1)
        (outputs * weights).sum().backward()
        found.append((outputs, maps.grad))
    assert type(layer) is InPlaceReLU6
    assert all(torch.equal(*pair) for pair in zip(*found, strict=True))
    assert {0, 6} <= set(edgy(dtype).flatten().tolist())


def test_a_relu6_in_place_keeps_half_as_much():
    """PyTorch keeps inputs and outputs: the square asks for the outputs."""

    def work(layer):
        maps = edgy() * 1
        return layer(maps).square(), maps

    copied, _ = kept(lambda: work(nn.ReLU6(inplace=True)))
    own, (_, maps) = kept(lambda: work(with_workaround(nn.ReLU6(inplace=True))))
    assert own == copied / 2 == maps.nbytes and maps.min() == 0


def test_a_relu6_in_place_hands_on_gradients_that_lie_as_its_maps():
    layer, maps = with_workaround(nn.ReLU6(inplace=True)), edgy() * 1
    maps.register_hook(lambda gradient: strides.append(gradient.stride()))
    strides, inside = [], maps.stride()
    layer(maps).mean((2, 3)).sum().backward()
    assert strides == [inside]


def test_a_relu6_in_place_has_a_second_gradient():
    layer = with_workaround(nn.ReLU6(inplace=True))
    torch.autograd.gradgradcheck(
        lambda maps: layer(maps * 1) ** 2, edgy(torch.float64).detach().add(0.05).requires_grad_()
    )


@pytest.mark.parametrize("kind", [nn.SiLU, nn.Hardswish])
def test_smooth_activations_are_not_copied_first(kind):
    layer = with_workaround(kind(inplace=True))
    assert torch.equal(layer(edgy()), kind()(edgy())) and not layer.inplace


def test_in_evaluation_a_relu6_in_place_is_what_exporters_know():
    """Gradients may be on there: a function of ours would be a stranger to them."""
    layer = with_workaround(nn.ReLU6(inplace=True))
    assert layer(edgy() * 1).grad_fn.name() == "_ClampInPlaceBackward"
    assert layer.eval()(edgy() * 1).grad_fn.name() == "HardtanhBackward0"


def test_backbones_have_the_workarounds():
    kinds = [type(m) for m in vt.backbone("mobilenet_v2", weights=None).modules()]
    assert kinds.count(DepthwiseConv2d) == 4 and kinds.count(InPlaceReLU6) == 35
    pytest.importorskip("timm", reason="timm is not installed")
    kinds = [type(m) for m in vt.backbone("timm:repvgg_a0", weights=None).modules()]
    assert kinds.count(StridedPointwiseConv2d) == 1
