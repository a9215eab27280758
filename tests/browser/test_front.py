"""What the browser draws, without a kernel: a model that only holds values stands for Python's."""

import copy

import pytest

from vtlab.widgets.panel import FRONT

pytestmark = pytest.mark.browser
SHOW = """async ([source, styles, values]) => {
  const sent = [], heard = {};
  const model = {
    get: (name) => values[name],
    set: (name, value) => { values[name] = value; (heard[`change:${name}`] || []).forEach((f) => f()); },
    on: (name, f) => { (heard[name] ??= []).push(f); },
    off: (name, f) => { heard[name] = heard[name].filter((g) => g !== f); },
    send: (message) => sent.push(message),
  };
  document.head.append(Object.assign(document.createElement('style'), {textContent: styles}));
  const address = URL.createObjectURL(new Blob([source], {type: 'text/javascript'}));
  const view = (await import(address)).default;
  const el = document.body.appendChild(document.createElement('div'));
  Object.assign(window, {model, sent, heard, leave: view.render({model, el})});
}"""
DOT = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
SCENE = {"number": 0, "images": DOT, "truth": ["rose", "tulip"], "classes": ["rose", "tulip"]}
SCENE |= {"chance": 0.5, "passes": 30}
START = {
    "name": "full",
    "text": "Full",
    "colour": "#00805f",
    "said": "Full has not begun",
    "words": "",
}
START |= {"curve": [], "named": [], "sure": [], "right": [], "finished": []}


@pytest.fixture
def race(chromium):
    page = chromium.new_page(viewport={"width": 1000, "height": 600})
    page.set_content("<!doctype html><title>race</title>")
    values = {"scene": SCENE, "lanes": [copy.deepcopy(START)], "maps": {}}
    texts = [(FRONT / name).read_text(encoding="utf-8") for name in ("race.js", "race.css")]
    page.evaluate(SHOW, [*texts, values])
    yield page
    page.close()


def test_a_lane_at_the_start_knows_nothing_yet(race):
    buttons = race.get_by_role("button")
    assert buttons.count() == 2 and race.locator(".score").inner_text() == ""
    assert buttons.first.get_attribute("aria-label") == "is rose; Full says nothing yet"


def test_after_a_pass_curve_number_frames_and_bars_follow(race):
    lane = START | {"curve": [[0, 0.5], [30, 1]], "named": [0, 0], "sure": [0.9, 0.25]}
    lane |= {"right": [True, False], "finished": [0.5, 1], "low": 0.25, "high": 1.0}
    race.evaluate("lane => model.set('lanes', [lane])", lane)
    assert race.locator(".score").inner_text() == "100\N{NO-BREAK SPACE}%"
    (x0, y0), (x1, y1) = (
        map(float, point.split(","))
        for point in race.locator(".curve").last.get_attribute("points").split()
    )
    assert x0 < x1 and y1 < y0  # later is to the right, better is higher
    chance = race.locator(".chance")
    assert float(chance.get_attribute("y1")) == pytest.approx(y0)
    first, second = race.get_by_role("button").all()
    assert first.get_attribute("class") == "right" and second.get_attribute("class") == "wrong"
    assert "is tulip; Full says rose, and 25" in second.get_attribute("aria-label")
    assert race.locator(".bar i").last.evaluate("e => e.style.width") == "25%"
    assert race.locator(".seed").count() == 2 and race.locator(".interval").count() == 1


def test_a_click_asks_python_and_its_answer_lies_over_the_image(race):
    race.get_by_role("button").last.click()
    assert race.evaluate("sent") == [{"look": ["full", 1]}]
    race.evaluate("map => model.set('maps', {'full 1': map})", DOT)
    assert race.locator("button img:not([hidden])").count() == 1
    race.evaluate("model.set('maps', {})")
    assert race.locator("button img:not([hidden])").count() == 0


def test_a_new_race_hangs_new_images_and_a_view_that_leaves_hears_no_more(race):
    race.locator("button").first.evaluate("e => { window.old = e; }")
    race.evaluate("model.set('lanes', model.get('lanes'))")
    assert race.evaluate("old.isConnected")  # a pass draws nothing anew that stands
    race.evaluate("model.set('scene', {...model.get('scene'), number: 1})")
    assert not race.evaluate("old.isConnected")
    race.evaluate("leave()")
    assert race.evaluate("Object.values(heard).flat().length") == 0


def test_no_control_of_a_panel_gives_its_keys_to_the_notebook(chromium):
    page = chromium.new_page()
    page.set_content("<div class='vtlab-panel'><select></select></div><input>")
    page.evaluate(SHOW, [(FRONT / "frame.js").read_text(encoding="utf-8"), "", {}])
    page.evaluate(
        "document.querySelector('.vtlab-panel').append(document.querySelector('div:last-child'))"
    )
    page.evaluate("new Promise(requestAnimationFrame)")
    page.evaluate("document.querySelector('.vtlab-panel').append(document.createElement('button'))")
    page.evaluate("new Promise(requestAnimationFrame)")
    marked = page.locator("[data-lm-suppress-shortcuts]").evaluate_all(
        "all => all.map(e => e.tagName)"
    )
    assert marked == ["SELECT", "BUTTON"]  # those that come later, too; none outside
    page.close()
