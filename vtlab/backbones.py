"""Backbones: every network is named stages and a head, whatever its family.

The small ones (`families` builds their stages) ship with weights pretrained on the garden; the
others are torchvision's and timm's own networks, cut into the same five stages
(`torchvision_models`, `timm_models`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from torch import Tensor, nn

from vtlab import timm_models, torchvision_models
from vtlab.families import FAMILIES, Family, Normalisation
from vtlab.initialise import NORMALISATIONS, draw_anew, linear_layers
from vtlab.precision import best_device
from vtlab.randomness import generator
from vtlab.weights import check_sha256, published_or_file, read_state, weights_folder


def _scales_and_shifts(part: nn.Module) -> list[nn.Parameter]:
    return [p for m in part.modules() if isinstance(m, NORMALISATIONS) for p in m.parameters()]


def _biases(part: nn.Module) -> list[nn.Parameter]:
    return [p for name, p in part.named_parameters() if name.rpartition(".")[2].endswith("bias")]


# which weights of a stage learn
KINDS: dict[str, Callable[[nn.Module], list[nn.Parameter]]] = {
    "all": lambda part: list(part.parameters()), "norm": _scales_and_shifts, "bias": _biases,
}  # fmt: skip


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

    def __init__(self, name: str, stages: dict[str, nn.Module], head: nn.Module,
                 normalisation: Normalisation, *, pooling: bool = True,
                 layouts: dict[str, str] | None = None) -> None:  # fmt: skip
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
        modes = {module: module.training for module in self.modules()}
        blank = torch.zeros(1, 3, image_size, image_size, device=self.device)
        try:
            with torch.no_grad():
                self.eval()(blank)
        except (AssertionError, RuntimeError, ValueError) as error:
            raise ValueError(f"{self.name} does not take images of {image_size} px: {error}") from None
        finally:
            for module, mode in modes.items():
                module.training = mode

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


def family(name: str) -> Family:
    """How to build the backbone of that name: one of ours, torchvision's, or, after `timm:`, timm's.

    Raises:
        ValueError: If there is none.
    """
    if name in FAMILIES:
        return FAMILIES[name]
    if name.startswith(timm_models.PREFIX):
        known = name.removeprefix(timm_models.PREFIX)
        return Family(None, None, timm_models.image_size(known), timm_models.normalisation(known), None)
    if name not in torchvision_models.names():
        raise ValueError(f"unknown backbone {name!r}; there are {', '.join(FAMILIES)}, "
                         "torchvision's classification networks, such as resnet18, and timm's, such as "
                         "timm:convnext_atto")  # fmt: skip
    size = torchvision_models.image_size(name)
    return Family(None, None, size, torchvision_models.normalisation(name), None)


def backbone(name: str = "mini_resnet", *, classes: int | None = 2,
             weights: str | Path | None = "default", head: nn.Module | None = None,
             pooling: bool = True) -> Network:  # fmt: skip
    """A network ready to be trained on K classes.

    Args:
        name: "mini_resnet", "mini_vgg", "mini_inception", "mini_mobilenet" (64 px images), or
            any classification network of torchvision, such as "resnet50", or of timm (which is
            installed apart), such as "timm:convnext_atto".
        classes: K, the outputs of the new linear head, where `head` is not given. None keeps
            the head that a network of torchvision or timm was trained with.
        weights: "default" for the shipped or published ones, None for random ones, the name of
            published ones ("IMAGENET1K_V2"; of timm's that name is part of the network's,
            "timm:resnet50.a1_in1k"), or a path to a state dict of the same architecture
            (.safetensors, or .pth read with `weights_only`). Published ones are fetched once,
            torchvision's into torch.hub's folder, where their hash is checked, and timm's into the
            folder of the Hugging Face hub.
        head: Your own module instead of a linear layer: features `(N, D)` to outputs `(N, K)`.
            Its weights are drawn anew by every strategy, but for one whose head is "kept".
        pooling: False to give it the last feature maps `(N, D, h, w)` instead of their means.

    Raises:
        ValueError: If the name is unknown, no weights ship for it, a file or the head does not fit.
        FileNotFoundError: If a file is not there.
        OSError: If published weights could not be fetched; the message says which file to place where.

    Lesson 01; heads in lesson 03.
    """
    made = family(name)
    with torch.random.fork_rng(devices=[]):  # constructors draw; the caller's state stays
        make = _small if name in FAMILIES else _of_timm if ":" in name else _borrowed
        network = make(name, made, classes, weights)
        if head is not None:
            network.head = head
        network.pooling = pooling and network.pooling
    if head is not None:
        _try(network, made)
    elif classes is not None:
        network.reset_head(0)
    return network.to(best_device(), memory_format=torch.channels_last)


def _small(name: str, made: Family, classes: int | None, weights: str | Path | None) -> Network:
    """One of ours; its head is still to be drawn."""
    if classes is None:
        raise ValueError(f"no old head is kept of {name}: say how many classes")
    network = Network(name, made.stages(), nn.Linear(made.features, classes), made.normalisation)
    if weights is None:
        network.reset_stages(0)
    elif str(weights) == "default":
        load_stages(network, weights_folder() / f"{made.shipped}.safetensors", check=True)
    else:
        load_stages(network, Path(weights))
    return network


def _borrowed(name: str, made: Family, classes: int | None, weights: str | Path | None) -> Network:
    """One of torchvision's, with its old head or a linear one that is still to be drawn."""
    model, provenance = torchvision_models.build(name), "random"
    if weights is not None:
        state, provenance = published_or_file(name, weights)
        torchvision_models.fill(model, state, provenance, old_head=classes is None)
    parts = torchvision_models.cut(model, made.image_size)
    head = parts.tail if classes is None else nn.Linear(parts.features, classes)
    network = Network(name, parts.stages, head, made.normalisation, pooling=classes is not None,
                      layouts=parts.layouts)  # fmt: skip
    if weights is None:
        network.reset_stages(0)
    network.provenance = provenance
    return network


