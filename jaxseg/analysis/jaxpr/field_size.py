"""Measures the receptive field of a dependence that `dependence` finds."""

from __future__ import annotations

import dataclasses

import numpy as np

from jaxseg.analysis.atrous.receptive_field import Field
from jaxseg.analysis.jaxpr.dependence import Lines

_LONGEST = 128  # The longest period of a pattern that the search tries.


@dataclasses.dataclass(frozen=True)
class Extent:
    """Contains the receptive field along one axis.

    Attributes:
      size: The pixels from the first to the last that the widest output reads.
      touched: The number of pixels that this output depends on. It is less than `size`
        where atrous rates leave holes.
      jump: Image pixels per output, or the ratio of the sizes where fields do not
        repeat.
      clipped: Whether every output reads padding or the whole image, so that `size` is
        only a lower bound.
      whole: Whether every output reads the whole image.
    """

    size: int
    touched: int
    jump: float
    clipped: bool
    whole: bool = False

    @property
    def coverage(self) -> float:
        """Returns the share of the field that is read."""
        return self.touched / self.size


def extent(lines: Lines) -> Extent:
    """Computes size, touched pixels and jump along one axis of a `Reach`.

    Outputs that read padding do not count if there are others.

    Raises:
      ValueError: If no output depends on any pixel.
    """
    low, high, clear = _ends(lines)
    whole = bool(lines.mask.all())
    clipped = whole or not clear.size
    chosen = clear if clear.size else np.flatnonzero(lines.mask.any(1))
    widest = chosen[np.argmax((high - low)[chosen])]
    try:
        jump = float(field(lines).jump)
    except ValueError:
        jump = lines.mask.shape[1] / len(low)
    size = int(high[widest] - low[widest] + 1)
    return Extent(size, int(lines.mask[widest].sum()), float(jump), clipped, whole)


def field(lines: Lines) -> Field:
    """Computes the field in the form that layers give, extrapolated to output 0.

    Raises:
      ValueError: If too few outputs read no padding, or their fields do not repeat.
    """
    low, high, clear = _ends(lines)
    # Outputs at the border are left out, where resizing repeats the last pixel.
    for trim in (0, 1, 2, 4, 8, 16):
        found = _repeating(low, high, clear[trim : clear.size - trim])
        if found is not None:
            return found
    raise ValueError(
        f"image is too small: only {clear.size} of {len(low)} outputs read no padding, "
        "or their fields do not repeat. Use a larger image."
    )


def _repeating(low, high, chosen):
    """Returns the field whose pattern the chosen outputs repeat, or None."""
    for period in range(1, min(chosen.size // 2, _LONGEST) + 1):
        step = int(low[chosen[period]] - low[chosen[0]])
        ends = np.stack([low[chosen], high[chosen]])
        if step > 0 and np.all(ends[:, period:] - ends[:, :-period] == step):
            first = int(chosen[0])
            shown = slice(first, first + period)
            known = Field(tuple(low[shown].tolist()), tuple(high[shown].tolist()), step)
            places = range(-first, period - first)
            lows, highs = map(known.low, places), map(known.high, places)
            return Field(tuple(lows), tuple(highs), step).reduced()
    return None


def _ends(lines):
    """Returns each output's first and last pixel, and the outputs without padding."""
    mask = lines.mask
    reads = mask.any(1)  # An output may read nothing but padding.
    if not reads.any():
        raise ValueError(
            f"lines is invalid: none of {len(reads)} outputs depends on a pixel of the "
            "image, expected at least one."
        )
    last = mask.shape[1] - 1 - mask[:, ::-1].argmax(1)
    return mask.argmax(1), last, np.flatnonzero(reads & ~lines.padded)
