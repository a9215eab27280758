"""What a file of weights holds, and whose they are: common trainers' wrappings are taken off, and said.

Trainers write more than a state dict: optimisers, running means of the weights, names that begin with `module.`
or `backbone.`, whole modules. A file is read without running any of its code, its state dicts are found, and
the one is taken whose names and shapes are the network's.
"""

from __future__ import annotations

import contextlib
import re
import warnings
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import torch
from torch import Tensor

from vtlab.system.fingerprints import fingerprint_file
from vtlab.system.sealing import unseal_json

CARD_FILE = "card.json"  # beside the weights of a model that `vt.save` wrote
ENDINGS = (".safetensors", ".pth", ".pt", ".ckpt", ".bin", ".tar", ".pkl")
MAX_DEPTH = 40  # of dicts and modules inside one another
# modules that wrap others and leave their names: DataParallel, torch.compile, FSDP, activation checkpointing
_WRAPPERS = re.compile(
    r"(?:^|(?<=\.))(?:module|_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\."
)
# a running mean of the weights comes first where a file has both, as in timm and DINO
_MEAN_WORDS = {"ema", "teacher", "averaged", "swa"}
_COUNTERS = ("num_batches_tracked", "n_averaged")
_OLD_HEAD = re.compile(r"(?:^|\.)(?:head|heads|fc|classifier|last_linear)(?:\.|$)")
_NO_WEIGHTS = {  # what stands where a download went wrong, by how it begins
    b"version https://git-lfs": "it is a pointer of Git LFS to that file: fetch it with git lfs pull",
    b"<!doctype html": "it is a web page: the address was not that of the file",
    b"<html": "it is a web page: the address was not that of the file",
}
_FOREIGN = {
    ".h5": "Keras",
    ".keras": "Keras",
    ".onnx": "ONNX",
    ".tflite": "TensorFlow",
    ".pb": "TensorFlow",
    ".npz": "NumPy",
    ".msgpack": "Flax",
    ".mlmodel": "Core ML",
}


class _Inert(list):
    """Stands for an object of any other class in a file: it keeps what it is given, and runs nothing."""

    contents: Mapping[object, object] = MappingProxyType({})

    def __init__(self, *given: object, **named: object) -> None:
        super().__init__()

    def __setstate__(self, state: object) -> None:
        if isinstance(state, dict):
            self.contents = state


class _InertMapping:
    """The same for classes that are dicts themselves: PyTorch fills only a dict of its own."""

    def __new__(cls, *given: object, **named: object) -> Any:
        """An empty dict that takes attributes."""
        return OrderedDict()


