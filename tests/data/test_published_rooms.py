"""Tests S3DIS on tiny copies of its layout."""

import logging
import shutil

import numpy as np
import pytest

from jaxseg.config import DataConfig
from jaxseg.data import class_frequencies, cloud_train_batches, open_clouds
from jaxseg.data.datasets import DATASETS
from jaxseg.data.datasets.lookup import dataset_of

LINE = "{} {} {} {:.6f} {} {}\n"


def draw_s3dis(root):
    """Two rooms in Area 5 and one in each of the others, with every class in one."""
    for area in range(1, 7):
        for room in ("office_1", "hallway_6")[: 2 if area == 5 else 1]:
            folder = root / f"Area_{area}" / room / "Annotations"
            folder.mkdir(parents=True)
            text = LINE.format(-1.5, area, 0.25, 10, 20, 30)
            text += LINE.format(0.5, area + 1, 3.25, 40, 50, 60)
            (folder / "ceiling_1.txt").write_text(text)
            (folder / "chair_12.txt").write_text(LINE.format(0, area, 1, 255, 0, 7))
            (folder / "stairs_1.txt").write_text(LINE.format(0, area, 2, 0, 0, 0))
            (folder / "clutter_2.txt").write_text("")
            (folder / ".DS_Store").write_bytes(b"\0")
            (folder.parent / f"{room}.txt").write_text(text)
        (root / f"Area_{area}/Area_{area}_alignmentAngle.txt").write_text("office 0\n")


def config(root, variant=""):
    return DataConfig(
        "s3dis",
        raw_dir=str(root / "raw"),
        prepared_dir=str(root / "prepared"),
        variant=tuple(variant.split()),
        num_points=4,
        workers=0,
    )


@pytest.fixture
def root(tmp_path):
    draw_s3dis(tmp_path / "raw")
    return tmp_path


def test_objects_become_rooms(root, caplog):
    with caplog.at_level(logging.WARNING):
        rooms = open_clouds(config(root), "validation")
    assert sorted(rooms.ids) == ["Area_5_hallway_6", "Area_5_office_1"]
    assert "hallway_6/Annotations/clutter_2.txt contains no points" in caplog.text
    room = rooms[rooms.ids.index("Area_5_hallway_6")]
    expected = [[0, 0, 0], [2, 1, 3], [1.5, 0, 0.75], [1.5, 0, 1.75]]
    assert room["points"].dtype == np.float32 and room["points"].tolist() == expected
    colors = [[10, 20, 30], [40, 50, 60], [255, 0, 7], [0, 0, 0]]
    assert room["color"].dtype == np.uint8 and room["color"].tolist() == colors
    assert room["label"].tolist() == [0, 0, 8, 12]  # Stairs are clutter.
    assert rooms.spec == DATASETS["s3dis"].spec
    train = open_clouds(config(root), "train")
    assert sorted(train.ids) == [f"Area_{n}_office_1" for n in (1, 2, 3, 4, 6)]
    assert class_frequencies(train).pixels == (10, *[0] * 7, 5, 0, 0, 0, 5)
    batch = next(cloud_train_batches(train, config(root), seed=0, batch_size=2))
    assert batch["points"].shape == (2, 4, 3) and batch["mask"].all()


def test_an_area_is_chosen_for_validation(root):
    rooms = open_clouds(config(root, "area-2"), "validation")
    assert rooms.ids == ("Area_2_office_1",)
    record = dataset_of(config(root, "area-2"))
    assert record.counts == {"train": 232, "validation": 40}
    assert DATASETS["s3dis"].counts == {"train": 204, "validation": 68}


@pytest.mark.parametrize("line", [b"185.0\x10187.0 9", b"185.0 187\x10.0 9"])
def test_stray_bytes_are_reported_and_left_out(root, line, caplog):
    path = root / "raw/Area_5/hallway_6/Annotations/ceiling_1.txt"
    path.write_bytes(path.read_bytes() + b"0 5 1 " + line + b"\n")
    with caplog.at_level(logging.WARNING):
        rooms = open_clouds(config(root), "validation")
    room = rooms[rooms.ids.index("Area_5_hallway_6")]
    assert room["color"][2].tolist() == [185, 187, 9]
    assert "hallway_6/Annotations/ceiling_1.txt, line 3: the stray byte" in caplog.text


BAD = (
    ("chair_12.txt", b"0 1 2 3 4\n", "chair_12.txt is invalid: expected six finite"),
    ("chair_12.txt", b"0 1 2 3 4 x\n", "chair_12.txt is damaged .* expected six"),
    ("chair_12.txt", b"0 1 2 3 4 256\n", "chair_12.txt is invalid: expected colors"),
    ("lamp_1.txt", b"0 1 2 3 4 5\n", "lamp_1.txt is invalid: .* one of ceiling, floor"),
)


@pytest.mark.parametrize(("name", "data", "message"), BAD)
def test_bad_objects_are_named(root, name, data, message):
    (root / "raw/Area_3/office_1/Annotations" / name).write_bytes(data)
    with pytest.raises(ValueError, match=message):
        open_clouds(config(root), "train")


def test_missing_areas_and_labels_are_refused(root):
    shutil.rmtree(root / "raw/Area_6")
    with pytest.raises(
        ValueError, match=r"Area_6 is not a folder: .*'s3dis'.*stanford"
    ):
        open_clouds(config(root), "train")
    with pytest.raises(ValueError, match=r"data\.labels='0/255' is invalid"):
        dataset_of(DataConfig("s3dis", labels="0/255"))
