"""Assigns numbers to the classes of several datasets that train one network.

The network predicts the union of the datasets' classes: K classes, to which the classes
of each dataset are mapped. In training, a label below K is one of these classes. If a
class of a dataset is mapped to several classes of the union, these form a set.
`Union.merged` lists all such sets, and the label K + g stands for the set with the
index g. In evaluation, each dataset is scored in its own classes. The scored classes of
all datasets are numbered one after the other, so that one confusion matrix contains the
counts of all datasets.
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
    """Contains the classes that a network predicts, and the datasets that map to them.

    These classes are called the union. There are K of them.

    Attributes:
      classes: The class names of the union.
      members: The datasets.
    """

    classes: tuple[str, ...]
    members: tuple[Member, ...]

    @functools.cached_property
    def merged(self) -> tuple[tuple[int, ...], ...]:
        """Returns each set of network classes that some dataset labels as one class.

        A set is a tuple of class indices. In training, the label K + g stands for the
        set with the index g, where K is the number of the network's classes.
        """
        sets = (names for names in self._indices() if len(names) > 1)
        return tuple(dict.fromkeys(sets))

    @functools.cached_property
    def label_table(self) -> np.ndarray:
        """Returns the table that converts each dataset's labels to training labels.

        It is int32 [D, S] for D datasets, of which the largest has S classes. Row d and
        column s contain the training label of class s of dataset d. -2 stands for void,
        and -1 for class numbers that the dataset does not have.
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
        """Returns the table that converts each dataset's labels to scored classes.

        It is int32 [D, S] for D datasets, of which the largest has S classes. Row d and
        column s contain the number of the scored class that contains class s of dataset
        d. -2 stands for void, and -1 for class numbers that the dataset does not have.

        A scored class is a class, or a group of classes, of one dataset for which the
        evaluation reports a score.
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
        """Returns for each dataset the slice with the numbers of its scored classes.

        The scored classes of all datasets are numbered one after the other. A scored
        class is a class, or a group of classes, of one dataset for which the evaluation
        reports a score.
        """
        counts = [len(member.groups) for member in self.members]
        ends = np.cumsum(counts).tolist()
        return tuple(slice(end - n, end) for n, end in zip(counts, ends, strict=True))

    @functools.cached_property
    def scored(self) -> tuple[str, ...]:
        """Returns the names of all datasets' scored classes, such as "streets/car".

        A scored class is a class, or a group of classes, of one dataset for which the
        evaluation reports a score.
        """
        return tuple(f"{m.name}/{name}" for m in self.members for name in m.scored)

    @functools.cached_property
    def sums(self) -> np.ndarray:
        """Returns the matrix that says which classes form each scored class.

        It is float32 [K, J]: 1 where one of the network's K classes belongs to one of
        the J scored classes, and 0 elsewhere. A scored class is a class, or a group of
        classes, of one dataset for which the evaluation reports a score. A product
        with the matrix adds up the probabilities of the network's classes.
        """
        place = {name: k for k, name in enumerate(self.classes)}
        table = np.zeros((len(self.classes), len(self.scored)), np.float32)
        columns = (names for m in self.members for names in m.scored_targets)
        for column, names in enumerate(columns):
            table[[place[name] for name in names], column] = 1
        return table

    @functools.cached_property
    def owners(self) -> np.ndarray:
        """Returns the index of the dataset of each of the J scored classes, int32 [J].

        A scored class is a class, or a group of classes, of one dataset for which the
        evaluation reports a score.
        """
        counts = [len(member.groups) for member in self.members]
        return np.repeat(np.arange(len(counts), dtype=np.int32), counts)

    def inseparable(self) -> list[tuple[str, ...]]:
        """Returns groups of class names that no dataset distinguishes, as tuples.

        The names are those of the network's classes. Every class of a dataset is mapped
        either to all classes of a group or to none of them.
        """
        groups: dict[tuple, list[str]] = {}
        for k, name in enumerate(self.classes):
            marks = tuple(k in s for s in dict.fromkeys(self._indices()))
            if any(marks):
                groups.setdefault(marks, []).append(name)
        return [tuple(names) for names in groups.values() if len(names) > 1]

    def unreached(self) -> list[str]:
        """Returns the names of the network's classes that no dataset has.

        No class of any dataset is mapped to these classes.
        """
        reached = {k for s in self._indices() for k in s}
        return [name for k, name in enumerate(self.classes) if k not in reached]

    def member(self, name: str) -> int:
        """Returns the index of the dataset with the given name."""
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
