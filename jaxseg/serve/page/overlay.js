"use strict";

// The image, its labels, and the picture of both.

class Result {
  // `labels` and `confidence` have one value per pixel, or one plane for each class if
  // classes can overlap.
  constructor(pixels, labels, confidence, planes) {
    Object.assign(this, {pixels, labels, confidence, planes});
    [this.width, this.height] = [pixels.width, pixels.height];
    this.changed = new Uint8Array(planes ? 0 : labels.length); // 1 after a correction
  }

  get count() {
    return this.width * this.height;
  }

  // Draws the image with the colors of the classes that are shown.
  //   palette: [red, green, blue] of each class; shown: a boolean for each class.
  draw(context, palette, shown, opacity) {
    const picture = new ImageData(this.width, this.height);
    picture.data.set(this.pixels.data);
    if (this.planes) this.blendPlanes(picture.data, palette, shown, opacity);
    else this.blend(picture.data, palette, shown, opacity);
    context.putImageData(picture, 0, 0);
  }

  blend(data, palette, shown, opacity) {
    for (let i = 0; i < this.count; i++) {
      const label = this.labels[i];
      if (!shown[label]) continue;
      const color = palette[label];
      for (let c = 0; c < 3; c++) {
        data[4 * i + c] += opacity * (color[c] - data[4 * i + c]);
      }
    }
  }

  blendPlanes(data, palette, shown, opacity) {
    for (let i = 0; i < this.count; i++) {
      const sum = [0, 0, 0];
      let present = 0;
      for (let k = 0; k < this.planes; k++) {
        if (!shown[k] || !this.labels[k * this.count + i]) continue;
        present++;
        for (let c = 0; c < 3; c++) sum[c] += palette[k][c];
      }
      for (let c = 0; present && c < 3; c++) {
        data[4 * i + c] += opacity * (sum[c] / present - data[4 * i + c]);
      }
    }
  }

  // The classes at a pixel and their probabilities, as text.
  at(x, y, names) {
    const i = y * this.width + x;
    const share = (value) => `${Math.round(100 * value / 255)} %`;
    if (!this.planes) {
      const label = this.labels[i];
      const note = this.changed[i] ? "corrected by hand" : share(this.confidence[i]);
      return `${names[label] ?? "no class"}, ${note}`;
    }
    const found = names
      .map((name, k) => [name, k * this.count + i])
      .filter(([, place]) => this.labels[place])
      .map(([name, place]) => `${name} ${share(this.confidence[place])}`);
    return found.join(", ") || "no class";
  }

  // The fraction of the pixels of each class.
  shares(classes) {
    const counts = new Array(classes).fill(0);
    if (this.planes) {
      for (let i = 0; i < this.labels.length; i++) {
        counts[Math.floor(i / this.count)] += this.labels[i];
      }
    } else {
      for (const label of this.labels) counts[label]++;
    }
    return counts.map((count) => count / this.count);
  }

  // Gives a class to the pixels of an object. Returns a function that undoes it.
  //   mask: {shape, data}, 1 at the object, for the region [x0, y0, x1, y1].
  paint(mask, region, label) {
    const before = [this.labels.slice(), this.changed.slice()];
    const [rows, columns] = mask.shape;
    const [x0, y0, x1, y1] = region;
    for (let y = y0; y < y1; y++) {
      const v = Math.floor((y - y0) * rows / (y1 - y0));
      for (let x = x0; x < x1; x++) {
        const u = Math.floor((x - x0) * columns / (x1 - x0));
        if (!mask.data[v * columns + u]) continue;
        this.labels[y * this.width + x] = label;
        this.changed[y * this.width + x] = 1;
      }
    }
    return () => { [this.labels, this.changed] = before; };
  }
}
