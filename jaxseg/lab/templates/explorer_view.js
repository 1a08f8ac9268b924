// Reads the form, and draws the numbers and the pictures.

const LARGEST_FIELD = 1025, MOST_LAYERS = 12, MOST_BRANCHES = 12;
const byId = id => document.getElementById(id);
const style = name => getComputedStyle(document.documentElement).getPropertyValue(name);
const INPUTS = ["rates", "columns", "mode", "kernel", "size"];
let shown = null;

// Returns the numbers of a comma-separated list, or throws a message.
function ratesOf(text, name) {
  const parts = text.split(",").map(part => part.trim());
  if (!parts.every(part => /^[1-9]\d{0,3}$/.test(part)))
    throw new Error(`${name}: expected numbers from 1 to 9999, such as 1,2,5.`);
  return parts.map(Number);
}

// Returns the settings of the form, or throws a message.
function settings() {
  const rows = ratesOf(byId("rates").value, "Rates");
  const text = byId("columns").value.trim();
  const columns = text ? ratesOf(text, "Rates along the columns") : rows;
  if (columns.length !== rows.length)
    throw new Error(`Rates along the columns: expected ${rows.length} numbers, ` +
      "one for each layer.");
  const mode = byId("mode").value, kernel = Number(byId("kernel").value);
  const size = Number(byId("size").value);
  if (!Number.isInteger(size) || size < 1 || size > 4096)
    throw new Error("Side of the feature map: expected a number from 1 to 4096.");
  const most = mode === "stack" ? MOST_LAYERS : MOST_BRANCHES;
  if (rows.length > most)
    throw new Error(`Rates: expected at most ${most} numbers.`);
  const reach = rates => 1 + (kernel - 1) * (mode === "stack"
    ? rates.reduce((a, b) => a + b) : Math.max(...rates));
  const field = Math.max(reach(rows), reach(columns));
  if (field > LARGEST_FIELD)
    throw new Error(`Rates: expected a field of at most ${LARGEST_FIELD} cells, ` +
      `but these give ${field}.`);
  return {rows, columns, mode, kernel, size};
}

const number = value => Number(value.toPrecision(3)).toString();
const both = (pair, format = String) => pair[0] === pair[1]
  ? format(pair[0]) : pair.map(format).join(" x ");
const percent = value => `${(100 * value).toFixed(1)} %`;

function cards(found) {
  const rows = [
    ["field", both(found.field), "cells"],
    ["coverage", percent(found.coverage), ""],
    ["evenness", number(found.evenness), "1 is best"],
  ];
  if (found.sigma) rows.push(
    ["sigma", both(found.sigma, number), "cells"],
    ["longest gap", both(found.gap), "cells"],
    ["M\u2082", both(found.m2), "the HDC paper demands at most the kernel size"]);
  rows.push(["valid taps", found.valid.map(percent).join(", "), "of each layer"]);
  byId("cards").replaceChildren(...rows.map(texts => {
    const card = document.createElement("div");
    card.className = "card";
    ["name", "value", "note"].forEach((kind, i) => {
      const part = document.createElement("span");
      part.className = kind;
      part.textContent = texts[i];
      card.append(part);
    });
    return card;
  }));
}

function drawMap(found) {
  const canvas = byId("map"), {counts} = found;
  canvas.height = counts.length;
  canvas.width = counts[0].length;
  const shape = canvas.width / canvas.height;
  canvas.style.aspectRatio = `${shape}`;
  canvas.style.width = `min(100%, ${36 * shape}rem)`;
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  const largest = counts.reduce((m, row) => row.reduce((a, b) => Math.max(a, b), m), 0);
  counts.flat().forEach((count, i) => {
    const depth = Math.sqrt(count / largest);
    const color = count ? [235 - 235 * depth, 242 - 150 * depth, 250 - 90 * depth]
      : [230, 159, 0];
    image.data.set([...color, 255], 4 * i);
  });
  context.putImageData(image, 0, 0);
}

