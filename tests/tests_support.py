"""What several tests ask of a network."""

import torch
from torch import nn


def entries_that_moved(before: dict[str, torch.Tensor], network: nn.Module) -> set[str]:
    """The names of the state's entries that differ from before."""
    return {k for k, v in network.state_dict().items() if not torch.equal(v, before[k])}
