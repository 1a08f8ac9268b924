"""The choice of the crop: scale, share of one class, rare classes."""

import numpy as np
import pytest

from jaxseg.data.augment.entry import View
from jaxseg.data.augment.parsing import parse_entry
from jaxseg.data.transforms import Window, cut_label, sample_window
from tests.data.augment.scenes import frame

CROP = (20, 24)


def choose(text, label, seed, scale=1.0):
    rng = np.random.default_rng(seed)
    window = sample_window(rng, label.shape, crop=CROP, scale_range=(scale, scale))
    view = View(lambda: label, size=label.shape, crop=CROP, frame=frame())
    return window, *parse_entry(text).choose(view, window, rng)


def test_scale_draws_factor_and_aspect():
    label = np.zeros((100, 200), np.uint8)
    factors, aspects = [], []
    for seed in range(300):
        _, window, drawn = choose(
            "scale(factor=(0.5, 2), aspect=(0.5, 2))", label, seed
        )
        height, width = window.scaled
        assert (height * width / 20_000) ** 0.5 == pytest.approx(
            drawn["factor"], rel=0.02
        )
        assert width / height / 2 == pytest.approx(drawn["aspect"], rel=0.03)
        for offset, side, crop in zip(window.offset, window.scaled, CROP, strict=True):
            assert min(0, side - crop) <= offset <= max(0, side - crop)
        factors.append(drawn["factor"])
        aspects.append(drawn["aspect"])
    assert np.mean(factors) == pytest.approx(1.25, abs=0.06)
    assert np.mean(np.log(aspects)) == pytest.approx(0, abs=0.06)
    assert min(aspects) < 0.55 and max(aspects) > 1.8


def test_limit_share_is_the_loop_of_mmsegmentation():
    """A second reading of RandomCrop.crop_bbox with cat_max_ratio."""
    label = np.full((60, 80), 255, np.uint8)
    label[:, :60], label[20:40, 30:70], label[45:, 50:55] = 1, 2, 3
    redrawn = []
    for seed in range(60):
        first, window, drawn = choose("limit_share(share=0.7, tries=4)", label, seed)
        rng = np.random.default_rng(seed)
        sample_window(rng, label.shape, crop=CROP, scale_range=(1, 1))  # same state
        current, tries = first, 0
        for _ in range(4):
            part = cut_label(label, current, crop=CROP)
            values, counts = np.unique(part[part != 255], return_counts=True)
            if len(values) > 1 and np.max(counts) / np.sum(counts) < 0.7:
                break
            top, left = (
                int(rng.integers(side - crop + 1))
                for side, crop in zip(label.shape, CROP, strict=True)
            )
            current, tries = Window(first.scaled, (top, left)), tries + 1
        assert (window, drawn["redrawn"]) == (current, tries)
        redrawn.append(tries)
    assert set(redrawn) == {0, 1, 2, 3, 4}


@pytest.mark.parametrize("scale", [0.2, 0.7, 1.6])
def test_crop_around_contains_the_class_that_it_names(scale):
    label = np.zeros((60, 80), np.uint8)
    label[50:54, 70:75], label[3:5, 2:5], label[0] = 3, 6, 255
    seen = []
    for seed in range(60):
        _, window, drawn = choose("crop_around", label, seed, scale)
        cut = cut_label(label, window, crop=CROP)
        if scale >= 1:  # below, resizing can drop single pixels
            assert "abcdefgh".index(drawn["class"]) in cut
        inside = cut != 255
        assert inside.mean() >= 0.9 or min(window.scaled) < max(CROP)
        seen.append(drawn["class"])
    assert {name: seen.count(name) > 10 for name in set(seen)} == dict.fromkeys(
        "adg", True
    )


def test_crop_around_keeps_the_window_without_its_classes():
    label = np.zeros((60, 80), np.uint8)
    first, window, drawn = choose("crop_around(classes=(b, c))", label, 0)
    assert first == window and drawn == {"class": None}
    label[10, 10] = 2
    _, window, drawn = choose("crop_around(classes=(b, c))", label, 0)
    assert drawn == {"class": "c", "pixel": [10, 10]}
    assert 2 in cut_label(label, window, crop=CROP)
