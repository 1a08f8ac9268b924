"""Tests which image and mask files are read and which are refused."""

import io

import numpy as np
import pytest
from PIL import Image

from jaxseg.data import rasters
from jaxseg.data.mask_reader import MaskReader
from jaxseg.data.reader import read_pixels

read_mask = MaskReader().read


LABELS = np.array([[0, 15, 255], [1, 2, 3]], np.uint8)


def voc_like_palette():
    """Returns a palette for which gray-level decoders lose the indices 15 and 255."""
    colors = np.random.default_rng(0).permutation(768).astype(np.uint8)
    return colors.tobytes()


def test_palette_mask_keeps_its_indices(tmp_path):
    image = Image.fromarray(LABELS)
    image.putpalette(voc_like_palette())
    assert image.mode == "P"
    image.save(tmp_path / "m.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "m.png"), LABELS)


@pytest.mark.parametrize("mode", ["L", "I", "I;16"])
def test_gray_modes(tmp_path, mode):
    dtype = {"L": np.uint8, "I": np.int32, "I;16": np.uint16}[mode]
    image = Image.fromarray(LABELS.astype(dtype))
    assert image.mode == mode
    image.save(tmp_path / "m.tif")
    read = read_mask(tmp_path / "m.tif")
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, LABELS)


def test_one_bit_mask(tmp_path):
    Image.fromarray(LABELS > 2).save(tmp_path / "m.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "m.png"), LABELS > 2)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_color_mask_is_refused(tmp_path, mode):
    Image.fromarray(LABELS).convert(mode).save(tmp_path / "m.png")
    with pytest.raises(ValueError, match=r"m\.png: The file is an RGB mask, but"):
        read_mask(tmp_path / "m.png")


def test_gray_alpha_mask_is_refused(tmp_path):
    Image.fromarray(LABELS).convert("LA").save(tmp_path / "m.png")
    with pytest.raises(ValueError, match="'LA', but an index mask"):
        read_mask(tmp_path / "m.png")


def test_values_of_two_bytes_are_read_and_larger_ones_refused(tmp_path):
    Image.fromarray(np.full((2, 2), 300, np.uint16)).save(tmp_path / "m.png")
    assert read_mask(tmp_path / "m.png").tolist() == [[300, 300]] * 2
    Image.fromarray(np.full((2, 2), 70_000, np.int32)).save(tmp_path / "m.tif")
    with pytest.raises(
        ValueError, match=r"m\.tif: the mask values .* expected 0 to 65535"
    ):
        read_mask(tmp_path / "m.tif")


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_rgb_bytes_are_not_touched(tmp_path, suffix):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / f"i{suffix}")
    path = tmp_path / f"i{suffix}"
    data, size = rasters.read_image(path, tiled=False)
    assert data == path.read_bytes() and size == (5, 7)
    assert rasters.size_of(data) == (5, 7)
    tiled, size = rasters.read_image(path)
    assert rasters.size_of(tiled) == size == (5, 7)
    np.testing.assert_array_equal(rasters.decode(tiled), rasters.decode(data))
    assert (tiled == data) == (suffix == ".jpg")


def test_other_images_become_rgb_png(tmp_path):
    gray = np.arange(12, dtype=np.uint8).reshape(3, 4)
    Image.fromarray(gray).save(tmp_path / "i.tif")
    data, _ = rasters.read_image(tmp_path / "i.tif", tiled=False)
    assert data.startswith(b"\x89PNG")
    np.testing.assert_array_equal(rasters.decode(data), np.dstack([gray] * 3))


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("read", [rasters.read_image, read_pixels])
def test_damaged_files_are_named(tmp_path, kind, read):
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (40, 40)).astype(np.uint8)
    Image.fromarray(noise).save(buffer, format=kind)
    whole = buffer.getvalue()
    for cut in (0, 10, len(whole) // 2):
        path = tmp_path / f"cut{cut}"
        path.write_bytes(whole[:cut])
        with pytest.raises(ValueError, match=rf"cut{cut}: The file is damaged"):
            read(path)


def test_flipped_bits_in_a_png_are_found(tmp_path):
    data = bytearray(rasters.encode_png(np.arange(256, dtype=np.uint8).reshape(16, 16)))
    data[60] ^= 255
    (tmp_path / "flipped.png").write_bytes(data)
    with pytest.raises(ValueError, match=r"flipped\.png: The file is damaged"):
        read_mask(tmp_path / "flipped.png")


def test_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"none\.png: The file cannot be read"):
        rasters.read_image(tmp_path / "none.png")
