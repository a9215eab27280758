"""Weights: find, fetch and check their files, and load them into networks."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlparse

import torch
from torch import Tensor, nn

from vtlab.models.network import Network
from vtlab.models.normalisation import Normalisation
from vtlab.models.weights_files import WeightsFile, open_weights
from vtlab.system.files import find_shipped_files
from vtlab.system.fingerprints import fingerprint_file

# how the names of the files end, by the word for them
SHIPPED_ENDINGS = {"default": "", "natural": "_natural"}


def find_shipped_weights(backbone: str, word: str | Path) -> Path | None:
    """The file of the weights that ship for a small backbone, checked; None for any other word.

    Args:
        backbone: The backbone's name.
        word: "default" (pretrained on the garden) or "natural" (on photographs).

    Raises:
        ValueError: If none ships, or it is damaged.
    """
    if str(word) not in SHIPPED_ENDINGS:
        return None
    ending = f"{SHIPPED_ENDINGS[str(word)]}.safetensors"
    path = find_shipped_files("weights") / f"{backbone}{ending}"
    if not path.is_file():
        there = sorted(p.name.removesuffix(ending) for p in path.parent.glob(f"*{ending}"))
        raise ValueError(f"no {word} weights ship for {backbone}; they do for {', '.join(there)}")
    listed = json.loads((path.parent / "sha256.json").read_text(encoding="utf-8"))
    if listed.get(path.name) != fingerprint_file(path):
        raise ValueError(
            f"{path.name} is damaged (its sha256 is not the one listed in sha256.json beside it): "
            "install vtlab again"
        )
    return path


def fill_module_with_weights(
    module: nn.Module,
    file: WeightsFile,
    owner: str,
    head: Sequence[str] = (),
    say: Callable[[str], None] = warnings.warn,
) -> None:
    """Load a file of weights into a module; says what was wrapped around them, and what is left aside.

    Args:
        module: Filled in place; half-precision weights are widened.
        file: Batch counters (`num_batches_tracked`) may be missing.
        owner: What the module is, for messages.
        head: Beginnings of the names of other entries that may be missing, or of another shape.
        say: Called with a sentence, if there is something to say.

    Raises:
        ValueError: As `WeightsFile.find`.
    """
    own, children = module.state_dict(), [name for name, _ in module.named_children()]
    found = file.find(own, owner, head, children)
    module.load_state_dict({**own, **found.state})
    if found.note:
        say(found.note)


def find_weights_mismatch(module: nn.Module, state: Mapping[str, Tensor]) -> str:
    """The first entry, by name, in which a state dict is not one of this module; "" if there is none."""
    own = module.state_dict()
    for name in sorted(own.keys() | state.keys()):
        if name not in own or name not in state:
            return f"{name} is {'unknown' if name not in own else 'missing'}"
        if own[name].shape != state[name].shape or own[name].dtype != state[name].dtype:
            return f"{name} has another shape or type"
    return ""


def load_stage_weights(
    network: Network, weights: Path | WeightsFile, say: Callable[[str], None] = warnings.warn
) -> None:
    """Fill the stages from a file; the head stays as it is.

    Args:
        network: Filled in place.
        weights: A file (see `open_weights`), or its path. Half-precision weights are widened; entries that
            belong to no stage, such as an old head, are left aside.
        say: As in `fill_module_with_weights`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged, or is of another architecture.
    """
    file = open_weights(weights) if isinstance(weights, Path) else weights
    check_saved_backbone(file, network.name)
    fill_module_with_weights(network.stages, file, network.name, say=say)
    network.origin = file.origin
    if file.card:
        network.normalisation = Normalisation(tuple(file.card["mean"]), tuple(file.card["std"]))


def check_saved_backbone(file: WeightsFile, backbone: str) -> None:
    """Refuse a model that `vt.save` wrote, where it is of another network.

    Raises:
        ValueError: With both names.
    """
    saved = file.card.get("backbone", backbone)
    if saved.partition(",")[0] != backbone.partition(",")[0]:  # timm's arguments apart
        raise ValueError(f"{file.name} holds a {saved}, not a {backbone}: name {saved} as backbone")


def open_torchvision_weights(name: str, weights: str | Path) -> tuple[WeightsFile, str]:
    """The file of weights for a network of torchvision, and where they come from in one phrase.

    Args:
        name: The network's.
        weights: "default" or the name of published weights, or a path (see `open_weights`).

    Raises:
        FileNotFoundError: If there is no such file and no such name.
        ValueError: If a file is damaged or holds no weights.
        OSError: If published weights could not be fetched.
    """
    from torchvision import models

    known = models.get_model_weights(name)
    word = "DEFAULT" if str(weights).upper() == "DEFAULT" else str(weights)
    if word in known.__members__:
        entry = known[word]
        return open_weights(fetch_weights(name, entry.url)), f"{name} {entry.name}"
    path = Path(weights)
    if not path.exists():
        raise FileNotFoundError(
            f"no weights at {path}; published for {name}: {', '.join(known.__members__)}"
        )
    file = open_weights(path)
    return file, file.origin


def find_fetched_weights(url: str) -> Path:
    """Where published weights lie once they are fetched: in torch.hub's folder."""
    return Path(torch.hub.get_dir()) / "checkpoints" / Path(urlparse(url).path).name


def fetch_weights(name: str, url: str) -> Path:
    """The file of published weights in torch.hub's folder, fetched if it is not there.

    Raises:
        OSError: If it could not be fetched whole; nothing is left behind.
        ValueError: If what is there has another hash than its name says.
    """
    import http.client

    path = find_fetched_weights(url)
    # torchvision's files end in the first digits of their sha256
    wanted = path.stem.rpartition("-")[2]
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(url, str(path), wanted, progress=False)
        except (OSError, RuntimeError, ValueError, http.client.HTTPException) as error:
            raise OSError(
                f"the weights of {name} could not be fetched ({error}): place {path.name} "
                f"from {url} in {path.parent}, or give weights=PATH, or weights=None "
                "for random ones"
            ) from None
    if not fingerprint_file(path).startswith(wanted):
        raise ValueError(f"{path} is damaged (its sha256 does not begin with {wanted}): delete it")
    return path
