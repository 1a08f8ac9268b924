"""Defines the options of `jaxseg predict` for sliding windows and tiles."""

from __future__ import annotations

import dataclasses
from typing import Literal

from jaxseg.runs.rules import each, optional, whole

Size = tuple[int, int]

BOUNDS = {
    "window": optional(each(whole(1, 65_536))),
    "stride": optional(each(whole(1, 65_536))),
    "devices": optional(whole(1, 65_536)),
    "large_above": optional(whole(1, 2**62)),
}


@dataclasses.dataclass(frozen=True)
class Windows:
    """Sets the windows of --mode slide, and the tiles of --mode tile and exact."""

    window: Size | None = None
    """Height and width in pixels of the windows or tiles. With --mode slide, an image
    that is smaller than a window is padded with the mean color, which changes some
    labels."""
    stride: Size | None = None
    """Vertical and horizontal distance in pixels between neighboring windows. The
    default is two thirds of the window for --mode slide, and the whole tile for --mode
    tile."""
    blend: Literal["uniform", "gaussian", "cosine", "center"] = "uniform"
    """How overlapping windows are combined. 'uniform' averages their logits with equal
    weights. 'gaussian' and 'cosine' average them with weights that decrease towards the
    border of a window. 'center' takes each pixel from the window whose center is
    nearest."""
    accumulate: Literal["auto", "device", "host", "file"] = "auto"
    """Where the sums over overlapping windows are stored until their rows are finished:
    in the memory of the device ('device') or of the host ('host'), or in a
    memory-mapped file ('file'). 'auto' selects the first of these that has room."""
    devices: int | None = None
    """Number of local devices that share the windows of --mode slide and tile. The
    default is all of them."""
    large_above: int | None = None
    """TIFF files of one page and NPY files with more pixels than this are read and
    written window by window, to save memory. The result is NAME.tif, a tiled TIFF with
    the georeference of the image, or NAME.npy for an NPY file. The longer side of the
    overlay has at most 2048 pixels. The same command continues an interrupted image.
    The default is data.max_pixels."""


DEFAULT = Windows()
