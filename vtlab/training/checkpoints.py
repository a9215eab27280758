"""Checkpoints of long trainings, which go on after Ctrl-C, a kill, a full disk or a damaged file.

    for epoch in checkpointed(fit(network, task, strategy), "folder", every=200): …

The same lines go on where an earlier process was, to the same bits (on one machine, with one
thread count and one version of everything). A training that can do this is a `CheckpointedTraining`: its
`state()` is a `Checkpoint`. On disk a checkpoint is two files: tensors as safetensors, and a sealed
JSON card with the fingerprint, the position and the tensors' sha256. The card is written last, and
makes the checkpoint. The last two are kept: where the newest is damaged, a warning says so and the
one before is taken. No pickle is ever read.
"""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from filelock import BaseFileLock
from torch import Tensor, nn

from vtlab.models.network import Network
from vtlab.models.weights import find_weights_mismatch
from vtlab.system.device import describe_machine
from vtlab.system.files import expand_home, write_bytes
from vtlab.system.fingerprints import fingerprint_bytes, list_fingerprint_differences
from vtlab.system.interrupts import StopEvent, defer_signals
from vtlab.system.locks import lock_folder
from vtlab.system.memory import return_freed_memory
from vtlab.system.printing import OneLine
from vtlab.system.sealing import seal_json, unseal_json

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

CHECKPOINT_FORMAT = 1  # another number is refused
CHECKPOINT_INTERVAL = 200  # steps between two checkpoints
CHECKPOINTS_KEPT = 2

Record = TypeVar("Record", bound="DataclassInstance")


@dataclass(frozen=True, repr=False)
class Checkpoint(OneLine):
    """A training between two steps.

    Attributes:
        tensors: Weights and buffers (`network.*`), moments of the optimiser (`optimiser.*`).
        values: JSON values: the fingerprint ("configuration"), position, running sums, records so far.
    """

    tensors: dict[str, Tensor]
    values: dict[str, Any]

    def summarise(self) -> str:
        """How far the training is."""
        return f"after step {self.values.get('steps')}, {len(self.tensors)} tensors"


