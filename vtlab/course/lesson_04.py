"""The exercises of lesson 04."""

from __future__ import annotations

from vtlab.course.exercise import Verdict, exercise, letter
from vtlab.system.randomness import generator as generator


@exercise("04.1")
def _own_freeze(answer: object) -> Verdict:
    import torch
    from torch import nn

    if not callable(answer):
        return False, "The answer is a function of a module."
    stage = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    found = answer(stage)
    if found is None or found is ...:
        return None
    if found is not stage:
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
    forward = 8 * 8 * 32 * 16 * 9
    if answer == 3 * forward:
        return True, "There, and back twice."
    if answer in (forward, 2 * forward):
        return False, "Count again what the way back needs."
    return False, "Begin with one output cell: how many inputs does it sum over?"


letter(
    "04.3",
    "c",
    "The mode is what BatchNorm obeys.",
    "What does train() change, and who listens to it?",
)
