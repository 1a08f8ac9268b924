"""Defines a report that says what an import did with each tensor of a checkpoint."""

import dataclasses

from jaxseg.text import as_message
from jaxseg.weights.translate.state_dict import StateDict


@dataclasses.dataclass(frozen=True)
class ConversionReport:
    """Lists the tensors that an import used, omitted and adapted.

    Attributes:
      origin: The library and kind of the source.
      tensors: The number of tensors that were imported.
      parameters: The number of values in `params` that were imported.
      found: The location of the state dict in the file.
      dropped: Names in the source that the import table omits on purpose, except for
        batch norm's counters of batches.
      unused: Names in the source that `allow_unused` or `part` leaves out.
      fresh: Paths of the model that keep their initial values.
      adapted: Names of first convolutions that were adapted to the channels of the
        image.
      unread: Classes of foreign objects in the file that were not read.
      cast: Pairs of a type other than float32 that occurs in the source, and the number
        of tensors of this type.
      difference: The largest difference of the logits from the source's own library,
        relative to the largest logit, or None if it was not measured.
      stated: Options that the file states, as `name=value`.
      assumed: Assumptions that cannot be checked with the tensors.
    """

    origin: str
    tensors: int
    parameters: int
    found: StateDict | None = None
    dropped: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    fresh: tuple[str, ...] = ()
    adapted: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    cast: tuple[tuple[str, int], ...] = ()
    difference: float | None = None
    stated: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()

    def __str__(self) -> str:
        skipped = self.found.skipped if self.found else ()
        lines = {
            "source": self.origin,
            "taken from": _place(self.found),
            "beside": _beside(self.found),
            "tensors": str(self.tensors),
            "parameters": f"{self.parameters:,}",
            "left out": _some(self.dropped + self.unused + skipped),
            "fresh": _some(self.fresh),
            "adapted": _some(self.adapted),
            "not read": _some(self.unread),
            "cast": ", ".join(f"{count} from {dtype}" for dtype, count in self.cast),
            "difference": _difference(self.difference),
            "stated": ", ".join(self.stated),
            "assumed": "; ".join(self.assumed),
        }
        return as_message(
            "\n".join(f"{name:11} {text}" for name, text in lines.items() if text)
        )


def _place(found: StateDict | None) -> str:
    """Describes which weights of the file were used, if it has several entries."""
    if found is None:
        return ""
    parts = [
        f"entry {found.entry!r}" if found.entry else "",
        f"names without {found.prefix!r}" if found.prefix else "",
        found.note,
    ]
    return ", ".join(filter(None, parts))


def _beside(found: StateDict | None) -> str:
    """Describes which weights of the file were not used, and how to select them."""
    if found is None:
        return ""
    texts = [
        f"{kind} under {name!r} (--entry {name} selects them)"
        for kind, names in (
            ("averaged weights", found.averages),
            ("other weights", found.others),
        )
        for name in names[:3]
    ]
    return "; ".join(texts)


def _difference(value: float | None) -> str:
    return "" if value is None else f"{value:.1e} of the largest logit"


def _some(names: tuple[str, ...]) -> str:
    if not names:
        return ""
    shown = ", ".join(names[:6])
    return f"{len(names)}: {shown}" + (", ..." if len(names) > 6 else "")
