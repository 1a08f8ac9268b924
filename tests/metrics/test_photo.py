"""Errors of made pictures by definition."""

import math

import numpy as np
import pytest

from jaxseg.metrics.photo import picture_errors, psnr


def test_errors_by_definition():
    true = np.zeros((2, 2, 2, 3), np.float32)
    made = true.copy()
    made[0, 0, 0] = 0.5
    made[1] = -1
    found = picture_errors(made, true)
    np.testing.assert_allclose(found["l1"], [0.125, 1])
    np.testing.assert_allclose(found["mse"], [0.0625, 1])


def test_psnr_of_known_errors():
    assert psnr(1.0, span=2.0) == pytest.approx(10 * math.log10(4))
    assert psnr(0.01, span=1.0) == pytest.approx(20)
    assert psnr(0.0, span=2.0) == math.inf


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match="expected two equal shapes"):
        picture_errors(np.zeros((1, 2, 2, 3)), np.zeros((1, 2, 2, 1)))
