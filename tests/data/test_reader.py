"""Tests that training and prediction read the same pixels or refuse the same files."""

import ast
import pathlib

import numpy as np
import pytest
from PIL import Image

import jaxseg
from jaxseg.config import DataConfig
from jaxseg.data import open_source, rasters, reader
from jaxseg.data.reader import ReadOptions, read_pixels
from tests.data.image_files import KINDS, REAL, RGB, WIDE, save, save_turned, scaled


def check(read, expected, name):
    """Checks the pixels, or checks and returns the one-line error that names the
    file.
    """
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


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_jpeg_of_every_mode(tmp_path, mode):
    flat = np.full((16, 24, 3), (200, 100, 50), np.uint8)
    picture = Image.fromarray(flat).convert(mode)
    picture.save(tmp_path / "a.jpg", quality=100)
    expected = np.asarray(picture.convert("RGB")).astype(int)
    found = read_pixels(tmp_path / "a.jpg")
    assert np.abs(found - expected).max() <= 2
    stored = rasters.decode(rasters.read_image(tmp_path / "a.jpg")[0])
    np.testing.assert_array_equal(stored, found)


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


@pytest.mark.parametrize("bounds", [(1, 1), (5, 2), (0, float("nan"))])
def test_ranges_that_are_none_are_refused(bounds):
    with pytest.raises(ValueError, match=r"data\.range=.*lower one first"):
        ReadOptions(range=bounds)


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
    opened = {"data/reader.py", "data/rasters.py", "data/wide/png.py"}
    # The augmentation decodes only the JPEG that it has encoded.
    assert users == opened | {"data/augment/degradation.py"}


def test_prepared_data_hold_what_prediction_reads(tmp_path, write_pair):
    """Prepared data of a folder contain the pixels that `read_pixels` returns."""
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
        "folder",
        raw_dir=str(root),
        prepared_dir=str(tmp_path / "out"),
        range=(0, 40000),
        pixels="rgb8",
    )
    source = open_source(config, "train")
    assert len(source) == 6
    for index in range(6):
        example = source[index]
        (path,) = (root / "images").glob(f"{example['id']}.*")
        expected = read_pixels(path, reader.options_of(config))
        np.testing.assert_array_equal(example["image"], expected)
