"""Valid taps: closed form, counting, a convolution of ones, DeepLab v3's figure."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg.analysis.atrous.valid_taps import valid_counts, valid_fraction, valid_shares
from jaxseg.ops.conv import conv

FIGURE = {  # map size: fraction at rates 6, 12, 18, 24, 36
    21: (0.655, 0.383, 0.184, 0.111, 0.111),
    33: (0.772, 0.574, 0.405, 0.265, 0.111),
    41: (0.814, 0.648, 0.500, 0.372, 0.172),
    49: (0.843, 0.700, 0.570, 0.454, 0.260),
    65: (0.881, 0.769, 0.665, 0.568, 0.398),
    97: (0.919, 0.842, 0.768, 0.697, 0.566),
}


@pytest.mark.parametrize("size", FIGURE)
def test_published_fractions(size):
    found = [valid_fraction(size, 3, rate) for rate in (6, 12, 18, 24, 36)]
    assert found == pytest.approx(FIGURE[size], abs=5.1e-4)
    for rate in range(1, size):
        assert valid_fraction(size, 3, rate) == pytest.approx(
            ((3 - 2 * rate / size) / 3) ** 2
        )
    assert valid_fraction(size, 3, size) == valid_fraction(size, 3, 999) == 1 / 9


def test_closed_form_is_counting_for_any_kernel_rate_and_size():
    random = np.random.default_rng(0)
    for _ in range(200):
        size = tuple(map(int, random.integers(1, 40, 2)))
        kernel, rate = int(random.integers(1, 8)), int(random.integers(1, 30))
        counted = valid_counts(size, kernel, rate).mean() / kernel**2
        assert valid_fraction(size, kernel, rate) == pytest.approx(counted)


def test_a_convolution_of_ones_counts_the_same():
    rates = (6, 12, 18, 32, 33)

    @jax.jit
    def counted():
        ones, kernel = jnp.ones((1, 33, 20, 1)), jnp.ones((3, 3, 1, 1))
        return [conv(ones, kernel, rate=r, padding=r)[0, :, :, 0] for r in rates]

    for rate, found in zip(rates, counted(), strict=True):
        np.testing.assert_array_equal(found, valid_counts((33, 20), 3, rate))


@pytest.mark.parametrize(
    ("rate", "want"),
    [
        (12, {9: 0.398, 6: 0.466, 4: 0.136}),
        (24, {9: 0.068, 6: 0.386, 4: 0.545}),
        (36, {4: 0.796, 2: 0.192, 1: 0.012}),
        (65, {1: 1.0}),
    ],
)
def test_shares_on_a_map_of_65(rate, want):
    assert valid_shares(65, 3, rate) == pytest.approx(want, abs=6e-4)


def test_errors():
    with pytest.raises(ValueError, match="size=0 is invalid"):
        valid_fraction(0)
    with pytest.raises(ValueError, match="rate=0 is invalid"):
        valid_counts(5, 3, 0)