@dataclass(frozen=True)
class WeightsFile:
    """An open file of weights.

    Attributes:
        name: As a person calls it.
        entries: Every tensor in it but an optimiser's, by name; where dicts lie in one another, their keys
            come first, as in "state_dict.module.conv1.weight".
        card: Of the model that the file belongs to, where `vt.save` wrote it; else empty.
        architecture: As the file names it; "" where it does not.
        pruned: How many weights were multiplied by the masks that pruning left beside them.
    """

    name: str
    entries: Mapping[str, Tensor]
    card: Mapping[str, Any] = field(default_factory=dict)
    architecture: str = ""
    pruned: int = 0

    @property
    def origin(self) -> str:
        """Where the weights come from, in one phrase."""
        if not self.card:
            return Path(self.name).stem
        by = f" by {self.card['strategy']}" if self.card["strategy"] else ""
        return f"{self.card['weights']}, trained on {self.card['task']}{by}"

    @property
    def channels(self) -> int:
        """How many channels the images of a saved model have."""
        return len(self.card["mean"]) if self.card else 3

    def holds_stages_of(self, names: Iterable[str]) -> bool:
        """Whether the entries' names are those of a `Network` with these stages, whatever its library."""
        first = re.escape(next(iter(names)))
        return any(re.search(rf"(?:^|\.)stages\.{first}\.", name) for name in self.entries)

    @property
    def _architecture_note(self) -> str:
        return f"; the file names {self.architecture!r}" if self.architecture else ""

    def find(
        self,
        own: Mapping[str, Tensor],
        owner: str,
        head: Sequence[str] = (),
        children: Sequence[str] = (),
    ) -> FoundWeights:
        """The weights of a network in the file, whatever is wrapped around them.

        Args:
            own: The network's entries.
            owner: What the network is called, for messages.
            head: Beginnings of the names of what may be missing or of another shape, such as a head.
            children: The names of the network's children: some write their numbers instead.

        Raises:
            ValueError: If an entry is missing or of another shape or kind, a value is no number, or there
                are more entries of the network's stages than it has, as in the file of a deeper sibling.
        """
        trunk = [name for name in own if not name.startswith(tuple(head)) and not _is_counter(name)]
        readings = list(self._read(own, trunk, children))
        if not readings:
            first = next(iter(self.entries))
            raise ValueError(
                f"{self.name} does not hold {owner}: {trunk[0]} is missing, and so is all else; there "
                f"are {len(self.entries)} entries such as {first!r}{self._architecture_note}"
            )
        best = readings[0]
        for name in trunk:
            if why := _find_misfit(own[name], best.state.get(best.names[name]), owner):
                raise ValueError(
                    f"{self.name} does not hold {owner}: {name} {why}{self._architecture_note}"
                )
        aside = self._check_left_over(best, own, owner, head)
        found = {
            name: best.state[other]
            for name, other in best.names.items()
            if other in best.state and best.state[other].shape == own[name].shape
        }
        _check_finite(found, self.name)
        return FoundWeights(found, self._describe(readings, aside))

    def _read(
        self, own: Mapping[str, Tensor], trunk: Sequence[str], children: Sequence[str]
    ) -> list[_Reading]:
        """Every way to read the file that finds an entry of the network, the best first."""
        bare = {_WRAPPERS.sub("", name): value for name, value in self.entries.items()}
        # `nn.Sequential(*network.children())`, as tutorials and fastai write it, has numbers for names
        numbers = {child: str(place) for place, child in enumerate(children)}
        found = []
        for state in (
            (self.entries, bare) if bare.keys() != self.entries.keys() else (self.entries,)
        ):
            for known in ({}, numbers) if numbers else ({},):
                names = {name: _replace_first(name, known) for name in own}
                for prefix in _list_prefixes(state, [names[name] for name in trunk]):
                    there = {name: prefix + other for name, other in names.items()}
                    fitting = sum(
                        there[name] in state and state[there[name]].shape == own[name].shape
                        for name in trunk
                    )
                    if fitting or not known:  # numbers alone are no sign
                        found.append(_Reading(prefix, bool(known), state, there, fitting))
        return sorted(found, key=lambda one: (-one.fitting, not one.is_mean))

    def _check_left_over(
        self, best: _Reading, own: Mapping[str, Tensor], owner: str, head: Sequence[str]
    ) -> list[str]:
        """The names of what the network has no place for; refused where it belongs to its own stages."""
        old_head = {best.names[name] for name in own if name.startswith(tuple(head))}
        heads = {name.removeprefix(best.prefix).partition(".")[0] for name in old_head}
        parts = {
            name.removeprefix(best.prefix).partition(".")[0]
            for name in {*best.names.values()} - old_head
        } - heads
        left = [n for n in best.state if n not in best.names.values() and not _is_counter(n)]
        inside = [name for name in left if name.startswith(best.prefix)]
        # a line of layers without names of their own has no end but its last number
        line = any(part.isdigit() for part in parts)
        deeper = [
            name
            for name in inside
            if (part := name.removeprefix(best.prefix).partition(".")[0]) in parts
            or (line and part.isdigit() and part not in heads)
        ]
        if deeper:
            more = f" and {len(deeper) - 1} entries more have" if len(deeper) > 1 else " has"
            raise ValueError(
                f"{self.name} holds more than {owner}: {deeper[0]!r}{more} no place in it, as where "
                f"weights are of a deeper network{self._architecture_note}"
            )
        return left

    def _describe(self, readings: Sequence[_Reading], aside: Sequence[str]) -> str:
        """How the weights were found, in a sentence; "" if all that was left aside is an old head."""
        best, found = readings[0], []
        if best.state is not self.entries:
            wrapper = next(m[0] for name in self.entries if (m := _WRAPPERS.search(name)))
            found.append(f"{wrapper!r} is taken out of the names")
        # a network's own names begin so
        if shown := re.sub(r"(^|\.)stages\.$", r"\1", best.prefix):
            found.append(f"the entries {shown + '…'!r} are taken")
        if self.pruned:
            found.append(f"{self.pruned} pruned weights are multiplied by their masks")
        if best.numbered:
            found.append("its parts have numbers for names")
        also = [
            one.prefix
            for one in readings[1:]
            if one.fitting == best.fitting and one.state is best.state and one.prefix != best.prefix
        ]
        if also:
            found.append(f"{also[0] + '…'!r} would fit as well")
            aside = [name for name in aside if not name.startswith(tuple(also))]
        if found or not all(_OLD_HEAD.search(name) for name in aside):
            if aside:
                more = f" and {len(aside) - 1} more" if len(aside) > 1 else ""
                found.append(f"{aside[0]!r}{more} left aside")
        return f"{self.name}: {'; '.join(found)}" if found else ""


