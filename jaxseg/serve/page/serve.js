"use strict";

const element = (id) => document.getElementById(id);
const view = element("view");
const canvas = element("marks");
const switches = [...document.querySelectorAll("#classes input")];
const state = {
  model: null, file: null, name: "image", result: null, marks: new Marks(),
  past: [], cursor: [0, 0], pen: false, keyboard: false,
};

function show(text, kind) {
  element("status").textContent = text;
  element("status").dataset.state = kind;
}

function showError(error) {
  element("error").textContent = error ? error.message : "";
  element("error").hidden = !error;
}

// Runs one task at a time, shows that it runs, and shows its error as one line.
async function busy(text, task) {
  if (element("status").dataset.state === "busy") return;
  const before = element("status").textContent;
  showError(null);
  show(text, "busy");
  try {
    show(await task(), "done");
  } catch (error) {
    showError(error);
    show(state.result ? before : "", "failed");
  }
  update();
}

// Segmentation

function openFile(file) {
  if (!file || !state.model) return;
  return busy(`Segmenting ${file.name} ...`, async () => {
    const limit = state.model.limits.pixels;
    const image = await decoded(file, limit);
    let [sent, note] = [file, ""];
    if (image?.reduced) {
      const {width, height} = image.pixels;
      sent = await pngOf(image.pixels, [0, 0, width, height], width, height);
      note = `, reduced from ${image.reduced.join(" x ")} pixels`;
    }
    const result = await segmented(sent, image?.pixels);
    Object.assign(state, {
      file: sent, result, marks: new Marks(), past: [],
      name: file.name.replace(/\.[^.]*$/, ""),
      cursor: [result.width >> 1, result.height >> 1],
    });
    for (const layer of [view, canvas]) {
      [layer.width, layer.height] = [result.width, result.height];
    }
    element("frame").classList.toggle("small", result.width < 400);
    element("work").hidden = false;
    document.body.classList.add("working");
    return `${file.name}: ${result.width} x ${result.height} pixels${note}`;
  });
}

// The options that are chosen on the page, as fields of a request.
function chosen() {
  const options = {};
  if (element("flip").checked) options.flip = "true";
  if (element("scales").checked) options.scales = "0.75,1,1.25";
  if (element("crf").checked) options.crf = "true";
  return options;
}

function predicted(file, fields) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append("image", file, file.name || "image.png");
  return send("/predict", form);
}

async function segmented(file, pixels) {
  const options = chosen();
  const fields = {answer: "json", ...options};
  if (!pixels) fields.picture = "true";
  const answer = await (await predicted(file, fields)).json();
  const [height, width] = answer.size;
  if (pixels && (pixels.width !== width || pixels.height !== height)) {
    return segmented(file, null); // The browser turned the picture differently.
  }
  const [labels, confidence] =
    await Promise.all([unpacked(answer.labels), unpacked(answer.confidence)]);
  const planes = labels.shape.length === 3 ? labels.shape[0] : 0;
  pixels ??= await rgbImage(answer.image);
  return Object.assign(
    new Result(pixels, labels.data, confidence.data, planes), {options},
  );
}

function again() {
  return busy("Segmenting ...", async () => {
    const old = state.result;
    state.result = await segmented(state.file, old.pixels);
    const marks = state.marks;
    state.past.push(() => { state.result = old; state.marks = marks; });
    return `${state.name}: segmented with the chosen options`;
  });
}

// Correction by a graph cut

function refine() {
  return busy("Cutting out the object ...", async () => {
    const {result, marks} = state;
    if (marks.lack) throw new Error(marks.lack);
    const region = marks.region(result.width, result.height);
    const [x0, y0, x1, y1] = region;
    const area = (x1 - x0) * (y1 - y0);
    const shrink = Math.min(1, Math.sqrt(0.98 * state.model.limits.cut_pixels / area));
    const width = Math.max(1, Math.floor((x1 - x0) * shrink));
    const height = Math.max(1, Math.floor((y1 - y0) * shrink));
    const form = new FormData();
    form.append("answer", "json");
    form.append("image", await pngOf(result.pixels, region, width, height), "image.png");
    if (marks.strokes.length) {
      const picture = marks.picture(region, width, height, radius());
      const all = [0, 0, width, height];
      form.append("scribbles", await pngOf(picture, all, width, height), "strokes.png");
    }
    if (marks.box) {
      const [left, top, right, bottom] = marks.box;
      const across = width / (x1 - x0), down = height / (y1 - y0);
      form.append("box", [
        Math.floor((left - x0) * across), Math.floor((top - y0) * down),
        Math.ceil((right - x0) * across), Math.ceil((bottom - y0) * down),
      ].join());
    }
    const answer = await (await send("/refine", form)).json();
    const label = Number(element("class").value);
    const undo = result.paint(await unpacked(answer.object), region, label);
    state.past.push(() => { undo(); state.marks = marks; });
    state.marks = new Marks();
    const share = Math.round(100 * answer.share * (area / result.count) * 10) / 10;
    return `The object takes ${share} % of the image and is now ` +
      `${state.model.classes[label].name}.`;
  });
}

function undo() {
  state.past.pop()?.();
  state.pen = false;
  showError(null);
  update();
}

// Drawing

const tool = () => document.querySelector("input[name=tool]:checked").value;
const radius = () => Math.max(1, Math.max(view.width, view.height) / 250);

function begin(point) {
  const before = state.marks;
  state.marks = before.copy();
  state.past.push(() => { state.marks = before; });
  if (tool() === "box") state.marks.box = [...point, point[0] + 1, point[1] + 1];
  else state.marks.strokes.push({kind: tool(), points: [point]});
  state.corner = point;
  state.pen = true;
}

