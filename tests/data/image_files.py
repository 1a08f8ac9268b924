"""Makes image files of many kinds and states the pixels and classes they contain."""

import zlib

import numpy as np
from PIL import Image

RNG = np.random.default_rng(0)


RGB = RNG.integers(0, 256, (6, 8, 3), np.uint8)


GRAY = RNG.integers(0, 256, (6, 8), np.uint8)


WIDE = RNG.integers(0, 65536, (6, 8), np.uint16)


BITS = (GRAY > 99).astype(np.uint8)


REAL = RNG.random((6, 8)).astype(np.float32)


INDEX = GRAY % 4


COLORS = np.array([(1, 2, 3), (200, 100, 0), (9, 255, 8), (70, 80, 90)], np.uint8)


def triple(gray):
    return np.repeat(np.asarray(gray, np.uint8)[..., None], 3, axis=2)


def scaled(values, low, high):
    exact = 255 * (values.astype(np.float64) - low) / (high - low)
    return triple(np.clip(np.floor(exact + 0.5), 0, 255))


def palette(index=INDEX, colors=COLORS):
    picture = Image.fromarray(index, "P")
    picture.putpalette(colors.tobytes())
    return picture


def with_alpha(mode):
    pixels = {"RGBA": np.dstack([RGB, GRAY]), "LA": np.dstack([GRAY, GRAY])}
    return Image.fromarray(pixels[mode], mode)


