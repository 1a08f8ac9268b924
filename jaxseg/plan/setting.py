"""Lists the options that determine the memory and the speed of a training step.

Rematerialization, sharding of the training state and sharding of the images do not
change the result of a step beyond rounding. Gradient accumulation does not change it
either if the network has neither batch normalization nor dropout. The statistics of
batch normalization are those of a micro-batch, and the masks of dropout are drawn for
each micro-batch. The data type and the batch size always change the result.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any

from jaxseg.config import Config, TrainConfig
from jaxseg.plan.search import image_devices
from jaxseg.runs.config_file import overridden
from jaxseg.tasks.table import task_of
from jaxseg.training.step.rematerialization import KINDS

FIELDS = (
    *("batch_size", "grad_accum_steps", "remat"),
    *("shard", "spatial_shards", "dtype"),
)
PARTS = (1, 2, 4, 8, 16, 32, 64)  # micro-batches
MOST_SHARED = 16  # devices that share one image


@dataclasses.dataclass(frozen=True)
class Setting:
    """Contains the options of `jaxseg train` that decide its memory and its speed.

    Attributes:
      batch_size: The number of images per step over all devices.
      grad_accum_steps: The number of micro-batches into which a batch is divided.
      remat: Which parts of the network are computed again in the backward pass, so that
        their activations need not be stored: "none", each "block" or each "stage".
      shard: "none" if every device holds the whole training state, "fsdp" if the state
        is divided among the devices.
      spatial_shards: The number of devices that share one image, or two numbers: for
        its rows and for its columns.
      dtype: The data type in which the network computes, such as "bfloat16".
    """

    batch_size: int
    grad_accum_steps: int
    remat: str
    shard: str
    spatial_shards: int | tuple[int, int]
    dtype: str

    @classmethod
    def of(cls, run: TrainConfig) -> Setting:
        """Returns the setting that consists of the given training options."""
        return cls(**{name: getattr(run, name) for name in FIELDS})

    def applied(self, config: Config) -> Config:
        """Returns a copy of a configuration with the options of this setting."""
        return overridden(config, {"train": dataclasses.asdict(self)})

    def differences(self, other: Setting) -> dict[str, Any]:
        """Returns a dictionary of the options that differ from another setting.

        It maps the name of each such option to its value in this setting.
        """
        return {
            name: getattr(self, name)
            for name in FIELDS
            if getattr(self, name) != getattr(other, name)
        }

    def options(self, base: TrainConfig) -> list[str]:
        """Returns command-line arguments that give a configuration this setting.

        Args:
          base: The training options of the configuration that is changed.

        >>> base = TrainConfig(batch_size=8)
        >>> Setting(8, 2, "none", "fsdp", 1, "float32").options(base)
        ['--train.grad-accum-steps', '2', '--train.shard', 'fsdp']
        """
        words = []
        for name, value in self.differences(Setting.of(base)).items():
            values = value if isinstance(value, tuple) else (value,)
            words += [f"--train.{name.replace('_', '-')}", *map(str, values)]
        return words


@dataclasses.dataclass(frozen=True)
class Freedom:
    """States what a search may change.

    Attributes:
      accumulation: Whether the number of micro-batches may change.
      dtype: Whether the data type may change.
      batch: Whether the batch size may change.
    """

    accumulation: bool = False
    dtype: bool = False
    batch: bool = False


def settings(config: Config, devices: int, freedom: Freedom) -> Iterator[Setting]:
    """Yields the settings that a search can try, including the configuration's own.

    A setting is left out if its micro-batches cannot be divided evenly among the
    devices.

    Args:
      config: The configuration.
      devices: The number of devices.
      freedom: What may change in addition to rematerialization and sharding.
    """
    run = config.train
    dtypes = ["float32", "bfloat16"] if freedom.dtype else [run.dtype]
    shards = ["none", "fsdp"] if devices > 1 else [run.shard]
    parts = PARTS if freedom.accumulation else ()
    for values in itertools.product(
        _batches(config, freedom),
        dict.fromkeys([run.grad_accum_steps, *parts]),
        KINDS,
        shards,
        _spatial(config, devices),
        dtypes,
    ):
        setting = Setting(*values)
        if _is_even(setting, devices):
            yield setting


def _batches(config: Config, freedom: Freedom) -> list[int]:
    """Returns the batch sizes: powers of two times that of the configuration."""
    size = config.train.batch_size
    if not freedom.batch:
        return [size]
    smaller = [size // 2**k for k in (1, 2, 3) if size % 2**k == 0]
    return [size, *smaller, *(size * 2**k for k in (1, 2, 3))]


def _spatial(config: Config, devices: int) -> list[int | tuple[int, int]]:
    """Returns the numbers of devices that can share the rows of an image."""
    given = config.train.spatial_shards
    if task_of(config).kind != "images":
        return [given]
    even = [
        count
        for count in (1, 2, 4, 8, MOST_SHARED)
        if devices % count == 0 and config.data.crop[0] % count == 0
    ]
    return list(dict.fromkeys([given, *even]))


def _is_even(setting: Setting, devices: int) -> bool:
    """Returns whether each device gets as much of every micro-batch as the others."""
    config = Config(train=TrainConfig(spatial_shards=setting.spatial_shards))
    shared = image_devices(config)
    if devices % shared or setting.batch_size % setting.grad_accum_steps:
        return False
    micro_batch = setting.batch_size // setting.grad_accum_steps
    return micro_batch % (devices // shared) == 0
