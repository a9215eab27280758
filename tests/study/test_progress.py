"""Estimates of a study's time against runs whose durations are made up, on a clock of their own."""

import functools
import io
import random
from dataclasses import replace

import pytest
import tqdm.auto

from vtlab.study import progress
from vtlab.study.progress import ProgressEstimate, StudyProgress
from vtlab.study.run import PlannedRun, Runner
from vtlab.study.setting import Setting
from vtlab.study.tune import list_candidates
from vtlab.training.costs import count_training_operations
from vtlab.training.schedules import choose_epochs
from vtlab.training.strategies import FOUR, full, lp_ft, probe, scratch

EPOCHS = 30
# multiply-adds of a run of the default study, in billions, and seconds that such runs took
WORK = {"scratch": 774, "probe": 16, "partial": 290, "full": 774}
SECONDS = {"scratch": 15.0, "probe": 0.8, "partial": 7.5, "full": 19.0}


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def play(durations, *, jobs=1, parts=EPOCHS):
    """Runs of those seconds; gives the whole time, and (when, estimate) after every part of a run."""
    clock = Clock()
    work = {run: WORK[run.strategy.name] for run in durations}
    estimate, said = ProgressEstimate(work, jobs=jobs, clock=clock), []
    if jobs == 1:
        for run, seconds in durations.items():
            estimate.begin(run)
            for part in range(parts):
                clock.now += seconds / parts
                estimate.share = (part + 1) / parts
                said.append((clock.now, estimate.remaining()))
            estimate.end(run, seconds)
        return clock.now, said
    waiting, running = list(durations.items()), []
    while waiting or running:
        while waiting and len(running) < jobs:
            run, seconds = waiting.pop(0)
            running.append((clock.now + seconds, run))
        running.sort(key=lambda one: one[0])
        clock.now, run = running.pop(0)
        estimate.end(run, durations[run])
        said.append((clock.now, estimate.remaining()))
    return clock.now, said


def study(seed, spread):
    """Three seeds of the four strategies, in the order in which they are run, each with some luck."""
    luck = random.Random(seed)
    return {
        PlannedRun(strategy, 5, n): SECONDS[strategy.name] * luck.uniform(1 - spread, 1 + spread)
        for n in range(3)
        for strategy in FOUR
    }


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("jobs", [1, 2])
def test_from_a_quarter_of_the_time_on_an_estimate_is_off_by_less_than_a_third(seed, jobs):
    whole, said = play(study(seed, 0.15), jobs=jobs)
    for when, remaining in said:
        # the last seconds may be off by a second
        if when >= whole / 4:
            assert abs(remaining - (whole - when)) < (whole - when) / 3 + 0.02 * whole


def test_a_strategy_whose_work_was_foretold_wrong_has_its_own_pace_from_its_first_run_on():
    """A probe that takes ten times as long as its work says does not make the others seem slow."""
    durations = {
        run: seconds * (10 if run.strategy == probe else 1) for run, seconds in study(0, 0).items()
    }
    whole, said = play(durations)
    first_round = sum(seconds for run, seconds in durations.items() if run.seed == 0)
    for when, remaining in said:
        if when >= first_round:
            assert remaining == pytest.approx(whole - when, rel=0.01, abs=0.01)


def test_nothing_is_said_before_anything_is_known():
    clock = Clock()
    estimate = ProgressEstimate({PlannedRun(full, 5, 0): 100.0}, clock=clock)
    estimate.begin(PlannedRun(full, 5, 0))
    clock.now, estimate.share = 1.0, 0.05
    assert estimate.remaining() is None and estimate.share_done() == 0
    clock.now, estimate.share = 4.0, 0.2
    assert estimate.remaining() == pytest.approx(16) and estimate.share_done() == pytest.approx(0.2)


@pytest.fixture(scope="module")
def runner():
    return Runner.build(Setting(image_size=32, epochs=2))


def test_without_a_terminal_there_are_a_few_plain_lines(runner, capsys, monkeypatch):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0)
    planned = [PlannedRun(probe, 1, 0), PlannedRun(scratch, 1, 0)]
    with StudyProgress(runner, planned) as shown:
        for run in planned:
            shown.begin(run)
            shown.epoch_ended()
            shown.end(run, 3.0)
    lines = capsys.readouterr().err.splitlines()
    assert all("\r" not in line and " to go" in line for line in lines)
    assert lines[-1] == "2 of 2 runs (100%), about 0:00 to go"


