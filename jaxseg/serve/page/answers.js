"use strict";

// Sends requests to the server and decodes its answers.

// Raises an Error with the one line of the server, or with a line about the connection.
async function send(path, form) {
  let answer;
  try {
    answer = await fetch(path, form ? {method: "POST", body: form} : {});
  } catch {
    throw new Error("The server does not answer. Check that it still runs.");
  }
  if (answer.ok) return answer;
  const text = await answer.text();
  let line = `The server answered with the status ${answer.status}.`;
  try {
    line = JSON.parse(text).error;
  } catch { /* Another program between the browser and the server has answered. */ }
  throw new Error(line);
}

// Returns the array that the server packed: {shape, data}, with one number per value.
async function unpacked(value) {
  const text = atob(value.data);
  const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream()
    .pipeThrough(new DecompressionStream("deflate"));
  const buffer = await new Response(stream).arrayBuffer();
  const Kind = value.type === "uint16" ? Uint16Array : Uint8Array;
  return {shape: value.shape, data: new Kind(buffer)};
}

// Returns the pixels of a file as ImageData, or null if the browser cannot show it. A
// picture of more than `limit` pixels is reduced.
async function decoded(file, limit) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    return null;
  }
  const shrink = Math.min(1, Math.sqrt(limit / (bitmap.width * bitmap.height)));
  const width = Math.max(1, Math.floor(bitmap.width * shrink));
  const height = Math.max(1, Math.floor(bitmap.height * shrink));
  const context = canvasOf(width, height).getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, width, height);
  const pixels = context.getImageData(0, 0, width, height);
  const before = [bitmap.width, bitmap.height];
  bitmap.close();
  return {pixels, reduced: shrink < 1 ? before : null};
}

function canvasOf(width, height) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  return canvas;
}

// Returns a PNG file of a part of an image, resized to the given width and height.
function pngOf(pixels, box, width, height) {
  const whole = canvasOf(pixels.width, pixels.height);
  whole.getContext("2d").putImageData(pixels, 0, 0);
  const part = canvasOf(width, height);
  const [x0, y0, x1, y1] = box;
  part.getContext("2d")
    .drawImage(whole, x0, y0, x1 - x0, y1 - y0, 0, 0, width, height);
  return new Promise((resolve) => part.toBlob(resolve, "image/png"));
}

// Returns ImageData of RGB pixels that the server packed.
async function rgbImage(value) {
  const {shape: [height, width], data} = await unpacked(value);
  const pixels = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    pixels.data.set(data.subarray(3 * i, 3 * i + 3), 4 * i);
    pixels.data[4 * i + 3] = 255;
  }
  return pixels;
}
