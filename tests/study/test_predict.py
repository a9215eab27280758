from dataclasses import replace

import pytest
import torch
from PIL import Image

from vtlab.models.backbones import backbone
from vtlab.models.evaluation import predict as naming
from vtlab.plots import heatmaps
from vtlab.study.predict import Namer
from vtlab.training.saved import save
from vtlab.training.strategies import probe


@pytest.fixture
def photo(tmp_path):
    Image.new("RGB", (40, 40), "red").save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


@pytest.fixture
def named(toy, tmp_path):
    """Makes a `Namer` of a network that learnt nothing."""

    large = replace(toy, test=replace(toy.test, pixels=toy.test.pixels.repeat(1, 1, 4, 4)))  # 64 px

    def saved(strategy=None) -> Namer:
        save(backbone(classes=3), tmp_path / "model", large, strategy=strategy)
        return Namer(tmp_path / "model")

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
    named, photo, drawn, tmp_path, strategy, heading
):
    named(strategy).draw(photo, tmp_path / "maps")
    assert drawn[0][0] == [heading]


def test_a_figure_is_let_go_once_it_is_written(named, photo, drawn, tmp_path):
    assert named().draw(photo, tmp_path / "maps").read_bytes()
    assert drawn[0][1].axes == []


def test_an_image_is_decoded_and_named_once(named, photo, tmp_path, monkeypatch):
    namer, done = named(), []
    for name in ("decode", "predict"):
        real = getattr(naming, name)
        monkeypatch.setattr(
            naming, name, lambda *given, n=name, real=real: done.append(n) or real(*given)
        )
    seen = namer.look(photo)
    first = namer.draw(photo, tmp_path / "maps", seen).read_bytes()
    assert done == ["decode", "predict"]
    assert namer.draw(photo, tmp_path / "maps").read_bytes() == first
    assert done == ["decode", "predict"] * 2
    again = namer.look(photo)
    assert again[1:] == seen[1:] and torch.equal(again[0], seen[0])
