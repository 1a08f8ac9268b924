"use strict";

// Boxes and strokes by which a person marks an object, in pixels of the image.

const MARGIN = 0.5; // The cut sees the marks and half of their size around them.

class Marks {
  constructor() {
    this.box = null; // [x0, y0, x1, y1]
    this.strokes = []; // {kind: "object" or "background", points: [[x, y], ...]}
  }

  get empty() {
    return !this.box && !this.strokes.length;
  }

  copy() {
    const other = new Marks();
    other.box = this.box;
    other.strokes = this.strokes.map((stroke) => ({...stroke}));
    return other;
  }

  // What is missing for a cut, as one line, or an empty string.
  get lack() {
    const has = (kind) => this.strokes.some((stroke) => stroke.kind === kind);
    if (this.empty) return "Draw a box around an object, or strokes, first.";
    if (has("background") && !has("object")) {
      return "A stroke on the object is missing. Draw one, or undo the others.";
    }
    if (has("object") && !has("background") && !this.box) {
      return "A stroke on the background, or a box, is missing. Draw one.";
    }
    return "";
  }

  // The part of an image around the marks, [x0, y0, x1, y1].
  region(width, height) {
    const points = this.strokes.flatMap((stroke) => stroke.points);
    if (this.box) points.push(this.box.slice(0, 2), this.box.slice(2));
    const xs = points.map(([x]) => x);
    const ys = points.map(([, y]) => y);
    const [x0, x1] = [Math.min(...xs), Math.max(...xs) + 1];
    const [y0, y1] = [Math.min(...ys), Math.max(...ys) + 1];
    const [dx, dy] = [MARGIN * (x1 - x0) + 8, MARGIN * (y1 - y0) + 8];
    return [
      Math.max(0, Math.floor(x0 - dx)), Math.max(0, Math.floor(y0 - dy)),
      Math.min(width, Math.ceil(x1 + dx)), Math.min(height, Math.ceil(y1 + dy)),
    ];
  }

  // A picture of the strokes in a region: red on the object, blue on the background.
  picture(region, width, height, radius) {
    const pixels = new ImageData(width, height);
    for (let i = 3; i < pixels.data.length; i += 4) pixels.data[i] = 255;
    const scale = width / (region[2] - region[0]);
    const reach = Math.max(1, Math.round(radius * scale));
    for (const {kind, points} of this.strokes) {
      const color = kind === "object" ? [255, 0, 0] : [0, 0, 255];
      for (const [x, y] of between(points)) {
        const [u, v] = [(x - region[0]) * scale, (y - region[1]) * scale];
        dot(pixels, Math.floor(u), Math.floor(v), reach, color);
      }
    }
    return pixels;
  }

  draw(context, radius) {
    context.lineCap = context.lineJoin = "round";
    for (const {kind, points} of this.strokes) {
      for (const [color, extra] of [["#fff", 2], [kind === "object" ? "#f00" : "#00f", 0]]) {
        context.strokeStyle = color;
        context.lineWidth = 2 * radius + extra * radius / 3;
        context.beginPath();
        context.moveTo(...points[0]);
        for (const point of points) context.lineTo(...point);
        context.lineTo(points.at(-1)[0] + 0.01, points.at(-1)[1]);
        context.stroke();
      }
    }
    if (this.box) {
      const [x0, y0, x1, y1] = this.box;
      for (const [color, width] of [["#000", 1.2], ["#ff0", 0.6]]) {
        context.strokeStyle = color;
        context.lineWidth = width * radius;
        context.strokeRect(x0, y0, x1 - x0, y1 - y0);
      }
    }
  }
}

// All points on the lines between successive points.
function* between(points) {
  let before = points[0];
  for (const point of points) {
    const [dx, dy] = [point[0] - before[0], point[1] - before[1]];
    const steps = Math.max(1, Math.ceil(2 * Math.max(Math.abs(dx), Math.abs(dy))));
    for (let k = 0; k <= steps; k++) {
      yield [before[0] + dx * k / steps, before[1] + dy * k / steps];
    }
    before = point;
  }
}

function dot(pixels, x, y, reach, color) {
  for (let v = Math.max(0, y - reach + 1); v < Math.min(pixels.height, y + reach); v++) {
    for (let u = Math.max(0, x - reach + 1); u < Math.min(pixels.width, x + reach); u++) {
      pixels.data.set(color, 4 * (v * pixels.width + u));
    }
  }
}
