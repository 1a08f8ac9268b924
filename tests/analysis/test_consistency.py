"""Shift, atrous and output-stride consistency on maps whose answer is known."""

import numpy as np
import pytest

from jaxseg.analysis.atrous.consistency import (
    atrous_gap,
    output_stride_gaps,
    shift_consistency,
)
from jaxseg.ops.conv import conv
from jaxseg.ops.pool import max_pool
from jaxseg.ops.unpool import nearest

RANDOM = np.random.default_rng(0)
IMAGE = RANDOM.normal(size=(1, 40, 44, 3)).astype(np.float32)
FIRST = RANDOM.normal(size=(3, 3, 3, 4)).astype(np.float32)
SECOND = RANDOM.normal(size=(3, 3, 4, 4)).astype(np.float32)


def dense(x):
    return conv(x, FIRST, padding=1)


def pooled(x):
    return nearest(max_pool(conv(x, FIRST, padding=1), window=4), 4)


def test_a_convolution_moves_with_its_input():
    found = shift_consistency(dense, IMAGE, [(0, 1), (3, 5)], size=(32, 32), margin=1)
    for shift in found:
        assert shift.agreement == 1 and shift.change < 1e-6
    assert [shift.offset for shift in found] == [(0, 1), (3, 5)]
    (at_the_border,) = shift_consistency(dense, IMAGE, [(3, 5)], size=(32, 32))
    assert at_the_border.agreement < 1  # the crops are padded at different places


def test_pooling_moves_only_with_its_stride():
    by_one, by_four = shift_consistency(
        pooled, IMAGE, [(1, 1), (4, 8)], size=(32, 32), margin=4
    )
    assert by_four.agreement == 1
    assert by_one.agreement < 0.8 and by_one.change > 0.3


def network(output_stride):
    """Two convolutions; the first loses its stride at output stride 1."""

    def fn(x):
        x = conv(x, FIRST, stride=output_stride, padding=1)
        rate = 2 // output_stride
        return conv(x, SECOND, rate=rate, padding=rate)

    return fn


def test_atrous_conversion_is_exact_and_a_wrong_one_is_seen():
    gaps = output_stride_gaps({1: network(1), 2: network(2)}, IMAGE)
    assert list(gaps) == [(1, 2)] and gaps[1, 2] < 1e-5
    early = lambda x: conv(conv(x, FIRST, rate=2, padding=2), SECOND, rate=2, padding=2)
    assert output_stride_gaps({1: early, 2: network(2)}, IMAGE)[1, 2] > 0.3


def test_errors():
    with pytest.raises(ValueError, match="within the image"):
        shift_consistency(dense, IMAGE, [(9, 0)], size=(32, 32))
    with pytest.raises(ValueError, match="margin=16 is invalid"):
        shift_consistency(dense, IMAGE, [(0, 0)], size=(32, 32), margin=16)
    with pytest.raises(ValueError, match="does not divide"):
        output_stride_gaps({2: dense, 3: dense}, IMAGE)
    with pytest.raises(ValueError, match=r"which is strided\.shape"):
        atrous_gap(np.zeros((1, 5, 5, 1)), np.zeros((1, 2, 2, 1)), 2)
