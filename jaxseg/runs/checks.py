"""Checks a configuration before anything is read, computed or written."""

from __future__ import annotations

from jaxseg.config import Config
from jaxseg.data.augment.parsing import check_entries, parse_entries
from jaxseg.data.datasets.lookup import dataset_of
from jaxseg.runs import mix
from jaxseg.runs.bounds import BOUNDS
from jaxseg.runs.network_checks import check_network
from jaxseg.runs.rules import check_bounds, invalid
from jaxseg.runs.serialize import to_dict


def check(config: Config) -> None:
    """Checks each field of a configuration, and that no fields contradict each other.

    It checks only the configuration and reads neither files nor devices.

    Args:
      config: The configuration.

    Raises:
      ValueError: If a field has an invalid value. The message names the first such
        field.
    """
    to_dict(config)  # Raises an error for values that JSON cannot store.
    check_bounds(config, BOUNDS)
    check_together(config)
    if config.data.mix:
        mix.check(config)
    else:
        dataset_of(config.data)
    check_network(config)


def check_together(config: Config) -> None:
    """Raises ValueError if fields of a configuration contradict each other."""
    data, optim, run = config.data, config.optim, config.train
    if optim.schedule == "exponential" and optim.decay_every < 1:
        expected = "at least 1 with optim.schedule='exponential'"
        raise ValueError(invalid("optim.decay_every", optim.decay_every, expected))
    if data.elastic > max(data.crop):
        expected = f"at most the larger side of data.crop={data.crop}"
        raise ValueError(invalid("data.elastic", data.elastic, expected))
    if data.elastic and data.backend == "tf":
        raise ValueError(
            invalid("data.elastic", data.elastic, "0 with data.backend='tf'")
        )
    check_entries(parse_entries(data.augment), crop=data.crop)
    for name, absent in (("augment", "an empty list"), ("albumentations", "None")):
        if data.backend == "tf" and (value := getattr(data, name)):
            expected = f"{absent} with data.backend='tf'"
            advice = "Use data.backend='grain'."
            raise ValueError(invalid(f"data.{name}", value, expected, advice=advice))
    if run.batch_size % run.grad_accum_steps:
        expected = f"a divisor of train.batch_size={run.batch_size}"
        raise ValueError(
            invalid("train.grad_accum_steps", run.grad_accum_steps, expected)
        )
    if run.init_fresh and run.init_from is None:
        expected = "a run directory, because train.init_fresh is set"
        raise ValueError(invalid("train.init_from", None, expected))
    if run.parallel_backend == "pmap" and run.spatial_shards not in (1, (1, 1)):
        raise ValueError(
            invalid(
                "train.spatial_shards",
                run.spatial_shards,
                "1 with train.parallel_backend='pmap'",
            )
        )
    if run.parallel_backend == "pmap" and run.shard != "none":
        raise ValueError(
            invalid(
                "train.shard", run.shard, "'none' with train.parallel_backend='pmap'"
            )
        )
