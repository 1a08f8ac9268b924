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
