"""Gradients by stage, against autograd and against receptive fields."""

import torch

from vtlab.analysis.architecture import anatomy, receptive_fields
from vtlab.analysis.gradients import gradient_sensitivity


def test_a_middle_cell_is_never_sensitive_outside_its_field(network):
    network.train()
    pixels = torch.randint(0, 256, (6, 3, 64, 64), dtype=torch.uint8)
    before = {k: v.clone() for k, v in network.state_dict().items()}
    found, fields, table = (
        gradient_sensitivity(network, pixels),
        receptive_fields(network),
        anatomy(network),
    )
    for stage, values in found.items():
        first, last = fields[stage].pixels_of_cell(table.side[stage] // 2)
        outside = values.clone()
        outside[int(first) : int(last) + 1, int(first) : int(last) + 1] = 0
        assert values.sum() > 0 and not outside.any()
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())
    assert network.training and all(m.training for m in network.modules())
    assert all(p.grad is None for p in network.parameters())
