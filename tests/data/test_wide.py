"""Tests images of more than 8 bits or 3 channels against independent readings."""

import zlib

import nibabel
import numpy as np
import pytest
import tifffile
from PIL import Image

from jaxseg.data.parts import Page
from jaxseg.data.reader import ReadOptions, read_header, read_pixels

cv2 = pytest.importorskip("cv2")  # It writes 16-bit PNG independently.
RNG = np.random.default_rng(5)
STORED = ReadOptions(pixels="stored")
SHAPE = (37, 50)


def pixels(channels, kind="uint16"):
    if kind == "float32":
        return RNG.normal(0, 1e3, (*SHAPE, channels)).astype(kind)
    return RNG.integers(0, np.iinfo(kind).max + 1, (*SHAPE, channels)).astype(kind)


def check(path, expected, options=STORED):
    found = read_pixels(path, options)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
    header = read_header(path, options)
    assert header.size == found.shape[:2]
    assert (header.pixels.channels, header.pixels.dtype) == (
        found.shape[2],
        found.dtype.name,
    )


TIFFS = {
    "gray": (1, "uint16", {}),
    "float": (1, "float32", {}),
    "color": (3, "uint16", {"photometric": "rgb"}),
    "bands": (4, "uint16", {"photometric": "minisblack"}),
    "infrared": (4, "uint8", {"photometric": "rgb", "extrasamples": ["unspecified"]}),
    "planar": (5, "uint16", {"photometric": "minisblack", "planarconfig": "separate"}),
    "tiles": (4, "uint16", {"photometric": "minisblack", "tile": (16, 32)}),
    "lzw": (7, "uint16", {"compression": "lzw", "predictor": 2}),
    "deflate": (2, "float32", {"compression": "zlib", "predictor": True}),
    "strips": (32, "uint8", {"photometric": "minisblack", "rowsperstrip": 5}),
    "big": (4, "uint16", {"bigtiff": True}),
    "swapped": (4, "uint16", {"byteorder": ">"}),
}


@pytest.mark.parametrize("name", TIFFS)
def test_a_tiff_keeps_its_channels_and_its_type(tmp_path, name):
    """The reading equals what was written, and what tifffile reads."""
    channels, kind, how = TIFFS[name]
    values, how = pixels(channels, kind), dict(how)
    planar = how.get("planarconfig") == "separate"
    file = {key: how.pop(key) for key in ("bigtiff", "byteorder") if key in how}
    if channels > 1:
        how.setdefault("photometric", "minisblack")
        how.setdefault("planarconfig", "contig")
    path = tmp_path / "a.tif"
    stored = np.moveaxis(values, -1, 0) if planar else values
    with tifffile.TiffWriter(path, **file) as writer:
        writer.write(stored if channels > 1 else values[..., 0], **how)
    check(path, values)
    other = tifffile.imread(path)
    other = np.moveaxis(other, 0, -1) if planar else other.reshape(values.shape)
    np.testing.assert_array_equal(read_pixels(path, STORED), other)


def test_pages_of_a_tiff_are_read_by_number_only(tmp_path):
    values = [pixels(4) for _ in range(3)]
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        for value in values:
            writer.write(value, photometric="minisblack", planarconfig="contig")
    for number in (0, 2):
        check(Page(path, number), values[number])
    for bad, reason in ((path, "several pages"), (Page(path, 3), "has only 3 pages")):
        with pytest.raises(ValueError, match=rf"a\.tif.*{reason}"):
            read_pixels(bad, STORED)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_png_of_16_bits_keeps_all_bits(tmp_path, channels):
    values = pixels(channels)
    path = tmp_path / "a.png"
    order = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[channels]  # OpenCV stores BGR.
    assert cv2.imwrite(str(path), values[..., order])
    check(path, values[..., : min(channels, 3)])  # Alpha is dropped unless counted.
    check(path, values, ReadOptions(pixels="stored", channels=channels))


