"""What a strategy costs, predicted from shapes: weights, operations, memory, seconds.

Operations are counted by running the network on torch's "meta" device, where tensors have a
shape and no numbers. Nothing is computed there, and every convolution and matrix product is counted
that would be. A backward pass is counted only as far as gradients must flow. A stage that learns
needs the gradients of its weights; a stage behind it must pass gradients through; what lies in front
of the first stage that learns needs nothing, not even a second forward pass.
"""

from __future__ import annotations

import contextlib
import copy
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor, nn

from vtlab.models.heads import is_probe_solvable
from vtlab.models.network import Network
from vtlab.system.device import synchronize
from vtlab.system.operations import count_operations
from vtlab.training.optimisers import make_adamw
from vtlab.training.schedules import choose_epochs
from vtlab.training.strategies import Strategy, as_strategy
from vtlab.training.views import VIEWS_PER_IMAGE

NUMBERS_PER_WEIGHT = 2  # that AdamW keeps of each weight that learns: two running means


SavedTensors = dict[int, torch.UntypedStorage]  # memory that autograd keeps, by its address


@dataclass(frozen=True)
class Speed:
    """How fast this machine runs a network: seconds for one batch, by part.

    Attributes:
        forward: Seconds of each part's forward pass.
        backward: Seconds of each part's whole backward pass, its input's gradient included.
        update: Seconds of an optimiser step for one weight.
    """

    forward: dict[str, float]
    backward: dict[str, float]
    update: float


def cost_table(
    network: Network,
    strategy: Strategy | str | Iterable[str],
    *,
    image_size: int = 64,
    batch: int = 32,
    speed: Speed | None = None,
    cache: bool = True,
) -> pd.DataFrame:
    """What one training step by a strategy costs, a row per stage and one for the head.

    Args:
        network: Left as it is.
        strategy: Or its name, or the names of the parts that learn, such as `("stage4", "head")`.
        image_size: Side of the images in pixels.
        batch: Images per step.
        speed: From `calibrate_costs`, for the same image size and batch; adds the column `seconds`.
        cache: Whether the frozen prefix's activations are kept, as `fit` does.

    Returns:
        Columns, for sums over the rows to make sense:
        `weights` of the part; `learn`, those that change;
        `forward` and `step`, multiply-adds per image: of naming a class, and of one training
        step; a cached prefix costs its `forward` once per view and nothing per step;
        `activations`, bytes kept for the backward pass, and `optimiser`, bytes of gradients and
        of AdamW's two means, both in float32 (bfloat16 halves the former);
        `seconds` of a step, where a speed is given.

    Raises:
        ValueError: If a part that should learn is not one of the network's, no strategy has that name,
            or the image is too small for the network.

    Lesson 04.
    """
    ghost = _freeze(copy.deepcopy(network).to("meta"), strategy).train()
    cached_stages = ghost.frozen_prefix if cache else 0
    maps = torch.empty(batch, ghost.channels, image_size, image_size, device="meta")
    maps = maps.contiguous(memory_format=torch.channels_last)
    rows: list[dict[str, str | int | float]] = []
    saved: SavedTensors = {}
    flowing = False  # whether a part learns already, so that gradients flow into the next
    for place, (name, run, module) in enumerate(_list_parts(ghost)):
        count = _count_pass(run, module, maps, flowing, saved)
        flowing = flowing or name in ghost.learning_parts
        is_cached = place < cached_stages
        learn = sum(p.numel() for p in module.parameters() if p.requires_grad)
        row: dict[str, str | int | float] = {
            "stage": name,
            "weights": sum(p.numel() for p in module.parameters()),
            "learn": learn,
            "forward": count.forward // batch,
            "step": 0 if is_cached else (count.forward + count.backward) // batch,
            "activations": count.saved,
            "optimiser": 4 * (1 + NUMBERS_PER_WEIGHT) * learn,
        }
        if speed:
            # What was measured is a whole backward pass; a part that only passes gradients through,
            # or only needs those of its weights, takes the share that its operations have in it.
            whole = _count_pass(run, module, maps, True, {}, everything=True)
            share = count.backward / whole.backward if whole.backward else float(flowing)
            seconds = speed.forward[name] + share * speed.backward[name] + learn * speed.update
            row["seconds"] = 0.0 if is_cached else seconds
        rows.append(row)
        maps = count.outputs
    return pd.DataFrame(rows).set_index("stage")


