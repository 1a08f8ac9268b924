"""Defines meshes of devices and the sharding of batches and states.

The axes of a mesh are "batch" (examples), "space" (rows of one image) and, if
requested, "columns". Their type is `AxisType.Auto`. By default, `jax.make_mesh` creates
axes of the type `Explicit`, with which counting a confusion matrix fails."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from jaxseg.text import one_of

SHARDS = ("none", "fsdp")
LARGE = 1024  # Arrays with fewer elements are not worth an exchange.
Space = int | tuple[int, int]


def space_pair(space: Space) -> tuple[int, int]:
    """Returns how many devices share the rows of one image, and how many its columns.

    Args:
      space: A pair of these two numbers, or one integer n if only the rows are split.
        The result for a pair is the pair, and the result for n is (n, 1).
    """
    rows, columns = (space, 1) if isinstance(space, int) else space
    return rows, columns


def make_mesh(
    batch: int | None = None,
    space: Space = 1,
    *,
    devices: Sequence[jax.Device] | None = None,
) -> Mesh:
    """Creates a mesh with the Auto axes "batch" (examples) and "space" (image rows).

    A mesh may use fewer than all devices. All devices of one image must belong to the
    process that reads it.

    Args:
      batch: The number of devices along "batch". None takes the number of all devices
        divided by `space`.
      space: The number of devices that share the rows of one image. It can also be a
        pair with the number of devices that share the columns. If the second number
        exceeds 1, the mesh also has the axis "columns".
      devices: The devices. None uses all.

    Raises:
      ValueError: If there are not enough devices, or if the devices of one image would
        belong to several processes.
    """
    devices = list(jax.devices() if devices is None else devices)
    rows, columns = space_pair(space)
    image = rows * columns
    batch = len(devices) // max(image, 1) if batch is None else batch
    if min(batch, rows, columns) < 1 or batch * image > len(devices):
        raise ValueError(
            f"batch={batch} with space={space} is invalid: expected numbers >= 1 whose "
            f"product is at most {len(devices)}, the number of devices."
        )
    names = ("batch", "space", "columns")[: 2 if columns == 1 else 3]
    shape = (batch, rows, columns)[: len(names)]
    kinds = (AxisType.Auto,) * len(names)
    devices = devices[: batch * image]
    processes = [device.process_index for device in devices]
    if image == 1 or len(set(processes)) == 1:
        return jax.make_mesh(shape, names, axis_types=kinds, devices=devices)
    local = min(processes.count(process) for process in set(processes))
    if any(processes.count(process) % image for process in set(processes)):
        raise ValueError(
            f"space={space} is invalid: expected a divisor of {local}, because the "
            "devices of one image must belong to one process."
        )
    devices.sort(key=lambda device: (device.process_index, device.id))
    return Mesh(np.array(devices).reshape(shape), names, axis_types=kinds)


def within_mesh(function: Callable, mesh: Mesh) -> Callable:
    """Returns a function that `jax.jit` traces in the context of a mesh.

    In this context, layers know which devices share the rows of an image. Arrays of the
    host are replicated on all devices of the mesh, so shard a batch with
    `batch_sharding` before the call.
    """

    def on_mesh(x):
        """Ties an array to the devices of the mesh without constraining its layout."""
        unconstrained = P(*(P.UNCONSTRAINED,) * x.ndim)
        return jax.lax.with_sharding_constraint(x, NamedSharding(mesh, unconstrained))

    def traced(*args, **kwargs):
        with jax.sharding.use_abstract_mesh(mesh.abstract_mesh):
            result = function(*args, **kwargs)
        return jax.tree.map(on_mesh, result)

    # Profiles and compiler messages show this name, which a partial does not have.
    named = getattr(function, "func", function)
    traced.__name__ = getattr(named, "__name__", "step")
    return traced


def batch_sharding(mesh: Mesh, rank: int) -> NamedSharding:
    """Returns the `NamedSharding` of an array in a batch, which depends on its rank.

    The first axis counts examples and is split over the mesh axis "batch". Arrays of
    rank 3 or more are images or labels. Their rows are split over the mesh axis
    "space", and their columns over "columns" if the mesh has this axis.
    """
    return NamedSharding(mesh, P(*mesh.axis_names) if rank >= 3 else P("batch"))


def state_sharding(mesh: Mesh, shape: Sequence[int], shard: str) -> NamedSharding:
    """Returns the sharding of an array of the training state.

    Args:
      mesh: The mesh.
      shape: The shape of the array.
      shard: "none" replicates the array. "fsdp" splits arrays of at least `LARGE`
        elements over the mesh axis "batch", along the largest array axis whose size is
        a multiple of the size of that mesh axis.
    """
    if shard not in SHARDS:
        raise ValueError(f"shard={shard!r} is invalid{one_of(shard, SHARDS)}")
    count, whole = mesh.shape["batch"], NamedSharding(mesh, P())
    even = [axis for axis, size in enumerate(shape) if size % count == 0]
    if shard == "none" or count == 1 or not even or math.prod(shape) < LARGE:
        return whole
    axis = max(even, key=lambda axis: (shape[axis], axis))
    return NamedSharding(mesh, P(*[None] * axis, "batch"))


def state_shardings(mesh: Mesh, state: Any, shard: str) -> Any:
    """Returns a tree like `state` with the sharding of every array.

    Args:
      mesh: The mesh.
      state: A tree of arrays or shapes.
      shard: "none" replicates all arrays. "fsdp" splits the large ones.
    """
    return jax.tree.map(lambda x: state_sharding(mesh, x.shape, shard), state)
