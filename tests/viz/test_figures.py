"""Figures: the pixels say what the numbers say."""

import numpy as np
import pytest

from jaxseg.viz.figures import (
    bars,
    beside,
    curves,
    heat_map,
    number,
    samples,
    scatter,
    viridis,
)

DARK, BRIGHT = (68, 1, 84), (253, 231, 37)


def colors(picture):
    return set(map(tuple, picture.reshape(-1, 3).tolist()))


def test_viridis_runs_from_dark_to_bright():
    assert viridis(np.array([0.0, 1.0])).tolist() == [list(DARK), list(BRIGHT)]
    brightness = viridis(np.linspace(0, 1, 50)).astype(int) @ [2, 7, 1]
    assert (np.diff(brightness) > 0).all()
    assert viridis(np.array([np.nan])).tolist() == [[128, 128, 128]]


def test_heat_map_repeats_cells_without_blending():
    picture = heat_map(np.array([[0.0, 1.0], [1.0, np.nan]]), size=100)
    inside = picture[30:130, 10:110]
    assert tuple(inside[10, 10]) == DARK and tuple(inside[10, 90]) == BRIGHT
    assert tuple(inside[90, 10]) == BRIGHT and tuple(inside[90, 90]) == (128, 128, 128)
    assert len(colors(inside)) == 3


def test_heat_map_of_one_value_and_of_powers():
    flat = heat_map(np.ones((3, 3)), size=30, low=0)[30:60, 10:40]
    assert colors(flat) == {BRIGHT}
    steps = heat_map(np.array([[1.0, 1e-3, 1e-9]]), size=30, log=True)[30:40, 10:40]
    middle = viridis(np.array(0.5))
    assert tuple(steps[5, 5]) == BRIGHT and tuple(steps[5, 25]) == DARK
    np.testing.assert_allclose(steps[5, 15], middle, atol=1)
    with pytest.raises(ValueError, match="matrix"):
        heat_map(np.zeros(3))


def test_a_higher_curve_is_drawn_higher():
    series = {"low": ([0, 1], [1, 1]), "high": ([0, 1], [3, 3])}
    picture = curves(series, size=(200, 300))
    assert picture.shape == (200, 300, 3)
    column = picture[31:150, 80]
    colored = np.flatnonzero(column.max(-1) - column.min(-1) > 60)
    assert colored.min() < 5  # the upper line runs along the top
    assert 70 < colored.max() < 85  # the lower at a third of the height
    with pytest.raises(ValueError, match="at least one"):
        curves({})


def test_bars_are_as_long_as_their_numbers():
    picture = bars({"a": 1.0, "b": 4.0}, width=400)
    blue = (picture == (49, 104, 142)).all(-1)
    lengths = [blue[30 + 16 * i + 6].sum() for i in (0, 1)]
    assert lengths[1] / lengths[0] == pytest.approx(4, rel=0.03)
    with pytest.raises(ValueError, match="numbers that are not negative"):
        bars({"a": -1.0})


def test_beside_keeps_every_picture():
    one, two = np.zeros((10, 20, 3), np.uint8), np.full((30, 5, 3), 7, np.uint8)
    both = beside([one, two, one], columns=2)
    assert both.shape == (40, 25, 3)
    np.testing.assert_array_equal(both[:10, :20], one)
    np.testing.assert_array_equal(both[:30, 20:], two)
    np.testing.assert_array_equal(both[30:, :20], one)
    assert (both[10:30, :20] == 255).all()


def test_numbers():
    assert [number(x) for x in (0, 1234, 0.25, 3.14159, 5.1e-7)] == [
        "0",
        "1,234",
        "0.25",
        "3.142",
        "5.1e-07",
    ]


DOT = (49, 104, 142)


def dots(picture):
    """Rows and columns of the dots' pixels."""
    return np.argwhere((picture == DOT).all(-1))


def test_samples_stand_in_their_rows_and_in_order():
    picture = samples({"low": [0.0, 0.1], "high": [1.0]})
    place = dots(picture)
    first, second = place[place[:, 0] < 48], place[place[:, 0] >= 48]
    assert len(first) and len(second)
    assert first[:, 1].max() < second[:, 1].min() - 200
    assert len(second) * 1.5 < len(first)  # two dots against one
    with pytest.raises(ValueError, match="lists that are not empty"):
        samples({"a": []})


def test_scatter_places_scores_over_the_axis():
    picture = scatter({"a": (0.1, [0.2, 0.4]), "b": (0.9, [0.9])}, x_label="x")
    place = dots(picture)
    left, right = place[place[:, 1] < 260], place[place[:, 1] >= 260]
    assert right[:, 0].max() < left[:, 0].min()  # higher
    assert len(right) * 1.5 < len(left)
    with pytest.raises(ValueError, match="at least one"):
        scatter({})
