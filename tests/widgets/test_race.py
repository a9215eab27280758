import time

import pytest
import torch

from vtlab.models.evaluation import evaluate
from vtlab.widgets.race import RacePanel


@pytest.fixture
def panel(toy):
    made = RacePanel(toy, strategies=("probe", "full"), seeds=3)
    yield made
    made.close()
    made._worker.wait()


def until(condition, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_lanes_stand_at_the_start_with_the_images_that_all_will_name(panel):
    assert panel.state == "ready"
    view = panel._picture
    assert [lane["name"] for lane in view.lanes] == ["probe", "full"]
    assert all(not lane["curve"] and not lane["right"] for lane in view.lanes)
    classes = [panel.task.classes[label] for label in panel.task.test.labels[:12].tolist()]
    assert view.scene["truth"] == classes and set(classes) == set(panel.task.classes)
    assert view.scene["images"].startswith("data:image/png;base64,")
    data, metadata = panel._repr_mimebundle_()
    assert data["image/png"] and "has not begun" in metadata["image/png"]["alt"]


def test_a_race_ends_with_what_the_networks_know(panel):
    panel.race()
    assert panel.wait(60) == "finished"
    for lane, run in zip(panel.lanes(), panel._shown.values(), strict=True):
        session, test = run.session, panel.task.test
        assert lane.accuracy == pytest.approx(evaluate(session.network, test.pixels, test.labels))
        assert lane.accuracy == pytest.approx(session.accuracy) and len(lane.finished) == 3
        right = sum(lane.right) / len(lane.right)
        watched = test[torch.arange(len(lane.right))]
        assert right == pytest.approx(evaluate(session.network, watched.pixels, watched.labels))
        assert all(0 <= share <= 1 for share in lane.sure)
    sent = panel._picture.lanes
    assert all(lane["low"] <= sum(lane["finished"]) / 3 <= lane["high"] for lane in sent)
    assert "over 3 seeds" in panel.status.words and "±" in panel.results()["probe"]


def test_no_lane_is_ever_more_than_a_pass_ahead(panel):
    passes = []
    panel._picture.observe(
        lambda change: passes.append([len(lane["curve"]) for lane in change["new"]]), "lanes"
    )
    panel.strategies, panel.seeds = ("partial", "full"), 1
    panel.race()
    panel.wait(60)
    assert len(passes) >= sum(passes[-1])  # each pass of each lane is shown
    assert all(abs(one - other) <= 1 for one, other in passes)


def test_a_race_that_is_stopped_goes_on_and_ends_as_one_that_was_not(toy, panel):
    other = RacePanel(toy, strategies=("probe", "full"), seeds=1)
    other.race()
    other.wait(60)
    panel.pace, panel.seeds = 0.05, 1
    panel.race()
    until(lambda: len(panel.lanes()[1].curve) > 2)
    panel.stop()
    assert panel.wait(60) == "stopped"
    panel.shots, panel.strategies, panel.pace = 1, ("scratch",), 0.0  # of the next race
    panel.resume()
    assert panel.wait(60) == "finished"
    assert [lane.finished for lane in panel.lanes()] == [lane.finished for lane in other.lanes()]
    other.close()


def test_a_click_shows_where_a_lane_looks_and_another_hides_it(panel):
    view = panel._picture
    panel._hear(view, {"look": ["full", 1]}, [])
    assert not view.maps  # it has not begun
    panel.seeds = 1
    panel.race()
    panel.wait(60)
    panel._hear(view, {"look": ["full", 1]}, [])
    assert list(view.maps) == ["full 1"] and view.maps["full 1"].startswith("data:image/png")
    panel._hear(view, {"look": ["full", 1]}, [])
    assert not view.maps


def test_what_cannot_race_is_refused_in_words(toy, panel):
    with pytest.raises(ValueError, match="no strategy 'magic' races; there are scratch, probe"):
        panel.strategies = ("magic",)
    with pytest.raises(TypeError, match="3 is no task"):
        RacePanel(3)
    with pytest.raises(ValueError, match="asks for a number"):
        RacePanel("petals")
    panel.resume()
    assert panel.status.words == "There is no stopped race to go on with."
    panel.stop()
    assert panel.status.words == "Nothing is racing."
    panel.strategies = ()
    panel.race()
    assert panel.status.words == "Pick a strategy." and panel.state == "ready"


def test_more_shots_than_there_are_end_the_race_with_a_sentence(panel):
    panel.shots = 500
    panel.race()
    with pytest.raises(ValueError, match="500"):
        panel.wait(20)
    assert panel.state == "failed" and "ValueError" in panel.status.words
