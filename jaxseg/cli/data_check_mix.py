"""Checks the datasets that the option `data.mix` mixes in one training run.

Each dataset is checked alone. Then all are opened together, to check that their
classes and channels are compatible.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path

from jaxseg.config import DataConfig
from jaxseg.data.datasets.lookup import dataset_of
from jaxseg.data.mix.opening import open_mixed
from jaxseg.data.mix.settings import check_mix, member_data, naming_member
from jaxseg.text import as_message


def check_members(
    data: DataConfig, check: Callable[[DataConfig, Path], int], output: Path
) -> int:
    """Checks each dataset of `data.mix`, and whether they can be mixed.

    Datasets whose files jaxseg does not read are only checked together with the others.

    Args:
      data: The data options of the run, with `mix`.
      check: A function that checks one dataset. It takes the data options and the
        directory of the report, and returns the exit status.
      output: The directory of the reports. Each dataset has a directory in it.

    Returns:
      0 if no dataset has errors and they can be mixed, or else 1.

    Raises:
      ValueError: If an option is invalid.
    """
    check_mix(data)
    status = 0
    for k, member in enumerate(data.mix):
        own = member_data(data, member)
        dataset = dataset_of(own)
        print(as_message(f"dataset {member.title}:"))
        if dataset.drawing is not None or dataset.builder is not None:
            print("jaxseg does not read its files, so there is nothing to check")
            continue
        with naming_member(data, k):
            status |= check(own, output / member.title)
    if status:
        return status
    try:
        for split in (data.train_split, data.eval_split):
            source = open_mixed(data, split)
    except ValueError as error:
        print(f"jaxseg: {as_message(error)}", file=sys.stderr)
        print("REJECTED: the datasets do not fit together.")
        return 1
    names = shlex.join(member.title for member in data.mix)
    print(as_message(f"OK: {names} have {source.spec.num_classes} classes together."))
    return 0
