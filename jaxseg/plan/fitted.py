"""Chooses the options of a training run by the memory of its devices."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import jax

from jaxseg.analysis.hlo.roofline import chip_of
from jaxseg.config import Config
from jaxseg.plan.decide import decide
from jaxseg.plan.decision_text import outcome
from jaxseg.plan.program_cache import default_cache
from jaxseg.plan.setting import Freedom
from jaxseg.plan.topology import Slice
from jaxseg.runs.byte_size import parse_bytes
from jaxseg.runs.config_file import overridden
from jaxseg.runs.directory import read_config
from jaxseg.runs.restart import started

DECIDED = {"accumulation": "grad_accum_steps", "dtype": "dtype", "batch": "batch_size"}


def fitted(
    config: Config, workdir: Path, devices: Sequence[jax.Device]
) -> tuple[Config, tuple[str, ...]]:
    """Returns a configuration whose training step fits into `train.memory`.

    A run that resumes keeps the batch size, the number of micro-batches and the data
    type that were chosen at its start. Rematerialization and sharding are chosen again,
    because they can differ if the run continues on other devices.

    Args:
      config: The configuration. If `train.memory` is None, it is returned unchanged.
      workdir: The run directory, which may not exist yet.
      devices: The devices of all processes.

    Returns:
      A pair: the configuration with the chosen options, and texts for the user that
      describe the choice. There are no texts if `train.memory` is None.

    Raises:
      ValueError: If no choice of the options fits into the memory.
    """
    if config.train.memory is None:
        return config, ()
    freedom = None
    if started(workdir):
        config, freedom = _as_before(config, workdir), Freedom()
    memory = parse_bytes(config.train.memory, name="train.memory")
    target = Slice("local", tuple(devices), chip_of(devices[0].device_kind), 1)
    decision = decide(config, target, memory, freedom=freedom, cache=default_cache())
    if decision.chosen is None:
        raise ValueError(
            f"train.memory={config.train.memory!r} is invalid: expected a size into "
            f"which the training step fits. {outcome(decision)} Allow more changes "
            "with --train.memory-changes, or use a smaller crop or batch."
        )
    return decision.chosen.applied(config), (f"train.memory: {outcome(decision)}",)


def _as_before(config: Config, workdir: Path) -> Config:
    """Returns a configuration with the choices of a run that change its result."""
    stored = read_config(workdir).train
    if stored.memory is None:
        return config
    names = {"grad_accum_steps"} | {DECIDED[x] for x in config.train.memory_changes}
    kept = {name: getattr(stored, name) for name in names}
    return overridden(config, {"train": kept})
