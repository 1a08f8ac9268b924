"""Scenes with a distant mark: the mark decides, and nothing else says anything."""

import numpy as np
import pytest

from jaxseg.config import DataConfig
from jaxseg.data.builders.drawn import drawn_config
from jaxseg.data.datasets import DATASETS
from jaxseg.data.datasets.lookup import dataset_of
from jaxseg.data.drawings.distance import APART, DIRECTIONS, HALF, MARK, draw_marks


def colors_at(image, center, distance):
    """The classes whose color is found at a distance in each of four directions."""
    found = []
    for y, x in DIRECTIONS:
        row, column = center[0] + y * distance, center[1] + x * distance
        if min(row, column) < 0 or row >= image.shape[0] or column >= image.shape[1]:
            continue
        for kind, color in MARK.items():
            if np.abs(image[row, column].astype(int) - color).max() < 40:
                found.append(kind)
    return found


@pytest.mark.parametrize("distance", [6, 12])
def test_the_mark_at_the_distance_is_the_class(distance):
    objects, kinds, elsewhere = 0, [], []
    for number in range(60):
        image, label = draw_marks(np.random.default_rng(number), (64, 64), distance)
        assert image.dtype == label.dtype == np.uint8 and set(np.unique(label)) <= {
            0,
            1,
            2,
        }
        corners = np.argwhere(label > 0)
        while corners.size:
            center = tuple(corners[0] + HALF)
            kind = int(label[center])
            assert colors_at(image, center, distance) == [kind]
            for other in range(5, 20):
                if abs(other - distance) > APART:
                    elsewhere += [kind == k for k in colors_at(image, center, other)]
            kinds.append(kind)
            objects += 1
            near = np.abs(corners - center).max(1) <= HALF
            assert near.sum() == (2 * HALF + 1) ** 2
            corners = corners[~near]
    assert objects > 120
    assert abs(np.mean(kinds) - 1.5) < 0.15
    assert len(elsewhere) > 20 and abs(np.mean(elsewhere) - 0.5) < 0.25


def test_each_distance_has_prepared_data_of_its_own():
    default = dataset_of(DataConfig("distance"))
    far = dataset_of(DataConfig("distance", variant=("distance16",)))
    names = [drawn_config(record).name for record in (default, far)]
    assert names == [f"seed0_64x64_distance{d}_400_100" for d in (8, 16)]
    (one,) = DATASETS["distance"].drawing.draw(np.random.default_rng(5), 7, (64, 64))
    image, label = draw_marks(np.random.default_rng(5), (64, 64), 8)
    assert one[0] == "00007"
    np.testing.assert_array_equal(one[1]["image"], image)
    np.testing.assert_array_equal(one[1]["label"], label)
