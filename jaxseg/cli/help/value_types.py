"""Names the type of an option in help texts, such as PATH, INT or {jit,pmap}."""

from __future__ import annotations

import dataclasses
import types
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

SCALARS = {int: "INT", float: "FLOAT", str: "TEXT", Path: "PATH", bool: "BOOL"}
PATHS = {  # fields that contain a path as text
    *(
        "checkpoints",
        "config",
        "coordinates",
        "file",
        "init_from",
        "calibration_diagram",
    ),
    *("module", "output", "prepared_dir", "program", "raw_dir", "receipt"),
    *("json", "records", "results_dir", "target", "workdir", "images"),
}
PAIRS = {  # fields with several numbers, whose meaning a name says better than a type
    "box": "X0 Y0 X1 Y1",
    "attention": "ROW COLUMN",
    "crop": "H W",
    "size": "H W",
    "spacing": "H W",
    "stride": "H W",
    "window": "H W",
    "scale_range": "LOW HIGH",
    "range": "LOW HIGH",
    "space": "ROWS COLUMNS",
    "spatial_shards": "ROWS COLUMNS",
}
SPECIAL = {  # fields whose values have a form of their own
    "additional": "NAME FLOAT ...",
    "albumentations": "FILE.py:NAME",
    "allow_missing": "PATTERN ...",
    "allow_unused": "PATTERN ...",
    "augment": "ENTRY ...",
    "checkpoint": "best|latest|STEP",
    "class_thresholds": "CLASS FLOAT ...",
    "classes": "NAME ...",
    "coordinator": "HOST:PORT",
    "freeze": "PATTERN ...",
    "init_fresh": "PATTERN ...",
    "labels": "VALUE:CLASS ...",
    "lr_multipliers": "PATTERN FLOAT ...",
    "option": "NAME=VALUE ...",
    "oversample_classes": "CLASS ...",
    "rows": "NAME ...",
    "topology": "NAME:SHAPE",
    "variant": "NAME",
    "void_labels": "NAME ...",
}
NAMES = {  # fields that contain a name of a list, which other commands print
    *("backbone", "component", "dataset", "device_env_var", "entry", "export_names"),
    *("image", "label", "metric", "model", "name", "outside"),
    *("split", "train_split", "eval_split"),
}


@dataclasses.dataclass(frozen=True)
class ValueType:
    """Describes which values an option takes.

    Attributes:
      text: The name of the type, such as "INT" or "{jit,pmap}". It is empty for flags.
      choices: The allowed values, if there is a list of them.
      is_path: Whether the value is the path of a file or folder.
      many: Whether any number of values can follow.
    """

    text: str
    choices: tuple[str, ...] = ()
    is_path: bool = False
    many: bool = False


def value_type(field: str, hint: Any) -> ValueType:
    """Returns the `ValueType` that describes which values a field of options takes.

    Args:
      field: The name of the field.
      hint: Its type annotation.
    """
    kinds = alternatives(hint)
    choices = tuple(dict.fromkeys(word for kind in kinds for word in literals(kind)))
    many = any(is_sequence(kind) for kind in kinds)
    is_path = (field in PATHS and str in kinds) or Path in kinds
    is_path = is_path or any(Path in get_args(kind) for kind in kinds)
    is_path = is_path or (field in PATHS and any(str in get_args(k) for k in kinds))
    if special := _special(field, kinds):
        return ValueType(special, choices, is_path, many)
    texts = [_name(field, kind) for kind in kinds]
    return ValueType(" | ".join(dict.fromkeys(texts)), choices, is_path, many)


def alternatives(hint: Any) -> list[Any]:
    """Returns the list of types in a union such as `int | str | None`, but not None."""
    origin = get_origin(hint)
    if origin is Annotated:
        return alternatives(get_args(hint)[0])
    if origin in (Union, types.UnionType):
        found = [kind for part in get_args(hint) for kind in alternatives(part)]
        return [kind for kind in found if kind is not type(None)]
    return [hint]


def literals(hint: Any) -> tuple[str, ...]:
    """Returns a tuple of the values of all `Literal` types that a type contains."""
    if get_origin(hint) is Literal:
        return tuple(str(word) for word in get_args(hint) if word is not None)
    if hint is Ellipsis or isinstance(hint, str):
        return ()
    parts = get_args(hint)
    if get_origin(hint) is Annotated:
        parts = parts[:1]
    return tuple(word for part in parts for word in literals(part))


def literal_free(hint: Any) -> set[Any]:
    """Returns a set of the scalar types in a type, without its `Literal` types."""
    if get_origin(hint) is Literal:
        return set()
    parts = [part for part in get_args(hint) if part is not Ellipsis]
    return {one for part in parts for one in literal_free(part)} if parts else {hint}


def is_sequence(hint: Any) -> bool:
    """Returns whether a type is a tuple of any number of values."""
    return get_origin(hint) is tuple and get_args(hint)[-1] is Ellipsis


def _special(field: str, kinds: list[Any]) -> str:
    """Returns the text of a field whose values have a form of their own, or ""."""
    texts = any(kind is str or str in literal_free(kind) for kind in kinds)
    if field in SPECIAL and texts:
        many = any(is_sequence(kind) for kind in kinds)
        text = SPECIAL[field]
        return f"{text} ..." if many and not text.endswith("...") else text
    return ""


def _name(field: str, kind: Any) -> str:
    if words := literals(kind):
        text = "{" + ",".join(words) + "}"
        if get_origin(kind) is Literal and len(words) == 1:
            text = words[0]
        return f"{text} ..." if is_sequence(kind) else text
    if get_origin(kind) is tuple:
        parts = get_args(kind)
        if parts[-1] is Ellipsis:
            return f"{_name(field, parts[0])} ..."
        if field in PAIRS and len(PAIRS[field].split()) == len(parts):
            return PAIRS[field]
        return " ".join(_name("", part) for part in parts)
    if kind is str and field in PATHS:
        return "PATH"
    if kind is str and field in NAMES:
        return "NAME"
    return SCALARS.get(kind, "VALUE")
