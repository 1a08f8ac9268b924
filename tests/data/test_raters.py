"""Tests the dataset with several raters, whose habits are known."""

import collections

import numpy as np
import pytest

from jaxseg.config import DataConfig
from jaxseg.data import from_builder, train_batches
from jaxseg.data.builders.drawn import drawn_config
from jaxseg.data.datasets import DATASETS
from jaxseg.data.drawings.raters import COUNTS, KINDS, MODES, RATERS, draw_case
from jaxseg.data.prepare import prepare


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Opens six images."""
    config = drawn_config(DATASETS["raters"], size=(24, 32), train=6, validation=2)
    return from_builder(prepare(config, tmp_path_factory.mktemp("r")), "train")


def test_raters_of_an_image_share_it(source):
    assert len(source) == 6 * RATERS and source.spec.classes == ("ground", "lesion")
    groups = collections.defaultdict(list)
    for index, name in enumerate(source.ids):
        groups[name.split("_r")[0]].append(index)
    assert sorted(groups) == [f"{i:04d}" for i in range(6)]
    for number, members in groups.items():
        case = draw_case(np.random.default_rng((0, 0, int(number))), (24, 32))
        assert sorted(source.ids[i] for i in members) == [
            f"{number}_r{k}" for k in range(4)
        ]
        for i in members:
            np.testing.assert_array_equal(source[i]["image"], case.image)
            rater = int(source.ids[i][-1])
            np.testing.assert_array_equal(source[i]["label"], case.labels[rater])


def test_habits_follow_from_the_kind_and_the_kind_is_to_be_seen():
    random = np.random.default_rng(0)
    kinds = collections.Counter()
    for _ in range(60):
        case = draw_case(random, (64, 64))
        kinds[case.kind] += 1
        drawn = collections.Counter(case.modes)
        assert tuple(drawn[mode] for mode in MODES) == COUNTS[case.kind]
        masks = dict(zip(case.modes, case.labels, strict=True))
        sizes = [masks[mode].sum() for mode in MODES if mode in masks]
        assert sizes == sorted(sizes) and len(set(sizes)) == len(sizes)
        assert ("nothing" in masks) == (case.kind == "faint")
        if "whole" in masks:
            core, whole = masks["core"] == 1, masks["whole"] == 1
            assert (core <= whole).all() and 1.8 < whole.sum() / core.sum() < 4.5
            rim = case.image[..., 0][whole & ~core].mean()
            ground = case.image[..., 0][~whole].mean()
            low, high = {"faint": (35, 75), "bright": (90, 140)}[case.kind]
            assert low < rim - ground < high
    assert set(kinds) == set(KINDS) and min(kinds.values()) >= 10


def test_who_draws_what_is_not_fixed():
    """The modes are assigned to raters at random for each image."""
    random = np.random.default_rng(1)
    seen = [set() for _ in range(RATERS)]
    for _ in range(60):
        for rater, mode in enumerate(draw_case(random, (32, 32)).modes):
            seen[rater].add(mode)
    assert all(modes == set(MODES) for modes in seen)


def test_training_meets_every_rater(source):
    config = DataConfig("raters", crop=(24, 32), scale_range=(1.0, 1.0), workers=0)
    batches = train_batches(source, config, seed=0, batch_size=8)
    index = np.concatenate([next(batches)["index"] for _ in range(3)])
    assert sorted(index) == list(range(24))  # an epoch: each pair once


def test_default_size():
    default = drawn_config(DATASETS["raters"])
    assert default.name == "seed0_64x64_300_60"  # prepared data keep their folder
