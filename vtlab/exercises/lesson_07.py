"""The exercises of lesson 07."""

from __future__ import annotations

import numpy as np

from vtlab.exercises.registry import Verdict, exercise, letter


@exercise("07.1")
def _stage_wise(answer: object) -> Verdict:
    from vtlab.backbones import backbone

    if not hasattr(answer, "rates"):
        return False, "The answer is a strategy, such as vt.Strategy('full', …)."
    network = backbone("mini_resnet", weights=None)
    rates = answer.rates(network)
    if len(rates) < len(network.stage_names) + 1 or answer.start != "pretrained":
        return False, "All pretrained stages should learn."
    right = np.isclose(rates["stem"] / rates["head"], 1 / 32)
    return bool(right), "Half of a half, five times." if right else (
        "Count the steps from the head to the stem: by what factor does each shrink the rate?")  # fmt: skip


@exercise("07.2")
def _schedule(answer: object) -> Verdict:
    from vtlab.schedules import warm_cosine

    if not callable(answer):
        return False, "The answer is a function of a step and the number of steps."
    for i, n in ((0, 20), (1, 20), (2, 20), (11, 20), (19, 20), (4, 50), (30, 50)):
        found = answer(i, n)
        if found is None or found is ...:
            return None
        if not np.isclose(float(found), warm_cosine(i, n), atol=1e-6):
            return False, f"For step {i} of {n} it gave {float(found):.3f}."
    return True, "It rises, and falls along half a cosine."


letter("07.3", "b", "A linear head reads what can be told apart.",
       "What does it take for the new head to do well?")
