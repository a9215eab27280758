import gc
import random
import threading
import time
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
import traitlets
from ipywidgets.widgets.widget import _instances

from vtlab.models.backbones import backbone
from vtlab.results.formatting import format_percent
from vtlab.training.fit import fit
from vtlab.training.strategies import full, plain, strategy
from vtlab.widgets.session import Session, make_session_strategy, name_session_strategy
from vtlab.widgets.train import STRATEGY_NAMES, TrainPanel

LEGAL = {"ready", "stopped", "finished"}
STAGES = ("stem", "stage1", "stage2", "stage3", "stage4")


@pytest.fixture
def panel(toy):
    made = TrainPanel(toy)
    yield made
    made.close()
    made._worker.wait()


def click(panel, name: str) -> None:
    """As the page does it."""
    message = {"method": "custom", "content": {"event": "click"}}
    panel.buttons[name]._handle_msg({"content": {"data": message}, "buffers": []})


def until(condition, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def threads() -> int:
    return sum(t.name == "vtlab training" for t in threading.enumerate())


def test_it_opens_with_empty_axes_a_picture_and_a_line(panel):
    assert panel.state == "ready" and panel.runs.empty
    data, metadata = panel._repr_mimebundle_()
    assert data["image/png"] and "no training yet" in metadata["image/png"]["alt"]
    assert repr(panel).startswith("TrainPanel(task='toy', shots=4, seed=0, backbone=")


def test_ticks_and_strategy_always_say_the_same(panel):
    boxes = panel.controls["stages"].boxes
    assert panel.strategy == "partial" and panel.stages == ("stage4",)
    boxes["stage3"].value = True
    assert panel.strategy == "partial" and panel.stages == ("stage3", "stage4")
    boxes["stem"].value = True
    assert panel.strategy == "surgical"
    panel.strategy = "probe"
    assert panel.stages == () and not any(box.value for box in boxes.values())
    panel.controls["strategy"].value = "scratch"
    assert panel.stages == STAGES
    boxes["stem"].value = False
    assert panel.strategy == "partial" and panel.stages == STAGES[1:]


def shown(panel):
    return panel.controls["rate"].value, panel.controls["stage_decay"].value


@pytest.mark.parametrize("name", STRATEGY_NAMES)
def test_rate_and_decay_are_those_of_the_strategys_recipe(panel, name):
    panel.strategy = "probe" if name == "full" else "full"
    panel.strategy = name
    way = make_session_strategy(name, panel.stages)
    assert shown(panel) == (way.peak_rate, way.stage_decay)
    panel.recipe = "plain"
    assert shown(panel) == (plain(way).peak_rate, plain(way).stage_decay)
    values = {control: getattr(panel, control) for control in panel.controls}
    assert panel.prepare(**values).strategy.fingerprint() == plain(way).fingerprint()
    panel.recipe = "committed"
    values = {control: getattr(panel, control) for control in panel.controls}
    assert panel.prepare(**values).strategy.fingerprint() == way.fingerprint()


def test_a_rate_that_is_given_or_chosen_is_the_one_that_trains(toy):
    panel = TrainPanel(toy, strategy="full", rate=1e-4, stage_decay=0.3)
    assert shown(panel) == (1e-4, 0.3)
    panel.rate = 1e-2
    way = panel.prepare(**{control: getattr(panel, control) for control in panel.controls}).strategy
    assert (way.rate, way.stage_decay, way.head_start) == (1e-2, 0.3, full.head_start)
    panel.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"task": "moon"},
        {"stages": ("stage9",)},
        {"rate": 0.5},
        {"strategy": "magic"},
        {"shots": -1},
        {"speed": 3},
    ],
)
def test_what_does_not_exist_is_refused_by_name(toy, wrong):
    with pytest.raises(
        (traitlets.TraitError, TypeError), match=next(iter(wrong)).removesuffix("s")
    ):
        TrainPanel(toy, **wrong)


