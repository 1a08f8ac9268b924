"""Defines the options --data.range and --data.max-pixels for reading image files.

`jaxseg predict` and `jaxseg refine` share them.
"""

from __future__ import annotations

import dataclasses

from jaxseg.config import DataConfig
from jaxseg.data.reader import ReadOptions
from jaxseg.runs import bounds
from jaxseg.runs.rules import optional

BOUNDS = {
    "data.range": bounds.BOUNDS["data.range"],
    "data.max_pixels": optional(bounds.BOUNDS["data.max_pixels"]),
}


@dataclasses.dataclass(frozen=True)
class Reading:
    """Sets the options for reading image files."""

    range: tuple[float, float] | None = None
    """The two pixel values that become black (0) and white (255) in gray images with
    more than 8 bits. The default is the range that was set for the training. If none
    was set, such images are refused. The option has no effect on networks that were
    not trained on 8-bit RGB, because they use the same range as in training."""
    max_pixels: int | None = None
    """Largest number of pixels of an image. Larger images are rejected."""

    def over(self, data: DataConfig) -> ReadOptions:
        """Combines these options with those of a run.

        Args:
          data: The data options of the run. They supply the values that are None here.

        Returns:
          The options of the image reader, as `ReadOptions`.
        """
        stored = None if isinstance(data.range, str) else data.range
        return ReadOptions(
            range=stored if self.range is None else self.range,
            max_pixels=data.max_pixels if self.max_pixels is None else self.max_pixels,
        )
