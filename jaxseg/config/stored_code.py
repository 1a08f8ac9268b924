"""Marks the Python files that a run directory names, so that they are not executed.

A run directory or a receipt can come from anybody, and opening its data would import
the module of `data.module`. Configurations that are read from a file of a run therefore
contain a mark in the options that name code. Only a name that the user has given
replaces it.
"""

import dataclasses
from collections.abc import Callable, Collection, Iterator
from typing import Any

from jaxseg.config.data import DataConfig
from jaxseg.config.run import Config
from jaxseg.config.wording import option_text

MARK = "stored in the run directory: "
_FIELDS = ("module", "albumentations")


def marked(config: Config) -> Config:
    """Returns a configuration in which the options that name code are marked.

    >>> marked(Config(data=DataConfig(module="roofs"))).data.module
    'stored in the run directory: roofs'

    Args:
      config: A configuration from a file that may come from somebody else.
    """
    return dataclasses.replace(config, data=_changed(config.data, _mark))


def unmarked(config: Config) -> Config:
    """Returns a configuration without the marks, to be compared or stored.

    Args:
      config: A configuration that `marked` may have returned.
    """
    return dataclasses.replace(config, data=_changed(config.data, _name))


def permitted(data: DataConfig, modules: Collection[str]) -> DataConfig:
    """Returns data options without the marks of the modules that the user has named.

    A single name replaces the module of a single dataset, so that its file can be at
    another place than in the training.

    Args:
      data: The data options of a run.
      modules: The modules that the user has named. Marked names are ignored.
    """
    own = [name for name in modules if not name.startswith(MARK)]
    if len(own) == 1 and not data.mix and data.module is not None:
        return dataclasses.replace(data, module=own[0])

    def permit(value: str) -> str:
        return _name(value) if _name(value) in own else value

    return _changed(data, permit, ("module",))


def with_named_modules(data: DataConfig) -> DataConfig:
    """Returns data options in which `data.module` permits the modules of a mix.

    The module of a single dataset needs no change, because the name that the user gives
    replaces the marked one.

    Args:
      data: The data options of a run with the changes of the user.
    """
    if not data.mix or data.module is None:
        return data
    return permitted(dataclasses.replace(data, module=None), (data.module,))


def named_modules(data: DataConfig) -> tuple[str, ...]:
    """Returns the modules of data options that are not marked.

    Args:
      data: The data options, with which the user has named the modules.
    """
    modules = (value for field, value in _values(data) if field == "module")
    return tuple(name for name in modules if not name.startswith(MARK))


def require_named(data: DataConfig, *, training: bool = False) -> None:
    """Raises ValueError if data options contain a marked module.

    Args:
      data: The data options of a run whose data are about to be opened.
      training: Whether training data are opened, which also executes the file of
        `data.albumentations`.
    """
    for field, value in _values(data):
        if training or field == "module":
            refuse_marked(field, value)


def refuse_marked(field: str, value: str) -> None:
    """Raises ValueError if the value of an option that names code is marked.

    Args:
      field: The name of the field of `DataConfig`.
      value: Its value.
    """
    if not value.startswith(MARK):
        return
    name = _name(value)
    raise ValueError(
        f"data.{field}={name!r} is invalid: expected a name that you give yourself, "
        "because this name is stored with the run, and the Python file would be "
        f"executed. If you trust the file, pass {option_text(f'data.{field}', name)}."
    )


def _mark(value: str) -> str:
    return MARK + _name(value)


def _name(value: str) -> str:
    return value.removeprefix(MARK)


def _values(data: DataConfig) -> Iterator[tuple[str, str]]:
    """Yields the fields that name code, of the data and of the datasets of a mix."""
    for part in (data, *(member.data for member in data.mix)):
        for field in _FIELDS:
            if (value := getattr(part, field)) is not None:
                yield field, value


def _changed(
    data: DataConfig,
    change: Callable[[str], str],
    fields: tuple[str, ...] = _FIELDS,
) -> DataConfig:
    """Returns data options in which a function has changed the names of code."""
    values = {field: getattr(data, field) for field in fields}
    given: dict[str, Any] = {n: change(v) for n, v in values.items() if v is not None}
    mix = tuple(
        dataclasses.replace(member, data=_changed(member.data, change, fields))
        for member in data.mix
    )
    return dataclasses.replace(data, mix=mix, **given)
