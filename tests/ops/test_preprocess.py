"""Pixels become network inputs by the formula, at the rounded size."""

from typing import NamedTuple

import numpy as np
import pytest

from jaxseg.ops.preprocess import preprocess, scaled_size


class Colors(NamedTuple):
    mean: tuple[float, ...]
    std: tuple[float, ...]
    value_range: tuple[float, float] = (0, 255)


def test_black_and_white_are_zero_and_one_before_normalization():
    pixels = np.array([[[[0, 51, 255]]]], np.uint8)
    found = preprocess(pixels, Colors((0.5, 0.2, 0.25), (0.5, 0.1, 0.25)))
    np.testing.assert_allclose(found, [[[[-1.0, 0.0, 3.0]]]], atol=1e-6)


def test_a_range_of_16_bit_values_becomes_0_to_1_and_the_rest_is_clipped():
    pixels = np.array([[[[100], [1_100], [2_100], [65_535]]]], np.uint16)
    found = preprocess(pixels, Colors((0.25,), (0.5,), (100, 2_100)))
    np.testing.assert_allclose(found, [[[[-0.5], [0.5], [1.5], [1.5]]]], atol=1e-6)


def test_sizes_are_rounded_and_never_empty():
    assert scaled_size((5, 7), 0.75) == (4, 5)
    assert scaled_size((3, 100), 0.1) == (1, 10)


def test_a_spec_for_other_channels_is_refused():
    pixels = np.zeros((1, 2, 2, 3), np.uint8)
    with pytest.raises(ValueError, match="expected 3 numbers each"):
        preprocess(pixels, Colors((0.5,), (0.5,)))
