"""The exercises of lesson 16."""

from __future__ import annotations

import numpy as np

from vtlab.exercises.registry import Verdict, exercise, letter


@exercise("16.1")
def _images_for_one_point(answer: object) -> Verdict:
    if not isinstance(answer, int | float | np.integer | np.floating):
        return False, "The answer is one number of images."
    if 95 <= answer <= 105:
        return False, "So many must be held back. How many does the folder need, then?"
    right = 396 <= answer <= 404
    return right, "A hundred held back are a quarter of four hundred." if right else (
        "How many images held back make one of them a point, and what share are they?")  # fmt: skip


@exercise("16.2")
def _balanced(answer: object) -> Verdict:
    from sklearn.metrics import balanced_accuracy_score

    if not callable(answer):
        return False, "The answer is a function of true classes and named ones."
    random = np.random.default_rng(0)
    for counts in ((90, 10), (5, 5), (1, 2, 30)):
        labels = np.repeat(np.arange(len(counts)), counts)
        named = np.where(random.random(len(labels)) < 0.5, labels, 0)
        found = answer(labels, named)
        if found is None or found is ...:
            return None
        wanted = balanced_accuracy_score(labels, named)
        if np.shape(found) != () or abs(float(found) - wanted) > 1e-6:
            return False, f"For classes of {counts} images it gave {found}, not {wanted:.3f}."
    return True, "A class counts as much as any other, whatever its size."


letter("16.3", "b", "What looks alike stays alike, even in random features.",
       "Which of the three would also hold for the garden, where random weights are at chance?")
