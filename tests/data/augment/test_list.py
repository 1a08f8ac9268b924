"""The list as a part of the training stream, and what it refuses."""

import dataclasses

import numpy as np
import pytest

from jaxseg.config import Config, DataConfig, ModelConfig, augment
from jaxseg.data import train_batches
from jaxseg.data.augment.color import Hue
from jaxseg.data.augment.geometry import Rotate
from jaxseg.data.augment.page import page
from jaxseg.data.augment.parsing import check_entries, parse_entries, parse_entry
from jaxseg.data.training_example import drawn_example
from jaxseg.runs.checks import check
from jaxseg.runs.serialize import from_dict, to_dict
from tests.data.augment.scenes import frame
from tests.data.test_pipeline import assert_same, take

LIST = (
    "crop_around(probability=0.5)",
    "rotate(degrees=20)",
    "flip(probability=0.5)",
    "noise",
    "cut_mix(probability=0.5)",
    "class_mix(probability=0.5)",
    "hue",
)
CONFIG = DataConfig(crop=(20, 28), augment=LIST)


def test_the_stream_depends_on_seed_and_position_only(small):
    whole = take(small, 5, config=CONFIG)
    assert_same(whole[2:], take(small, 3, config=CONFIG, start_step=2))
    halves = [
        take(small, 5, config=CONFIG, process_index=k, process_count=2) for k in (0, 1)
    ]
    joined = [
        {name: np.concatenate([a[name], b[name]]) for name in a}
        for a, b in zip(*halves, strict=True)
    ]
    assert_same(whole, joined)
    assert any(
        (a["image"] != b["image"]).any()
        for a, b in zip(whole, take(small, 5, config=CONFIG, seed=8), strict=True)
    )


def test_an_empty_list_leaves_the_other_draws_alone(small):
    plain = dataclasses.replace(CONFIG, augment=())
    never = dataclasses.replace(CONFIG, augment=("rotate(probability=0)",))
    assert_same(take(small, 3, config=plain), take(small, 3, config=never))
    pairs = zip(
        take(small, 3, config=plain), take(small, 3, config=CONFIG), strict=True
    )
    for a, b in pairs:
        for name in ("seed", "index"):
            np.testing.assert_array_equal(a[name], b[name])


def test_each_entry_has_its_own_random_numbers(small):
    changed = ("crop_around(probability=0)", *LIST[1:])
    other = dataclasses.replace(CONFIG, augment=changed)
    for position in range(8):
        _, first = drawn_example(small, CONFIG, 3, position)
        _, second = drawn_example(small, other, 3, position)
        names = [each.entry.name for each in first.applied]
        rest = [
            each
            for each in first.applied
            if each.entry.name in ("rotate", "noise", "hue")
        ]
        assert len(rest) == 3 and names == sorted(
            names, key=[parse_entry(text).name for text in LIST].index
        )
        for each in rest:
            assert each in second.applied


def test_probabilities_hold(small):
    counts = dict.fromkeys((parse_entry(text).name for text in LIST), 0)
    for position in range(60):
        for each in drawn_example(small, CONFIG, 0, position)[1].applied:
            counts[each.entry.name] += 1
    for name, count in counts.items():
        if name in ("rotate", "noise", "hue"):
            assert count == 60
        else:
            assert 15 <= count <= 45


def test_texts_records_and_json_agree():
    text = augment("rotate", degrees=10, probability=0.5)
    assert parse_entry(text) == Rotate(degrees=10.0, probability=0.5)
    assert parse_entry("hue") == parse_entry(" hue() ") == Hue()
    names = parse_entry("copy_paste(classes=(car, 'traffic sign'))").classes
    assert names == ("car", "traffic sign")
    assert parse_entry("crop_around(classes=car)").classes == ("car",)
    config = Config(data=DataConfig(augment=(text, "flip")))
    assert from_dict(Config, to_dict(config)) == config
    assert Config().data.augment == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "rotat",
            "data.augment='rotat' is invalid: expected a known name, such as 'rotate'",
        ),
        ("rotate(degree=3)", "no parameter 'degree'. Its parameters are degrees, prob"),
        (
            "rotate(degrees=181)",
            "expected a number from 0 to 180 for degrees, found 181",
        ),
        (
            "rotate(degrees=nan)",
            "expected a number from 0 to 180 for degrees, found 'na",
        ),
        ("rotate(probability=2)", "a number from 0 to 1 for probability, found 2"),
        ("rotate(True)", "Write the name of each parameter before its value"),
        ("rotate(degrees=1, degrees=2)", "is invalid: expected"),
        ("blur(sigma=(2, 1))", "two numbers from 0 to 50, the smaller one first"),
        ("blur(sigma=1)", "two numbers from 0 to 50"),
        ("flip(axis=diagonal)", "expected horizontal or vertical for axis"),
        ("elastic(nodes=3.5)", "expected a whole number from 2 to 16 for nodes"),
        ("elastic(nodes=True)", "expected a whole number from 2 to 16 for nodes"),
        ("crop_around(classes=3)", "expected names of classes for classes"),
        ("rotate(degrees=open('x'))", "expected NAME or NAME"),
        ("__import__('os').system('x')", "expected NAME or NAME"),
        ("rotate(**{})", "is invalid: expected NAME or NAME"),
        ("rotate(", "expected NAME or NAME"),
        ("", "expected NAME or NAME"),
    ],
)
def test_wrong_texts_are_refused_in_one_line(text, message):
    with pytest.raises(ValueError) as error:
        parse_entry(text)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_lists_that_do_not_fit_are_refused(small):
    with pytest.raises(ValueError, match="to come first"):
        parse_entries(("flip", "scale"))
    with pytest.raises(ValueError, match=r"expected a square data\.crop"):
        check_entries(parse_entries(("rotate90",)), crop=(20, 28))
    for name in ("hue", "saturation", "grayscale"):
        with pytest.raises(ValueError, match="expected images of 3 channels, found 4"):
            check_entries(parse_entries((name,)), frame=frame(4))
    overlapping = dataclasses.replace(frame(), multilabel=True)
    for name in ("limit_share", "crop_around", "class_mix", "copy_paste"):
        with pytest.raises(ValueError, match="the classes of these data overlap"):
            check_entries(parse_entries((name,)), frame=overlapping)
    check_entries(parse_entries(("rotate", "cut_mix")), frame=overlapping)
    others = ("blur", "noise", "jpeg", "gamma", "contrast", "brightness")
    check_entries(parse_entries(others), frame=frame(4))
    config = dataclasses.replace(CONFIG, augment=("crop_around(classes=dics)",))
    with pytest.raises(ValueError, match=r"classes='dics' in .* such as 'disc'"):
        train_batches(small, config, seed=0, batch_size=1)
    tf = DataConfig(augment=("flip",), backend="tf")
    with pytest.raises(
        ValueError, match=r"data.augment=.* an empty list with data.bac"
    ):
        check(Config(model=ModelConfig("unet"), data=tf))


def test_the_page_of_the_documentation_is_current(request):
    path = request.config.rootpath / "docs" / "guide" / "augmentation.md"
    assert path.read_text() == page()
