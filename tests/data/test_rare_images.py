"""Tests kinds of files that Pillow silently reads in part, or wrongly."""

import numpy as np
import pytest
from PIL import Image

from jaxseg.data import rasters, reader
from jaxseg.data.reader import ReadOptions, read_pixels, read_size
from tests.data.image_files import (
    GRAY,
    INDEX,
    RGB,
    WIDE,
    palette,
    save,
    scaled,
    triple,
    write_png,
    write_tiff,
)

FOUR = np.dstack([RGB, GRAY])


RARE = {  # what Pillow reads in part or wrongly without a word
    "color of 16 bits": (WIDE[..., None].repeat(3, 2), {}, "16 bits per channel"),
    "infrared": (FOUR, {338: 0}, "4 channels"),
    "a fourth channel without a meaning": (FOUR, {}, "4 channels"),
    "alpha multiplied in": (FOUR, {338: 1}, "multiplied by its alpha"),
    "signed bytes": (GRAY, {339: 2}, "signed"),
    "zero is white": (WIDE, {262: 0}, "Zero is white"),
}


@pytest.mark.parametrize("what", RARE)
def test_rare_tiffs_are_not_read_in_part(tmp_path, what):
    pixels, tags, reason = RARE[what]
    write_tiff(tmp_path / "a.tif", pixels, tags)
    for read in (read_pixels, rasters.read_image):
        with pytest.raises(ValueError, match=rf"a\.tif: .*{reason}"):
            read(tmp_path / "a.tif")


def test_a_tiff_written_by_hand_is_read(tmp_path):
    """This control of the test above shows that the tags alone cause the errors
    there.
    """
    for pixels, tags, expected in (
        (RGB, {}, RGB),
        (FOUR, {338: 2}, RGB),
        (GRAY, {262: 0}, triple(255 - GRAY)),
    ):
        write_tiff(tmp_path / "a.tif", pixels, tags)
        np.testing.assert_array_equal(read_pixels(tmp_path / "a.tif"), expected)


def test_masks_in_which_zero_is_white_are_refused(tmp_path):
    write_tiff(tmp_path / "a.tif", GRAY, {262: 0})
    with pytest.raises(ValueError, match="Zero is white"):
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
        with pytest.raises(ValueError, match="maximum pixel value"):
            read_pixels(tmp_path / "a.pgm", mask=mask)


@pytest.mark.parametrize(("kind", "channels"), [(2, 3), (4, 2), (6, 4)])
def test_color_and_alpha_of_16_bits_are_not_cut_to_8(tmp_path, kind, channels):
    path = tmp_path / "a.png"
    write_png(path, WIDE[..., None].repeat(channels, 2), kind)
    for options in (reader.DEFAULTS, ReadOptions(range=(0, 65535))):
        for read in (read_pixels, rasters.read_image):
            with pytest.raises(ValueError, match=r"a\.png: .*16 bits per channel"):
                read(path, options)
    write_png(path, WIDE, 0)  # the control: gray of 16 bits
    found = read_pixels(path, ReadOptions(range=(0, 65535)))
    np.testing.assert_array_equal(found, scaled(WIDE, 0, 65535))


def test_unsigned_32_bits_are_not_read_as_negative(tmp_path):
    values = WIDE.astype(np.uint32) << 16
    write_tiff(tmp_path / "a.tif", values, {258: 32, 339: 1})
    found = read_pixels(tmp_path / "a.tif", ReadOptions(range=(0, 2**32 - 1)))
    np.testing.assert_array_equal(found, scaled(values, 0, 2**32 - 1))
    np.testing.assert_array_equal(read_pixels(tmp_path / "a.tif", mask=True), values)


def test_a_tiff_that_points_outside_of_its_file_is_damaged(tmp_path):
    """Pillow would read 16 bits as one, because it skips the tag of the bits."""
    path, *_ = save(tmp_path, "gray12.tif")
    data = path.read_bytes()
    bits = data.index(b"\x02\x01\x03\x00")
    path.write_bytes(data[: bits + 4] + b"\xff\xff\xff\0" + data[bits + 8 :])
    for read in (read_size, read_pixels, rasters.read_image):
        with pytest.raises(
            ValueError, match=r"gray12\.tif: The file is damaged \(Tag data larger"
        ):
            read(path)
