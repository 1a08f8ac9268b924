"""Describes one of several datasets on which one network is trained."""

from __future__ import annotations

import dataclasses
from typing import Any

from jaxseg.data.mix.class_map import ClassMap

Color = tuple[int, int, int]
JOINED = " + "  # Joins the names of classes that the union does not distinguish.


@dataclasses.dataclass(frozen=True)
class Member:
    """Describes one of several datasets on which one network is trained.

    The union classes are the classes that this network predicts.

    Attributes:
      name: The name of the dataset within the run.
      classes: The class names in label order.
      palette: The RGB color of each class.
      targets: For each class, the names of the union classes to which it is mapped, or
        () if it is mapped to void.
      void: The ignore index of the labels of the dataset.

    Raises:
      ValueError: If two classes share some, but not all, of their union classes.
    """

    name: str
    classes: tuple[str, ...]
    palette: tuple[Color, ...]
    targets: tuple[tuple[str, ...], ...]
    void: int = 255

    def __post_init__(self) -> None:
        if not len(self.classes) == len(self.palette) == len(self.targets):
            raise ValueError(
                f"The dataset {self.name!r} is invalid: expected a color and targets "
                f"for each of {len(self.classes)} classes, found {len(self.palette)} "
                f"colors, and targets for {len(self.targets)} classes."
            )
        owner: dict[str, int] = {}
        for k, names in enumerate(self.targets):
            for name in names:
                other = owner.setdefault(name, k)
                if set(self.targets[other]) != set(names):
                    raise ValueError(
                        f"The class map of {self.name!r} is invalid: expected that two "
                        "classes have either equal targets or no common target, but "
                        f"{self.classes[other]!r} and {self.classes[k]!r} share the "
                        f"target {name!r} and differ in other targets. The prediction "
                        f"{name!r} could therefore not be scored. Correct the targets "
                        "of one of the two classes."
                    )

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """Returns a tuple of class indices for each group that is scored as one class.

        Classes with equal targets form a group, because the network does not
        distinguish them. If no other class has the targets of a class, its group has
        one class. Classes that are mapped to void are in no group. The groups are
        sorted by their first class.
        """
        found: dict[frozenset[str], list[int]] = {}
        for k, names in enumerate(self.targets):
            if names:
                found.setdefault(frozenset(names), []).append(k)
        return tuple(map(tuple, found.values()))

    @property
    def scored(self) -> tuple[str, ...]:
        """Returns the name of each group of classes that is scored as one class.

        The name joins the names of the classes in the group, such as "car + truck".
        """
        return tuple(JOINED.join(self.classes[k] for k in g) for g in self.groups)

    @property
    def scored_palette(self) -> tuple[Color, ...]:
        """Returns the RGB color of each group of classes that is scored as one class.

        It is the color of the first class in the group.
        """
        return tuple(self.palette[group[0]] for group in self.groups)

    @property
    def scored_targets(self) -> tuple[tuple[str, ...], ...]:
        """Returns the names of the union classes to which each group is mapped.

        A group is a set of classes of this dataset that are scored as one class. The
        union classes are the classes that the network predicts.
        """
        return tuple(self.targets[group[0]] for group in self.groups)

    def class_map(self, union: tuple[str, ...]) -> ClassMap:
        """Returns the class map from the classes of this dataset to those of a network.

        Args:
          union: The names of the classes that the network predicts.
        """
        return ClassMap(self.classes, union, self.targets)

    @classmethod
    def from_json(cls, fields: Any) -> Member:
        """Creates a `Member` from the JSON form of its fields.

        Args:
          fields: A JSON object that `dataclasses.asdict` has returned for a `Member`.

        Raises:
          ValueError: If a field is missing, unknown or of another type.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        if not isinstance(fields, dict) or set(fields) != known:
            raise ValueError(
                "an entry of members is not a JSON object with the fields "
                f"{sorted(known)}"
            )
        lists = {
            "classes": _texts(fields["classes"]),
            "palette": tuple(map(_color, _list(fields["palette"]))),
            "targets": tuple(map(_texts, _list(fields["targets"]))),
        }
        if not isinstance(fields["name"], str) or type(fields["void"]) is not int:
            raise ValueError(
                "an entry of members has a name that is not a string, or a value of "
                "void that is not a whole number"
            )
        return cls(name=fields["name"], void=fields["void"], **lists)


def _list(value: Any) -> list:
    if not isinstance(value, list):
        raise ValueError(f"{str(value)[:100]!r} in members is not a list")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if not all(isinstance(item, str) for item in _list(value)):
        raise ValueError(f"{str(value)[:100]!r} in members is not a list of names")
    return tuple(value)


def _color(value: Any) -> Color:
    levels = tuple(_list(value))
    if len(levels) != 3 or any(type(x) is not int or not 0 <= x <= 255 for x in levels):
        raise ValueError(
            f"{str(value)[:100]!r} in members is not a color, that is, a list of three "
            "whole numbers from 0 to 255"
        )
    return levels
