// A race of strategies. Python sends the `scene` of a race once, and the `lanes` after each pass;
// a click on an image asks it where that lane looks.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 260, HEIGHT = 84, EDGE = 6; // of a curve, in pixels
const percent = (share) => `${Math.round(100 * share)}\u00a0%`;

export function tag(name, attributes = {}, ...children) {
  const svg = ["svg", "polyline", "line", "circle", "text"].includes(name);
  const made = svg ? document.createElementNS(SVG, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// where a point of a curve lies in the picture
export function place([passes, accuracy], furthest) {
  const x = EDGE + (WIDTH - 4 * EDGE) * Math.min(1, passes / furthest);
  return [x, HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * accuracy];
}

function drawCurve(svg, lane, scene) {
  const y = (share) => place([0, share], 1)[1];
  const rule = (share, kind) =>
    tag("line", { x1: EDGE, x2: WIDTH - EDGE, y1: y(share), y2: y(share), class: kind });
  const parts = [rule(0, "grid"), rule(0.5, "grid"), rule(1, "grid"), rule(scene.chance, "chance")];
  const points = lane.curve.map((point) => place(point, scene.passes));
  if (points.length) {
    parts.push(tag("polyline", { points: points.map((p) => p.join()).join(" "), class: "curve" }));
    const [x, last] = points.at(-1);
    parts.push(tag("circle", { cx: x, cy: last, r: 4.5, class: "head" }));
  }
  const end = WIDTH - EDGE;
  for (const share of lane.finished)
    parts.push(tag("circle", { cx: end, cy: y(share), r: 3, class: "seed" }));
  if (lane.low !== null && lane.low !== undefined)
    parts.push(tag("line", { x1: end, x2: end, y1: y(lane.low), y2: y(lane.high), class: "interval" }));
  svg.replaceChildren(...parts);
}

class Lane {
  constructor(model, name) {
    this.model = model;
    this.name = name;
    this.text = tag("b");
    this.score = tag("span", { class: "score" });
    this.words = tag("small");
    this.curve = tag("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img" });
    this.strip = tag("div", { class: "strip" });
    this.element = tag("section", {},
      tag("div", { class: "left" }, tag("div", { class: "title" }, this.text, this.score), this.curve),
      tag("div", { class: "right" }, this.words, this.strip));
  }

  // an image for each place of the strip, cut from the one picture that was sent
  hang(scene) {
    const last = Math.max(1, scene.truth.length - 1);
    this.pictures = scene.truth.map((truth, i) => {
      const button = tag("button", { type: "button" });
      const image = tag("span", { class: "image" });
      image.style.backgroundImage = `url(${scene.images})`;
      image.style.backgroundSize = `${scene.truth.length * 100}% 100%`;
      image.style.backgroundPosition = `${(100 * i) / last}% 0`;
      const map = tag("img", { alt: "", hidden: "" });
      const bar = tag("span", { class: "bar" }, tag("i"));
      button.append(image, map, bar);
      button.addEventListener("click", () => this.model.send({ look: [this.name, i] }));
      return { button, map, fill: bar.firstChild, truth };
    });
    this.strip.replaceChildren(...this.pictures.map((picture) => picture.button));
  }

  show(lane, scene) {
    this.element.style.setProperty("--lane", lane.colour);
    this.text.textContent = lane.text;
    this.score.textContent = lane.curve.length ? percent(lane.curve.at(-1)[1]) : "";
    this.words.textContent = lane.words;
    this.element.setAttribute("aria-label", lane.said);
    this.curve.setAttribute("aria-label", lane.said);
    drawCurve(this.curve, lane, scene);
    this.pictures.forEach(({ button, fill, truth }, i) => {
      const known = i < lane.right.length;
      button.className = known ? (lane.right[i] ? "right" : "wrong") : "";
      fill.style.width = known ? percent(lane.sure[i]).replace("\u00a0", "") : "0";
      const named = known ? scene.classes[lane.named[i]] : "nothing yet";
      button.title = `is ${truth}; ${lane.text} says ${named}` +
        (known ? `, and ${percent(lane.sure[i])} for ${truth}` : "");
      button.setAttribute("aria-label", button.title);
    });
  }

  look(maps) {
    this.pictures.forEach(({ map }, i) => {
      const source = maps[`${this.name} ${i}`];
      map.hidden = !source;
      if (source) map.src = source;
    });
  }
}

function render({ model, el }) {
  const root = tag("div", { class: "vtlab-race" });
  el.append(root);
  let lanes = [];
  const show = () => {
    const scene = model.get("scene"), sent = model.get("lanes");
    const names = sent.map((lane) => lane.name).join();
    if (root.dataset.drawn !== `${names} ${scene.number}`) {
      lanes = sent.map((lane) => new Lane(model, lane.name));
      lanes.forEach((lane) => lane.hang(scene));
      root.replaceChildren(...lanes.map((lane) => lane.element));
      root.dataset.drawn = `${names} ${scene.number}`;
    }
    lanes.forEach((lane, i) => lane.show(sent[i], scene));
    lanes.forEach((lane) => lane.look(model.get("maps")));
  };
  for (const name of ["scene", "lanes", "maps"]) model.on(`change:${name}`, show);
  show();
  return () => ["scene", "lanes", "maps"].forEach((name) => model.off(`change:${name}`, show));
}

export default { render };
