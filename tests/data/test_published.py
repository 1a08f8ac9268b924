"""Published datasets by name: tiny copies of their layouts, and official tables."""

import dataclasses
import logging
import sys

import numpy as np
import pytest

from jaxseg.config import DataConfig
from jaxseg.data.datasets import DATASETS
from jaxseg.data.datasets.lookup import dataset_of
from jaxseg.data.prepare import builder_config, prepare
from jaxseg.data.source import from_builder
from jaxseg.tasks.prob_unet import rater_groups
from tests.data.published_aerial import AERIAL, AERIAL_BAD
from tests.data.published_medical import (
    LESIONS,
    MEDICAL,
    MEDICAL_BAD,
    draw_lidc,
    draw_stack,
)
from tests.data.published_photos import PHOTOS, PHOTOS_BAD, draw_first_release
from tests.data.published_retina import RETINA, RETINA_BAD
from tests.data.published_rooms import ROOMS, ROOMS_BAD, draw_arrays
from tests.data.published_streets import ORIGINAL, STREETS, STREETS_BAD, draw_stills

COPIES = STREETS + PHOTOS + AERIAL + RETINA + MEDICAL + ROOMS


def prepared(root, name, variant=""):
    config = DataConfig(name, raw_dir=str(root / "raw"), variant=tuple(variant.split()))
    return prepare(builder_config(config), root / "prepared")


@pytest.mark.parametrize("copy", COPIES, ids=str)
def test_files_become_labels(copy, tmp_path):
    copy.draw(tmp_path / "raw")
    builder = prepared(tmp_path, copy.name, copy.variant)
    found = {}
    for split in builder.info.splits:
        source = from_builder(builder, split)
        labels = {source[i]["id"]: source[i]["label"] for i in range(len(source))}
        assert all((label == label[0]).all() for label in labels.values())
        found[split] = {name: label[0].tolist() for name, label in labels.items()}
    assert found == copy.labels
    record = dataset_of(DataConfig(copy.name, variant=tuple(copy.variant.split())))
    assert {*found} <= {*record.counts}
    classes = np.arange(record.spec.num_classes)
    if record.labels is not None:
        masks = dataclasses.replace(record, raw=()).to_raw(classes)
        assert record.labels.apply(masks).tolist() == classes.tolist()


ALL_BAD = STREETS_BAD + PHOTOS_BAD + AERIAL_BAD + RETINA_BAD + MEDICAL_BAD
ALL_BAD += ROOMS_BAD


@pytest.mark.parametrize(("name", "draw", "damage", "message"), ALL_BAD)
def test_bad_files_are_named(name, draw, damage, message, tmp_path):
    draw(tmp_path / "raw")
    damage(tmp_path / "raw")
    with pytest.raises(ValueError, match=message):
        prepared(tmp_path, *name.split())


def test_hdf5_files_need_h5py(tmp_path, monkeypatch):
    draw_first_release(tmp_path / "raw")
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(
        ValueError, match=r"0077.mat needs the package h5py.* `pip install h5"
    ):
        prepared(tmp_path, "coco_stuff", "10k-v1.0")


def test_colors_that_are_not_published_are_reported(tmp_path, caplog):
    draw_stills(tmp_path / "raw")
    with caplog.at_level(logging.WARNING):
        builder = prepared(tmp_path, "camvid", "32-classes")
    assert builder.spec().classes == tuple(ORIGINAL)
    assert (
        "split 'validation' of dataset 'camvid' contain values that are not in the "
        "published list. Their pixels become void: 8421503 (4 pixels)." in caplog.text
    )


@pytest.mark.parametrize("name", sorted({copy.name for copy in COPIES}))
def test_missing_files_are_described(name, tmp_path):
    """The error names the files and the page that offers them."""
    record = DATASETS[name]
    for raw_dir in (None, str(tmp_path / "nowhere"), str(tmp_path)):
        with pytest.raises(
            ValueError, match=r"expected (the|a|at least one of these files)\b"
        ) as caught:
            builder_config(DataConfig(name, raw_dir=raw_dir))
        text = str(caught.value)
        assert record.files in text and text.endswith(record.page)
        assert "\n" not in text


def test_arrays_of_matlab_are_images(tmp_path):
    draw_arrays(tmp_path / "raw")
    source = from_builder(prepared(tmp_path, "nyuv2"), "train")
    found = {source[i]["id"]: source[i]["image"] for i in range(2)}
    assert found["0001"].shape == (2, 4, 3) and not found["0001"].any()
    assert (found["0004"] == 3).all()


def test_pages_of_a_stack_are_images_in_order(tmp_path):
    draw_stack(tmp_path / "raw")
    source = from_builder(prepared(tmp_path, "isbi"), "train")
    grays = {
        one["id"]: set(one["image"].ravel())
        for one in (source[i] for i in range(len(source)))
    }
    assert grays == {str(n): {10 * n} for n in range(5)}


def test_the_raters_of_a_crop_are_found_by_its_name(tmp_path):
    draw_lidc(tmp_path / "raw")
    source = from_builder(prepared(tmp_path, "lidc"), "test")
    groups = rater_groups(source.ids)
    assert [*map(len, groups.values())] == [4, 4]
    raters = np.stack([source.label(i)[0] for i in groups["LIDC-IDRI-0001_z-12.5_c1"]])
    assert sorted(raters.tolist()) == sorted(LESIONS)


def test_the_server_of_loveda_takes_classes():
    assert DATASETS["loveda"].to_raw(np.array([[0, 6]])).tolist() == [[0, 6]]


def test_colors_return_to_files():
    from jaxseg.data.mask_colors import values_to_colors

    record = DATASETS["uavid"]
    colors = values_to_colors(record.to_raw(np.arange(8)[None]))
    assert tuple(map(tuple, colors[0].tolist())) == record.spec.palette
