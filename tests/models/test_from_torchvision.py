"""Torchvision's networks in five stages: the same outputs, each strategy, a map from each stage."""

import pytest
import torch
from tests_support import each_strategy_moves_its_stages_and_maps_come_out

from vtlab.models import from_torchvision
from vtlab.models.backbones import backbone, find_backbone_image_size

FAMILIES = {
    "alexnet": 64,
    "convnext_tiny": 64,
    "densenet121": 64,
    "efficientnet_b0": 64,
    "googlenet": 64,
    "inception_v3": 96,
    "mnasnet0_5": 64,
    "mobilenet_v3_small": 64,
    "regnet_x_400mf": 64,
    "resnet18": 64,
    "shufflenet_v2_x0_5": 64,
    "squeezenet1_1": 64,
    "swin_t": 64,
    "vgg11_bn": 64,
    "vit_b_32": 224,
    "maxvit_t": 224,
}
# one of each kind of design at each change; all of them, swin_t, vgg11_bn and densenet121 too, are nightly
LIGHT = [
    "resnet18",
    "mobilenet_v3_small",
    "shufflenet_v2_x0_5",
    "squeezenet1_1",
    "googlenet",
    "efficientnet_b0",
]
STRANGE = {
    "vit_h_14",
    "regnet_y_128gf",
    "vit_l_16",
    "vit_l_32",
    "convnext_large",
}  # too much memory


def nightly(names, but=()):
    return [n if n in but else pytest.param(n, marks=pytest.mark.nightly) for n in names]


def every():
    return [n for n in from_torchvision.list_torchvision_names() if n not in STRANGE]


def smallest(name):
    return FAMILIES.get(name, find_backbone_image_size(name))


@pytest.mark.parametrize("name", nightly(dict.fromkeys([*FAMILIES, *every()]), but=FAMILIES))
def test_the_parts_in_line_are_the_network_itself(name):
    size = smallest(name)
    with torch.random.fork_rng():
        model = from_torchvision.build_torchvision_model(name).eval()
    parts, images = (
        from_torchvision.cut_torchvision_model(model, size),
        torch.randn(2, 3, size, size),
    )
    assert tuple(parts.stages) == ("stem", "stage1", "stage2", "stage3", "stage4")
    assert all(list(stage.parameters()) for stage in parts.stages.values())
    with torch.no_grad():
        maps = images
        for stage in parts.stages.values():
            maps = stage(maps)
        assert torch.equal(parts.tail(maps), model(images))
    assert parts.features == (maps.shape[2] if maps.dim() == 3 else maps.shape[1])


@pytest.mark.parametrize("name", nightly(every(), but=LIGHT))
def test_each_strategy_moves_its_stages_and_a_map_comes_out(name):
    network = backbone(name, classes=3, weights=None)
    each_strategy_moves_its_stages_and_maps_come_out(network, find_backbone_image_size(name))


@pytest.mark.parametrize("name", ["resnet18", "swin_t", "vit_b_32"])
def test_a_new_head_gets_means_of_maps_or_the_class_token(name):
    size = smallest(name)
    network = backbone(name, classes=3, weights=None).eval()
    with torch.no_grad():
        last = network.run_stages(torch.randn(2, 3, size, size), 0)
        pooled = last[:, 0] if last.dim() == 3 else last.mean((2, 3))
        assert torch.allclose(network.classify(last), network.head(pooled), atol=1e-5)


def test_the_parts_of_every_network_of_torchvision_are_known():
    from torchvision import models

    for name in from_torchvision.list_torchvision_names():
        if name.startswith("regnet"):  # cannot be built without memory; all are of one class
            continue
        more = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
        with torch.device("meta"):
            model = models.get_model(name, weights=None, **more)
        stages, tail = from_torchvision._find_parts(model)
        for part in (stages + " " + tail).split():
            from_torchvision._make_part(model, part)


def test_octaves_end_stages():
    parts = from_torchvision.cut_torchvision_model(
        from_torchvision.build_torchvision_model("resnet18"), 224
    )
    maps, cells = torch.zeros(1, 3, 224, 224), []
    with torch.no_grad():
        for stage in parts.stages.values():
            maps = stage(maps)
            cells.append(maps.shape[-1])
    assert cells == [112, 56, 28, 14, 7]


