"""Traces the outlines of regions of a label map along the edges of their pixels."""

from __future__ import annotations

import numpy as np

from jaxseg.data.polygons.annotation import Ring

_STEPS = ((0, 1), (1, 0), (0, -1), (-1, 0))  # Right, down, left and up.


def trace_rings(mask: np.ndarray) -> list[Ring]:
    """Traces the outlines of the regions of a mask.

    `fill_rings(trace_rings(mask), mask.shape)` is exactly the mask.

    Args:
      mask: Booleans [H, W]. Pixels that touch only at a corner are not connected.

    Returns:
      Rings of (x, y) corners in pixels. In image coordinates, the region is on the
      right side of each ring: outlines run clockwise, and outlines of holes run
      counterclockwise. Corners on a straight line are left out.
    """
    following = _edges(np.asarray(mask, bool))
    rings = []
    while following:
        start = next(iter(following))
        rings.append(_follow(following, *start))
    return rings


def _edges(mask: np.ndarray) -> dict[tuple[tuple[int, int], int], None]:
    """Returns the edges between the mask and its outside as (corner, direction)."""
    padded = np.pad(mask, 1)
    inner = padded[1:-1, 1:-1]
    neighbors = (  # Each with the corner at which its edge starts.
        (padded[:-2, 1:-1], (0, 0), 0),  # Above, where the edge runs to the right.
        (padded[1:-1, 2:], (0, 1), 1),
        (padded[2:, 1:-1], (1, 1), 2),
        (padded[1:-1, :-2], (1, 0), 3),
    )
    found: dict[tuple[tuple[int, int], int], None] = {}
    for neighbor, (down, across), direction in neighbors:
        for row, column in np.argwhere(inner & ~neighbor).tolist():
            found[(row + down, column + across), direction] = None
    return found


def _follow(following: dict, corner: tuple[int, int], direction: int) -> Ring:
    """Removes one ring from the edges and returns its corners."""
    first, ring = (corner, direction), []
    while True:
        del following[corner, direction]
        step = _STEPS[direction]
        corner = (corner[0] + step[0], corner[1] + step[1])
        # Where two regions touch at a corner, turning right stays at the same region.
        turns = [(direction + turn) % 4 for turn in (1, 0, 3)]
        after = next((t for t in turns if (corner, t) in following), None)
        if after is None:  # Only the first edge can close the ring.
            after = first[1]
        if after != direction:
            ring.append((float(corner[1]), float(corner[0])))
        if corner == first[0] and after == first[1]:
            return tuple(ring)
        direction = after
