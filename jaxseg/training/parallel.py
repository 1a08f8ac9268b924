"""Where steps run: jit on a mesh, or pmap; the only file that knows of devices.

A driver calls `step_fn(state, batch) -> result` with a replicated state and a batch
split over devices, and returns results that are replicated, so that every process can
read them. `jit_driver` is the main one; pmap is kept by jax in maintenance mode (it is
jit of shard_map inside) and is here as the second.

Traps: `jax.make_mesh` makes Explicit axes by default, under which counting a confusion
matrix fails; `make_mesh` here makes Auto ones. `step_fn` holds its own sums over the
axis for pmap: see `training.steps` before wrapping it in `shard_map`.
"""

from __future__ import annotations

import collections
import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

HostBatch = Mapping[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Driver:
    """A step bound to devices; call it like the step.

    Attributes:
      step: (state, batch) -> result; with donation the old state is used up.
      put_state: host or device tree -> replicated on the devices.
      put_batch: this process's part of a batch, numpy -> split over the devices.
    """

    step: Callable[[Any, Any], Any]
    put_state: Callable[[Any], Any]
    put_batch: Callable[[HostBatch], dict[str, jax.Array]]

    def __call__(self, state: Any, batch: Any) -> Any:
        """One step on a batch that `put_batch` has placed."""
        return self.step(state, batch)


def make_mesh(
    batch: int | None = None,
    space: int = 1,
    *,
    devices: Sequence[jax.Device] | None = None,
) -> Mesh:
    """A mesh with Auto axes "batch" (examples) and "space" (image rows).

    `batch=None` takes all devices that `space` leaves. Fewer than all is allowed.
    """
    devices = list(jax.devices() if devices is None else devices)
    batch = len(devices) // max(space, 1) if batch is None else batch
    if batch < 1 or space < 1 or batch * space > len(devices):
        raise ValueError(
            f"batch is {batch}, space is {space}; allowed are 1 or more each and a "
            f"product of at most {len(devices)} devices"
        )
    return jax.make_mesh(
        (batch, space),
        ("batch", "space"),
        axis_types=(AxisType.Auto, AxisType.Auto),
        devices=devices[: batch * space],
    )


def batch_sharding(mesh: Mesh, rank: int) -> NamedSharding:
    """Examples over "batch"; rows of images and labels (rank >= 3) over "space"."""
    return NamedSharding(mesh, P("batch", "space") if rank >= 3 else P("batch"))


def jit_driver(step_fn: Callable, mesh: Mesh, *, donate: bool = True) -> Driver:
    """`step_fn` (axis_name None) under jit, batch sharded over the mesh.

    Args:
      donate: use the state's memory for the result; not for evaluation.
    """
    everywhere = NamedSharding(mesh, P())
    step = jax.jit(
        step_fn,
        out_shardings=everywhere,
        donate_argnums=(0,) if donate else (),
    )

    def put(name, value):
        value = np.asarray(value)
        sharding = batch_sharding(mesh, value.ndim)
        _check_split(name, value, sharding)
        return jax.make_array_from_process_local_data(sharding, value)

    return Driver(
        step=step,
        put_state=lambda state: _replicate(state, everywhere),
        put_batch=lambda batch: {name: put(name, v) for name, v in batch.items()},
    )


def pmap_driver(
    step_fn: Callable,
    devices: Sequence[jax.Device] | None = None,
    *,
    axis_name: str = "batch",
    donate: bool = True,
) -> Driver:
    """`step_fn` under pmap: same signature, same state (unstacked), same results.

    `step_fn`, its loss and its model must have been given `axis_name`, so that what
    they return is equal on all devices.
    """
    devices = list(jax.devices() if devices is None else devices)
    local = [d for d in devices if d.process_index == jax.process_index()]
    everywhere = NamedSharding(Mesh(np.array(devices), (axis_name,)), P())
    split = NamedSharding(Mesh(np.array(local), (axis_name,)), P(axis_name))
    step = jax.pmap(
        step_fn,
        axis_name=axis_name,
        in_axes=(None, 0),
        out_axes=None,
        devices=devices,
        donate_argnums=(0,) if donate else (),
    )

    def put(name, value):
        value = np.asarray(value)
        if value.shape[0] % len(local):
            raise ValueError(_uneven(name, 0, value.shape[0], len(local)))
        value = value.reshape(len(local), -1, *value.shape[1:])
        return jax.device_put(value, split)

    return Driver(
        step=step,
        put_state=lambda state: _replicate(state, everywhere),
        put_batch=lambda batch: {name: put(name, v) for name, v in batch.items()},
    )


def prefetch(
    batches: Iterable[Any], put: Callable[[Any], Any], *, depth: int = 2
) -> Iterator[Any]:
    """`put(batch)` for every batch, `depth` of them ahead of their use.

    Transfers are asynchronous: while a step runs the next batches are on their way.
    """
    if depth < 1:
        raise ValueError(f"depth is {depth}; allowed is 1 or more")
    batches = iter(batches)
    ahead = collections.deque(put(batch) for batch in itertools.islice(batches, depth))
    while ahead:
        yield ahead.popleft()
        ahead.extend(put(batch) for batch in itertools.islice(batches, 1))


def _replicate(tree, sharding):
    """Copies on all devices; never the caller's own buffers, which donation ends."""
    return jax.tree.map(lambda x: _place(x, sharding), tree)


def _place(x, sharding):
    if not isinstance(x, jax.Array):
        return jax.device_put(x, sharding, may_alias=False)
    if jax.process_count() == 1 or not x.is_fully_addressable:
        return jax.device_put(x.copy(), sharding)
    # Every process holds the whole array; other processes' devices take host data.
    if jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key):
        words = _place(jax.random.key_data(x), sharding)
        return jax.random.wrap_key_data(words, impl=jax.random.key_impl(x))
    return jax.device_put(np.asarray(x), sharding, may_alias=False)


def _check_split(name, value, sharding):
    """The rows that this process holds must fill its devices evenly."""
    axes = sharding.mesh.shape
    parts = {0: max(1, axes["batch"] // jax.process_count())}
    if value.ndim >= 3:
        parts[1] = axes["space"]
    for axis, count in parts.items():
        if value.shape[axis] % count:
            raise ValueError(_uneven(name, axis, value.shape[axis], count))


def _uneven(name, axis, size, count):
    return (
        f"{name} has size {size} along axis {axis}; allowed are multiples of {count}, "
        "the number of devices that share it"
    )
