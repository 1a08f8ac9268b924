"""What is wrong with a checkpoint, collected so that one error tells it all."""

import dataclasses
from collections.abc import Iterable

from jaxseg.text import printable
from jaxseg.weights.translate.refused import Refused, Remedy

_SHOWN = 3  # entries of one kind in a message


@dataclasses.dataclass
class Problems:
    """Entries that do not fit, by kind.

    Attributes:
      missing: Paths of the model that the source does not hold.
      unused: Names of the source that have no place in the model, with the place
        that the table gives them.
      doubled: Names of the source that lead to a path which is taken already.
      misshaped: By path of the model, an account of the two shapes.
      wrong_dtype: By path of the model, an account of the two kinds of number.
    """

    missing: list[str] = dataclasses.field(default_factory=list)
    unused: list[str] = dataclasses.field(default_factory=list)
    doubled: list[str] = dataclasses.field(default_factory=list)
    misshaped: dict[str, str] = dataclasses.field(default_factory=dict)
    wrong_dtype: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many entries do not fit."""
        return sum(len(entries) for entries in self._groups().values())

    def raise_if_any(self, *, total: int) -> None:
        """Raises one error that counts every problem and shows a few of each kind.

        Args:
          total: How many tensors the model has.

        Raises:
          Mismatch: There is a problem; the error holds all of them.
        """
        if self.count:
            raise Mismatch(self, total)

    def summary(self) -> str:
        """`2 missing from the source (a, b); 1 of another shape (...)`."""
        groups = self._groups().items()
        return "; ".join(
            f"{len(entries)} {kind} ({_some(entries)})"
            for kind, entries in groups
            if entries
        )

    def _groups(self) -> dict[str, list[str]]:
        # A tensor of another shape is not missing as well.
        misfits = {*self.misshaped, *self.wrong_dtype}
        return {
            "of another shape": list(self.misshaped.values()),
            "of another kind of number": list(self.wrong_dtype.values()),
            "missing from the source": [p for p in self.missing if p not in misfits],
            "unused in the source": self.unused,
            "written twice": self.doubled,
        }


class Mismatch(Refused):
    """Weights that do not fit a model; `problems` lists every entry."""

    def __init__(self, problems: Problems, total: int):
        self.problems = problems
        super().__init__(
            f"the weights do not fit the model's {total} tensors: {problems.summary()}",
            _remedies(problems, total),
        )


def _remedies(problems: Problems, total: int) -> list[Remedy]:
    """The options that would let the rest pass, unless most of it does not fit."""
    lacking = {*problems.missing, *problems.misshaped, *problems.wrong_dtype}
    if problems.doubled or 2 * len(lacking) > total:
        return []
    names = (path.partition("/")[2] for path in lacking)
    unused = (entry.partition(" -> ")[0] for entry in problems.unused)
    remedies = []
    if patterns := common_patterns(names, "/"):
        effect = "keeps fresh values there"
        remedies.append(Remedy("allow_missing", patterns, effect))
    if patterns := common_patterns(unused, "."):
        effect = "leaves those out"
        remedies.append(Remedy("allow_unused", patterns, effect))
    return remedies


def common_patterns(names: Iterable[str], separator: str) -> tuple[str, ...]:
    """Shell patterns that match the names, one for each top-level part.

    >>> common_patterns(["head/a/kernel", "head/a/bias", "aux/b"], "/")
    ('aux/b', 'head/a/*')
    """
    groups: dict[str, list[str]] = {}
    for name in sorted(names):
        groups.setdefault(name.partition(separator)[0], []).append(name)
    return tuple(_pattern(group, separator) for group in groups.values())


def _pattern(names: list[str], separator: str) -> str:
    if len(names) == 1:
        return names[0]
    common = []
    for words in zip(*(name.split(separator)[:-1] for name in names), strict=False):
        if len({*words}) > 1:
            break
        common.append(words[0])
    return separator.join([*common, "*"])


def _some(entries: list[str]) -> str:
    more = len(entries) - _SHOWN
    return ", ".join(map(printable, entries[:_SHOWN])) + (
        f" and {more} more" if more > 0 else ""
    )