class FoundWeights(NamedTuple):
    """Weights by a network's own names.

    Attributes:
        state: The entries, those of an old head that fits among them.
        note: How they were found and what was left aside, in a sentence; "" where there is nothing to say.
    """

    state: dict[str, Tensor]
    note: str


class _Reading(NamedTuple):
    """One way to read a file: the beginning of the names that are taken, and the names there by the own."""

    prefix: str
    numbered: bool
    state: Mapping[str, Tensor]
    names: Mapping[str, str]
    fitting: int  # entries of the trunk

    @property
    def is_mean(self) -> bool:
        """Whether these are a running mean of the weights, which comes first, as in timm and DINO."""
        return not _MEAN_WORDS.isdisjoint(re.split(r"[^a-z]+", self.prefix.lower()))


def open_weights(path: Path) -> WeightsFile:
    """Open a file of weights, or a folder that holds one.

    Args:
        path: A .safetensors file, or what `torch.save` wrote; a folder that `vt.save` or `--save` wrote, or
            one with a single such file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not readable, holds no weights, or is damaged.
    """
    if path.is_dir():
        return _open_folder(path)
    if not path.is_file():
        raise FileNotFoundError(f"no weights at {path}")
    content = _read_content(path)
    entries = dict(_list_entries(content, "", 0))
    pruned = _apply_masks(entries)
    if not entries:
        raise ValueError(
            f"{path.name} is no file of weights: it is not a plain state dict, and holds none"
        )
    known = content.get("arch") if isinstance(content, Mapping) else None
    architecture = known if isinstance(known, str) else ""
    return WeightsFile(path.name, entries, architecture=architecture, pruned=pruned)


def read_model_card(folder: Path) -> dict[str, Any]:
    """What is known of a model that `vt.save` wrote into a folder; empty where there is none.

    Raises:
        ValueError: If the card is damaged.
    """
    path = folder / CARD_FILE
    try:
        return unseal_json(path.read_bytes()) if path.is_file() else {}
    except ValueError as error:
        raise ValueError(f"the model in {folder} is damaged: {CARD_FILE}, {error}") from None


def _open_folder(folder: Path) -> WeightsFile:
    """The weights in a folder: a saved model's, whose hash is compared, or the only ones."""
    if card := read_model_card(folder):
        path = folder / Path(str(card.get("file"))).name
        if not path.is_file() or fingerprint_file(path) != card.get("sha256"):
            raise ValueError(
                f"the model in {folder} is damaged: {path.name} is not as it was saved"
            )
        return replace(
            open_weights(path), name=str(folder), card=card, architecture=card["backbone"]
        )
    found = sorted(path for path in folder.iterdir() if path.name.endswith(ENDINGS))
    if len(found) == 1:
        return open_weights(found[0])
    if (folder / "model" / CARD_FILE).is_file():
        raise ValueError(f"{folder} is a report, and its model is {folder / 'model'}")
    names = ", ".join(path.name for path in found[:4])
    raise ValueError(
        f"{folder} is a folder with several files of weights, {names}: name one"
        if found
        else f"{folder} is a folder without weights"
    )


def _read_content(path: Path) -> Any:
    """Whatever is in a file: its tensors whole, objects of unknown classes inert."""
    from safetensors.torch import load_file

    if kind := _FOREIGN.get(path.suffix.lower()):
        raise ValueError(f"{path.name} is no file of weights for PyTorch: its format is {kind}")
    with path.open("rb") as file:
        start = file.read(512)
    for mark, why in _NO_WEIGHTS.items():
        if start.lstrip().lower().startswith(mark):
            raise ValueError(f"{path.name} is no file of weights: {why}")
    try:
        # whatever its ending: a safetensors file begins with the length of a JSON object
        return load_file(path) if start[8:9] == b"{" else _unpickle(path)
    except Exception as error:  # bad files raise errors of any kind
        raise ValueError(f"{path.name} is no file of weights: {_explain(error)}") from error


