"""Parses names of datasets of tensorflow_datasets, such as `tfds:NAME/CONFIG:1.0.0`."""

from __future__ import annotations

import dataclasses
import re

PREFIX = "tfds:"
EXPECTED = (
    "tfds:NAME, tfds:NAME/CONFIG or tfds:NAME/CONFIG:VERSION, or tfds:PATH with the "
    "path of a prepared dataset, which starts with /, ./, ../ or ~"
)
_NAME = re.compile(
    r"(?P<name>[A-Za-z]\w*)(/(?P<config>[\w.+-]+))?(:(?P<version>\d+\.\d+\.\d+))?",
    re.ASCII,
)
_PATH = re.compile(r"/|~|\.\.?(/|$)")


@dataclasses.dataclass(frozen=True)
class BuilderName:
    """Names a builder of tensorflow_datasets, or the folder of a prepared dataset.

    Attributes:
      name: The name of the dataset. It is empty if `folder` is set.
      config: The name of the configuration, or None for the default of the builder.
      version: The version, such as "1.0.0", or None for the newest version.
      folder: The folder of a dataset that is prepared already, or None.
    """

    name: str = ""
    config: str | None = None
    version: str | None = None
    folder: str | None = None


def is_tfds(name: str) -> bool:
    """Returns whether a value of `data.name` names a dataset of tensorflow_datasets."""
    return name.startswith(PREFIX)


def parse_name(name: str) -> BuilderName:
    """Returns the parts of a value of `data.name` that starts with `tfds:`.

    Args:
      name: The value.

    Raises:
      ValueError: If the text after `tfds:` is neither a name nor a path.

    >>> parse_name("tfds:cityscapes/semantic_segmentation:1.0.0").config
    'semantic_segmentation'
    >>> parse_name("tfds:/data/pets/1.0.0").folder
    '/data/pets/1.0.0'
    """
    rest = name.removeprefix(PREFIX)
    if _PATH.match(rest):
        return BuilderName(folder=rest)
    found = _NAME.fullmatch(rest)
    if found is None:
        raise ValueError(f"data.name={name!r} is invalid: expected {EXPECTED}.")
    return BuilderName(**found.groupdict())
