"""Coverage, HDC's rule and path counts: the published numbers, and brute force."""

import itertools

import numpy as np
import pytest

from jaxseg.analysis.atrous.gridding import (
    coverage,
    evenness,
    gridding_of,
    hdc_m2,
    hole_free,
    longest_gap,
    minimal_depth,
    minimal_kernel,
    path_counts,
    sigma,
    touched,
    union_coverage,
)

# rates: M_2, field, touched along one axis, coverage of the square field
TABLE = {
    (1, 1, 1): (1, 7, 7, 1.00),
    (2, 2, 2): (2, 13, 7, 0.290),
    (4, 4, 4): (4, 25, 7, 0.078),
    (1, 2, 1): (3, 9, 9, 1.00),
    (1, 2, 3): (2, 13, 13, 1.00),
    (1, 2, 4): (2, 15, 15, 1.00),
    (2, 4, 8): (4, 29, 15, 0.268),
    (2, 4, 2): (6, 17, 9, 0.280),
    (4, 8, 16): (8, 57, 15, 0.069),
    (1, 2, 5): (2, 17, 17, 1.00),
    (1, 2, 9): (5, 25, 21, 0.706),
    (3, 4, 5): (4, 25, 21, 0.706),
    (1, 2, 5, 9): (2, 35, 35, 1.00),
    (5, 9, 17): (9, 63, 27, 0.184),
    (1, 3, 9): (3, 27, 27, 1.00),
    (2,) * 23 + (4,) * 3: (2, 117, 59, 0.254),
    (3, 6, 12, 18, 24): (6, 127, 43, 0.115),
}


def brute_paths(rates, kernel):
    counts = {}
    for taps in itertools.product(range(kernel), repeat=len(rates)):
        place = sum(t * r for t, r in zip(taps, rates, strict=True))
        counts[place] = counts.get(place, 0) + 1
    return [counts.get(i, 0) for i in range(max(counts) + 1)]


@pytest.mark.parametrize("rates", TABLE)
def test_published_table(rates):
    found = gridding_of(rates)
    m2, field, pixels, share = TABLE[rates]
    assert (found.m2, found.field, found.touched) == (m2, field, pixels)
    assert found.coverage == pytest.approx(share, abs=5e-4)
    assert found.rule == (m2 <= 3)
    assert found.hole_free == (pixels == field)


@pytest.mark.parametrize(
    ("rates", "kernel"), [((2, 2), 3), ((1, 4, 2), 4), ((3, 1), 2)]
)
def test_path_counts_by_enumeration(rates, kernel):
    want = np.array(brute_paths(rates, kernel))
    got = path_counts(rates, kernel)
    np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(touched(rates, kernel), want > 0)
    assert coverage(rates, kernel, axes=1) == (want > 0).mean()
    square = np.outer(want, want)
    assert evenness(rates, kernel) == pytest.approx(square.mean() / square.max())
    place = np.arange(want.size)
    mean = (place * want).sum() / want.sum()
    spread = np.sqrt(((place - mean) ** 2 * want).sum() / want.sum())
    assert sigma(rates, kernel) == pytest.approx(spread)


def test_full_coverage_is_first_rate_one_and_the_rule():
    """Sorted lists of 2 to 4 rates up to 12: 161 cover all, exactly those."""
    covering = 0
    for length in (2, 3, 4):
        for rates in itertools.combinations_with_replacement(range(1, 13), length):
            full = bool(touched(rates).all())
            assert full == (rates[0] == 1 and hdc_m2(rates) <= 3), rates
            assert full == hole_free(rates), rates
            covering += full
    assert covering == 161


def test_the_rule_alone_admits_gridding():
    assert hdc_m2((2, 2, 2)) <= 3 and coverage((2, 2, 2)) < 0.3
    for rates in ((2, 3, 4), (2, 2, 3), (3, 3, 4)):  # nor does a common factor decide
        assert np.gcd.reduce(rates) == 1
        assert hdc_m2(rates) <= 3 and not hole_free(rates)


@pytest.mark.parametrize("kernel", [2, 4, 5])
def test_hole_free_for_other_kernels(kernel):
    outcomes = set()
    for rates in itertools.product(range(1, 8), repeat=3):
        full = all(n > 0 for n in brute_paths(rates, kernel))
        assert hole_free(rates, kernel) == full
        outcomes.add(full)
    assert outcomes == {True, False}


def test_coverage_does_not_know_the_order_but_m2_does():
    assert coverage((1, 9, 2)) == coverage((1, 2, 9))
    assert hdc_m2((1, 9, 2)) != hdc_m2((1, 2, 9))


def test_least_kernel_and_depth():
    assert minimal_kernel((1, 2, 5)) == 3
    assert minimal_kernel((1, 2, 9)) == 4
    assert not hole_free((1, 2, 9), 3) and hole_free((1, 2, 9), 4)
    with pytest.raises(ValueError, match="a rate of 1 among them"):
        minimal_kernel((2, 4))
    assert [minimal_depth(n) for n in (1, 3, 4, 27, 65, 81, 82)] == [
        0,
        1,
        2,
        3,
        4,
        4,
        5,
    ]


def test_parallel_branches():
    point = ()
    assert union_coverage([(6,), (12,), (18,), point]) == pytest.approx(25 / 37**2)
    assert union_coverage([(12,), (24,), (36,), point]) == pytest.approx(25 / 73**2)
    assert union_coverage([(6,), (12,), (18,), (24,)]) == pytest.approx(33 / 49**2)


def test_gaps_and_errors():
    assert longest_gap(np.array([1, 0, 0, 1, 0, 1], bool)) == 2
    assert longest_gap(np.ones(3, bool)) == 0
    assert gridding_of((4, 4)).gap == 3
    with pytest.raises(ValueError, match="rates"):
        gridding_of((1, 0))
    with pytest.raises(ValueError, match="overflow"):
        path_counts((1,) * 60)
