"""The page for trying rates computes what `jaxseg.analysis` computes."""

import json

import numpy as np
import pytest

from jaxseg import analysis
from jaxseg.lab.explorer import explorer_page
from tests import browser

PLANS = [((2, 2, 2), 3), ((1, 2, 5), 3), ((6, 12, 18), 3), ((1, 2, 9), 5), ((4,), 2)]
ASK = """
  (([rows, columns, kernel, size, mode]) => {
    const found = (mode === "stack" ? stack : parallel)(rows, columns, kernel, size);
    const response = [0, 0.1, 0.3, 0.5].map(f => found.response(f)[0]);
    return JSON.stringify({...found, response});
  })(%s)
"""


def asked(tab, rows, columns=None, *, kernel=3, size=65, mode="stack"):
    """What the page computes for some layers."""
    words = json.dumps([rows, columns or rows, kernel, size, mode])
    return json.loads(tab.value(ASK % words))


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    browser.program()
    folder = tmp_path_factory.mktemp("explorer")
    (folder / "explore.html").write_text(explorer_page("2,2,2"), encoding="utf-8")
    with browser.served(folder) as address, browser.tab(folder / "profile") as opened:
        opened.send("Page.navigate", url=f"{address}/explore.html")
        opened.wait_for("document.getElementById('cards')?.children.length > 0", True)
        yield opened


def test_numbers_are_those_of_the_analysis(tab):
    for rates, kernel in PLANS:
        found = asked(tab, rates, kernel=kernel)
        expected = analysis.gridding_of(rates, kernel)
        counts = analysis.path_counts(rates, kernel)
        _, response = analysis.stack_response(rates, (1 / kernel,) * kernel, points=11)
        assert found["field"] == [expected.field] * 2
        assert found["gap"] == [expected.gap] * 2
        assert found["m2"] == [expected.m2] * 2
        assert found["coverage"] == pytest.approx(expected.coverage)
        assert found["evenness"] == pytest.approx(expected.evenness)
        assert found["sigma"] == pytest.approx([expected.sigma] * 2)
        np.testing.assert_array_equal(found["counts"], np.outer(counts, counts))
        np.testing.assert_allclose(
            found["response"], response[[0, 2, 6, 10]], atol=1e-12
        )
        shares = [analysis.valid_fraction(65, kernel, rate) for rate in rates]
        assert found["valid"] == pytest.approx(shares)


def test_rows_and_columns_may_differ(tab):
    found = asked(tab, [1, 2], [2, 2])
    expected = np.outer(analysis.path_counts((1, 2)), analysis.path_counts((2, 2)))
    np.testing.assert_array_equal(found["counts"], expected)
    assert found["coverage"] == pytest.approx((expected > 0).mean())


def test_branches_are_those_of_aspp(tab):
    found = asked(tab, [6, 12, 18], mode="parallel")
    branches = [(6,), (12,), (18,)]
    assert found["coverage"] == pytest.approx(analysis.union_coverage(branches))
    assert np.sum(found["counts"]) == 3 * 9
    assert found["counts"][18][18] == 3
    # The response of one branch is 1/3 + 2/3 cos(2 pi r f).
    waves = np.cos(2 * np.pi * np.outer([0, 0.1, 0.3, 0.5], [6, 12, 18]))
    np.testing.assert_allclose(
        found["response"], np.abs((1 / 3 + 2 / 3 * waves).mean(1)), atol=1e-12
    )


def test_the_form_changes_the_page_and_refuses_wrong_rates(tab):
    type_in = """(([id, text]) => {
      const input = document.getElementById(id);
      input.value = text;
      input.dispatchEvent(new Event("input", {bubbles: true}));
    })(%s)"""
    text = "document.getElementById('%s').textContent"
    assert tab.value(text % "verdict") == (
        "This stack reads 29.0 % of the cells of its field."
    )
    tab.value(type_in % json.dumps(["rates", "1,2,5"]))
    assert tab.value(text % "verdict") == "This stack reads every cell of its field."
    assert tab.value("document.getElementById('map').width") == 17
    assert "rates=1%2C2%2C5" in tab.value("location.hash")
    tab.value(type_in % json.dumps(["rates", "1,0"]))
    assert tab.value(text % "problem") == (
        "Rates: expected numbers from 1 to 9999, such as 1,2,5."
    )
    tab.value(type_in % json.dumps(["rates", "600,600"]))
    assert "at most 1025 cells, but these give 2401" in tab.value(text % "problem")
    tab.value("document.querySelector('[data-mode=parallel]').click()")
    assert tab.value("document.getElementById('map').width") == 37
    tab.send(
        "Emulation.setDeviceMetricsOverride",
        width=360,
        height=740,
        deviceScaleFactor=1,
        mobile=True,
    )
    assert tab.value("document.documentElement.scrollWidth") <= 360
