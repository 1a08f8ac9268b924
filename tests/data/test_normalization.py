"""Tests the range, the mean and the deviation of images that are not 8-bit RGB."""

import dataclasses
import pathlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from jaxseg.audit.check import check_data
from jaxseg.config import Config, DataConfig
from jaxseg.data import open_source
from jaxseg.data.spec import DatasetSpec
from jaxseg.runs.directory import read_config, write_run

RNG = np.random.default_rng(2)


@pytest.fixture
def folder(tmp_path):
    """Returns the options of a folder of 12-bit scans, and the training images."""
    images = []
    for split, count in (("train", 3), ("validation", 1)):
        for part in ("images", "masks"):
            (tmp_path / "raw" / split / part).mkdir(parents=True)
        for k in range(count):
            image = RNG.integers(100, 4096, (20, 30 + k)).astype(np.uint16)
            tifffile.imwrite(tmp_path / f"raw/{split}/images/{k}.tif", image)
            mask = (image > 2000).astype(np.uint8)
            Image.fromarray(mask).save(tmp_path / f"raw/{split}/masks/{k}.png")
            images += [image] if split == "train" else []
    config = DataConfig(
        "folder", raw_dir=str(tmp_path / "raw"), prepared_dir=str(tmp_path / "out")
    )
    return config, np.concatenate([image.ravel() for image in images])


@pytest.mark.parametrize("wanted", [None, (0, 4095), (500, 3000), "percentiles"])
def test_statistics_come_from_the_training_split(folder, wanted):
    config, values = folder
    config = dataclasses.replace(config, range=wanted)
    spec = open_source(config, "validation").spec
    low, high = spec.value_range
    if wanted == "percentiles":
        expected = np.percentile(values, [0.5, 99.5], method="inverted_cdf")
        assert (low, high) == tuple(expected)
    else:
        assert (low, high) == (wanted or (0, 65535))
    unit = np.clip((values.astype(float) - low) / (high - low), 0, 1)
    np.testing.assert_allclose(spec.mean, unit.mean(), rtol=1e-9)
    np.testing.assert_allclose(spec.std, unit.std(), rtol=1e-9)
    stored = list(pathlib.Path(config.prepared_dir).rglob("pixel_statistics-*.json"))
    assert len(stored) == 1
    stored[0].write_text(stored[0].read_text().replace(str(spec.mean[0]), "0.5"))
    assert open_source(config, "train").spec.mean == (0.5,)  # It is not read again.


def test_images_of_two_kinds_are_refused_by_both_names(folder):
    config, _ = folder
    path = pathlib.Path(config.raw_dir) / "train/images/1.tif"
    pixels = np.zeros((20, 31, 4), np.uint16)
    tifffile.imwrite(path, pixels, photometric="minisblack", planarconfig="contig")
    with pytest.raises(
        ValueError, match=r"1\.tif has 4 channels.*0\.tif has 1 channel"
    ):
        open_source(config, "train")


def test_other_images_than_those_of_the_training_are_refused(folder):
    config, _ = folder
    trained = DatasetSpec("x", ("a", "b"), ((0, 0, 0), (9, 9, 9)))
    with pytest.raises(ValueError, match=r"1 channel of uint16.*3 channels of uint8"):
        open_source(config, "train", trained=trained)


def test_runs_that_reduced_images_to_8_bits_keep_doing_so(folder, tmp_path):
    """Before data.pixels existed, data.range converted images to 8-bit RGB."""
    config, _ = folder
    config = dataclasses.replace(config, range=(0, 4095))
    spec = DatasetSpec("folder", ("a",), ((0, 0, 0),))
    (tmp_path / "run").mkdir()
    write_run(tmp_path / "run", Config(data=config), spec)
    assert read_config(tmp_path / "run").data.pixels == "stored"
    path = tmp_path / "run/config.json"
    lines = [line for line in path.read_text().splitlines() if '"pixels"' not in line]
    path.write_text("\n".join(lines))
    old = read_config(tmp_path / "run").data
    assert old.pixels == "rgb8"
    example = open_source(old, "train")[0]["image"]
    assert example.dtype == np.uint8 and example.shape[-1] == 3


def test_the_number_of_channels_concerns_images_and_not_masks(tmp_path):
    for split in ("train", "validation"):
        for part in ("images", "masks"):
            (tmp_path / split / part).mkdir(parents=True)
        np.save(tmp_path / split / "images/0.npy", np.ones((8, 8, 4), np.uint8))
        mask = np.eye(8, dtype=np.uint8)
        Image.fromarray(mask).save(tmp_path / split / "masks/0.png")
    config = DataConfig(
        "folder", raw_dir=str(tmp_path), prepared_dir=str(tmp_path / "out"), channels=4
    )
    example = open_source(config, "train")[0]
    assert example["image"].shape == (8, 8, 4)
    np.testing.assert_array_equal(example["label"], mask)
    assert not check_data(config).count("error")
    with pytest.raises(ValueError, match=r"0\.npy: The file has 4 channels: expected "):
        open_source(dataclasses.replace(config, channels=3), "train")
