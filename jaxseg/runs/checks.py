"""What a configuration must be before anything is read, computed or written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jaxseg.config import Config
from jaxseg.runs import options
from jaxseg.runs.bounds import BOUNDS
from jaxseg.runs.directory import build_model
from jaxseg.runs.rules import check_bounds, invalid
from jaxseg.runs.serialize import to_dict


def check(config: Config) -> None:
    """Raises ValueError that names the first field with a value that it may not have.

    Nothing outside the configuration is looked at: neither files nor devices.
    """
    to_dict(config)  # every value can be stored
    check_bounds(config, BOUNDS)
    check_together(config)
    check_network(config)


def check_together(config: Config) -> None:
    """Raises ValueError for fields that do not go together."""
    data, optim, run = config.data, config.optim, config.train
    if optim.schedule == "exponential" and optim.decay_every < 1:
        expected = "at least 1 with optim.schedule='exponential'"
        raise ValueError(invalid("optim.decay_every", optim.decay_every, expected))
    if data.elastic > max(data.crop):
        expected = f"at most the larger side of data.crop={data.crop}"
        raise ValueError(invalid("data.elastic", data.elastic, expected))
    if data.elastic and data.backend == "tf":
        raise ValueError(invalid("data.elastic", data.elastic, "0 with backend 'tf'"))
    if run.batch_size % run.grad_accum_steps:
        expected = f"a divisor of train.batch_size={run.batch_size}"
        raise ValueError(
            invalid("train.grad_accum_steps", run.grad_accum_steps, expected)
        )
    if run.init_fresh and run.init_from is None:
        expected = "a run to start from, because train.init_fresh is given"
        raise ValueError(invalid("train.init_from", None, expected))
    if run.parallel_backend == "pmap" and run.spatial_shards not in (1, (1, 1)):
        raise ValueError(
            invalid("train.spatial_shards", run.spatial_shards, "1 with driver 'pmap'")
        )
    if run.parallel_backend == "pmap" and run.shard != "none":
        raise ValueError(invalid("train.shard", run.shard, "'none' with driver 'pmap'"))


def check_options(config: Config, given: Mapping[str, Any]) -> None:
    """Raises ValueError for options of a network that a command line gives wrongly.

    Options that a stored run was trained with are not questioned.

    Args:
      config: The configuration with the options of the line laid over it.
      given: The options of the line, as `config_file.take_options` returns them.
    """
    names = given.get("model", {}).get("options", {})
    over = {name: config.model.options[name] for name in names}
    if over:
        options.check_network(config.model.name, over)
        options.check_parts(build_model(config, num_classes=2), over)


def check_network(config: Config) -> None:
    """Raises ValueError for a network, or an option of it, that cannot be built."""
    name, given = config.model.name, config.model.options
    options.check_network(name, given)
    options.check_parts(build_model(config, num_classes=2), given)
