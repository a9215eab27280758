"""Timm's networks in five stages: the same outputs, each strategy, a map from each stage."""

import pytest
import torch
from tests_support import each_strategy_moves_its_stages_and_maps_come_out

from vtlab.analysis.cams import explain
from vtlab.models import from_timm
from vtlab.models.backbones import backbone, find_backbone_image_size

timm = pytest.importorskip("timm", reason="timm is not installed")

LIGHT = [
    "convnext_atto",
    "vit_tiny_patch16_224",
    "regnety_002",
    "mobilenetv3_small_050",
    "mixer_s16_224",
    "efficientnet_b0",
    "swin_tiny_patch4_window7_224",
    "resnetv2_50",
    "levit_128",
    "edgenext_xx_small",
]
FAMILIES = [
    *LIGHT,
    "resnet18",
    "densenet121",
    "deit_tiny_distilled_patch16_224",
    "beit_base_patch16_224",
    "nfnet_f0",
    "poolformer_s12",
    "maxvit_pico_rw_256",
    "efficientformer_l1",
    "ghostnet_100",
    "hrnet_w18_small",
    "dla34",
    "vgg11",
    "inception_v4",
    "xception41",
    "repvgg_a0",
    "gmlp_s16_224",
    "convmixer_768_32",
    "cait_xxs24_224",
    "pvt_v2_b0",
    "visformer_tiny",
    "volo_d1_224",
    "focalnet_tiny_srf",
    "davit_tiny",
    "hiera_tiny_224",
    "fastvit_t8",
    "mambaout_femto",
    "starnet_s1",
    "tinynet_a",
    "rexnet_100",
    "res2net50_26w_4s",
    "resnest14d",
    "skresnet18",
    "cspresnet50",
    "selecsls42",
    "hardcorenas_a",
    "dpn48b",
    "mnasnet_050",
    "lcnet_035",
    "eva02_tiny_patch14_224",
    "rdnet_tiny",
    "inception_next_atto",
    "caformer_s18",
    "sequencer2d_s",
    "gcvit_xxtiny",
    "tiny_vit_5m_224",
    "efficientvit_b0",
    "repvit_m0_9",
    "convit_tiny",
    "coatnet_pico_rw_224",
]


def nightly(names, but=()):
    return [n if n in but else pytest.param(n, marks=pytest.mark.nightly) for n in names]


@pytest.mark.parametrize("name", nightly(FAMILIES, but=LIGHT))
def test_the_parts_in_line_are_the_network_itself(name):
    model, size = from_timm.build_timm_model(name).eval(), find_backbone_image_size(f"timm:{name}")
    parts, images = (
        from_timm.cut_timm_model(model, size, old_head=True),
        torch.randn(2, 3, size, size),
    )
    assert tuple(parts.stages) == ("stem", "stage1", "stage2", "stage3", "stage4")
    assert all(list(stage.parameters()) for stage in parts.stages.values())
    with torch.no_grad():
        values = images
        for stage in parts.stages.values():
            values = stage(values)
        assert torch.equal(parts.tail(values), model(images))
    weights = [*torch.nn.ModuleDict(parts.stages).parameters(), *parts.tail.parameters()]
    assert len({id(weight) for weight in weights}) == len(weights)


@pytest.mark.parametrize("name", nightly(FAMILIES, but=LIGHT[:5]))
def test_each_strategy_moves_its_stages_and_a_map_comes_out(name):
    network = backbone(f"timm:{name}", classes=3, weights=None)
    each_strategy_moves_its_stages_and_maps_come_out(
        network, find_backbone_image_size(f"timm:{name}")
    )


@pytest.mark.parametrize(
    "name", ["resnet18", "swin_tiny_patch4_window7_224", "mixer_s16_224", "vit_tiny_patch16_224"]
)
def test_a_new_head_gets_what_timms_own_head_gets(name):
    """Before timm's head: its `forward_head` up to the scores, for networks without a layer in between."""
    model, size = from_timm.build_timm_model(name).eval(), find_backbone_image_size(f"timm:{name}")
    parts, images = (
        from_timm.cut_timm_model(model, size, old_head=False),
        torch.randn(2, 3, size, size),
    )
    network = backbone(f"timm:{name}", classes=3, weights=None).eval()
    network.stages.load_state_dict(torch.nn.ModuleDict(parts.stages).state_dict())
    with torch.no_grad():
        theirs = model.forward_head(model.forward_features(images), pre_logits=True)
        ours = network.pool(network.run_stages(images, 0))
    assert ours.shape == (2, parts.features) == theirs.shape
    assert torch.allclose(ours, theirs, atol=1e-5)


