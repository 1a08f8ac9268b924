"""Grids of windows: coverage, order and the boxes of each window."""

import numpy as np
import pytest

from jaxseg.inference.windows.grid import (
    Box,
    Grid,
    Span,
    sliding_grid,
    window_starts,
)


def covered(grid):
    """Counts the keep boxes over each pixel."""
    count = np.zeros(grid.size, int)
    for window in grid:
        top, left, bottom, right = window.keep
        assert 0 <= top < bottom <= grid.size[0] and 0 <= left < right <= grid.size[1]
        assert window.read.size == grid.window
        count[top:bottom, left:right] += 1
    return count


@pytest.mark.parametrize("size", [(40, 56), (41, 57), (7, 60), (24, 16)])
@pytest.mark.parametrize(("window", "stride"), [((24, 16), (10, 16)), ((9, 9), (3, 4))])
def test_centers_take_each_pixel_once(size, window, stride):
    grid = sliding_grid(size, window, stride=stride, blend="center")
    assert (covered(grid) == 1).all()
    wide = sliding_grid(size, window, stride=stride)
    assert covered(wide).min() == 1
    assert [w.read for w in wide] == [w.read for w in grid]
    assert len(wide) == len(list(wide))


def test_centers_keep_away_from_the_borders_of_windows():
    grid = sliding_grid((100, 20), (40, 20), stride=(20, 20), blend="center")
    assert [span.keep for span in grid.rows] == [(0, 30), (30, 50), (50, 70), (70, 100)]


def test_margins_are_read_but_not_kept():
    grid = sliding_grid((20, 10), (12, 14), stride=(8, 10), output=(8, 10))
    assert grid.margin == (2, 2) and grid.output == (8, 10)
    first, *_, last = grid
    assert first.read == Box(-2, -2, 10, 12) and first.keep == Box(0, 0, 8, 10)
    assert last.read == Box(10, -2, 22, 12) and last.keep == Box(12, 0, 20, 10)


def test_window_starts_cover_and_stay_inside():
    for length in range(1, 30):
        for window in range(1, 12):
            for stride in range(1, window + 1):
                starts = window_starts(length, window, stride)
                seen = {i for s in starts for i in range(s, s + window)}
                assert set(range(length)) <= seen
                assert starts == sorted(set(starts))
                assert starts[-1] + window == max(length, window)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ((Span((0, 7), (0, 7)),), "read interval of 8 pixels"),
        ((Span((0, 8), (0, 9)),), "pixels inside the read interval"),
        ((Span((0, 8), (0, 4)), Span((4, 12), (5, 10))), "start at 4 or before"),
        ((Span((0, 8), (0, 8)),), "cover 0 to 10"),
        ((Span((0, 8), (0, 8)), Span((2, 10), (2, 10))), "do not overlap"),
    ],
)
def test_bad_spans_are_named(rows, message):
    columns = (Span((0, 8), (0, 8)),)
    with pytest.raises(ValueError, match=message):
        Grid((10, 8), (8, 8), rows=rows, columns=columns, blend="center")


def test_bad_options_are_named():
    with pytest.raises(ValueError, match=r"stride=.* is invalid"):
        sliding_grid((20, 20), (8, 8), stride=(9, 8))
    with pytest.raises(ValueError, match="blend='mean' is invalid"):
        sliding_grid((20, 20), (8, 8), stride=(8, 8), blend="mean")
