"""Training against a bare loop, the cache against its bound, and many probes at once."""

import statistics
import subprocess
import sys

import pytest
import torch
from benchmarks.conftest import in_turn
from benchmarks.plain import bare_loop
from torch.utils.flop_counter import FlopCounterMode

import vtlab as vt
from vtlab.garden.worlds import WORLDS
from vtlab.system.device import autocast, has_native_bfloat16
from vtlab.training.views import VIEWS_PER_IMAGE

pytestmark = pytest.mark.benchmark


def test_partial_training_gains_what_its_cache_allows(ratios, medians):
    """The plain training of 160 images with and without the cache, three times in turn.

    The bound is that of an epoch whose views are kept already. What filling the cache costs, once,
    shows in the gain of the whole training, which is printed too.
    """
    task = vt.task("garden", shots=20)
    network = vt.backbone(classes=8)
    way = vt.plain(vt.partial(1))  # with no solved head, whose steps are none of these
    way.prepare(network, 0)
    stop = network.frozen_prefix
    images = network.normalise(task.train.pixels[: way.batch_size])
    with torch.no_grad(), autocast():
        maps = network.run_stages(images, 0, stop)

        def last():
            for _ in range(20):
                network.run_stages(maps, stop)

        def every():
            for _ in range(20):
                network.run_stages(images, 0)

        part, whole = medians(last, every, repeats=7)
    share = part / whole
    bound = (1 + 2 * share) / (3 * share)

    def epochs(cache):
        training = vt.fit(vt.backbone(classes=8), task, way, cache=cache)
        return [epoch.seconds for epoch in training]

    rounds = [[epochs(cache) for cache in (True, False)] for _ in range(3)]
    cached, plain = (statistics.median(map(sum, runs)) for runs in zip(*rounds, strict=True))
    ratios.note(
        "partial, garden: gain of the training, filling included",
        f"{plain / cached:.2f}",
        f"{cached:.1f} against {plain:.1f} s (medians of 3)",
    )
    late = [
        [seconds for run in runs for seconds in run[VIEWS_PER_IMAGE:]]
        for runs in zip(*rounds, strict=True)
    ]
    cached, plain = map(statistics.median, late)
    ratios.note(
        "partial, garden: gain of an epoch from the cache",
        f"{plain / cached:.2f}",
        f"{cached:.3f} against {plain:.3f} s (medians of {len(late[0])})",
    )
    ratios.note("partial, garden: the bound (1 + 2s) / (3s)", f"{bound:.2f}", f"s = {share:.2f}")
    ratios.check("partial, garden: gain / bound", plain / cached / bound, least=0.8, bfloat16=True)


def gemm_rate(medians):
    """This machine's own products per second, in the precision that it trains in."""
    left, right = torch.randn(2, 2048, 2048).to(
        torch.bfloat16 if has_native_bfloat16() else torch.float32
    )
    (took,) = medians(lambda: left @ right, repeats=7)
    return 2 * 2048**3 / took


def test_full_fine_tuning_is_as_fast_as_a_bare_loop(ratios, medians):
    """An epoch over 160 images of 64 px without augmentation, interleaved thirty times.

    Where others use the machine, too, two equal epochs in a row may differ by a fifth: so they are short and
    many, and the ratio is the median of the rounds' own.
    """
    task = vt.task("garden", shots=20)
    images = vt.backbone(classes=8).normalise(task.train.pixels)
    labels = task.train.labels

    def ours(augment=None):
        way = vt.plain(vt.full)  # batches of 32 and a random head, as the bare loop has them
        list(vt.fit(vt.backbone(classes=8), task, way, epochs=1, augment=augment))

    def bare():
        bare_loop(vt.backbone(classes=8), images, labels, 1)

    rounds = in_turn(ours, bare, lambda: ours(vt.Augment()), repeats=30)
    own = statistics.median(times[0] for times in rounds)
    (low, plain, high), (_, augmented, _) = (
        statistics.quantiles((times[1] / times[i] for times in rounds), n=4) for i in (0, 2)
    )
    with FlopCounterMode(display=False) as counter:
        vt.backbone(classes=8)(images[:32]).sum().backward()
    done = counter.get_total_flops() / 32 * len(images) / own
    ratios.note(
        "full, garden: share of this machine's GEMM rate",
        f"{done / gemm_rate(medians):.2f}",
        f"{done / 1e9:.0f} GFLOP/s",
    )
    ratios.note("full, garden: the same with the default augmentation", f"{augmented:.2f}")
    ratios.check(
        "full, garden: our images/s / a bare loop's",
        plain,
        least=0.95,
        detail=f"{len(images) / own:.0f} images/s; half of the 30 rounds {low:.2f} to {high:.2f}",
        bfloat16=True,
    )


def test_fifty_probes_cost_half_a_forward_pass(ratios, medians):
    """5 seeds x 10 strengths of L2 on 2,000 images of 64 px, the features included."""
    pixels, labels, _ = WORLDS["garden"].draw(250, 0, 64)
    network = vt.backbone(classes=8)
    strengths = torch.logspace(-4, 1, 10).tolist()
    grid, forward = medians(
        lambda: vt.probe_grid(network, pixels, labels, seeds=range(5), strengths=strengths),
        lambda: vt.activations(network, pixels),
        repeats=3,
    )
    ratios.check(
        "50 probes on 2,000 images / one forward pass",
        grid / forward,
        most=1.5,
        detail=f"{grid:.2f} against {forward:.2f} s (medians of 3)",
    )


def test_importing_is_light(ratios):
    code = (
        "import time, torch; t = time.perf_counter(); import vtlab; print(time.perf_counter() - t)"
    )
    times = sorted(
        float(
            subprocess.run(
                [sys.executable, "-c", code], capture_output=True, text=True, check=True
            ).stdout
        )
        for _ in range(5)
    )
    ratios.check(
        "import vtlab beyond import torch, seconds",
        times[2],
        most=0.15,
        detail="median of 5 processes",
    )
