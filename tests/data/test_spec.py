"""Tests classes, colors and their JSON form."""

import json

import pytest

from jaxseg.data.datasets import DATASETS
from jaxseg.data.spec import DatasetSpec, generated_palette

CAMVID, SHAPES = DATASETS["camvid"].spec, DATASETS["shapes"].spec


@pytest.mark.parametrize("spec", [CAMVID, SHAPES])
def test_json_round_trip_is_exact(spec):
    read = DatasetSpec.from_json(spec.to_json())
    assert read == spec and hash(read) == hash(spec)


def test_camvid_follows_the_tutorial():
    assert CAMVID.num_classes == 11
    assert dict(zip(CAMVID.classes, CAMVID.palette, strict=True))["road"] == (
        128,
        64,
        128,
    )
    assert CAMVID.classes[0] == "sky" and CAMVID.classes[10] == "bicyclist"
    assert CAMVID.mean_color == (124, 116, 104)


def test_generated_colors_differ():
    palette = generated_palette(100)
    assert len(set(palette)) == 100
    assert all(0 <= channel <= 255 for color in palette for channel in color)
    assert generated_palette(5) == palette[:5]


@pytest.mark.parametrize(
    ("classes", "colors", "message"),
    [
        (("a", "b", "a"), 3, r"each name once, found \['a'\]"),
        (("a", "b"), 3, "expected 2 colors, one per class, found 3"),
        ((), 0, "expected 1 to 255 names, found 0"),
        (tuple(map(str, range(256))), 256, "found 256"),
    ],
)
def test_bad_specs_are_refused(classes, colors, message):
    with pytest.raises(ValueError, match=message):
        DatasetSpec("x", classes, ((0, 0, 0),) * colors)


def test_unknown_json_fields_are_refused():
    fields = {**json.loads(SHAPES.to_json()), "extra": 1}
    with pytest.raises(ValueError, match="extra"):
        DatasetSpec.from_json(json.dumps(fields))


def test_pixels_of_other_types_are_described_and_padded_in_their_units():
    """The padding is the mean in stored values, and old JSON still opens."""
    spec = DatasetSpec(
        "x", ("a",), ((0, 0, 0),), void=65535, mean=(0.5, 0.25), std=(0.1, 0.1),
        image_type="uint16", value_range=(1000.0, 3000.0),
    )  # fmt: skip
    assert (spec.channels, spec.mean_color) == (2, (2000, 1500))
    assert (spec.image_dtype, spec.label_dtype) == ("uint16", "uint16")
    assert DatasetSpec.from_json(spec.to_json()) == spec
    old = json.loads(SHAPES.to_json())
    del old["image_type"], old["value_range"]
    assert DatasetSpec.from_json(json.dumps(old)) == SHAPES and SHAPES.is_rgb8


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"mean": (0.5,) * 33, "std": (0.1,) * 33},
            "1 to 32 channels, found 33 and 33",
        ),
        ({"mean": (0.5,)}, "found 1 and 3"),
        ({"image_type": "int8"}, "one of the types uint8, uint16, float32"),
        ({"value_range": (5, 5)}, "lower value first"),
    ],
)
def test_impossible_pixels_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        DatasetSpec("x", ("a",), ((0, 0, 0),), **changes)
