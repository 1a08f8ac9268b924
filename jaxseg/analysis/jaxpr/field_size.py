"""Computes the size of the receptive field from the dependence of outputs on the image.

`jaxseg.analysis.jaxpr.dependence.reach` finds that dependence.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from jaxseg.analysis.atrous.receptive_field import Field
from jaxseg.analysis.jaxpr.dependence import Lines

_LONGEST = 128  # The longest period of a pattern that the search tries.


@dataclasses.dataclass(frozen=True)
class Extent:
    """Describes the receptive field of the outputs along one axis.

    Attributes:
      size: The number of pixels from the first to the last one that an output depends
        on, for the output where this number is largest.
      touched: The number of pixels in this range that the output depends on. It is less
        than `size` where atrous rates leave holes.
      jump: The distance between the fields of neighboring outputs in image pixels. If
        the distances follow no regular pattern, it is the image size divided by the
        output size.
      clipped: Whether every output reads padding or the whole image, so that `size` is
        only a lower bound of the receptive field.
      whole: Whether every output reads the whole image.
    """

    size: int
    touched: int
    jump: float
    clipped: bool
    whole: bool = False

    @property
    def coverage(self) -> float:
        """Returns the share of pixels in the receptive field that the output reads."""
        return self.touched / self.size


def extent(lines: Lines) -> Extent:
    """Computes the size of the receptive field along one axis.

    Outputs that read padding are ignored, unless all outputs read padding.

    Args:
      lines: Which image rows each output row depends on (`Reach.rows`), or the
        columns (`Reach.columns`).

    Returns:
      An `Extent`: the size in pixels, the number of pixels that are read, and the
      distance between the fields of neighboring outputs.

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
    return Extent(
        size,
        touched=int(lines.mask[widest].sum()),
        jump=float(jump),
        clipped=clipped,
        whole=whole,
    )


def field(lines: Lines) -> Field:
    """Returns the interval of image rows or columns that each output reads.

    The intervals of the outputs that read no padding are taken from `lines`. Those of
    the outputs near the border are extrapolated from them.

    Args:
      lines: Which image rows each output row depends on (`Reach.rows`), or the
        columns (`Reach.columns`).

    Returns:
      The intervals as a `jaxseg.analysis.atrous.receptive_field.Field`.

    Raises:
      ValueError: If too few outputs read no padding, or if the intervals that they read
        follow no regular pattern.
    """
    low, high, clear = _ends(lines)
    # Outputs at the border are left out, where resizing repeats the last pixel.
    for trim in (0, 1, 2, 4, 8, 16):
        found = _repeating(low, high, clear[trim : clear.size - trim])
        if found is not None:
            return found
    raise ValueError(
        f"image size={lines.mask.shape[1]} is invalid: expected a size at which many "
        "outputs read no padding and their receptive fields follow a regular pattern. "
        f"Here {clear.size} of {len(low)} outputs read none. Use a larger image."
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
            f"lines is invalid: expected at least one of the {len(reads)} outputs to "
            "depend on a pixel of the image, but none does."
        )
    last = mask.shape[1] - 1 - mask[:, ::-1].argmax(1)
    return mask.argmax(1), last, np.flatnonzero(reads & ~lines.padded)