def pages(count):
    return {
        "save_all": True,
        "append_images": [Image.fromarray(RGB // n) for n in range(2, count + 1)],
    }


def cmyk_as_rgb():
    ink = 255 - np.asarray(Image.fromarray(RGB).convert("CMYK")).astype(int)
    assert (ink[..., 3] == 255).all()  # this conversion uses no black
    return ink[..., :3].astype(np.uint8)


# name -> (picture, options of `save`, the pixels an image of it has or why it is
# refused, the classes a mask of it has or why it is refused)
ONE = "index mask is expected"


KINDS = {
    "rgb.png": (Image.fromarray(RGB), {}, RGB, ONE),
    "rgb.bmp": (Image.fromarray(RGB), {}, RGB, ONE),
    "rgb.tif": (Image.fromarray(RGB), {}, RGB, ONE),
    "rgb_lzw.tif": (Image.fromarray(RGB), {"compression": "tiff_lzw"}, RGB, ONE),
    "rgb.webp": (Image.fromarray(RGB), {"lossless": True}, RGB, ONE),
    "rgb.ppm": (Image.fromarray(RGB), {}, RGB, ONE),
    "gray.png": (Image.fromarray(GRAY), {}, triple(GRAY), GRAY),
    "gray.bmp": (Image.fromarray(GRAY), {}, triple(GRAY), GRAY),
    "gray.tif": (Image.fromarray(GRAY), {}, triple(GRAY), GRAY),
    "gray.gif": (Image.fromarray(GRAY), {}, triple(GRAY), GRAY),
    "gray.pgm": (Image.fromarray(GRAY), {}, triple(GRAY), GRAY),
    "one_bit.png": (Image.fromarray(BITS > 0), {}, triple(BITS * 255), BITS),
    "one_bit.tif": (Image.fromarray(BITS > 0), {}, triple(BITS * 255), BITS),
    "two_bits.png": (Image.fromarray(INDEX), {"bits": 2}, triple(INDEX * 85), INDEX),
    "four_bits.png": (Image.fromarray(INDEX), {"bits": 4}, triple(INDEX * 17), INDEX),
    "palette.png": (palette(), {}, COLORS[INDEX], INDEX),
    "palette.gif": (palette(), {}, COLORS[INDEX], INDEX),
    "palette.bmp": (palette(), {}, COLORS[INDEX], INDEX),
    "palette.tif": (palette(), {}, COLORS[INDEX], INDEX),
    "clear.png": (palette(), {"transparency": b"\0\x80"}, COLORS[INDEX], INDEX),
    "rgba.png": (with_alpha("RGBA"), {}, RGB, ONE),
    "rgba.tif": (with_alpha("RGBA"), {}, RGB, ONE),
    "la.png": (with_alpha("LA"), {}, triple(GRAY), ONE),
    "cmyk.tif": (Image.fromarray(RGB).convert("CMYK"), {}, cmyk_as_rgb(), ONE),
    "gray16.png": (Image.fromarray(WIDE), {}, "16-bit gray .*--data.range", WIDE),
    "gray16.tif": (Image.fromarray(WIDE), {}, "16-bit gray .*--data.range", WIDE),
    "gray12.tif": (Image.fromarray(WIDE >> 4), {}, "16-bit gray", WIDE >> 4),
    "int32.tif": (Image.fromarray(WIDE.astype(np.int32)), {}, "32-bit gray", WIDE),
    "float.tif": (Image.fromarray(REAL), {}, "floating-point .*--data.range", ONE),
    "lab.tif": (Image.new("LAB", (8, 6), (50, 120, 130)), {}, "LAB", ONE),
    "pages.tif": (Image.fromarray(RGB), pages(3), "several pages", "several pages"),
    "moving.gif": (Image.fromarray(RGB), pages(3), "animation", "animation"),
    "moving.png": (Image.fromarray(RGB), pages(2), "animation", "animation"),
    "moving.webp": (Image.fromarray(RGB), pages(2), "animation", "animation"),
}


def save(folder, name):
    picture, how, image, classes = KINDS[name]
    path = folder / name
    picture.save(path, **how)
    return path, image, classes


def write_tiff(path, pixels, changes):
    """Writes an uncompressed TIFF with chosen tags, which Pillow cannot write."""
    height, width, *rest = pixels.shape
    channels = rest[0] if rest else 1
    tags = {
        256: width,
        257: height,
        258: 8 * pixels.itemsize,
        259: 1,
        262: 2 if channels > 2 else 1,
        273: 0,
        277: channels,
        278: height,
        279: pixels.nbytes,
    } | changes
    tags[258] = (tags[258],) * channels
    tags[273] = start = 8
    lists = {name: value for name, value in tags.items() if isinstance(value, tuple)}
    data = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    data += b"\0" * (len(data) % 2)
    entries, extra = [], b""
    table = start + len(data)
    behind = table + 2 + 12 * len(tags) + 4
    for name, value in sorted(tags.items()):
        values = lists.get(name, (value,))
        kind, size = (3, 2) if max(values) < 65536 else (4, 4)
        packed = b"".join(int(v).to_bytes(size, "little") for v in values)
        if len(packed) > 4:
            packed, extra = (behind + len(extra)).to_bytes(4, "little"), extra + packed
        head = [(name, 2), (kind, 2), (len(values), 4)]
        entry = b"".join(v.to_bytes(n, "little") for v, n in head)
        entries.append(entry + packed.ljust(4, b"\0"))
    count = len(entries).to_bytes(2, "little")
    start_of_table = table.to_bytes(4, "little")
    path.write_bytes(
        b"II*\0" + start_of_table + data + count + b"".join(entries) + b"\0" * 4 + extra
    )


def write_png(path, pixels, kind):
    """Writes a PNG of 16 bits per channel, which Pillow cannot write."""

    def chunk(name, data):
        body = name + data
        check = zlib.crc32(body).to_bytes(4, "big")
        return len(data).to_bytes(4, "big") + body + check

    height, width = pixels.shape[:2]
    sizes = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    rows = pixels.astype(">u2").reshape(height, -1)
    data = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", sizes + bytes((16, kind, 0, 0, 0)))
    path.write_bytes(start + chunk(b"IDAT", data) + chunk(b"IEND", b""))


SHOWN = {  # what a viewer makes of stored pixels, by the number of the tag
    1: lambda x: x,
    2: lambda x: x[:, ::-1],
    3: lambda x: x[::-1, ::-1],
    4: lambda x: x[::-1],
    5: lambda x: x.swapaxes(0, 1),
    6: lambda x: np.rot90(x, -1),
    7: lambda x: x[::-1, ::-1].swapaxes(0, 1),
    8: lambda x: np.rot90(x),
}


def save_turned(path, picture, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    how = {}
    if path.suffix == ".tif":
        compression = "tiff_lzw" if "lzw" in path.stem else None
        how = {"tiffinfo": {274: orientation}, "compression": compression}
    elif path.suffix == ".webp":
        how = {"exif": exif, "lossless": True}
    else:
        how = {"exif": exif, "quality": 100, "subsampling": 0}
        how = {"exif": exif} if path.suffix == ".png" else how
    picture.save(path, **how)
    return path
