"""Defines the options of `jaxseg predict --mode exact`.

This mode segments an image tile by tile, and gives the result that the network would
give for the whole image at once.
"""

from __future__ import annotations

import dataclasses

from jaxseg.inference.exact.options import ExactOptions
from jaxseg.runs.rules import whole

BOUNDS = {"max_halo": whole(0, 65_536), "max_passes": whole(1, 1000)}


@dataclasses.dataclass(frozen=True)
class Exact:
    """Limits the memory and the time that --mode exact needs."""

    max_halo: int = ExactOptions.max_halo
    """Largest width in pixels of the border that is read around a tile. Networks that
    need a wider border are refused."""
    max_passes: int = ExactOptions.max_passes
    """Largest number of passes over the image. A network that averages over the image
    needs at least two: one computes the averages, and the next one uses them."""

    def limits(self) -> ExactOptions:
        """Returns the limits of memory and time as an `ExactOptions` object.

        `--mode exact` segments images with these options.
        """
        return ExactOptions(max_halo=self.max_halo, max_passes=self.max_passes)


DEFAULT = Exact()
