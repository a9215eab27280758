"""What lesson 01 uses: its table of shots, helpers of a probe that is solved by hand, checks of exercises."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vtlab.course.exercise import Verdict, call_answer, exercise, letter_exercise
from vtlab.course.tables import shots_table as shots_table
from vtlab.training.probe import choose_probe_strength as choose_probe_strength
from vtlab.training.probe import probe_unit as probe_unit


@exercise("01.1")
def _strategy_value(answer: object) -> Verdict:
    stages = getattr(answer, "stages", "none")
    if stages == "none":
        return False, "The answer is a strategy, such as vt.full."
    return stages == 2, "Two stages and the head learn." if stages == 2 else (
        "Count the stages that learn beside the head."
    )


@exercise("01.2", function_of="labels and predictions")
def _own_accuracy(answer: Callable) -> Verdict:
    cases = [([0, 1, 2, 2], [0, 1, 2, 2]), ([0, 1, 1, 1], [1, 1, 1, 0]), ([3, 3], [0, 1])]
    for labels, predictions in cases:
        found = call_answer(answer, np.array(labels), np.array(predictions))
        truth = float(np.mean(np.array(labels) == np.array(predictions)))
        if not np.isclose(float(found), truth):
            return False, f"For labels {labels} and predictions {predictions} it gave {found}."
    return True, "It counts what it should."


letter_exercise(
    "01.3",
    "c",
    "Both fit their shots; what else they know comes from the start.",
    "What do the two share, and what not? The table's column steps helps.",
)
