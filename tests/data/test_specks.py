"""Scenes with tiny specks: the only speck near an object has the color of its class."""

import numpy as np
import pytest

from jaxseg.config import DataConfig
from jaxseg.data.builders.drawn import drawn_config
from jaxseg.data.datasets import DATASETS
from jaxseg.data.datasets.lookup import dataset_of
from jaxseg.data.drawings.specks import (
    CLEAR,
    FARTHEST,
    HALF,
    NEAREST,
    SPECK,
    draw_specks,
)


def around(center, distance, size):
    """The part of an image up to a distance from a pixel."""
    return tuple(
        slice(max(0, middle - distance), min(side, middle + distance + 1))
        for middle, side in zip(center, size, strict=True)
    )


def speck_pixels(part):
    """The number of pixels with the color of each class."""
    return {
        kind: int((np.abs(part.astype(int) - color).max(-1) < 40).sum())
        for kind, color in SPECK.items()
    }


@pytest.mark.parametrize("side", [1, 2, 3])
def test_the_speck_near_an_object_is_its_class(side):
    kinds, distances = [], set()
    for number in range(20):
        rng = np.random.default_rng(number)
        image, label = draw_specks(rng, (64, 64), (side,))
        assert image.dtype == label.dtype == np.uint8 and label.max() <= 2
        corners = np.argwhere(label > 0)
        while corners.size:
            center = corners[0] + HALF
            kind = int(label[tuple(center)])
            # The center of a speck of 3 pixels is 1 pixel away from its last row.
            near = speck_pixels(image[around(center, FARTHEST + 1, label.shape)])
            assert near == {kind: side**2, 3 - kind: 0}
            wide = speck_pixels(image[around(center, CLEAR - 2, label.shape)])
            assert wide == near
            assert not any(
                speck_pixels(image[around(center, NEAREST - 2, label.shape)]).values()
            )
            first = min(
                d
                for d in range(NEAREST - 1, FARTHEST + 2)
                if any(speck_pixels(image[around(center, d, label.shape)]).values())
            )
            distances.add(first)
            kinds.append(kind)
            inside = np.abs(corners - center).max(1) <= HALF
            assert inside.sum() == (2 * HALF + 1) ** 2
            corners = corners[~inside]
    assert len(kinds) > 60 and abs(np.mean(kinds) - 1.5) < 0.15
    assert {NEAREST, 6, 7, FARTHEST - 1} <= distances


def test_each_size_has_prepared_data_of_its_own():
    words = ("sizes1to3", "size1", "size3")
    names = [
        drawn_config(dataset_of(DataConfig("specks", variant=(word,)))).name
        for word in words
    ]
    assert names == [f"seed0_64x64_{word}_800_200" for word in words]
    drawing = DATASETS["specks"].drawing
    ((name, example),) = drawing.draw(np.random.default_rng(5), 7, (64, 64))
    assert name == "00007"
    image, label = draw_specks(np.random.default_rng(5), (64, 64))
    np.testing.assert_array_equal(example["image"], image)
    np.testing.assert_array_equal(example["label"], label)
