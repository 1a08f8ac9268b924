"""Turns pixels into blocks of pixels on maps that are sharded over devices.

If a device holds whole pixels of the coarse map, it can compute their blocks alone.
XLA's partitioner would gather a map whose rows do not divide evenly, because one axis
then becomes two.
"""

from collections.abc import Callable

from jaxseg.ops.spatial.halo import pad_last
from jaxseg.ops.spatial.layout import parts, per_device, split_rows, tiles
from jaxseg.typing import Array

Pair = tuple[int, int]


def blockwise(local: Callable, *maps: Array, block: Pair) -> Array:
    """Applies a function that turns each pixel of sharded maps into a block of pixels.

    Args:
      local: Runs on each device: maps [b, h, w, C] to [b, h * bh, w * bw, O].
      *maps: Maps [B, H, W, C] of the same height and width.
      block: The block (bh, bw) in pixels.

    Returns:
      [B, H * bh, W * bw, O], sharded by rows and columns.
    """
    size = [n * b for n, b in zip(maps[0].shape[1:3], block, strict=True)]
    maps = tuple(pad_last(x, parts()) for x in maps)
    specs = tuple(map(tiles, maps))
    y = per_device(local, specs, specs[0])(*maps)
    return split_rows(y[:, : size[0], : size[1]])


def from_blocks(local: Callable, x: Array, block: Pair) -> Array:
    """Applies a function that turns each block of pixels of a sharded map into a pixel.

    Args:
      local: Runs on each device: [b, h * bh, w * bw, C] to [b, h, w, O].
      x: [B, H * bh, W * bw, C].
      block: The block (bh, bw) in pixels.

    Returns:
      [B, H, W, O], sharded by rows and columns.
    """
    size = [n // b for n, b in zip(x.shape[1:3], block, strict=True)]
    x = split_rows(pad_last(x, [n * b for n, b in zip(parts(), block, strict=True)]))
    spec = tiles(x)
    y = per_device(local, spec, spec)(x)
    return split_rows(y[:, : size[0], : size[1]])
