"""The exercises of lesson 05."""

from __future__ import annotations

import numpy as np

from vtlab.exercises.registry import Verdict, exercise, letter


@exercise("05.1")
def _images_that_full_needs(answer: object) -> Verdict:
    if not isinstance(answer, int | float | np.integer | np.floating):
        return False, "The answer is one number of images per class."
    from vtlab.metrics import shots_to_reach
    from vtlab.sweeps import shots_table

    table = shots_table("garden")
    wanted = table[(table.strategy == "probe") & (table.shots == 5)].test_accuracy.mean()
    each = shots_to_reach(table, "full", wanted)
    right = min(each) <= answer <= max(each)
    return right, "Two to three times as many." if right else (
        "Which accuracy is wanted? Then let shots_to_reach read the curves of full backwards.")  # fmt: skip


@exercise("05.2")
def _overtakes(answer: object) -> Verdict:
    if not callable(answer):
        return False, "The answer is a function of shots and two lists of accuracies."
    shots, first = [1, 2, 4, 8], [0.5, 0.6, 0.7, 0.8]
    cases = [([0.1, 0.2, 0.75, 0.9], 4, "ahead from 4 on"),
             ([0.6, 0.2, 0.3, 0.9], 8, "back in between"),
             ([0.6, 0.7, 0.8, 0.9], 1, "always ahead"),
             ([0.6, 0.7, 0.8, 0.8], None, "level in the end")]  # fmt: skip
    for second, truth, words in cases:
        found = answer(list(shots), list(first), list(second))
        if found is ...:
            return None
        if found != truth:
            return False, f"For a second curve that is {words} it gave {found}."
    return True, "It waits until the lead is kept."


letter("05.3", "b", "What is frozen cannot learn from more images.",
       "What may change in a probe, and what may not?")
