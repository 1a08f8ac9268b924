"""Defines the options and the costs of exact prediction in tiles."""

from __future__ import annotations

import dataclasses

from jaxseg.text import counted
from jaxseg.typing import Size


@dataclasses.dataclass(frozen=True)
class ExactOptions:
    """Contains the options of exact prediction in tiles.

    The result is that of the network for the whole image, up to rounding.

    Attributes:
      max_halo: The largest allowed halo. The halo is the number of pixels that a tile
        reads beyond its own pixels on each side.
      max_passes: The largest number of passes over the image. A network that averages
        over the image needs more than one.
      window: The largest height and width of the part of the image that a tile reads.
        None chooses 1024 pixels or four times the halo, whichever is larger, but at
        most the size of the image.
      tile: The height and width of the part of the result that a tile computes. None
        chooses the largest tile that reads at most `window`.
    """

    max_halo: int = 2048
    max_passes: int = 1
    window: Size | None = None
    tile: Size | None = None


@dataclasses.dataclass(frozen=True)
class TileCost:
    """Contains the costs of exact prediction in tiles, for images of one size.

    Attributes:
      tile: The height and width of a tile.
      window: The height and width of the part of the image that a tile reads.
      tiles: The number of tiles.
      halo: The number of pixels that a tile far from the border of the image reads
        beyond its own pixels on each side. None if tiles read up to the border of any
        image.
      passes: The number of passes over the image.
      pixels: The number of pixels that all tiles and passes read, divided by the number
        of pixels of the image.
      memory: The estimated memory of the program of one tile and of the weights, in
        bytes.
      arithmetic: The multiplications of all tiles and passes, divided by those for the
        whole image at once.
    """

    tile: Size
    window: Size
    tiles: int
    halo: int | None
    passes: int
    memory: int
    pixels: float
    arithmetic: float

    def __str__(self) -> str:
        """Returns a line of text that describes all of these costs."""
        halo = "up to the border" if self.halo is None else f"{self.halo} pixels"
        return (
            f"{counted(self.tiles, 'tile')} of {self.tile[0]} x {self.tile[1]} pixels, "
            f"which read {self.window[0]} x {self.window[1]}; halo {halo}; "
            f"{counted(self.passes, 'pass', 'passes')} over the image; "
            f"{self.arithmetic:.2f} times the arithmetic and {self.pixels:.2f} times "
            f"the pixels of the whole image; about {self.memory / 2**20:,.0f} MiB of "
            "memory"
        )
