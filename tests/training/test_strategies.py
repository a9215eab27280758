import copy
import math
from dataclasses import replace

import pytest
import torch

from vtlab.training import strategies as strategies
from vtlab.training.strategies import (
    FOUR,
    as_strategies,
    full,
    lp_ft,
    partial,
    plain,
    probe,
    scratch,
    strategy,
    strategy_code,
    surgical,
)


def test_a_strategy_names_the_parts_that_learn(network):
    assert probe.learning_parts(network) == ("head",)
    assert partial(2).learning_parts(network) == ("stage3", "stage4", "head")
    assert surgical("stage1").learning_parts(network) == ("stage1", "head")
    assert (
        full.learning_parts(network)
        == scratch.learning_parts(network)
        == (*network.stage_names, "head")
    )


def test_names_and_values_go_back_and_forth():
    for value in (
        *FOUR,
        lp_ft,
        partial(3),
        surgical("stem", "stage2"),
        surgical("stage4.downsample.0"),
    ):
        assert strategy(value.name) == value


@pytest.mark.parametrize("name", ["fully", "partial(x)", "", "surgical()"])
def test_an_unknown_name_lists_the_known(name):
    with pytest.raises(ValueError, match="scratch, probe, partial, full"):
        strategy(name)


def test_what_cannot_be_trained_is_refused(network):
    with pytest.raises(ValueError, match="that is probe"):
        partial(0)
    with pytest.raises(ValueError, match="5 stages only"):
        partial(9).learning_parts(network)
    with pytest.raises(ValueError, match="rate is -1.0; it is a finite number"):
        replace(full, rate=-1.0)
    with pytest.raises(ValueError, match="'pretrained' or 'random'"):
        replace(full, start="warm")


