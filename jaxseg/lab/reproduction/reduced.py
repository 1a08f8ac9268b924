"""Builds the reduced configuration of each row of a published table."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from jaxseg.config import Config, DataConfig, ModelConfig, OptimConfig, TrainConfig
from jaxseg.lab.reproduction.tables import PublishedTable
from jaxseg.runs.serialize import from_dict, to_dict
from jaxseg.tasks.checks import check

# The scores are computed at the resolution of the labels in both sizes.
DATA = {
    "half": DataConfig(
        "camvid",
        crop=(180, 240),
        scale_range=(0.4, 0.75),
        eval_scale=0.5,
        color_jitter=0.2,
    ),
    "quarter": DataConfig(
        "camvid",
        crop=(90, 120),
        scale_range=(0.2, 0.375),
        eval_scale=0.25,
        color_jitter=0.2,
    ),
}
OPTIM = OptimConfig("adamw", learning_rate=3e-3, warmup_steps=20)
TRAIN = TrainConfig(
    batch_size=8, eval_batch_size=8, num_overlays=0, report_images=0, log_every=20
)


def row_configs(
    table: PublishedTable, names: tuple[str, ...] = (), steps: int | None = None
) -> dict[str, Config]:
    """Returns the reduced configurations of the rows of a table, by name.

    Args:
      table: The table.
      names: The names of the rows. () takes all rows.
      steps: The number of steps of each training, or None for that of the table.

    Raises:
      ValueError: If no row has one of the names.
    """
    base = Config(ModelConfig(), data=DATA[table.size], optim=OPTIM, train=TRAIN)
    return {
        row.name: _built(merged(to_dict(base), table.changes, row.changes), steps)
        for row in table.chosen(names)
    }


def merged(*parts: Mapping[str, Any]) -> dict[str, Any]:
    """Returns nested dictionaries in which later values replace earlier ones.

    >>> merged({"a": {"x": 1, "y": 2}}, {"a": {"y": 3}})
    {'a': {'x': 1, 'y': 3}}
    """
    result: dict[str, Any] = {}
    for part in parts:
        for key, value in part.items():
            both = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
            result[key] = merged(result[key], value) if both else value
    return result


def _built(values: Mapping[str, Any], steps: int | None) -> Config:
    config = from_dict(Config, values)
    steps = config.train.steps if steps is None else steps
    # A run shorter than the warm-up needs a shorter warm-up.
    warmup = min(config.optim.warmup_steps, steps // 2)
    config = dataclasses.replace(
        config,
        optim=dataclasses.replace(config.optim, warmup_steps=warmup),
        train=dataclasses.replace(
            config.train, steps=steps, eval_every=steps, save_every=steps
        ),
    )
    check(config)
    return config
