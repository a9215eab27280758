"""The exercises of lesson 03."""

from __future__ import annotations

import numpy as np

from vtlab.exercises.registry import Verdict, exercise, letter


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