def _of_timm(name: str, made: Family, classes: int | None, weights: str | Path | None) -> Network:
    """One of timm's, with its old head or a linear one that is still to be drawn."""
    known, old_head = name.removeprefix(timm_models.PREFIX), classes is None
    published = weights is not None and str(weights).lower() == "default"
    model = timm_models.build(known, pretrained=published)
    provenance = f"{name} {model.pretrained_cfg.get('tag', '')}".strip() if published else "random"
    if weights is not None and not published:
        provenance = timm_models.fill(model, weights, old_head=old_head)
    parts = timm_models.cut(model, made.image_size, old_head=old_head)
    head = parts.tail if old_head else nn.Linear(parts.features, classes)
    network = Network(name, parts.stages, head, made.normalisation, pooling=not old_head,
                      layouts=parts.layouts)  # fmt: skip

    def redraw(seed: int) -> dict[str, Tensor]:
        drawn = timm_models.cut(timm_models.build(known, seed=seed), made.image_size, old_head=old_head)
        return nn.ModuleDict(drawn.stages).state_dict()

    network.redraw, network.provenance = redraw, provenance
    return network


def _try(network: Network, made: Family) -> None:
    """Refuses a head that the stages' features do not fit, before anything is trained."""
    count = network.outputs
    blank = torch.zeros(2, 3, made.image_size, made.image_size)
    width = list(network.stages.parameters())[-1].shape[0]
    modes = {module: module.training for module in network.modules()}
    try:
        with torch.no_grad():
            outputs = network.eval()(blank)
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"the head does not fit features of {network.name}, "
                         f"{width} of them: {error}") from None  # fmt: skip
    finally:
        for module, mode in modes.items():
            module.training = mode
    if outputs.shape != (2, count):
        raise ValueError(f"the head turns 2 images into {tuple(outputs.shape)}, not into (2, {count})")


def load_stages(network: Network, path: Path, *, check: bool = False) -> None:
    """Fill the stages from a file; the head stays as it is.

    Args:
        network: Filled in place.
        path: A .safetensors file or a torch state dict.
        check: Compare with the sha256 in `sha256.json` beside the file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged, or is of another architecture.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no weights at {path}")
    if check:
        check_sha256(path)
    state = read_state(path)
    own = network.stages.state_dict()
    missing = [k for k in own if k not in state and not k.endswith("num_batches_tracked")]
    wrong = [k for k in own if k in state and state[k].shape != own[k].shape]
    if missing or wrong:
        raise ValueError(f"{path.name} does not hold {network.name}: {(missing or wrong)[0]} "
                         f"is {'missing' if missing else 'of another shape'}")  # fmt: skip
    # half-precision files are widened; entries such as an old head are left aside
    network.stages.load_state_dict({k: state.get(k, own[k]).to(own[k].dtype) for k in own})
    network.provenance = path.stem
