"""Backbones: every network is named stages and a head, whatever its family.

The small ones (`families` builds their stages) ship with weights pretrained on the garden;
`mobilenet_v2` is torchvision's own network, cut into the same five stages. Shipped weights are
safetensors whose sha256 is checked at every load.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor, nn

from vtlab.families import Family, Normalisation, family
from vtlab.initialise import draw_anew, linear_layers
from vtlab.precision import best_device
from vtlab.randomness import generator


class Network(nn.Module):
    """A backbone in named stages, pooling, and a head.

    Attributes:
        stages: Module per stage name, applied in order; feature maps `(N, C, h, w)`.
        head: `(N, D)` features to `(N, K)` outputs; a linear layer, or any module that ends in one.
        pooling: Whether the head gets the mean of each feature map; else it gets the maps.
        learning: Names of the stages (and "head") that learn now; the others are frozen:
            no gradient, and BatchNorm statistics that do not move, also after `.train()`.
        provenance: Where the weights come from, in one phrase.

    Lesson 01; freezing in lesson 04.
    """

    def __init__(self, name: str, stages: dict[str, nn.Module], features: int, classes: int,
                 normalisation: Normalisation, head: nn.Module | None = None,
                 pooling: bool = True) -> None:  # fmt: skip
        """Put the parts together; everything learns until `freeze` is called."""
        super().__init__()
        self.name = name
        self.stages = nn.ModuleDict(stages)
        self.head = nn.Linear(features, classes) if head is None else head
        self.pooling = pooling
        self.normalisation = normalisation
        self.provenance = "random"
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
        """What the head gets of the last maps `(N, D, h, w)`: their means `(N, D)`, or all."""
        return activations.mean((2, 3)) if self.pooling and activations.dim() == 4 else activations

    def classify(self, activations: Tensor) -> Tensor:
        """Outputs `(N, K)` of the last feature map `(N, D, h, w)`, or of what `pool` made of it."""
        return self.head(self.pool(activations))  # (N, K)

    def forward(self, images: Tensor) -> Tensor:
        """Logits `(N, K)` of normalised images `(N, 3, H, W)`."""
        return self.classify(self.run_stages(images, 0))

    def freeze(self, learning: Iterable[str]) -> Network:
        """Let only these stages (names, with "head") learn.

        Raises:
            ValueError: If a name is not a stage of this network.
        """
        learning = frozenset(learning)
        unknown = learning - {*self.stages, "head"}
        if unknown:
            raise ValueError(
                f"{self.name} has no stage {sorted(unknown)[0]!r}; "
                f"its stages are {', '.join(self.stages)} and head"
            )
        self.learning = learning
        for name, module in [*self.stages.items(), ("head", self.head)]:
            module.requires_grad_(name in learning)
        return self.train(self.training)

    def train(self, mode: bool = True) -> Network:
        """Training mode for what learns; frozen stages stay in evaluation mode."""
        super().train(mode)
        for name, part in [*self.stages.items(), ("head", self.head)]:
            if name not in self.learning:
                part.eval()
        return self

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
        """Random stages (see `draw_anew`).

        Raises:
            TypeError: If a module has weights for which there is no rule here.
        """
        draw_anew(self.stages, generator(seed, "stages"))
        self.provenance = "random"


def backbone(name: str = "mini_resnet", *, classes: int = 2,
             weights: str | Path | None = "default", head: nn.Module | None = None,
             pooling: bool = True) -> Network:  # fmt: skip
    """A network ready to be trained on K classes.

    Args:
        name: "mini_resnet", "mini_vgg", "mini_inception", "mini_mobilenet" (64 px images), or
            "mobilenet_v2" (224 px).
        classes: K, the outputs of the new head, where `head` is not given.
        weights: "default" for the shipped ones, None for random ones, or a path to a state
            dict of the same architecture (.safetensors, or .pth read with `weights_only`).
        head: Your own module instead of a linear layer: features `(N, D)` to outputs `(N, K)`.
            Its weights are drawn anew by every strategy, but for one whose head is "kept".
        pooling: False to give it the last feature maps `(N, D, h, w)` instead of their means.

    Raises:
        ValueError: If the name is unknown, no weights ship for it, a file or the head does not fit.
        FileNotFoundError: If the file is not there.

    Lesson 01; heads in lesson 03.
    """
    made = family(name)
    with torch.random.fork_rng(devices=[]):  # constructors draw; the caller's state stays
        network = Network(name, made.stages(), made.features, classes, made.normalisation,
                          head, pooling)  # fmt: skip
    if head is None:
        network.reset_head(0)
    else:
        _try(network, made)
    if weights is None:
        network.reset_stages(0)
    elif str(weights) == "default":
        if made.shipped is None:
            raise ValueError(f"no weights ship for {name}: give a file (weights=PATH) or None")
        load_stages(network, weights_folder() / f"{made.shipped}.safetensors", check=True)
    else:
        load_stages(network, Path(weights))
    return network.to(best_device(), memory_format=torch.channels_last)


def _try(network: Network, made: Family) -> None:
    """Refuses a head that the stages' features do not fit, before anything is trained."""
    count = network.outputs
    blank = torch.zeros(2, 3, made.image_size, made.image_size)
    modes = {module: module.training for module in network.modules()}
    try:
        with torch.no_grad():
            outputs = network.eval()(blank)
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"the head does not fit features of {network.name}, "
                         f"{made.features} of them: {error}") from None  # fmt: skip
    finally:
        for module, mode in modes.items():
            module.training = mode
    if outputs.shape != (2, count):
        raise ValueError(f"the head turns 2 images into {tuple(outputs.shape)}, not into (2, {count})")