@pytest.mark.parametrize(
    "wrong",
    [
        {"rate": math.inf},
        {"rate": math.nan},
        {"rate": 0},
        {"stage_decay": math.nan},
        {"stage_decay": -1},
        {"stage_decay": 0},
        {"stage_decay": math.inf},
        {"weight_decay": -1},
        {"weight_decay": math.nan},
    ],
)
def test_rates_and_decays_are_finite_and_of_the_right_sign(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong)).removeprefix('stage_')}.* finite"):
        replace(full, **wrong)
    replace(full, rate=1e-9, stage_decay=2, weight_decay=0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"class_weights": "even"},
        {"class_weights": (1.0, 0.0)},
        {"label_smoothing": 1.0},
        {"accumulate": 0},
        {"accumulate": 17},
    ],
)
def test_knobs_of_the_loss_and_of_batches_are_in_range(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        replace(full, **wrong)
    with pytest.raises(ValueError, match="probe is solved, without label smoothing"):
        replace(probe, label_smoothing=0.1)


def test_a_stage_that_the_network_has_not_is_named(network):
    with pytest.raises(
        ValueError, match=r"surgical\(stage9\): tiny has no stage 'stage9'; .* stem"
    ):
        surgical("stage9").learning_parts(network)
    assert surgical("head").learning_parts(network) == ("head", "head")


def test_a_module_of_a_stage_is_named_rated_and_trained_alone(network, toy):
    from vtlab.training.costs import cost_table
    from vtlab.training.fit import fit

    way = surgical("stage4.0", "stage2", rate=1e-2, stage_decay=0.5)
    assert way.learning_parts(network) == ("stage4.0", "stage2", "head")
    assert way.peak_rates(network) == {"stage2": 1.25e-3, "stage4": 5e-3, "head": 1e-2}
    way.freeze(network)
    inside = {"stage4": 8 * 10 * 9, "stage2": 6 * 8 * 9 + 16, "head": 33}
    assert network.count_learning_weights() == sum(inside.values())
    costs = cost_table(network, way, image_size=16)
    assert costs.learn[costs.learn > 0].to_dict() == inside
    whole = cost_table(network, surgical("stage4", "stage2"), image_size=16)
    assert costs.weights.equals(whole.weights) and costs.step.stage4 == whole.step.stage4
    before = {name: value.clone() for name, value in network.state_dict().items()}
    list(fit(network, toy, way, epochs=2, augment=None))
    moved = {n for n, value in network.state_dict().items() if not torch.equal(value, before[n])}
    assert {name for name in moved if name.startswith("stages.stage4")} == {
        "stages.stage4.0.weight"
    }
    assert {name.split(".")[1] for name in moved if name.startswith("stages")} == {
        "stage2",
        "stage4",
    }


def test_a_checkpoint_of_a_stage_that_learns_in_part_does_not_depend_on_what_moved(network, toy):
    from vtlab.training.fit import fit

    fresh = fit(copy.deepcopy(network), toy, surgical("stage4.0"), epochs=1).fingerprint()
    training = fit(network, toy, surgical("stage4.0"), epochs=1)
    list(training)
    assert training.fingerprint() == fresh and fresh["learning"] == ["head", "stage4.0"]


@pytest.mark.parametrize(
    ("stages", "kind", "sentence"),
    [
        (("stage4.9",), "all", "mine: tiny has no stage 'stage4.9'; its stages are stem"),
        (("stage4.2",), "all", "mine: stage4.2 of tiny has no weights$"),
        (
            ("stage3", "stage4.0"),
            "norm",
            "mine: stage4.0 of tiny has no weights of the kind 'norm'",
        ),
        ("stage4", "all", r"stages is 'stage4'; it is a number, a tuple of names"),
        (["stage4"], "all", r"stages is \['stage4'\]; it is a number, a tuple of names"),
    ],
)
def test_names_of_what_cannot_learn_are_refused(network, stages, kind, sentence):
    with pytest.raises(ValueError, match=sentence):
        strategies.Strategy("mine", stages=stages, kind=kind).learning_parts(network)


def test_one_or_several_strategies_are_given_as_values_or_names():
    assert as_strategies(probe) == as_strategies("probe") == as_strategies(["probe"]) == (probe,)
    assert as_strategies(way for way in ("partial(2)", full)) == (partial(2), full)
    with pytest.raises(ValueError, match="no strategy in the list"):
        as_strategies([])
    with pytest.raises(ValueError, match="unknown strategy 'prob'"):
        as_strategies(["prob"])
    with pytest.raises(TypeError, match="3 is no strategy"):
        as_strategies([3])


def test_a_head_that_stays_is_none_that_learns(network):
    value = surgical("stem", head_start="kept", head_learns=False)
    assert value.learning_parts(network) == ("stem",)
    with pytest.raises(ValueError, match="starts at random must learn"):
        surgical("stem", head_learns=False)
    with pytest.raises(ValueError, match="nothing would learn"):
        replace(probe, head_start="kept", head_learns=False)


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("norm", lambda name: ".bn" in name or "downsample.1" in name or name.startswith("stem.1")),
        ("bias", lambda name: name.endswith("bias")),
    ],
)
def test_a_kind_of_weights_learns_in_every_stage(kind, wanted):
    from vtlab.models.backbones import backbone

    network = replace(full, kind=kind).prepare(backbone("mini_resnet", weights=None), 0)
    for name, weight in network.stages.named_parameters():
        assert weight.requires_grad == wanted(name), name
    assert all(p.requires_grad for p in network.head.parameters())
    full.freeze(network)
    assert all(p.requires_grad for p in network.parameters())


def test_an_unknown_kind_is_refused(network):
    with pytest.raises(ValueError, match="'all', 'norm' or 'bias'"):
        replace(full, kind="scale")
    with pytest.raises(ValueError, match="there are all, norm, bias"):
        network.freeze(("head",), "scale")


def test_seeds_pair_the_heads_of_all_strategies(network):
    heads = []
    for value in FOUR:
        value.prepare(network, seed=7)
        heads.append(network.head.weight.clone())
    assert all(torch.equal(heads[0], h) for h in heads)
    full.prepare(network, seed=8)
    assert not torch.equal(heads[0], network.head.weight)


def test_scratch_forgets_the_pretrained_stages_and_repeats_by_seed(network):
    before = {k: v.clone() for k, v in network.stages.state_dict().items()}
    scratch.prepare(network, seed=0)
    first = network.stages["stage2"][0].weight.clone()
    assert not torch.equal(first, before["stage2.0.weight"])
    scratch.prepare(network, seed=0)
    assert torch.equal(first, network.stages["stage2"][0].weight)


def test_he_initialisation_has_the_papers_variance():
    from vtlab.models.backbones import backbone

    weight = backbone("mini_resnet", weights=None).stages["stage4"].conv2.weight
    assert weight.var().item() == pytest.approx(2 / (256 * 9), rel=0.02)


