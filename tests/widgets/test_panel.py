import base64
import io

import comm
import ipywidgets
import pytest
import traitlets
from comm.base_comm import BaseComm
from ipywidgets.widgets.widget import _instances
from matplotlib.figure import Figure
from PIL import Image

from vtlab.plots import style as style
from vtlab.widgets.panel import CheckboxGroup, Panel, PanelRedrawTimer, render_panel_table


class Dots(Panel):
    """As many dots as a person wants."""

    dots = traitlets.Int(3)
    inks = traitlets.Tuple(("red",))

    def build_controls(self):
        return {
            "dots": ipywidgets.Dropdown(options=[0, 3, 5], description="Dots"),
            "inks": CheckboxGroup({"red": "Red", "blue": "Blue"}, "Inks"),
        }

    def figure(self) -> Figure:
        if not self.dots:
            raise ValueError("there is <nothing> to draw")
        figure, axes = style.new_figure(width=2)
        for i in range(self.dots):
            axes[0, 0].plot(i, 0, "o", color=self.inks[0] if self.inks else "black")
        return figure

    def describe(self) -> str:
        return f'{self.dots} "dots" in {" and ".join(self.inks)} <ink>'


@pytest.fixture
def panel():
    panel = Dots()
    yield panel
    panel.close()


def tree(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from tree(child)


def picture(panel) -> str:
    """The part of the page that holds the picture."""
    return panel.widget.children[-1].value


def static(panel) -> dict:
    return panel._repr_mimebundle_()[0]


def test_a_trait_moves_its_control_and_the_picture(panel):
    before = picture(panel)
    panel.dots = 5
    assert panel.controls["dots"].value == 5
    assert picture(panel) != before and "5 &quot;dots" in picture(panel)


def test_a_control_moves_its_trait_and_the_picture(panel):
    before = picture(panel)
    panel.controls["dots"].value = 5
    assert panel.dots == 5
    assert picture(panel) != before and "5 &quot;dots" in picture(panel)


def test_what_a_browser_sends_arrives(panel):
    message = {"method": "update", "state": {"value": True}, "buffer_paths": []}
    box = panel.controls["inks"].boxes["blue"]
    box._handle_msg({"content": {"data": message}, "buffers": []})
    assert panel.inks == ("red", "blue") and "red and blue" in picture(panel)


@pytest.fixture
def sent(monkeypatch) -> list:
    """What goes to the page: the kind of message, the model's id, and the state in it."""
    messages = []

    class Recorder(BaseComm):
        def publish_msg(self, msg_type, data=None, **rest):
            messages.append((msg_type, self.comm_id, (data or {}).get("state", {})))

    monkeypatch.setattr(comm, "create_comm", Recorder)
    return messages


def test_a_change_from_python_sends_the_control_and_one_picture(sent):
    panel = Dots()
    sent.clear()
    panel.dots = 5
    ids = {panel.controls["dots"].model_id: "control", panel._picture.model_id: "picture"}
    assert [(kind, ids[model], sorted(state)) for kind, model, state in sent] == [
        ("comm_msg", "control", ["index"]),
        ("comm_msg", "picture", ["value"]),
    ]
    assert sent[-1][2]["value"] == picture(panel) and "5 &quot;dots" in picture(panel)
    panel.close()


def test_a_click_sends_one_picture_and_no_control_back(sent):
    panel = Dots()
    sent.clear()
    message = {"method": "update", "state": {"index": 2}, "buffer_paths": []}
    panel.controls["dots"]._handle_msg({"content": {"data": message}, "buffers": []})
    changed = [(model, state) for _, model, state in sent if state]
    assert panel.dots == 5
    assert {model for model, _ in changed} <= {
        panel._picture.model_id,
        panel.controls["dots"].model_id,
    }
    pictures = [state for model, state in changed if model == panel._picture.model_id]
    assert pictures == [{"value": picture(panel)}]
    panel.close()


def test_the_same_value_again_sends_nothing(sent):
    panel = Dots()
    sent.clear()
    panel.dots, panel.inks = 3, ("red",)
    assert not sent
    panel.close()


def test_closing_tells_the_page_to_drop_every_model(sent):
    panel = Dots()
    opened = [model for kind, model, _ in sent if kind == "comm_open"]
    panel.close()
    closed = [model for kind, model, _ in sent if kind == "comm_close"]
    assert sorted(closed) == sorted(opened) and len(opened) > 8
    sent.clear()
    panel.dots = 5
    assert not sent  # a closed panel redraws for its static picture, and the page hears nothing


def test_traits_can_be_given_at_the_start():
    panel = Dots(dots=5, inks=("blue",))
    assert panel.controls["dots"].value == 5
    assert {n: box.value for n, box in panel.controls["inks"].boxes.items()} == {
        "red": False,
        "blue": True,
    }
    assert "5 &quot;dots&quot; in blue" in picture(panel)
    panel.close()


def test_one_change_draws_once(panel, monkeypatch):
    drawn = []
    figure = panel.figure
    monkeypatch.setattr(panel, "figure", lambda: drawn.append(panel.inks) or figure())
    panel.inks = ("blue",)  # two boxes move
    panel.controls["dots"].value = 5
    panel.dots = 5
    assert drawn == [("blue",), ("blue",)]


def test_the_picture_of_a_figure_comes_from_the_traits_alone(panel):
    other = Dots(dots=5)
    panel.dots = 0
    panel.inks = ("blue",)
    panel.inks = ("red",)
    panel.dots = 5
    assert picture(panel) == picture(other)
    other.close()


def test_the_page_gets_an_img_with_escaped_words(panel):
    assert 'alt="3 &quot;dots&quot; in red &lt;ink&gt;"' in picture(panel)
    assert "width:200px" in picture(panel) and "data:image/png;base64," in picture(panel)
    assert not any(isinstance(w, ipywidgets.Image | ipywidgets.Output) for w in tree(panel.widget))


def test_without_a_page_there_is_a_picture_with_words_and_a_line(panel):
    panel.dots = 5
    data, metadata = panel._repr_mimebundle_()
    assert data["text/plain"] == repr(panel) == "Dots(dots=5, inks=('red',))"
    image = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert image.width == 400  # twice as sharp as it is wide
    assert metadata["image/png"] == {"width": 200, "alt": '5 "dots" in red <ink>'}
    live = data["application/vnd.jupyter.widget-view+json"]
    assert live["model_id"] == panel.widget.model_id


def test_nothing_to_draw_is_said_in_the_pictures_place(panel):
    panel.controls["dots"].value = 0
    assert picture(panel) == '<p role="status">there is &lt;nothing&gt; to draw</p>'
    assert "image/png" not in static(panel) and static(panel)["text/plain"] == repr(panel)
    with pytest.raises(ValueError, match="nothing"):
        panel.figure()
    panel.controls["dots"].value = 3
    assert "<img" in picture(panel) and "image/png" in static(panel)


def test_no_two_panels_share_a_part(panel):
    other = Dots()
    parts = [
        set(map(id, [*tree(p.widget), *(w.layout for w in tree(p.widget))])) for p in (panel, other)
    ]
    assert not parts[0] & parts[1]
    other.dots = 5
    assert panel.dots == 3 and panel.controls["dots"].value == 3
    other.close()


def test_building_and_closing_leaves_no_model_behind():
    before = len(_instances)
    for _ in range(5):
        panel = Dots()
        assert len(_instances) > before
        panel.close()
        assert len(_instances) == before


def test_a_closed_panel_is_still_a_picture(panel):
    panel.close()
    panel.dots = 5
    assert set(static(panel)) == {"text/plain", "image/png"}
    assert panel.controls["dots"].value == 3
    panel.close()


def test_every_control_has_a_visible_name(panel):
    for widget in tree(panel.widget):
        if "value" in widget.keys and not isinstance(widget, ipywidgets.HTML):
            assert widget.description
    assert "Inks" in panel.controls["inks"].children[0].value


def test_checks_keep_the_order_of_their_boxes():
    checks = CheckboxGroup({"a": "A", "b": "B", "c": "C"}, "Letters")
    seen = []
    checks.observe(lambda change: seen.append(change.new), "value")
    for name in "cab":
        checks.boxes[name].value = True
    checks.boxes["a"].value = False
    checks.value = ("a",)
    assert seen == [("c",), ("a", "c"), ("a", "b", "c"), ("b", "c"), ("a",)]
    assert [box.value for box in checks.boxes.values()] == [True, False, False]


def test_a_base_class_asks_for_its_three_parts():
    for part in (Panel.build_controls, Panel.figure, Panel.describe):
        with pytest.raises(NotImplementedError):
            part(Dots.__new__(Dots))


def test_a_picture_is_due_four_times_a_second_or_less_if_drawing_is_slow():
    clock = [0.0]
    timer = PanelRedrawTimer(lambda: clock[0])
    assert timer.is_due()
    timer.restart(started=0.0)
    for now, due in ((0.1, False), (0.24, False), (0.25, True)):
        clock[0] = now
        assert timer.is_due() is due
    clock[0] = 1.25  # this one took a second: a fifth of the time at most
    timer.restart(started=0.25)
    assert not timer.is_due()
    clock[0] = 5.25
    assert timer.is_due()


def test_a_table_has_escaped_text_headed_columns_and_nothing_without_a_row():
    table = render_panel_table({"Name": ["<td>&", "b"], "Seed": [0, 1]})
    assert table.count("<tr") == 3 and table.count('<th scope="col"') == 2
    assert "&lt;td&gt;&amp;</td>" in table and table.count("<td ") == 4
    assert render_panel_table({"Name": [], "Seed": []}) == ""
