"""Defines the options with which image files are read."""

from __future__ import annotations

import dataclasses
import math
from typing import Literal

from jaxseg.config import DataConfig
from jaxseg.data.spec import MOST_CHANNELS

MAX_PIXELS = 178_956_970  # Pillow suspects an attack beyond this size, too.


@dataclasses.dataclass(frozen=True)
class ReadOptions:
    """Contains the options for reading an image file.

    Attributes:
      range: The pixel values that become 0 and 255 in images of more than 8 bits, if
        `pixels` is "rgb8".
      max_pixels: The largest number of pixels. Larger images are refused before they
        are decoded.
      channels: The number of channels that images must have, or None for the rule that
        `jaxseg.data.pixel_type.chosen_type` describes.
      pixels: "rgb8" returns 8-bit RGB and refuses what it cannot represent. "stored"
        keeps the type and the channels of images that are not 8-bit gray or RGB.
      trained: Whether `channels` and `pixels` are those of a network's training images.
        Error messages then refer to these images.

    Raises:
      ValueError: If a value is out of bounds.
    """

    range: tuple[float, float] | None = None
    max_pixels: int = MAX_PIXELS
    # The fingerprint of prepared data contains the text of the fields above.
    channels: int | None = dataclasses.field(default=None, repr=False)
    pixels: Literal["stored", "rgb8"] = dataclasses.field(default="rgb8", repr=False)
    trained: bool = dataclasses.field(default=False, repr=False)

    def __post_init__(self):
        low, high = self.range or (0.0, 1.0)
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise ValueError(
                f"data.range={self.range} is invalid: expected two finite values with "
                "the lower one first, such as 0 65535."
            )
        if self.range is not None:  # Equal options need one form for the fingerprint.
            object.__setattr__(self, "range", (float(low), float(high)))
        if self.max_pixels < 1:
            raise ValueError(
                f"data.max_pixels={self.max_pixels} is invalid: expected at least 1."
            )
        if self.channels is not None and not 1 <= self.channels <= MOST_CHANNELS:
            raise ValueError(
                f"data.channels={self.channels} is invalid: expected 1 to "
                f"{MOST_CHANNELS}."
            )
        if self.channels not in (None, 3) and self.pixels == "rgb8":
            raise ValueError(
                f"data.channels={self.channels} is invalid: expected 3 with "
                "data.pixels='rgb8'. Leave one of the two options out."
            )


DEFAULTS = ReadOptions()


def options_of(config: DataConfig) -> ReadOptions:
    """Returns the options of the image reader, taken from a run's data options."""
    squeezed = config.pixels == "rgb8"
    bounds = config.range if squeezed else None  # Stored pixels do not depend on it.
    if squeezed and isinstance(bounds, str):
        raise ValueError(
            f"data.range={bounds!r} is invalid: expected LOW HIGH with "
            "data.pixels='rgb8'."
        )
    return ReadOptions(
        range=bounds,
        max_pixels=config.max_pixels,
        channels=config.channels,
        pixels=config.pixels,
    )
