"""What several tests ask of a network or a figure."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from vtlab.analysis.cams import explain
from vtlab.data.images import Images
from vtlab.data.tasks import task
from vtlab.models.network import Network
from vtlab.plots import style
from vtlab.training.fit import fit
from vtlab.training.strategies import FOUR


def each_strategy_moves_its_stages_and_maps_come_out(network: Network, size: int) -> None:
    """Train a step with each of the four, and ask which entries moved; then Grad-CAM of two stages."""
    random = torch.Generator().manual_seed(0)
    images = Images(
        torch.randint(0, 256, (4, 3, size, size), dtype=torch.uint8, generator=random),
        torch.tensor([0, 1, 2, 0]),
    )
    made = replace(task("garden", shots=1), classes=("a", "b", "c"), train=images, test=images)
    start = {k: v.clone() for k, v in network.state_dict().items()}
    for strategy in FOUR:
        network.load_state_dict(start)
        strategy.prepare(network, 0)
        before = {k: v.clone() for k, v in network.state_dict().items()}
        list(fit(network, made, strategy, epochs=None if strategy.convex else 1, augment=None))
        learning = strategy.learning_parts(network)
        allowed = {k for k in before if k.startswith("head.") or k.split(".")[1] in learning}
        moved = entries_that_moved(before, network)
        assert moved <= allowed and {k for k in moved if k.startswith("head.")}
        # a ReLU that is dead from the start, or a table of indices, may stand still
        assert {k.split(".")[1] for k in moved if k.startswith("stages.")} == {*learning} - {"head"}
    for stage in ("stage2", "stage4"):
        maps = explain(network, images.pixels[:2], stage=stage, say=[].append)
        assert maps.dim() == 3 and maps.isfinite().all()


def entries_that_moved(before: dict[str, torch.Tensor], network: nn.Module) -> set[str]:
    """The names of the state's entries that differ from before."""
    return {k for k, v in network.state_dict().items() if not torch.equal(v, before[k])}


def artist(figure_part, gid: str):
    """The one artist of axes (or a figure) that goes by this gid."""
    found = figure_part.findobj(lambda one: one.get_gid() == gid)
    assert len(found) == 1, f"{len(found)} artists are called {gid!r}"
    return found[0]


def drawn_figure():
    """Two axes and a line, as our figures are made."""
    figure, axes = style.new_figure(1, 2, width=4, height=2)
    axes[0, 0].plot([0, 1], [1, 0])
    for ax in axes.flat:
        style.prepare_axes(ax, grid="y")
    return figure


def run_nbval(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Nbval over the notebooks of a folder, in a process of its own."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbval"]
    command += ["--nbval-current-env", "--rootdir", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
