"""Tests that pictures are read as viewers show them."""

import warnings

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from jaxseg.data import rasters
from jaxseg.data.reader import read_header, read_pixels, read_size
from tests.data.image_files import INDEX, RGB, RNG, SHOWN, palette, save_turned


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


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_an_orientation_in_xmp_counts_where_there_is_no_other(tmp_path, name):
    xmp = '<rdf:Description tiff:Orientation="6"/>'
    if name == "a.png":
        text = PngImagePlugin.PngInfo()
        text.add_itxt("XML:com.adobe.xmp", xmp)
        how = {"pnginfo": text}
    else:
        how = {"tiffinfo": {700: xmp.encode()}}
    Image.fromarray(RGB).save(tmp_path / name, **how)
    found = read_pixels(tmp_path / name)
    np.testing.assert_array_equal(found, np.rot90(RGB, -1))
    assert read_size(tmp_path / name) == found.shape[:2]


def test_the_first_picture_of_a_phone_is_the_photograph(tmp_path):
    blocks = np.kron(RGB[:3, :5], np.ones((16, 16, 1), np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    photo, preview = Image.fromarray(blocks), Image.fromarray(blocks[::2, ::2])
    path = tmp_path / "a.jpg"
    photo.save(
        path, "MPO", save_all=True, append_images=[preview], exif=exif, quality=100
    )
    assert read_header(path).format == "MPO"
    found = read_pixels(path)
    assert found.shape == (80, 48, 3) == (*read_size(path), 3)
    assert np.abs(found.astype(int) - np.rot90(blocks, -1)).mean() < 20
    stored = rasters.decode(rasters.read_image(path)[0])
    np.testing.assert_array_equal(stored, found)


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


def test_exif_data_that_cannot_be_read_count_as_absent(tmp_path):
    path = save_turned(tmp_path / "a.jpg", Image.fromarray(RGB), 6)
    data = path.read_bytes()
    at = data.index(b"Exif\0\0") + 6
    path.write_bytes(data[: at + 8] + b"\xff\xff" + data[at + 10 :])  # so many tags
    assert read_size(path) == read_pixels(path).shape[:2]
    path.write_bytes(data[: at + 4] + b"\xff\0\0\0" + data[at + 8 :])  # far away
    assert read_size(path) == read_pixels(path).shape[:2] == (6, 8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # not once per file and epoch, without its name
        stored = rasters.decode(rasters.read_image(path)[0])
    np.testing.assert_array_equal(stored, read_pixels(path))