def test_a_seed_draws_the_same_stages_and_another_seed_others():
    network = backbone("timm:resnet18", weights=None)
    drawn = []
    for seed in (3, 4, 3):
        network.reset_stages(seed)
        drawn.append(network.stages["stage4"][0].conv1.weight.clone())
    assert torch.equal(drawn[0], drawn[2]) and not torch.equal(drawn[0], drawn[1])
    state = torch.random.get_rng_state()
    network.reset_stages(5)
    assert torch.equal(state, torch.random.get_rng_state())


def test_dropout_and_statistics_keep_their_modes():
    """What was followed once in evaluation must not stay so: timm's blocks are whole."""
    network = backbone("timm:efficientnet_b0", weights=None)
    images = torch.randn(4, 3, 64, 64)
    before = {k: v.clone() for k, v in network.state_dict().items() if "running_mean" in k}
    network.train()(images)
    after = network.state_dict()
    assert all(not torch.equal(value, after[name]) for name, value in before.items())


def test_a_file_of_timms_fills_the_network_to_the_bit_and_its_head_is_left_aside(tmp_path):
    from safetensors.torch import save_file

    theirs = timm.create_model("resnet18", num_classes=7).eval()
    save_file(theirs.state_dict(), tmp_path / "seven.safetensors")
    ours = backbone("timm:resnet18", classes=3, weights=tmp_path / "seven.safetensors").eval()
    assert ours.output_count == 3 and ours.origin == "seven"
    images = torch.randn(2, 3, 96, 96)
    with torch.no_grad():
        assert torch.equal(
            ours.to(memory_format=torch.contiguous_format).run_stages(images, 0),
            theirs.forward_features(images),
        )
    with pytest.raises(
        ValueError, match=r"seven.safetensors does not hold timm:resnet18: fc\.weight is of another"
    ):
        backbone("timm:resnet18", classes=None, weights=tmp_path / "seven.safetensors")
    with pytest.raises(ValueError, match=r"does not hold timm:resnet34: .* is missing"):
        backbone("timm:resnet34", weights=tmp_path / "seven.safetensors")
    with pytest.raises(FileNotFoundError, match="no weights at .*nowhere"):
        backbone("timm:resnet18", weights=tmp_path / "nowhere.pth")


def test_weights_that_cannot_be_fetched_are_one_line_and_never_random_ones(monkeypatch, tmp_path):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    why = r"the weights of timm:resnet18 could not be fetched .*weights=PATH"
    with pytest.raises(OSError, match=why) as caught:
        backbone("timm:resnet18")
    assert "\n" not in str(caught.value)


def test_what_timm_has_not_is_named():
    with pytest.raises(ValueError, match=r"timm .* has no network called 'resnet19'"):
        backbone("timm:resnet19")
    with pytest.raises(
        ValueError, match=r"timm has no 'resnet18\.nonsense': Invalid pretrained tag"
    ):
        backbone("timm:resnet18.nonsense")
    with pytest.raises(ValueError, match="CoaT ends in several values"):
        backbone("timm:coat_tiny", weights=None)
    with pytest.raises(ValueError, match="does not take images of 96 px: Input height"):
        backbone("timm:vit_tiny_patch16_224", weights=None).check_image_size(96)
    for name in ("crossvit_tiny_240", "tnt_s_patch16_224"):
        with pytest.raises(ValueError, match="cannot be followed block by block"):
            backbone(f"timm:{name}", weights=None)


def test_without_timm_it_is_said_what_to_install(monkeypatch):
    import sys

    from_timm.read_timm_config.cache_clear()
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ValueError, match="pip install timm"):
        backbone("timm:resnet18")


@pytest.mark.parametrize("name", ["deit_tiny_distilled_patch16_224", "mixer_s16_224"])
def test_tokens_with_two_in_front_or_none_make_maps_too(name):
    network = backbone(f"timm:{name}", classes=3, weights=None)
    pixels = torch.randint(0, 256, (2, 3, 224, 224), dtype=torch.uint8)
    for stage in ("stage1", "stage4"):
        maps = explain(network, pixels, stage=stage, cut=False, say=[].append)
        assert maps.shape == (2, 14, 14) and maps.any()


VIT = "timm:vit_tiny_patch16_224"
SMALL = {"img_size": 64, "depth": 5, "drop_path_rate": 0.5}