def test_a_task_is_given_by_name_too_and_what_is_none_is_refused():
    for panel in (TrainPanel("fine"), TrainPanel(task="fine")):
        assert panel.task == "fine"
        panel.close()
    with pytest.raises(traitlets.TraitError, match="no task 'nope' here; there are garden"):
        TrainPanel("nope")
    with pytest.raises(TypeError, match="5 is no task"):
        TrainPanel(5)


def test_a_task_whose_images_are_not_those_it_draws_is_refused(toy):
    turned = replace(toy, train=replace(toy.train, pixels=toy.train.pixels.flip(3)))
    with pytest.raises(ValueError, match="toy: its training images are not those that its draw"):
        TrainPanel(turned)


@pytest.mark.parametrize(
    ("before", "stages", "after"),
    [
        ("full", (), "probe"),
        ("scratch", STAGES, "scratch"),
        ("lp_ft", STAGES, "lp_ft"),
        ("probe", STAGES, "full"),
        ("full", STAGES[3:], "partial"),
        ("partial", STAGES[:2], "surgical"),
        ("surgical", STAGES[4:], "surgical"),
    ],
)
def test_the_family_that_fits_the_ticked_stages(before, stages, after):
    assert name_session_strategy(before, stages, STAGES) == after


def test_a_run_is_that_of_the_plain_function(panel, toy):
    panel.epochs, panel.strategy = 2, "full"
    click(panel, "train")
    assert panel.wait() == "finished"
    network = backbone("mini_resnet", classes=3)
    epochs = list(fit(network, toy, strategy("full"), epochs=2))
    ours, plain = panel.session.network.state_dict(), network.state_dict()
    assert all(torch.equal(ours[name], plain[name]) for name in plain)
    assert [e.loss for e in panel.session.history] == [e.loss for e in epochs]
    assert panel.runs.strategy.tolist() == ["full"] and panel.runs.epochs.tolist() == [2]
    # the solver's steps are no epochs: neither in the curves nor in the words
    assert panel.curves().epoch.tolist() == [1, 2] and len(panel.session.history) > 2
    assert "epoch 2 of 2" in panel.caption()
    right = panel.session.accuracy
    assert (
        panel.runs.test_accuracy.tolist() == [right] and format_percent(right) in panel.status.words
    )


def test_stop_and_continue_end_at_the_bits_of_an_uninterrupted_run(toy):
    whole, broken = TrainPanel(toy, epochs=8), TrainPanel(toy, epochs=8)
    click(whole, "train")
    whole.wait()
    click(broken, "train")
    for seen in (1, 3, 6):
        until(lambda seen=seen: broken.session and len(broken.session.history) >= seen)
        click(broken, "stop")
        broken.wait()
        if broken.state == "stopped":
            click(broken, "continue")
    assert broken.wait() == "finished"
    one, other = (p.session.network.state_dict() for p in (whole, broken))
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert [e.loss for e in whole.session.history] == [e.loss for e in broken.session.history]
    for panel in (whole, broken):
        panel.close()


def test_stop_keeps_what_was_learnt_and_says_what_goes_on(panel, quick):
    quick(epochs=10**6, seconds=0.002)
    click(panel, "train")
    until(lambda: panel.session and len(panel.session.history) > 3)
    started = time.monotonic()
    click(panel, "stop")
    assert panel.wait() == "stopped"
    assert time.monotonic() - started < 2
    count = len(panel.session.history)
    assert f"epoch {count}" in panel.caption().replace("solver step", "epoch")
    assert "Continue" in panel.status.words and panel.runs.empty
    assert panel.session.network is not None


