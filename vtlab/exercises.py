"""The checks of the lessons' exercises.

To add one, write a function of the learner's answer that returns `(right, words)`, or None if
the answer shows that nothing was attempted, and put `@exercise("NN.n")` above it. The words of
a wrong answer help without giving the answer away; the lesson's solution must pass its check
(`lessons/solutions`, run by nbval).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Verdict = tuple[bool, str] | None
EXERCISES: dict[str, Callable[[object], Verdict]] = {}


def exercise(number: str) -> Callable[[Callable], Callable]:
    """Register the check of one exercise."""

    def register(check: Callable[[object], Verdict]) -> Callable[[object], Verdict]:
        EXERCISES[number] = check
        return check

    return register


def letter(number: str, right: str, praise: str, hint: str) -> None:
    """Register an exercise whose answer is one of the letters a, b, c."""
    exercise(number)(lambda answer: (answer == right, praise if answer == right else hint))


@exercise("01.1")
def _strategy_value(answer: object) -> Verdict:
    stages = getattr(answer, "stages", "none")
    if stages == "none":
        return False, "The answer is a strategy, such as vt.full."
    return stages == 2, "Two stages and the head learn." if stages == 2 else (
        "Count the stages that learn beside the head.")  # fmt: skip


@exercise("01.2")
def _own_accuracy(answer: object) -> Verdict:
    if not callable(answer):
        return False, "The answer is a function of labels and predictions."
    cases = [([0, 1, 2, 2], [0, 1, 2, 2]), ([0, 1, 1, 1], [1, 1, 1, 0]), ([3, 3], [0, 1])]
    for labels, predictions in cases:
        found = answer(np.array(labels), np.array(predictions))
        if found is None or found is ...:
            return None
        truth = float(np.mean(np.array(labels) == np.array(predictions)))
        if not np.isclose(float(found), truth):
            return False, f"For labels {labels} and predictions {predictions} it gave {found}."
    return True, "It counts what it should."


letter("01.3", "b", "Fitting the shots is not the same as knowing the species.",
       "Look again at the training accuracy in the curves.")


@exercise("02.1")
def _small_kernels(answer: object) -> Verdict:
    from torch import nn

    from vtlab.fields import field_after

    if not isinstance(answer, nn.Module):
        return False, "The answer is a module, such as nn.Sequential(…)."
    layers = [module for module in answer.modules() if isinstance(module, nn.Conv2d)]
    if not layers or any(layer.kernel_size != (3, 3) for layer in layers):
        return False, "All convolutions should be 3 × 3."
    if any((layer.in_channels, layer.out_channels) != (16, 16) for layer in layers):
        return False, "All convolutions should go from 16 to 16 channels."
    if any(layer.stride != (1, 1) or layer.padding != (1, 1) for layer in layers):
        return False, "All convolutions should have stride 1 and padding 1."
    size = field_after(answer).size
    return size == 7, ("27 weights for a pair of channels instead of 49." if size == 7 else
                       f"Its field has {size} pixels, not 7.")  # fmt: skip


@exercise("02.2")
def _own_field(answer: object) -> Verdict:
    from torch import nn

    from vtlab.fields import field_after

    if not callable(answer):
        return False, "The answer is a function of a list of kernels and strides."
    for layers in ([], [(3, 1)], [(3, 1), (3, 1)], [(3, 2), (3, 1)], [(7, 2), (3, 2), (3, 1), (3, 2), (3, 1)]):
        found = answer(list(layers))
        if found is None or found is ...:
            return None
        truth = field_after(nn.Sequential(*(nn.Conv2d(1, 1, *layer) for layer in layers))).size
        if found != truth:
            return False, f"For {layers} it gave {found}."
    return True, "It widens, layer by layer, and strides count for all that follows."


letter("02.3", "b", "A batch's mean ties all of its pixels together.",
       "Which layer asks whether it is training, and what does it do then?")


@exercise("03.1")
def _hidden_head(answer: object) -> Verdict:
    import torch
    from torch import nn

    if not isinstance(answer, nn.Module):
        return False, "The answer is a module, such as nn.Sequential(…)."
    features = torch.rand(5, 256)
    with torch.no_grad():
        outputs = answer.eval()(features)
    if outputs.shape != (5, 8):
        return False, f"Features (5, 256) should become (5, 8), and became {tuple(outputs.shape)}."
    kinds = [type(module) for module in answer.modules()]
    sizes = [module.out_features for module in answer.modules() if isinstance(module, nn.Linear)]
    if sizes != [64, 8]:
        return False, f"Its linear layers have {sizes} outputs; a hidden one of 64 is wanted."
    if nn.ReLU not in kinds:
        return False, "Without a ReLU two linear layers are no more than one."
    drops = [module.p for module in answer.modules() if isinstance(module, nn.Dropout)]
    right = drops == [0.5] and kinds.index(nn.Dropout) > kinds.index(nn.Linear)
    return right, "Hidden, bent, and half of it dropped." if right else (
        "Where is the dropout of a half before the last layer?")  # fmt: skip


@exercise("03.2")
def _xavier(answer: object) -> Verdict:
    if not callable(answer):
        return False, "The answer is a function of the numbers of inputs and outputs."
    for inputs, outputs in ((400, 100), (100, 400), (256, 8)):
        found = answer(inputs, outputs)
        if found is None or found is ...:
            return None
        values = np.asarray(found)
        if values.shape != (outputs, inputs):
            return False, f"{inputs} inputs and {outputs} outputs gave the shape {values.shape}."
        wanted = (2 / (inputs + outputs)) ** 0.5
        # the spread of n normal numbers is known to within 1 / sqrt(2 n), here 1.6 % at most
        if abs(values.std() / wanted - 1) > 0.08:
            return False, (f"For {inputs} inputs and {outputs} outputs the spread is {values.std():.4f}: "
                           "is the variance what it should be, or the spread?")  # fmt: skip
        if abs(values.mean()) > 0.1 * wanted:
            return False, "The weights should have mean zero."
    return True, "It keeps signals their size, there and back."


letter("03.3", "c", "What differs around it makes its weights differ at the first step.",
       "What would two units of a hidden layer at zero get as inputs and as gradients?")


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


letter("04.3", "c", "The mode is what BatchNorm obeys.",
       "What does train() change, and who listens to it?")


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
