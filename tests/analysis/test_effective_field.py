"""Effective field: against closed forms of random and of averaging stacks."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg.analysis.atrous.effective_field import (
    area,
    effective_field,
    effective_share,
    gaussian_fit,
    gradients,
    support,
)
from jaxseg.analysis.atrous.gridding import path_counts, touched
from jaxseg.analysis.atrous.receptive_field import Layer, chain, path_sigma
from jaxseg.ops.conv import conv


def stack(rates, kernel):
    def fn(x):
        for rate in rates:
            x = conv(x, kernel, rate=rate, padding=rate)
        return x

    return fn


def test_equal_weights_give_the_path_counts_squared():
    rates = (1, 2, 5)
    images = jnp.zeros((2, 25, 25, 1))
    field = effective_field(stack(rates, jnp.ones((3, 3, 1, 1))), images)
    paths = np.outer(path_counts(rates), path_counts(rates))
    want = np.pad(paths.astype(float), 4) ** 2
    np.testing.assert_allclose(field, want, rtol=1e-5)


def test_random_weights_spread_as_the_closed_form():
    """E[gradient**2] follows the path counts: sigma**2 = sum (k**2 - 1) / 12 r**2."""
    random, channels, total = np.random.default_rng(0), 16, 0
    layers = [Layer(3, rate=r) for r in (1, 1, 2, 2)]
    for _ in range(4):
        kernels = random.normal(size=(4, 3, 3, channels, channels)) / 12
        kernels = kernels.astype(np.float32)

        def fn(x, kernels=kernels):
            for kernel, layer in zip(kernels, layers, strict=True):
                x = conv(x, kernel, rate=layer.rate, padding=layer.rate)
            return x

        total = total + effective_field(fn, jnp.zeros((1, 21, 21, channels)))
    found = gaussian_fit(total)
    assert found.sigma == pytest.approx((path_sigma(layers),) * 2, rel=0.05)
    assert found.center == pytest.approx((10, 10), abs=0.5)
    assert found.fit > 0.8


def test_its_share_of_the_field_falls_with_depth():
    shares = []
    for depth in (2, 4, 8):
        fn = stack((1,) * depth, jnp.ones((3, 3, 1, 1)) / 9)
        field = effective_field(fn, jnp.zeros((1, 33, 33, 1)))
        size = chain([Layer(3)] * depth).size
        shares.append(effective_share(field, (size, size)))
    assert shares[0] > shares[1] > shares[2]


def test_support_of_a_gridded_stack():
    rates = (2, 2, 2)
    seen = support(stack(rates, jnp.ones((3, 3, 1, 1))), jnp.zeros((1, 13, 13, 1)))
    np.testing.assert_array_equal(seen, np.outer(touched(rates), touched(rates)))
    assert seen.mean() == pytest.approx(49 / 169)


def test_position_and_channels():
    kernel = jnp.ones((1, 1, 2, 3))
    found = gradients(lambda x: conv(x, kernel), jnp.zeros((2, 5, 6, 2)), (1, 4))
    assert found.shape == (2, 5, 6, 2)
    assert set(map(tuple, np.argwhere(found))) == {
        (b, 1, 4, c) for b in (0, 1) for c in (0, 1)
    }
    assert np.all(found[found != 0] == 3)


def test_gaussian_fit_of_a_gaussian():
    y, x = np.mgrid[:61, :81]
    field = 7 * np.exp(-((y - 28) ** 2) / (2 * 4**2) - (x - 40) ** 2 / (2 * 6**2))
    found = gaussian_fit(field)
    assert found.sigma == pytest.approx((4, 6), rel=1e-3)
    assert found.center == pytest.approx((28, 40), abs=1e-3)
    assert found.fit == pytest.approx(1, abs=1e-6)
    corners = np.zeros((61, 81))
    corners[::60, ::80] = 1
    assert gaussian_fit(corners).fit < 0.1
    assert area(field) == pytest.approx(np.pi * 24 * 2 * np.log(1 / 0.0455), rel=0.03)
    with pytest.raises(ValueError, match="non-negative"):
        gaussian_fit(-field)
