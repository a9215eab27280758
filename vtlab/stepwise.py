"""Trainings that can stop after any step and go on, here or in another process.

A training is an iterator of records which takes one step at a time. Between two steps it is
whole: weights, optimiser and history belong together. `state()` is everything that a fresh
training of the same configuration needs to go on to the same bits, as plain tensors and JSON
values. What can be derived from the seed and the number of steps is derived, not kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from vtlab.memory import give_back

FORMAT = 1  # of the states; another number is refused


class Stop(Protocol):
    """What says that a training should stop: a `threading.Event`, or anything like it."""

    def is_set(self) -> bool:
        """Whether to stop."""


@dataclass(frozen=True)
class State:
    """A training between two steps.

    Attributes:
        tensors: Weights and buffers (`network.*`), moments of the optimiser (`optimiser.*`).
        values: JSON values: configuration, position, running sums, records so far.
    """

    tensors: dict[str, Tensor]
    values: dict


class Stepwise(Iterator):
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

    stop: Stop | None = None
    steps: int = 0
    done: bool = False
    history: list

    def step(self) -> object | None:
        """Take one step; gives the record that it completed, if it did."""
        raise NotImplementedError

    def configuration(self) -> dict:
        """What must be equal for a state to be gone on from, as JSON values."""
        raise NotImplementedError

    def state(self) -> State:
        """Everything that is needed to go on from here, copied. Not while a step runs."""
        raise NotImplementedError

    def restore(self, state: State) -> None:
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
        give_back()
        raise StopIteration

    def check(self, state: State) -> None:
        """Refuse a state of another configuration.

        Raises:
            ValueError: Naming each field that differs, with both values.
        """
        there = state.values.get("configuration")
        if not isinstance(there, dict) or state.values.get("format") != FORMAT:
            raise ValueError(f"format is {state.values.get('format')!r} there and {FORMAT} here: "
                             "another version wrote this checkpoint")  # fmt: skip
        here = self.configuration()
        odd = [f"{name} is {there.get(name)!r} there and {here.get(name)!r} here"
               for name in sorted(there.keys() | here.keys())
               if there.get(name) != here.get(name)]  # fmt: skip
        if odd:
            raise ValueError(f"the checkpoint is of another training ({'; '.join(odd)})")


def captured(network: nn.Module, optimiser: torch.optim.Optimizer | None) -> dict[str, Tensor]:
    """Copies of weights, buffers and the optimiser's moments, by name."""
    tensors = {f"network.{k}": v for k, v in network.state_dict().items()}
    if optimiser is not None:
        for i, moments in optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{i}.{name}": value for name, value in moments.items()}
    return {name: value.detach().cpu().clone() for name, value in tensors.items()}


def put_back(tensors: dict[str, Tensor], network: nn.Module,
             optimiser: torch.optim.Optimizer | None) -> None:  # fmt: skip
    """Fill network and optimiser with what `captured` copied.

    Raises:
        ValueError: If the tensors are not this network's.
    """
    weights = {k.removeprefix("network."): v for k, v in tensors.items() if k.startswith("network.")}
    own = network.state_dict()
    if odd := {k for k in own.keys() | weights.keys()
               if k not in own or k not in weights or own[k].shape != weights[k].shape}:  # fmt: skip
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
                k: torch.empty_like(parameter).copy_(v) if v.shape == parameter.shape and k != "step"
                else v.clone() for k, v in moments.items()
            }  # fmt: skip
