import torch

from vtlab.garden.worlds import WORLDS


def test_arrows_have_more_ink_where_they_point():
    _, labels, masks = WORLDS["arrows"].draw(40, 0, 64)
    assert WORLDS["arrows"].classes == ("north-east", "north-west", "south-west", "south-east")
    line = torch.arange(64) - 31.5
    for k, (east, south) in enumerate([(1, -1), (-1, -1), (-1, 1), (1, 1)]):
        ink = masks[labels == k].float().mean(0)
        assert (ink.sum(0) * line).sum() * east > 0 and (ink.sum(1) * line).sum() * south > 0
