"""The small backbones that ship with the package, from torchvision's building blocks.

Each builder gives five named stages. The families share one plan, so that their feature
maps can be compared stage by stage: at 64 pixels the maps after stem and stage1 have 32 x 32
cells, after stage2 16 x 16, after stage3 and stage4 8 x 8. All of them have BatchNorm after
every convolution, so that one pretraining recipe serves them all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from vtlab.models.normalisation import GARDEN_NORMALISATION, Normalisation


def mini_vgg() -> dict[str, nn.Module]:
    """Plain 3 x 3 convolutions and max-pooling (Simonyan and Zisserman 2015), 1.5 M weights.

    The widths of `mini_resnet` without its shortcuts: what differs is the shortcut alone.
    """
    from torchvision.ops import Conv2dNormActivation as Conv

    def stage(inputs: int, outputs: int) -> list[nn.Module]:
        return [Conv(inputs, outputs), Conv(outputs, outputs)]

    return {
        "stem": nn.Sequential(Conv(3, 32), nn.MaxPool2d(2)),
        "stage1": nn.Sequential(*stage(32, 48)),
        "stage2": nn.Sequential(nn.MaxPool2d(2), *stage(48, 96)),
        "stage3": nn.Sequential(nn.MaxPool2d(2), *stage(96, 160)),
        "stage4": nn.Sequential(*stage(160, 256)),
    }


def mini_resnet() -> dict[str, nn.Module]:
    """A residual block per stage (He et al. 2016), torchvision's BasicBlock, 1.6 M weights."""
    from torchvision.models.resnet import BasicBlock

    def stage(inputs: int, outputs: int, stride: int) -> nn.Module:
        shortcut = nn.Sequential(
            nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
        )
        return BasicBlock(inputs, outputs, stride, shortcut)

    stem = nn.Sequential(
        nn.Conv2d(3, 32, 3, 2, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU(inplace=True)
    )
    return {
        "stem": stem,
        "stage1": stage(32, 48, 1),
        "stage2": stage(48, 96, 2),
        "stage3": stage(96, 160, 2),
        "stage4": stage(160, 256, 1),
    }


def mini_inception() -> dict[str, nn.Module]:
    """Four branches side by side (Szegedy et al. 2015), GoogLeNet's Inception, 1.0 M weights."""
    from torchvision.models.googlenet import Inception
    from torchvision.ops import Conv2dNormActivation as Conv

    def halve() -> nn.Module:
        return nn.MaxPool2d(3, 2, 1)

    # inputs, then outputs: 1 x 1 | squeeze, 3 x 3 | squeeze, second 3 x 3 | after pooling
    return {
        "stem": Conv(3, 32, stride=2),
        "stage1": Inception(32, 16, 24, 32, 8, 8, 8),
        "stage2": nn.Sequential(
            halve(), Inception(64, 32, 48, 64, 16, 32, 16), Inception(144, 32, 64, 96, 16, 32, 16)
        ),
        "stage3": nn.Sequential(
            halve(),
            Inception(176, 64, 80, 128, 24, 48, 32),
            Inception(272, 64, 80, 128, 24, 48, 32),
        ),
        "stage4": nn.Sequential(
            Inception(272, 96, 96, 192, 32, 64, 32), Inception(384, 96, 96, 192, 32, 64, 32)
        ),
    }


def mini_mobilenet() -> dict[str, nn.Module]:
    """Widen, filter each channel alone, narrow (Sandler et al. 2018), 0.6 M weights.

    Torchvision's InvertedResidual: a third of `mini_resnet`'s operations. Pooling halves the
    resolution and not a stride, since the gradient of a channel-wise convolution with a stride
    takes torch as long, on a CPU, as all the rest of this network.
    """
    from torchvision.models.mobilenetv2 import InvertedResidual as Block
    from torchvision.ops import Conv2dNormActivation as Conv

    # inputs, outputs, stride, how much wider inside
    return {
        "stem": Conv(3, 24, stride=2),
        "stage1": Block(24, 32, 1, 2),
        "stage2": nn.Sequential(nn.AvgPool2d(2), Block(32, 64, 1, 3), Block(64, 64, 1, 3)),
        "stage3": nn.Sequential(
            nn.AvgPool2d(2), Block(64, 112, 1, 3), Block(112, 112, 1, 3), Block(112, 112, 1, 3)
        ),
        "stage4": nn.Sequential(Block(112, 160, 1, 4), Block(160, 160, 1, 4), Conv(160, 384, 1)),
    }


@dataclass(frozen=True)
class MiniNetwork:
    """How to build a small backbone, and how its images should be.

    Attributes:
        build_stages: Builds the five stages, with weights still to be drawn or loaded.
        features: D, the channels of the last feature map.
        image_size: Side in pixels that its weights were trained with.
        normalisation: Of its images.
    """

    build_stages: Callable[[], dict[str, nn.Module]]
    features: int
    image_size: int = 64
    normalisation: Normalisation = GARDEN_NORMALISATION


MINI_NETWORKS = {
    "mini_resnet": MiniNetwork(mini_resnet, 256),
    "mini_vgg": MiniNetwork(mini_vgg, 256),
    "mini_inception": MiniNetwork(mini_inception, 384),
    "mini_mobilenet": MiniNetwork(mini_mobilenet, 384),
}
