"""What a strategy costs, predicted from the shapes: weights, operations, memory, seconds.

Operations are counted by running the network on torch's "meta" device, where tensors have a
shape and no numbers: nothing is computed, and every convolution and matrix product is counted
where it would be. A backward pass is counted only as far as gradients must flow: a stage that
learns needs the gradients of its weights, a stage behind it must pass gradients through, and
what lies in front of the first stage that learns needs nothing, not even a second forward pass.
"""

from __future__ import annotations

import contextlib
import copy
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor, nn

from vtlab.models.network import Network
from vtlab.system.device import autocast, synchronize
from vtlab.system.operations import count_operations
from vtlab.training.optimisers import make_adamw
from vtlab.training.probe import is_solvable
from vtlab.training.schedules import default_epochs
from vtlab.training.strategies import Strategy, as_strategy
from vtlab.training.views import VIEWS_PER_IMAGE

NUMBERS_PER_WEIGHT = 2  # numbers that AdamW keeps for each learning weight: two running means


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
        speed: From `calibrate`, for the same image size and batch; adds the column `seconds`.
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
    ghost = _frozen(copy.deepcopy(network).to("meta"), strategy).train()
    first = ghost.frozen_prefix if cache else 0
    maps = torch.empty(batch, 3, image_size, image_size, device="meta")
    maps = maps.contiguous(memory_format=torch.channels_last)
    rows, flowing, kept = [], False, {}
    for place, (name, run, module) in enumerate(_parts(ghost)):
        count = _pass(run, module, maps, flowing, kept)
        full = _pass(run, module, maps, True, {}, everything=True) if speed else count
        flowing = flowing or name in ghost.learning_parts
        cached = place < first
        weights = sum(p.numel() for p in module.parameters())
        learn = sum(p.numel() for p in module.parameters() if p.requires_grad)
        row = {
            "stage": name,
            "weights": weights,
            "learn": learn,
            "forward": count.forward // batch,
            "step": 0 if cached else (count.forward + count.backward) // batch,
            "activations": count.kept,
            "optimiser": 4 * (1 + NUMBERS_PER_WEIGHT) * learn,
        }
        if speed:
            share = count.backward / full.backward if full.backward else float(flowing)
            row["seconds"] = (
                0.0
                if cached
                else (speed.forward[name] + share * speed.backward[name] + learn * speed.update)
            )
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
    """Multiply-adds of a whole training by `fit`, the frozen prefix computed once per kept view.

    Unlike seconds they are the same on every machine. Solving the probe's head is not counted: it is
    small beside the images' one way through the stages.

    Args:
        network: Left as it is.
        strategy: What learns, or its name.
        images: In the training set.
        epochs: None for `default_epochs`.
        image_size: Side of the images in pixels.

    Raises:
        ValueError: If there is no image.

    Lesson 05.
    """
    if images < 1:
        raise ValueError(f"there is no training on {images} images")
    strategy = as_strategy(strategy)
    table = cost_table(network, strategy, image_size=image_size)
    if strategy.convex and is_solvable(network.head):  # any other head is descended on
        return images * int(table.forward.sum())
    epochs = epochs or default_epochs(images, strategy.start)
    prefix = int(table.forward[table.step == 0].sum())
    solved = int(table.forward.sum()) if strategy.head_start == "probe" else 0
    return images * (
        solved + min(VIEWS_PER_IMAGE, epochs) * prefix + epochs * int(table.step.sum())
    )


def calibrate(
    network: Network,
    *,
    image_size: int = 64,
    batch: int = 32,
    repeats: int = 5,
    bfloat16: bool | None = None,
) -> Speed:
    """Measure how fast this machine runs the parts of a network.

    The best of some repeats counts: whatever else the machine does can only make one slower.

    Args:
        network: Left as it is.
        image_size: Side of the images in pixels.
        batch: Images per step.
        repeats: After one that is not counted.
        bfloat16: As in `fit`.

    Lesson 04.
    """
    twin = copy.deepcopy(network).freeze(network.parts).train()
    optimiser = make_adamw(twin.parameters(), twin.device)
    pixels = torch.zeros(batch, 3, image_size, image_size, dtype=torch.uint8)
    seconds: dict[tuple[str, str], list[float]] = {}
    for _ in range(repeats + 1):
        maps = twin.normalise(pixels)
        for name, run, _module in _parts(twin):
            inputs = maps.detach().requires_grad_()
            started = time.perf_counter()
            with autocast(bfloat16, twin.device):
                maps = run(inputs)
            synchronize(twin.device)
            middle = time.perf_counter()
            maps.backward(torch.ones_like(maps))
            synchronize(twin.device)
            seconds.setdefault(("forward", name), []).append(middle - started)
            seconds.setdefault(("backward", name), []).append(time.perf_counter() - middle)
        started = time.perf_counter()
        optimiser.step()
        synchronize(twin.device)
        seconds.setdefault(("update", ""), []).append(time.perf_counter() - started)
    best = {key: min(found[1:]) for key, found in seconds.items()}
    forward = {name: value for (kind, name), value in best.items() if kind == "forward"}
    backward = {name: value for (kind, name), value in best.items() if kind == "backward"}
    return Speed(forward, backward, best["update", ""] / twin.count_weights())


