"""The reader: the same pixels, or the same refusal, for training and prediction."""

import ast
import os
import pathlib
import threading

import numpy as np
import pytest
from PIL import Image

import jaxseg
from jaxseg.config import DataConfig
from jaxseg.data import open_source, pillow_limit, rasters, reader
from jaxseg.data.mask_reader import MaskReader
from jaxseg.data.reader import ReadOptions, read_header, read_pixels, read_size

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


def check(read, expected, name):
    """The right pixels, or one line that names the file; returns it."""
    if not isinstance(expected, str):
        found = read()
        np.testing.assert_array_equal(found, expected)
        return None
    with pytest.raises(ValueError, match=expected) as caught:
        read()
    text = str(caught.value)
    assert name in text and "\n" not in text and text.endswith(".")
    return text


@pytest.mark.parametrize("name", KINDS)
def test_training_and_prediction_read_the_right_pixels(tmp_path, name):
    path, image, _ = save(tmp_path, name)
    predicted = check(lambda: read_pixels(path), image, name)
    trained = check(lambda: rasters.decode(rasters.read_image(path)[0]), image, name)
    assert predicted == trained


@pytest.mark.parametrize("name", KINDS)
def test_masks_keep_the_stored_classes(tmp_path, name):
    path, _, classes = save(tmp_path, name)
    check(lambda: read_pixels(path, mask=True), classes, name)


@pytest.mark.parametrize(
    ("name", "values", "bounds"),
    [
        ("gray16.png", WIDE, (0, 65535)),
        ("gray16.tif", WIDE, (1000, 40000)),
        ("gray12.tif", WIDE >> 4, (0, 4095)),
        ("int32.tif", WIDE, (-500, 50000.5)),
        ("float.tif", REAL, (0, 1)),
        ("float.tif", REAL, (0.25, 0.3)),
    ],
)
def test_a_range_states_black_and_white(tmp_path, name, values, bounds):
    path, *_ = save(tmp_path, name)
    options = ReadOptions(range=bounds)
    expected = scaled(values, *bounds)
    np.testing.assert_array_equal(read_pixels(path, options), expected)
    stored = rasters.read_image(path, options)[0]
    np.testing.assert_array_equal(rasters.decode(stored), expected)
    assert len(np.unique(expected)) > 2


def test_a_range_leaves_eight_bits_alone(tmp_path):
    path, image, _ = save(tmp_path, "gray.png")
    found = read_pixels(path, ReadOptions(range=(0, 65535)))
    np.testing.assert_array_equal(found, image)


def test_unsigned_32_bits_are_not_read_as_negative(tmp_path):
    values = WIDE.astype(np.uint32) << 16
    write_tiff(tmp_path / "a.tif", values, {258: 32, 339: 1})
    found = read_pixels(tmp_path / "a.tif", ReadOptions(range=(0, 2**32 - 1)))
    np.testing.assert_array_equal(found, scaled(values, 0, 2**32 - 1))
    np.testing.assert_array_equal(read_pixels(tmp_path / "a.tif", mask=True), values)


@pytest.mark.parametrize("bounds", [(1, 1), (5, 2), (0, float("nan"))])
def test_ranges_that_are_none_are_refused(bounds):
    with pytest.raises(ValueError, match=r"data\.range=.*lower one first"):
        ReadOptions(range=bounds)


def write_tiff(path, pixels, changes):
    """An uncompressed TIFF with chosen tags, as Pillow itself would not write it."""
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


FOUR = np.dstack([RGB, GRAY])
RARE = {  # what Pillow reads in part or wrongly without a word
    "color of 16 bits": (WIDE[..., None].repeat(3, 2), {}, "16 bits per channel"),
    "infrared": (FOUR, {338: 0}, "4 channels"),
    "a fourth channel without a meaning": (FOUR, {}, "4 channels"),
    "alpha multiplied in": (FOUR, {338: 1}, "multiplied into"),
    "signed bytes": (GRAY, {339: 2}, "signed"),
    "zero is white": (WIDE, {262: 0}, "zero is white"),
}


@pytest.mark.parametrize("what", RARE)
def test_rare_tiffs_are_not_read_in_part(tmp_path, what):
    pixels, tags, reason = RARE[what]
    write_tiff(tmp_path / "a.tif", pixels, tags)
    for read in (read_pixels, rasters.read_image):
        with pytest.raises(ValueError, match=rf"a\.tif: .*{reason}"):
            read(tmp_path / "a.tif")


def test_a_tiff_written_by_hand_is_read(tmp_path):
    """The control of the test above: nothing but the tags is at fault there."""
    for pixels, tags, expected in (
        (RGB, {}, RGB),
        (FOUR, {338: 2}, RGB),
        (GRAY, {262: 0}, triple(255 - GRAY)),
    ):
        write_tiff(tmp_path / "a.tif", pixels, tags)
        np.testing.assert_array_equal(read_pixels(tmp_path / "a.tif"), expected)