@pytest.mark.parametrize(
    ("channels", "kind"), [(1, "uint16"), (6, "float32"), (3, "uint8")]
)
def test_numpy_arrays_are_read_without_running_code(tmp_path, channels, kind):
    values = pixels(channels, kind)
    np.save(tmp_path / "a.npy", values[..., 0] if channels == 1 else values)
    np.save(tmp_path / "f.npy", np.asfortranarray(values))
    np.savez_compressed(tmp_path / "a.npz", any_name=values)
    for name in ("a.npy", "f.npy", "a.npz"):
        check(tmp_path / name, values)


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.array([[{}]], object), "plain numbers|allow_pickle"),
        (np.zeros((4, 5), np.float64), "float64.*uint8, uint16 or float32"),
        (np.zeros((4, 5), np.int16), "int16.*uint8, uint16 or float32"),
        (np.zeros((4, 5, 33), np.uint8), "33 channels: expected 1 to 32"),
        (np.full((4, 5), np.nan, np.float32), "not finite"),
        (np.zeros(4, np.uint8), "shape"),
    ],
)
def test_arrays_that_are_no_image_are_refused_by_name(tmp_path, array, reason):
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(ValueError, match=rf"a\.npy: .*({reason})") as caught:
        read_pixels(tmp_path / "a.npy", STORED)
    assert "\n" not in str(caught.value)


def test_a_header_that_claims_more_than_the_file_holds_allocates_nothing(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.zeros((4, 5), np.uint8))
    data = path.read_bytes()
    path.write_bytes(data.replace(b"(4, 5)", b"(9000, 9000)").replace(b" " * 6, b"", 1))
    with pytest.raises(ValueError, match=r"a\.npy: The file is damaged"):
        read_pixels(path, STORED)
    with pytest.raises(ValueError, match="max_pixels=19"):
        np.save(path, np.zeros((4, 5), np.uint8))
        read_header(path, ReadOptions(pixels="stored", max_pixels=19))


def test_slices_of_a_nifti_are_read_by_number(tmp_path):
    volume = RNG.integers(0, 60000, (9, 7, 3)).astype(np.uint16)
    path = tmp_path / "a.nii.gz"
    nibabel.save(nibabel.Nifti1Image(volume, np.eye(4), dtype=np.uint16), path)
    for number in range(3):
        check(Page(path, number), volume[:, :, number].T[..., None])
    with pytest.raises(ValueError, match="3 slices, but a single one"):
        read_pixels(path, STORED)
    signed = (volume.astype(np.int32) - 1000).astype(np.int16)
    nibabel.save(nibabel.Nifti1Image(signed, np.eye(4)), path)
    check(Page(path, 1), signed[:, :, 1].T[..., None].astype(np.float32))
    mask = read_pixels(Page(path, 1), STORED, mask=True)
    np.testing.assert_array_equal(mask, signed[:, :, 1].T)


def test_8_bit_gray_stays_one_channel_only_on_request(tmp_path):
    gray, path = pixels(1, "uint8"), tmp_path / "a.png"
    Image.fromarray(gray[..., 0]).save(path)
    check(path, np.repeat(gray, 3, axis=2))
    check(path, gray, ReadOptions(pixels="stored", channels=1))
    with pytest.raises(
        ValueError, match=r"1 channel: expected data.channels=4. Pass --data.channels 1"
    ):
        read_pixels(path, ReadOptions(pixels="stored", channels=4))


def test_orientation_tags_turn_wide_images_too(tmp_path):
    values = pixels(4)
    for tag in range(1, 9):
        path = tmp_path / f"{tag}.tif"
        tifffile.imwrite(
            path, values, photometric="minisblack", planarconfig="contig",
            extratags=[(274, "H", 1, tag, True)],
        )  # fmt: skip
        rgb = tmp_path / f"{tag}.png"
        exif = Image.Exif()
        exif[274] = tag
        Image.fromarray((values[..., :3] >> 8).astype(np.uint8)).save(rgb, exif=exif)
        expected = read_pixels(rgb)
        np.testing.assert_array_equal(read_pixels(path, STORED)[..., :3] >> 8, expected)


def test_damaged_wide_files_are_refused_in_one_line(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, pixels(4), photometric="minisblack", planarconfig="contig")
    data = path.read_bytes()
    path.write_bytes(data[:-1000])
    with pytest.raises(ValueError, match=r"a\.tif: The file is damaged"):
        read_pixels(path, STORED)
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), pixels(3))
    data = bytearray(path.read_bytes())
    data[33 + 30 :] = zlib.compress(b"x" * 99)
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"a\.png: The file is damaged"):
        read_pixels(path, STORED)
