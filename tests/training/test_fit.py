import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import tiny_network
from sklearn.metrics import accuracy_score, balanced_accuracy_score
from steps_made_up import noise_task
from tests_support import entries_that_moved
from torch import nn

from vtlab.data.augment import Augment
from vtlab.data.images import Images
from vtlab.models.evaluation import evaluate, mean_absolute_error, predict
from vtlab.models.features import activations
from vtlab.results.records import Epoch
from vtlab.training.fit import _may_be_fitted, fit
from vtlab.training.probe import _measure_head
from vtlab.training.schedules import LENGTH_RULE, choose_epochs, count_batches, warmup_cosine
from vtlab.training.strategies import (
    FOUR,
    Strategy,
    full,
    lp_ft,
    partial,
    plain,
    probe,
    scratch,
    surgical,
)
from vtlab.training.views import Views

EVERY = (*FOUR, partial(3), lp_ft, surgical("stage2"), plain(full), partial(1, statistics="kept"))


@pytest.mark.parametrize("strategy", EVERY, ids=lambda s: s.name)
def test_exactly_the_learning_stages_move_and_their_statistics_unless_kept(network, toy, strategy):
    strategy.prepare(network, 0)
    before = {k: v.clone() for k, v in network.state_dict().items()}
    list(fit(network, toy, strategy, epochs=None if strategy.convex else 2))
    moved = entries_that_moved(before, network)
    expected = {
        name
        for name in before
        if (name.split(".")[1] if name.startswith("stages") else "head")
        in strategy.learning_parts(network)
        and not (strategy.statistics == "kept" and ("running" in name or "tracked" in name))
    }
    assert moved == expected


@pytest.mark.parametrize(("kind", "wanted"), [("norm", ".1."), ("bias", "bias")])
def test_a_kind_of_weights_moves_and_the_statistics_with_it(network, toy, kind, wanted):
    before = {k: v.clone() for k, v in network.state_dict().items()}
    list(fit(network, toy, replace(full, kind=kind, statistics="batch"), epochs=2))
    weights = {name for name, _ in network.stages.named_parameters()}
    for name in entries_that_moved(before, network):
        inside = name.removeprefix("stages.")
        assert inside not in weights or wanted in inside
    moved = entries_that_moved(before, network)
    assert {n for n in before if "running" in n or n.endswith(f"1.{'bias'}")} <= moved


def test_surgery_without_the_head_moves_one_stage(network, toy):
    before = {k: v.clone() for k, v in network.state_dict().items()}
    list(fit(network, toy, surgical("stage2", head_start="kept", head_learns=False), epochs=2))
    moved = entries_that_moved(before, network)
    assert moved == {n for n in before if n.startswith("stages.stage2")}


@pytest.mark.parametrize("k", [1, 2, 3, 4])
@pytest.mark.parametrize("augment", [None, Augment()], ids=["plain", "augmented"])
def test_a_cached_prefix_changes_nothing(toy, k, augment):
    from conftest import tiny_network

    results = []
    for cache in (True, False):
        torch.manual_seed(0)
        network = tiny_network()
        list(fit(network, toy, partial(k), epochs=10, augment=augment, cache=cache, bfloat16=False))
        results.append(predict(network, toy.test.pixels, bfloat16=False))
    assert torch.allclose(*results, atol=1e-5)


def ours_and_by_hand(network, toy, rates):
    """The weights after an epoch of `fit` per rate, peak 0.01, and after plain AdamW at those rates."""
    strategy = replace(plain(full), rate=1e-2)
    strategy.prepare(network, 0)
    start = {k: v.clone() for k, v in network.state_dict().items()}
    list(fit(network, toy, strategy, epochs=len(rates), augment=None, bfloat16=False))
    ours = {k: v.clone() for k, v in network.state_dict().items()}
    network.load_state_dict(start)
    network.train()
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=strategy.weight_decay)
    for rate in rates:  # 12 images: one batch
        optimiser.param_groups[0]["lr"] = rate
        optimiser.zero_grad()
        logits = network(network.normalise(toy.train.pixels))
        torch.nn.functional.cross_entropy(logits, toy.train.labels).backward()
        optimiser.step()
    return ours, network.state_dict()


def test_one_step_equals_a_step_by_hand(network, toy):
    ours, theirs = ours_and_by_hand(network, toy, [1e-2])
    assert all(torch.allclose(ours[k].float(), theirs[k].float(), atol=1e-5) for k in ours)


