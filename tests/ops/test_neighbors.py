"""Ring neighbors against indexing."""

import numpy as np
import pytest

from jaxseg.ops.neighbors import OFFSETS, ring


@pytest.mark.parametrize(("shape", "rate"), [((2, 5, 7, 3), 1), ((1, 6, 4), 3)])
def test_against_indexing(shape, rate):
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    got = ring(x, rate, fill=-9)
    expected = np.full((8, *shape), -9, np.float32)
    for n, (down, right) in enumerate(OFFSETS):
        for i, j in np.ndindex(shape[1:3]):
            row, column = i + rate * down, j + rate * right
            if 0 <= row < shape[1] and 0 <= column < shape[2]:
                expected[n, :, i, j] = x[:, row, column]
    np.testing.assert_array_equal(got, expected)


def test_entries_are_paired_with_their_opposites():
    for n, (down, right) in enumerate(OFFSETS):
        assert OFFSETS[7 - n] == (-down, -right)


def test_booleans_and_a_rate_beyond_the_map():
    x = np.ones((1, 2, 2), bool)
    assert not ring(x, 2, fill=False).any()
    assert ring(x, 5, fill=False).dtype == bool
    with pytest.raises(ValueError, match="rate=0 is invalid"):
        ring(x, 0)
