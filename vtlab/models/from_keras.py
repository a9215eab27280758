"""Models of Keras 3 whose backend is torch: their layers as modules, called in the order of the model's graph.

`KERAS_BACKEND=torch` makes each of Keras' layers a module with torch's own weights. What is left to do is to
call them one by one, so that they can be cut, to tell them whether they train, and to copy them, which their
own way of pickling does not do for weights that are shared. Keras itself is imported by whoever has a model.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from vtlab.system.randomness import every_seed


def is_keras_model(module: nn.Module) -> bool:
    """Whether a module is a model of Keras."""
    return any(kind.__module__.startswith("keras.") for kind in type(module).__mro__)


class KerasLayer(nn.Module):
    """A layer of Keras: its weights are this module's, and what it counts and never learns are its buffers."""

    def __init__(self, layer: Any) -> None:
        """Take over a layer that is built."""
        super().__init__()
        self.held = (layer,)  # in a tuple, so that its weights are not registered twice
        known = getattr(layer, "trainable", True)
        if not known:
            layer.trainable = True  # to see which of its weights learn
        learnt = {id(one) for one in getattr(layer, "trainable_variables", ())}
        for number, variable in enumerate(getattr(layer, "variables", ())):
            # Keras counts on in its own names: a copy would have others
            name = f"{number}_{re.sub(r'[^a-z]', '_', variable.name)}"
            if id(variable) in learnt:
                self.register_parameter(name, variable.value.requires_grad_(known))
            else:
                self.register_buffer(name, variable.value)

    @property
    def layer(self) -> Any:
        """Keras' own layer."""
        return self.held[0]

    @property
    def linear_sizes(self) -> tuple[int, int] | None:
        """How many numbers a Dense layer takes and gives; None for another."""
        if type(self.layer).__name__ != "Dense":
            return None
        return tuple(self.layer.kernel.shape)

    def forward(self, *inputs: Any, **options: Any) -> Any:
        """What the layer gives; in training mode it is told so, unless its model always says no."""
        if getattr(self.layer, "_call_has_training_arg", False):
            options["training"] = self.training and options.get("training") is not False
        return self.layer(*inputs, **options)

    def reset_parameters(self) -> None:
        """Draw the weights anew, by the layer's own initialisers, from torch's random numbers."""
        with every_seed(int(torch.randint(2**31, ()))):
            fresh = _copy_layer(self.layer)
        _take_weights(self.layer, fresh)

    def extra_repr(self) -> str:
        """The layer's kind and name."""
        return f"{type(self.layer).__name__} {getattr(self.layer, 'name', '')}".strip()

    def __reduce__(self) -> tuple[Any, ...]:
        """How to make it again: Keras' layers are copied by what they say of themselves."""
        weights = [value.detach().cpu().numpy() for value in self.state_dict().values()]
        learns = [weight.requires_grad for weight in self.parameters()]
        names = list(self.state_dict())
        return _restore_layer, (_describe_layer(self.layer), names, weights, learns, self.training)


class _Description(NamedTuple):
    """What makes a layer again: its class, how it is configured, and how it was built."""

    kind: Any
    config: dict[str, Any]
    built: Any


def _describe_layer(layer: Any) -> _Description | Any:
    if not hasattr(layer, "get_build_config"):  # an operation without weights
        return layer
    return _Description(type(layer), layer.get_config(), _map_values(layer.get_build_config()))


def _map_values(values: Any, change: Callable[[Any], Any] = lambda value: value) -> Any:
    """The same in plain lists, tuples and dicts, with each value changed.

    Keras' own lists and dicts follow what is put into them, and cannot be pickled.
    """
    if isinstance(values, dict):
        return {key: _map_values(value, change) for key, value in values.items()}
    if isinstance(values, tuple | list):
        kind = tuple if isinstance(values, tuple) else list
        return kind(_map_values(value, change) for value in values)
    return change(values)


def _make_layer(known: _Description | Any) -> Any:
    if not isinstance(known, _Description):
        return known
    layer = known.kind.from_config(known.config)
    if known.built and not layer.built:
        layer.build_from_config(known.built)
    return layer


def _copy_layer(layer: Any) -> Any:
    """A new layer like another; its weights are drawn anew."""
    return _make_layer(_describe_layer(layer))


def _take_weights(layer: Any, other: Any) -> None:
    """Fill a layer with the weights of another that is like it."""
    with torch.no_grad():
        for mine, theirs in zip(
            getattr(layer, "variables", ()), getattr(other, "variables", ()), strict=True
        ):
            mine.value.copy_(theirs.value)