def test_finished_runs_stay_on_the_picture_and_a_stopped_one_makes_room(panel, quick):
    quick(pictures=True, epochs=3)
    for way in ("probe", "full"):
        panel.strategy = way
        click(panel, "train")
        panel.wait()
    quick(pictures=True, epochs=10**6, seconds=0.002)
    click(panel, "train")
    until(lambda: 3 in set(panel.curves().run))
    click(panel, "stop")
    panel.wait()
    assert set(panel.curves().run) == {1, 2, 3} and panel.runs.run.tolist() == [1, 2]
    past = [panel._sessions[run] for run in (1, 2)]
    assert all(session.network is None and session._training is None for session in past)
    quick(pictures=True, epochs=3)
    click(panel, "train")
    panel.wait()
    assert set(panel.curves().run) == {1, 2, 4}
    assert {"strategy", "shots", "seed", "test_accuracy"} <= set(panel.runs)
    assert "run 4" in panel.describe() and panel.footer().count("<tr") == 4


def test_runs_of_one_strategy_at_two_rates_are_told_apart_by_their_rate(panel, quick):
    quick(pictures=True, epochs=1)
    for rate in (1e-4, 1e-3):
        panel.strategy, panel.rate = "full", rate
        click(panel, "train")
        panel.wait()
    panel.strategy = "probe"
    click(panel, "train")
    panel.wait()
    said = [text.get_text() for text in panel.figure().axes[1].texts]
    starts = ("1 Full, rate 0.0001, test", "2 Full, rate 0.001, test", "3 Linear probe, test")
    assert all(any(words.startswith(start) for words in said) for start in starts)


def test_an_error_is_shown_and_raised_by_wait_and_train_works_again(panel, quick):
    quick(epochs=5, fails_at=2)
    click(panel, "train")
    with pytest.raises(RuntimeError, match="gone"):
        panel.wait()
    assert panel.state == "failed" and "&lt;gone&gt;" in panel.status.value
    click(panel, "continue")  # some layers may have made half a step
    assert panel.state == "failed" and "no stopped run" in panel.status.words
    quick(epochs=5)
    click(panel, "train")
    assert panel.wait() == "finished"


def test_after_an_error_in_drawing_the_run_goes_on(panel, quick, monkeypatch):
    quick(epochs=4)
    drawn, broken = panel.refresh, [RuntimeError("no ink")]

    def refresh():
        if broken:
            raise broken.pop()
        drawn()

    monkeypatch.setattr(panel, "refresh", refresh)
    click(panel, "train")
    with pytest.raises(RuntimeError, match="no ink"):
        panel.wait()
    assert panel.state == "stopped" and "no ink" in panel.status.words
    click(panel, "continue")
    assert panel.wait() == "finished"
    assert [epoch.number for epoch in panel.session.history] == [1, 2, 3, 4]


def test_where_the_disk_had_no_room_the_run_goes_on_once_it_has(panel, quick):
    quick(epochs=4, fails_at=2, error=OSError(28, "No space left on device"))
    click(panel, "train")
    with pytest.raises(OSError, match="No space left"):
        panel.wait()
    assert panel.state == "stopped"
    panel.session._training.fails_at = None
    click(panel, "continue")
    assert panel.wait() == "finished"
    assert [epoch.number for epoch in panel.session.history] == [1, 2, 3, 4]


def test_a_run_that_could_not_begin_does_not_go_on_as_the_one_before(panel, quick):
    quick(epochs=10**6, seconds=0.002)
    click(panel, "train")
    until(lambda: panel.session and panel.session.history)
    click(panel, "stop")
    panel.wait()
    panel.prepare = lambda **values: 1 / 0
    click(panel, "train")
    with pytest.raises(ZeroDivisionError):
        panel.wait()
    assert panel.state == "failed"


def test_a_run_can_be_told_while_another_thread_lets_its_network_go(network, toy, monkeypatch):
    session, told = Session(toy, "tiny", strategy("full"), network=network, accuracy=0.5), []

    def meanwhile(self) -> float:
        told.append(1)
        if len(told) == 1:
            session.release_network()
        return 2.0

    monkeypatch.setattr(Session, "seconds", property(meanwhile))
    assert session.row()["total_weights"] == network.count_weights() and session.network is None