def test_six_steps_rise_and_fall_as_by_hand(network, toy):
    ours, theirs = ours_and_by_hand(
        network, toy, [1e-2 * warmup_cosine(step, 6) for step in range(6)]
    )
    assert all(torch.allclose(ours[k].float(), theirs[k].float(), atol=1e-3) for k in ours)


def test_an_epoch_is_every_image_once_in_an_order_of_the_seed_alone(monkeypatch):
    logits, seen, orders = Views.logits, [], []
    monkeypatch.setattr(
        Views,
        "logits",
        lambda views, index, *rest: seen.append(index) or logits(views, index, *rest),
    )
    for strategy, seed in ((plain(full), 0), (plain(partial(1)), 0), (plain(full), 1)):
        seen.clear()
        list(fit(tiny_network(), noise_task(33), strategy, seed=seed, epochs=2, augment=None))
        assert [len(index) for index in seen] == [25, 25, 25, 24] * 2
        first, second = torch.cat(seen[:4]), torch.cat(seen[4:])
        assert first.sort().values.tolist() == second.sort().values.tolist() == list(range(99))
        assert not torch.equal(first, second)
        orders.append(torch.cat(seen))
    assert torch.equal(orders[0], orders[1]) and not torch.equal(orders[0], orders[2])


@pytest.mark.parametrize("strategy", [scratch, probe, partial(1), full], ids=lambda s: s.name)
def test_one_seed_gives_the_same_bits_and_another_does_not(toy, strategy):
    from conftest import tiny_network

    def train(seed):
        torch.manual_seed(0)
        network = tiny_network()
        list(fit(network, toy, strategy, seed=seed, epochs=None if strategy.convex else 3))
        return torch.cat([p.detach().flatten() for p in network.parameters()])

    assert torch.equal(train(0), train(0))
    if not strategy.convex:  # the probe has one solution
        assert not torch.equal(train(0), train(1))


def test_a_head_without_a_bias_is_descended_on(toy):
    network = tiny_network()
    network.head = nn.Linear(network.head.in_features, 3, bias=False)
    records = list(fit(network, toy, probe, epochs=3))
    assert len(records) == 3 and records[0].learning_rate > 0
    with pytest.raises(ValueError, match="solution of a linear probe"):
        fit(network, toy, lp_ft)


@pytest.mark.parametrize(
    ("images", "batch_size", "sizes"),
    [
        (50, 16, (12, 13)),
        (33, 32, (16, 17)),
        (32, 32, (32,)),
        (3, 2, (3,)),
        (5, 1, (2, 3)),
        (1, 16, (1,)),
    ],
)
def test_batches_are_of_one_size_and_never_of_one_image(images, batch_size, sizes):
    """BatchNorm cannot take one image, and learns nothing good from a last batch of two."""
    strategy = replace(plain(full), batch_size=batch_size)
    pixels = torch.zeros(images, 3, 16, 16, dtype=torch.uint8)
    train = Images(pixels, torch.arange(images) % 3)
    training = fit(tiny_network(), replace(noise_task(shots=1), train=train), strategy, epochs=1)
    batches = training._batches(1)
    assert len(batches) == training.batches_per_epoch == count_batches(images, batch_size)
    assert {len(batch) for batch in batches} == {*sizes}
    assert sorted(torch.cat(batches).tolist()) == list(range(images))