def test_stage_wise_rates_fall_towards_the_image(network):
    rates = replace(full, rate=1e-3, stage_decay=0.5).peak_rates(network)
    assert rates["head"] == 1e-3 and rates["stage4"] == 5e-4 and rates["stem"] == 1e-3 / 32


TRAINED = (scratch, partial(1), partial(2), full, lp_ft, surgical("stem", "stage2"))


@pytest.mark.parametrize("way", TRAINED, ids=lambda s: s.name)
def test_the_plain_recipe_changes_how_and_not_what(network, way):
    made = plain(replace(way, stage_decay=0.3, weight_decay=0.2))
    for kept in ("name", "start", "stages", "kind", "head_learns", "weight_decay"):
        assert getattr(made, kept) == getattr(replace(way, weight_decay=0.2), kept)
    assert made.learning_parts(network) == way.learning_parts(network)
    assert (made.batch_size, made.epochs, made.statistics) == (32, 30, "batch")
    assert set(made.peak_rates(network).values()) == {made.rate}
    assert made.solves_head_first(network) == (way == lp_ft)
    assert made.candidates() == (made,) and plain(made) == made
    assert plain(replace(way, rate=0.07)).rate == 0.07
    assert plain(way.name) == plain(way)


def test_the_plain_recipe_leaves_what_is_solved_and_refuses_what_is_not_there():
    assert plain(probe) == plain("probe") == probe
    assert plain(replace(full, head_start="kept")).head_start == "kept"
    with pytest.raises(ValueError, match="unknown strategy 'fully'"):
        plain("fully")


@pytest.mark.parametrize("way", TRAINED, ids=lambda s: s.name)
def test_the_first_candidate_is_the_committed_recipe_and_all_train_the_same_stages(network, way):
    found = way.candidates()
    assert found[0].fingerprint() == way.fingerprint()
    assert len({one.fingerprint() for one in found}) == len(found)
    for one in found:
        assert one.rate and one.name == way.name and one.candidates() == (one,)
        assert one.learning_parts(network) == way.learning_parts(network)


def test_a_field_that_was_given_stays_in_every_candidate(monkeypatch):
    others = ({"rate": 0.5, "stage_decay": 0.25}, {"rate": 0.125})
    monkeypatch.setitem(strategies.ALTERNATIVES, "full", others)
    known = [(one.rate, one.stage_decay) for one in full.candidates()]
    assert known[1:] == [(0.5, 0.25), (0.125, full.stage_decay)]
    given = replace(full, stage_decay=0.125, weight_decay=0.2).candidates()
    assert [one.rate for one in given] == [rate for rate, _ in known]
    assert {(one.stage_decay, one.weight_decay) for one in given} == {(0.125, 0.2)}
    assert replace(full, name="mine").candidates() == (replace(full, name="mine", rate=1e-3),)


@pytest.mark.parametrize("way", (*TRAINED, probe), ids=lambda s: s.name)
def test_the_code_of_whatever_was_chosen_gives_it_again(way):
    import vtlab

    tuned = [replace(one, rate=one.peak_rate / 3) for one in way.candidates()]
    for one in (way, *way.candidates(), *tuned, plain(way)):
        again = eval(strategy_code(one), {"vt": vtlab})
        assert again.name == one.name and again.fingerprint() == one.fingerprint()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"batch_size": 0}, "0 batch_size"),
        ({"epochs": 0}, "0 epochs"),
        ({"head_start": "warm"}, "'random', 'probe', 'auto' or 'kept'"),
        ({"head_learns": False}, "starts at random must learn"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        replace(full, **wrong)


def test_a_head_that_cannot_be_solved_learns_fast_where_the_rate_is_left_open():
    from vtlab.models.backbones import backbone

    own = torch.nn.Sequential(torch.nn.Linear(256, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    linear, other = (backbone(classes=3, head=head) for head in (None, own))
    assert full.peak_rates(linear)["head"] == full.peak_rate
    assert full.peak_rates(other)["head"] == strategies.RANDOM_HEAD_RATE > full.peak_rate
    assert full.peak_rates(other)["stage4"] == full.peak_rates(linear)["stage4"]
    assert replace(full, rate=1e-4).peak_rates(other)["head"] == 1e-4  # as it was given
