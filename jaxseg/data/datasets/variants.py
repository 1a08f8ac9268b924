"""Choices that published work makes differently: the option `data.variant`."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any

from jaxseg.text import near


@dataclasses.dataclass(frozen=True)
class Choice:
    """One way to read a dataset.

    Attributes:
        name: A word of `data.variant`.
        title: What it means, in a sentence.
        changes: Fields of the record that differ from the default.
    """

    name: str
    title: str
    changes: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Option:
    """Ways to read a dataset that exclude each other.

    Attributes:
        title: What is chosen, such as "split".
        choices: The first one is the default, and changes nothing.
    """

    title: str
    choices: tuple[Choice, ...]

    def describe(self) -> str:
        """The choices with their meaning, one in a line."""
        default, *others = self.choices
        lines = [f"{default.name}: {default.title} (default {self.title})"]
        return "\n".join(lines + [f"{one.name}: {one.title}" for one in others])


def check_options(
    dataset: str, options: Collection[Option], fields: Collection[str]
) -> None:
    """Raises ValueError for options of a record that do not work together."""
    names = [choice.name for option in options for choice in option.choices]
    if len(set(names)) < len(names):
        raise ValueError(f"options of dataset {dataset!r} repeat a name: {names}.")
    changed: dict[str, str] = {}
    for option in options:
        if option.choices[0].changes:
            raise ValueError(
                f"option {option.title!r} of dataset {dataset!r} is invalid: expected "
                "a first choice that changes nothing, because it is the default."
            )
        for name in {name for choice in option.choices for name in choice.changes}:
            other = changed.setdefault(name, option.title)
            if name not in fields or other != option.title:
                raise ValueError(
                    f"option {option.title!r} of dataset {dataset!r} is invalid: it "
                    f"changes {name!r}, which is no field or changed by another option."
                )


def chosen(
    dataset: str, options: Collection[Option], variant: tuple[str, ...]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The changes that the words of `data.variant` ask for.

    Returns:
        The changed fields, and the names of the choices that are not the default.

    Raises:
        ValueError: For a word that is no choice, and for two choices of one option.
    """
    names = [choice.name for option in options for choice in option.choices]
    for word in variant:
        if word not in names:
            known = near(word, names) if names else f"; dataset {dataset!r} has none"
            raise ValueError(f"data.variant={word!r} is invalid{known}")
    changes: dict[str, Any] = {}
    found: list[str] = []
    for option in options:
        wanted = [choice for choice in option.choices if choice.name in variant]
        if len(wanted) > 1:
            words = " ".join(choice.name for choice in wanted)
            raise ValueError(
                f"data.variant={words!r} is invalid: expected one {option.title} of "
                f"dataset {dataset!r}. Leave out one of the words."
            )
        for choice in wanted:
            changes |= choice.changes
            found += [choice.name] if choice is not option.choices[0] else []
    return changes, tuple(found)