def count_training_operations(
    network: Network,
    strategy: Strategy | str,
    images: int,
    *,
    epochs: int | None = None,
    image_size: int = 64,
) -> int:
    """Count the multiply-adds of a whole training by `fit`.

    Unlike seconds they are the same on every machine. The frozen prefix is computed once per kept view.
    Solving the probe's head is not counted: it is little beside the images' way through the stages.

    Args:
        network: Left as it is.
        strategy: What learns, or its name.
        images: In the training set.
        epochs: None for as many as `choose_epochs` says.
        image_size: Side of the images in pixels.

    Raises:
        ValueError: If there is no image.

    Lesson 05.
    """
    if images < 1:
        raise ValueError(f"there is no training on {images} images")
    strategy = as_strategy(strategy)
    table = cost_table(network, strategy, image_size=image_size)
    if strategy.convex and is_probe_solvable(network.head):  # another head takes batches
        return images * int(table.forward.sum())
    epochs = epochs or choose_epochs(images, strategy)
    prefix = int(table.forward[table.step == 0].sum())
    solving = int(table.forward.sum()) if strategy.solves_head_first(network) else 0
    return images * (
        solving + min(VIEWS_PER_IMAGE, epochs) * prefix + epochs * int(table.step.sum())
    )


def calibrate_costs(
    network: Network,
    *,
    image_size: int = 64,
    batch: int = 32,
    repeats: int = 5,
    bfloat16: bool | None = None,
) -> Speed:
    """Measure how fast this machine runs the parts of a network.

    The fastest of some repeats counts: whatever else the machine does can only make one slower.

    Args:
        network: Left as it is.
        image_size: Side of the images in pixels.
        batch: Images per step.
        repeats: How often each part is timed, after once that does not count.
        bfloat16: As in `fit`.

    Lesson 04.
    """
    twin = copy.deepcopy(network).freeze((*network.stage_names, "head")).train()
    optimiser = make_adamw(twin.parameters(), twin.device)
    pixels = torch.zeros(batch, 3, image_size, image_size, dtype=torch.uint8)
    seconds: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for _ in range(repeats + 1):
        maps = twin.normalise(pixels)
        for name, run, _module in _list_parts(twin):
            inputs = maps.detach().requires_grad_()
            with (
                _time_block(seconds["forward", name], twin.device),
                twin.autocast(bfloat16),
            ):
                maps = run(inputs)
            with _time_block(seconds["backward", name], twin.device):
                maps.backward(torch.ones_like(maps))
        with _time_block(seconds["update", ""], twin.device):
            optimiser.step()
    # the first of each does not count: memory is found then, and libraries choose their algorithms
    fastest = {key: min(found[1:]) for key, found in seconds.items()}
    forward = {name: value for (kind, name), value in fastest.items() if kind == "forward"}
    backward = {name: value for (kind, name), value in fastest.items() if kind == "backward"}
    return Speed(forward, backward, fastest["update", ""] / twin.count_weights())


def measure_step(
    network: Network,
    strategy: Strategy | str | Iterable[str],
    *,
    image_size: int = 64,
    batch: int = 32,
    repeats: int = 5,
    bfloat16: bool | None = None,
) -> dict[str, float]:
    """Measure what a training step costs on this machine: the sums of `cost_table`'s columns.

    A copy of the network takes real steps of AdamW on black images, from the kept activations of the
    frozen prefix. Operations and kept memory are torch's own counts while numbers flow; the seconds
    are those of the fastest repeat.

    Args:
        network: Left as it is.
        strategy: As in `cost_table`.
        image_size: Side of the images in pixels.
        batch: Images per step.
        repeats: Timed steps, after one that is counted and not timed.
        bfloat16: As in `fit`.

    Lesson 04.
    """
    twin = _freeze(copy.deepcopy(network), strategy).train()
    start = twin.frozen_prefix
    pixels = torch.zeros(batch, 3, image_size, image_size, dtype=torch.uint8)
    labels = torch.zeros(batch, dtype=torch.long, device=twin.device)
    learning = [p for p in twin.parameters() if p.requires_grad]
    optimiser = make_adamw(learning, twin.device)
    with torch.no_grad(), twin.autocast(bfloat16):
        inputs = twin.run_stages(twin.normalise(pixels), 0, start)

    def step() -> None:
        optimiser.zero_grad()
        with twin.autocast(bfloat16):
            logits = twin.classify(twin.run_stages(inputs, start)).float()
        torch.nn.functional.cross_entropy(logits, labels).backward()
        optimiser.step()

    # A step of its own is counted: counting takes time, and the loss is no part of the table.
    with count_operations() as counter:
        with collect_saved_tensors(twin) as saved, twin.autocast(bfloat16):
            logits = twin.classify(twin.run_stages(inputs, start))
        saved_bytes = count_saved_bytes(saved)
        saved.clear()
        logits.sum().backward()
        optimiser.step()
    seconds: list[float] = []
    for _ in range(repeats):
        with _time_block(seconds, twin.device):
            step()
    means = [t for state in optimiser.state.values() for t in state.values() if t.dim()]
    return {
        "learn": sum(p.numel() for p in learning),
        "step": counter.get_total_flops() // 2 // batch,
        "activations": saved_bytes,
        "optimiser": sum(t.nbytes for t in (*means, *(p.grad for p in learning))),
        "seconds": min(seconds),
    }


