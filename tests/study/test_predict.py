from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from vtlab.data.decoding import decode
from vtlab.models.backbones import backbone
from vtlab.models.evaluation import predict as probabilities
from vtlab.plots import heatmaps
from vtlab.study import predict
from vtlab.study.predict import Predictor
from vtlab.training.saving import save
from vtlab.training.strategies import probe


@pytest.fixture
def photo(tmp_path):
    Image.new("RGB", (40, 40), "red").save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


@pytest.fixture
def predictor(toy, tmp_path):
    """Makes a `Predictor` of a network that learnt nothing."""

    large = replace(toy, test=replace(toy.test, pixels=toy.test.pixels.repeat(1, 1, 4, 4)))  # 64 px

    def saved(strategy=None) -> Predictor:
        save(backbone(classes=3), tmp_path / "model", large, strategy=strategy)
        return Predictor(tmp_path / "model")

    return saved


@pytest.fixture
def drawn(monkeypatch) -> list:
    """The headings of the heat maps that were drawn, and their figures."""
    found, plot = [], heatmaps.plot_cams

    def plotted(pixels, maps, **more):
        found.append((list(maps), plot(pixels, maps, **more)))
        return found[-1][1]

    monkeypatch.setattr(heatmaps, "plot_cams", plotted)
    return found


@pytest.mark.parametrize(("strategy", "heading"), [(None, "model"), (probe, "probe")])
def test_a_heat_map_stands_under_its_strategy_if_known(
    predictor, photo, drawn, tmp_path, strategy, heading
):
    predictor(strategy).save_cam(photo, tmp_path / "maps")
    assert drawn[0][0] == [heading]


def test_an_empty_heat_map_is_spoken_of_with_its_image(predictor, photo, tmp_path):
    made, said = predictor(), []
    torch.nn.init.zeros_(made.network.head.weight)
    made.save_cam(photo, tmp_path / "maps", say=said.append)
    words = "Grad-CAM found no evidence for the class: the map is zero everywhere"
    assert said == [f"{photo}: {words}"]


def test_a_figure_is_let_go_once_it_is_written(predictor, photo, drawn, tmp_path):
    assert predictor().save_cam(photo, tmp_path / "maps").read_bytes()
    assert drawn[0][1].axes == []


def test_a_pattern_that_no_shell_filled_in_is_said(predictor):
    with pytest.raises(
        FileNotFoundError, match=r"no image at new/\*.jpg; a shell puts names for \*"
    ):
        predictor().classify(Path("new/*.jpg"))


def test_an_image_is_decoded_and_named_once(predictor, photo, tmp_path, monkeypatch):
    made, done = predictor(), []
    for name in ("decode_image_tensor", "predict"):
        real = getattr(predict, name)
        monkeypatch.setattr(
            predict,
            name,
            lambda *given, n=name, real=real, **how: done.append(n) or real(*given, **how),
        )
    seen = made.classify(photo)
    first = made.save_cam(photo, tmp_path / "maps", seen).read_bytes()
    assert done == ["decode_image_tensor", "predict"]
    assert made.save_cam(photo, tmp_path / "maps").read_bytes() == first
    assert done == ["decode_image_tensor", "predict"] * 2
    again = made.classify(photo)
    assert again[1:] == seen[1:] and torch.equal(again[0], seen[0])


def test_every_probability_is_there_and_in_all_digits(predictor, photo):
    made = predictor()
    seen = made.classify(photo)
    wanted = probabilities(made.network, seen.pixels, bfloat16=False)[0]
    assert seen.probabilities == tuple(wanted.tolist()) and len(wanted) == 3
    assert seen.confidence == max(seen.probabilities)
    assert seen.class_name == made.card.classes[wanted.argmax()]


def test_every_image_has_a_picture_of_its_own_and_the_same_one_next_time(
    predictor, photo, tmp_path
):
    made, maps, others = predictor(), tmp_path / "maps", tmp_path / "others"
    others.mkdir()
    images = [photo, others / "photo.png", others / "photo.bmp", others / f"{'long' * 50}.png"]
    for image in images[1:]:
        Image.open(photo).save(image)
    first = [made.save_cam(image, maps) for image in images]
    assert len(set(first)) == len(images)
    assert all(
        file.name.startswith(image.stem[:40]) for file, image in zip(first, images, strict=True)
    )
    assert [made.save_cam(image, maps) for image in images] == first
    assert sorted(maps.iterdir()) == sorted(first)


@pytest.mark.parametrize("resize", ["crop", "pad", "squeeze"])
def test_an_image_is_read_as_those_that_were_learnt_from(predictor, tmp_path, resize):
    made = predictor()
    made.card = replace(made.card, resize=resize, bits=12)
    path = tmp_path / "deep.png"
    ramp = np.linspace(0, 4095, 60 * 20).reshape(20, 60).astype(np.uint16)
    Image.fromarray(ramp).save(path)
    size = made.card.image_size
    wanted = decode(path.read_bytes(), size, "x", resize=resize, bits=12)
    assert (made.classify(path).pixels[0].permute(1, 2, 0).numpy() == wanted).all()
    assert wanted.max() > 120
