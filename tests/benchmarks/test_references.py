"""What the recipes of others, written out in `references.py`, must do; the comparison itself is a command."""

import math
from functools import partial

import pandas as pd
import pytest
from benchmarks import references
from benchmarks.references import fine_tune_as_fastai, fine_tune_as_keras, one_cycle
from tests_support import entries_that_moved
from torch import nn, optim

import vtlab as vt
from vtlab.study.setting import Setting


@pytest.mark.parametrize(("rise", "begin"), [(0.99, 25), (0.3, 5)])
def test_one_cycle_is_torchs_own_schedule(rise, begin):
    optimiser = optim.AdamW(nn.Linear(1, 1).parameters())
    steps = 100  # torch ends its rise a step before fastai
    schedule = optim.lr_scheduler.OneCycleLR(
        optimiser,
        2e-3,
        total_steps=steps + 1,
        pct_start=(rise * steps + 1) / (steps + 1),
        div_factor=begin,
        final_div_factor=1e5 / begin,
    )
    for step in range(steps):
        ours = one_cycle(step / steps, rise, 2e-3 / begin, 2e-3, 2e-3 / 1e5)
        assert math.isclose(ours, optimiser.param_groups[0]["lr"], rel_tol=1e-6)
        optimiser.step()
        schedule.step()


def trained(train, task, **arguments):
    network = vt.backbone(classes=len(task.classes))
    before = {k: v.clone() for k, v in network.stages.state_dict().items()}
    return train(network, task, 0, **arguments), network, before


def test_keras_phases_leave_the_statistics_and_learn_the_rest(toy):
    steps, network, before = trained(fine_tune_as_keras, toy)
    assert steps == 20 + 10  # an epoch of 12 images is a step
    statistics = {name for name in before if "running" in name or "tracked" in name}
    assert entries_that_moved(before, network.stages) == before.keys() - statistics
    more, _, _ = trained(fine_tune_as_keras, toy, least_steps=11)
    assert more == 2 * steps


def test_fastai_first_trains_the_head_and_batchnorm_alone(toy, monkeypatch):
    learning = []

    def learn(network, optimiser, images, labels):
        rates = [group["lr"] for group in optimiser.param_groups][::2]
        names = {name for name, p in network.named_parameters() if p.requires_grad}
        learning.append((rates, optimiser.param_groups[0]["betas"], names, network.training))

    monkeypatch.setattr(references, "learn", learn)
    steps, network, _ = trained(fine_tune_as_fastai, toy, epochs=10, least_steps=15)
    assert steps == len(learning) == 2 + 20
    every = {name for name, _ in network.named_parameters()}
    norm = {
        f"{module}.{kind}"
        for module, part in network.named_modules()
        if isinstance(part, nn.BatchNorm2d)
        for kind in ("weight", "bias")
    }
    assert all(names == norm | {"head.weight", "head.bias"} for _, _, names, _ in learning[:2])
    assert all(names == every for _, _, names, _ in learning[2:])
    assert all(mode for *_, mode in learning)
    # the defaults: 2e-3 / 25 at first, then up to 1e-3 with a hundredth of it for the first stages
    assert learning[0][0] == pytest.approx([8e-6, 8e-6, 8e-5]) and learning[0][1][0] == 0.95
    assert learning[2][0] == pytest.approx([2e-6, 2e-5, 2e-4])
    assert learning[2 + 6][0] == pytest.approx([1e-5, 1e-4, 1e-3])
    assert learning[2 + 6][1] == pytest.approx((0.85, 0.99))


@pytest.mark.parametrize("train", [partial(fine_tune_as_fastai, epochs=5), fine_tune_as_keras])
def test_each_recipe_learns(toy, train):
    _, network, _ = trained(train, toy, least_steps=20)
    assert vt.evaluate(network, toy.test.pixels, toy.test.labels) > 0.9


def test_every_recipe_has_at_least_our_steps_and_a_row_once(toy, tmp_path, monkeypatch):
    monkeypatch.setattr(references, "make_task", lambda *name, **more: toy)
    monkeypatch.setitem(references.STARTS, "garden", Setting(epochs=6))
    references.measure_recipes(tmp_path, tmp_path, "garden", "garden", 4, 0)
    rows = {p.stem.rpartition("-")[2]: pd.read_json(p, typ="series") for p in tmp_path.iterdir()}
    assert set(rows) == set(references.RECIPES)
    assert min(rows["fastai"].steps, rows["keras"].steps) > rows["vtlab"].steps
    assert rows["fastai"].epochs in references.FASTAI_EPOCHS
    monkeypatch.setattr(references, "measure", lambda *run: pytest.fail("measured twice"))
    references.measure_recipes(tmp_path, tmp_path, "garden", "garden", 4, 0)


def test_who_is_behind_is_said():
    ours, theirs = (0.5, 0.52, 0.51), (0.6, 0.62, 0.62)
    table = pd.DataFrame(
        [
            {"start": "garden", "data": "hands", "shots": 5, "seed": seed, "recipe": recipe}
            | {"test_accuracy": value, "test_images": 1000}
            for recipe, values in (("vtlab", ours), ("fastai", theirs), ("keras", ours))
            for seed, value in enumerate(values)
        ]
    )
    row = references.summarise(table).iloc[0]
    assert row["vtlab"] == "51.0" and row["seeds"] == 3
    assert row["ahead of fastai"].startswith("-10.3 (") and "BEHIND" in row["ahead of fastai"]
    assert row["ahead of keras"] == "+0.0 (-0.1 to +0.1)"
