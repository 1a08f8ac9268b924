"""Checks that volumes and stacks of pages are divided into examples."""

import struct

import nibabel
import numpy as np
import pytest
import tifffile
from PIL import Image

from jaxseg.data.layouts import Pair
from jaxseg.data.parts import Page
from jaxseg.data.read_options import ReadOptions
from jaxseg.data.reader import read_pixels
from jaxseg.data.slices import slice_count, slices_of
from jaxseg.data.stacks import divide_stacks, folder_slices
from jaxseg.inference.images import named_images

RNG = np.random.default_rng(3)
IMAGES = RNG.integers(0, 60_000, (3, 6, 5)).astype(np.uint16)
MASKS = RNG.integers(0, 4, (3, 6, 5)).astype(np.uint8)


def write_nifti(path, slices):
    """Writes slices [Z, Y, X] as a volume [X, Y, Z]."""
    volume = nibabel.Nifti1Image(
        slices.transpose(2, 1, 0), np.eye(4), dtype=slices.dtype
    )
    nibabel.save(volume, path)


def write_tiff(path, slices):
    """Writes slices [Z, Y, X] as pages."""
    tifffile.imwrite(path, slices, photometric="minisblack")


@pytest.mark.parametrize(
    ("write", "suffix"),
    [(write_nifti, ".nii.gz"), (write_nifti, ".nii"), (write_tiff, ".tif")],
)
def test_a_folder_of_stacks_has_one_example_for_each_slice(tmp_path, write, suffix):
    for part, slices in (("images", IMAGES), ("masks", MASKS)):
        (tmp_path / part).mkdir()
        write(tmp_path / part / f"brain{suffix}", slices)
        Image.fromarray(MASKS[0]).save(tmp_path / part / "flat.png")
    (tmp_path / "train.txt").write_text("brain\n")
    (tmp_path / "val.txt").write_text("flat\n")
    splits = folder_slices(tmp_path)
    assert [pair.name for pair in splits["validation"]] == ["flat"]
    train = splits["train"]
    assert [pair.name for pair in train] == ["brain_0000", "brain_0001", "brain_0002"]
    for pair, image, mask in zip(train, IMAGES, MASKS, strict=True):
        stored = ReadOptions(pixels="stored")
        np.testing.assert_array_equal(read_pixels(pair.image, stored)[..., 0], image)
        np.testing.assert_array_equal(read_pixels(pair.mask, mask=True), mask)


def test_stacks_that_do_not_fit_are_refused_or_left_to_the_reader(tmp_path):
    images, masks, flat = (tmp_path / f"{name}.tif" for name in ("a", "b", "flat"))
    write_tiff(images, IMAGES)
    write_tiff(masks, MASKS[:2])
    write_tiff(flat, MASKS[:1])
    assert divide_stacks([Pair("a", images, flat)]) == [Pair("a", images, flat)]
    with pytest.raises(ValueError, match=r"a\.tif has 3 slices and .*b\.tif has 2"):
        divide_stacks([Pair("a", images, masks)])
    with pytest.raises(ValueError, match="slice with the name 'a_0001'"):
        divide_stacks([Pair("a", images, images), Pair("a_0001", flat, flat)])
    with pytest.raises(ValueError, match="slice with the name 'a_0001'"):
        named_images([images, tmp_path / "a_0001.png"])
    assert named_images([images, flat])[2:] == [
        ("a_0002", Page(images, 2)),
        ("flat", flat),
    ]
    pairs = divide_stacks([Pair("a", images, images)])
    assert pairs[2] == Pair("a_0002", Page(images, 2), Page(images, 2))


@pytest.mark.parametrize("options", [{}, {"bigtiff": True}, {"byteorder": ">"}])
def test_pages_of_lower_resolution_are_no_slices(tmp_path, options):
    single, stack = tmp_path / "a.tif", tmp_path / "b.tif"
    for path, slices in ((single, MASKS[:1]), (stack, MASKS)):
        with tifffile.TiffWriter(path, **options) as file:
            for one in slices:
                file.write(one)
                file.write(one[::2, ::2], subfiletype=1)
    assert slice_count(single) == 1
    for number, (_, page) in enumerate(slices_of(stack, "b")):
        assert page == Page(stack, 2 * number)
        np.testing.assert_array_equal(read_pixels(page, mask=True), MASKS[number])


def test_damaged_stacks_are_left_to_the_reader(tmp_path):
    """Every length is tried, because a link can point behind the end of the file."""
    stack, text = tmp_path / "a.tif", tmp_path / "b.tif"
    with tifffile.TiffWriter(stack) as file:
        for one in MASKS:
            file.write(one, contiguous=False, metadata=None)
    data = stack.read_bytes()
    text.write_text("no TIFF")
    assert slice_count(stack) == 3 and slice_count(text) == 1
    for length in range(len(data)):
        stack.write_bytes(data[:length])
        assert slice_count(stack) in (1, 3)
    stack.write_bytes(struct.pack("<2sHIHI", b"II", 42, 8, 0, 8))  # It links to itself.
    assert slice_count(stack) == 1
