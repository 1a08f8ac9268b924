"""Defines the options of sliding windows and tiles."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal

from jaxseg.inference.windows.grid import Blend
from jaxseg.typing import Size

Place = Literal["auto", "device", "host", "file"]


@dataclasses.dataclass(frozen=True)
class WindowOptions:
    """Contains the options of sliding windows and tiles.

    Attributes:
      window: The height and width of the input of the network in pixels.
      stride: The vertical and horizontal step between windows in pixels. The default is
        two thirds of the window, or for tiles the size of the output of the network.
      batch: The number of windows in a call of the network.
      blend: How the outputs of overlapping windows are combined: "uniform", "gaussian",
        "cosine" or "center", see `jaxseg.inference.windows.blending`.
      accumulate: Where the sums over overlapping windows are held: "device", "host",
        "file" (a memory-mapped file), or "auto", the first of these that has room.
      folder: The folder of the memory-mapped file. None selects the system's folder for
        temporary files.
    """

    window: Size
    stride: Size | None = None
    batch: int = 4
    blend: Blend = "uniform"
    accumulate: Place = "auto"
    folder: Path | None = None

    def __post_init__(self):
        if min(self.window) < 1:
            raise ValueError(
                f"window={self.window} is invalid: expected a height and a width >= 1."
            )
        if self.batch < 1:
            raise ValueError(f"batch={self.batch} is invalid: expected a number >= 1.")
