"""``SOURCES``: every kind of checkpoint that is recognized, with its table.

The list is searched from the top. To add a source, write its table under ``maps/`` and
a row in ``networks``, ``networks_mmseg`` or ``trunks``; a test holds table, networks
and keys together.
"""

from collections.abc import Iterable

from jaxseg.text import printable
from jaxseg.weights.catalog import backbones as trunks
from jaxseg.weights.catalog import networks, networks_mmseg
from jaxseg.weights.catalog.sources import Source

SOURCES: tuple[Source, ...] = (*networks.ROWS, *networks_mmseg.ROWS, *trunks.ROWS)


def detect(keys: Iterable[str]) -> Source:
    """The row of ``SOURCES`` that a state dict belongs to.

    Raises:
        ValueError: no row applies; the message lists what is known.
    """
    keys = set(keys)
    for source in SOURCES:
        if source.fits(keys):
            return source
    some = ", ".join(map(printable, sorted(keys)[:5]))
    known = "; ".join(f"{s.library} {s.name}" for s in SOURCES)
    raise ValueError(
        f"a state dict of {len(keys)} keys ({some}, ...) is of no known source; "
        f"known are {known}; pass rules=... for another"
    )


def part_of(keys: set[str]) -> str | None:
    """The part of a network that a state dict holds; None where it is not recognized.

    >>> part_of({"conv1.weight"}) is None
    True
    """
    return next((source.part for source in SOURCES if source.fits(keys)), None)
