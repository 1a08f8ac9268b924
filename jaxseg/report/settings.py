"""Lists the settings of runs, and the settings in which runs differ."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any

from jaxseg.config import Config
from jaxseg.report.formats import ABSENT
from jaxseg.report.record import RunRecord
from jaxseg.runs.serialize import differences, to_dict


@dataclasses.dataclass(frozen=True)
class SettingRow:
    """Contains one setting of a configuration, and its value in each run.

    Attributes:
      name: The dotted name of the field, such as "optim.learning_rate".
      values: Its value in each run, as text.
    """

    name: str
    values: tuple[str, ...]


def different_settings(records: Sequence[RunRecord]) -> list[SettingRow]:
    """Returns a list of the settings in which a run differs from the first run.

    Each row of the list contains the name of a setting and its value in each run.

    Args:
      records: The runs.
    """
    trees = [to_dict(record.config) for record in records]
    names = [name for tree in trees[1:] for name in _different(trees[0], tree)]
    return _rows(names, trees)


def chosen_settings(record: RunRecord) -> list[SettingRow]:
    """Returns a list of the settings in which a run differs from the defaults.

    Args:
      record: The run.

    Returns:
      For each such setting, its name and two values: that of the run and the default.
    """
    default, tree = to_dict(Config()), to_dict(record.config)
    return _rows(_different(default, tree), [tree, default])


def all_settings(records: Sequence[RunRecord]) -> list[SettingRow]:
    """Returns a list of all settings of the runs, each with its value in each run.

    Args:
      records: The runs.
    """
    trees = [to_dict(record.config) for record in records]
    return _rows([name for tree in trees for name in _leaves(tree)], trees)


def _different(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[str]:
    """Returns the names of the fields that differ."""
    # A line has the form "name: 1 there, 2 here", and no name contains ": ".
    return [line.partition(": ")[0] for line in differences(first, second)]


def _rows(names: Sequence[str], trees: Sequence[Mapping[str, Any]]) -> list[SettingRow]:
    return [
        SettingRow(name, tuple(_text(tree, name) for tree in trees))
        for name in dict.fromkeys(names)
    ]


def _text(tree: Mapping[str, Any], name: str) -> str:
    value: Any = tree
    for key in re.findall(r"[^.\[\]]+", name):
        if isinstance(value, list):
            if not key.isdigit() or int(key) >= len(value):
                return ABSENT
            value = value[int(key)]
        elif isinstance(value, Mapping) and key in value:
            value = value[key]
        else:
            return ABSENT
    return readable(value)


def readable(value: Any) -> str:
    """Formats the value of a setting for the report.

    >>> readable([96, 128]), readable({"width": 16}), readable(None)
    ('96, 128', 'width=16', 'none')
    """
    if isinstance(value, Mapping):
        pairs = [f"{key}={readable(item)}" for key, item in value.items()]
        return ", ".join(pairs) or "empty"
    if isinstance(value, list):
        return ", ".join(map(readable, value)) or "empty"
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _leaves(tree: Mapping[str, Any], start: str = "") -> list[str]:
    names = []
    for key, value in tree.items():
        is_branch = isinstance(value, Mapping) and value
        names += _leaves(value, f"{start}{key}.") if is_branch else [f"{start}{key}"]
    return names