class CheckpointedTraining(Iterator[Record]):
    """An iterator of records that takes single steps, and can be stopped and gone on with.

    It ends when the training is done, or before the next step when `stop` is set. A stopped
    (or interrupted) training goes on when it is iterated again, to the bits of one that was
    never stopped. A record is of many steps: where it is half done at a stop, it comes later.
    `fit` and `data/make/pretrain.py` have one each.

    Attributes:
        network: Trained in place.
        stop: Asked before every step; None for never.
        steps: How many steps were taken.
        history: The records so far.
    """

    network: Network
    stop: StopEvent | None = None
    steps: int = 0
    history: list[Record]
    _optimiser: torch.optim.AdamW | None = None

    @property
    def done(self) -> bool:
        """Whether nothing is left to do."""
        raise NotImplementedError

    @property
    def stopped(self) -> bool:
        """Whether `stop` is set."""
        return self.stop is not None and self.stop.is_set()

    def step(self) -> Record | None:
        """Take one step; returns the record that it completes, if it does."""
        raise NotImplementedError

    def __next__(self) -> Record:
        """The next record."""
        # a Ctrl-C while torch enters a `no_grad` block leaves gradients off: here they are on again
        with torch.enable_grad():
            while not self.done and not self.stopped:
                if (record := self.step()) is not None:
                    return record
        return_freed_memory()
        raise StopIteration

    def fingerprint(self) -> dict[str, Any]:
        """What must be equal for a checkpoint to be gone on from, as JSON values."""
        raise NotImplementedError

    def state(self) -> Checkpoint:
        """Everything that is needed to go on from here, copied. Not while a step runs."""
        values = {
            "format": CHECKPOINT_FORMAT,
            "configuration": self.fingerprint(),
            "steps": self.steps,
            "history": [asdict(record) for record in self.history],
        }
        return Checkpoint(capture_state(self.network, self._optimiser), values | self._position())

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on from this checkpoint; the network is filled in place.

        Raises:
            ValueError: If it is of another training: each field of the fingerprint that differs is
                named, with both values.
        """
        written, there = (checkpoint.values.get(key) for key in ("format", "configuration"))
        if not isinstance(there, dict) or written != CHECKPOINT_FORMAT:
            raise ValueError(
                f"format is {written!r} there and {CHECKPOINT_FORMAT} here: "
                "another version wrote this checkpoint"
            )
        if differences := list_fingerprint_differences(there, self.fingerprint()):
            raise ValueError(f"the checkpoint is of another training ({'; '.join(differences)})")
        with defer_signals():
            self._resume(checkpoint)

    def _position(self) -> dict[str, Any]:
        """What a checkpoint holds beside the fields that all trainings have, as JSON values."""
        raise NotImplementedError

    def _resume(self, checkpoint: Checkpoint) -> None:
        """Take over a checkpoint of this very training."""
        raise NotImplementedError


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
    """Fill network and optimiser with what `capture_state` copied.

    Raises:
        ValueError: If the tensors are not this network's.
    """
    weights = {
        k.removeprefix("network."): v for k, v in tensors.items() if k.startswith("network.")
    }
    if mismatch := find_weights_mismatch(network, weights):
        raise ValueError(f"the checkpoint does not fit the network: {mismatch}")
    network.load_state_dict(weights)  # copies: the memory layout stays
    if optimiser is None:
        return
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    for i, parameter in enumerate(parameters):
        prefix = f"optimiser.{i}."
        moments = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
        for name, value in moments.items():
            # Moments take the memory layout of their parameter: in another one sums may round otherwise.
            like_parameter = value.shape == parameter.shape and name != "step"
            optimiser.state[parameter][name] = (
                torch.empty_like(parameter).copy_(value) if like_parameter else value.clone()
            )


class CheckpointFolder:
    """A folder of checkpoints, for one process at a time: `with CheckpointFolder(path) as folder:`.

    Attributes:
        warnings: Sentences that a person should read about what `read_latest` found.
    """

    def __init__(self, folder: str | Path, device: torch.device | str = "cpu") -> None:
        """Name the folder, which is made and locked on entering, and where the network is."""
        self.folder = Path(expand_home(folder))
        self._machine = describe_machine(device, torch.get_num_threads())
        self.warnings: list[str] = []
        self._intact: list[int] = []  # steps of the checkpoints that were read or written
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
        if self._lock is not None:
            self._lock.release()
        self._lock = None

    def read_latest(self) -> Checkpoint | None:
        """The newest checkpoint that is not damaged; None if there is none."""
        self.warnings, self._intact = [], []
        newest: Checkpoint | None = None
        cards = {_parse_step(path) for path in self._files() if path.suffix == ".json"}
        for step in sorted(cards, reverse=True):
            try:
                checkpoint = self._read(step)
            except (OSError, ValueError) as error:
                self.warnings.append(f"{self._path(step, 'json')} was refused: {error}")
                continue
            self._intact.append(step)
            newest = newest or checkpoint
        self._intact.sort()
        if self.warnings:
            where = f"step {self._intact[-1]}" if self._intact else "the beginning: none is whole"
            self.warnings.append(f"the training goes on from {where}")
        if newest:
            self.warnings += [
                f"{self.folder} was written with {name} {there}, here {self._machine.get(name)}: "
                "last digits may differ"
                for name, there in newest.values["machine"].items()
                # versions before 0.2 noted a build, such as 2.14.1+cpu
                if name != "python" and str(there).split("+")[0] != str(self._machine.get(name))
            ]
        return newest

    def save(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint, which then outlasts a power cut, and remove all but the last two.

        Raises:
            OSError: If it could not be written; the checkpoints before are as they were.
        """
        from safetensors.torch import save

        step = checkpoint.values["steps"]
        tensors = save({name: value.contiguous() for name, value in checkpoint.tensors.items()})
        values = {
            "state": {**checkpoint.values, "machine": self._machine},
            "tensors": fingerprint_bytes(tensors),
        }
        try:
            write_bytes(self._path(step, "safetensors"), tensors)
            write_bytes(self._path(step, "json"), seal_json(values))
        except OSError:
            if step not in self._intact:
                self._remove(step)
            raise
        self._intact = sorted({*self._intact, step})[-CHECKPOINTS_KEPT:]
        for other in {_parse_step(path) for path in self._files()} - {*self._intact}:
            self._remove(other)

    def _read(self, step: int) -> Checkpoint:
        """The checkpoint of this step, checked against its hashes."""
        from safetensors import SafetensorError
        from safetensors.torch import load

        values = unseal_json(self._path(step, "json").read_bytes())
        content = self._path(step, "safetensors").read_bytes()
        if fingerprint_bytes(content) != values.get("tensors"):
            raise ValueError("the sha256 of its tensors differs")
        try:
            checkpoint = Checkpoint(load(content), values["state"])
        except (SafetensorError, KeyError) as error:
            raise ValueError(f"it is no checkpoint ({error})") from None
        if (found := checkpoint.values.get("steps")) != step:
            raise ValueError(f"it holds step {found}")
        return checkpoint

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


def _parse_step(path: Path) -> int:
    return int(path.stem.removeprefix("step-"))


def checkpointed(
    training: CheckpointedTraining[Record],
    folder: str | Path,
    *,
    every: int = CHECKPOINT_INTERVAL,
    say: Callable[[str], None] = warnings.warn,
) -> Iterator[Record]:
    """The records of a training whose checkpoints are kept in a folder, and which goes on from there.

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
    with CheckpointFolder(folder, training.network.device) as checkpoints:
        latest = checkpoints.read_latest()
        for sentence in checkpoints.warnings:
            say(sentence)
        if latest is not None:
            try:
                training.restore(latest)
            except ValueError as error:
                raise ValueError(f"{folder}: {error}; take another folder") from None
            except (KeyError, TypeError) as error:
                raise ValueError(f"{folder}: foreign checkpoint ({error!r})") from None
        written = training.steps if latest is not None else -1  # at the last checkpoint
        try:
            while not training.done and not training.stopped:
                record = training.step()
                # before the record is given: the loop may be left at it, or the process killed
                if training.steps % every == 0 and training.steps != written:
                    checkpoints.save(training.state())
                    written = training.steps
                if record is not None:
                    yield record
        except Exception:
            raise  # what went wrong may have cut a step in two: no checkpoint of that
        except BaseException:  # Ctrl-C, SIGTERM, or the loop was left: between two steps
            if training.steps != written:
                checkpoints.save(training.state())
            raise
        finally:
            return_freed_memory()
        if training.steps != written:
            checkpoints.save(training.state())
