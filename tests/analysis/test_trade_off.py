"""The planner's trade-offs: against brute force, with another test of dominance."""

import itertools

import numpy as np
import pytest

from jaxseg.analysis.atrous.axis_plans import recommend_axes
from jaxseg.analysis.atrous.gridding import evenness, field_size, touched
from jaxseg.analysis.atrous.plans import recommend
from jaxseg.analysis.atrous.trade_off import (
    PlanLimits,
    exhaustive_plans,
    lists_of_rates,
    pareto_plans,
    stack_cost,
)
from jaxseg.analysis.atrous.valid_taps import valid_counts, valid_fraction


def brute_force(size, depth, kernel, cells=1):
    """(cost, field, valid share) of all undominated lists without holes."""
    points = []
    for layers in range(1, depth + 1):
        rates = range(1, size // 2 + 1)
        for each in itertools.combinations_with_replacement(rates, layers):
            field = field_size(each, kernel)
            if touched(each, kernel).all() and cells <= field <= 2 * size - 1:
                counts = [valid_counts(size, kernel, r).mean() for r in each]
                valid = np.mean(counts) / kernel**2
                points.append((layers * kernel**2, field, round(float(valid), 9)))

    def beats(a, b):
        no_worse = a[0] <= b[0] and a[1] >= b[1] and a[2] >= b[2]
        return no_worse and a != b

    return sorted({p for p in points if not any(beats(q, p) for q in points)})


@pytest.mark.parametrize(
    ("size", "depth", "kernel", "cells"), [(9, 3, 3, 1), (12, 3, 3, 9), (8, 2, 5, 1)]
)
def test_plans_are_those_of_brute_force(size, depth, kernel, cells):
    limits = PlanLimits(size, depth, kernel, cells)
    points = lambda plans: [
        (stack_cost(p.rates, kernel), p.cells, round(p.valid, 9)) for p in plans
    ]
    plans = pareto_plans(limits)
    want = brute_force(size, depth, kernel, cells)
    assert points(plans) == want and len(want) > 2
    assert points(exhaustive_plans(limits)) == want
    for plan in plans:
        assert plan.coverage == 1 and plan.cells == field_size(plan.rates, kernel)


def test_large_searches_are_not_tried():
    limits = PlanLimits(65, 4)
    assert lists_of_rates(limits) == 32 + 528 + 5984 + 52360
    assert exhaustive_plans(limits, most=1000) is None
    with pytest.raises(ValueError, match="expected size >= 1, depth >= 1"):
        PlanLimits(65, 0)


def test_rows_and_columns_have_their_own_rates():
    plans = recommend_axes((65, 193), size=(17, 33), output_stride=8, count=3)
    assert {len(plan.rates) for plan in plans} == {3, 4, 5}
    best = plans[0]
    assert best.rows.cells >= 9 and best.columns.cells >= 25
    assert max(best.rows.rates) <= 8 and max(best.columns.rates) <= 16
    both = [evenness(rates, axes=1) for rates in (best.rows.rates, best.columns.rates)]
    assert best.evenness == pytest.approx(both[0] * both[1])
    shares = [valid_fraction((17, 33), 3, pair) for pair in best.rates]
    assert best.valid == pytest.approx(np.mean(shares))
    # Equal sides give the plans of `recommend`.
    pairs = recommend_axes((129, 129), size=(33, 33), output_stride=8, count=1)
    square = recommend(129, size=33, output_stride=8, count=1)
    assert [pair.rows.rates for pair in pairs] == [plan.rates for plan in square]
    assert [pair.valid for pair in pairs] == pytest.approx([p.valid for p in square])
    with pytest.raises(ValueError, match="depth with kernel size 3 is 3"):
        recommend_axes((65, 193), output_stride=8, depth=2)


def test_valid_taps_of_unequal_rates():
    by_axis = valid_fraction(20, 3, (2, 6)) ** 2
    assert by_axis == pytest.approx(valid_fraction(20, 3, 2) * valid_fraction(20, 3, 6))
