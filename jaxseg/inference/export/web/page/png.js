"use strict";

// Writes PNG files with a palette, like those of `jaxseg predict`: each pixel is the
// number of a class, and the palette has the colors of the classes.

const CRC_TABLE = Uint32Array.from({length: 256}, (_, start) => {
  let value = start;
  for (let bit = 0; bit < 8; bit++) {
    value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  }
  return value;
});

function crc32(bytes) {
  let value = 0xffffffff;
  for (const byte of bytes) value = CRC_TABLE[(value ^ byte) & 255] ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

function pngChunk(type, data) {
  const chunk = new Uint8Array(12 + data.length);
  const view = new DataView(chunk.buffer);
  view.setUint32(0, data.length);
  chunk.set([...type].map((letter) => letter.charCodeAt(0)), 4);
  chunk.set(data, 8);
  view.setUint32(8 + data.length, crc32(chunk.subarray(4, 8 + data.length)));
  return chunk;
}

// Returns a Blob with a PNG file.
//   classes: Uint8Array of height * width class numbers, row by row.
//   palette: [red, green, blue] of each class, 0 to 255.
async function palettePng(classes, width, height, palette) {
  const rows = new Uint8Array(height * (width + 1)); // Each row starts with filter 0.
  for (let y = 0; y < height; y++) {
    rows.set(classes.subarray(y * width, (y + 1) * width), y * (width + 1) + 1);
  }
  const compressing = new Blob([rows]).stream()
    .pipeThrough(new CompressionStream("deflate"));
  const compressed = new Uint8Array(await new Response(compressing).arrayBuffer());
  const header = new Uint8Array(13);
  new DataView(header.buffer).setUint32(0, width);
  new DataView(header.buffer).setUint32(4, height);
  header.set([8, 3, 0, 0, 0], 8); // 8 bits, palette, and no interlacing
  const signature = new Uint8Array([137, 80, 78, 71, 13, 10, 26, 10]);
  const parts = [
    signature,
    pngChunk("IHDR", header),
    pngChunk("PLTE", Uint8Array.from(palette.flat())),
    pngChunk("IDAT", compressed),
    pngChunk("IEND", new Uint8Array(0)),
  ];
  return new Blob(parts, {type: "image/png"});
}