def test_a_batch_in_parts_takes_the_steps_of_the_whole_batch(toy):
    """But for BatchNorm, which sees the parts: here its statistics are kept."""
    whole, parts = tiny_network(), tiny_network()
    parts.load_state_dict(whole.state_dict())
    strategy = replace(full, rate=1e-3, statistics="kept")
    for network, accumulate in ((whole, 1), (parts, 3)):
        list(fit(network, toy, replace(strategy, accumulate=accumulate), epochs=3, bfloat16=False))
    for ours, theirs in zip(parts.parameters(), whole.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("strategy", [replace(plain(full), epochs=3), probe], ids=lambda s: s.name)
def test_a_class_that_weighs_more_is_more_likely(strategy):
    task, likely = noise_task(shots=8), []
    for weights in ((1.0, 1.0, 1.0), (1.0, 50.0, 1.0)):
        network = tiny_network()
        list(fit(network, task, replace(strategy, class_weights=weights), augment=None))
        likely.append(predict(network, task.train.pixels)[:, 1].mean())
    assert likely[0] < likely[1]


def test_smoothed_targets_leave_a_network_less_sure(toy):
    sure = []
    for smoothing in (0.0, 0.5):
        network = tiny_network()
        strategy = replace(plain(full), rate=1e-2, label_smoothing=smoothing)
        list(fit(network, toy, strategy, epochs=20))
        sure.append(predict(network, toy.test.pixels).max(1).values.mean())
    assert sure[1] < sure[0]


def test_knobs_of_classes_are_refused_where_the_labels_are_numbers(toy):
    labels = toy.train.labels.float()
    task = replace(toy, classes=("number",), train=replace(toy.train, labels=labels))
    for knob in ({"class_weights": "balanced"}, {"label_smoothing": 0.1}):
        with pytest.raises(ValueError, match="labels are numbers"):
            fit(tiny_network(classes=1), task, replace(full, **knob))


def test_a_plain_module_is_refused_with_the_way_to_make_it_a_network(toy):
    with pytest.raises(TypeError, match=r"not a Linear: network = vt\.backbone\(module\)"):
        fit(nn.Linear(3, 3), toy, full)


def test_training_learns(network, toy):
    records = list(fit(network, toy, replace(plain(full), rate=1e-2), epochs=20))
    assert records[-1].loss < 0.5 * records[0].loss
    assert [r.number for r in records] == list(range(1, 21))
    guesses = predict(network, toy.test.pixels).argmax(1)
    assert (guesses == toy.test.labels).float().mean() > 0.9


def test_the_loop_can_be_left_and_what_was_learnt_stays(network, toy):
    before = network.stages["stage1"][0].weight.clone()
    for epoch in fit(network, toy, plain(full), epochs=50):
        if epoch.number == 2:
            break
    assert not torch.equal(before, network.stages["stage1"][0].weight)


def test_plotting_cam_and_evaluation_leave_every_global_random_state(network, toy):
    import random

    from vtlab import plots as plots
    from vtlab.analysis.cams import grad_cam

    def states():
        kind, words, *rest = np.random.get_state()
        return torch.get_rng_state().tolist(), random.getstate(), (kind, words.tolist(), *rest)

    records = list(fit(network, toy, partial(1), epochs=2))
    buffers = {k: v.clone() for k, v in network.state_dict().items()}
    before = states()
    pixels = toy.test.pixels[:2]
    evaluate(network, toy.test.pixels, toy.test.labels)
    maps = grad_cam(network, pixels).numpy()
    plots.cams(pixels.numpy(), {"partial": maps})
    plots.images(pixels.numpy())
    assert records and states() == before
    assert not entries_that_moved(buffers, network)


def test_impossible_trainings_are_refused(network, toy):
    with pytest.raises(ValueError, match="0 epochs"):
        next(fit(network, toy, full, epochs=0))
    from conftest import tiny_network

    with pytest.raises(ValueError, match="5 outputs.*3 classes"):
        next(fit(tiny_network(5), toy, full))


@pytest.mark.parametrize("epochs", [1.5, 2.0, float("nan"), True, "2"])
def test_epochs_are_a_whole_number(network, toy, epochs):
    with pytest.raises(ValueError, match="epochs: that is no whole number"):
        fit(network, toy, full, epochs=epochs)


def test_epochs_may_be_numpys_and_a_strategy_its_name(network, toy):
    training = fit(network, toy, "partial(2)", epochs=np.int64(2))
    list(training)
    assert training.batches_done == 2  # 12 images: one batch in an epoch
    assert network.learning_parts == {"stage3", "stage4", "head"}
    with pytest.raises(ValueError, match="unknown strategy 'prob'"):
        fit(network, toy, "prob")
    with pytest.raises(TypeError, match="is no strategy"):
        fit(network, toy, partial)


@pytest.mark.parametrize("strategy", [partial(6), surgical("stage9")], ids=lambda s: s.name)
def test_a_stage_that_is_not_there_is_refused_before_the_first_step(network, toy, strategy):
    with pytest.raises(ValueError, match="tiny has"):
        fit(network, toy, strategy)


@pytest.mark.parametrize(
    "change",
    [
        lambda x, y: (x.float(), y),
        lambda x, y: (x / 255, y),
        lambda x, y: (x[:, :1], y),
        lambda x, y: (x[0], y),
        lambda x, y: (x, y[:, None]),
        lambda x, y: (x, y[:1]),
        lambda x, y: (x, y.float()),
        lambda x, y: (x, y + 1),
    ],
)
def test_what_is_no_labelled_image_is_neither_tested_nor_learnt_from(network, toy, change):
    pixels, labels = change(toy.train.pixels, toy.train.labels)
    with pytest.raises(ValueError, match=r"pixels are bytes|labels"):
        evaluate(network, pixels, labels)
    with pytest.raises(ValueError, match=r"pixels are bytes|labels"):
        fit(network, replace(toy, train=Images(pixels, labels)), full)


@pytest.mark.parametrize("strategy", [probe, full], ids=lambda s: s.name)
def test_shorter_integers_are_classes_too(toy, strategy):
    records, length = [], None if strategy.convex else 2
    for kind in (torch.int64, torch.int32, torch.uint8):
        torch.manual_seed(0)
        task = replace(toy, train=replace(toy.train, labels=toy.train.labels.to(kind)))
        records.append([epoch.loss for epoch in fit(tiny_network(), task, strategy, epochs=length)])
    assert records[0] == records[1] == records[2]


def test_features_that_are_no_numbers_are_said_and_the_head_stays(network, toy):
    with torch.no_grad():
        network.stages["stage2"][0].weight[0] = torch.nan
    training = fit(network, toy, probe)
    with pytest.raises(ValueError, match="features hold values that are no numbers"):
        next(training)
    assert network.head.weight.isfinite().all()


def test_views_that_take_turns_are_as_many_as_are_asked_for(toy):
    training = fit(tiny_network(), toy, partial(1), epochs=4, views=3, bfloat16=False)
    list(training)
    assert sorted(training._views.complete) == [0, 1, 2]
    assert training.fingerprint()["views"] == 3
    assert "views" not in fit(tiny_network(), toy, partial(1)).fingerprint()


@pytest.fixture
def counting(toy):
    """Grey noise of any lightness, asking for a number that the network's features contain."""
    network = tiny_network(classes=1)

    def images(count, seed):
        random = torch.Generator().manual_seed(seed)
        light = torch.rand(count, 1, 1, 1, generator=random)
        noise = torch.rand(count, 3, 16, 16, generator=random)
        pixels = (180 * light + 60 * noise).to(torch.uint8)
        return Images(pixels, 8 + 50 * activations(network, pixels, bfloat16=False)[:, :3].sum(1))

    return network, replace(toy, classes=("light",), train=images(24, 0), test=images(50, 1))


@pytest.mark.parametrize(
    "strategy",
    [probe, plain(partial(1, rate=1e-2)), replace(plain(full), rate=1e-2)],
    ids=lambda s: s.name,
)
def test_numbers_are_learnt_better_than_their_mean(counting, strategy):
    (network, task), test = counting, counting[1].test
    epochs = None if strategy.convex else 60
    records = list(fit(network, task, strategy, epochs=epochs, augment=None, bfloat16=False))
    guess = (test.labels - task.train.labels.mean()).abs().mean().item()
    error = mean_absolute_error(network, test.pixels, test.labels)
    assert error < 0.7 * guess and records[-1].loss < 0.5


def test_a_step_of_counting_begins_at_the_mean(counting):
    network, task = counting
    first = next(
        iter(fit(network, task, replace(plain(full), rate=1e-12), epochs=1, bfloat16=False))
    )
    assert first.loss < 2  # 1 is what the mean costs; zeros would cost hundreds


def test_what_a_solved_head_has_no_use_for_is_said(toy):
    said = []
    fit(tiny_network(), toy, probe, epochs=5, mixup=0.2, say=said.append)
    assert said == ["probe is solved, not trained in epochs: epochs, mixup changes nothing"]
    fit(tiny_network(), toy, probe, say=said.append)
    fit(tiny_network(), toy, full, epochs=5, say=said.append)
    assert len(said) == 1


def test_an_augmentation_that_was_given_to_a_solved_head_is_said(toy):
    said = []
    for augment in ("default", None, Augment()):
        fit(tiny_network(), toy, probe, augment=augment, say=said.append)
    assert said == ["probe is solved, not trained in epochs: augment changes nothing"]


@pytest.mark.parametrize("strategy", ["probe", "full", "lp_ft"])
def test_a_head_that_was_frozen_by_hand_is_refused_where_it_should_learn(toy, strategy):
    network = tiny_network()
    network.head.requires_grad_(False)
    with pytest.raises(ValueError, match=f"{strategy} trains the head, .* switched off by hand"):
        fit(network, toy, strategy)
    network.head.requires_grad_(True)
    fit(network, toy, strategy)
    # a strategy that kept the head is no hand
    kept = Strategy("kept", stages=1, head_start="kept", head_learns=False)
    list(fit(network, toy, kept, epochs=1))
    assert not network.head.weight.requires_grad
    fit(network, toy, strategy)


def test_a_part_of_a_head_that_was_frozen_by_hand_stays_and_is_said(toy):
    network = tiny_network()
    network.head = nn.Sequential(nn.Linear(network.head.in_features, 4), nn.Linear(4, 3))
    network.head[0].requires_grad_(False)
    with pytest.warns(UserWarning, match="head.0.weight and 1 weights more had requires_grad"):
        training = fit(network, toy, replace(full, head_start="kept"), epochs=1)
        before = [w.clone() for w in network.head.parameters()]
        list(training)
    moved = [not torch.equal(a, b) for a, b in zip(before, network.head.parameters(), strict=True)]
    assert moved == [False, False, True, True]


@pytest.mark.parametrize(
    "given",
    [
        {"seed": None},
        {"seed": "a"},
        {"seed": 1.5},
        {"mixup": "a"},
        {"mixup": -0.1},
        {"mixup": float("nan")},
        {"views": 0},
        {"views": 1.5},
        {"cache": "x"},
        {"bfloat16": "yes"},
        {"bfloat16": 1},
        {"resume": "x.pt"},
        {"resume": {}},
    ],
    ids=str,
)
def test_an_argument_of_another_kind_is_refused_by_its_name(toy, given):
    (name,) = given
    with pytest.raises(ValueError, match=name):
        fit(tiny_network(), toy, full, **given)


@pytest.mark.parametrize(
    "given",
    [
        {"label_smoothing": "a"},
        {"label_smoothing": None},
        {"rate": "fast"},
        {"rate": True},
        {"batch_size": 2.5},
        {"batch_size": "16"},
        {"epochs": 1.5},
        {"accumulate": "2"},
        {"stage_decay": "a"},
        {"weight_decay": [1]},
        {"stages": True},
    ],
    ids=str,
)
def test_a_field_of_another_kind_is_refused_by_its_name(given):
    (name,) = given
    with pytest.raises(ValueError, match=name):
        Strategy("mine", **given)


def test_any_other_head_on_frozen_stages_is_descended_on(toy):
    network = tiny_network()
    width = network.head.in_features
    network.head = nn.Sequential(nn.Linear(width, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 3))
    before = {k: v.clone() for k, v in network.stages.state_dict().items()}
    training = fit(network, toy, replace(probe, rate=1e-2), epochs=20)
    records = list(training)
    assert len(records) == 20 and training.done and records[-1].loss < records[0].loss
    assert all(torch.equal(v, before[k]) for k, v in network.stages.state_dict().items())


def settle_statistics(network, pixels):
    """BatchNorm's running statistics are those of these images, as after a pretraining on them."""
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None  # the plain mean of all batches: of one
    with torch.no_grad():
        network.train()(network.normalise(pixels))
    for norm in norms:
        norm.momentum = 0.1


def solve_head(network, task, strategy, **options):
    """A training that has solved its head and not yet taken a batch."""
    training = fit(network, task, strategy, seed=3, **options)
    while training.solving:
        training.step()
    assert not training.batches_done
    return training


ON_A_SOLVED_HEAD = pytest.mark.parametrize(
    "strategy", [full, partial(1), surgical("stage2")], ids=lambda s: s.name
)


@ON_A_SOLVED_HEAD
@pytest.mark.parametrize("kind", ["classes", "numbers"])
def test_a_linear_head_starts_at_the_probes_solution(network, toy, counting, strategy, kind):
    network, task = counting if kind == "numbers" else (network, toy)
    twin = copy.deepcopy(network)
    list(fit(twin, task, probe, seed=3))
    training = solve_head(network, task, strategy)
    assert training.solver_steps and torch.equal(network.head.weight, twin.head.weight)
    assert torch.equal(network.head.bias, twin.head.bias)
    training.step()
    assert training.batches_done == 1 and not torch.equal(network.head.weight, twin.head.weight)


@ON_A_SOLVED_HEAD
def test_numbers_are_learnt_from_a_solved_head(counting, strategy):
    (network, task), test = counting, counting[1].test
    settle_statistics(network, task.train.pixels)
    way = replace(strategy, rate=1e-3, statistics="kept")
    training = solve_head(network, task, way, epochs=30, augment=None, bfloat16=False)
    guess = (test.labels - task.train.labels.mean()).abs().mean().item()
    solved = training.history[-1].loss
    list(training)
    assert training.history[-1].loss < solved and not training.diverged
    assert mean_absolute_error(network, test.pixels, test.labels) < 0.5 * guess


@ON_A_SOLVED_HEAD
@pytest.mark.parametrize("kind", ["classes", "numbers"])
def test_a_head_of_ones_own_starts_as_it_is_drawn(network, toy, counting, strategy, kind):
    network, task = counting if kind == "numbers" else (network, toy)
    outputs = len(task.classes)
    network.head = nn.Sequential(nn.Linear(10, 16), nn.ReLU(), nn.Linear(16, outputs))
    drawn = strategy.prepare(copy.deepcopy(network), 3, task.train.labels).head.state_dict()
    training = fit(network, task, replace(strategy, rate=1e-12), seed=3, epochs=1)
    (record,) = training
    assert not training.solver_steps
    assert record.loss < 5  # 1 is what the mean of numbers costs; zeros would cost hundreds
    for name, value in network.head.state_dict().items():
        assert torch.allclose(value, drawn[name], atol=1e-6)


def test_a_head_of_ones_own_learns(network, toy):
    network.head = nn.Sequential(nn.Linear(10, 16), nn.ReLU(), nn.Linear(16, 3))
    way = replace(full, rate=3e-2, statistics="batch")
    records = list(fit(network, toy, way, epochs=20))
    assert len(records) == 20 and records[-1].loss < 0.5 * records[0].loss


def test_a_strategy_says_how_many_images_are_in_a_step_and_how_often_they_are_seen(network, toy):
    training = fit(network, toy, replace(plain(full), batch_size=5, epochs=2))
    list(training)
    assert training.batches_done == 2 * 3  # 12 images
    assert fit(network, toy, replace(full, epochs=7)).epochs == 7
    assert fit(network, toy, replace(full, epochs=7), epochs=2).epochs == 2


def test_features_that_do_not_fit_take_as_many_epochs_as_a_random_start(toy):
    def training(task, **more):
        return fit(tiny_network(), task, lp_ft, **more)

    mixed = toy.train.labels[
        torch.randperm(len(toy.train), generator=torch.Generator().manual_seed(0))
    ]
    few = {count: toy.train[torch.arange(count)] for count in (6, len(toy.train))}
    hopeless = replace(toy, train=replace(few[len(toy.train)], labels=mixed))
    easy, hard = training(replace(toy, train=few[6])), training(hopeless)
    for one in (easy, hard):
        assert one.fitted
        while one.solving:
            one.step()
    assert easy.fitted and easy.epochs == choose_epochs(6, lp_ft)
    assert not hard.fitted and hard.epochs == choose_epochs(len(mixed), scratch)
    assert training(hopeless, epochs=2).epochs == 2
    # who goes on from a state goes on for as long
    assert training(hopeless, resume=hard.state()).epochs == hard.epochs


@pytest.mark.parametrize(
    ("images", "right", "fitted"), [(10, 8, True), (100, 80, False), (100, 90, True)]
)
def test_of_few_images_a_wrong_one_says_little(toy, images, right, fitted):
    some = replace(toy, train=toy.train[torch.arange(images) % 12])
    training = fit(tiny_network(), some, lp_ft)
    training.solving, training.solver_steps = False, 1
    training.history.append(Epoch(1, 1.0, right / images, 0.0, 0.0))
    training._balanced = right / images
    assert training.fitted == fitted


@pytest.mark.parametrize("counts", [(95, 5), (60, 30, 10), (40, 40, 40), (50, 50, 0)])
def test_whether_features_fit_is_told_by_the_balanced_accuracy(toy, counts):
    """The head's answers are set: it names the first class always, then also the others."""
    labels = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    pixels = toy.train.pixels[torch.arange(len(labels)) % 12]
    some = replace(toy, train=Images(pixels, labels))
    features = torch.nn.functional.one_hot(labels, 3).float()
    head = torch.nn.Linear(3, 3)
    for right in (0.0, 1.0):  # how much the head heeds the features
        with torch.no_grad():
            head.weight.copy_(right * torch.eye(3))
            head.bias.copy_(torch.tensor([0.5, 0, 0]))
            guesses = head(features).argmax(1)
        _, accuracy, balanced = _measure_head(head, features, labels)
        assert accuracy == pytest.approx(accuracy_score(labels, guesses))
        assert balanced == pytest.approx(balanced_accuracy_score(labels, guesses))
        training = fit(tiny_network(), some, lp_ft)
        training.solving, training.solver_steps, training._balanced = False, 1, balanced
        training.history.append(Epoch(1, 1.0, accuracy, 0.0, 0.0))
        assert training.fitted == bool(right)
        assert training.epochs == choose_epochs(len(labels), lp_ft if right else scratch)


def test_a_head_that_names_one_class_of_uneven_ones_is_no_fit_before_and_after_a_resume(toy):
    random = torch.Generator().manual_seed(0)
    noise = torch.randint(0, 256, (100, 3, 16, 16), generator=random, dtype=torch.uint8)
    labels = (torch.arange(100) > 94).long()
    some = replace(toy, train=Images(noise, labels))
    training = fit(tiny_network(), some, lp_ft)
    while training.solving:
        training.step()
    assert training.history[-1].train_accuracy >= 0.94
    assert not training.fitted and training.epochs == choose_epochs(100, scratch)
    again = fit(tiny_network(), some, lp_ft, resume=training.state())
    assert not again.fitted and again.epochs == training.epochs


def test_of_even_classes_balanced_and_plain_accuracy_say_the_same(toy):
    for right in range(80, 101):
        some = replace(toy, train=toy.train[torch.arange(96) % 12])
        training = fit(tiny_network(), some, lp_ft)
        training.solving, training.solver_steps, training._balanced = False, 1, right / 100
        training.history.append(Epoch(1, 1.0, right / 100, 0.0, 0.0))
        assert training.fitted == _may_be_fitted(round(right / 100 * 96), 96)


def test_a_training_whose_length_features_decide_names_the_rule_and_one_of_another_is_refused(toy):
    training = fit(tiny_network(), toy, lp_ft)
    assert training.fingerprint()["length"] == LENGTH_RULE
    for way, more in ((lp_ft, {"epochs": 2}), (scratch, {}), (probe, {}), (plain(full), {})):
        assert "length" not in fit(tiny_network(), toy, way, **more).fingerprint()
    training.step()
    state = training.state()
    del state.values["configuration"]["length"]
    with pytest.raises(ValueError, match=f"length is None there and '{LENGTH_RULE}' here"):
        fit(tiny_network(), toy, lp_ft, resume=state)


def test_a_kept_head_stays_what_it_was(network, toy):
    with torch.no_grad():
        network.head.weight.fill_(0.25)
    way = replace(full, head_start="kept", rate=1e-12)
    list(fit(network, toy, way, epochs=1))
    assert torch.allclose(network.head.weight, torch.tensor(0.25), atol=1e-6)


def test_the_probes_solution_needs_a_linear_head(toy):
    network = tiny_network()
    network.head = nn.Sequential(network.head)
    with pytest.raises(ValueError, match="lp_ft begins with the solution of a linear probe"):
        fit(network, toy, lp_ft)


def test_a_state_of_another_head_is_refused(toy):
    network = tiny_network()
    state = fit(network, toy, partial(1), epochs=2).state()
    network.head = nn.Sequential(network.head)
    with pytest.raises(ValueError, match="head"):
        fit(network, toy, partial(1), epochs=2, resume=state)


def test_half_of_the_views_are_mirrored_only_where_a_mirror_image_has_its_class(toy, network):
    asked = [
        fit(network, replace(toy, flip=flip), full).fingerprint()["augment"]
        for flip in (True, False)
    ]
    assert asked == [Augment().fingerprint(), Augment(flip=False).fingerprint()]
    given = fit(network, replace(toy, flip=False), full, augment=Augment()).fingerprint()["augment"]
    assert given["flip"]  # who asks for it gets it
    with pytest.raises(ValueError, match="augment='none'"):
        fit(network, toy, full, augment="none")
