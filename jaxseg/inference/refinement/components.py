"""Removes small regions from label maps, and fills small holes.

A region of a class is a connected set of its pixels. A hole of a class is a connected
set of pixels of other classes that does not touch the border of the image. With
`connectivity` 8, diagonal neighbors are connected, both in regions and in holes. With 4
they are not; a diagonal line of one pixel then consists of many small regions.
"""

from __future__ import annotations

import numpy as np


def remove_small(
    labels: np.ndarray, min_size: int, *, connectivity: int = 8
) -> np.ndarray:
    """Replaces regions of fewer than `min_size` pixels.

    Their pixels take the class of the nearest pixel (by Euclidean distance) in a region
    that is large enough. If no region is large enough, no label changes.

    Args:
      labels: The classes, integers [H, W].
      min_size: The smallest number of pixels of a region that is kept.
      connectivity: 4 or 8, the number of neighbors that connect a pixel to its region.

    Returns:
      The classes [H, W], of the same type.
    """
    small = np.zeros(labels.shape, bool)
    for k in np.unique(labels):
        mask = labels == k
        small |= mask & ~without_small(mask, min_size, connectivity=connectivity)
    if not small.any() or small.all():
        return labels
    from scipy import ndimage  # It loads slowly, and most predictions do not need it.

    nearest = ndimage.distance_transform_edt(
        small, return_distances=False, return_indices=True
    )
    return labels[tuple(nearest)]


def fill_holes(
    labels: np.ndarray, max_size: int, *, connectivity: int = 8
) -> np.ndarray:
    """Fills the holes of at most `max_size` pixels in the regions of every class.

    The classes are treated in the order of their indices.

    Args:
      labels: The classes, integers [H, W].
      max_size: The largest number of pixels of a hole that is filled.
      connectivity: 4 or 8, the number of neighbors that connect a pixel to its hole.

    Returns:
      The classes [H, W], of the same type.
    """
    filled = labels
    for k in np.unique(labels):
        mask = filled == k
        whole = without_holes(mask, max_size, connectivity=connectivity)
        filled = np.where(whole, k, filled).astype(labels.dtype)
    return filled


def without_small(
    mask: np.ndarray, min_size: int, *, connectivity: int = 8
) -> np.ndarray:
    """Returns a mask without its regions of fewer than `min_size` pixels.

    Args:
      mask: Booleans [H, W].
      min_size: The smallest number of pixels of a region that is kept.
      connectivity: 4 or 8, the number of neighbors that connect a pixel to its region.
    """
    number, sizes = _regions(mask, connectivity)
    return mask & (sizes >= min_size)[number]


def without_holes(
    mask: np.ndarray, max_size: int, *, connectivity: int = 8
) -> np.ndarray:
    """Returns a mask whose holes of at most `max_size` pixels are filled.

    A hole is a region outside of the mask that does not touch the border.

    Args:
      mask: Booleans [H, W].
      max_size: The largest number of pixels of a hole that is filled.
      connectivity: 4 or 8, the number of neighbors that connect a pixel to its hole.
    """
    number, sizes = _regions(~mask, connectivity)
    small = sizes <= max_size
    for border in (number[0], number[-1], number[:, 0], number[:, -1]):
        small[border] = False
    small[0] = False  # the number of the pixels of the mask
    return mask | small[number]


def _regions(mask, connectivity):
    """Returns the number of the region of each pixel, from 1, and all sizes."""
    if connectivity not in (4, 8):
        raise ValueError(f"connectivity={connectivity} is invalid: expected 4 or 8.")
    from scipy import ndimage

    shape = ndimage.generate_binary_structure(2, 1 if connectivity == 4 else 2)
    number, _ = ndimage.label(mask, structure=shape)
    return number, np.bincount(number.ravel())
