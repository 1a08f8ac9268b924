"""Tests the storage of pixels in tiles: equality for all types, areas and damage."""

import dataclasses
import json

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow_datasets as tfds

from jaxseg.config import DataConfig
from jaxseg.data import open_source, rasters, tiles
from jaxseg.data.area import Area


@st.composite
def cases(draw):
    """Draws pixels of any type with an area of them."""
    height, width = draw(st.integers(1, 20)), draw(st.integers(1, 20))
    axes = draw(st.sampled_from([(), (1,), (3,), (5,), (32,)]))
    dtype = draw(st.sampled_from(["uint8", "uint16", "float32"]))
    word = np.dtype(f"u{np.dtype(dtype).itemsize}")
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    # All bit patterns occur, including the ones of NaN and of negative zero.
    words = rng.integers(0, 2 ** (8 * word.itemsize), (height, width, *axes), word)
    rows = sorted(draw(st.tuples(st.integers(0, height - 1), st.integers(1, height))))
    columns = sorted(draw(st.tuples(st.integers(0, width - 1), st.integers(1, width))))
    hypothesis.assume(rows[0] < rows[1] and columns[0] < columns[1])
    area = Area(tuple(rows), tuple(columns), (height, width))
    return words.view(dtype), area


@pytest.mark.slow
@hypothesis.settings(max_examples=80, deadline=None, derandomize=True)
@hypothesis.given(cases(), st.booleans(), st.integers(1, 25))
def test_areas_equal_slices_of_the_pixels(case, differences, side):
    pixels, area = case
    data = tiles.encode(pixels, differences=differences, side=side)
    for found, expected in (
        (tiles.decode(data), pixels),
        (tiles.decode(data, area), area.of(pixels)),
    ):
        assert found.dtype == pixels.dtype and found.shape == expected.shape
        assert found.tobytes() == np.ascontiguousarray(expected).tobytes()


def test_only_tiles_of_the_area_are_decoded():
    pixels = np.arange(64 * 64 * 3).astype(np.uint8).reshape(64, 64, 3)
    data = bytearray(tiles.encode(pixels, differences=True, side=32))
    data[-20:] = bytes(20)  # The last tile is damaged.
    area = Area((3, 31), (0, 64), (64, 64))
    np.testing.assert_array_equal(tiles.decode(bytes(data), area), area.of(pixels))
    with pytest.raises((ValueError, OSError)):
        tiles.decode(bytes(data))


def test_damage_is_an_error():
    data = tiles.encode(np.zeros((9, 9), np.uint8), differences=False)
    with pytest.raises(ValueError, match=f"expected {len(data)} bytes, found"):
        tiles.decode(data[:-1])
    with pytest.raises(ValueError, match="expected a valid tile header"):
        tiles.decode(data[:10])
    with pytest.raises(ValueError, match=r"type int64 .* expected uint8"):
        tiles.encode(np.zeros((2, 2), np.int64), differences=False)


def test_prepared_data_are_read_by_tfds(folder_config):
    own = open_source(folder_config, "train")
    builder = tfds.builder_from_directory(own.folder)
    assert builder.info.features["image"].shape == (None, None, 3)
    data = builder.as_data_source("train")
    assert tiles.is_tiled(own.records[0]["image"]) and len(data) == len(own)
    np.testing.assert_array_equal(data[0]["image"], own[0]["image"])
    np.testing.assert_array_equal(data[0]["label"][..., 0], own[0]["label"])
    named = DataConfig(f"tfds:{own.folder}", prepared_dir=folder_config.prepared_dir)
    external = open_source(named, "train")
    for name in ("image", "label"):
        np.testing.assert_array_equal(external[1][name], own[1][name])


def test_data_of_an_earlier_version_open(folder_config, monkeypatch, tmp_path, caplog):
    new = open_source(folder_config, "train")
    assert "earlier version" not in caplog.text
    config = dataclasses.replace(folder_config, prepared_dir=str(tmp_path / "old"))
    with monkeypatch.context() as patch:
        patch.setattr(tiles, "encode", lambda pixels, **_: rasters.encode_png(pixels))
        folder = open_source(config, "train").folder
    metadata = json.loads((folder / "metadata.json").read_text())
    del metadata["tiled"]
    (folder / "metadata.json").write_text(json.dumps(metadata))
    (folder / "files.json").unlink()
    caplog.clear()
    old = open_source(config, "train")
    assert caplog.text.count("from an earlier version and are read more slowly") == 1
    assert old.records[0]["image"].startswith(b"\x89PNG")
    rows, columns = (3, old.sizes[0][0]), (1, 6)
    for name in ("image", "label"):
        np.testing.assert_array_equal(old[0][name], new[0][name])
        np.testing.assert_array_equal(
            old.window(0, rows, columns)[name], new.window(0, rows, columns)[name]
        )
