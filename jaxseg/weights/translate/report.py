"""What an import did, in numbers and names."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Report:
    """The account of one import.

    Attributes:
        origin: library and kind of the source.
        tensors: tensors taken over.
        parameters: numbers in those below ``params``.
        dropped: source keys left out by the table on purpose, batch counters apart.
        unused: source keys left out because ``allow_unused`` or ``part`` said so.
        fresh: paths of the model that keep initial values.
        adapted: source keys of first convolutions fitted to the image's channels.
        unread: classes of foreign objects beside the state dict that were not read.
        cast: source dtypes other than float32, with their counts.
        difference: largest difference of the logits relative to the largest logit,
            None where it was not measured.
        caution: how the network differs from the source's, if it is known to.
    """

    origin: str
    tensors: int
    parameters: int
    dropped: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    fresh: tuple[str, ...] = ()
    adapted: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    cast: tuple[tuple[str, int], ...] = ()
    difference: float | None = None
    caution: str = ""

    def __str__(self) -> str:
        lines = [
            f"source      {self.origin}",
            f"tensors     {self.tensors}",
            f"parameters  {self.parameters:,}",
        ]
        lists = {
            "left out": self.dropped + self.unused,
            "fresh": self.fresh,
            "adapted": self.adapted,
            "not read": self.unread,
        }
        lines += [f"{name:11} {_some(keys)}" for name, keys in lists.items() if keys]
        lines += [f"cast        {count} from {dtype}" for dtype, count in self.cast]
        if self.difference is not None:
            lines.append(f"difference  {self.difference:.1e} of the largest logit")
        if self.caution:
            lines.append(f"caution     {self.caution}")
        return "\n".join(lines)


def _some(keys: tuple[str, ...]) -> str:
    shown = ", ".join(keys[:6])
    return f"{len(keys)}: {shown}" + (", ..." if len(keys) > 6 else "")