def test_layouts_of_transformers_are_known():
    assert set(backbone("vit_b_32", weights=None).layouts.values()) == {"tokens"}
    swin = backbone("swin_t", weights=None).layouts
    assert swin["stage2"] == "channels_last" and swin["stage4"] == "channels_first"


def test_what_cannot_be_built_is_named(tmp_path):
    with pytest.raises(ValueError, match="unknown backbone 'resnet19'.*such as resnet18"):
        backbone("resnet19")
    with pytest.raises(ValueError, match="no way to cut a Linear"):
        from_torchvision.cut_torchvision_model(torch.nn.Linear(2, 2), 8)
    with pytest.raises(ValueError, match="no old head is kept of mini_resnet"):
        backbone("mini_resnet", classes=None)
    model = from_torchvision.build_torchvision_model("resnet18")
    torch.save(model.state_dict(), tmp_path / "small.pth")
    with pytest.raises(ValueError, match="small.pth does not hold resnet34: .* is missing"):
        backbone("resnet34", weights=tmp_path / "small.pth")
    with pytest.raises(
        ValueError, match="small.pth does not hold resnet50: .* is of another shape"
    ):
        backbone("resnet50", weights=tmp_path / "small.pth")


def test_a_file_fills_the_network_and_a_head_of_other_classes_is_left_aside(tmp_path):
    from torchvision.models import resnet18

    theirs = resnet18(num_classes=7).eval()
    torch.save(theirs.state_dict(), tmp_path / "seven.pth")
    network = backbone("resnet18", classes=3, weights=tmp_path / "seven.pth").eval()
    assert network.output_count == 3 and network.origin == "seven"
    assert torch.equal(network.stages["stage4"][1].conv2.weight, theirs.layer4[1].conv2.weight)
    with pytest.raises(ValueError, match=r"fc\.weight is of another shape"):
        backbone("resnet18", classes=None, weights=tmp_path / "seven.pth")


def test_densenets_names_of_an_older_version_are_understood(tmp_path):
    model = from_torchvision.build_torchvision_model("densenet121")
    older = {
        k.replace("norm1.", "norm.1.").replace("conv1.", "conv.1.") if "denselayer" in k else k: v
        + 1
        for k, v in model.state_dict().items()
    }
    torch.save(older, tmp_path / "old.pth")
    filled = from_torchvision.load_torchvision_model(
        "densenet121", tmp_path / "old.pth", old_head=True
    )[0]
    assert torch.equal(
        filled.features.denseblock1.denselayer1.conv1.weight,
        older["features.denseblock1.denselayer1.conv.1.weight"],
    )


@pytest.mark.parametrize("name", ["mobilenet_v2", "squeezenet1_1"])
def test_published_weights_give_torchvisions_outputs_to_the_bit(photos, name):
    from torchvision import models

    path = photos / "weights" / f"{name}.pth"
    theirs = models.get_model(name, weights=None).eval()
    theirs.load_state_dict(torch.load(path, weights_only=True))
    ours = (
        backbone(name, classes=None, weights=path).eval().to(memory_format=torch.contiguous_format)
    )
    images = torch.randn(2, 3, 224, 224)
    with torch.no_grad():
        assert torch.equal(ours(images), theirs(images))


@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
def test_an_inception_scales_its_images_with_loaded_weights_and_without(name, tmp_path):
    """The scaling is no weight: a study and a saved model load weights into a fresh network."""
    torch.save(from_torchvision.build_torchvision_model(name).state_dict(), tmp_path / "itself.pth")
    model = from_torchvision.load_torchvision_model(name, tmp_path / "itself.pth", old_head=True)[0]
    images = torch.rand(2, 3, 96, 96)
    stems = [
        from_torchvision.cut_torchvision_model(made.eval(), 96).stages["stem"]
        for made in (model, from_torchvision.build_torchvision_model(name))
    ]
    stems[1].load_state_dict(stems[0].state_dict())
    with torch.no_grad():
        assert torch.equal(stems[0](images), stems[1](images))
        assert not torch.allclose(model._transform_input(images), images, atol=0.1)
