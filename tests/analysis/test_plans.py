"""The search for rates: nothing missed, nothing wrong, the question answered."""

import itertools

import pytest

from jaxseg.analysis.atrous.gridding import evenness, field_size, hole_free
from jaxseg.analysis.atrous.plans import describe, needed_cells, recommend, search


def test_search_finds_exactly_the_plans_of_brute_force():
    want = {
        rates
        for rates in itertools.combinations_with_replacement(range(1, 12), 3)
        if hole_free(rates) and 19 <= field_size(rates) <= 24
    }
    found = search(19, depth=3, excess=24 / 19)
    assert set(found) == want and len(found) == len(want) > 3
    scores = [round(evenness(rates), 12) for rates in found]
    assert scores == sorted(scores, reverse=True)
    assert set(search(19, depth=3, excess=24 / 19, max_rate=6)) == {
        rates for rates in want if max(rates) <= 6
    }


def test_rates_for_a_map_of_65():
    plans = recommend(513, size=65, output_stride=8)
    assert {len(plan.rates) for plan in plans} == {4, 5, 6}
    for plan in plans:
        assert plan.field >= 513 and plan.coverage == 1 and hole_free(plan.rates)
        assert plan.field == 1 + 8 * (plan.cells - 1)
        assert max(plan.rates) <= 32
    assert plans[0].rates == (1, 3, 9, 27) and plans[0].evenness == 1
    assert plans[1].cells == 65  # the tightest of the next


def test_what_the_features_see_counts():
    assert needed_cells(513, output_stride=8) == 65
    assert needed_cells(513, output_stride=8, base=483) == 5
    assert needed_cells(100, output_stride=8, base=483) == 1
    plan = recommend(513, output_stride=8, base=483, depth=2, count=1)[0]
    assert plan.field >= 513 and plan.cells == 5 and plan.rates == (1, 1)


def test_describe_and_errors():
    plan = describe((2, 2, 2), size=65, output_stride=16)
    assert plan.coverage == pytest.approx(49 / 169)
    assert plan.valid == pytest.approx(((3 - 4 / 65) / 3) ** 2)
    with pytest.raises(ValueError, match="kernel size 3 is 4"):
        recommend(513, output_stride=8, depth=3)
