// Photographs of a person's own: a tray for each class, filled by dropping, choosing or the camera, and a
// photograph to be named. Images are made small here, so that a telephone's need not travel whole.

const SIDE = 512; // pixels of the longer side that is sent
const PART = 1_000_000; // bytes in a message; a server ends a connection that sends too many at once
const MAX_ZIP = 300_000_000;
const PICTURES = /^image\//;
const SHOTS = 6; // a second, while the camera's button is held

function tag(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes))
    if (typeof value === "function") made.addEventListener(key, value);
    else if (value !== false) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// a picture on a canvas, its longer side at most SIDE
export function shrink(picture, width, height) {
  const scale = Math.min(1, SIDE / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(scale * width));
  canvas.height = Math.max(1, Math.round(scale * height));
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.92));
}

// a file made small where the browser can read it (upright, as its camera meant it), and else as it is
async function prepare(file) {
  if (!PICTURES.test(file.type)) return file;
  try {
    const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
    return await shrink(picture, picture.width, picture.height);
  } catch {
    return file;
  }
}

function render({ model, el }) {
  const root = tag("div", { class: "vtlab-photos" });
  const said = tag("p", { role: "status" });
  let number = 0;

  // the bytes in parts, with what they are
  async function send(blob, about) {
    const bytes = new Uint8Array(await blob.arrayBuffer());
    const parts = Math.max(1, Math.ceil(bytes.length / PART)), id = `${Date.now()} ${number++}`;
    for (let part = 0; part < parts; part++) {
      const piece = bytes.slice(part * PART, (part + 1) * PART);
      model.send({ ...about, id, part, parts }, undefined, [piece.buffer]);
      if (parts > 3) {
        said.textContent = `Sending ${about.name}: ${Math.round((100 * (part + 1)) / parts)} %`;
        await new Promise((done) => setTimeout(done, 30));
      }
    }
    if (parts > 3) said.textContent = "";
  }

  async function take(files, kind, tray) {
    said.textContent = "";
    const chosen = [...files];
    const big = chosen.find((file) => file.size > MAX_ZIP);
    if (big) {
      said.textContent = `${big.name} has ${Math.round(big.size / 1e6)} MB; the most is ${MAX_ZIP / 1e6} MB. ` +
        "Where the notebook runs on this machine, give its path instead.";
      return;
    }
    for (const [i, file] of chosen.entries()) {
      const zip = /\.zip$/i.test(file.name);
      await send(zip ? file : await prepare(file),
        { kind: zip ? "zip" : kind, class: tray, name: file.name, last: i === chosen.length - 1 });
    }
  }

  // a button that also takes what is dropped on it
  function zone(words, kind, tray, multiple = true) {
    const input = tag("input", { type: "file", hidden: "", accept: "image/*,.heic,.zip" });
    input.multiple = multiple;
    input.addEventListener("change", () => { take(input.files, kind, tray()); input.value = ""; });
    const button = tag("button", { type: "button", class: "zone", click: () => input.click() }, words);
    const over = (on) => (event) => { event.preventDefault(); button.classList.toggle("over", on); };
    button.addEventListener("dragover", over(true));
    button.addEventListener("dragleave", over(false));
    button.addEventListener("drop", (event) => {
      over(false)(event);
      take(event.dataTransfer.files, kind, tray());
    });
    return [button, input];
  }

  // the camera's picture and a button: a press takes one, holding it several
  function camera(act) {
    const video = tag("video", { hidden: "", muted: "", playsinline: "" });
    video.muted = true;
    let stream = null, timer = null;
    const shoot = async () => {
      if (video.videoWidth) act(await shrink(video, video.videoWidth, video.videoHeight));
    };
    const end = () => { clearInterval(timer); timer = null; };
    const hold = () => { if (!timer) { shoot(); timer = setInterval(shoot, 1000 / SHOTS); } };
    const trigger = tag("button", { type: "button", hidden: "", pointerdown: hold, pointerup: end, pointerleave: end,
      keydown: (event) => [" ", "Enter"].includes(event.key) && !event.repeat && hold(), keyup: end, blur: end },
      "Take (hold for several)");
    const close = () => {
      end();
      if (stream) stream.getTracks().forEach((track) => track.stop());
      stream = null;
      video.hidden = trigger.hidden = true;
      toggle.textContent = "Camera";
    };
    const open = async () => {
      try {
        stream = await navigator.mediaDevices.getUserMedia({ video: { width: 640 } });
      } catch (error) {
        said.textContent = `No camera here (${error.name}). Photographs can be dropped or chosen.`;
        return;
      }
      video.srcObject = stream;
      await video.play();
      video.hidden = trigger.hidden = false;
      toggle.textContent = "Close the camera";
    };
    const toggle = tag("button", { type: "button", click: () => (stream ? close() : open()) }, "Camera");
    return { parts: [toggle, trigger, video], video, close, live: () => stream !== null, shoot };
  }

  const cameras = [];
  function tray(name) {
    const label = tag("input", { type: "text", value: name, "aria-label": "Name of the class" });
    let known = name;
    const count = tag("span", { class: "count" }), strip = tag("div", { class: "strip" });
    label.addEventListener("change", () => {
      model.send({ rename: [known, label.value.trim()] });
      known = label.value.trim();
    });
    const own = camera((blob) => { hang(blob); send(blob, { kind: "photo", class: known, name: "camera.jpg", last: true }); });
    cameras.push(own);
    const hang = (blob) => {
      const source = URL.createObjectURL(blob);
      strip.prepend(tag("img", { src: source, alt: `photograph of ${known}` }));
      while (strip.children.length > 24) strip.lastChild.remove();
    };
    const [button, input] = zone("Drop photographs here, or choose", "photo", () => known);
    input.addEventListener("change", () => {});
    const element = tag("section", { "aria-label": `class ${name}` },
      tag("div", { class: "head" }, label, count, button, input, ...own.parts), strip);
    return { element, show: (sent) => {
      const mine = sent.find((one) => one.name === known);
      count.textContent = mine ? `${mine.count} photographs` : "none yet";
      if (mine && mine.thumbs) strip.replaceChildren(...mine.thumbs.map((source) => tag("img", { src: source, alt: `photograph of ${known}` })));
    } };
  }

  const trays = [];
  const place = tag("div");
  const add = (name) => {
    const made = tray(name);
    trays.push(made);
    place.append(made.element);
    made.show(model.get("classes"));
  };
  const more = tag("button", { type: "button", click: () => {
    const name = `class ${trays.length + 1}`;
    model.send({ add: name });
    add(name);
  } }, "Add a class");
  const [whole, wholeInput] = zone("A zip with a folder per class, or photos named like “cat 1.jpg”", "loose", () => "");
  const use = tag("button", { type: "button", class: "main", click: () => model.send({ use: true }) }, "Use these photographs");

  const shown = tag("div", { class: "asked" });
  const bars = tag("div", { class: "bars" });
  const [ask, askInput] = zone("Drop a photograph to be named", "ask", () => "", false);
  const eye = camera((blob) => send(blob, { kind: "ask", class: "", name: "camera.jpg", last: true }));
  cameras.push(eye);
  // the next picture of the live camera goes when the answer to the last one is there
  const next = () => { if (eye.live()) setTimeout(eye.shoot, 100); };
  const trial = tag("section", { "aria-label": "Try it" },
    tag("div", { class: "head" }, tag("b", {}, "Try it"), ask, askInput, ...eye.parts), tag("div", { class: "answer" }, shown, bars));

  const show = () => {
    const sent = model.get("classes");
    sent.slice(trays.length).forEach((one) => add(one.name));
    trays.forEach((one) => one.show(sent));
    use.hidden = !sent.some((one) => one.count);
  };
  const answer = () => {
    const got = model.get("answer");
    shown.replaceChildren();
    bars.replaceChildren();
    if (!got.image) return;
    shown.append(tag("img", { src: got.image, alt: `${got.name}: ${got.words}` }));
    if (got.map) shown.append(tag("img", { src: got.map, alt: "", class: "map" }));
    bars.append(...got.bars.map(([name, share]) =>
      tag("div", { class: "bar" }, tag("span", {}, name), tag("i", { style: `width:${Math.round(140 * share)}px` }),
        tag("span", {}, `${Math.round(100 * share)} %`))));
    next();
  };
  root.append(tag("div", { class: "head" }, whole, wholeInput, more, use), said, place, trial);
  el.append(root);
  model.on("change:classes", show);
  model.on("change:answer", answer);
  show();
  answer();
  return () => {
    cameras.forEach((one) => one.close());
    model.off("change:classes", show);
    model.off("change:answer", answer);
  };
}

export default { render };
