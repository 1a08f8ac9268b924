"""Sharding of feature maps whose rows (and columns) are split over devices.

A step that `training.devices` binds to a mesh with an axis "space" (and "columns") is
traced in the context of that mesh. The functions here read this context and constrain
the sharding of feature maps. Without such a mesh, they return their argument. They
never change a value.

Convolutions, pooling and resizing exchange the rows that they need themselves
(`jaxseg.ops.spatial.halo`, `jaxseg.ops.spatial.linear`), adaptive pooling exchanges
sums (`jaxseg.ops.spatial.bins`), and attention exchanges keys and values
(`jaxseg.ops.spatial.attention`). XLA's partitioner handles operations on single pixels
and sums over all pixels; it only needs to know the sharding of their inputs and
outputs.
"""

from collections.abc import Callable
from typing import Any

import jax
from jax import lax
from jax.sharding import AxisType
from jax.sharding import PartitionSpec as P

from jaxseg.typing import Array

# The mesh axes of the examples, and of rows and columns.
BATCH, AXES = "batch", ("space", "columns")


def parts() -> tuple[int, int]:
    """Returns two numbers: how many devices share the rows and the columns of maps.

    The result is (1, 1) without a mesh.
    """
    sizes = _mesh_sizes()
    return tuple(sizes.get(axis, 1) for axis in AXES)


def is_split() -> bool:
    """Returns whether the current mesh shards the rows or columns of maps."""
    return parts() != (1, 1)


def split_rows(x: Array) -> Array:
    """Returns x [B, H, W, ...] with rows and columns sharded over devices.

    XLA's partitioner chooses the sharding of a side whose length is not a multiple of
    the number of devices.
    """
    if not is_split():
        return x
    return lax.with_sharding_constraint(x, tiles(x, uneven=P.UNCONSTRAINED))


def shared_axes() -> tuple[str | None, str | None]:
    """Returns a pair: the mesh axes that shard the rows and the columns of maps.

    Each is the name of the axis, or None if the rows or the columns are not sharded.
    """
    rows, columns = (a if c > 1 else None for a, c in zip(AXES, parts(), strict=True))
    return rows, columns


def tiles(x: Array, uneven: Any = None) -> P:
    """Returns the `PartitionSpec` that shards the examples, rows and columns of a map.

    Args:
      x: The map, [B, H, W, ...].
      uneven: The entry of the `PartitionSpec` for an axis of x whose length is not a
        multiple of the number of devices. None leaves this axis unsharded.
    """
    sizes = _mesh_sizes()
    return P(
        *(
            None if sizes.get(axis, 1) == 1 else uneven if size % sizes[axis] else axis
            for axis, size in zip((BATCH, *AXES), x.shape[:3], strict=True)
        )
    )


def per_device(function: Callable, in_specs: Any, out_specs: Any) -> Callable:
    """Returns a function that runs `function` on each device's part of the arguments.

    It is `jax.shard_map` over all axes of the current mesh. `in_specs` and `out_specs`
    are the arguments of `jax.shard_map` that state how arguments and results are
    divided.
    """
    return jax.shard_map(
        function, in_specs=in_specs, out_specs=out_specs, axis_names=set(_mesh_sizes())
    )


def _mesh_sizes():
    """Returns the sizes of the mesh axes that the partitioner controls here."""
    mesh = jax.sharding.get_abstract_mesh()
    kinds = zip(mesh.axis_names, mesh.axis_types, strict=True)
    return {name: mesh.shape[name] for name, kind in kinds if kind is AxisType.Auto}
