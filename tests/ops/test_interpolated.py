"""Convolution with a real rate: whole rates, half rates, and gradients."""

import jax
import numpy as np
import pytest

from jaxseg.ops import interpolated
from jaxseg.ops.conv import conv

interpolated_conv = jax.jit(interpolated.interpolated_conv, static_argnames="largest")
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(1, 7, 9, 2)).astype(np.float32)
KERNEL = RANDOM.normal(size=(3, 3, 2, 1)).astype(np.float32)


@pytest.mark.parametrize("rate", [1, (2, 3), 4])
def test_whole_rates_are_those_of_conv(rate):
    run = lambda x: conv(x, KERNEL, rate=rate, padding=rate, impl="lax")
    expected = jax.jit(run)(X)
    found = interpolated_conv(X, KERNEL, np.asarray(rate), largest=4)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_rate_between_two_pixels_reads_their_interpolation():
    """Counted by hand: the left tap at column 4 and rate 1.25 reads 2.75."""
    kernel = np.zeros((3, 3, 1, 1), np.float32)
    kernel[1, 0] = 1
    ramp = np.arange(9, dtype=np.float32).reshape(1, 1, 9, 1) ** 2
    found = np.asarray(interpolated_conv(ramp, kernel, 1.25, largest=3))
    assert float(found[0, 0, 4, 0]) == pytest.approx(0.25 * 4 + 0.75 * 9)
    assert float(found[0, 0, 0, 0]) == 0  # padding
    beyond = interpolated_conv(ramp, kernel, 7.0, largest=3)
    np.testing.assert_array_equal(
        beyond, interpolated_conv(ramp, kernel, 3.0, largest=3)
    )


@pytest.mark.parametrize("rate", [0.4, 1.5, 2.3])
def test_the_gradient_of_the_rate_is_the_finite_difference(rate):
    weights = RANDOM.normal(size=(1, 7, 9, 1)).astype(np.float32)

    @jax.jit
    @jax.value_and_grad
    def run(rate, weights):
        return (interpolated_conv(X, KERNEL, rate, largest=3) * weights).sum()

    step = 0.05  # The value is a polynomial of degree 2 between whole rates.
    upper, lower = (float(run(r, weights)[0]) for r in (rate + step, rate - step))
    difference = (upper - lower) / (2 * step)
    assert float(run(rate, weights)[1]) == pytest.approx(difference, rel=1e-3)
    assert float(run(3.5, weights)[1]) == 0


def test_wrong_kernels_are_refused():
    with pytest.raises(ValueError, match="expected \\[k, k, 2, out\\] with odd k"):
        interpolated_conv(X, KERNEL[:2, :2], 1.0, largest=2)
