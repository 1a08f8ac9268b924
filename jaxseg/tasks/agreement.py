"""Checks that all processes of a training run were started with the same settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax

from jaxseg.config import Config
from jaxseg.runs.restart import MEMBER
from jaxseg.runs.serialize import differences, to_dict
from jaxseg.training.devices.gathering import gathered

# Fields that name folders of a host, or that only change how fast it reads.
OF_A_HOST = (
    "data.raw_dir",
    "data.prepared_dir",
    "data.module",
    "data.cache",
    "data.workers",
    "data.worker_processes",
)


def agree(config: Config, workdir: Path | str) -> None:
    """Checks that all processes of a run have one configuration and one bucket.

    All processes must call it. Folders and the number of processes that read data can
    differ between hosts.

    Args:
      config: The configuration of this process.
      workdir: The run directory: a path, or the address of a bucket as a string.

    Raises:
      ValueError: If a process differs from process 0. All processes raise the same
        error, which names the first process that differs.
    """
    if jax.process_count() == 1:
        return
    mine = to_dict(config)
    if isinstance(workdir, str):  # The path of a shared folder can differ.
        mine["workdir"] = workdir
    found = gathered({jax.process_index(): mine})
    for index, settings in found.items():
        lines = _differences(found[0], settings)
        if lines:
            raise ValueError(
                f"the command of process {index} is invalid: expected the settings of "
                f"process 0, but it differs in {'; '.join(lines)}. Start all processes "
                "with the same command."
            )


def _differences(first: dict[str, Any], other: dict[str, Any]) -> list[str]:
    lines = differences(first, other)
    ignored = tuple(f"{name}:" for name in OF_A_HOST)
    return [line for line in lines if not MEMBER.sub("", line).startswith(ignored)]