def test_masks_in_which_zero_is_white_are_refused(tmp_path):
    write_tiff(tmp_path / "a.tif", GRAY, {262: 0})
    with pytest.raises(ValueError, match="zero is white"):
        read_pixels(tmp_path / "a.tif", mask=True)


def test_smaller_copies_in_a_tiff_may_follow(tmp_path):
    small = Image.fromarray(RGB[::2, ::2])
    small.encoderinfo = {"tiffinfo": {254: 1}}
    Image.fromarray(RGB).save(tmp_path / "a.tif", save_all=True, append_images=[small])
    np.testing.assert_array_equal(read_pixels(tmp_path / "a.tif"), RGB)


def test_a_bmp_with_few_gray_colors_is_not_misread(tmp_path):
    gray = np.repeat(np.arange(16, dtype=np.uint8)[:, None], 3, axis=1)
    palette(INDEX, gray).save(tmp_path / "a.bmp")
    data = bytearray((tmp_path / "a.bmp").read_bytes())
    assert data[28] == 8
    data[28] = 4  # as if two pixels shared a byte
    (tmp_path / "a.bmp").write_bytes(data)
    with pytest.raises(ValueError, match=r"a\.bmp: .*palette"):
        read_pixels(tmp_path / "a.bmp")


@pytest.mark.parametrize("magic", [b"P5 8 6 3\n", b"P5 8 6 4095\n"])
def test_uncommon_ranges_of_pgm_are_not_stretched(tmp_path, magic):
    pixels = INDEX if magic.endswith(b" 3\n") else (WIDE >> 4).astype(">u2")
    (tmp_path / "a.pgm").write_bytes(magic + pixels.tobytes())
    for mask in (False, True):
        with pytest.raises(ValueError, match="largest value"):
            read_pixels(tmp_path / "a.pgm", mask=mask)


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


@pytest.mark.parametrize("orientation", SHOWN)
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tif", "a_lzw.tif"])
def test_orientation_is_applied_once(tmp_path, name, orientation):
    blocks = np.kron(RGB[:3, :5], np.ones((16, 16, 1), np.uint8))  # for JPEG
    path = save_turned(tmp_path / name, Image.fromarray(blocks), orientation)
    shown = SHOWN[orientation](blocks)
    loss = 6 if name == "a.jpg" else 0
    found = read_pixels(path)
    assert read_size(path) == found.shape[:2] == shown.shape[:2]
    assert np.abs(found.astype(int) - shown).max() <= loss
    stored, size = rasters.read_image(path)
    np.testing.assert_array_equal(rasters.decode(stored), found)
    assert size == rasters.size_of(stored) == shown.shape[:2]
    header = read_header(path)
    assert header.orientation == orientation and header.stored_size == (48, 80)


@pytest.mark.parametrize("orientation", SHOWN)
@pytest.mark.parametrize("name", ["a.png", "a.tif", "a_lzw.tif"])
def test_masks_are_turned_too(tmp_path, name, orientation):
    for picture in (Image.fromarray(INDEX), palette()):
        path = save_turned(tmp_path / name, picture, orientation)
        expected = SHOWN[orientation](INDEX)
        np.testing.assert_array_equal(read_pixels(path, mask=True), expected)


def test_a_tag_without_meaning_is_none(tmp_path):
    path = save_turned(tmp_path / "a.png", Image.fromarray(RGB), 9)
    np.testing.assert_array_equal(read_pixels(path), RGB)
    assert read_header(path).orientation == 1


