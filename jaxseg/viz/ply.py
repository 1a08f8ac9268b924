"""Writes colored point clouds as PLY files, which most point-cloud viewers open."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from jaxseg.storage import atomic

_ROW = np.dtype(
    [(name, "<f4") for name in ("x", "y", "z")]
    + [(name, "u1") for name in ("red", "green", "blue")]
)
_HEADER = """ply
format binary_little_endian 1.0
element vertex {count}
property float x
property float y
property float z
property uchar red
property uchar green
property uchar blue
end_header
"""


def write_ply(path: str | Path, points: np.ndarray, color: np.ndarray) -> None:
    """Writes a colored point cloud to a PLY file.

    Args:
      path: The file.
      points: Positions [N, 3].
      color: RGB colors, uint8 [N, 3].

    Raises:
      ValueError: If the shapes are different, or the colors are not uint8.
    """
    shape = points.shape
    if len(shape) != 2 or shape[1] != 3 or color.shape != shape:
        raise ValueError(
            f"points.shape={shape} with color.shape={color.shape} is invalid: expected "
            "[N, 3] for both."
        )
    if color.dtype != np.uint8:
        raise ValueError(f"color.dtype={color.dtype} is invalid: expected uint8.")
    rows = np.empty(len(points), _ROW)
    for name, column in zip(_ROW.names, (*points.T, *color.T), strict=True):
        rows[name] = column
    header = _HEADER.format(count=len(points)).encode("ascii")
    atomic.write_bytes(path, header + rows.tobytes())
