"use strict";

const element = (id) => document.getElementById(id);
let header; // What header.json says about the network.
let worker;

function say(state, text) {
  element("status").dataset.state = state;
  element("status").textContent = text;
}

// Resolves with the next message of the worker.
function nextMessage() {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({data}) => (data.error ? reject(data.error) : resolve(data));
    worker.onerror = (event) => reject(event.message || "The worker did not start.");
  });
}

async function start() {
  header = await (await fetch("header.json")).json();
  element("network").textContent =
    `${header.network || "A network"} with ${header.classes.length} classes`;
  showClasses(header.classes.map(() => 0), 0);
  worker = new Worker("network.js");
  await nextMessage();
  say("ready", "The network is ready.");
}

function showClasses(counts, total) {
  const rows = header.classes.map((name, index) => {
    const row = document.createElement("tr");
    const color = document.createElement("span");
    color.className = "color";
    color.style.background = `rgb(${header.palette[index].join()})`;
    const share = total ? `${((100 * counts[index]) / total).toFixed(2)} %` : "";
    for (const content of [color, name, index, share]) {
      row.insertCell().append(content);
    }
    return row;
  });
  element("classes").replaceChildren(...rows);
}

// Returns the size at which the network reads an image.
function networkSize(bitmap) {
  const [, height, width] = header.input.shape;
  return {width: width ?? bitmap.width, height: height ?? bitmap.height};
}

function draw(bitmap, {width, height}) {
  const canvas = element("image");
  Object.assign(canvas, {width, height});
  const context = canvas.getContext("2d", {willReadFrequently: true});
  context.drawImage(bitmap, 0, 0, width, height);
  const rgba = context.getImageData(0, 0, width, height).data;
  const pixels = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4) {
    pixels[to++] = rgba[from];
    pixels[to++] = rgba[from + 1];
    pixels[to++] = rgba[from + 2];
  }
  return pixels;
}

function showOverlay(classes, {width, height}) {
  const canvas = element("overlay");
  Object.assign(canvas, {width, height});
  const context = canvas.getContext("2d");
  const colors = context.createImageData(width, height);
  const counts = header.classes.map(() => 0);
  classes.forEach((index, pixel) => {
    colors.data.set(header.palette[index], 4 * pixel);
    colors.data[4 * pixel + 3] = 255;
    counts[index]++;
  });
  context.putImageData(colors, 0, 0);
  showClasses(counts, classes.length);
}

async function offerMask(name, classes, {width, height}) {
  const link = element("mask");
  URL.revokeObjectURL(link.href);
  const png = await palettePng(classes, width, height, header.palette);
  link.href = URL.createObjectURL(png);
  link.download = `${name.replace(/\.[^.]*$/, "")}.png`;
}

async function segment(file) {
  say("busy", `${file.name} is being segmented.`);
  const bitmap = await createImageBitmap(file, {
    colorSpaceConversion: "none",
    premultiplyAlpha: "none",
  });
  const size = networkSize(bitmap);
  const pixels = draw(bitmap, size);
  const began = performance.now();
  const answer = nextMessage();
  worker.postMessage({pixels, ...size}, [pixels.buffer]);
  const {classes} = await answer;
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  showOverlay(classes, size);
  await offerMask(file.name, classes, size);
  element("result").hidden = false;
  const same = bitmap.width === size.width && bitmap.height === size.height;
  const resized = same ? "" : ", resized for this network";
  say("done", `${file.name}: ${size.width} x ${size.height}${resized}, ${seconds} s`);
}

let queue = start();

// Segments one image after another.
function take(file) {
  if (file) queue = queue.then(() => segment(file)).catch(fail);
}

function fail(error) {
  say("error", `${protocolProblem() || error}`);
}

function protocolProblem() {
  return location.protocol === "file:" &&
    "Browsers do not load networks from files. Open this page as README.txt explains.";
}

queue.catch(fail);
element("file").onchange = ({target}) => take(target.files[0]);
element("opacity").oninput = ({target}) => {
  element("overlay").style.opacity = target.value / 100;
};
element("drop").onkeydown = ({key}) => key === "Enter" && element("file").click();
for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
  addEventListener(kind, (event) => {
    event.preventDefault();
    element("drop").classList.toggle("over", kind === "dragenter" || kind === "dragover");
    if (kind === "drop") take(event.dataTransfer.files[0]);
  });
}
