"""What lesson 04 uses: its table of shots, the generator of the library's batches, checks of exercises."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from vtlab.course.exercise import Verdict, call_answer, exercise, letter_exercise
from vtlab.course.tables import real_table as real_table
from vtlab.course.tables import shots_table as shots_table
from vtlab.system.randomness import make_generator as make_generator


@exercise("04.1", function_of="a module")
def _own_freeze(answer: Callable) -> Verdict:
    stage = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    if call_answer(answer, stage) is not stage:
        return False, "Give back the module that came in."
    before = {k: v.clone() for k, v in stage.state_dict().items()}
    outputs = stage(torch.rand(8, 3, 6, 6) + 5)
    if outputs.requires_grad:
        return False, "Some weights still get a gradient."
    if not all(torch.equal(v, before[k]) for k, v in stage.state_dict().items()):
        return False, "No gradient is left, but something moved in a forward pass."
    return True, "Neither weights nor statistics move."


@exercise("04.2")
def _operations(answer: object) -> Verdict:
    forward = 8 * 8 * 32 * 16 * 9  # cells x outputs x inputs x kernel
    if answer == 3 * forward:
        return True, "There, and back twice."
    if answer in (forward, 2 * forward):
        return False, "Count again what the way back needs."
    return False, "Begin with one output cell: how many inputs does it sum over?"


letter_exercise(
    "04.3",
    "c",
    "The mode is what BatchNorm obeys.",
    "What does train() change, and who listens to it?",
)
