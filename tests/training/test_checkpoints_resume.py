import itertools
import os
import random
import signal
import threading
from dataclasses import replace

import pytest
import torch
from steps_made_up import (
    EVERY,
    descent,
    dropping_network,
    noise_task,
    reached,
    same,
    states_of,
    training,
)

from vtlab.data.augment import Augment
from vtlab.system.interrupts import Termination, defer_signals, raise_on_termination
from vtlab.training.checkpoints import capture_state, restore_state
from vtlab.training.fit import fit
from vtlab.training.strategies import full, lp_ft, partial, probe, scratch

by_name = pytest.mark.parametrize("strategy", EVERY, ids=lambda s: s.name)


class Countdown:
    """An event that is set after it was asked so many times."""

    def __init__(self, times):
        self.times = times

    def is_set(self):
        self.times -= 1
        return self.times < 0


@pytest.mark.parametrize("strategy", [scratch, partial(1), lp_ft], ids=lambda s: s.name)
def test_resuming_at_every_step_takes_the_same_next_step(strategy):
    reference = states_of(training(strategy))
    assert len(reference) > 64 or strategy.convex
    for before, after in itertools.pairwise(reference):
        resumed = training(strategy, resume=before)
        assert same(resumed.state(), before)
        while resumed.steps == before.values["steps"]:
            resumed.step()
        if after is reference[-1]:
            list(resumed)
        assert same(resumed.state(), after)


@by_name
def test_resuming_now_and_then_ends_with_the_same_bits(strategy):
    reference = states_of(training(strategy))
    for state in reference[::23]:
        resumed = training(strategy, resume=state)
        list(resumed)
        assert same(resumed.state(), reference[-1])


def test_resuming_in_half_precision_ends_with_the_same_bits():
    reference = states_of(training(descent, bfloat16=True))
    for state in reference[::23]:
        resumed = training(descent, resume=state, bfloat16=True)
        list(resumed)
        assert resumed._optimiser.param_groups[0]["fused"]
        assert same(resumed.state(), reference[-1])


@pytest.mark.nightly
@by_name
def test_resuming_at_every_step_ends_with_the_same_bits(strategy):
    reference = states_of(training(strategy))
    equal = 0
    for state in reference[:-1]:
        resumed = training(strategy, resume=state)
        list(resumed)
        equal += same(resumed.state(), reference[-1])
    print(f"{strategy.name}: {equal} of {len(reference) - 1} resumed to the same bits")
    assert equal == len(reference) - 1


@pytest.mark.parametrize("strategy", [probe, partial(1), descent, lp_ft], ids=lambda s: s.name)
def test_a_set_event_ends_the_loop_within_a_step_and_the_loop_can_go_on(strategy):
    reference = states_of(training(strategy))
    for asked in (0, 1, 5, 9):
        made = training(strategy, stop=Countdown(asked))
        records = list(made)
        assert made.steps <= asked and not made.done
        assert len(records) == len(made.history)
        assert reached(made, reference)
        made.stop = None
        records += list(made)
        assert same(made.state(), reference[-1]) and records == made.history


def test_a_half_done_epoch_gives_its_record_when_it_is_whole():
    whole = list(training(descent))
    made = training(descent, stop=Countdown(6))
    assert [r.loss for r in made] == [whole[0].loss] and made.steps == 6
    made.stop = None
    assert [(r.number, r.loss, r.train_accuracy) for r in made] == [
        (r.number, r.loss, r.train_accuracy) for r in whole[1:]
    ]


def test_a_stop_while_frozen_activations_are_computed_takes_no_step(monkeypatch):
    monkeypatch.setattr("vtlab.training.views.MAX_BATCH_SIZE", 10)
    made = training(partial(1, head_start="random"), stop=Countdown(4))
    assert list(made) == [] and made.steps == 0 and made._views.incomplete[1].position == 30


def test_kept_memory_goes_back_when_the_loop_ends_and_not_before(monkeypatch):
    back = []
    monkeypatch.setattr(
        "vtlab.training.checkpoints.return_freed_memory", lambda: back.append(made.steps)
    )
    made = training(descent, stop=Countdown(6))
    list(made)
    assert back == [6]
    made.stop = None
    list(made)
    assert made.done and back == [6, made.steps]


def interrupted(strategy, number, times):
    """Train while signals arrive at random moments; compare the bits after each of them."""
    reference = states_of(training(strategy))
    moments, came = random.Random(1), 0
    before = signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(number))
    try:
        while came < times:
            made, steps, longest = training(strategy), 0, 0.03
            while not made.done:
                # the solver begins again after an interrupt: without more time it never ends
                longest = 0.03 if made.steps > steps else 1.5 * longest
                steps = made.steps
                try:
                    signal.setitimer(signal.ITIMER_REAL, moments.uniform(0.001, longest))
                    list(made)
                    signal.setitimer(signal.ITIMER_REAL, 0)
                except KeyboardInterrupt as stopped:
                    assert isinstance(stopped, Termination) == (number == signal.SIGTERM)
                    came += 1
                assert reached(made, reference)
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(number)  # it still acts
            assert same(made.state(), reference[-1])
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    return came


posix = pytest.mark.skipif(os.name != "posix", reason="sends signals")


def test_gradients_that_an_interrupt_left_off_are_on_again(monkeypatch):
    made = training(descent)

    def interrupt(self, *rest):
        torch.set_grad_enabled(False)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(type(made), "_learn", interrupt)
        with pytest.raises(KeyboardInterrupt):
            next(made)
    assert torch.is_grad_enabled()
    with torch.no_grad():
        assert next(made).loss > 0


