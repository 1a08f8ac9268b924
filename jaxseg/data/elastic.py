"""Deforms an image and its label elastically.

This is the augmentation of U-Net (arXiv 1505.04597, section 3.1). Displacements are
drawn on a coarse grid over the image and interpolated to every pixel with cubic splines
("bicubic" in the paper). Image and label are mirrored at the border, so that no pixel
becomes void.
"""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.ndimage import map_coordinates

GRID = 3  # Nodes per side. The outer nodes are at the borders of the image.


def sample_nodes(rng: np.random.Generator, sigma: float) -> np.ndarray:
    """Samples the displacements of the 3x3 grid nodes from a normal distribution.

    Args:
      rng: The random number generator.
      sigma: The standard deviation in pixels.

    Returns:
      The displacements in pixels, [2, 3, 3]: first those along rows (y), then those
      along columns (x).
    """
    return rng.normal(0.0, sigma, (2, GRID, GRID))


def displacement(nodes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Interpolates the displacements of the 3x3 grid nodes to every pixel.

    The interpolation is a tensor product of natural cubic splines through the nodes.

    Args:
      nodes: The displacements of the grid nodes, [2, 3, 3] in pixels.
      size: The (H, W) of the image.

    Returns:
      The displacements of all pixels, [2, H, W] in pixels.
    """
    rows, columns = (_weights(side, nodes.shape[-1]) for side in size)
    return np.einsum("hi,cij,wj->chw", rows, nodes, columns)


def deform(
    image: np.ndarray, label: np.ndarray, field: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Deforms an image and its label.

    The result at each pixel is the input at the position `pixel + field`. The image is
    interpolated bilinearly there, and the label is read at the nearest pixel.

    Args:
      image: [H, W, C] of any number type.
      label: Integers [H, W].
      field: The displacements [2, H, W] in pixels.

    Returns:
      The deformed image and label.

    Raises:
      ValueError: If the field and the label differ in size.
    """
    if field.shape != (2, *label.shape):
        raise ValueError(
            f"field.shape={field.shape} is invalid: expected "
            f"{(2, *label.shape)}, a vertical and a horizontal displacement for each "
            "pixel of the label."
        )
    places = np.indices(label.shape) + field
    channels = [
        map_coordinates(channel, places, np.float32, order=1, mode="mirror")
        for channel in np.moveaxis(image, -1, 0)
    ]
    moved = np.stack(channels, -1)
    if image.dtype.kind == "u":
        moved = np.floor(moved + 0.5).astype(image.dtype)
    return moved, map_coordinates(label, places, order=0, mode="mirror")


def _weights(side: int, nodes: int) -> np.ndarray:
    """Returns the weight of each node at each of `side` pixels, [side, nodes]."""
    spline = CubicSpline(np.arange(nodes), np.eye(nodes), bc_type="natural")
    return spline(np.linspace(0, nodes - 1, side))
