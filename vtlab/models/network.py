"""A network as this package sees it: named stages, pooling, and a head, of which some parts learn."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor, nn

from vtlab.models.families import Normalisation
from vtlab.system.randomness import generator


@contextlib.contextmanager
def in_evaluation(module: nn.Module) -> Iterator[None]:
    """A block in which a module is in evaluation mode; all modes inside it are given back."""
    modes = {part: part.training for part in module.modules()}
    module.eval()
    try:
        yield
    finally:
        for part, mode in modes.items():
            part.training = mode


def _scales_and_shifts(part: nn.Module) -> list[nn.Parameter]:
    return [p for m in part.modules() if isinstance(m, NORMALISATIONS) for p in m.parameters()]


def _biases(part: nn.Module) -> list[nn.Parameter]:
    return [p for name, p in part.named_parameters() if name.rpartition(".")[2].endswith("bias")]


# which weights of a stage learn
KINDS: dict[str, Callable[[nn.Module], list[nn.Parameter]]] = {
    "all": lambda part: list(part.parameters()),
    "norm": _scales_and_shifts,
    "bias": _biases,
}


class Network(nn.Module):
    """A backbone in named stages, pooling, and a head.

    Attributes:
        stages: Module per stage name, applied in order; feature maps `(N, C, h, w)`.
        head: `(N, D)` features to `(N, K)` outputs; a linear layer, or any module that ends in one.
        pooling: Whether the head gets the mean of each feature map, or of tokens the class
            token; else it gets all of them.
        layouts: How each stage's output lies (`attribution.stages.LAYOUTS`).
        learning: Names of the stages (and "head") that learn now; the others are frozen:
            no gradient, and BatchNorm statistics that do not move, also after `.train()`.
        provenance: Where the weights come from, in one phrase.
        redraw: Gives the stages' random weights for a seed, where a library draws them in its own way.

    Lesson 01; freezing in lesson 04.
    """

    def __init__(
        self,
        name: str,
        stages: dict[str, nn.Module],
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
        self.provenance = "random"
        self.redraw: Callable[[int], dict[str, Tensor]] | None = None
        self.learning = frozenset((*stages, "head"))

    @property
    def stage_names(self) -> tuple[str, ...]:
        """The stages' names from the image to the head, without the head."""
        return tuple(self.stages)

    @property
    def device(self) -> torch.device:
        """Where the weights are; images are moved there batch by batch."""
        return next(self.head.parameters()).device

    @property
    def outputs(self) -> int:
        """How many numbers the head gives for an image, K."""
        return linear_layers(self.head)[-1].out_features

    @property
    def frozen_prefix(self) -> int:
        """How many stages, counted from the image, are frozen before the first that learns."""
        for i, name in enumerate(self.stages):
            if name in self.learning:
                return i
        return len(self.stages)

    def normalise(self, pixels: Tensor) -> Tensor:
        """Bytes `(N, 3, H, W)` as the weights expect them, float, channels last, where they are."""
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
        """What the head gets of the last maps `(N, D, h, w)` or tokens `(N, T, D)`: `(N, D)`, or all."""
        if not self.pooling or activations.dim() == 2:
            return activations
        return activations.mean((2, 3)) if activations.dim() == 4 else activations[:, 0]

    def classify(self, activations: Tensor) -> Tensor:
        """Outputs `(N, K)` of the last feature map `(N, D, h, w)`, or of what `pool` made of it."""
        return self.head(self.pool(activations))  # (N, K)

    def forward(self, images: Tensor) -> Tensor:
        """Logits `(N, K)` of normalised images `(N, 3, H, W)`."""
        return self.classify(self.run_stages(images, 0))

    def freeze(self, learning: Iterable[str], kind: str = "all") -> Network:
        """Let only these stages (names, with "head") learn.

        Args:
            learning: The names. BatchNorm statistics move in all of them.
            kind: Which weights of these stages, one of `KINDS`; of the head always all.

        Raises:
            ValueError: If a name is not a stage of this network, or the kind is none.
        """
        learning = frozenset(learning)
        if kind not in KINDS:
            raise ValueError(f"no kind of weights is called {kind!r}; there are {', '.join(KINDS)}")
        unknown = learning - {*self.stages, "head"}
        if unknown:
            raise ValueError(
                f"{self.name} has no stage {sorted(unknown)[0]!r}; "
                f"its stages are {', '.join(self.stages)} and head"
            )
        self.learning = learning
        for name, module in [*self.stages.items(), ("head", self.head)]:
            module.requires_grad_(name in learning and (kind == "all" or name == "head"))
            if name in learning and name != "head":
                for weight in KINDS[kind](module):
                    weight.requires_grad_(True)
        return self.train(self.training)

    def train(self, mode: bool = True) -> Network:
        """Training mode for what learns; frozen stages stay in evaluation mode."""
        super().train(mode)
        for name, part in [*self.stages.items(), ("head", self.head)]:
            if name not in self.learning:
                part.eval()
        return self

    def takes(self, image_size: int) -> None:
        """Ask whether images of so many pixels a side go through; weights and modes stay as they are.

        Raises:
            ValueError: If they do not: transformers know one size, and deep networks need some pixels.
        """
        blank = torch.zeros(1, 3, image_size, image_size, device=self.device)
        try:
            with torch.no_grad(), in_evaluation(self):
                self(blank)
        except (AssertionError, RuntimeError, ValueError) as error:
            raise ValueError(
                f"{self.name} does not take images of {image_size} px: {error}"
            ) from None

    def learning_weights(self) -> int:
        """How many weights get a gradient."""
        return sum(p.numel() for p in self.parameters() if p.requires_grad)

    def total_weights(self) -> int:
        """How many weights there are."""
        return sum(p.numel() for p in self.parameters())

    def reset_head(self, seed: int) -> None:
        """A new head, the same for a seed (see `draw_anew`).

        Raises:
            TypeError: If a module has weights for which there is no rule.
        """
        draw_anew(self.head, generator(seed, "head"))

    def reset_stages(self, seed: int) -> None:
        """Random stages (see `draw_anew`; timm's networks as timm draws them).

        Raises:
            TypeError: If a module has weights for which there is no rule here.
        """
        if self.redraw is None:
            draw_anew(self.stages, generator(seed, "stages"))
        else:
            self.stages.load_state_dict(self.redraw(seed))
        self.provenance = "random"


