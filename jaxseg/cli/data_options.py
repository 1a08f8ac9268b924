"""Parses the data options of the tools `jaxseg data check` and `jaxseg data show`."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import shlex
import sys
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from jaxseg.cli.arguments import parsed
from jaxseg.cli.exit_codes import ExitCode
from jaxseg.cli.progress_display import Progress, counting
from jaxseg.config import DataConfig
from jaxseg.data.datasets import DATASETS
from jaxseg.data.datasets.tfds_name import is_tfds
from jaxseg.data.labels import parse_labels
from jaxseg.data.mix.settings import member_data
from jaxseg.data.stored import RejectedData
from jaxseg.runs.bounds import BOUNDS as CONFIGURATION
from jaxseg.runs.config_file import load_config
from jaxseg.runs.default import DEFAULT
from jaxseg.text import as_message, printable, similar

T = TypeVar("T")
BOUNDS = {k: rule for k, rule in CONFIGURATION.items() if k.startswith("data.")}
_FIELDS = (
    "name",
    "raw_dir",
    "classes",
    "labels",
    "variant",
    "channels",
    "pixels",
    "range",
    "max_pixels",
)
_FIELDS += ("train_split", "eval_split")


@contextlib.contextmanager
def wrong_usage() -> Iterator[None]:
    """Returns a context manager that turns a ValueError into exit status 2.

    It surrounds the parsing of the command line, because `jaxseg data check` uses exit
    status 1 for data that have errors.

    Raises:
      SystemExit: With status 2, after one line on standard error.
    """
    try:
        yield
    except ValueError as error:
        print(f"jaxseg: {as_message(error)}", file=sys.stderr)
        raise SystemExit(ExitCode.WRONG_LINE) from error


def first_word(argv: list[str]) -> tuple[str | None, DataConfig]:
    """Converts the first argument of a command to data options.

    Args:
      argv: The arguments of a tool. The first argument can be the name of a dataset, a
        folder of images and masks, or a configuration file.

    Returns:
      A pair: the first argument, and the data options that select this dataset. If
      the command line is empty or starts with an option, the first value is None and
      the second one is the default data options.

    Raises:
      ValueError: If the first argument is neither an option nor one of these three.
    """
    if not argv or argv[0].startswith("-"):
        return None, DEFAULT.data
    word = argv[0]
    if word in DATASETS or is_tfds(word):
        return word, dataclasses.replace(DEFAULT.data, name=word)
    if os.path.isdir(word):
        return word, dataclasses.replace(DEFAULT.data, name="folder", raw_dir=word)
    if word.endswith(".py"):
        return word, load_config(word).data
    close = similar(word, DATASETS)
    remedy = (
        f"Similar datasets are {', '.join(close)}" if close else "Use an existing path"
    )
    raise ValueError(
        f"target={printable(repr(word))} is invalid: expected the name of a dataset, a "
        f"folder or a configuration file. {remedy}; `jaxseg data list` lists all "
        "datasets."
    )


@contextlib.contextmanager
def naming_check(data: DataConfig) -> Iterator[None]:
    """Returns a context manager that adds a remedy to errors about bad data files.

    If data files are rejected inside the block, the command that lists all faults of
    the data is appended to the error message.

    Args:
      data: The data options.

    Raises:
      ValueError: If data files are rejected inside the block.
    """
    try:
        yield
    except RejectedData as error:
        found = re.match(r"data\.mix\[(\d+)\]", str(error))
        if data.mix and found:
            data = member_data(data, data.mix[int(found[1])])
        raise ValueError(
            f"{error} To list all faults of the data, run: {check_command(data)}"
        ) from error


@contextlib.contextmanager
def evaluating(data: DataConfig) -> Iterator[Progress]:
    """Returns a context manager in which a network is evaluated on a dataset.

    Inside the block, errors about bad files also name the command that lists all faults
    of the data. The first process shows the progress.

    Args:
      data: The data options.

    Yields:
      A function that shows the progress. Pass it as the argument `progress` of
      `jaxseg.tasks.evaluation.evaluate_network`.
    """
    import jax  # The other contents of this module do not need it.

    first = jax.process_index() == 0
    with naming_check(data), counting("example", silent=not first) as progress:
        yield progress


def check_command(data: DataConfig) -> str:
    """Returns the `jaxseg data check` command for the data of a configuration.

    >>> check_command(DataConfig("folder", raw_dir="my scans", labels="0/255"))
    "jaxseg data check 'my scans' --data.labels 0/255"
    """
    words = ["jaxseg", "data", "check"]
    fields = list(_FIELDS)
    if data.name == "folder" and data.raw_dir:
        words.append(data.raw_dir)
        fields = fields[2:]
    for field in fields:
        value = getattr(data, field)
        if value == getattr(DataConfig, field):
            continue
        if field == "labels":
            value = _label_words(data)
        values = value if isinstance(value, tuple) else (value,)
        words += [f"--data.{field.replace('_', '-')}", *map(str, values)]
    return shlex.join(words)


def _label_words(data: DataConfig) -> tuple[str, ...]:
    labels = parse_labels(data.labels)
    if labels.binary:
        return ("/".join(map(str, labels.values)),)
    return tuple(f"{value}:{label}" for value, label in labels.record)


def parse_target(
    form: type[T], argv: list[str], *, prog: str, bounds: Mapping[str, Any]
) -> T:
    """Parses the command line of a tool whose first argument can select the data.

    Args:
      form: The dataclass for the arguments. Its field `target` receives the first
        argument, and its field `data` receives the data options.
      argv: The arguments of the tool.
      prog: The name of the tool, for its help.
      bounds: A dictionary from the dotted name of each field to the rule for its
        allowed values.

    Returns:
      An instance of `form` with the values of the arguments.

    Raises:
      ValueError: If an argument is invalid, or if the argument that selects the data
        follows an option and is not the first one.
    """
    word, data = first_word(argv)
    arguments = parsed(form, argv, prog=prog, bounds=bounds, default=form(data=data))
    if arguments.target != word:
        raise ValueError(
            f"target={arguments.target!r} is invalid: expected the dataset or the "
            "folder as the first argument."
        )
    return arguments
