"""Predictions in the formats of test servers and of annotation tools."""

import json

import numpy as np
import pytest
from PIL import Image

from jaxseg.config import Config, DataConfig, MemberConfig
from jaxseg.data import DatasetSpec
from jaxseg.data.datasets import DATASETS
from jaxseg.data.polygons import decode_rle
from jaxseg.tasks.further_files import further_files

LABELS = np.array([[0, 0, 1], [2, 0, 1]])


def test_class_255_is_written_if_void_has_16_bits(tmp_path):
    names = tuple(f"c{k}" for k in range(300))
    spec = DatasetSpec("folder", names, ((9, 9, 9),) * 300, void=65535)
    writer = further_files(("geojson", "coco"), Config(data=DataConfig("folder")), spec)
    writer.write(tmp_path / "7", np.array([[255, 65535], [255, 299]]))
    (one, other) = json.loads((tmp_path / "7.geojson").read_text())["features"]
    assert (one["properties"]["class"], one["properties"]["pixels"]) == ("c255", 2)
    assert other["properties"]["label"] == 299
    rows = json.loads((tmp_path / "7_coco.json").read_text())
    assert [(row["category_id"], row["area"]) for row in rows] == [(256, 2), (300, 1)]


def written(tmp_path, config, spec, *formats):
    writer = further_files(formats, config, spec)
    writer.write(tmp_path / "000000000139", LABELS)
    return {path.name: path for path in tmp_path.iterdir()}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("cityscapes", [[7, 7, 8], [11, 7, 8]]),
        ("ade20k", [[1, 1, 2], [3, 1, 2]]),
        ("camvid", LABELS.tolist()),
    ],
)
def test_raw_values_are_those_of_the_published_masks(tmp_path, name, values):
    config = Config(data=DataConfig(name))
    found = written(tmp_path, config, DATASETS[name].spec, "raw")
    picture = Image.open(found.pop("000000000139_raw.png"))
    assert (picture.mode, np.asarray(picture).tolist(), found) == ("L", values, {})


def test_raw_values_of_colored_masks_are_colors(tmp_path):
    config = Config(data=DataConfig("uavid"))
    spec = DATASETS["uavid"].spec
    found = written(tmp_path, config, spec, "raw")
    pixels = np.asarray(Image.open(found["000000000139_raw.png"]))
    assert pixels.tolist() == np.array(spec.palette)[LABELS].tolist()


def test_raw_values_of_a_folder_are_those_of_its_label_map(tmp_path):
    palette = ((0, 0, 0), (9, 9, 9), (5, 5, 5))
    labels = ((7, 1), (300, 2), (4, "void"), (9, 0))
    spec = DatasetSpec("folder", ("a", "b", "c"), palette, labels=labels)
    config = Config(data=DataConfig("folder"))
    found = written(tmp_path, config, spec, "raw")
    pixels = np.asarray(Image.open(found["000000000139_raw.png"]))
    assert pixels.tolist() == [[9, 9, 7], [300, 9, 7]]


def test_raw_values_of_several_datasets_are_refused(tmp_path):
    member = MemberConfig("a", DataConfig("camvid"))
    config = Config(data=DataConfig(mix=(member,)))
    with pytest.raises(ValueError, match=r"expected no 'raw', .* several datasets"):
        written(tmp_path, config, DATASETS["camvid"].spec, "raw")


def test_polygons_and_annotations_give_the_labels_back(tmp_path):
    config, spec = Config(data=DataConfig("camvid")), DATASETS["camvid"].spec
    found = written(tmp_path, config, spec, "geojson", "coco")
    regions = json.loads(found["000000000139.geojson"].read_text())["features"]
    areas = [
        (each["properties"]["class"], each["properties"]["pixels"]) for each in regions
    ]
    assert areas == [(spec.classes[0], 3), (spec.classes[1], 2), (spec.classes[2], 1)]
    restored = np.full(LABELS.shape, -1)
    for each in json.loads(found["000000000139_coco.json"].read_text()):
        assert each["image_id"] == 139
        restored[decode_rle(each["segmentation"])] = each["category_id"] - 1
    assert restored.tolist() == LABELS.tolist()


def test_names_that_are_equal_as_numbers_stay_apart(tmp_path):
    writer = further_files(("coco",), Config(), DATASETS["shapes"].spec)
    for name in ("7", "007"):
        writer.write(tmp_path / name, LABELS)
        first, *_ = json.loads((tmp_path / f"{name}_coco.json").read_text())
        assert first["image_id"] == name
