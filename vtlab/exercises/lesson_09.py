"""The exercises of lesson 09."""

from __future__ import annotations

import numpy as np

from vtlab.exercises.registry import Verdict, exercise, letter


@exercise("09.1")
def _pointing_game(answer: object) -> Verdict:
    if not callable(answer):
        return False, "The answer is a function of a map and a mask."
    heat = np.array([[0.1, 0.9, 0.2], [0.0, 0.3, 0.4]])
    for row, column, truth in ((0, 1, True), (1, 2, False), (1, 0, False)):
        mask = np.zeros((2, 3), dtype=bool)
        mask[row, column] = True
        found = answer(heat.copy(), mask)
        if found is None or found is ...:
            return None
        if bool(found) != truth:
            return False, f"The maximum is 0.9; for a mask of row {row}, column {column} it gave {found}."
    return True, "It points where the map is largest."


@exercise("09.2")
def _mass_of_stage3(answer: object) -> Verdict:
    if not isinstance(answer, float | np.floating) or not 0 <= answer <= 1:
        return False, "The answer is one number between 0 and 1: a mean over the images."
    right = 0.44 <= answer <= 0.60
    return right, "About half of the mass, more than at stage 4." if right else (
        "Take stage3 of the trained probe, and the column of the mass.")  # fmt: skip


letter("09.3", "b", "What does not depend on the weights cannot describe them.",
       "Look at the randomisation test: what happens to those maps with a random head?")
