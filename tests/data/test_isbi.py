"""Tests the builder of numbered slices with the mask values 0 and 255."""

import dataclasses
import pathlib

import numpy as np
import pytest
from PIL import Image

from jaxseg.config import DataConfig
from jaxseg.data import open_source, train_batches

REAL = pathlib.Path(__file__).resolve().parents[3] / "shared/data/isbi2012"


@pytest.fixture
def slices(tmp_path):
    """Writes eleven small slices whose gray value is their number."""
    root = tmp_path / "raw"
    for part in ("image", "label"):
        (root / part).mkdir(parents=True)
    for n in range(11):
        label = np.full((6, 9), 255, np.uint8)
        label[n % 6] = 0
        Image.fromarray(np.full((6, 9), n, np.uint8)).save(root / f"image/{n}.png")
        Image.fromarray(label).save(root / f"label/{n}.png")
    return DataConfig(
        "isbi", raw_dir=str(root), prepared_dir=str(tmp_path / "prepared")
    )


def test_splits_are_in_numerical_order(slices):
    found = [
        sorted(open_source(slices, split).ids) for split in ("train", "validation")
    ]
    assert found == [[str(n) for n in range(9)], ["10", "9"]]


def test_labels_and_gray_images(slices):
    source = open_source(slices, "validation")
    example = source[source.ids.index("10")]
    assert example["image"].shape == (6, 9, 3) and (example["image"] == 10).all()
    assert (example["label"] == 1).sum() == 45 and (example["label"][4] == 0).all()
    assert source.spec.classes == ("membrane", "cell")


def test_other_raw_labels_are_named_with_their_file(slices):
    path = pathlib.Path(slices.raw_dir) / "label/3.png"
    Image.fromarray(np.full((6, 9), 1, np.uint8)).save(path)
    with pytest.raises(
        ValueError, match=r"3.png: the mask value 1 is not in the label map 0:0 255:1"
    ):
        open_source(slices, "train")


def test_names_must_be_numbers(slices):
    path = pathlib.Path(slices.raw_dir) / "image"
    (path / "3.png").rename(path / "three.png")
    with pytest.raises(
        ValueError, match=r"invalid names \['three'\]: expected numbers"
    ):
        open_source(slices, "train")


def test_a_missing_folder_is_named(slices, tmp_path):
    with pytest.raises(ValueError, match=r"image is not a folder"):
        open_source(dataclasses.replace(slices, raw_dir=str(tmp_path)), "train")


@pytest.mark.skipif(not REAL.is_dir(), reason=f"no ISBI slices in {REAL}")
def test_the_real_slices(tmp_path):
    config = DataConfig(
        "isbi",
        raw_dir=str(REAL),
        prepared_dir=str(tmp_path),
        crop=(64, 64),
        elastic=10.0,
    )
    train = open_source(config, "train")
    assert len(train) == 20 and len(open_source(config, "validation")) == 5
    assert train.sizes == ((512, 512),) * 20
    cell = np.mean([train.label(n).mean() for n in range(20)])
    assert 0.75 < cell < 0.82
    gray = np.mean([train[n]["image"].mean() for n in range(20)]) / 255
    assert abs(gray - train.spec.mean[0]) < 0.01
    batch = next(train_batches(train, config, seed=0, batch_size=2))
    assert set(np.unique(batch["label"])) == {0, 1}
