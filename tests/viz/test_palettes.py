"""Palettes against their published values."""

import numpy as np
import pytest

from jaxseg.viz.palettes import CITYSCAPES, VOC_VOID, colormap, distinct

VOC = {  # class index -> color, from the devkit's documentation
    0: (0, 0, 0),
    1: (128, 0, 0),
    2: (0, 128, 0),
    3: (128, 128, 0),
    4: (0, 0, 128),
    7: (128, 128, 128),
    8: (64, 0, 0),
    15: (192, 128, 128),
    20: (0, 64, 128),
    255: (224, 224, 192),
}


def test_voc_colors():
    colors = colormap(256)
    assert colors.dtype == np.uint8
    assert {i: tuple(colors[i].tolist()) for i in VOC} == VOC
    assert VOC[255] == VOC_VOID
    assert len(np.unique(colors, axis=0)) == 256
    np.testing.assert_array_equal(colormap(21), colors[:21])


def test_cityscapes_colors():
    assert CITYSCAPES.shape == (19, 3)
    assert CITYSCAPES[[0, 10, 13, 18]].tolist() == [
        [128, 64, 128],
        [70, 130, 180],
        [0, 0, 142],
        [119, 11, 32],
    ]
    assert len(np.unique(CITYSCAPES, axis=0)) == 19
    with pytest.raises(ValueError, match="read-only"):
        CITYSCAPES[0] = 0


def test_distinct_colors_differ_and_keep_their_prefix():
    assert len(np.unique(distinct(256), axis=0)) == 256
    np.testing.assert_array_equal(distinct(5), distinct(256)[:5])
    first = distinct(12).astype(int)
    gap = np.abs(first[:, None] - first[None]).sum(-1) + 999 * np.eye(12, dtype=int)
    assert gap.min() > 60


@pytest.mark.parametrize("make", [colormap, distinct])
@pytest.mark.parametrize("count", [0, 257])
def test_counts_outside_a_byte_are_refused(make, count):
    with pytest.raises(ValueError, match="between 1 and 256"):
        make(count)
