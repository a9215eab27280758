import math

import pandas as pd
import pytest
import torch

from vtlab.course import lesson_03
from vtlab.course.exercise import check
from vtlab.course.lesson_03 import (
    HEAD_INITS,
    HEAD_PARTS,
    REPAIRS,
    SeenInput,
    ahead_of_linear,
    find_batchnorms,
    first_loss_and_gradient,
    heads_table,
    network_with_head_init,
    pale_runs,
    pale_table,
    plot_dictionary,
    plot_first_answers,
    plot_head_parts,
    plot_repairs,
    plot_seen_inputs,
    points_ahead,
    points_gained,
    probe_runs,
    renew_statistics,
    see_input,
    start_runs,
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
    assert (counts == 5).all() and len(counts) == (5 + 2 * 2) + 2 * (1 + 2 * 8) + 3


def test_behind_batchnorm_values_are_standard_with_the_statistics_of_the_images_themselves():
    network = backbone("mini_resnet", classes=8, weights=None)
    pixels = torch.randint(0, 256, (4, 3, 64, 64), dtype=torch.uint8)
    norm = find_batchnorms(network)[0]
    own = see_input(renew_statistics(network, [norm], pixels), pixels)
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


def test_all_statistics_are_renewed_as_pytorch_does_it_and_one_layer_moves_alone():
    pixels = torch.randint(0, 256, (6, 3, 64, 64), dtype=torch.uint8)
    ours, theirs = (backbone("mini_resnet", classes=8) for _ in range(2))
    before = [norm.running_mean.clone() for norm in find_batchnorms(ours)]
    renew_statistics(ours, find_batchnorms(ours)[:1], pixels)
    moved = [
        not torch.equal(norm.running_mean, mean)
        for norm, mean in zip(find_batchnorms(ours), before, strict=True)
    ]
    assert moved == [True] + 12 * [False] and not ours.training
    renew_statistics(ours, find_batchnorms(ours), pixels)
    torch.optim.swa_utils.update_bn([theirs.normalise(pixels)], theirs)
    for own, norm in zip(find_batchnorms(ours), find_batchnorms(theirs), strict=True):
        assert torch.allclose(own.running_mean, norm.running_mean, atol=1e-5)
        assert torch.allclose(own.running_var, norm.running_var, rtol=1e-4)


def test_a_way_to_repair_has_the_runs_of_its_best_rate_and_of_most_images():
    way = {"backbone": "mini_resnet", "images": "pale", "head": "healthy"}
    rows = [
        way | {"renewed": "first", "count": count, "seed": seed, "test_accuracy": accuracy}
        for count, seed, accuracy in ((1, 0, 0.3), (40, 1, 0.8), (40, 0, 0.7))
    ]
    tuned = way | {"head": "fine-tuned", "renewed": "none", "count": 0, "seed": 0}
    rows += [tuned | {"rate": r, "test_accuracy": a} for r, a in ((1e-3, 0.4), (1e-2, 0.6))]
    table = pd.DataFrame(rows)
    assert pale_runs(table=table, renewed="first").tolist() == [0.7, 0.8]
    assert pale_runs(table=table, renewed="first", count=1).tolist() == [0.3]
    assert pale_runs(table=table, head="fine-tuned").tolist() == [0.6]
    with pytest.raises(ValueError, match="no runs of mini_vgg"):
        pale_runs(table=table, backbone="mini_vgg")


def made_up_heads():
    """Two seeds of each start and head: the second is 2 points better, and each way has its own accuracy."""
    rows = [
        {"part": part, "way": way, "shots": shots, "rate": rate, "test_accuracy": accuracy}
        for part, way, shots, rate, accuracy in (
            ("start", "default", 5, None, 0.7),
            ("start", "large", 5, None, 0.5),
            ("start", "large", 5, 1e-3, 0.65),
            ("head", "solved", 5, None, 0.8),
            ("head", "linear", 5, 1e-3, 0.6),
            ("head", "linear", 5, 1e-2, 0.7),
            ("head", "wide", 5, 1e-3, 0.75),
            ("head", "wide", 5, 1e-2, 0.5),
        )
    ]
    more = (0.02, 0.0)  # seeds in the other order
    return pd.DataFrame(
        row | {"seed": 1 - k, "test_accuracy": row["test_accuracy"] + more[k]}
        for row in rows
        for k in range(2)
    )


def test_starts_are_read_at_a_rate_and_heads_at_the_better_of_two():
    table = made_up_heads()
    assert start_runs(table)["large"].tolist() == pytest.approx([0.5, 0.52])
    assert start_runs(table, 1e-3)["large"].tolist() == pytest.approx([0.65, 0.67])
    assert probe_runs(table).tolist() == pytest.approx([0.8, 0.82])
    ahead = ahead_of_linear(table, 5)
    assert ahead["wide"].tolist() == pytest.approx([5, 5]) and list(ahead) == ["wide"]
    starts = start_runs(table)
    assert points_ahead(starts["default"], starts["large"]).mean == pytest.approx(20)


def test_what_is_gained_is_counted_from_the_pale_network():
    gain = points_gained("first")
    left = pale_runs(renewed="first").mean() - pale_runs().mean()
    assert gain.mean == pytest.approx(100 * left) and gain.n == 5


def test_the_committed_table_of_repairs_has_five_seeds_of_each_way():
    way = ["backbone", "images", "head", "renewed", "count", "rate"]
    assert (pale_table().groupby(way, dropna=False).seed.nunique() == 5).all()


def test_each_repair_has_a_dot_per_seed_and_its_changes_in_bold():
    words, ax = plot_repairs(chance=0.125).axes
    dots = [line for line in ax.lines if line.get_marker() == "o"]
    assert len(dots) == len(REPAIRS) and {len(line.get_xdata()) for line in dots} == {5}
    bold = [text.get_text() for text in words.texts if text.get_weight() == "bold"]
    assert bold.count("pale images") == len(REPAIRS) - 2 + 1  # a new head is solved on them, too
    assert "the first renewed" in bold and "healthy images" not in bold


def test_the_dictionary_names_its_columns():
    images = torch.zeros(2, 3, 4, 4, dtype=torch.uint8)
    numbers, votes = torch.tensor([3, 15]), torch.tensor([7, 9])
    ax = plot_dictionary((images, images), ["Cor alba", "Cor maris"], numbers, votes, of=10).axes[0]
    words = [text.get_text() for text in ax.texts]
    assert {"C. alba", "C. maris", "old species 3", "old species 15", "9 of 10"} < set(words)


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


def test_few_images_are_right_where_the_curve_is_that_of_the_table(capsys):
    curve = {n: pale_runs(renewed="first", count=n).mean() for n in (1, 5, 40)}
    assert "enough to come within 5 points" in said("03.4", curve, capsys)
    assert "was the network new" in said("03.4", curve | {5: curve[5] - 0.4}, capsys)
    assert "make a curve" in said("03.4", {1: curve[1], 40: curve[40]}, capsys)
    assert "3 images are not in the table" in said("03.4", curve | {3: 0.5}, capsys)
    assert said("03.4", curve | {5: ...}, capsys) == "not attempted yet\n"
    assert said("03.4", 0.5, capsys).startswith("not yet. The answer is a dict")


def test_the_letter_of_03_3_is_the_one_that_the_zero_heads_pull_of_zero_leaves(capsys):
    assert [said("03.3", letter, capsys)[:5] for letter in "abc"] == ["right", "not y", "not y"]
