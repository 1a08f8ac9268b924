"""The flame: boxes add up, stand over their parts, and show their colors."""

import numpy as np
import pytest

from jaxseg.viz.flame import boxes, flame

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


def test_the_picture_shows_the_shares():
    picture = flame(COSTS, width=800, title="t", unit="GFLOP")
    line = picture[30 + 19 + 2, 10:810].astype(int)  # top of the row of a and b
    left, right = line[50], line[750]
    assert (left != right).any()
    assert (line == left).all(-1).sum() == pytest.approx(600, abs=4)
    assert (line == right).all(-1).sum() == pytest.approx(200, abs=4)
    below = picture[30 + 2 * 19 + 2, 10:810]
    assert (below[650:] == 255).all()  # b has no parts
    assert np.array_equal(below[100], left)


def test_nothing_to_show():
    with pytest.raises(ValueError, match="not all zero"):
        flame({"a": 0.0})
