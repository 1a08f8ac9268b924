"""Detects the library and the network of a checkpoint from the names of its tensors.

`SOURCES` lists every supported kind of checkpoint, such as the ResNets of torchvision,
with the table of rules that imports it. The first kind that fits the tensor names is
used. To add a kind, write its table in `maps/` and an entry in the file of its library.
"""

from collections.abc import Iterable

from jaxseg.text import printable
from jaxseg.weights.catalog import (
    efficientnet,
    milesial,
    mmseg,
    smp,
    timm,
    torchvision,
    transformers,
    transformers_mask2former,
)
from jaxseg.weights.catalog.sources import Source
from jaxseg.weights.catalog.unsupported import name_of
from jaxseg.weights.translate.refused import Refused, Remedy

SOURCES: tuple[Source, ...] = (
    *torchvision.NETWORKS,
    *smp.NETWORKS,
    *milesial.NETWORKS,
    *mmseg.NETWORKS,
    *transformers.NETWORKS,
    *transformers_mask2former.NETWORKS,
    *timm.BACKBONES,
    *efficientnet.BACKBONES,
    *torchvision.BACKBONES,
    *mmseg.BACKBONES,
    *smp.BACKBONES,
    *transformers.BACKBONES,
)
LISTED = "`jaxseg convert --list` shows the supported networks"


def detect(keys: Iterable[str], path: str = "the state dict") -> Source:
    """Returns the kind of checkpoint to which a set of tensor names belongs.

    The result is a `Source`, the first entry of `SOURCES` that fits the names.

    Args:
      keys: The names of the tensors.
      path: The name of the file, for the message.

    Raises:
      ValueError: If no entry fits.
    """
    keys = set(keys)
    for source in SOURCES:
        if source.fits(keys):
            return source
    name = name_of(keys)
    some = ", ".join(map(printable, sorted(keys)[:3]))
    kind = f"{name}, which is not supported" if name else "an unknown network"
    problem = f"{path} contains {kind} ({len(keys)} tensors: {some}, ...). {LISTED}."
    inner = {k.removeprefix("encoder.") for k in keys if k.startswith("encoder.")}
    remedies = []
    if part_of(inner) == "backbone":
        effect = "import its encoder as a backbone (part 'backbone')"
        remedies.append(Remedy("entry", "encoder", effect))
    raise Refused(problem, remedies)


def part_of(keys: set[str]) -> str | None:
    """Says whether a state dict contains a whole network or only a backbone.

    >>> part_of({"conv1.weight"}) is None
    True

    Args:
      keys: The names of the tensors.

    Returns:
      "network" or "backbone", or None if the state dict is not recognized.
    """
    return next((source.part for source in SOURCES if source.fits(keys)), None)
