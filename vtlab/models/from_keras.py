"""Keras."""

from __future__ import annotations

from torch import nn


def is_keras_model(module: nn.Module) -> bool:
    """Whether a module is a model of Keras, whose backend is torch; Keras itself is not imported."""
    return any(kind.__module__.startswith("keras.") for kind in type(module).__mro__)


def copy_keras_model(model: nn.Module) -> nn.Module:
    """A copy."""
    raise ValueError("not yet")
