"""The exercises of lesson 06."""

from __future__ import annotations

from vtlab.exercises.registry import Verdict, exercise, letter


@exercise("06.1")
def _normalisation_only(answer: object) -> Verdict:
    from vtlab.backbones import backbone
    from vtlab.strategies import Strategy

    if not isinstance(answer, Strategy):
        return False, "The answer is a strategy, such as vt.Strategy('full', …)."
    if answer.start != "pretrained" or not answer.head_learns:
        return False, "The weights start pretrained, and the head learns."
    network = backbone("mini_resnet")
    if set(answer.learning(network)) != {*network.stage_names, "head"}:
        return False, "All five stages should take part."
    right = answer.kind == "norm"
    return right, "Scales, shifts and the head." if right else "Which kind of weights is it?"


@exercise("06.2")
def _thawed(answer: object) -> Verdict:
    if not callable(answer):
        return False, "The answer is a function of an epoch, names and a number of epochs."
    names = ("stem", "stage1", "stage2")
    for epoch, each, learning in ((0, 2, 0), (1, 2, 0), (2, 2, 1), (5, 2, 2), (6, 2, 3), (40, 3, 3)):
        found = answer(epoch, names, each)
        if found is None or found is ...:
            return None
        if tuple(found) != names[len(names) - learning :]:
            return False, f"In epoch {epoch}, one more every {each}, it gave {tuple(found)}."
    return True, "From the head towards the image."


letter("06.3", "b", "Knowing the wrong thing can be worse than knowing nothing.",
       "Count the weights that learn in both cases, and ask what the later stages were made for.")
