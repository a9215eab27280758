"""The exercises of lesson 02."""

from __future__ import annotations

from vtlab.exercises.registry import Verdict, exercise, letter


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