def measure_step(
    network: Network,
    strategy: Strategy | str | Iterable[str],
    *,
    image_size: int = 64,
    batch: int = 32,
    repeats: int = 5,
    bfloat16: bool | None = None,
) -> dict[str, float]:
    """What a training step really costs here: the sums of `cost_table`'s columns, measured.

    Takes real steps of AdamW on black images with a copy of the network, from the kept
    activations of the frozen prefix. Operations and kept memory are torch's own counts while
    numbers flow; the seconds are those of the fastest of the repeats.

    Args:
        network: Left as it is.
        strategy: As in `cost_table`.
        image_size: Side of the images in pixels.
        batch: Images per step.
        repeats: Timed steps, after one that is counted and not timed.
        bfloat16: As in `fit`.

    Lesson 04.
    """
    twin = _frozen(copy.deepcopy(network), strategy).train()
    start = twin.frozen_prefix
    pixels = torch.zeros(batch, 3, image_size, image_size, dtype=torch.uint8)
    labels = torch.zeros(batch, dtype=torch.long, device=twin.device)
    learning = [p for p in twin.parameters() if p.requires_grad]
    optimiser = make_adamw(learning, twin.device)
    with torch.no_grad(), autocast(bfloat16, twin.device):
        inputs = twin.run_stages(twin.normalise(pixels), 0, start)

    def step() -> None:
        optimiser.zero_grad()
        with autocast(bfloat16, twin.device):
            logits = twin.classify(twin.run_stages(inputs, start)).float()
        torch.nn.functional.cross_entropy(logits, labels).backward()
        optimiser.step()

    with count_operations() as counter:
        with collect_saved_tensors(twin) as kept, autocast(bfloat16, twin.device):
            logits = twin.classify(twin.run_stages(inputs, start))
        bytes_kept = count_saved_bytes(kept)
        kept.clear()
        logits.sum().backward()
        optimiser.step()
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        step()
        synchronize(twin.device)
        seconds.append(time.perf_counter() - started)
    states = [t for state in optimiser.state.values() for t in state.values() if t.dim()]
    numbers = sum(t.nbytes for t in (*states, *(p.grad for p in learning)))
    return {
        "learn": sum(p.numel() for p in learning),
        "step": counter.get_total_flops() // 2 // batch,
        "activations": bytes_kept,
        "optimiser": numbers,
        "seconds": min(seconds),
    }


def _frozen(network: Network, strategy: Strategy | str | Iterable[str]) -> Network:
    return (
        as_strategy(strategy).freeze(network)
        if isinstance(strategy, Strategy | str)
        else network.freeze(tuple(strategy))
    )


def _parts(network: Network) -> Iterator[tuple[str, Callable[[Tensor], Tensor], nn.Module]]:
    for name, stage in network.stages.items():
        yield name, stage, stage
    yield "head", network.classify, network.head


@dataclass(frozen=True)
class _Pass:
    """Multiply-adds of a batch there and back, the bytes kept in between, and the outputs."""

    forward: int
    backward: int
    kept: int
    outputs: Tensor


def _pass(
    run: Callable[[Tensor], Tensor],
    module: nn.Module,
    maps: Tensor,
    flowing: bool,
    kept: dict[int, torch.UntypedStorage],
    *,
    everything: bool = False,
) -> _Pass:
    """One part on meta tensors.

    Args:
        run: The part as a function.
        module: The part as a module.
        maps: Its input.
        flowing: Whether something before it learns, so that its input needs a gradient.
        kept: What the parts before it keep; filled.
        everything: Count it as if it learnt.
    """
    flags = [p.requires_grad for p in module.parameters()]
    if everything:
        module.requires_grad_(True)
    inputs = maps.detach().requires_grad_(flowing)
    before = count_saved_bytes(kept)
    with count_operations() as there, collect_saved_tensors(module, kept):
        outputs = run(inputs)
    with count_operations() as back:
        if outputs.requires_grad:
            outputs.backward(torch.empty_like(outputs))
    for parameter, flag in zip(module.parameters(), flags, strict=True):
        parameter.requires_grad_(flag)
    # two operations make one multiply-add
    return _Pass(
        there.get_total_flops() // 2,
        back.get_total_flops() // 2,
        count_saved_bytes(kept) - before,
        outputs.detach(),
    )


@contextlib.contextmanager
def collect_saved_tensors(
    module: nn.Module, kept: dict[int, torch.UntypedStorage] | None = None
) -> Iterator[dict[int, torch.UntypedStorage]]:
    """Collects what autograd keeps of a forward pass inside the block; see `count_saved_bytes`.

    Weights and buffers of the module are there anyway and do not count; memory that several
    operations keep counts once. What was collected stays in memory as long as the collection.
    """
    own = {t.untyped_storage()._cdata for t in (*module.parameters(), *module.buffers())}
    kept = {} if kept is None else kept

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            kept[storage._cdata] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        yield kept


def count_saved_bytes(kept: dict[int, torch.UntypedStorage]) -> int:
    """How many bytes were kept."""
    return sum(storage.nbytes() for storage in kept.values())
