"""Closed forms of linear chains: against counting, and against random weights."""

import itertools

import numpy as np
import pytest

from jaxseg.analysis.atrous.closed_forms import (
    chain_theory,
    expected_response,
    product_coefficients,
    sampled_response,
)
from jaxseg.analysis.atrous.gridding import evenness, gridding_of, path_counts, sigma


@pytest.mark.parametrize("kernel", [2, 3, 4])
def test_closed_forms_are_the_counted_values(kernel):
    for length in (1, 2, 3):
        for rates in itertools.product((1, 2, 3, 7), repeat=length):
            counts = path_counts(rates, kernel)
            np.testing.assert_array_equal(product_coefficients(rates, kernel), counts)
            theory, counted = chain_theory(rates, kernel), gridding_of(rates, kernel)
            assert (theory.field, theory.touched) == (counted.field, counted.touched)
            assert theory.coverage == pytest.approx(counted.coverage**0.5)
            assert theory.evenness == pytest.approx(evenness(rates, kernel, axes=1))
            assert theory.sigma == pytest.approx(sigma(rates, kernel))
            np.testing.assert_allclose(
                expected_response(rates, kernel), counts / kernel**length
            )


def test_coefficients_are_exact_beyond_64_bits():
    """The middle coefficient of (1 + z + z^2)^50 is the central trinomial number."""
    counts = product_coefficients((1,) * 50)
    assert sum(counts) == 3**50 > 2**64
    # sum over j of 50! / (j! j! (50 - 2j)!), which chooses j steps in each direction
    central, term = 0, 1
    for j in range(26):
        central += term
        term = term * (50 - 2 * j) * (49 - 2 * j) // (j + 1) ** 2
    assert counts[50] == max(counts) == central


def test_random_weights_approach_the_expected_response():
    """The mean of n squares deviates by less than 5 standard errors."""
    rates, draws = (1, 2, 5), 4000
    expected = expected_response(rates)
    found = sampled_response(rates, draws=draws, seed=3)
    assert found.shape == expected.shape == (17,)
    # A product of three squared normal variables has a relative variance of 26.
    error = np.abs(found - expected) / expected * np.sqrt(draws / 26)
    assert error.max() < 5
    assert found.sum() == pytest.approx(1, rel=0.1)
    assert not sampled_response((2, 2), draws=2)[1::2].any()


def test_wrong_chains_are_refused():
    for rates, kernel in (((), 3), ((0,), 3), ((1,), 1)):
        with pytest.raises(ValueError, match="is invalid: expected one or more"):
            chain_theory(rates, kernel)
