"""What several tests ask of a network or a figure."""

import torch
from torch import nn


def entries_that_moved(before: dict[str, torch.Tensor], network: nn.Module) -> set[str]:
    """The names of the state's entries that differ from before."""
    return {k for k, v in network.state_dict().items() if not torch.equal(v, before[k])}


def artist(figure_part, gid: str):
    """The one artist of axes (or a figure) that goes by this gid."""
    found = figure_part.findobj(lambda one: one.get_gid() == gid)
    assert len(found) == 1, f"{len(found)} artists are called {gid!r}"
    return found[0]
