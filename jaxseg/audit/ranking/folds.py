"""Divides training data into folds, and finds runs that did not train on an example."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

from jaxseg.config import Config, DataConfig
from jaxseg.config.stored_code import named_modules, permitted
from jaxseg.data.lists import split_names
from jaxseg.data.opening import open_source
from jaxseg.data.source import Source
from jaxseg.runs.directory import read_config
from jaxseg.runs.pretrained import OPTION
from jaxseg.runs.remote.reading import local_run
from jaxseg.runs.rules import invalid

SAME_DATA = ("name", "raw_dir", "labels", "variant", "image", "label", "module")
SAME_DATA += ("range",)  # The fields that select examples and their labels.


def fold_configs(config: Config, folds: int) -> tuple[Config, ...]:
    """Returns one configuration for each fold, which trains on all other folds.

    A network that is trained with such a configuration can predict the examples of the
    fold, because it was not trained on them.

    Args:
      config: The configuration whose `data.train_split` is the data to audit.
      folds: The number of folds, at least 2.

    Raises:
      ValueError: If the training split is already a slice.

    >>> [fold.data.train_split for fold in fold_configs(Config(), 3)]
    ['train[33%:]', 'train[:33%]+train[67%:]', 'train[:67%]']
    """
    split = config.data.train_split
    if split_names(split) != (split,):
        expected = "the name of one split, which the folds divide"
        advice = "Pass --data.train-split train."
        raise ValueError(invalid("data.train_split", split, expected, advice=advice))
    edges = [round(100 * k / folds) for k in range(folds + 1)]
    train = dataclasses.replace(config.train, report_images=0)
    return tuple(
        dataclasses.replace(
            config, data=dataclasses.replace(config.data, train_split=left), train=train
        )
        for left in (
            _without(split, first, last) for first, last in itertools.pairwise(edges)
        )
    )


def _without(split: str, first: int, last: int) -> str:
    """Returns a split without the examples from `first` to `last` percent."""
    before = [f"{split}[:{first}%]"] if first > 0 else []
    after = [f"{split}[{last}%:]"] if last < 100 else []
    return "+".join(before + after)


def audited_data(configs: Mapping[Path, Config]) -> tuple[DataConfig, str]:
    """Checks that several runs read the same data, and returns their data options.

    Args:
      configs: A dictionary from each run directory to its configuration.

    Returns:
      A pair: the data options of the first run, and the name of the split whose parts
      the runs were trained on.

    Raises:
      ValueError: If the runs read different data.
    """
    (first, config), *others = configs.items()
    names = split_names(config.data.train_split)
    for workdir, other in others:
        for field in SAME_DATA:
            here, there = getattr(config.data, field), getattr(other.data, field)
            if here != there:
                raise ValueError(
                    f"workdir={str(workdir)!r} is invalid: expected runs on the same "
                    f"data, but data.{field} is {there!r} here and {here!r} in {first}."
                )
        if split_names(other.data.train_split) != names:
            raise ValueError(
                f"workdir={str(workdir)!r} is invalid: expected runs that were "
                "trained on parts of the same split, but data.train_split is "
                f"{other.data.train_split!r} here and {config.data.train_split!r} in "
                f"{first}."
            )
    return config.data, "+".join(names)


def seen_by(config: Config) -> frozenset[str]:
    """Returns the set of the names of the examples that a run was trained on.

    If the run started from the weights of another run on the same data, the examples of
    that run count as well.
    """
    seen = frozenset(open_source(config.data, config.data.train_split).ids)
    if config.train.init_from is None:
        return seen
    try:
        earlier = read_config(local_run(OPTION, config.train.init_from))
    except ValueError:  # The weights come from another library.
        return seen
    # The user has named the module of this run, and so that of the earlier one.
    data = permitted(earlier.data, named_modules(config.data))
    same = all(
        getattr(data, field) == getattr(config.data, field) for field in SAME_DATA
    )
    return seen | seen_by(dataclasses.replace(earlier, data=data)) if same else seen


def unseen_runs(
    source: Source, seen: Sequence[frozenset[str]], split: str
) -> tuple[tuple[int, ...], ...]:
    """Finds for each example the runs that were not trained on it.

    Args:
      source: The examples to audit.
      seen: For each run, the set of the names of the examples that it was trained on.
      split: The split that contains the examples, for the error message.

    Returns:
      For each example, a tuple of the indices of these runs.

    Raises:
      ValueError: If an example was in the training data of every run.
    """
    found = tuple(
        tuple(run for run, names in enumerate(seen) if name not in names)
        for name in source.ids
    )
    missing = sum(not runs for runs in found)
    if missing:
        raise ValueError(
            "the runs are invalid: expected each example to be absent from the "
            "training data of at least one run, because a network repeats the errors "
            f"of masks that it has learned. {missing} of the {len(found)} examples of "
            f"{split!r} were in the training data of all runs. Train folds with: "
            "jaxseg data audit CONFIG.py --folds 2"
        )
    return found
