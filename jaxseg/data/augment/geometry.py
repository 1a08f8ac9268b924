"""Moves the pixels of a crop and of its label: flips, rotations and deformations.

Consecutive augmentations of this kind are composed, so that the pixels are interpolated
only once.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np
from scipy.ndimage import map_coordinates

from jaxseg.data import elastic
from jaxseg.data.augment.entry import Drawn, GeometryEntry
from jaxseg.data.augment.parameters import choice, interval, number, whole


@dataclasses.dataclass(frozen=True, kw_only=True)
class Flip(GeometryEntry):
    """Mirrors the crop horizontally or vertically."""

    name: ClassVar[str] = "flip"

    axis: str = choice(
        "horizontal",
        "vertical",
        help="'horizontal' swaps left and right, 'vertical' swaps top and bottom.",
    )

    def draw(self, rng: np.random.Generator, size: tuple[int, int]) -> Drawn:
        return {"axis": self.axis}

    def origin(
        self, points: np.ndarray, drawn: Drawn, size: tuple[int, int]
    ) -> np.ndarray:
        rows, columns = points
        if self.axis == "vertical":
            return np.stack([size[0] - rows, columns])
        return np.stack([rows, size[1] - columns])

    def rearranged(self, array: np.ndarray, drawn: Drawn) -> np.ndarray:
        return array[::-1] if self.axis == "vertical" else array[:, ::-1]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rotate90(GeometryEntry):
    """Rotates the crop counterclockwise by 90, 180 or 270 degrees."""

    name: ClassVar[str] = "rotate90"
    square: ClassVar[bool] = True

    def draw(self, rng: np.random.Generator, size: tuple[int, int]) -> Drawn:
        return {"turns": int(rng.integers(1, 4))}

    def origin(
        self, points: np.ndarray, drawn: Drawn, size: tuple[int, int]
    ) -> np.ndarray:
        rows, columns = points
        for _ in range(drawn["turns"]):
            rows, columns = columns, size[0] - rows
        return np.stack([rows, columns])

    def rearranged(self, array: np.ndarray, drawn: Drawn) -> np.ndarray:
        return np.rot90(array, drawn["turns"])


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rotate(GeometryEntry):
    """Rotates the crop about its center."""

    name: ClassVar[str] = "rotate"

    degrees: float = number(
        10.0,
        0,
        180,
        help="The largest rotation angle in degrees. The angle is drawn uniformly, in "
        "both directions.",
    )

    def draw(self, rng: np.random.Generator, size: tuple[int, int]) -> Drawn:
        return {"degrees": rng.uniform(-self.degrees, self.degrees)}

    def origin(
        self, points: np.ndarray, drawn: Drawn, size: tuple[int, int]
    ) -> np.ndarray:
        return centered(points, rotation(drawn["degrees"]), size)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Affine(GeometryEntry):
    """Shears, resizes and rotates the crop about its center, and then moves it."""

    name: ClassVar[str] = "affine"

    scale: tuple[float, float] = interval(
        (1.0, 1.0),
        0.1,
        10,
        help="The lower and upper limit of the factor "
        "by which height and width are resized. The factor is drawn uniformly.",
    )
    degrees: float = number(
        0.0,
        0,
        180,
        help="The largest angle, in degrees, of the rotation in either direction.",
    )
    shear: float = number(
        0.0,
        0,
        80,
        help="The largest angle, in degrees, by which vertical lines are tilted.",
    )
    translate: float = number(
        0.0, 0, 1, help="The largest shift, as a fraction of each side of the crop."
    )

    def draw(self, rng: np.random.Generator, size: tuple[int, int]) -> Drawn:
        shift = rng.uniform(-self.translate, self.translate, 2)
        return {
            "scale": rng.uniform(*self.scale),
            "degrees": rng.uniform(-self.degrees, self.degrees),
            "shear": rng.uniform(-self.shear, self.shear),
            "shift": [float(s * side) for s, side in zip(shift, size, strict=True)],
        }

    def origin(
        self, points: np.ndarray, drawn: Drawn, size: tuple[int, int]
    ) -> np.ndarray:
        shear = np.array([[1.0, 0.0], [np.tan(np.radians(drawn["shear"])), 1.0]])
        forward = drawn["scale"] * rotation(drawn["degrees"]) @ shear
        moved = points - np.array(drawn["shift"], np.float32)[:, None, None]
        return centered(moved, forward, size)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Elastic(GeometryEntry):
    """Deforms the crop smoothly: the nodes of a coarse grid move by random distances.

    The displacements are drawn from a normal distribution and interpolated by cubic
    splines, as in U-Net (arXiv 1505.04597).
    """

    name: ClassVar[str] = "elastic"

    sigma: float = number(
        10.0,
        0,
        1_000,
        help="The standard deviation of the displacements of grid nodes in pixels.",
    )
    nodes: int = whole(
        3,
        2,
        16,
        help="The number of nodes of the deformed grid along each side of the crop.",
    )

    def draw(self, rng: np.random.Generator, size: tuple[int, int]) -> Drawn:
        nodes = rng.normal(0.0, self.sigma, (2, self.nodes, self.nodes))
        return {"nodes": nodes.tolist()}

    def origin(
        self, points: np.ndarray, drawn: Drawn, size: tuple[int, int]
    ) -> np.ndarray:
        field = elastic.displacement(np.array(drawn["nodes"]), size)
        return points + sampled(field.astype(np.float32), points)


@dataclasses.dataclass(frozen=True, kw_only=True)
class GridDistortion(GeometryEntry):
    """Divides the crop into a grid, and resizes its rows and columns at random.

    The outer borders of the grid stay at the borders of the crop, so that no pixel
    leaves the crop.
    """

    name: ClassVar[str] = "grid_distortion"

    cells: int = whole(
        5,
        2,
        64,
        help="The number of cells of the distorted grid along each side of the crop.",
    )
    limit: float = number(
        0.3,
        0,
        0.95,
        help="The strength of the distortion. The height and width of each cell of the "
        "grid are multiplied by factors from 1 - limit to 1 + limit, and then scaled "
        "so that the grid covers the crop again.",
    )

    def draw(self, rng: np.random.Generator, size: tuple[int, int]) -> Drawn:
        sizes = rng.uniform(1 - self.limit, 1 + self.limit, (2, self.cells))
        return {"rows": sizes[0].tolist(), "columns": sizes[1].tolist()}

    def origin(
        self, points: np.ndarray, drawn: Drawn, size: tuple[int, int]
    ) -> np.ndarray:
        moved = []
        for places, name, side in zip(points, ("rows", "columns"), size, strict=True):
            edges = np.concatenate([[0.0], np.cumsum(drawn[name])])
            regular = np.linspace(0, side, len(edges))
            inner = np.interp(places, regular, edges * (side / edges[-1]))
            # Points outside stay outside, where an entry before this one put them.
            outside = (places < 0) | (places > side)
            moved.append(np.where(outside, places, inner))
        return np.stack(moved).astype(np.float32)


def rotation(degrees: float) -> np.ndarray:
    """Returns the matrix [2, 2] that rotates (row, column) vectors counterclockwise."""
    angle = np.radians(degrees)
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def centered(
    points: np.ndarray, forward: np.ndarray, size: tuple[int, int]
) -> np.ndarray:
    """Applies the inverse of a linear map, with the center of the crop as origin.

    Args:
      points: The (row, column) of points after the map, float32 [2, H, W].
      forward: The matrix [2, 2] by which the map multiplies the (row, column) vector
        from the center to a point.
      size: The (H, W) of the crop in pixels.

    Returns:
      The (row, column) of the same points before the map, float32 [2, H, W].
    """
    center = np.array(size, np.float32)[:, None, None] / 2
    inverse = np.linalg.inv(forward).astype(np.float32)
    (row_row, row_column), (column_row, column_column) = inverse
    rows, columns = points - center
    moved = (
        row_row * rows + row_column * columns,
        column_row * rows + column_column * columns,
    )
    return np.stack(moved) + center


def sampled(field: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Interpolates displacements bilinearly at points.

    Args:
      field: The displacement of each pixel of the crop, [2, H, W].
      points: The (row, column) of each point, [2, h, w].

    Returns:
      The displacement at each point, [2, h, w].
    """
    centers = points - np.float32(0.5)
    if np.array_equal(centers, np.indices(field.shape[1:])):
        return field
    return np.stack(
        [map_coordinates(part, centers, order=1, mode="nearest") for part in field]
    )