// Draws one curve or bars with axes; `points` are pairs of numbers.
function drawChart(canvas, points, {bars, top, labels}) {
  const context = canvas.getContext("2d"), {width, height} = canvas;
  const left = 70, right = 20, above = 20, below = 60;
  const first = points[0][0], last = points[points.length - 1][0];
  const x = value => left + (value - first) / (last - first || 1) * (width - left - right);
  const y = value => height - below - value / top * (height - above - below);
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.font = "24px sans-serif";
  context.strokeStyle = "#c8cdd3";
  context.fillStyle = "#30363d";
  context.textAlign = "right";
  for (const share of [0, 0.5, 1]) {
    context.strokeRect(left, y(share * top), width - left - right, 0);
    context.fillText(number(share * top), left - 8, y(share * top) + 8);
  }
  context.textAlign = "center";
  for (const label of labels) context.fillText(number(label), x(label), height - 24);
  context.fillStyle = context.strokeStyle = "#0072b2";
  context.lineWidth = 3;
  const step = Math.max(1, (width - left - right) / points.length * 0.8);
  if (bars) {
    for (const [at, value] of points)
      context.fillRect(x(at) - step / 2, y(value), step, y(0) - y(value));
    return;
  }
  context.beginPath();
  for (const [at, value] of points) context.lineTo(x(at), y(value));
  context.stroke();
}

function draw(found) {
  drawMap(found);
  const line = found.lines[0], middle = (line.length - 1) / 2;
  drawChart(byId("line"), line.map((count, i) => [i - middle, count]), {
    bars: true, top: Math.max(...line), labels: [-middle, 0, middle]});
  const curve = Array.from({length: 513}, (_, i) => [i / 1024, found.response(i / 1024)[0]]);
  drawChart(byId("curve"), curve, {bars: false, top: 1, labels: [0, 0.125, 0.25, 0.375, 0.5]});
}

function verdict(found, mode) {
  const full = found.coverage === 1, place = byId("verdict");
  place.className = `verdict ${full ? "good" : "warning"}`;
  const name = mode === "stack" ? "This stack" : "This set of branches";
  place.textContent = full ? `${name} reads every cell of its field.`
    : `${name} reads ${percent(found.coverage)} of the cells of its field.`;
}

function update() {
  let chosen;
  for (const id of INPUTS) byId(id).removeAttribute("aria-invalid");
  try {
    chosen = settings();
  } catch (error) {
    byId("problem").textContent = error.message;
    const id = error.message.startsWith("Side") ? "size"
      : error.message.startsWith("Rates along") ? "columns" : "rates";
    byId(id).setAttribute("aria-invalid", "true");
    return;
  }
  byId("problem").textContent = "";
  const {rows, columns, mode, kernel, size} = chosen;
  shown = (mode === "stack" ? stack : parallel)(rows, columns, kernel, size);
  verdict(shown, mode);
  cards(shown);
  draw(shown);
  const words = new URLSearchParams(INPUTS.map(id => [id, byId(id).value]));
  history.replaceState(null, "", `#${words}`);
}

function restore() {
  const words = new URLSearchParams(location.hash.slice(1));
  for (const id of INPUTS) if (words.has(id)) byId(id).value = words.get(id);
  update();
}

byId("form").addEventListener("input", update);
byId("form").addEventListener("submit", event => event.preventDefault());
byId("presets").addEventListener("click", event => {
  const {rates, mode} = event.target.dataset;
  if (!rates) return;
  byId("rates").value = rates;
  byId("columns").value = "";
  byId("mode").value = mode || "stack";
  update();
});
byId("map").addEventListener("pointermove", event => {
  const box = event.target.getBoundingClientRect();
  const row = Math.floor((event.clientY - box.top) / box.height * shown.counts.length);
  const column = Math.floor((event.clientX - box.left) / box.width * shown.counts[0].length);
  const count = shown.counts[row]?.[column];
  if (count !== undefined) byId("under").textContent =
    `Offset (${row - (shown.counts.length - 1) / 2}, ` +
    `${column - (shown.counts[0].length - 1) / 2}): ${count.toLocaleString()} paths.`;
});
window.addEventListener("hashchange", restore);
restore();
