"""Checkpoints: long trainings that outlast Ctrl-C, a kill, a full disk and a flipped bit.

    for epoch in checkpointed(fit(network, task, strategy), "folder", every=200): …

The same lines go on where an earlier process was, to the same bits (on one machine, with one
thread count and one version of everything). A checkpoint is two files: tensors as safetensors,
and a sealed JSON card with the position, the configuration and the tensors' sha256. The card is
written last, and makes the checkpoint. The last two are kept: where the newest is damaged, that
is said and the one before is taken. No pickle is ever read.
"""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol

import torch
from filelock import BaseFileLock
from torch import Tensor, nn

from vtlab.system.device import describe_machine
from vtlab.system.files import write_bytes
from vtlab.system.fingerprints import fingerprint_bytes
from vtlab.system.locks import lock_folder
from vtlab.system.memory import return_freed_memory
from vtlab.system.sealing import seal_json, unseal_json

CHECKPOINTS_KEPT = 2
CHECKPOINT_INTERVAL = 200  # steps between two checkpoints


class CheckpointFolder:
    """A folder of checkpoints, for one process at a time: `with Checkpoints(folder) as kept:`.

    Attributes:
        said: Sentences that a person should read about what `latest` found.
    """

    def __init__(self, folder: str | Path) -> None:
        """Name the folder; it is made and locked on entering."""
        self.folder = Path(folder)
        self.said: list[str] = []
        self._whole: list[int] = []  # steps of the checkpoints that were read or written here
        self._lock: BaseFileLock | None = None

    def __enter__(self) -> CheckpointFolder:
        """Lock the folder and clear what a killed process left.

        Raises:
            ValueError: If another process works in it, or it is a file.
            OSError: If it cannot be made.
        """
        self._lock = lock_folder(self.folder, purpose="checkpoints", hint="take another folder")
        for path in self._files():
            if path.suffix == ".safetensors" and not path.with_suffix(".json").exists():
                path.unlink(missing_ok=True)  # killed before its card was written
        return self

    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Unlock; the operating system does so for a killed process."""
        self._lock.release()
        self._lock = None

    def latest(self) -> Checkpoint | None:
        """The newest checkpoint that is whole; None if there is none."""
        self.said, self._whole, newest = [], [], None
        cards = {_step(path) for path in self._files() if path.suffix == ".json"}
        for step in sorted(cards, reverse=True):
            try:
                state = self._read(step)
            except (OSError, ValueError) as error:
                self.said.append(f"{self._path(step, 'json')} was refused: {error}")
                continue
            self._whole.append(step)
            newest = newest or state
        self._whole.sort()
        if self.said:
            where = f"step {self._whole[-1]}" if self._whole else "the beginning: none is whole"
            self.said.append(f"the training goes on from {where}")
        if newest:
            here = describe_machine(threads=torch.get_num_threads())
            self.said += [
                f"{self.folder} was written with {name} {there}, here {here[name]}: last digits may differ"
                for name, there in newest.values["machine"].items()
                if name != "python" and there != here[name]
            ]
        return newest

    def save(self, state: Checkpoint) -> None:
        """Keep a state: after the return it outlasts a power cut. Older ones than two go.

        Raises:
            OSError: If it could not be written; the checkpoints before are as they were.
        """
        from safetensors.torch import save

        step = state.values["steps"]
        tensors = save({name: value.contiguous() for name, value in state.tensors.items()})
        values = {
            "state": {**state.values, "machine": describe_machine(threads=torch.get_num_threads())},
            "tensors": fingerprint_bytes(tensors),
        }
        try:
            write_bytes(self._path(step, "safetensors"), tensors)
            write_bytes(self._path(step, "json"), seal_json(values))
        except OSError:
            if step not in self._whole:
                self._remove(step)
            raise
        self._whole = sorted({*self._whole, step})[-CHECKPOINTS_KEPT:]
        for other in {_step(path) for path in self._files()} - {*self._whole}:
            self._remove(other)

    def _read(self, step: int) -> Checkpoint:
        from safetensors import SafetensorError
        from safetensors.torch import load

        values = unseal_json(self._path(step, "json").read_bytes())
        content = self._path(step, "safetensors").read_bytes()
        if fingerprint_bytes(content) != values.get("tensors"):
            raise ValueError("the sha256 of its tensors differs")
        try:
            state = Checkpoint(load(content), values["state"])
        except (SafetensorError, KeyError) as error:
            raise ValueError(f"it is no checkpoint ({error})") from None
        if state.values.get("steps") != step:
            raise ValueError(f"it holds step {state.values.get('steps')}")
        return state

    def _files(self) -> list[Path]:
        return [
            path
            for path in self.folder.iterdir()
            if re.fullmatch(r"step-\d{9,}\.(safetensors|json)", path.name)
        ]

    def _path(self, step: int, suffix: str) -> Path:
        return self.folder / f"step-{step:09d}.{suffix}"

    def _remove(self, step: int) -> None:
        for suffix in ("json", "safetensors"):  # the card first: without it there is nothing
            with contextlib.suppress(OSError):
                self._path(step, suffix).unlink(missing_ok=True)


def _step(path: Path) -> int:
    return int(path.stem.removeprefix("step-"))


def checkpointed(
    training: Resumable,
    folder: str | Path,
    *,
    every: int = CHECKPOINT_INTERVAL,
    say: Callable[[str], None] = warnings.warn,
) -> Iterator:
    """The records of a training that is kept in a folder and goes on from there.

    A checkpoint is written after every so many steps, at the end, and when the loop is left:
    by `break`, by the training's stop event, by Ctrl-C. Records that an earlier process
    had are in `training.history` and are not given again.

    Args:
        training: What `fit` returns, not yet iterated.
        folder: For these checkpoints alone.
        every: Steps from one checkpoint to the next; no more than these can be lost.
        say: Called with sentences about damaged checkpoints.

    Raises:
        ValueError: If another process works in the folder, or its checkpoints are of another
            training (the fields that differ are named).
        OSError: If a checkpoint could not be written; the ones before are as they were.
    """
    if every < 1:
        raise ValueError(f"a checkpoint after every {every} steps cannot be: the least is 1")
    with CheckpointFolder(folder) as kept:
        state = kept.latest()
        for sentence in kept.said:
            say(sentence)
        if state is not None:
            try:
                training.restore(state)
            except ValueError as error:
                raise ValueError(f"{folder}: {error}; take another folder") from None
            except (KeyError, TypeError) as error:
                raise ValueError(f"{folder}: foreign checkpoint ({error!r})") from None
        written = training.steps if state is not None else -1
        try:
            while not training.done and not training.stopped:
                record = training.step()
                if training.steps % every == 0 and training.steps != written:
                    kept.save(training.state())
                    written = training.steps
                if record is not None:
                    yield record
        except Exception:
            raise  # what went wrong may have cut a step in two
        except BaseException:  # Ctrl-C, SIGTERM, or the loop was left: between two steps
            if training.steps != written:
                kept.save(training.state())
            raise
        finally:
            return_freed_memory()
        if training.steps != written:
            kept.save(training.state())


CHECKPOINT_FORMAT = 1  # of the states; another number is refused


class StopEvent(Protocol):
    """What says that a training should stop: a `threading.Event`, or anything like it."""

    def is_set(self) -> bool:
        """Whether to stop."""


@dataclass(frozen=True)
class Checkpoint:
    """A training between two steps.

    Attributes:
        tensors: Weights and buffers (`network.*`), moments of the optimiser (`optimiser.*`).
        values: JSON values: configuration, position, running sums, records so far.
    """

    tensors: dict[str, Tensor]
    values: dict


class Resumable(Iterator):
    """An iterator of records over single steps; `training` and `pretrain` have one each.

    It ends when the training is done, or before the next step when `stop` is set. A stopped
    (or interrupted) training goes on when it is iterated again, to the bits of one that was
    never stopped. A record is of a whole epoch: one that is half done gives its record later.

    Attributes:
        stop: Asked before every step; None for never.
        steps: How many steps were taken.
        history: The records so far.
        done: Whether nothing is left to do.
    """

    stop: StopEvent | None = None
    steps: int = 0
    done: bool = False
    history: list

    def step(self) -> object | None:
        """Take one step; gives the record that it completed, if it did."""
        raise NotImplementedError

    def fingerprint(self) -> dict:
        """What must be equal for a state to be gone on from, as JSON values."""
        raise NotImplementedError

    def state(self) -> Checkpoint:
        """Everything that is needed to go on from here, copied. Not while a step runs."""
        raise NotImplementedError

    def restore(self, state: Checkpoint) -> None:
        """Go on from this state; the network is filled in place.

        Raises:
            ValueError: Naming each field of the configuration that differs.
        """
        raise NotImplementedError

    @property
    def stopped(self) -> bool:
        """Whether `stop` is set."""
        return self.stop is not None and self.stop.is_set()

    def __next__(self) -> object:
        """The next record."""
        while not self.done and not self.stopped:
            if (record := self.step()) is not None:
                return record
        return_freed_memory()
        raise StopIteration

    def check(self, state: Checkpoint) -> None:
        """Refuse a state of another configuration.

        Raises:
            ValueError: Naming each field that differs, with both values.
        """
        there = state.values.get("configuration")
        if not isinstance(there, dict) or state.values.get("format") != CHECKPOINT_FORMAT:
            raise ValueError(
                f"format is {state.values.get('format')!r} there and {CHECKPOINT_FORMAT} here: "
                "another version wrote this checkpoint"
            )
        here = self.fingerprint()
        odd = [
            f"{name} is {there.get(name)!r} there and {here.get(name)!r} here"
            for name in sorted(there.keys() | here.keys())
            if there.get(name) != here.get(name)
        ]
        if odd:
            raise ValueError(f"the checkpoint is of another training ({'; '.join(odd)})")


def capture_state(network: nn.Module, optimiser: torch.optim.Optimizer | None) -> dict[str, Tensor]:
    """Copies of weights, buffers and the optimiser's moments, by name."""
    tensors = {f"network.{k}": v for k, v in network.state_dict().items()}
    if optimiser is not None:
        for i, moments in optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{i}.{name}": value for name, value in moments.items()}
    return {name: value.detach().cpu().clone() for name, value in tensors.items()}


def restore_state(
    tensors: dict[str, Tensor], network: nn.Module, optimiser: torch.optim.Optimizer | None
) -> None:
    """Fill network and optimiser with what `captured` copied.

    Raises:
        ValueError: If the tensors are not this network's.
    """
    weights = {
        k.removeprefix("network."): v for k, v in tensors.items() if k.startswith("network.")
    }
    own = network.state_dict()
    if odd := {
        k
        for k in own.keys() | weights.keys()
        if k not in own or k not in weights or own[k].shape != weights[k].shape
    }:
        raise ValueError(f"the checkpoint does not fit the network: {sorted(odd)[0]}")
    network.load_state_dict(weights)  # copies, so that the memory layout stays
    if optimiser is None:
        return
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    for i, parameter in enumerate(parameters):
        prefix = f"optimiser.{i}."
        moments = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
        if moments:
            optimiser.state[parameter] = {
                # in the parameter's own memory layout: another one may round otherwise
                k: torch.empty_like(parameter).copy_(v)
                if v.shape == parameter.shape and k != "step"
                else v.clone()
                for k, v in moments.items()
            }