def _unpickle(path: Path) -> Any:
    """What `torch.save` wrote; for a class or function that PyTorch does not trust stands one that is inert."""
    names = []
    with contextlib.suppress(Exception):  # no file of PyTorch's, or an old one: loading says which
        names = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    kinds: dict[str, type] = {f"Inert{i}": _Inert for i, _ in enumerate(names)}
    while True:
        stand_ins: list[Any] = [
            (type(label, (kind,), {}), name)
            for (label, kind), name in zip(kinds.items(), names, strict=True)
        ]
        try:
            with (
                warnings.catch_warnings(),
                torch.serialization.safe_globals(stand_ins),
                path.open("rb") as file,  # since torch believes the endings of names
            ):
                warnings.simplefilter("ignore")  # about pickles that are then refused anyway
                return torch.load(file, map_location="cpu", weights_only=True)
        except Exception as error:  # torch's own has no public name
            # only here it shows which of them are dicts
            label = re.search(r"SETITEMS? for dict.*\b(Inert\d+)\b", str(error), re.DOTALL)
            if label is None or kinds[label[1]] is _InertMapping:
                raise
            kinds[label[1]] = _InertMapping


def _explain(error: Exception) -> str:
    """Why a file could not be read, in one line."""
    words = " ".join(str(error).split())
    if "TorchScript" in words:
        return "it is a TorchScript program; save its state_dict() instead"
    # torch's own unpickling error has no public name, and several lines of advice
    if type(error).__name__ == "UnpicklingError":
        return "it is not a plain state dict and was not loaded"
    return f"{type(error).__name__}, {words or 'it cannot be read'}"


def _list_entries(content: object, prefix: str, depth: int) -> Iterator[tuple[str, Tensor]]:
    """Every tensor in what a file holds, with its name; a module that was saved whole has its own names."""
    if isinstance(content, _Inert):
        content = content.contents
    elif (
        isinstance(content, (list, tuple)) and len(content) < MAX_DEPTH
    ):  # a state dict and an epoch, say
        content = {str(place): value for place, value in enumerate(content)}
    if not isinstance(content, Mapping) or depth > MAX_DEPTH:
        return
    is_module = "_modules" in content and "_parameters" in content
    for name, value in content.items():
        if is_module and name in ("_parameters", "_buffers", "_modules"):
            yield from _list_entries(value, prefix, depth)
        elif is_module or not isinstance(name, str) or name.startswith("optim"):
            continue
        elif isinstance(value, Tensor):
            yield f"{prefix}{name}", value.detach()
        else:
            yield from _list_entries(value, f"{prefix}{name}.", depth + 1)


def _apply_masks(entries: dict[str, Tensor]) -> int:
    """Make one of the two parts in which `torch.nn.utils.prune` keeps a weight; returns of how many."""
    pruned = [name.removesuffix("_orig") for name in entries if name.endswith("_orig")]
    pruned = [name for name in pruned if f"{name}_mask" in entries]
    for name in pruned:
        entries[name] = entries.pop(f"{name}_orig") * entries.pop(f"{name}_mask")
    return len(pruned)


def _is_counter(name: str) -> bool:
    return name.rpartition(".")[2] in _COUNTERS


def _replace_first(name: str, numbers: Mapping[str, str]) -> str:
    """A name whose first part, a child's, is the child's number."""
    first, dot, rest = name.partition(".")
    return numbers.get(first, first) + dot + rest


def _list_prefixes(state: Mapping[str, Tensor], known: Sequence[str]) -> list[str]:
    """What stands before the network's names in a file, in the file's order."""
    anchors = {known[0], known[-1]}
    return list(
        dict.fromkeys(
            name.removesuffix(anchor)
            for name in state
            for anchor in anchors
            if name == anchor or name.endswith(f".{anchor}")
        )
    )


def _find_misfit(own: Tensor, there: Tensor | None, owner: str) -> str:
    """Why an entry of a file is not the network's; "" where it is."""
    if there is None:
        return "is missing"
    if there.shape != own.shape:
        why = f"is of another shape, {tuple(there.shape)} where {owner} has {tuple(own.shape)}"
        if own.dim() == there.dim() == 4 and (own.shape[1], there.shape[1]) == (3, 1):
            why += " (it takes grey images: say in_chans=1)"
        return why
    if own.is_floating_point() != there.is_floating_point():
        return f"is of another kind, {there.dtype}"
    return ""


def _check_finite(state: Mapping[str, Tensor], file: str) -> None:
    """Refuse weights that are no numbers."""
    for name, values in state.items():
        if values.is_floating_point() and not values.float().isfinite().all():
            raise ValueError(f"{file} holds values that are no numbers ({name})")
