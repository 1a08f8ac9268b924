"""Contains the functions that the templates of the report call."""

from __future__ import annotations

import math
from collections.abc import Callable

from jaxseg.report.formats import percentage, signed

STRONG = 0.55  # The opacity above which the text of a cell is white.


def sortable(value: float) -> str:
    """Returns the number by which a cell is sorted, or "" for NaN."""
    return "" if math.isnan(value) else f"{value:.6g}"


def trend(value: float) -> str:
    """Returns the style class of a change: "up", "down" or ""."""
    shown = 0 if math.isnan(value) else round(100 * value, 2)
    return "up" if shown > 0 else "down" if shown < 0 else ""


def bar(value: float) -> str:
    """Returns the length of a bar in percent."""
    return "0" if math.isnan(value) else f"{100 * value:.1f}"


def cell(share: float) -> str:
    """Formats a fraction for a cell of a confusion matrix, in percent.

    >>> cell(0.934), cell(0.0042), cell(0.00001), cell(0)
    ('93', '0.4', '0', '')
    """
    if not share:
        return ""
    shown = f"{100 * share:.1f}"
    if share < 0.0995:
        return "0" if shown == "0.0" else shown
    return f"{100 * share:.0f}"


class Attributes(str):
    """Is a text of HTML attributes, which templates do not escape."""

    def __html__(self) -> str:
        return self


def shade(share: float, own: bool) -> Attributes:
    """Returns the attributes that color a cell of a confusion matrix.

    Args:
      share: The fraction of the row.
      own: Whether the cell is on the diagonal.
    """
    opacity = math.sqrt(share)
    names = [name for name, on in (("own", own), ("strong", opacity > STRONG)) if on]
    text = f' class="{" ".join(names)}"' if names else ""
    if round(opacity, 2):
        text += f' style="--v:{opacity:.2f}"'
    return Attributes(text)


FUNCTIONS: dict[str, Callable] = {
    "pct": percentage,
    "points": signed,
    "sortable": sortable,
    "trend": trend,
    "bar": bar,
    "cell": cell,
    "shade": shade,
}