@contextlib.contextmanager
def _time_block(seconds: list[float], device: torch.device) -> Iterator[None]:
    """Adds to a list how many seconds a block takes until the device has done its work."""
    started = time.perf_counter()
    yield
    synchronize(device)
    seconds.append(time.perf_counter() - started)


def _freeze(network: Network, strategy: Strategy | str | Iterable[str]) -> Network:
    """Let only what learns by a strategy learn, or only the parts of these names."""
    if isinstance(strategy, Strategy | str):
        return as_strategy(strategy).freeze(network)
    return network.freeze(tuple(strategy))


def _list_parts(network: Network) -> Iterator[tuple[str, Callable[[Tensor], Tensor], nn.Module]]:
    """Each stage and the head: its name, what it does to its input, and its module."""
    for name, stage in network.stages.items():
        yield name, stage, stage
    yield "head", network.classify, network.head


@dataclass(frozen=True)
class _PassCount:
    """Multiply-adds of a batch there and back, the bytes saved in between, and the outputs."""

    forward: int
    backward: int
    saved: int
    outputs: Tensor


def _count_pass(
    run: Callable[[Tensor], Tensor],
    module: nn.Module,
    maps: Tensor,
    flowing: bool,
    saved: SavedTensors,
    *,
    everything: bool = False,
) -> _PassCount:
    """Count the forward and backward pass of one part, on meta tensors.

    Args:
        run: The part as a function.
        module: The part as a module.
        maps: Its input.
        flowing: Whether a part before it learns, so that its input needs a gradient.
        saved: What is saved of the parts before it; what this part adds is put in.
        everything: Count the part as if all of it learnt.
    """
    flags = [p.requires_grad for p in module.parameters()]
    if everything:
        module.requires_grad_(True)
    inputs = maps.detach().requires_grad_(flowing)
    before = count_saved_bytes(saved)
    with count_operations() as there, collect_saved_tensors(module, saved):
        outputs = run(inputs)
    with count_operations() as back:
        if outputs.requires_grad:
            outputs.backward(torch.empty_like(outputs))
    for parameter, flag in zip(module.parameters(), flags, strict=True):
        parameter.requires_grad_(flag)
    # two operations make one multiply-add
    return _PassCount(
        there.get_total_flops() // 2,
        back.get_total_flops() // 2,
        count_saved_bytes(saved) - before,
        outputs.detach(),
    )


@contextlib.contextmanager
def collect_saved_tensors(
    module: nn.Module, saved: SavedTensors | None = None
) -> Iterator[SavedTensors]:
    """A block that collects what autograd saves of a forward pass for the backward pass.

    The module's weights and buffers are there anyway and do not count. Memory that several
    operations save counts once; it is not freed before the collection is. See `count_saved_bytes`.
    """
    own = {t.untyped_storage()._cdata for t in (*module.parameters(), *module.buffers())}
    saved = {} if saved is None else saved

    def save(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            saved[storage._cdata] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(save, lambda tensor: tensor):
        yield saved


def count_saved_bytes(saved: SavedTensors) -> int:
    """How many bytes were collected."""
    return sum(storage.nbytes() for storage in saved.values())
