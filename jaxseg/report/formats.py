"""Formats numbers for the report."""

from __future__ import annotations

import math

ABSENT = "-"


def percentage(value: float | None) -> str:
    """Formats a score from 0 to 1 as `jaxseg eval` prints it, in percent.

    >>> percentage(0.93355), percentage(float("nan"))
    ('93.36', '-')
    """
    return ABSENT if value is None or math.isnan(value) else f"{100 * value:.2f}"


def signed(value: float | None) -> str:
    """Formats the change of a score in percentage points.

    >>> signed(0.0123), signed(-0.5), signed(0.0)
    ('+1.23', '-50.00', '0.00')
    """
    if value is None or math.isnan(value):
        return ABSENT
    shown = f"{100 * abs(value):.2f}"
    sign = "" if float(shown) == 0 else "+" if value > 0 else "-"
    return sign + shown


def compact(value: float | None, unit: str = "") -> str:
    """Formats a large number with an SI prefix such as k or G.

    >>> compact(482_839), compact(5.42e9, "FLOP"), compact(950, "B")
    ('483 k', '5.42 GFLOP', '950 B')
    """
    if value is None:
        return ABSENT
    for size, prefix in ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size * 0.9995:
            return f"{value / size:.3g} {prefix}{unit}"
    return f"{value:.3g} {unit}".rstrip()


def binary(value: float | None) -> str:
    """Formats a number of bytes in GiB or MiB.

    >>> binary(2**30 * 1.5), binary(2**20 * 700)
    ('1.50 GiB', '700 MiB')
    """
    if value is None:
        return ABSENT
    if value >= 2**30:
        return f"{value / 2**30:.2f} GiB"
    return f"{value / 2**20:.0f} MiB"


def duration(seconds: float | None) -> str:
    """Formats a duration in seconds for reading.

    >>> duration(5.21), duration(75), duration(7384)
    ('5.2 s', '1 min 15 s', '2 h 3 min')
    """
    if seconds is None:
        return ABSENT
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