function move(point) {
  state.cursor = point;
  if (state.pen && tool() === "box") {
    const [x, y] = state.corner;
    state.marks.box = [
      Math.min(x, point[0]), Math.min(y, point[1]),
      Math.max(x, point[0]) + 1, Math.max(y, point[1]) + 1,
    ];
  } else if (state.pen) {
    state.marks.strokes.at(-1).points.push(point);
  }
  read();
}

function end() {
  state.pen = false;
  update();
}

function read() {
  const [x, y] = state.cursor;
  element("reading").textContent =
    `${state.result.at(x, y, state.model.classes.map((one) => one.name))} ` +
    `(column ${x}, row ${y})`;
  drawMarks();
}

function drawMarks() {
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  state.marks.draw(context, radius());
  if (!state.keyboard) return;
  const [x, y] = state.cursor.map((value) => value + 0.5);
  const arm = 6 * radius();
  for (const [color, width] of [["#000", 1.2], ["#fff", 0.5]]) {
    context.strokeStyle = color;
    context.lineWidth = width * radius();
    context.beginPath();
    context.moveTo(x - arm, y);
    context.lineTo(x + arm, y);
    context.moveTo(x, y - arm);
    context.lineTo(x, y + arm);
    context.stroke();
  }
}

function update() {
  const {result, model} = state;
  if (!result) return;
  const palette = model.classes.map((one) => one.color);
  const shown = switches.map((one) => one.checked);
  const opacity = element("opacity").value / 100;
  result.draw(view.getContext("2d"), palette, shown, opacity);
  result.shares(palette.length).forEach((share, k) => {
    const row = switches[k].closest("li");
    row.classList.toggle("absent", !share);
    row.querySelector(".share").textContent = `${(100 * share).toFixed(1)} %`;
  });
  element("undo").disabled = !state.past.length;
  element("refine").disabled = state.marks.empty;
  read();
}

// Downloads

async function save(content, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

async function maskFile() {
  const {result, model} = state;
  if (result.planes || model.classes.length > 256) {
    return (await predicted(state.file, result.options)).blob();
  }
  const palette = model.classes.map((one) => one.color);
  return palettePng(result.labels, result.width, result.height, palette);
}

function overlayFile() {
  return new Promise((resolve) => view.toBlob(resolve, "image/png"));
}

// Events

function pointOf(event) {
  const area = canvas.getBoundingClientRect();
  const x = Math.floor((event.clientX - area.left) * canvas.width / area.width);
  const y = Math.floor((event.clientY - area.top) * canvas.height / area.height);
  return clipped([x, y]);
}

function clipped([x, y]) {
  return [
    Math.max(0, Math.min(canvas.width - 1, x)),
    Math.max(0, Math.min(canvas.height - 1, y)),
  ];
}

function pressKey(event) {
  const step = event.shiftKey ? 1 : Math.max(1, Math.round(canvas.width / 60));
  const ways = {
    ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step],
    ArrowDown: [0, step],
  };
  if (event.key in ways) {
    const [dx, dy] = ways[event.key];
    state.keyboard = true;
    move(clipped([state.cursor[0] + dx, state.cursor[1] + dy]));
  } else if (event.key === " ") {
    if (tool() === "look") read();
    else if (state.pen) end();
    else begin(state.cursor);
    read();
  } else if (event.key === "Enter") {
    end();
    refine();
  } else {
    return;
  }
  event.preventDefault();
}

function listen() {
  element("file").addEventListener("change", (event) => {
    openFile(event.target.files[0]);
    event.target.value = ""; // The same file can be chosen again.
  });
  addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("dragging");
  });
  addEventListener("dragleave", () => document.body.classList.remove("dragging"));
  addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("dragging");
    openFile(event.dataTransfer.files[0]);
  });
  canvas.addEventListener("pointerdown", (event) => {
    state.keyboard = false;
    state.cursor = pointOf(event);
    if (tool() !== "look") {
      canvas.setPointerCapture(event.pointerId);
      begin(state.cursor);
    }
    read();
  });
  canvas.addEventListener("pointermove", (event) => {
    state.keyboard = false;
    move(pointOf(event));
  });
  canvas.addEventListener("pointerup", () => state.pen && end());
  canvas.addEventListener("pointercancel", () => state.pen && end());
  canvas.addEventListener("keydown", pressKey);
  canvas.addEventListener("focus", () => {
    state.keyboard = canvas.matches(":focus-visible");
    if (state.result) read();
  });
  addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey)) undo();
  });
  for (const choice of document.querySelectorAll("input[name=tool]")) {
    choice.addEventListener("change", () => {
      state.pen = false;
      canvas.classList.toggle("drawing", tool() !== "look");
    });
  }
  for (const one of [...switches, element("opacity")]) {
    one.addEventListener("input", update);
  }
  const buttons = {
    refine, undo, again,
    all: () => setAll(true),
    none: () => setAll(false),
    mask: () => busy("Writing the mask ...", async () => {
      await save(await maskFile(), `${state.name}_mask.${state.result.planes ? "zip" : "png"}`);
      return "The mask is downloaded.";
    }),
    overlay: async () => save(await overlayFile(), `${state.name}_overlay.png`),
  };
  for (const [id, act] of Object.entries(buttons)) {
    element(id).addEventListener("click", act);
  }
}

function setAll(checked) {
  for (const one of switches) one.checked = checked;
  update();
}

async function start() {
  try {
    state.model = await (await send("/model")).json();
  } catch (error) {
    showError(error);
    show("", "failed");
    return;
  }
  const overlap = state.model.output === "multilabel";
  element("tools").hidden = overlap || state.model.classes.length > 256;
  element("class").selectedIndex = Math.min(1, state.model.classes.length - 1);
  if (overlap) element("crf").closest("label").hidden = true;
  listen();
  show("Ready.", "ready");
}

start();
