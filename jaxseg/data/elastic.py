"""Elastic deformation of an image and its label (U-Net, arXiv 1505.04597, section 3.1).

Displacements are drawn on a coarse grid over the image and interpolated to every pixel
with cubic splines ("bicubic" in the paper). Beyond its border an image is mirrored, its
label too, so that no pixel becomes void.
"""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.ndimage import map_coordinates

GRID = 3  # nodes per side; the outer ones lie on the image's corners


def sample_nodes(rng: np.random.Generator, sigma: float) -> np.ndarray:
    """Displacements of the nodes, N(0, sigma) pixels: [2, 3, 3], rows first."""
    return rng.normal(0.0, sigma, (2, GRID, GRID))


def displacement(nodes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Displacement of every pixel of a (H, W) image, [2, 3, 3] -> [2, H, W].

    Tensor product of natural cubic splines through the nodes.
    """
    rows, columns = (_weights(side, nodes.shape[-1]) for side in size)
    return np.einsum("hi,cij,wj->chw", rows, nodes, columns)


def deform(
    image: np.ndarray, label: np.ndarray, field: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Image uint8 [H, W, 3] and label uint8 [H, W], read at `pixel + field`.

    The image is interpolated bilinearly, the label takes the nearest pixel.

    Raises:
      ValueError: If the field has another size.
    """
    if field.shape != (2, *label.shape):
        raise ValueError(f"field has shape {field.shape}, the label {label.shape}")
    places = np.indices(label.shape) + field
    channels = [
        map_coordinates(channel, places, np.float32, order=1, mode="mirror")
        for channel in np.moveaxis(image, -1, 0)
    ]
    moved = np.floor(np.stack(channels, -1) + 0.5).astype(np.uint8)
    return moved, map_coordinates(label, places, order=0, mode="mirror")


def _weights(side: int, nodes: int) -> np.ndarray:
    """Weight of each node at each of `side` pixels, [side, nodes]."""
    spline = CubicSpline(np.arange(nodes), np.eye(nodes), bc_type="natural")
    return spline(np.linspace(0, nodes - 1, side))
