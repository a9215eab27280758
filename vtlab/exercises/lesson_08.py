"""The exercises of lesson 08."""

from __future__ import annotations

import numpy as np

from vtlab.exercises.registry import Verdict, exercise, letter


@exercise("08.1")
def _under_the_microscope(answer: object) -> Verdict:
    from vtlab.augment import Augment

    if not isinstance(answer, Augment):
        return False, "The answer is an augmentation, such as vt.Augment(noise=5)."
    if not (answer.flip and answer.turn):
        return False, "A slide has neither left nor right nor up: which two kinds say that?"
    if answer.light or answer.hue:
        return False, "The stain tells the classes apart: something still changes the colours."
    right = not (answer.crop or answer.rotate)
    return right, "It moves whole pixels, and the stain stays." if right else (
        "Whole pixels only: something still resamples.")  # fmt: skip


@exercise("08.2")
def _mixed_labels(answer: object) -> Verdict:
    if not callable(answer):
        return False, "The answer is a function of labels, partners, a share and the number of classes."
    for labels, partner, share in (([0, 2, 1], [1, 2, 0], 0.75), ([1, 1], [1, 0], 0.6), ([2], [0], 0.9)):
        found = answer(np.array(labels), np.array(partner), share, 3)
        if found is None or found is ...:
            return None
        hot = np.eye(3)[labels]
        wanted = share * hot + (1 - share) * hot[partner]
        if np.shape(found) != wanted.shape:
            return False, f"{len(labels)} labels of three classes gave the shape {np.shape(found)}."
        if not np.allclose(found, wanted):
            return False, f"For labels {labels}, partners {partner} and a share of {share} it gave {found}."
    return True, "Every row sums to one."


letter("08.3", "b", "Forty images can be told apart by more than what they mean.",
       "What else differs between the images, and stays in all views of one of them?")