def test_arguments_of_timms_are_a_part_of_the_name_and_are_obeyed():
    network = backbone(VIT, classes=3, weights=None, options=SMALL)
    assert network.name == f"{VIT},depth=5,drop_path_rate=0.5,img_size=64"
    same = backbone(f"{VIT},depth=5", classes=3, weights=None, options=SMALL | {"depth": 5})
    assert same.name == network.name and same.count_weights() == network.count_weights()
    assert find_backbone_image_size(network.name) == find_backbone_image_size(network) == 64
    images = torch.randn(8, 3, 64, 64)
    assert torch.equal(network.eval()(images), network(images))
    network.train()
    assert not torch.equal(network(images), network(images))  # paths are dropped
    network.freeze({"head"}).train()
    assert torch.equal(network(images), network(images))
    drawn = network.stages["stage4"].state_dict()
    network.reset_stages(1)
    assert network.stages["stage4"].state_dict().keys() == drawn.keys()


def test_arguments_of_timms_are_saved_and_loaded_with_a_model(tmp_path):
    from vtlab.data.tasks import task
    from vtlab.models.weights_files import read_model_card
    from vtlab.study.setting import Setting
    from vtlab.training.saving import load, save

    made = task("garden", shots=2, tests=2, image_size=64)
    network = backbone(VIT, classes=8, weights=None, options=SMALL)
    save(network, tmp_path / "model", made)
    again, card = load(tmp_path / "model")
    assert card.backbone == again.name == network.name
    images = torch.randn(2, 3, 64, 64)
    assert torch.equal(network.eval()(images), again(images))
    setting = Setting(weights=str(tmp_path / "model")).resolve()
    assert (setting.backbone, setting.size) == (network.name, 64)
    # what is no part of the weights may be another
    calm = backbone(f"{VIT},depth=5,img_size=64", classes=8, weights=tmp_path / "model").eval()
    assert torch.equal(
        calm.run_stages(images, 0).mean(), network.run_stages(images, 0).mean()
    ) and read_model_card(tmp_path / "model")


def test_weights_for_larger_images_are_stretched_as_timm_does_it_and_that_is_said(tmp_path):
    large = timm.create_model("vit_tiny_patch16_224", depth=5, num_classes=3).eval()
    torch.save(large.state_dict(), tmp_path / "large.pth")
    said: list[str] = []
    options = {"img_size": 64, "depth": 5}
    small = backbone(
        VIT, classes=3, weights=tmp_path / "large.pth", options=options, say=said.append
    )
    assert said[-1] == "large.pth: the embeddings of places are stretched for images of 64 px"
    large.set_input_size(img_size=64)
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(small.eval().run_stages(images, 0), large.forward_features(images))
    with pytest.raises(ValueError, match="large.pth does not hold .*is missing"):
        backbone(VIT, weights=tmp_path / "large.pth", options={"img_size": 64})


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        (
            "timm:resnet18",
            {"img_size": 64},
            r"timm:resnet18 does not take img_size=64: .*'img_size'",
        ),
        ("timm:resnet18", {"nothing": 1}, r"timm:resnet18 does not take nothing=1: .*'nothing'"),
        (VIT, {"img_size": "big"}, r"does not take img_size=big: unsupported"),
        (VIT, {"img_size": 64.0}, r"does not take img_size=64\.0: "),
        (VIT, {"num_classes": 3}, r"num_classes is no option of vit.* here: say classes"),
        (
            VIT,
            {"drop_rate": 0.1},
            r"drop_rate is no option .*: give a head with torch\.nn\.Dropout",
        ),
        (VIT + ".nonsense", {"img_size": 64}, r"timm has no 'vit_tiny_patch16_224\.nonsense'"),
        (VIT + ",img_size", None, r"'vit_.*,img_size' is no name with arguments"),
        (VIT + ",depth=1,depth=2", None, r"is no name with arguments"),
        ("timm:convnext_atto", {"drop_path_rate": "much"}, r"drop_path_rate=much: linspace\S* \S+"),
        ("resnet18", {"img_size": 64}, r"options are arguments for timm; resnet18 takes none"),
        (torch.nn.Flatten(), {"depth": 1}, r"a network of your own takes none"),
    ],
)
def test_arguments_that_timm_does_not_take_are_named_in_one_sentence(name, options, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        backbone(name, weights=None, options=options)
    assert "\n" not in str(caught.value)