def _restore_layer(
    known: _Description | Any,
    names: list[str],
    weights: list[Any],
    learns: list[bool],
    training: bool,
) -> KerasLayer:
    """The layer that `KerasLayer.__reduce__` described."""
    made = KerasLayer(_make_layer(known))
    values = {name: torch.from_numpy(value) for name, value in zip(names, weights, strict=True)}
    made.load_state_dict(values)
    for weight, flag in zip(made.parameters(), learns, strict=True):
        weight.requires_grad_(flag)
    return made.train(training)


@dataclass(frozen=True)
class _Place:
    """Stands for the value of this number among a layer's inputs."""

    number: int


class _Step(NamedTuple):
    """A call of a layer: its name, its inputs with places for values, and the numbers of what it gives."""

    layer: str
    inputs: Any
    options: Any
    outputs: tuple[int, ...]


class KerasModel(nn.Module):
    """A model of Keras as a module that calls copies of its layers one by one.

    Attributes:
        channels: Of its images.
        image_size: Their side in pixels; None where it takes any.
        channels_last: Whether its maps are `(N, h, w, C)`, as Keras' are by default.
    """

    def __init__(self, model: Any, *, outermost: bool = True) -> None:
        """Copy the layers of a functional model or a Sequential.

        Raises:
            ValueError: If it is neither, or not built, or has several inputs.
        """
        super().__init__()
        self.image_size: int | None
        name = type(model).__name__
        graph = getattr(model, "_functional", None) or model
        if not hasattr(graph, "_nodes_by_depth"):
            raise ValueError(
                f"{name} has no graph: a Keras model is cut where it is functional, or a Sequential that knows "
                "the size of its images (keras.Input)"
            )
        if len(graph.inputs) != 1 or len(graph.outputs) != 1:
            raise ValueError(f"{name} has several inputs or outputs")
        self.channels_last = _lies_channels_last(model) and outermost
        self.channels, self.image_size = 3, None
        if outermost:  # `(None, H, W, C)`, or the channels before
            shape = tuple(graph.inputs[0].shape)
            if len(shape) != 4:
                raise ValueError(f"this Keras model takes inputs of shape {shape}, not images")
            self.channels = shape[3 if self.channels_last else 1] or 3
            self.image_size = shape[2]
        self.steps: list[_Step] = []
        numbers = {id(graph.inputs[0]): 0}
        for depth in sorted(graph._nodes_by_depth, reverse=True):
            for node in graph._nodes_by_depth[depth]:
                if not node.operation or node.is_input:
                    continue
                outputs = tuple(numbers.setdefault(id(one), len(numbers)) for one in node.outputs)
                inputs, options = (
                    _map_values(given, lambda v: _Place(numbers[id(v)]) if id(v) in numbers else v)
                    for given in (node.arguments.args, node.arguments.kwargs)
                )
                self.steps.append(_Step(self._add(node.operation), inputs, options, outputs))
        self.last = numbers[id(graph.outputs[0])]

    def _add(self, layer: Any) -> str:
        """Add a copy of a layer, once; gives its name."""
        name = str(layer.name).replace(".", "_")
        if name not in self._modules:
            if hasattr(layer, "layers"):
                self.add_module(name, KerasModel(layer, outermost=False))
            else:
                twin = _copy_layer(layer)
                _take_weights(twin, layer)
                self.add_module(name, KerasLayer(twin))
        return name

    def forward(self, values: Tensor, training: bool | None = None, mask: None = None) -> Any:
        """What the model gives for images `(N, C, H, W)`; a model inside another gets what the other has."""
        if self.channels_last:
            values = values.permute(0, 2, 3, 1)
        known = {0: values}

        def fill(value: Any) -> Any:
            return known[value.number] if isinstance(value, _Place) else value

        for step in self.steps:
            inputs, options = _map_values(step.inputs, fill), _map_values(step.options, fill)
            if training is False:
                options = {**options, "training": False}
            given = getattr(self, step.layer)(*inputs, **options)
            several = given if isinstance(given, tuple | list) else [given]
            known.update(zip(step.outputs, several, strict=False))
        return known[self.last]


def _lies_channels_last(model: Any) -> bool:
    """Whether the layers of a model have their channels last."""
    layers = getattr(model, "layers", ())
    inner = (one for layer in layers for one in getattr(layer, "layers", ()))
    formats = {getattr(layer, "data_format", None) for layer in (*layers, *inner)}
    return "channels_first" not in formats
