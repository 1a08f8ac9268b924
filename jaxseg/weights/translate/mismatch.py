"""Collects all differences between a checkpoint and a model, to report them at once."""

import dataclasses
from collections.abc import Iterable

from jaxseg.text import printable
from jaxseg.weights.translate.refused import Refused, Remedy

_SHOWN = 3  # A message shows at most this many entries of one kind.


@dataclasses.dataclass
class Problems:
    """Lists the tensors of a checkpoint and variables of a model that do not match.

    Attributes:
      missing: The paths of the model that the source does not contain.
      unused: The names in the source that correspond to no variable of the model. If
        the import table maps a name to a path, the entry also states the path.
      doubled: The names in the source that map to the same variable as another name.
      misshaped: For each path of the model whose shape differs, a text that states both
        shapes.
      wrong_dtype: For each path of the model whose type differs, a text that states
        both types.
    """

    missing: list[str] = dataclasses.field(default_factory=list)
    unused: list[str] = dataclasses.field(default_factory=list)
    doubled: list[str] = dataclasses.field(default_factory=list)
    misshaped: dict[str, str] = dataclasses.field(default_factory=dict)
    wrong_dtype: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def count(self) -> int:
        """Returns the number of tensors and variables that do not match."""
        return sum(len(entries) for entries in self._groups().values())

    def raise_if_any(self, *, total: int) -> None:
        """Raises a `Mismatch` if there is any problem.

        Its message states the number of problems of each kind and the first few names.
        Its attribute `problems` contains all of them.

        Args:
          total: The number of tensors of the model.

        Raises:
          Mismatch: If there is a problem.
        """
        if self.count:
            raise Mismatch(self, total)

    def summary(self) -> str:
        """Lists for each problem the number of tensors and the names of the first few.

        An example is `2 missing from the source (a, b); 1 of another shape (c)`.
        """
        groups = self._groups().items()
        return "; ".join(
            f"{len(entries)} {kind} ({_some(entries)})"
            for kind, entries in groups
            if entries
        )

    def _groups(self) -> dict[str, list[str]]:
        # A tensor of another shape does not count as missing, too.
        misfits = {*self.misshaped, *self.wrong_dtype}
        return {
            "of another shape": list(self.misshaped.values()),
            "of another kind of number": list(self.wrong_dtype.values()),
            "missing from the source": [p for p in self.missing if p not in misfits],
            "unused in the source": self.unused,
            "written twice": self.doubled,
        }


class Mismatch(Refused):
    """Is raised if weights do not fit a model.

    Args:
      problems: All tensors and variables that do not fit.
      total: The number of tensors of the model.
    """

    def __init__(self, problems: Problems, total: int):
        self.problems = problems
        super().__init__(
            f"the weights do not fit the {total} tensors of the model: "
            f"{problems.summary()}.",
            _remedies(problems, total),
        )


def _remedies(problems: Problems, total: int) -> list[Remedy]:
    """Returns options that ignore the problems, unless most tensors do not fit."""
    lacking = {*problems.missing, *problems.misshaped, *problems.wrong_dtype}
    if problems.doubled or 2 * len(lacking) > total:
        return []
    names = (path.partition("/")[2] for path in lacking)
    unused = (entry.partition(" -> ")[0] for entry in problems.unused)
    remedies = []
    if patterns := common_patterns(names, "/"):
        effect = "initialize those at random"
        remedies.append(Remedy("allow_missing", patterns, effect))
    if patterns := common_patterns(unused, "."):
        effect = "leave those out"
        remedies.append(Remedy("allow_unused", patterns, effect))
    return remedies


def common_patterns(names: Iterable[str], separator: str) -> tuple[str, ...]:
    """Returns shell patterns that match the names, one for each top-level module.

    If only one name belongs to a module, its pattern is the name itself.

    >>> common_patterns(["head/a/kernel", "head/a/bias", "aux/b"], "/")
    ('aux/b', 'head/a/*')

    Args:
      names: The names.
      separator: The separator of the parts of a name.
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
