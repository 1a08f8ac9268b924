"""Provides small datasets on disk for the tests of jaxseg.data."""

import numpy as np
import pytest
from PIL import Image

from jaxseg.config import DataConfig
from jaxseg.data import from_builder
from jaxseg.data.builders.drawn import drawn_config
from jaxseg.data.datasets import DATASETS
from jaxseg.data.prepare import prepare

SMALL = {"size": (24, 32), "train": 10, "validation": 5}


@pytest.fixture(scope="session")
def shapes_builder(tmp_path_factory):
    """Builds ten small scenes for training and five for validation."""
    root = tmp_path_factory.mktemp("shapes")
    return prepare(drawn_config(DATASETS["shapes"], **SMALL), root)


@pytest.fixture
def small(shapes_builder):
    """The training source of `shapes_builder`."""
    return from_builder(shapes_builder, "train")


@pytest.fixture
def write_pair():
    """`write_pair(root, name, ...)`: an image and a mask that follow from the name."""

    def write(root, name, *, size=(12, 16), classes=3, suffix=".png"):
        rng = np.random.default_rng(sum(map(ord, name)))
        image = rng.integers(0, 256, (*size, 3)).astype(np.uint8)
        mask = rng.integers(0, classes, size).astype(np.uint8)
        mask[0, 0], mask[0, 1] = classes - 1, 255
        for part, pixels in (("images", image), ("masks", mask)):
            (root / part).mkdir(parents=True, exist_ok=True)
            end = suffix if part == "images" else ".png"
            Image.fromarray(pixels).save(root / part / f"{name}{end}")
        return image, mask

    return write


@pytest.fixture
def folder_config(tmp_path, write_pair):
    """A folder of three training and two validation pairs, and its configuration."""
    root = tmp_path / "raw"
    for split, names in (("train", "abc"), ("val", "de")):
        for name in names:
            write_pair(root / split, name)
    return DataConfig(
        name="folder",
        raw_dir=str(root),
        prepared_dir=str(tmp_path / "prepared"),
        crop=(8, 8),
    )
