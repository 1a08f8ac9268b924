"""Overlap counts, and the grid they leave in noise."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg.analysis.atrous.checkerboard import (
    grid_energy,
    overlap,
    overlap_phases,
    phase_energy,
    spectrum,
    unevenness,
)
from jaxseg.ops.conv import conv
from jaxseg.ops.resize import resize
from jaxseg.ops.transposed import conv_transpose

PHASES = {
    (3, 2): (2, 1),
    (5, 2): (3, 2),
    (6, 4): (2, 2, 1, 1),
    (7, 2): (4, 3),
    (4, 2): (2, 2),
    (8, 4): (2,) * 4,
    (16, 8): (2,) * 8,
    (32, 16): (2,) * 16,
    (64, 32): (2,) * 32,
    (2, 2): (1, 1),
    (3, 3): (1, 1, 1),
    (4, 4): (1,) * 4,
}


@pytest.mark.parametrize(("kernel", "stride"), PHASES)
def test_interior_phases(kernel, stride):
    assert overlap_phases(kernel, stride) == PHASES[kernel, stride]
    counts = overlap(9, kernel, stride)
    middle = counts[4 * stride : 5 * stride]
    assert tuple(middle) == PHASES[kernel, stride]


def test_two_axes_multiply():
    assert unevenness(3, 2) == 4 and unevenness(5, 2) == pytest.approx(9 / 4)
    assert unevenness(4, 2) == 1 and unevenness(1, 2) == np.inf


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding", "extra"),
    [(5, 3, 2, 1, 1), (4, 4, 2, 1, 0), (3, 6, 4, 0, 0), (4, 2, 3, 0, 1)],
)
def test_transposed_convolution_of_ones(size, kernel, stride, padding, extra):
    ones, weights = jnp.ones((1, size, size, 1)), jnp.ones((kernel, kernel, 1, 1))
    maps = conv_transpose(
        ones, weights, stride=stride, padding=padding, output_padding=extra, impl="lax"
    )[0, :, :, 0]
    counts = overlap(size, kernel, stride, padding=padding, output_padding=extra)
    np.testing.assert_allclose(maps, np.outer(counts, counts), atol=1e-5)


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(0).normal(size=(4, 24, 24, 8)).astype(np.float32)


def weights(*shape):
    return np.random.default_rng(1).normal(size=shape).astype(np.float32)


def test_random_transposed_convolution_shows_its_overlap(noise):
    maps = conv_transpose(noise, weights(3, 3, 8, 64), stride=2, impl="lax")
    energy = phase_energy(maps[:, 2:-2, 2:-2], 2)
    want = np.outer((2, 1), (2, 1)) / 2.25
    np.testing.assert_allclose(energy, want, rtol=0.15)


def test_resize_convolution_has_no_such_phases(noise):
    large = resize(noise, (48, 48), method="nearest")
    maps = conv(large, weights(3, 3, 8, 64), padding=1)
    inner = np.asarray(maps)[:, 2:-2, 2:-2]
    even = phase_energy(inner, 2)
    assert even.max() / even.min() < 1.25


def test_grid_energy():
    random = np.random.default_rng(2)
    white = random.normal(size=(64, 48, 48, 1))
    assert grid_energy(white, 2) == pytest.approx(1, abs=0.2)
    grid = np.indices((48, 48)).sum(0) % 2
    assert grid_energy(white + 2 * grid[:, :, None], 2) > 100
    ramp = np.sin(np.linspace(0, 2 * np.pi, 48, endpoint=False))
    assert grid_energy(np.outer(ramp, ramp), 2) < 1e-12
    with pytest.raises(ValueError, match="periodic pattern"):
        grid_energy(np.ones((8, 8)), 2)


def test_spectrum_of_a_wave():
    wave = np.cos(2 * np.pi * 3 * np.arange(16) / 16)
    power = spectrum(np.tile(wave, (16, 1)) + 5)
    assert power[8, 8] == pytest.approx(0, abs=1e-9)
    assert set(map(tuple, np.argwhere(power > 1))) == {(8, 5), (8, 11)}
