"""Writes the configuration reference from the dataclasses of `jaxseg.config`."""

import dataclasses
import re
import types
import typing

import docstring_parser

from jaxseg import config

SECTIONS = {  # section of `Config` -> title
    "model": "The network",
    "data": "The data",
    "optim": "The optimizer",
    "loss": "The loss",
    "train": "The run",
    "lab": "The measurements during training",
}
WORDS = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "true or false",
    dict: "dictionary",
    type(None): "None",
    typing.Any: "any",
}


def configuration() -> str:
    """Markdown with one table for each section of a configuration."""
    parts = []
    for field in dataclasses.fields(config.Config):
        title = SECTIONS.get(field.name, field.name)
        kind = typing.get_type_hints(config.Config)[field.name]
        parts.append(f"## {title}: `{field.name}`\n\n{table(kind, f'{field.name}.')}")
    parts.append(
        "## One of several datasets: `data.mix`\n\n"
        "Each entry of `data.mix` is a `MemberConfig`, which is written in a "
        "configuration file ([several datasets](../guide/several_datasets.md)).\n\n"
        + table(config.MemberConfig, "")
    )
    return "\n\n".join(parts)


def table(kind: type, prefix: str) -> str:
    """Markdown for one dataclass: its name, its purpose, and a list of its fields.

    Args:
      kind: The dataclass.
      prefix: What the command line writes before the name of a field, such as "data.".
        If it is empty, the fields have no options.
    """
    doc = docstring_parser.parse(kind.__doc__)
    described = {parameter.arg_name: parameter.description for parameter in doc.params}
    hints = typing.get_type_hints(kind)
    rows = [
        f"```{{py:class}} jaxseg.config.{kind.__name__}\n{doc.short_description}\n```",
        "| field | type | default | meaning |\n| --- | --- | --- | --- |",
    ]
    for field in dataclasses.fields(kind):
        if not (text := described.get(field.name)):
            raise ValueError(f"{kind.__name__}.{field.name} has no description.")
        option = f"<br>`--{prefix}{field.name.replace('_', '-')}`" if prefix else ""
        cells = (
            f"`{field.name}`{option}",
            readable(hints[field.name]),
            f"`{default(field)}`",
            cell(text),
        )
        rows[1] += f"\n| {' | '.join(cells)} |"
    return "\n\n".join(rows)


def readable(hint: object) -> str:
    """A type in words.

    >>> readable(int | None), readable(tuple[float, ...]), readable(tuple[int, int])
    ('integer or None', 'numbers', 'integer, integer')
    >>> readable(typing.Literal["jit", "pmap"])
    '`jit` or `pmap`'
    """
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        *most, last = (f"`{value}`" for value in arguments)
        return f"{', '.join(most)} or {last}" if most else last
    if origin in (typing.Union, types.UnionType):
        return " or ".join(dict.fromkeys(map(readable, arguments)))
    if origin is tuple and arguments[-1] is Ellipsis:
        word = readable(arguments[0])
        return (
            f"{word}s" if word in ("integer", "number", "text") else f"list of {word}"
        )
    if origin is tuple:
        return ", ".join(map(readable, arguments))
    kind = origin or hint
    return WORDS.get(kind) or f"`{getattr(kind, '__name__', kind)}`"


def default(field: dataclasses.Field) -> object:
    """The default of a field, as Python writes it."""
    if field.default is not dataclasses.MISSING:
        return repr(field.default).replace("|", "\\|")
    if field.default_factory is not dataclasses.MISSING:
        return repr(field.default_factory())
    return "required"


def cell(text: str) -> str:
    """A description as one line of a table."""
    line = re.sub(r"\s+", " ", text).replace("|", "\\|")
    return re.sub(r"(?<![\w/`])([A-Z]{2,}:[A-Z/:]+)", r"`\1`", line)


if __name__ == "__main__":
    print(configuration())