def weights_folder() -> Path:
    """Where the shipped weights are: inside an installed package, or `data/` of a clone."""
    here = Path(__file__).parent
    packed = here / "data" / "weights"
    return packed if packed.is_dir() else here.parent / "data" / "weights"


def sha256(path: Path) -> str:
    """The file's sha256 as hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


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
        _check(path)
    state = _read(path)
    own = network.stages.state_dict()
    if network.name == "mobilenet_v2" and any(k.startswith("features.") for k in state):
        state = _from_torchvision(network, state)
    missing = [k for k in own if k not in state and not k.endswith("num_batches_tracked")]
    wrong = [k for k in own if k in state and state[k].shape != own[k].shape]
    if missing or wrong:
        raise ValueError(f"{path.name} does not hold {network.name}: {(missing or wrong)[0]} "
                         f"is {'missing' if missing else 'of another shape'}")  # fmt: skip
    # half-precision files are widened; entries such as an old head are left aside
    network.stages.load_state_dict({k: state.get(k, own[k]).to(own[k].dtype) for k in own})
    network.provenance = path.stem


def _check(path: Path) -> None:
    listed = json.loads((path.parent / "sha256.json").read_text(encoding="utf-8"))
    if listed.get(path.name) != sha256(path):
        raise ValueError(
            f"{path.name} is damaged (its sha256 is not the one listed in sha256.json beside it): "
            "install vtlab again"
        )


def _read(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about pickles that are then refused anyway
            state = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, OSError, RuntimeError, ValueError, EOFError, KeyError) as error:
        raise ValueError(f"{path.name} is not a readable weights file") from error
    except Exception as error:  # torch's own unpickling error has no public name
        if type(error).__name__ != "UnpicklingError":
            raise
        raise ValueError(f"{path.name} is not a plain state dict and was not loaded") from error
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise ValueError(f"{path.name} is not a state dict")
    return state


def _from_torchvision(network: Network, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Keys `features.12.conv…` as `stage3.5.conv…`: the blocks keep their order."""
    blocks = [(name, i) for name, stage in network.stages.items() for i in range(len(stage))]
    renamed = {}
    for key, value in state.items():
        if key.startswith("features."):
            _, number, rest = key.split(".", 2)
            if int(number) < len(blocks):
                stage, i = blocks[int(number)]
                renamed[f"{stage}.{i}.{rest}"] = value
    return renamed
