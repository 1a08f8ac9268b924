"""Defines the variants that the option `data.variant` can select.

A dataset has variants if publications use it in different ways, such as with different
splits. Each `Option` is one property in which publications differ, such as the split.
Its `Choice` objects are the variants that `data.variant` can name.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any

from jaxseg.text import near


@dataclasses.dataclass(frozen=True)
class Choice:
    """Describes one variant, a way to read a dataset.

    Attributes:
      name: The word that selects this variant in `data.variant`.
      title: A sentence that explains the variant.
      changes: The fields of `Dataset` that differ from the default. The key
        "layout.NAME" changes the field NAME of the dataclass in `Dataset.layout`.
    """

    name: str
    title: str
    changes: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Option:
    """Contains the variants of one property of a dataset. One of them is selected.

    Attributes:
      title: The name of the property, such as "split".
      choices: The variants. The first one is the default and changes nothing.
    """

    title: str
    choices: tuple[Choice, ...]

    def describe(self) -> str:
        """Returns text that names and explains all variants, one variant per line."""
        default, *others = self.choices
        lines = [f"{default.name}: {default.title} (default {self.title})"]
        return "\n".join(lines + [f"{one.name}: {one.title}" for one in others])


def check_options(
    dataset: str, options: Collection[Option], fields: Collection[str]
) -> None:
    """Raises ValueError if the description of a dataset's variants is wrong.

    All variants need different names. The first variant of each property is the default
    and must change nothing. Variants of different properties must not change the same
    field.

    Args:
      dataset: The name of the dataset.
      options: The properties in which the variants differ, each with its variants.
      fields: The names of the fields that a variant can change.
    """
    names = [choice.name for option in options for choice in option.choices]
    if len(set(names)) < len(names):
        raise ValueError(
            f"The variants of dataset {dataset!r} are invalid: expected a different "
            f"name for each, found {names}."
        )
    changed: dict[str, str] = {}
    for option in options:
        if option.choices[0].changes:
            raise ValueError(
                f"option {option.title!r} of dataset {dataset!r} is invalid: expected "
                "a first choice that changes no field, because it is the default."
            )
        for name in {name for choice in option.choices for name in choice.changes}:
            other = changed.setdefault(name, option.title)
            if name not in fields or other != option.title:
                raise ValueError(
                    f"option {option.title!r} of dataset {dataset!r} is invalid: "
                    "expected fields of `Dataset` that no other option changes, "
                    f"found {name!r}."
                )


def chosen(
    dataset: str, options: Collection[Option], variant: tuple[str, ...]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Returns the fields of a `Dataset` that a value of `data.variant` changes.

    Args:
      dataset: The name of the dataset.
      options: The properties in which the variants differ, each with its variants.
      variant: The words of `data.variant`.

    Returns:
      A pair of a dictionary from the names of the changed fields to their new values,
      and a tuple of those words of `variant` that do not select a default.

    Raises:
      ValueError: If a word is not a variant, or two words are variants of one property.
    """
    names = [choice.name for option in options for choice in option.choices]
    for word in variant:
        if word not in names:
            none = f": expected no variant, because dataset {dataset!r} has none."
            known = near(word, names) if names else none
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
