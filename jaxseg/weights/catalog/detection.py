"""`SOURCES`: every kind of checkpoint that is recognized, with its table.

The list is searched from the top. To add a source, write its table under `maps/` and
a row in `networks`, `networks_mmseg` or `backbones`; a test holds table, networks
and keys together.
"""

from collections.abc import Iterable

from jaxseg.text import printable
from jaxseg.weights.catalog import backbones, networks, networks_mmseg
from jaxseg.weights.catalog.sources import Source
from jaxseg.weights.catalog.unsupported import name_of
from jaxseg.weights.translate.refused import Refused, Remedy

SOURCES: tuple[Source, ...] = (*networks.ROWS, *networks_mmseg.ROWS, *backbones.ROWS)
LISTED = "`jaxseg convert --list` names the networks that are supported"


def detect(keys: Iterable[str], path: str = "the state dict") -> Source:
    """The row of `SOURCES` that a state dict belongs to.

    Args:
      keys: Names of the tensors.
      path: The file's name, for the message.

    Raises:
      ValueError: No row applies.
    """
    keys = set(keys)
    for source in SOURCES:
        if source.fits(keys):
            return source
    name = name_of(keys)
    some = ", ".join(map(printable, sorted(keys)[:3]))
    kind = f"{name}, which is not supported" if name else "a network that is not known"
    problem = f"{path} holds {kind} ({len(keys)} tensors: {some}, ...); {LISTED}"
    inner = {k.removeprefix("encoder.") for k in keys if k.startswith("encoder.")}
    remedies = []
    if part_of(inner) == "backbone":
        effect = "takes its encoder, as a backbone (part 'backbone')"
        remedies.append(Remedy("entry", "encoder", effect))
    raise Refused(problem, remedies)


def part_of(keys: set[str]) -> str | None:
    """The part of a network that a state dict holds; None where it is not recognized.

    >>> part_of({"conv1.weight"}) is None
    True
    """
    return next((source.part for source in SOURCES if source.fits(keys)), None)