def test_in_a_terminal_one_bar_says_what_runs_and_never_goes_back(runner, monkeypatch):
    screen = io.StringIO()
    bar = functools.partial(tqdm.auto.tqdm, disable=False, file=screen, mininterval=0)
    monkeypatch.setattr(tqdm.auto, "tqdm", bar)
    monkeypatch.setattr(progress, "_can_draw_bar", lambda: True)
    planned = [PlannedRun(probe, 1, 0), PlannedRun(scratch, 1, 0)]
    shares = []
    with StudyProgress(runner, planned) as shown:
        monkeypatch.setattr(shown.estimate, "share_done", lambda: [0.5, 0.3, 1.0][len(shares)])
        for step in (shown.begin, lambda run: shown.epoch_ended(), lambda run: shown.end(run, 1.0)):
            step(planned[0])
            shares.append(shown.display.bar.n)
            if step == shown.begin:
                assert shown.display.bar.desc == "probe    seed 0"
    assert shares == [0.5, 0.5, 1.0]
    assert "probe    seed 0  50%|" in screen.getvalue() and " to go" in screen.getvalue()


def test_the_work_of_a_run_is_its_training_its_testing_and_once_the_frozen_stages(runner):
    planned = [PlannedRun(strategy, 5, seed) for seed in (0, 1) for strategy in (probe, full)]
    work = StudyProgress(runner, planned).work
    first, whole, later, again = (work[run] for run in planned)
    assert first > later and whole == again > first  # the probe's test images are kept
    assert StudyProgress(runner, planned, show=False).show is False


def test_the_trials_of_a_recipe_are_work_too(runner):
    def work(strategy, recipe, shots=5):
        run = PlannedRun(strategy, shots, 0)
        chosen = replace(runner, setting=replace(runner.setting, recipe=recipe))
        return StudyProgress(chosen, [run]).work[run]

    base = work(full, "committed")
    whole = count_training_operations(runner.make_network(), full, 40, epochs=2, image_size=32)
    for recipe, epochs in (("chosen", 1), ("tuned", 2)):  # of two; on three quarters of 40 images
        trials = len(list_candidates(full, recipe)) * whole * epochs / 2 * 0.75
        assert work(full, recipe) - base == pytest.approx(trials, rel=0.01)
    given = replace(full, rate=1e-3)
    for strategy, shots in ((given, 5), (probe, 5), (full, 1)):
        assert work(strategy, "chosen", shots) == work(strategy, "committed", shots)


def test_runs_on_features_that_do_not_fit_are_longer_once_that_is_known(runner, monkeypatch):
    monkeypatch.setattr(progress, "_can_draw_bar", lambda: False)
    free = replace(runner, setting=replace(runner.setting, epochs=None))
    planned = [
        PlannedRun(strategy, shots, seed)
        for seed in (0, 1)
        for strategy in (probe, scratch, full)
        for shots in (5, 10)
    ]
    with StudyProgress(free, planned) as shown:
        before = dict(shown.estimate.pending)
        first = planned[4]
        shown.begin(first)
        shown.epoch_ended(True)
        assert shown.estimate.pending == before
        shown.epoch_ended(False)
        after = shown.estimate.pending
        longer = {run for run in planned if after[run] > before[run]}
        assert longer == {run for run in planned if run.strategy is full and run.shots == 5}
        assert {run for run in planned if after[run] != before[run]} == longer
        epochs = choose_epochs(5 * 8, full, fitted=False)
        assert shown.parts[first].epochs == epochs > choose_epochs(5 * 8, full)
        assert shown.parts[first].training == count_training_operations(
            free.make_network(), full, 5 * 8, epochs=epochs, image_size=32
        )


def test_a_run_says_after_each_epoch_whether_its_features_fit(runner):
    said = []
    runner.train(lp_ft, 2, 0, said.append)
    assert len(said) > 2 and {*said} <= {True, False}
