"""Copies arrays of the host to devices, and checks that they can be split evenly."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from jax.sharding import NamedSharding

HostBatch = dict[str, np.ndarray]


def copy_to(x: Any, sharding: NamedSharding) -> jax.Array:
    """Copies an array to devices.

    The result never shares buffers with the caller's array, because a step that donates
    its state deletes them.
    """
    if not isinstance(x, jax.Array):
        return jax.device_put(x, sharding, may_alias=False)
    if jax.process_count() == 1 or not x.is_fully_addressable:
        return jax.device_put(x.copy(), sharding)
    # Every process holds the whole array, and devices of other processes are filled
    # from data on the host.
    if jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key):
        words = copy_to(jax.random.key_data(x), sharding)
        return jax.random.wrap_key_data(words, impl=jax.random.key_impl(x))
    return jax.device_put(np.asarray(x), sharding, may_alias=False)


def check_split(name: str, value: np.ndarray, sharding: NamedSharding) -> None:
    """Raises ValueError unless this process's devices can split an array evenly.

    Args:
      name: The name of the array, for errors.
      value: This process's part of the array.
      sharding: The sharding of the whole array.
    """
    axes = sharding.mesh.shape
    parts = {0: max(1, axes["batch"] // jax.process_count())}
    if value.ndim >= 3:
        parts |= {1: axes["space"], 2: axes.get("columns", 1)}
    for axis, count in parts.items():
        check_even(name, axis=axis, size=value.shape[axis], count=count)


def check_even(name: str, axis: int, size: int, count: int) -> None:
    """Raises ValueError unless an axis of an array splits evenly over devices.

    Args:
      name: The name of the array, for errors.
      axis: The axis that `count` devices share.
      size: The size of the axis.
      count: Number of devices.
    """
    if size % count:
        raise ValueError(
            f"{name}.shape[{axis}]={size} is invalid: expected a multiple of {count}, "
            "the number of devices over which this axis is sharded."
        )


def on_one_device(tree: Any) -> Any:
    """Returns a tree of the same arrays on the first device of this process only.

    Args:
      tree: A tree of arrays that are replicated on all devices. Leaves that are not JAX
        arrays are returned unchanged.
    """
    return jax.tree.map(
        lambda x: x.addressable_data(0) if isinstance(x, jax.Array) else x, tree
    )