Rule = Callable[[Tensor, torch.Generator], object]


def _small(values: Tensor, random: torch.Generator) -> None:
    values.copy_(torch.randn(values.shape, generator=random) * 0.02)


def _xavier(values: Tensor, random: torch.Generator) -> None:
    drawn = torch.empty_like(values, device="cpu")  # where the generator is
    values.copy_(nn.init.xavier_uniform_(drawn, generator=random))


def _constant(number: float) -> Rule:
    return lambda values, random: values.fill_(number)


# Weights of transformers and of ConvNeXt that belong to no layer of torch, by name, as torchvision
# draws them.
_LOOSE: dict[str, Rule] = {
    "class_token": _constant(0),
    "pos_embedding": _small,
    "relative_position_bias_table": _small,
    "layer_scale": _constant(1e-6),
    "logit_scale": _constant(math.log(10)),
    "in_proj_weight": _xavier,
    "in_proj_bias": _constant(0),
}
NORMALISATIONS = (nn.modules.batchnorm._BatchNorm, nn.LayerNorm, nn.GroupNorm)


def draw_anew(part: nn.Module, random: torch.Generator) -> None:
    """Forget what a part has learnt.

    Convolutions by He's rule (He et al. 2015) with variance 2 / fan-out and a bias of 0, linear layers
    uniform in ±1/sqrt(D) (torch's default), normalisation layers at scale 1 and shift 0.

    Args:
        part: Changed in place.
        random: The weights depend on it alone.

    Raises:
        TypeError: If a module has weights for which there is no rule here.

    Lesson 03.
    """
    with torch.no_grad():
        for module in part.modules():
            if isinstance(module, nn.Linear):
                bound = module.in_features**-0.5
                for values in (module.weight, module.bias):
                    if values is not None:
                        values.copy_(torch.rand(values.shape, generator=random) * 2 * bound - bound)
            elif isinstance(module, nn.Conv2d):
                fan_out = module.weight.shape[0] * module.weight[0, 0].numel() / module.groups
                draws = torch.randn(module.weight.shape, generator=random)
                module.weight.copy_(draws * (2 / fan_out) ** 0.5)
                if module.bias is not None:
                    module.bias.zero_()
            elif isinstance(module, NORMALISATIONS):
                module.reset_parameters()
            else:
                for name, values in module.named_parameters(recurse=False):
                    if name not in _LOOSE:
                        raise TypeError(f"no rule to initialise a {type(module).__name__} anew")
                    _LOOSE[name](values, random)


def linear_layers(head: nn.Module) -> list[nn.Linear]:
    """The linear layers of a head, in the order in which they were put into it.

    Raises:
        ValueError: If there is none, so that nobody could say how many outputs it has.
    """
    found = [module for module in head.modules() if isinstance(module, nn.Linear)]
    if not found:
        raise ValueError(f"a head needs a linear layer at its end; this one is {head}")
    return found
