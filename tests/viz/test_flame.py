"""The flame: boxes add up, stand over their parts, and show their colors."""

import numpy as np
import pytest

from jaxseg.viz import charts
from jaxseg.viz.flame import Flame, boxes

COSTS = {"a/x/1": 1.0, "a/x/2": 2.0, "a/y": 3.0, "b": 2.0, "a/x/3": 0.0}


def test_boxes_are_sums_and_stand_over_their_parts():
    found = {"/".join(box.path): box for box in boxes(COSTS)}
    assert found["a"].share == pytest.approx(6 / 8) and found["a"].start == 0
    assert found["a/x"].share == pytest.approx(3 / 8)
    assert found["a/y"].start == pytest.approx(3 / 8)
    assert found["b"].start == pytest.approx(6 / 8)
    assert found["a/x/2"].start == pytest.approx(1 / 8)
    for name, box in found.items():
        parts = [b for n, b in found.items() if n.rpartition("/")[0] == name]
        if parts:
            assert sum(p.share for p in parts) == pytest.approx(box.share)
            assert min(p.start for p in parts) == box.start


def test_depth_cuts_the_names():
    assert {box.path for box in boxes(COSTS, depth=1)} == {("a",), ("b",)}


def test_a_cost_of_its_own_beside_parts():
    found = {box.path: box for box in boxes({"a": 1.0, "a/x": 3.0})}
    assert found["a",].share == 1 and found["a", "x"].share == pytest.approx(0.75)


def test_the_graph_shows_boxes_in_rows_with_texts_that_fit():
    chart = Flame({**COSTS, "tiny": 1e-5}, title="t", unit="GFLOP")
    axes = charts.figure(chart, chart.layout).axes[0]
    boxes_by_row = {}
    for box in axes.patches:
        row = round(box.get_y() + 0.5)
        boxes_by_row.setdefault(row, []).append((box.get_x(), box.get_width()))
    assert boxes_by_row[0] == [(0, pytest.approx(8, abs=1e-3))]
    np.testing.assert_allclose(boxes_by_row[1], [(0, 6), (6, 2)], atol=1e-3)
    assert len(boxes_by_row[2]) == 2  # Of a; b has no parts, and tiny is left out.
    a, b = (axes.patches[i].get_facecolor() for i in (1, -1))
    assert a != b and a == axes.patches[2].get_facecolor()
    assert "b  2 GFLOP" in [text.get_text() for text in axes.texts]
    assert axes.get_xlabel() == "cost [GFLOP]"


def test_nothing_to_show():
    with pytest.raises(ValueError, match="not all zero"):
        boxes({"a": 0.0})
