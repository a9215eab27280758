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
    send: (message, _, buffers = []) => sent.push({...message, bytes: buffers.map((b) => b.byteLength)}),
  };
  document.head.append(Object.assign(document.createElement('style'), {textContent: styles}));
  const address = URL.createObjectURL(new Blob([source], {type: 'text/javascript'}));
  const view = (await import(address)).default;
  const place = document.querySelector('.vtlab-panel') ?? document.body;
  const el = place.appendChild(document.createElement('div'));
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
    assert race.evaluate("sent") == [{"look": ["full", 1], "bytes": []}]
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
    page.evaluate("new Promise(requestAnimationFrame)")
    page.evaluate("document.querySelector('.vtlab-panel').append(document.createElement('button'))")
    page.evaluate("new Promise(requestAnimationFrame)")
    marked = page.locator("[data-lm-suppress-shortcuts]").evaluate_all(
        "all => all.map(e => e.tagName)"
    )
    assert marked == ["SELECT", "BUTTON"]  # those that come later, too; none outside
    page.close()


TRAYS = {"classes": [{"name": "cat", "count": 0}, {"name": "dog", "count": 0}], "answer": {}}
DROP = """async ([side, name]) => {
  const canvas = Object.assign(document.createElement('canvas'), {width: side, height: side / 2});
  const pen = canvas.getContext('2d');
  const noise = pen.createImageData(side, side / 2);  // no packing makes it small
  noise.data.forEach((_, i) => { noise.data[i] = i % 4 === 3 ? 255 : 256 * Math.random(); });
  pen.putImageData(noise, 0, 0);
  const blob = await new Promise((done) => canvas.toBlob(done, 'image/png'));
  const given = new DataTransfer();
  given.items.add(new File([blob], name, {type: 'image/png'}));
  const zones = [...document.querySelectorAll('button.zone')];
  const zone = zones.find((one) => one.closest('section')?.ariaLabel === 'class dog');
  zone.dispatchEvent(new DragEvent('drop', {dataTransfer: given, bubbles: true, cancelable: true}));
  return blob.size;
}"""


@pytest.fixture
def trays(chromium):
    page = chromium.new_page(viewport={"width": 1000, "height": 700})
    # a camera is for pages that come over a safe line
    page.route(
        "https://photos.test/", lambda route: route.fulfill(body="<!doctype html><title>p</title>")
    )
    page.goto("https://photos.test/")
    texts = [(FRONT / name).read_text(encoding="utf-8") for name in ("photos.js", "photos.css")]
    page.evaluate(SHOW, [*texts, copy.deepcopy(TRAYS)])
    yield page
    page.close()


def test_a_large_photograph_that_is_dropped_is_sent_small_to_its_tray(trays):
    size = trays.evaluate(DROP, [1600, "rex.png"])
    trays.wait_for_function("sent.length > 0")
    (message,) = trays.evaluate("sent")
    assert message["class"] == "dog" and message["name"] == "rex.png" and message["kind"] == "photo"
    assert message["bytes"][0] < 300_000 and size > 3_000_000 and message["parts"] == 1
    trays.evaluate("model.set('classes', [{name: 'cat', count: 0}, {name: 'dog', count: 1}])")
    assert "1 photographs" in trays.get_by_label("class dog").inner_text()


def test_a_zip_travels_in_parts_and_its_progress_is_said(trays):
    with trays.expect_file_chooser() as chooser:
        trays.get_by_role("button", name="A zip with a folder per class").click()
    content = bytes(range(256)) * 20_000
    chooser.value.set_files({"name": "a.zip", "mimeType": "application/zip", "buffer": content})
    trays.wait_for_function("sent.length === 6")
    parts = trays.evaluate("sent")
    assert sum(part["bytes"][0] for part in parts) == len(content)
    assert [part["part"] for part in parts] == list(range(6)) and {p["kind"] for p in parts} == {
        "zip"
    }


def test_a_class_is_renamed_and_one_is_added(trays):
    box = trays.get_by_label("Name of the class").first
    box.fill("Katze 🐈")
    box.press("Tab")
    trays.get_by_role("button", name="Add a class").click()
    assert trays.evaluate("sent.map(({rename, add}) => rename ?? add)") == [
        ["cat", "Katze 🐈"],
        "class 3",
    ]
    assert trays.get_by_label("Name of the class").count() == 3


def test_the_camera_fills_a_tray_with_the_keyboard_and_is_closed_with_the_panel(trays):
    tray = trays.get_by_label("class cat")
    tray.get_by_role("button", name="Camera").click()
    shutter = tray.get_by_role("button", name="Take (hold for several)")
    shutter.wait_for()
    shutter.focus()
    trays.keyboard.press("Enter")
    trays.wait_for_function("sent.length > 0")
    message = trays.evaluate("sent[0]")
    assert message["class"] == "cat" and message["kind"] == "photo" and message["bytes"][0] > 1000
    assert tray.locator(".strip img").count() == 1
    trays.evaluate(
        "window.track = document.querySelector('video').srcObject.getTracks()[0]; leave()"
    )
    assert trays.evaluate("track.readyState") == "ended"


def test_an_answer_has_a_bar_for_each_class_and_the_map_over_the_image(trays):
    answer = {"name": "mine.jpg", "words": "mine.jpg: dog, 75 % sure", "image": DOT, "map": DOT}
    answer["bars"] = [["dog", 0.75], ["cat", 0.25]]
    trays.evaluate("answer => model.set('answer', answer)", answer)
    widths = trays.locator(".bar i").evaluate_all("all => all.map(e => e.style.width)")
    assert (
        widths == ["105px", "35px"]
        and trays.get_by_alt_text("mine.jpg: dog, 75 % sure").count() == 1
    )
    trays.evaluate("model.set('answer', {})")
    assert trays.locator(".bar, .asked img").count() == 0