@posix
@pytest.mark.parametrize("strategy", [lp_ft, partial(1), descent], ids=lambda s: s.name)
def test_interrupts_at_random_moments_never_leave_half_a_step(strategy, ctrl_c):
    assert interrupted(strategy, signal.SIGINT, 20) >= 20


@posix
def test_terminations_at_random_moments_never_leave_half_a_step():
    with raise_on_termination():
        assert interrupted(descent, signal.SIGTERM, 20) >= 20


@pytest.fixture
def ctrl_c():
    """SIGINT raises, whatever became of it before."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_signal_in_an_unbroken_block_waits_for_its_end(ctrl_c):
    done = []
    with pytest.raises(KeyboardInterrupt), defer_signals():
        signal.raise_signal(signal.SIGINT)
        with defer_signals():
            done.append(1)
        done.append(2)
    assert done == [1, 2] and signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_that_is_left_behind_acts_as_the_one_it_stood_in_for(ctrl_c):
    with defer_signals():
        left = signal.getsignal(signal.SIGINT)
    assert left is not signal.default_int_handler
    signal.signal(signal.SIGINT, left)  # as if a second signal had cut the restoration short
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), defer_signals():
        signal.raise_signal(signal.SIGINT)


def test_an_unbroken_block_in_another_thread_leaves_signals_alone():
    before, seen = signal.getsignal(signal.SIGINT), []

    def work():
        with defer_signals(), raise_on_termination():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]


def test_training_leaves_the_random_state_and_dropout_does_not_depend_on_it():
    ends = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        made = training(descent, epochs=2)
        list(made)
        assert torch.equal(before, torch.get_rng_state())
        ends.append(made.state())
    assert same(*ends)
    undropped = dropping_network()
    for stage in ("stage3", "stage4"):
        undropped.stages[stage][-1].p = 0.0
    plain = fit(
        undropped, noise_task(), descent, epochs=2, seed=5, augment=Augment(crop=0.1, noise=2)
    )
    list(plain)
    assert plain.history[0].loss != made.history[0].loss  # dropout was at work


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"epochs": 9}, "epochs is 16 there and 9 here"),
        ({"seed": 6}, "seed is 5 there and 6"),
        ({"augment": None}, "augment is {"),
        ({"cache": False}, "cache is True there"),
        ({"augment": Augment()}, "augment is {"),
        ({"bfloat16": True}, "bfloat16 is False there"),
    ],
)
def test_a_state_of_other_options_is_refused_by_the_field(changes, field):
    state = training(descent, bfloat16=False).state()
    with pytest.raises(ValueError, match=field):
        training(descent, resume=state, **{"bfloat16": False} | changes)


@pytest.mark.parametrize(
    ("there", "here", "field"),
    [
        (descent, probe, "strategy is 'descent' there and 'probe' here"),
        (
            descent,
            replace(descent, rate=0.123),
            f"rate is {descent.peak_rate} there and 0.123 here",
        ),
        (partial(1), partial(1, weight_decay=0.1), "weight_decay is 0.01 there"),
        (partial(1), partial(1, stage_decay=0.5), "stage_decay is 1.0 there"),
        (partial(1), partial(1, batch_size=8), "batch is 16 there and 8 here"),
        (descent, full, "head_start is 'random' there and 'auto' here"),
        (descent, replace(descent, stages=2), "learning is"),
        (descent, replace(descent, statistics="kept"), "statistics is 'batch' there"),
        (descent, replace(descent, start="random"), "start is 'pretrained' there"),
    ],
    ids=str,
)
def test_a_state_of_another_strategy_is_refused_by_the_field(there, here, field):
    with pytest.raises(ValueError, match=field):
        training(here, resume=training(there).state())


def test_a_state_of_other_data_classes_or_weights_is_refused_by_the_field():
    state, task = training(partial(1)).state(), noise_task()
    options = {"epochs": 16, "seed": 5, "augment": Augment(crop=0.1, noise=2), "resume": state}
    for other, field in (
        (noise_task(seed=4), "data is"),
        (noise_task(30), "images is 51 there"),
        (replace(task, classes=("a", "b", "c")), "classes is"),
        (replace(task, name="other"), "task is 'noise'"),
    ):
        with pytest.raises(ValueError, match=field):
            fit(dropping_network(), other, partial(1), **options)
    network = dropping_network()
    with torch.no_grad():
        network.stages["stem"][0].weight[0, 0, 0, 0] += 1e-6
    with pytest.raises(ValueError, match="frozen is"):
        fit(network, task, partial(1), **options)
    network = dropping_network()
    network.name = "other"
    with pytest.raises(ValueError, match="backbone is 'tiny' there and 'other' here"):
        fit(network, task, partial(1), **options)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda tensors: tensors.pop("network.head.bias"), "head.bias is missing"),
        (lambda tensors: tensors.update({"network.tail": torch.ones(1)}), "tail is unknown"),
        (
            lambda tensors: tensors.update({"network.head.bias": torch.ones(2)}),
            "head.bias has another shape",
        ),
    ],
)
def test_tensors_of_another_network_are_refused_by_the_name(change, words):
    tensors = capture_state(dropping_network(), None)
    change(tensors)
    with pytest.raises(ValueError, match=f"does not fit the network: {words}"):
        restore_state(tensors, dropping_network(), None)
