import json
from dataclasses import replace

import pytest
from images_made_up import grainy
from pretrain import PretrainingPhotos, PretrainingRecipe, main, pretrain
from safetensors import safe_open
from steps_made_up import same, states_of

from vtlab.garden.source import GardenSource
from vtlab.models.backbones import backbone
from vtlab.models.weights import load_stage_weights
from vtlab.training.checkpoints import checkpointed

SMALL = PretrainingRecipe(images=24, batch=4)
FEW = GardenSource(species=8, genera=4)


@pytest.fixture(autouse=True)
def few_test_images(monkeypatch):
    monkeypatch.setattr("vtlab.garden.source.TEST_IMAGES", 16)


def made(recipe=SMALL, source=FEW):
    network = backbone(recipe.backbone, classes=source.classes, weights=None)
    return pretrain(recipe, source, network, every=8)


def test_a_pretraining_goes_on_to_the_same_bits(tmp_path):
    reference = states_of(made())
    assert len(reference) == 7
    for state in reference[::2]:
        resumed = made()
        resumed.restore(state)
        list(resumed)
        assert same(resumed.state(), reference[-1])
    for _ in checkpointed(made(), tmp_path, every=1):
        break
    last = made()
    assert len(list(checkpointed(last, tmp_path, every=1))) == 2 and len(last.history) == 3
    assert same(last.state(), reference[-1])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seed", 1),
        ("peak_rate", 1e-3),
        ("images", 28),
        ("species", 9),
        ("batch", 3),
        ("spread", 0.5),
        ("smoothing", 0.1),
    ],
)
def test_a_checkpoint_of_another_recipe_is_refused_by_the_field(field, value):
    state = made().state()
    old = SMALL if hasattr(SMALL, field) else FEW
    other = {"recipe" if old is SMALL else "source": replace(old, **{field: value})}
    with pytest.raises(ValueError, match=f"{field} is {getattr(old, field)} there"):
        made(**other).restore(state)


def test_the_command_writes_weights_log_and_checkpoints(tmp_path, capsys):
    arguments = [
        "--images",
        "256",
        "--out",
        str(tmp_path / "w"),
        "--log",
        str(tmp_path / "log.csv"),
        "--checkpoints",
        str(tmp_path / "c"),
    ]
    assert main(arguments) == 0
    digest = json.loads((tmp_path / "w" / "sha256.json").read_text())["mini_resnet.safetensors"]
    assert digest in capsys.readouterr().out
    load_stage_weights(
        backbone("mini_resnet", weights=None), tmp_path / "w" / "mini_resnet.safetensors"
    )
    assert (tmp_path / "log.csv").read_text().startswith("images,loss,accuracy")
    assert main(arguments) == 0 and digest in capsys.readouterr().out  # it has ended: same bits
    assert main([*arguments, "--seed", "1"]) == 2
    assert "seed is 0 there and 1 here" in capsys.readouterr().err


def test_a_stopped_command_says_where_it_is(tmp_path, capsys, monkeypatch):
    def interrupt(self, *rest):
        raise KeyboardInterrupt

    monkeypatch.setattr("pretrain.Pretraining.step", interrupt)
    assert main(["--images", "256", "--out", str(tmp_path)]) == 130
    assert "stopped after 0 of 2 steps; nothing is kept" in capsys.readouterr().err


@pytest.fixture
def photos(tmp_path):
    """Two classes of ten photographs of 24 pixels."""
    for k, name in enumerate(("ant", "bee")):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(10):
            grainy(20 * k + i, 24).save(tmp_path / "photos" / name / f"{i}.png")
    return tmp_path / "photos"


def test_photographs_are_learnt_small_first_and_written_as_natural(
    tmp_path, photos, monkeypatch, capsys
):
    seen = []
    true = PretrainingPhotos.batch

    def batch(self, number, count, seed, size):
        seen.append(size)
        return true(self, number, count, seed, size)

    monkeypatch.setattr(PretrainingPhotos, "batch", batch)
    monkeypatch.setattr("pretrain.PHOTOS", PretrainingRecipe(batch=6, sizes=(16, 24)))
    arguments = [
        "--photos",
        str(photos),
        "--images",
        "60",
        "--out",
        str(tmp_path / "w"),
        "--log",
        str(tmp_path / "log.csv"),
    ]
    assert main(arguments) == 0
    assert (
        seen == [16] * 7 + [24] * 3
    )  # each size gets the same time: 24² / (16² + 24²) of ten batches
    path = tmp_path / "w" / "mini_resnet_natural.safetensors"
    load_stage_weights(backbone("mini_resnet", weights=None), path)
    assert (tmp_path / "log.csv").read_text().startswith("images,loss,accuracy")
    seen.clear()
    assert main([*arguments, "--sizes", "24", "--smoothing", "0.1"]) == 0 and seen == [24] * 10
    with safe_open(path, "torch") as file:
        assert '"sizes": [24], "smoothing": 0.1' in file.metadata()["recipe"]
    assert main(["--photos", str(tmp_path / "none")]) == 2
    assert "no folder or zip" in capsys.readouterr().err


def test_a_pretraining_on_photographs_goes_on_to_the_same_bits(photos):
    def fresh():
        source = PretrainingPhotos.read(photos, 24)
        recipe = PretrainingRecipe(batch=6, images=30, sizes=(16, 24))
        return pretrain(
            recipe, source, backbone(recipe.backbone, classes=2, weights=None), every=12
        )

    reference = states_of(fresh())
    resumed = fresh()
    resumed.restore(reference[3])
    list(resumed)
    assert same(resumed.state(), reference[-1])
    (photos / "bee" / "3.png").write_bytes((photos / "bee" / "4.png").read_bytes())
    with pytest.raises(ValueError, match="content is .* there"):
        fresh().restore(reference[3])
