"""Rotary positions against complex numbers, and their dependence on distances."""

import jax
import numpy as np
import pytest

from jaxseg.ops.rotary import rotary_angles, rotate


def test_angles_and_rotation_equal_complex_numbers():
    """Pairs of channels are complex numbers, multiplied by exp(i angle)."""
    rows, columns, channels = 2, 3, 8
    x = np.random.default_rng(0).normal(size=(2, 7, 3, channels)).astype(np.float32)

    @jax.jit
    def run(x):
        angles = rotary_angles((rows, columns), channels, base=100.0, leading=1)
        return angles, rotate(x, angles)

    angles, rotated = jax.device_get(run(x))
    periods = (1.0, 10.0)  # 100 ** 0 and 100 ** (1/2)
    centers = [(y, x) for y in (-1 / 2, 1 / 2) for x in (-2 / 3, 0, 2 / 3)]
    want = [[2 * np.pi * c / p for c in center for p in periods] for center in centers]
    np.testing.assert_allclose(angles[1:], want, atol=1e-5)
    np.testing.assert_array_equal(angles[0], 0)
    turned = (x[..., :4] + 1j * x[..., 4:]) * np.exp(1j * np.array(angles))[:, None]
    want = np.concatenate([turned.real, turned.imag], -1)
    np.testing.assert_allclose(rotated, want, atol=1e-5)


def test_products_depend_on_distances():
    """The same query and key have equal products wherever their distance is equal."""
    size, channels = (4, 5), 12
    random = np.random.default_rng(0)
    query, key = random.normal(size=(2, 1, 1, 1, channels)).astype(np.float32)
    everywhere = np.ones((1, 20, 1, 1), np.float32)
    run = jax.jit(lambda x: rotate(x, rotary_angles(size, channels)))
    queries, keys = (np.asarray(run(x * everywhere))[0, :, 0] for x in (query, key))
    products = np.einsum("nd,md->nm", queries, keys).reshape(*size, *size)
    found = [products[y, x, y + 2, x + 1] for y in range(2) for x in range(4)]
    np.testing.assert_allclose(found, found[0], rtol=1e-4)
    assert np.ptp(products) > 0.1


def test_heads_of_other_widths_are_refused():
    with pytest.raises(ValueError, match="channels=6 is invalid: expected a multiple"):
        rotary_angles((2, 2), 6)
