import torch

from vtlab.models.backbones import backbone


def test_kept_statistics_stay_and_are_used_while_everything_learns():
    network = backbone("mini_resnet", classes=3)
    bytes_ = torch.randint(0, 256, (4, 3, 64, 64), generator=torch.Generator().manual_seed(0))
    images = network.normalise(bytes_.to(torch.uint8))
    before = {name: value.clone() for name, value in network.named_buffers()}
    asked = network.eval()(images)
    everything = (*network.stage_names, "head")
    network.freeze(everything, keep_statistics=True).train()
    assert torch.equal(network(images), asked)
    assert all(torch.equal(value, before[name]) for name, value in network.named_buffers())
    assert all(weight.requires_grad for weight in network.parameters())
    network.freeze(everything).train()
    assert not torch.allclose(network(images), asked)
    moved = "stages.stem.1.running_mean"
    assert not torch.equal(dict(network.named_buffers())[moved], before[moved])
