"""Defines the options --data.* of the commands that read single images."""

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
    """Options for reading image files."""

    range: tuple[float, float] | None = None
    """Pixel values that become black and white in images of more than 8 bits."""
    max_pixels: int | None = None
    """Reject images with more pixels than this."""

    def over(self, data: DataConfig) -> ReadOptions:
        """Returns these options, with those of a run where none is given."""
        return ReadOptions(
            range=data.range if self.range is None else self.range,
            max_pixels=data.max_pixels if self.max_pixels is None else self.max_pixels,
        )
