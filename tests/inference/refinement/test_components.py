"""Small regions and holes, compared with flood fills in plain Python."""

import numpy as np
import pytest

from jaxseg.inference.refinement.components import (
    fill_holes,
    remove_small,
    without_holes,
    without_small,
)

STEPS = {4: [(0, 1), (1, 0), (0, -1), (-1, 0)]}
STEPS[8] = STEPS[4] + [(1, 1), (1, -1), (-1, 1), (-1, -1)]


def regions(mask, connectivity):
    """The regions of a mask, each as a list of pixels, by a flood fill."""
    left, found = set(map(tuple, np.argwhere(mask))), []
    while left:
        queue = [left.pop()]
        for y, x in queue:
            for down, right in STEPS[connectivity]:
                other = (y + down, x + right)
                if other in left:
                    left.remove(other)
                    queue.append(other)
        found.append(queue)
    return found


def slow_small(mask, size, connectivity):
    kept = np.zeros_like(mask)
    for region in regions(mask, connectivity):
        if len(region) >= size:
            kept[tuple(np.transpose(region))] = True
    return kept


def slow_filled(mask, size, connectivity):
    filled, (height, width) = mask.copy(), mask.shape
    for region in regions(~mask, connectivity):
        inside = all(0 < y < height - 1 and 0 < x < width - 1 for y, x in region)
        if inside and len(region) <= size:
            filled[tuple(np.transpose(region))] = True
    return filled


@pytest.fixture(scope="module")
def maps():
    random = np.random.default_rng(0)
    return [
        random.choice(classes, (rows, 11), p=None).astype(np.int32)
        for classes in ([0, 1], [0, 0, 0, 1], [4, 2, 0, 2, 2, 2])
        for rows in (1, 7, 12)
    ]


@pytest.mark.parametrize("connectivity", [4, 8])
def test_masks_are_those_of_a_flood_fill(maps, connectivity):
    for labels in maps:
        for size in (1, 2, 4, 9):
            mask, how = labels == 0, {"connectivity": connectivity}
            expected = slow_small(mask, size, connectivity)
            assert (without_small(mask, size, **how) == expected).all()
            expected = slow_filled(mask, size, connectivity)
            assert (without_holes(mask, size, **how) == expected).all()


@pytest.mark.parametrize("connectivity", [4, 8])
def test_removed_pixels_take_the_class_of_a_nearest_pixel_that_remains(
    maps, connectivity
):
    for labels in maps:
        for size in (2, 5, 1000):
            kept = np.zeros(labels.shape, bool)
            for k in np.unique(labels):
                kept |= slow_small(labels == k, size, connectivity)
            found = remove_small(labels, size, connectivity=connectivity)
            if not kept.any():
                assert (found == labels).all()
                continue
            remaining = np.argwhere(kept)
            for y, x in np.ndindex(labels.shape):
                square = ((remaining - (y, x)) ** 2).sum(1)
                nearest = remaining[square == square.min()]
                assert found[y, x] in labels[tuple(nearest.T)]


@pytest.mark.parametrize("connectivity", [4, 8])
def test_holes_are_filled_class_by_class(maps, connectivity):
    for labels in maps:
        expected = labels.copy()
        for k in range(5):
            mask = slow_filled(expected == k, 3, connectivity)
            if (labels == k).any():
                expected[mask] = k
        found = fill_holes(labels, 3, connectivity=connectivity)
        assert (found == expected).all() and found.dtype == labels.dtype


def test_a_diagonal_line_is_a_hole_only_with_four_neighbors():
    line = np.eye(5, dtype=np.int32)
    assert (fill_holes(line, 1, connectivity=8) == line).all()
    assert fill_holes(line, 1, connectivity=4).sum() == 2  # at the corners
    with pytest.raises(ValueError, match="connectivity=6 is invalid: expected 4 or 8"):
        fill_holes(line, 1, connectivity=6)
