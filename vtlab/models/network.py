"""The class of all networks here: named stages, pooling and a head; each stage learns or is frozen."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from vtlab.models.heads import find_head_linear_layers
from vtlab.models.initialisation import NORM_LAYERS, reinitialise
from vtlab.models.normalisation import Normalisation
from vtlab.system.device import autocast, resolve_bfloat16
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


class Source(NamedTuple):
    """What a network of one's own was cut out of.

    Attributes:
        module: It shares its weights.
        head: Its head's name there.
        cut: The `stages` and the `image_size` by which `vt.backbone` cuts it so again.
    """

    module: nn.Module
    head: str
    cut: dict[str, Any]


class Network(nn.Module):
    """A backbone in named stages, pooling, and a head.

    Attributes:
        name: What it is called.
        stages: Module per stage name, applied in order; feature maps `(N, C, h, w)`.
        head: `(N, D)` features to `(N, K)` outputs; a linear layer, or any module that ends in one.
        pooling: Whether the head gets the mean of each feature map, or of tokens the class
            token; else it gets all of them.
        pooler: What makes `(N, D)` of the last stage's output instead, where a network has its own way. If
            there is a normalisation in it, that never learns.
        layouts: The layout of each stage's output, one of `layouts.LAYOUTS`; "features" of one that gives
            `(N, D)`.
        image_size: Side in pixels of the images that it takes; None where its name says so.
        memory_format: How images and weights lie in memory.
        source: What it was cut out of, where it is a network of one's own.
        learning_parts: Names of the stages (and "head") that learn now; the others are frozen:
            no gradient, and BatchNorm statistics that do not move, also after `.train()`.
        learning_names: What was named to learn: these parts, or modules in them.
        keep_statistics: Whether those of the learning stages do not move either.
        frozen_by_hand: Names of weights of the stages and of the head whose `requires_grad` was switched off
            by hand: they stay frozen until it is switched on by hand.
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
        pooler: nn.Module | None = None,
        layouts: dict[str, str] | None = None,
        image_size: int | None = None,
    ) -> None:
        """Put the parts together; everything learns until `freeze` is called."""
        super().__init__()
        self.name = name
        self.stages = nn.ModuleDict(stages)
        self.head = head
        self.pooling, self.pooler = pooling, pooler and pooler.requires_grad_(False)
        self.layouts = layouts or dict.fromkeys(stages, "channels_first")
        self.normalisation, self.image_size = normalisation, image_size
        self.memory_format = torch.channels_last
        self.origin = "random"
        self.redraw: Callable[[int], dict[str, Tensor]] | None = None
        self.learning_parts = self.learning_names = frozenset(self.parts)
        self.keep_statistics = False
        self.source: Source | None = None
        self._learning_modules: dict[
            str, tuple[nn.Module, ...]
        ] = {}  # of stages that learn in part
        self.frozen_by_hand: frozenset[str] = frozenset()
        self._was_learning: dict[str, bool] = {}  # by `freeze`, each weight

    @property
    def channels(self) -> int:
        """How many channels its images have: 3, or 1 where they are turned to grey."""
        return len(self.normalisation.mean)

    @property
    def stage_names(self) -> tuple[str, ...]:
        """The stages' names from the image to the head, without the head."""
        return tuple(self.stages)

    @property
    def map_stage_names(self) -> tuple[str, ...]:
        """The names of the stages that give maps or tokens, not numbers of whole images."""
        return tuple(name for name in self.stages if self.layouts.get(name) != "features")

    @property
    def parts(self) -> dict[str, nn.Module]:
        """The stages and the head by name, from the image to the head."""
        return {**self.stages, "head": self.head}

    @property
    def device(self) -> torch.device:
        """Where the weights are; images are moved there batch by batch."""
        return next(self.head.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """The precision of the weights that images meet first."""
        floats = (p.dtype for p in self.parameters() if p.is_floating_point())
        return next(floats, torch.float32)

    def autocast(self, bfloat16: bool | None = None) -> torch.autocast:
        """A context for forward passes, in bfloat16 or not as `resolve_bfloat16` says."""
        return autocast(self.resolve_bfloat16(bfloat16), self.device)

    def resolve_bfloat16(self, bfloat16: bool | None = None) -> bool:
        """Whether forward passes are in bfloat16: as `system.device` has it, of weights in float32.

        Where None leaves it open, a network that gives a number stays in float32: three digits are few of it.
        """
        half = self.dtype == torch.float32 and resolve_bfloat16(bfloat16, self.device)
        return half and (bfloat16 is not None or self.output_count > 1)

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
        """Bytes `(N, 3, H, W)` as the weights expect them: scaled, in their precision, where they are."""
        values = pixels.to(self.device).float()
        if self.channels == 1:
            red, green, blue = values.split(1, 1)
            values = 0.299 * red + 0.587 * green + 0.114 * blue  # as Pillow and ITU-R 601 have it
        mean, std = (
            torch.tensor(numbers, device=values.device).view(-1, 1, 1) * 255
            for numbers in (self.normalisation.mean, self.normalisation.std)
        )
        values = (values - mean) / std
        return values.to(self.dtype).contiguous(memory_format=self.memory_format)

    def run_stages(self, activations: Tensor, start: int, stop: int | None = None) -> Tensor:
        """The stages numbered `start` to `stop` (not included) applied to activations."""
        for stage in list(self.stages.values())[start:stop]:
            activations = stage(activations)
        return activations

    def pool(self, activations: Tensor) -> Tensor:
        """The head's inputs from the last maps `(N, D, h, w)` or tokens `(N, T, D)`: `(N, D)`, or all."""
        if not self.pooling or activations.dim() == 2:
            return activations
        if self.pooler is not None:
            return self.pooler(activations)
        return activations.mean((2, 3)) if activations.dim() == 4 else activations[:, 0]

    def classify(self, activations: Tensor) -> Tensor:
        """Outputs `(N, K)` of the last feature maps `(N, D, h, w)`, pooled already or not."""
        return self.head(self.pool(activations))  # (N, K)

    def forward(self, images: Tensor) -> Tensor:
        """Logits `(N, K)` of normalised images `(N, 3, H, W)`."""
        return self.classify(self.run_stages(images, 0))

    def find_stages(self, name: str) -> dict[str, nn.Module]:
        """The stages that a name stands for, each with the part of it that is meant.

        Args:
            name: A stage's; or a module's in a stage ("stage4.conv1"), or, of a network of one's own, by its
                name there ("layer4.1"): it may reach over several stages.

        Raises:
            ValueError: If it has no such part; the message lists the stages.
        """
        if name in self.stages:
            return {name: self.stages[name]}
        wanted = None
        for holder in (self.stages, self.source.module if self.source else None):
            with contextlib.suppress(AttributeError):
                wanted = wanted or (name and holder and holder.get_submodule(name)) or None
        inside = [] if wanted is None else [*wanted.modules()]
        found: dict[str, nn.Module] = {}
        for stage, module in self.stages.items():
            own = {id(part) for part in module.modules()}
            if wanted is not None and id(wanted) in own:
                return {stage: wanted}
            if parts := [part for part in inside if id(part) in own]:
                found[stage] = nn.ModuleList(parts)
        if not found:
            raise ValueError(
                f"{self.name} has no stage {name!r}; its stages are {', '.join(self.stages)} and head"
            )
        return found

    def freeze(
        self, learning: Iterable[str], kind: str = "all", *, keep_statistics: bool = False
    ) -> Network:
        """Let only these stages (names, with "head") learn.

        Args:
            learning: The names; a module's name as in `find_stages` lets that part of a stage learn.
            kind: Which weights of these stages, one of `WEIGHT_KINDS`; of the head always all.
            keep_statistics: Whether BatchNorm keeps its running statistics in these stages too, and uses
                them while it trains; else each batch has its own, and the running ones follow.

        Raises:
            ValueError: If a name is not a stage of this network, or the kind is none.

        Weights that were frozen by hand before stay frozen, and a warning says so.
        """
        learning = frozenset(learning)
        if kind not in WEIGHT_KINDS:
            raise ValueError(
                f"no kind of weights is called {kind!r}; there are {', '.join(WEIGHT_KINDS)}"
            )
        parts: dict[str, list[nn.Module]] = {}
        for name in learning - {"head"}:
            for stage, module in self.find_stages(name).items():
                parts.setdefault(stage, []).append(module)
        self.notice_what_was_frozen()
        self.learning_names = learning
        whole = parts.keys() & learning
        self.learning_parts = frozenset(parts) | (learning & {"head"})
        self._learning_modules = {
            stage: tuple(found) for stage, found in parts.items() if stage not in whole
        }
        self.keep_statistics = keep_statistics
        for name, module in self.parts.items():
            # a kind says which weights of a stage learn; a head always learns whole
            module.requires_grad_(name in learning and (kind == "all" or name == "head"))
            for part in parts.get(name, ()):
                for weight in WEIGHT_KINDS[kind](part):
                    weight.requires_grad_(True)
        held = []
        for name, weight in self._named_weights():
            if name in self.frozen_by_hand and weight.requires_grad:
                weight.requires_grad_(False)
                held.append(name)
        self._was_learning = {name: w.requires_grad for name, w in self._named_weights()}
        if held:
            more = f" and {len(held) - 1} weights more" if len(held) > 1 else ""
            warnings.warn(
                f"{self.name}: {held[0]}{more} had requires_grad switched off by hand, and will not learn; "
                "requires_grad_(True) lets them learn",
                stacklevel=2,
            )
        return self.train(self.training)

    def _named_weights(self) -> list[tuple[str, nn.Parameter]]:
        return [*self.stages.named_parameters(), *self.head.named_parameters("head")]

    def notice_what_was_frozen(self) -> frozenset[str]:
        """Learn which weights a person has switched off, or on again, since `freeze` was last called."""
        now = {name: weight.requires_grad for name, weight in self._named_weights()}
        changed = {
            n: learns for n, learns in now.items() if learns != self._was_learning.get(n, True)
        }
        self._was_learning = now
        off = {name for name, learns in changed.items() if not learns}
        self.frozen_by_hand = (self.frozen_by_hand - changed.keys()) | off
        return self.frozen_by_hand

    def train(self, mode: bool = True) -> Network:
        """Training mode for what learns; frozen stages and kept statistics stay in evaluation mode."""
        super().train(mode)
        if self.pooler is not None:
            self.pooler.eval()
        for name, part in self.parts.items():
            if name not in self.learning_parts:
                part.eval()
        for name, inside in self._learning_modules.items():
            self.stages[name].eval()
            for part in inside:
                part.train(mode)
        for module in self.stages.modules():
            if isinstance(module, _BatchNorm) and (
                self.keep_statistics or self._holds_still(module)
            ):
                module.eval()
        return self

    def _holds_still(self, module: nn.Module) -> bool:
        """Whether a layer's weights were all frozen by hand: then its statistics do not move, too."""
        if not self.frozen_by_hand:
            return False
        own = {id(weight) for weight in module.parameters()}
        held = {id(w) for name, w in self.stages.named_parameters() if name in self.frozen_by_hand}
        return bool(own) and own <= held

    def make_blank(self, count: int, image_size: int) -> Tensor:
        """Images of zeros `(count, C, image_size, image_size)` as the network takes them."""
        shape = count, self.channels, image_size, image_size
        return torch.zeros(shape, dtype=self.dtype, device=self.device)

    def check_image_size(self, image_size: int) -> None:
        """Refuse a size of images (pixels a side) that the network cannot take; nothing in it changes.

        Raises:
            ValueError: If they do not go through: transformers know one size, deep networks need
                some pixels.
        """
        blank = self.make_blank(1, image_size)
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
        if self.pooler is not None:
            reinitialise(self.pooler, make_generator(seed, "pooler"))
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
        maps = network.map_stage_names if isinstance(network, Network) else ()
        return stages[(maps or list(stages))[-1]]
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