def test_how_long_a_run_is_can_be_asked_while_another_thread_ends_it(toy):
    class Meanwhile:
        @property
        def convex(self):
            session._total_epochs, session._training = 7, None
            return False

    session = Session(
        toy, "tiny", Meanwhile(), _training=fit(backbone(classes=3), toy, "full", epochs=7)
    )
    assert session.total_epochs == 7


def test_more_shots_than_there_are_is_said_in_the_panel(garden):
    from vtlab.data.tasks import Task

    def draw(shots, seed):
        if shots > 8:
            raise ValueError("class 'red' has 8 training images")
        return garden.train

    small = Task("small", garden.classes, garden.train, garden.test, 5, 0, draw)
    panel = TrainPanel(small, shots=50)
    click(panel, "train")
    with pytest.raises(ValueError, match="8 training images"):
        panel.wait()
    assert "8 training images" in panel.status.words and panel.state == "failed"
    panel.close()


def test_two_panels_train_at_once_and_each_has_its_own_runs(toy, quick):
    kind = quick(epochs=60, seconds=0.005)
    panels = [TrainPanel(toy, seed=seed) for seed in (0, 1)]
    for panel in panels:
        click(panel, "train")
    assert [panel.wait() for panel in panels] == ["finished"] * 2
    assert kind.most == 2 and [p.runs.seed.tolist() for p in panels] == [[0], [1]]
    for panel in panels:
        panel.close()


def test_a_closed_panel_stops_and_leaves_no_model_behind(toy, quick):
    quick(epochs=10**6, seconds=0.002)
    before = len(_instances)
    panel = TrainPanel(toy)
    click(panel, "train")
    until(lambda: panel.session and panel.session.history)
    panel.close()
    panel._worker.wait()
    assert threads() == 0 and len(_instances) == before and panel.state == "stopped"


def test_only_traits_are_assigned_in_the_thread(panel, quick, capfd):
    quick(epochs=50)
    click(panel, "train")
    panel.wait()
    assert capfd.readouterr() == ("", "")


def test_ten_thousand_fast_steps_send_four_pictures_a_second_and_the_last(sent, quick, toy):
    panel = TrainPanel(toy)
    quick(epochs=10_000)
    sent.clear()
    started = time.monotonic()
    click(panel, "train")
    panel.wait()
    seconds = time.monotonic() - started
    pictures = [
        (at, state["value"])
        for at, _, _, model, state in sent
        if model == panel._picture.model_id and "value" in state
    ]
    assert 1 <= len(pictures) <= 4 * seconds + 2
    assert all(late[0] - early[0] >= 0.2 for early, late in pairwise(pictures[:-1]))
    assert "epoch 10000" in pictures[-1][1].replace("solver step", "epoch")
    assert len(sent) <= len(pictures) + 20  # the rest are states and buttons
    panel.close()


def clicks(panel, count: int, seed: int) -> None:
    chance = random.Random(seed)
    acts = [
        lambda: click(panel, "train"),
        lambda: click(panel, "stop"),
        lambda: click(panel, "continue"),
        lambda: setattr(panel, "strategy", chance.choice(["probe", "full", "partial"])),
        lambda: panel.controls["stages"].boxes["stage2"].set_trait("value", chance.random() < 0.5),
        lambda: setattr(panel, "seed", chance.randrange(3)),
        lambda: time.sleep(0.002),
    ]
    for _ in range(count):
        chance.choice(acts)()


