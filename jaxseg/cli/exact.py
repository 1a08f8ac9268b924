"""Defines the options of `jaxseg predict --mode exact`.

This mode segments an image in tiles, with the result of the whole image.
"""

from __future__ import annotations

import dataclasses

from jaxseg.inference.exact.options import ExactOptions
from jaxseg.runs.rules import whole

BOUNDS = {"max_halo": whole(0, 65_536), "max_passes": whole(1, 1000)}


@dataclasses.dataclass(frozen=True)
class Exact:
    """Limits what the tiles of --mode exact may cost."""

    max_halo: int = ExactOptions.max_halo
    """Largest number of pixels that a tile may read beyond its own on each side."""
    max_passes: int = ExactOptions.max_passes
    """Largest number of passes over the image. A network that averages over the image
    needs at least two, because the averages must be known before it can go on."""

    def limits(self) -> ExactOptions:
        """Converts the limits to `ExactOptions`, which the segmentation takes."""
        return ExactOptions(max_halo=self.max_halo, max_passes=self.max_passes)


DEFAULT = Exact()
