"""The class of all networks here: named stages, pooling and a head; each stage learns or is frozen."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from vtlab.models.heads import find_head_linear_layers
from vtlab.models.initialisation import NORM_LAYERS, reinitialise
from vtlab.models.normalisation import Normalisation
from vtlab.system.randomness import make_generator

STAGE_NAMES = ("stem", "stage1", "stage2", "stage3", "stage4")


@contextlib.contextmanager
def network_in_evaluation_mode(module: nn.Module) -> Iterator[None]:
    """A context in which a module is in evaluation mode; afterwards each part has its own mode again."""
    modes = {part: part.training for part in module.modules()}
    module.eval()
    try:
        yield
    finally:
        for part, mode in modes.items():
            part.training = mode


def _norm_weights(part: nn.Module) -> list[nn.Parameter]:
    return [p for m in part.modules() if isinstance(m, NORM_LAYERS) for p in m.parameters()]


def _bias_weights(part: nn.Module) -> list[nn.Parameter]:
    return [p for name, p in part.named_parameters() if name.rpartition(".")[2].endswith("bias")]


# which weights of a stage learn
WEIGHT_KINDS: dict[str, Callable[[nn.Module], list[nn.Parameter]]] = {
    "all": lambda part: list(part.parameters()),
    "norm": _norm_weights,
    "bias": _bias_weights,
}


class Network(nn.Module):
    """A backbone in named stages, pooling, and a head.

    Attributes:
        stages: Module per stage name, applied in order; feature maps `(N, C, h, w)`.
        head: `(N, D)` features to `(N, K)` outputs; a linear layer, or any module that ends in one.
        pooling: Whether the head gets the mean of each feature map, or of tokens the class
            token; else it gets all of them.
        layouts: The layout of each stage's output, one of `layouts.LAYOUTS`.
        learning_parts: Names of the stages (and "head") that learn now; the others are frozen:
            no gradient, and BatchNorm statistics that do not move, also after `.train()`.
        keep_statistics: Whether those of the learning stages do not move either.
        origin: Where the weights come from, in one phrase.
        redraw: Gives the stages' random weights for a seed, where a library draws them in its own way.

    Lesson 01; freezing in lesson 04.
    """

    def __init__(
        self,
        name: str,
        stages: Mapping[str, nn.Module],
        head: nn.Module,
        normalisation: Normalisation,
        *,
        pooling: bool = True,
        layouts: dict[str, str] | None = None,
    ) -> None:
        """Put the parts together; everything learns until `freeze` is called."""
        super().__init__()
        self.name = name
        self.stages = nn.ModuleDict(stages)
        self.head = head
        self.pooling = pooling
        self.layouts = layouts or dict.fromkeys(stages, "channels_first")
        self.normalisation = normalisation
        self.origin = "random"
        self.redraw: Callable[[int], dict[str, Tensor]] | None = None
        self.learning_parts = frozenset(self.parts)
        self.keep_statistics = False

    @property
    def stage_names(self) -> tuple[str, ...]:
        """The stages' names from the image to the head, without the head."""
        return tuple(self.stages)

    @property
    def parts(self) -> dict[str, nn.Module]:
        """The stages and the head by name, from the image to the head."""
        return {**self.stages, "head": self.head}

    @property
    def device(self) -> torch.device:
        """Where the weights are; images are moved there batch by batch."""
        return next(self.head.parameters()).device

    @property
    def output_count(self) -> int:
        """K, how many numbers the head gives for an image."""
        return find_head_linear_layers(self.head)[-1].out_features

    @property
    def frozen_prefix(self) -> int:
        """How many stages, counted from the image, are frozen before the first that learns."""
        for i, name in enumerate(self.stages):
            if name in self.learning_parts:
                return i
        return len(self.stages)

    def normalise(self, pixels: Tensor) -> Tensor:
        """Bytes `(N, 3, H, W)` as the weights expect them: float, channels last, on their device."""
        pixels = pixels.to(self.device)
        mean = torch.tensor(self.normalisation.mean, device=pixels.device).view(3, 1, 1) * 255
        std = torch.tensor(self.normalisation.std, device=pixels.device).view(3, 1, 1) * 255
        values = (pixels.float() - mean) / std
        return values.contiguous(memory_format=torch.channels_last)

    def run_stages(self, activations: Tensor, start: int, stop: int | None = None) -> Tensor:
        """The stages numbered `start` to `stop` (not included) applied to activations."""
        for stage in list(self.stages.values())[start:stop]:
            activations = stage(activations)
        return activations

    def pool(self, activations: Tensor) -> Tensor:
        """The head's inputs from the last maps `(N, D, h, w)` or tokens `(N, T, D)`: `(N, D)`, or all."""
        if not self.pooling or activations.dim() == 2:
            return activations
        return activations.mean((2, 3)) if activations.dim() == 4 else activations[:, 0]

    def classify(self, activations: Tensor) -> Tensor:
        """Outputs `(N, K)` of the last feature maps `(N, D, h, w)`, pooled already or not."""
        return self.head(self.pool(activations))  # (N, K)

    def forward(self, images: Tensor) -> Tensor:
        """Logits `(N, K)` of normalised images `(N, 3, H, W)`."""
        return self.classify(self.run_stages(images, 0))

    def freeze(
        self, learning: Iterable[str], kind: str = "all", *, keep_statistics: bool = False
    ) -> Network:
        """Let only these stages (names, with "head") learn.

        Args:
            learning: The names.
            kind: Which weights of these stages, one of `WEIGHT_KINDS`; of the head always all.
            keep_statistics: Whether BatchNorm keeps its running statistics in these stages too, and uses
                them while it trains; else each batch has its own, and the running ones follow.

        Raises:
            ValueError: If a name is not a stage of this network, or the kind is none.
        """
        learning = frozenset(learning)
        if kind not in WEIGHT_KINDS:
            raise ValueError(
                f"no kind of weights is called {kind!r}; there are {', '.join(WEIGHT_KINDS)}"
            )
        unknown = learning - self.parts.keys()
        if unknown:
            raise ValueError(
                f"{self.name} has no stage {sorted(unknown)[0]!r}; "
                f"its stages are {', '.join(self.stages)} and head"
            )
        self.learning_parts, self.keep_statistics = learning, keep_statistics
        for name, module in self.parts.items():
            # a kind says which weights of a stage learn; a head always learns whole
            module.requires_grad_(name in learning and (kind == "all" or name == "head"))
            if name in learning and name != "head":
                for weight in WEIGHT_KINDS[kind](module):
                    weight.requires_grad_(True)
        return self.train(self.training)

    def train(self, mode: bool = True) -> Network:
        """Training mode for what learns; frozen stages and kept statistics stay in evaluation mode."""
        super().train(mode)
        for name, part in self.parts.items():
            if name not in self.learning_parts:
                part.eval()
        if self.keep_statistics:
            for module in self.stages.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self

    def check_image_size(self, image_size: int) -> None:
        """Refuse a size of images (pixels a side) that the network cannot take; nothing in it changes.

        Raises:
            ValueError: If they do not go through: transformers know one size, deep networks need
                some pixels.
        """
        blank = torch.zeros(1, 3, image_size, image_size, device=self.device)
        try:
            with torch.no_grad(), network_in_evaluation_mode(self):
                self(blank)
        except (AssertionError, RuntimeError, ValueError) as error:
            raise ValueError(
                f"{self.name} does not take images of {image_size} px: {error}"
            ) from None

    def count_learning_weights(self) -> int:
        """How many weights get a gradient."""
        return sum(p.numel() for p in self.parameters() if p.requires_grad)

    def count_weights(self) -> int:
        """How many weights there are."""
        return sum(p.numel() for p in self.parameters())

    def reset_head(self, seed: int) -> None:
        """A new head, the same for a seed (see `reinitialise`).

        Raises:
            TypeError: If a module has weights for which there is no rule.
        """
        reinitialise(self.head, make_generator(seed, "head"))

    def reset_stages(self, seed: int) -> None:
        """Random stages (see `reinitialise`; timm's networks as timm draws them).

        Raises:
            TypeError: If a module has weights for which there is no rule here.
        """
        if self.redraw is None:
            reinitialise(self.stages, make_generator(seed, "stages"))
        else:
            self.stages.load_state_dict(self.redraw(seed))
        self.origin = "random"


def find_network_stage(network: nn.Module, stage: str | nn.Module | None) -> nn.Module:
    """A stage by its name, a module by its dotted path, or a module itself; None is the last stage.

    Raises:
        ValueError: If the network has none like it.
    """
    stages = getattr(network, "stages", None)
    stages = dict(stages.items()) if isinstance(stages, nn.ModuleDict) else {}
    if isinstance(stage, nn.Module):
        if all(module is not stage for module in network.modules()):
            raise ValueError(f"this {type(stage).__name__} is no part of the network")
        return stage
    if stage is None:
        if not stages:
            raise ValueError(
                f"{type(network).__name__} has no named stages: say which module, "
                "such as stage=network.layer4"
            )
        return stages[list(stages)[-1]]
    if stage in stages:
        return stages[stage]
    name = getattr(network, "name", type(network).__name__)
    parts = list(stages) or [child for child, _ in network.named_children()]
    if stages or not stage:
        raise ValueError(f"{name} has no stage {stage!r}; its stages are {', '.join(parts)}")
    try:
        return network.get_submodule(stage)
    except AttributeError as error:
        raise ValueError(f"{name} has no part {stage!r}; it has {', '.join(parts)}") from error
