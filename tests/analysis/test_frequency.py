"""Frequency response: of rates by formula, of functions by their impulse."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg.analysis.atrous.frequency import (
    frequency_response,
    impulse_response,
    passband_copies,
    stack_response,
)
from jaxseg.analysis.atrous.gridding import path_counts
from jaxseg.ops.conv import conv


def test_response_is_the_spectrum_of_the_path_counts():
    rates = (1, 2, 5)
    frequency, response = stack_response(rates, points=129)
    paths = path_counts(rates)
    place = np.arange(paths.size)
    waves = np.exp(-2j * np.pi * frequency[:, None] * place)
    np.testing.assert_allclose(
        response, np.abs(waves @ paths) / paths.sum(), atol=1e-12
    )
    assert response[0] == 1


@pytest.mark.parametrize("rate", [2, 3, 4])
def test_a_common_rate_repeats_the_response(rate):
    """At multiples of 1 / rate the stack passes everything: the gridding frequencies."""
    frequency, response = stack_response((rate, rate), points=2 * 12 * 5 + 1)
    at = [response[np.isclose(frequency, k / rate)] for k in range(rate // 2 + 1)]
    assert np.allclose(at, 1)
    assert passband_copies((rate, rate)) == rate // 2 + 1
    assert passband_copies((1, rate)) == 1


def test_impulse_of_a_stack_is_its_path_counts():
    ones = jnp.ones((3, 3, 1, 1))
    fn = lambda x: conv(conv(x, ones, padding=1), ones, rate=2, padding=2) + 3
    found = impulse_response(fn, (9, 9))
    paths = path_counts((1, 2))
    np.testing.assert_allclose(found, np.pad(np.outer(paths, paths), 1), atol=1e-5)
    spectrum = frequency_response(fn, (9, 9))
    assert spectrum[4, 4] == pytest.approx(81)  # zero frequency: the sum of weights
    assert spectrum.max() == pytest.approx(81)
