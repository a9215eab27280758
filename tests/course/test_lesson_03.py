import math

import pytest
import torch

from vtlab.course import lesson_03
from vtlab.course.exercise import check
from vtlab.course.lesson_03 import (
    HEAD_INITS,
    HEAD_PARTS,
    SeenInput,
    first_loss_and_gradient,
    heads_table,
    network_with_head_init,
    plot_first_answers,
    plot_head_parts,
    plot_repairs,
    plot_seen_inputs,
    see_input,
)
from vtlab.models.backbones import backbone


@pytest.mark.parametrize(
    ("way", "variance"),
    [
        ("default", 1 / (3 * 256)),
        ("xavier", 2 / (256 + 8)),
        ("he", 2 / 256),
        ("zero", 0),
        ("large", 1),
    ],
)
def test_a_head_begins_with_the_variance_of_its_rule(way, variance):
    weight = network_with_head_init(way, 0).head.weight
    assert weight.var().item() == pytest.approx(variance, rel=0.08)
    assert torch.equal(weight, network_with_head_init(way, 0).head.weight)
    assert way == "zero" or not torch.equal(weight, network_with_head_init(way, 1).head.weight)


def test_a_start_is_drawn_where_its_generator_is(monkeypatch):
    """A generator can fill no other memory; here the network lies elsewhere."""
    places = []
    monkeypatch.setattr(
        lesson_03, "backbone", lambda *given, **more: backbone(*given, **more).to("meta")
    )
    monkeypatch.setitem(
        HEAD_INITS, "he", lambda weight, random: places.append((weight.device, random.device))
    )
    assert network_with_head_init("he", 0).device.type == "meta"
    assert places == [(torch.device("cpu"), torch.device("cpu"))]


def test_every_start_is_tried():
    assert set(HEAD_INITS) == {"default", "xavier", "he", "zero", "large"}
    with pytest.raises(KeyError):
        network_with_head_init("orthogonal", 0)


def test_a_zero_head_costs_ln_k_and_sends_no_gradient_down(small_garden):
    network = network_with_head_init("zero", 0)
    loss, gradient = first_loss_and_gradient(network, small_garden)
    assert loss == pytest.approx(math.log(8)) and gradient == 0
    assert all(p.grad is None for p in network.parameters())


def test_the_first_gradient_is_autograds(small_garden):
    network = network_with_head_init("he", 0).eval()
    loss = torch.nn.functional.cross_entropy(
        network(network.normalise(small_garden.train.pixels)), small_garden.train.labels
    )
    grads = torch.autograd.grad(loss, list(network.stages.parameters()))
    wanted = sum(g.square().sum() for g in grads).sqrt().item()
    assert first_loss_and_gradient(network, small_garden) == pytest.approx(
        (loss.item(), wanted), rel=1e-2
    )


def test_the_committed_table_has_five_seeds_of_everything():
    counts = heads_table().groupby(["part", "way", "shots", "rate"], dropna=False).seed.nunique()
    assert (counts == 5).all() and len(counts) == 5 + 2 * (1 + 2 * 8) + 3


def test_behind_batchnorm_values_are_standard_with_the_statistics_of_the_images_themselves():
    network = backbone("mini_resnet", classes=8, weights=None)
    pixels = torch.randint(0, 256, (4, 3, 64, 64), dtype=torch.uint8)
    norm = next(m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d))
    norm.reset_running_stats()
    norm.momentum = None
    norm.train()
    with torch.no_grad():
        network(network.normalise(pixels))
    own = see_input(network.eval(), pixels)
    assert own.standardised.mean().item() == pytest.approx(0, abs=1e-3)
    assert own.standardised.std().item() == pytest.approx(1, abs=1e-2)
    assert torch.equal(own.picture, network.normalise(pixels)[0])
    assert not norm._forward_pre_hooks
    norm.running_mean += norm.running_var.sqrt()
    assert see_input(network, pixels).standardised.mean().item() == pytest.approx(-1, abs=1e-2)


def test_seen_inputs_are_shown_around_mid_grey_and_named_by_mean_and_spread():
    seen = SeenInput(torch.tensor([-4.0, 0, 1]).view(3, 1, 1), torch.tensor([1.0, 3]))
    picture, below = plot_seen_inputs({"one": seen}).axes
    assert picture.get_title(loc="left") == "one"
    assert picture.images[0].get_array().tolist() == [[[0, 0.5, 0.75]]]
    assert below.texts[0].get_text() == "mean 2.0\nspread 1.0"


def test_first_answers_are_bars_with_loss_and_pull_below():
    ax = plot_first_answers({"zero": (torch.full((4,), 0.25), 1.386, 0.0)}).axes[0]
    assert [bar.get_height() for bar in ax.patches] == [0.25] * 4
    assert ax.get_xlabel() == "loss 1.39\npull 0.0"


def test_repairs_are_bars_of_accuracy_beside_chance():
    ax = plot_repairs({"healthy": 0.9, "pale": 0.125}, chance=0.125).axes[0]
    assert [bar.get_width() for bar in ax.patches] == [0.9, 0.125]
    assert [text.get_text() for text in ax.texts] == [
        "90\N{NO-BREAK SPACE}%",
        "12\N{NO-BREAK SPACE}%",
    ]
    assert list(ax.lines[0].get_xdata()) == [0.125, 0.125]


def test_every_part_of_a_head_is_a_box_with_an_arrow_from_the_one_before():
    heads = heads_table()
    weights = heads[heads.part == "head"].groupby("way").weights.first()
    ax = plot_head_parts(weights).axes[0]
    parts = sum(len(names) for names in HEAD_PARTS.values())
    assert len(ax.patches) == parts
    words = [text.get_text() for text in ax.texts]
    assert words.count("") == parts - len(HEAD_PARTS) and "2,056 weights" in words


def said(number, answer, capsys):
    check(number, answer)
    return capsys.readouterr().out.partition(": ")[2]


def test_counting_is_right_with_what_was_measured_and_not_with_a_ridge_that_saw_the_species(capsys):
    measured = {"seen": 0.9, "unseen": 1.7, "always the mean": 2.88}
    assert said("03.4", measured, capsys).startswith("right. It counts, in part")
    assert "see that species" in said("03.4", measured | {"unseen": 0.9}, capsys)
    assert said("03.4", measured | {"always the mean": 1.0}, capsys).startswith("not yet")
    assert said("03.4", measured | {"seen": ...}, capsys) == "not attempted yet\n"
    assert said("03.4", {"seen": 1}, capsys).startswith("not yet. The answer is a dict")


def test_the_letter_of_03_3_is_the_one_that_the_zero_heads_pull_of_zero_leaves(capsys):
    assert [said("03.3", letter, capsys)[:5] for letter in "abc"] == ["right", "not y", "not y"]
