"""Lists the options of a command from its dataclass of arguments.

The parser tyro reads the same dataclass. A test checks that both have the same options.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import tyro

from jaxseg.cli.help.docstrings import field_descriptions, summary_of
from jaxseg.cli.help.titles import TITLES
from jaxseg.cli.help.value_types import ValueType, alternatives, value_type

FLAG = ValueType("")


@dataclasses.dataclass(frozen=True)
class Option:
    """Describes one option, or one positional argument, of a command.

    Attributes:
      names: The names, such as ("-o", "--output"). A flag that can be negated has both
        names, such as ("--digest", "--no-digest"). A positional argument has no names.
      value: The type of the value.
      description: Sentences that describe the option, on one line.
      required: Whether the option must be given.
      key: The dotted name of the field, such as "data.crop".
    """

    names: tuple[str, ...]
    value: ValueType
    description: str
    required: bool = False
    key: str = ""

    @property
    def title(self) -> str:
        """Returns the option as the help shows it, such as `-o, --output PATH`."""
        words = [*([", ".join(self.names)] if self.names else [])]
        words += [self.value.text] if self.value.text else []
        return " ".join(words)


@dataclasses.dataclass(frozen=True)
class Group:
    """Contains the options that a help text shows under one title.

    Attributes:
      title: The title.
      description: Sentences below the title, or an empty string.
      options: The options.
    """

    title: str
    description: str
    options: tuple[Option, ...]


def groups_of(kind: type, default: Any = None) -> list[Group]:
    """Returns the options of a command as a list of groups.

    Args:
      kind: The dataclass of the arguments.
      default: An instance of `kind` that supplies the default values, or None for the
        defaults in `kind`.

    Returns:
      A list: a group of the positional arguments, a group of the options that `kind`
      itself defines, and a group for each field of `kind` that is a dataclass. Groups
      without options are left out.
    """
    found = list(_groups(kind, default, "", "Options"))
    first, *others = found
    positional = tuple(one for one in first.options if not one.names)
    named = tuple(one for one in first.options if one.names)
    groups = [Group("Arguments", "", positional), Group("Options", "", named), *others]
    return [group for group in groups if group.options]


def _groups(kind: type, default: Any, prefix: str, title: str) -> Iterator[Group]:
    hints = get_type_hints(kind, include_extras=True)
    texts = field_descriptions(kind)
    own: list[Option] = []
    nested: list[Group] = []
    for field in dataclasses.fields(kind):
        hint = hints[field.name]
        settings = _settings(hint)
        inner = alternatives(hint)[0]
        name = settings.get("name")
        name = field.name.replace("_", "-") if name is None else name
        dotted = ".".join(filter(None, (prefix, name)))
        value = _default(field, default)
        if dataclasses.is_dataclass(inner):
            start = None if value is tyro.MISSING else value
            heading = TITLES.get(inner.__name__) or summary_of(inner).split(".")[0]
            nested += _groups(inner, start, dotted, heading)
        elif not _holds_dataclasses(inner):
            own.append(_option(field.name, hint, dotted, value, texts, settings))
    yield Group(title, "", tuple(own))
    yield from nested


def _settings(hint: Any) -> dict[str, Any]:
    """Returns the name and the aliases that an annotation gives, and its markers."""
    found: dict[str, Any] = {"markers": set()}
    if get_origin(hint) is not Annotated:
        return found
    for item in get_args(hint)[1:]:
        if hasattr(item, "aliases"):
            found |= {"name": item.name, "aliases": tuple(item.aliases or ())}
            found |= {"metavar": item.metavar} if item.metavar else {}
        else:
            found["markers"].add(str(item))
    return found


def _default(field: dataclasses.Field, instance: Any) -> Any:
    if instance is not None:
        return getattr(instance, field.name)
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return tyro.MISSING if field.default is dataclasses.MISSING else field.default


def _holds_dataclasses(hint: Any) -> bool:
    return any(dataclasses.is_dataclass(part) for part in get_args(hint))


def _option(
    field: str,
    hint: Any,
    dotted: str,
    default: Any,
    texts: dict[str, str],
    settings: dict[str, Any],
) -> Option:
    description = texts.get(field, "")
    key = dotted.replace("-", "_")
    kind = alternatives(hint)[0]
    if get_origin(kind) is dict:
        return Option((f"--{dotted}.NAME",), ValueType("VALUE"), description, key=key)
    if kind is bool:
        paired = not any("Pairs" in str(mark) for mark in settings["markers"])
        names = _flag_names(dotted, paired=paired, default=bool(default))
        shown = _sentence(description, "on" if default else "off") if paired else ""
        return Option(names, FLAG, shown or description, key=key)
    value = value_type(field, hint)
    if settings.get("metavar"):
        value = dataclasses.replace(value, text=settings["metavar"])
    required = default is tyro.MISSING
    text = "" if required else _in_words(default)
    description = _sentence(description, text) if text else description
    if "Positional" in settings["markers"]:
        label = _label(field, value)
        return Option((), dataclasses.replace(value, text=label), description, required)
    names = (*settings.get("aliases", ()), f"--{dotted}")
    return Option(names, value, description, required, key)


def _flag_names(dotted: str, *, paired: bool, default: bool) -> tuple[str, ...]:
    parent, _, last = dotted.rpartition(".")
    negative = f"--{parent}.no-{last}" if parent else f"--no-{last}"
    if paired:
        return f"--{dotted}", negative
    return (negative,) if default else (f"--{dotted}",)


def _label(field: str, value: ValueType) -> str:
    """Returns the name of a positional argument, such as `IMAGES ...`."""
    return field.upper() + (" ..." if value.many else "")


def _sentence(description: str, default: str) -> str:
    """Appends the default value to a description."""
    if re.search(rf"[Dd]efault (is|of) {re.escape(default)}\b", description):
        return description
    return f"{description} Default: {default}.".strip()


def _in_words(value: Any) -> str:
    """Returns a default value as text, or "" for None and for empty values."""
    if value is None or value == () or value == "":
        return ""
    if isinstance(value, tuple):
        return " ".join(filter(None, map(_in_words, value)))
    return f"{value:g}" if isinstance(value, float) else str(value)
