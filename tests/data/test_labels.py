"""Tests the option `data.labels`: how it is parsed, and how it maps mask values."""

import pathlib

import numpy as np
import pytest

from jaxseg.config import Config, DataConfig
from jaxseg.data.labels import LabelMap, parse_labels
from jaxseg.data.mask_rules import check_values
from jaxseg.data.mask_values import MaskValues
from jaxseg.runs.serialize import from_dict, to_dict

MAP = ((0, 255), (1, 0), (2, 1))


@pytest.mark.parametrize(
    "option",
    [
        ("0:void", "1:0", "2:1"),
        ("2:1", "0:void", "1:0"),
        "0:void 1:0 2:1",
        "0:255 1:0  2:1",
        ((0, "void"), (1, 0), (2, 1)),
        (("0", "void"), (1, "0"), "2:1"),
        [[0, "void"], [1, 0], [2, 1]],
    ],
)
def test_all_spellings_are_one_map(option):
    assert parse_labels(option) == LabelMap(MAP)
    assert str(parse_labels(option)) == "0:void 1:0 2:1"


@pytest.mark.parametrize("option", ["0/255", ("0/255",)])
def test_the_short_form_is_background_and_object(option):
    labels = parse_labels(option)
    assert labels.pairs == ((0, 0), (255, 1)) and labels.binary
    assert labels.class_names() == ("background", "object")
    assert parse_labels("255/0").pairs == ((0, 1), (255, 0))


@pytest.mark.parametrize("option", [(), "", "  ", []])
def test_no_map(option):
    assert parse_labels(option) is None


NOT_VALUE = f"is not a whole number from 0 to {2**32 - 1}"


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        (("1:x",), "the class 'x' is neither a class number nor void"),
        (("x:1",), f"'x' {NOT_VALUE}"),
        (("1",), "'1' is not a pair VALUE:CLASS"),
        (("1:2:3",), "'1:2:3' is not a pair VALUE:CLASS"),
        (("0:0", "0:1"), "the mask value 0 is listed twice"),
        (("0:void", "1:void"), "all mask values are mapped to void"),
        (("0:0", "1:4095"), "the class 4095 is not within 0 to 4094"),
        (("-1:0",), f"'-1' {NOT_VALUE}"),
        (((0, -1),), "the class -1 is not within 0 to 4094"),
        (((1.0, 0),), "1.0 is not an integer"),
        (((True, 0),), "True is not an integer"),
        ((f"{2**32}:0",), f"the mask value {2**32} is not within 0 to {2**32 - 1}"),
        (("9" * 5000 + ":0",), f"'{'9' * 5000}' {NOT_VALUE}"),
        (("²:0",), f"'²' {NOT_VALUE}"),
        ("0/255/3", "'0/255/3' is not of the form BACKGROUND/OBJECT"),
        ("0/", "'0/' is not of the form BACKGROUND/OBJECT"),
        ("5/5", "the mask value 5 is listed twice"),
        ("0/255 1:1", "'0/255' is not a pair VALUE:CLASS"),
    ],
)
def test_what_is_no_map_is_refused(option, reason):
    shown = " ".join(map(str, option.split() if isinstance(option, str) else option))
    with pytest.raises(ValueError) as caught:
        parse_labels(option)
    assert str(caught.value) == (
        f"data.labels={shown!r} is invalid: expected pairs VALUE:CLASS or VALUE:void, "
        "such as 0:void 1:0 2:1, or BACKGROUND/OBJECT, such as 0/255, but "
        f"{reason}."
    )


@pytest.mark.parametrize(
    "labels", ["0/255", ("0:void", "1:0"), ((0, "void"), (1, 0)), ()]
)
def test_a_configuration_keeps_it(labels):
    config = Config(data=DataConfig("folder", labels=labels))
    assert from_dict(Config, to_dict(config)) == config


def test_classes_follow_from_the_map():
    assert parse_labels("7:1 8:0 9:void").class_names() == ("class_0", "class_1")
    with pytest.raises(ValueError, match=r"'1:1 2:2' is invalid: expected the classes"):
        parse_labels("1:1 2:2").class_names()
    parse_labels("1:1 2:2").require_classes(3, "x")
    with pytest.raises(ValueError, match="the classes 0 to 1 of x, found 2"):
        parse_labels("1:1 2:2").require_classes(2, "x")
    record = parse_labels(MAP).record
    assert record == ((0, "void"), (1, 0), (2, 1))
    assert LabelMap.of_record(record) == LabelMap(MAP)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.uint32])
def test_values_become_classes(dtype):
    labels = parse_labels("1:2 7:0 9:void 200:1")
    mask = np.array([[1, 7, 9], [200, 1, 1]], dtype)
    found = labels.apply(mask)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, [[2, 0, 255], [1, 2, 2]])


@pytest.mark.parametrize(
    ("option", "values", "expected"),
    [
        ("0/255", (0, 1, 127, 128, 254, 255), (0, 0, 0, 1, 1, 1)),
        ("255/0", (0, 127, 128, 255), (1, 1, 0, 0)),
        ("0:0 100:1 200:2", (0, 50, 51, 150, 151, 250, 251), (0, 0, 1, 1, 2, 2, 255)),
        ("0:0 64:1 255:void", (31, 32, 33, 96, 97, 223, 224), (0, 0, 1, 1, 255, 255, 255)),
        ("50:0 250:1", (0, 150, 151), (0, 0, 1)),
    ],
)  # fmt: skip
def test_lossy_values_go_to_the_nearest_listed_one(option, values, expected):
    found = parse_labels(option).snap(np.array([values], np.uint8))
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, [expected])


def is_clear(splits, names):
    """Implements `mask_rules` a second time, on the sets of values of each mask."""
    together = set().union(*(mask for masks in splits for mask in masks))
    for masks in splits:
        holding = [mask for mask in masks if 255 in mask]
        if holding and not any(mask - {0, 255} for mask in holding):
            return False
    labels = together - {255}
    if names:
        return labels <= set(range(names))
    whole = [set().union(*masks) - {255} for masks in splits]
    return labels == set(range(len(labels))) and len(labels) > 1 and labels in whole


def drawn(random, top):
    """Draws the values of a mask: mostly low ones, sometimes void, rarely another
    one.
    """
    values = random.integers(0, top, size=random.integers(1, 5)).tolist()
    if random.random() < 0.3:
        values.append(255)
    if random.random() < 0.05:
        values.append(int(random.choice([5, 127, 254, 300, 65535])))
    return set(values)


def test_random_values_are_accepted_only_where_they_are_clear():
    """Draws two splits of one to three masks 2,000 times, with seed 16."""
    random, accepted = np.random.default_rng(16), 0
    for _ in range(2000):
        top = int(random.integers(1, 5))
        splits = [
            [drawn(random, top) for _ in range(random.integers(1, 4))] for _ in range(2)
        ]
        if random.random() < 0.05:
            splits[0][0] = {255}
        names = int(random.choice([0, 2, 3, 4]))
        found = []
        for split, masks in zip(("train", "validation"), splits, strict=True):
            found.append(MaskValues(split))
            for k, mask in enumerate(masks):
                path = pathlib.Path(f"{split}{k}")
                found[-1].add(path, dict.fromkeys(sorted(mask), 1))
        try:
            check_values(found, [f"c{k}" for k in range(names)], "classes.txt")
        except ValueError as error:
            assert not is_clear(splits, names), (splits, names, error)
            assert "--data.labels" in str(error) or "--data.classes" in str(error)
            assert str(error).isprintable()
        else:
            accepted += 1
            assert is_clear(splits, names), (splits, names)
    assert 300 < accepted < 1700
