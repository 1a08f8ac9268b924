"""Numbers the labels of datasets that train together.

The network predicts the K classes of the union. In training, a label below K is a
class of the union, and the label K + g stands for the classes `merged[g]`, which some
dataset does not distinguish. In evaluation, each dataset is scored in its own classes.
The scored classes of all datasets are numbered one after the other, so that one
confusion matrix contains the counts of all datasets.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Sequence

import numpy as np

from jaxseg.data.mix.member import Member

BAD = -1  # The number of a label that a dataset does not have.
VOIDED = -2  # The number of a class that goes to void.


@dataclasses.dataclass(frozen=True)
class Union:
    """Contains the classes of the union and the datasets that map to them.

    Attributes:
      classes: The class names of the union.
      members: The datasets.
    """

    classes: tuple[str, ...]
    members: tuple[Member, ...]

    @functools.cached_property
    def merged(self) -> tuple[tuple[int, ...], ...]:
        """Returns the classes of the union that each merged label stands for.

        The first merged label is K, the number of classes of the union.
        """
        sets = (names for names in self._indices() if len(names) > 1)
        return tuple(dict.fromkeys(sets))

    @functools.cached_property
    def label_table(self) -> np.ndarray:
        """Returns the training label of each label of each dataset, int32 [D, S].

        Rows are padded with -1 to equal length, and -2 stands for void.
        """
        numbers = {(k,): k for k in range(len(self.classes))}
        numbers |= {s: len(self.classes) + g for g, s in enumerate(self.merged)}
        rows = [
            [numbers[s] if s else VOIDED for s in self._indices((member,))]
            for member in self.members
        ]
        return _table(rows)

    @functools.cached_property
    def score_table(self) -> np.ndarray:
        """Returns the scored class of each label of each dataset, int32 [D, S].

        Rows are padded with -1 to equal length, and -2 stands for void.
        """
        rows = []
        for member, block in zip(self.members, self.blocks, strict=True):
            row = [VOIDED] * len(member.classes)
            for place, group in enumerate(member.groups):
                for label in group:
                    row[label] = block.start + place
            rows.append(row)
        return _table(rows)

    @functools.cached_property
    def blocks(self) -> tuple[slice, ...]:
        """Returns for each dataset the slice of its scored classes."""
        counts = [len(member.groups) for member in self.members]
        ends = np.cumsum(counts).tolist()
        return tuple(slice(end - n, end) for n, end in zip(counts, ends, strict=True))

    @functools.cached_property
    def scored(self) -> tuple[str, ...]:
        """Returns the name of each scored class, such as "streets/car"."""
        return tuple(f"{m.name}/{name}" for m in self.members for name in m.scored)

    @functools.cached_property
    def sums(self) -> np.ndarray:
        """Returns the matrix [K, J] of 0 and 1 that sums classes to scored ones."""
        place = {name: k for k, name in enumerate(self.classes)}
        table = np.zeros((len(self.classes), len(self.scored)), np.float32)
        columns = (names for m in self.members for names in m.scored_targets)
        for column, names in enumerate(columns):
            table[[place[name] for name in names], column] = 1
        return table

    @functools.cached_property
    def owners(self) -> np.ndarray:
        """Returns the index of the dataset of each scored class, int32 [J]."""
        counts = [len(member.groups) for member in self.members]
        return np.repeat(np.arange(len(counts), dtype=np.int32), counts)

    def inseparable(self) -> list[tuple[str, ...]]:
        """Returns the groups of union classes that no dataset tells apart."""
        groups: dict[tuple, list[str]] = {}
        for k, name in enumerate(self.classes):
            marks = tuple(k in s for s in dict.fromkeys(self._indices()))
            if any(marks):
                groups.setdefault(marks, []).append(name)
        return [tuple(names) for names in groups.values() if len(names) > 1]

    def unreached(self) -> list[str]:
        """Returns the union classes to which no dataset maps a class."""
        reached = {k for s in self._indices() for k in s}
        return [name for k, name in enumerate(self.classes) if k not in reached]

    def member(self, name: str) -> int:
        """Returns the index of a dataset by its name."""
        return [member.name for member in self.members].index(name)

    def _indices(
        self, members: Sequence[Member] | None = None
    ) -> Iterator[tuple[int, ...]]:
        """Yields the indices of the targets of every class of the datasets."""
        place = {name: k for k, name in enumerate(self.classes)}
        for member in self.members if members is None else members:
            for names in member.targets:
                yield tuple(sorted(place[name] for name in names))


def _table(rows: list[list[int]]) -> np.ndarray:
    width = max(map(len, rows))
    return np.array([row + [BAD] * (width - len(row)) for row in rows], np.int32)