@pytest.mark.parametrize("hands", [1, 4])
def test_500_random_clicks_never_start_two_trainings(sent, quick, toy, hands):
    kind = quick(epochs=20, seconds=0.0005)
    panel = TrainPanel(toy)
    people = [
        threading.Thread(target=clicks, args=(panel, 500 // hands, seed)) for seed in range(hands)
    ]
    for person in people:
        person.start()
    for person in people:
        person.join()
    click(panel, "stop")
    panel.wait()
    assert kind.most == 1 and kind.under_way == 0 and panel.state in LEGAL and threads() == 0
    assert panel.buttons["train" if panel.state != "stopped" else "continue"].button_style
    click(panel, "train")
    assert panel.wait() == "finished"
    panel.close()


@pytest.mark.parametrize("cycles", [8, pytest.param(100, marks=pytest.mark.nightly)])
def test_starting_and_stopping_leaves_threads_and_widgets_as_they_were(panel, quick, cycles):
    quick(epochs=10**6, seconds=0.0005)
    widgets, alive = len(_instances), threading.active_count()
    for _ in range(cycles):
        click(panel, "train")
        until(lambda: panel.session and panel.session.history)
        click(panel, "stop")
        panel.wait()
    assert len(_instances) == widgets and threading.active_count() == alive
    assert len(panel._sessions) == 1


@pytest.mark.parametrize("redraws", [25, pytest.param(1000, marks=pytest.mark.nightly)])
def test_redrawing_leaves_memory_and_figures_flat(panel, redraws):
    import psutil
    from matplotlib.figure import Figure

    def figures() -> int:
        gc.collect()
        return sum(type(thing) is Figure for thing in gc.get_objects())

    process = psutil.Process()
    # figures wait for the garbage collection, and the process keeps what they took: up to there it may grow
    for _ in range(25):
        panel.refresh()
    drawn, widgets = figures(), len(_instances)
    before = process.memory_info().rss
    for _ in range(redraws):
        panel.refresh()
    assert figures() <= drawn and len(_instances) == widgets
    assert process.memory_info().rss - before < 20e6


def test_a_run_that_diverges_has_words_and_no_row_and_training_goes_on(panel, quick):
    quick(epochs=2, diverges="full diverged at a rate of 9: at step 3 the loss was nan")
    panel.train()
    panel.wait()
    words = "Run 1 came to nothing: full diverged at a rate of 9: at step 3 the loss was nan."
    assert panel.state == "failed" and panel.status.words == words
    assert panel.runs.empty and panel.session.accuracy is None
    quick(epochs=2)
    panel.train()
    panel.wait()
    assert panel.state == "finished" and list(panel.runs.run) == [2]


def test_a_network_of_ones_own_is_trained_by_its_own_stages(toy):
    module = torch.nn.Sequential(
        torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3, 2), torch.nn.ReLU()),
        torch.nn.Sequential(torch.nn.Conv2d(4, 6, 3, 2), torch.nn.ReLU()),
        torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()),
        torch.nn.Linear(6, 5),
    )
    network = backbone(module, stages=["0", "1"], mean=[0.5] * 3, std=[0.2] * 3, image_size=16)
    before = [weight.clone() for weight in network.parameters()]
    panel = TrainPanel(toy, network=network, epochs=1)
    try:
        assert list(panel.controls["stages"].boxes) == ["0", "1"] == [*network.stage_names]
        assert panel.controls["backbone"].options == (network.name,) and panel.stages == ("1",)
        panel.strategy = "surgical"
        assert panel.stages == ("0",)
        panel.stages = ("0", "1")
        assert panel.strategy == "full"
        panel.train()
        assert panel.wait(60) == "finished"
        assert panel.runs.backbone.tolist() == ["Sequential"]
        assert panel.session.network.stage_names == ("0", "1")
        pairs = zip(before, network.parameters(), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs)  # a copy was trained
        with pytest.raises(traitlets.TraitError, match="no backbone 'mini_resnet' here; there are"):
            panel.backbone = "mini_resnet"
    finally:
        panel.close()
    with pytest.raises(TypeError, match="network is a Sequential: vt.backbone makes a network of"):
        TrainPanel(toy, network=module)
