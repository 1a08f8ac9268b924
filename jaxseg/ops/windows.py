"""Divides a map into square windows, and joins windows to a map.

If the rows of the map are sharded over devices, every device gets the same number of
whole windows. For this, windows of zeros are added at the bottom and the right.
"""

from jaxseg.ops.spatial.halo import pad_last
from jaxseg.ops.spatial.layout import is_split, parts, split_rows
from jaxseg.typing import Array, Size


def divide(x: Array, window: int) -> Array:
    """Divides a map [B, H, W, C] into windows [B, rows, columns, window**2, C].

    Args:
      x: The map. Its height and width are multiples of the window.
      window: The side of a window in pixels.

    Returns:
      The windows. If the map is sharded, they can include windows of zeros.
    """
    if is_split():
        x = split_rows(pad_last(x, [count * window for count in parts()]))
    batch, height, width, channels = x.shape
    rows, columns = height // window, width // window
    x = x.reshape(batch, rows, window, columns, window, channels)
    return x.swapaxes(2, 3).reshape(batch, rows, columns, window**2, channels)


def join(x: Array, window: int, size: Size) -> Array:
    """Joins windows [B, rows, columns, window**2, C] to a map [B, H, W, C].

    Args:
      x: The windows, as `divide` returns them.
      window: The side of a window in pixels.
      size: The height and width of the map that was divided.
    """
    batch, rows, columns, _, channels = x.shape
    x = x.reshape(batch, rows, columns, window, window, channels)
    x = x.swapaxes(2, 3).reshape(batch, rows * window, columns * window, channels)
    return split_rows(x)[:, : size[0], : size[1]] if is_split() else x
