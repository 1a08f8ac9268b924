"""Determines the options of each dataset of `data.mix`, and checks them."""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Iterator

from jaxseg.config import DataConfig, MemberConfig
from jaxseg.data.datasets.lookup import dataset_of
from jaxseg.data.mix.schedule import block_counts
from jaxseg.text import counted

# The options that select a dataset. Each dataset has its own.
OWN = (
    *("name", "raw_dir", "classes", "labels", "variant", "image", "label", "module"),
    *("train_split", "eval_split", "oversample_classes", "on_bad_file"),
)
# A dataset that leaves these options at their defaults takes those of the run.
INHERITED = ("prepared_dir", "scale_range", "elastic", "augment", "albumentations")
INHERITED += ("channels", "pixels", "range", "statistics", "max_pixels")
DEFAULT = DataConfig()


def member_data(config: DataConfig, member: MemberConfig) -> DataConfig:
    """Returns the complete data options with which one dataset of `data.mix` is read.

    Args:
      config: The data options of the run.
      member: The item of `data.mix` that describes the dataset.
    """
    own = {name: getattr(member.data, name) for name in OWN}
    for name in INHERITED:
        value = getattr(member.data, name)
        if value != getattr(DEFAULT, name):
            own[name] = value
    return dataclasses.replace(config, mix=(), **own)


def check_mix(config: DataConfig) -> None:
    """Checks the options of the datasets in `data.mix`, without reading files.

    Args:
      config: The data options of the run.

    Raises:
      ValueError: If an option is invalid. The message names it.
    """
    _check_run(config)
    titles = [member.title for member in config.mix]
    for k, member in enumerate(config.mix):
        where = f"data.mix[{k}]"
        if titles.count(member.title) > 1:
            raise ValueError(
                f"{where}.name={member.title!r} is invalid: expected a different name "
                "for each dataset of data.mix. Set the name of each dataset."
            )
        if not re.fullmatch(r"[^\s/]+", member.title):
            raise ValueError(
                f"{where}.name={member.title!r} is invalid: expected a name without "
                "spaces and slashes, under which the scores of the dataset are "
                f"reported. Set {where}.name."
            )
        _check_member(where, member)
        with naming_member(config, k):
            dataset_of(member_data(config, member))
    weights = [member.weight for member in config.mix]
    if min(weights) < 0 or sum(weights) == 0:
        raise ValueError(
            f"The weights {weights} of data.mix are invalid: expected numbers of at "
            "least 0, and at least one positive number."
        )
    try:
        block_counts(weights)
    except ValueError as error:
        raise ValueError(f"data.mix: {error}") from error


def _check_run(config: DataConfig) -> None:
    for name in OWN:
        value, default = getattr(config, name), getattr(DEFAULT, name)
        if name != "classes" and value != default:
            raise ValueError(
                f"data.{name}={value!r} is invalid: expected {default!r}, because "
                f"data.mix selects {counted(len(config.mix), 'dataset')}. Set "
                f"data.mix[0].data.{name}, and the same option of the other datasets."
            )
    if config.backend != "grain":
        raise ValueError(
            f"data.backend={config.backend!r} is invalid: expected 'grain' with "
            "data.mix. Pass --data.backend grain."
        )


def _check_member(where: str, member: MemberConfig) -> None:
    if member.data.mix:
        raise ValueError(
            f"{where}.data.mix is invalid: expected none, because a mix cannot contain "
            "a mix. List all datasets in data.mix."
        )
    for field in dataclasses.fields(DataConfig):
        name = field.name
        value, default = getattr(member.data, name), getattr(DEFAULT, name)
        if name not in (*OWN, *INHERITED) and value != default:
            raise ValueError(
                f"{where}.data.{name}={value!r} is invalid: expected {default!r}, "
                "because this option is the same for all datasets. Set "
                f"data.{name} instead."
            )


@contextlib.contextmanager
def naming_member(config: DataConfig, index: int) -> Iterator[None]:
    """Returns a context manager that names a dataset of `data.mix` in errors.

    It changes the message of a ValueError that its block raises.

    Args:
      config: The data options of the run.
      index: The index of the dataset in `data.mix`.

    Raises:
      ValueError: If the block raises a ValueError. It is the same error with another
        message, in which, for example, data.raw_dir becomes data.mix[0].data.raw_dir.
    """
    try:
        yield
    except ValueError as error:
        where, text = f"data.mix[{index}]", str(error)
        if not text.startswith(where):
            text = re.sub(r"--data\.(?!mix\b)", f"--data.mix.{index}.data.", text)
            text = re.sub(
                r"(?<![-.\w])data\.(?!mix\b)(?=[a-z])", f"{where}.data.", text
            )
            if not text.startswith(where):
                text = f"{where} ({config.mix[index].title}): {text}"
        error.args = (text,)
        raise