def test_the_size_of_a_png_needs_no_pixels(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(RNG.integers(0, 256, (64, 64, 3), np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:2000])
    assert read_size(path) == (64, 64)
    with pytest.raises(ValueError, match="damaged"):
        read_pixels(path)


def test_one_limit_for_training_and_prediction(tmp_path):
    path, *_ = save(tmp_path, "rgb.png")
    options = ReadOptions(max_pixels=47)
    for read in (read_size, read_pixels, rasters.read_image):
        with pytest.raises(ValueError, match=r"rgb\.png: 6 x 8 pixels") as caught:
            read(path, options)
        assert "--data.max-pixels 48" in str(caught.value)
    assert read_size(path, ReadOptions(max_pixels=48)) == (6, 8)


@pytest.fixture
def small_limit(monkeypatch):
    """Pillow's own limits, made so small that every image is beyond them."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 4)


@pytest.mark.parametrize("name", ["rgb.png", "rgb_lzw.tif", "rgb.webp", "gray.gif"])
def test_the_limit_of_pillow_is_lifted_and_restored(tmp_path, small_limit, name):
    path, image, _ = save(tmp_path, name)
    with pytest.raises(Image.DecompressionBombError):
        Image.open(path)
    np.testing.assert_array_equal(read_pixels(path), image)
    stored, size = rasters.read_image(path)
    np.testing.assert_array_equal(rasters.decode(stored), image)
    assert rasters.size_of(stored) == size
    assert Image.MAX_IMAGE_PIXELS == 4


def test_the_limit_is_restored_after_the_last_of_several_threads(small_limit):
    inside, leave = threading.Event(), threading.Event()

    def hold():
        with pillow_limit.lifted:
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    inside.wait(10)
    with pillow_limit.lifted:
        pass
    assert Image.MAX_IMAGE_PIXELS is None
    leave.set()
    thread.join()
    assert Image.MAX_IMAGE_PIXELS == 4


def spoil(folder):
    """Files that are no images, by name."""
    whole = rasters.encode_png(RNG.integers(0, 256, (32, 32)).astype(np.uint8))
    (folder / "cut.png").write_bytes(whole[:500])
    (folder / "text.png").write_text("no image")
    (folder / "empty.png").touch()
    (folder / "link.png").symlink_to("nowhere.png")
    (folder / "folder.png").mkdir()
    (folder / "two\nlines.png").write_bytes(b"GIF89a")
    return {
        "cut.png": "damaged",
        "text.png": "not an image",
        "empty.png": "damaged: the file is empty",
        "link.png": "link to nowhere.png, which does not exist",
        "folder.png": "no regular file",
        r"two\nlines.png": "damaged",
        "gone.png": "cannot be read",
    }


def test_bad_files_get_one_line_that_names_them(tmp_path):
    for shown, reason in spoil(tmp_path).items():
        path = tmp_path / shown.replace(r"\n", "\n")
        lines = set()
        for read in (read_pixels, rasters.read_image, MaskReader().read):
            with pytest.raises(ValueError) as caught:
                read(path)
            lines.add(str(caught.value))
        (line,) = lines  # the same for all
        assert shown in line and reason in line
        assert "\n" not in line and "0x" not in line and line.endswith(".")


def test_a_tiff_that_points_outside_of_its_file_is_damaged(tmp_path):
    """Pillow would read 16 bits as one, because it skips the tag of the bits."""
    path, *_ = save(tmp_path, "gray12.tif")
    data = path.read_bytes()
    bits = data.index(b"\x02\x01\x03\x00")
    path.write_bytes(data[: bits + 4] + b"\xff\xff\xff\0" + data[bits + 8 :])
    for read in (read_size, read_pixels, rasters.read_image):
        with pytest.raises(ValueError, match=r"gray12\.tif: damaged \(Tag data larger"):
            read(path)


def test_exif_data_that_cannot_be_read_count_as_absent(tmp_path):
    path = save_turned(tmp_path / "a.jpg", Image.fromarray(RGB), 6)
    data = path.read_bytes()
    at = data.index(b"Exif\0\0") + 6
    path.write_bytes(data[: at + 8] + b"\xff\xff" + data[at + 10 :])  # so many tags
    assert read_size(path) == read_pixels(path).shape[:2]
    path.write_bytes(data[: at + 4] + b"\xff\0\0\0" + data[at + 8 :])  # far away
    assert read_size(path) == read_pixels(path).shape[:2] == (6, 8)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(ValueError, match=r"pipe\.png: .*no regular file"):
        read_size(tmp_path / "pipe.png")


def test_nothing_else_opens_image_files():
    root = pathlib.Path(jaxseg.__file__).parent
    users = set()
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Attribute)
                and node.attr == "open"
                and getattr(node.value, "id", "") == "Image"
            ):
                users.add(path.relative_to(root).as_posix())
    assert users == {"data/reader.py", "data/rasters.py"}


def test_prepared_data_hold_what_prediction_reads(tmp_path, write_pair):
    """From a folder through the builder and back: the pixels of `read_pixels`."""
    root = tmp_path / "raw"
    picked = ["rgb.png", "gray.gif", "clear.png", "gray16.png", "float.tif"]
    names = {f"n{i}": name for i, name in enumerate(picked)}
    for stem, name in names.items():
        write_pair(root, stem, size=(6, 8))
        (root / "images" / f"{stem}.png").unlink()
        picture, how, *_ = KINDS[name]
        picture.save(root / "images" / f"{stem}{pathlib.Path(name).suffix}", **how)
    turned = root / "images/turned.jpg"
    write_pair(root, "turned", size=(80, 48))
    (root / "images/turned.png").unlink()
    blocks = np.kron(RGB[:3, :5], np.ones((16, 16, 1), np.uint8))
    save_turned(turned, Image.fromarray(blocks), 6)
    config = DataConfig(
        "folder", path=str(root), data_dir=str(tmp_path / "out"), range=(0, 40000)
    )
    source = open_source(config, "train")
    assert len(source) == 6
    for index in range(6):
        example = source[index]
        (path,) = (root / "images").glob(f"{example['id']}.*")
        expected = read_pixels(path, reader.options_of(config))
        np.testing.assert_array_equal(example["image"], expected)
