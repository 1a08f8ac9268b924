"""Distributes the windows of a batch over several devices."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

_AXIS = "windows"


@dataclasses.dataclass(frozen=True)
class Shared:
    """Runs a function on a batch; each device computes an equal part of the batch.

    The program for such a part is the same as on a single device, so the result does
    not depend on the number of devices.

    Attributes:
      function: The compiled function, which takes the whole batch.
      sharding: The distribution of the batch over the devices.
    """

    function: Callable[[Any], jax.Array]
    sharding: NamedSharding

    @property
    def devices(self) -> int:
        """Returns the number of devices that share a batch."""
        return self.sharding.mesh.size

    def __call__(self, batch: Any) -> jax.Array:
        """Returns the outputs for a batch. `devices` must divide its length."""
        return self.function(jax.device_put(batch, self.sharding))


def shared(
    function: Callable[[Any, Any], jax.Array], variables: Any, *, devices: int
) -> Shared:
    """Returns a `Shared`, a function that splits a batch over several devices.

    Args:
      function: A function from the variables and a batch [B, ...] to outputs [B, ...].
      variables: The variables of the network, which are copied to every device.
      devices: The number of devices of this process to use.

    Raises:
      ValueError: If `devices` exceeds the number of local devices.
    """
    local = jax.local_devices()
    if not 1 <= devices <= len(local):
        raise ValueError(
            f"devices={devices} is invalid: expected 1 to {len(local)}, the number of "
            "local devices."
        )
    mesh = Mesh(np.array(local[:devices]), (_AXIS,))
    split = PartitionSpec(_AXIS)
    mapped = jax.jit(
        jax.shard_map(
            function,
            mesh=mesh,
            in_specs=(PartitionSpec(), split),
            out_specs=split,
            check_vma=False,
        )
    )
    copies = jax.device_put(variables, NamedSharding(mesh, PartitionSpec()))
    return Shared(lambda batch: mapped(copies, batch), NamedSharding(mesh, split))
