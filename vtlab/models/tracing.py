"""A network as blocks that follow one another: its forward pass is followed once with a stand-in (`torch.fx`).

A block ends wherever a single value is all that later steps use. Modules that the tracer does not enter stay
whole, with their dropout and their modes. No weight is copied.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from torch import fx, nn

from vtlab.models.from_keras import KerasModel
from vtlab.models.network import network_in_evaluation_mode


@dataclass(frozen=True)
class Block:
    """A part of a network that takes one value and gives one.

    Attributes:
        module: The network's own, where the block is a single one of its modules.
        names: The dotted names of the modules that it runs.
    """

    module: nn.Module
    names: tuple[str, ...]

    @property
    def has_weights(self) -> bool:
        """Whether anything in it is learnt, or counted as BatchNorm counts."""
        return bool(self.module.state_dict())


class _BlockTracer(fx.Tracer):
    """Goes into the modules that it is told to enter, and takes each other one as one step."""

    def __init__(self, enter: Callable[[nn.Module, str], bool]) -> None:
        super().__init__()
        self.enter = enter

    def is_leaf_module(self, module: nn.Module, qualified_name: str) -> bool:
        return not self.enter(module, qualified_name)


def holds_blocks(module: nn.Module) -> bool:
    """Whether a module is a line of modules, or holds lines of modules that are more than single layers."""
    if type(module).forward is nn.Sequential.forward or isinstance(module, KerasModel):
        return True
    return any(
        isinstance(child, nn.Sequential | nn.ModuleList)
        and any(not type(m).__module__.startswith("torch.nn") for m in child)
        for child in module.children()
    )


def find_blocks(root: nn.Module, enter: Callable[[nn.Module, str], bool]) -> list[Block]:
    """The steps of a module's forward pass, cut wherever one value is all that goes on.

    Args:
        root: With a forward that takes images alone, and gives one value.
        enter: Says of each module and its name whether it is gone into, or taken as one step.

    Raises:
        ValueError: If it cannot be followed, with the reason.
    """
    try:
        with network_in_evaluation_mode(root):
            graph = _BlockTracer(enter).trace(root)
    except Exception as error:  # whatever a network does with its stand-in
        raise ValueError(" ".join(str(error).split())[:200]) from None
    _read_counts_nearby(graph)
    images, *steps, output = graph.nodes
    # a block may end after the step behind which no other value is used
    last_use = {
        node: place for place, step in enumerate([*steps, output]) for node in step.all_input_nodes
    }
    constant: set[fx.Node] = set()
    for step in steps:  # weights, and what is made of them alone
        inputs = step.all_input_nodes
        if step.op == "get_attr" or (inputs and constant.issuperset(inputs)):
            constant.add(step)
    blocks, given, since = [], images, 0
    for place, step in enumerate(steps):
        alive = [
            node
            for node in (images, *steps[: place + 1])
            if node not in constant and last_use.get(node, -1) > place
        ]
        if alive == [step]:  # nothing else is needed later: a block may end here
            part = steps[since : place + 1]
            names = tuple(str(one.target) for one in part if one.op == "call_module")
            blocks.append(Block(_make_block(root, given, part, constant), names))
            given, since = step, place + 1
    return blocks


def _read_counts_nearby(graph: fx.Graph) -> None:
    """Let each step that uses the number of images count those that it is given.

    `batch = x.size(0)` in a network's first line is used in its last one; kept until there, it would make one
    block of all.
    """
    for node in list(filter(_counts_images, graph.nodes)):
        for user in [*node.users]:
            given = user.args[0] if user.args else None
            if isinstance(given, fx.Node) and given is not node and given.op != "get_attr":
                with graph.inserting_before(user):
                    user.replace_input_with(node, graph.call_method("size", (given, 0)))
    for node in reversed(graph.nodes):
        if not node.users and node.op in ("call_method", "call_function"):
            graph.erase_node(node)


def _counts_images(node: fx.Node) -> bool:
    """Whether a step reads the number of images: `x.size(0)`, `x.size()[0]` or `x.shape[0]`."""
    if node.target == "size":
        return bool(node.args[1:] == (0,))
    if node.target is not operator.getitem or node.args[1] != 0:
        return False
    given = node.args[0]
    if not isinstance(given, fx.Node):
        return False
    return bool(given.target == "size" or (given.target is getattr and given.args[1] == "shape"))


def _make_block(
    root: nn.Module, given: fx.Node, steps: list[fx.Node], constant: set[fx.Node]
) -> nn.Module:
    """A module that takes one value through these steps; the network's own where it is one step."""
    steps = [step for step in steps if step not in constant]
    only = steps[0] if len(steps) == 1 else None
    if only and only.op == "call_module" and only.args == (given,) and not only.kwargs:
        return root.get_submodule(str(only.target))
    graph = fx.Graph()
    copies = {given: graph.placeholder("values")}

    def copy_node(node: fx.Node) -> fx.Node:
        if node not in copies:  # weights may have been fetched long before they are used
            copies[node] = graph.node_copy(node, copy_node)
            if node.op == "call_method" and node.target == "view":
                copies[node].target = "reshape"  # maps lie channels last here
        return copies[node]

    for step in steps:
        copy_node(step)
    graph.output(copies[steps[-1]])
    return fx.GraphModule(root, graph)


def list_functions(block: nn.Module) -> Iterator[object]:
    """The functions that a block calls besides its modules."""
    if isinstance(block, fx.GraphModule):
        yield from (node.target for node in block.graph.nodes if node.op == "call_function")
