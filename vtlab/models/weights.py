"""Files of weights: find, fetch, check, read (no pickle is ever run) and load them."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlparse

import torch
from torch import Tensor, nn

from vtlab.models.network import Network
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


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """A state dict from .safetensors, or from a .pth that holds nothing but tensors.

    Raises:
        ValueError: If it is not readable, no state dict, or holds NaN or infinity.
    """
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            state = load_file(path)
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about pickles that are then refused anyway
                state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # bad files raise errors of any kind
        # torch's own unpickling error has no public name, and several lines of advice
        why = (
            "it is not a plain state dict and was not loaded"
            if type(error).__name__ == "UnpicklingError"
            else f"{type(error).__name__}, {' '.join(str(error).split()) or 'it cannot be read'}"
        )
        raise ValueError(f"{path.name} is no file of weights: {why}") from error
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise ValueError(f"{path.name} is no file of weights: it is not a state dict")
    for name, values in state.items():
        if values.is_floating_point() and not values.float().isfinite().all():
            raise ValueError(f"{path.name} holds values that are no numbers ({name})")
    return state


def fill_module_with_weights(
    module: nn.Module,
    state: Mapping[str, Tensor],
    source: str,
    owner: str,
    optional: Sequence[str] = (),
) -> None:
    """Load a state dict into a module; entries that the module has not are left aside.

    Args:
        module: Filled in place.
        state: Batch counters (`num_batches_tracked`) may be missing.
        source: Where the state comes from, for the message.
        owner: What the module is, for the message.
        optional: Beginnings of the names of other entries that may be missing, or of another shape.

    Raises:
        ValueError: If an entry is missing or of another shape.
    """
    own = module.state_dict()
    fits = {k: v for k, v in state.items() if k in own and v.shape == own[k].shape}
    for name in own:
        if name in fits or name.startswith(tuple(optional)) or name.endswith("num_batches_tracked"):
            continue
        why = "of another shape" if name in state else "missing"
        raise ValueError(f"{source} does not hold {owner}: {name} is {why}")
    module.load_state_dict({**own, **fits})


def find_weights_mismatch(module: nn.Module, state: Mapping[str, Tensor]) -> str:
    """The first entry, by name, in which a state dict is not one of this module; "" if there is none."""
    own = module.state_dict()
    for name in sorted(own.keys() | state.keys()):
        if name not in own or name not in state:
            return f"{name} is {'unknown' if name not in own else 'missing'}"
        if own[name].shape != state[name].shape or own[name].dtype != state[name].dtype:
            return f"{name} has another shape or type"
    return ""


def load_stage_weights(network: Network, path: Path) -> None:
    """Fill the stages from a file; the head stays as it is.

    Args:
        network: Filled in place.
        path: A .safetensors file or a torch state dict. Half-precision weights are widened;
            entries that no stage has, such as an old head, are left aside.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged, or is of another architecture.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no weights at {path}")
    fill_module_with_weights(network.stages, read_state_dict(path), path.name, network.name)
    network.origin = path.stem


def read_weights(name: str, weights: str | Path) -> tuple[dict[str, Tensor], str]:
    """A state dict for a network of torchvision, and where it comes from in one phrase.

    Args:
        name: The network's.
        weights: "default" or the name of published weights, or a file.

    Raises:
        FileNotFoundError: If there is no such file and no such name.
        ValueError: If a file is damaged or no state dict.
        OSError: If published weights could not be fetched.
    """
    from torchvision import models

    known = models.get_model_weights(name)
    word = "DEFAULT" if str(weights).upper() == "DEFAULT" else str(weights)
    if word in known.__members__:
        entry = known[word]
        return read_state_dict(fetch_weights(name, entry.url)), f"{name} {entry.name}"
    path = Path(weights)
    if not path.is_file():
        raise FileNotFoundError(
            f"no weights at {path}; published for {name}: {', '.join(known.__members__)}"
        )
    return read_state_dict(path), path.stem


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
