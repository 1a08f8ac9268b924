"""Where steps run: jit on a mesh, or pmap; with `mesh` all that knows of devices.

A driver calls `step_fn(state, batch) -> result` with a state on all devices and a batch
split over them. Results are replicated, so that every process can read them.
`jit_driver` is the main one; pmap is kept by jax in maintenance mode (it is jit of
shard_map inside) and is here as the second.

`jit_driver` traces the step inside its mesh's context, by which
`jaxseg.ops.spatial.layout` knows that devices share the rows of an image. Parameters,
optimizer state and averages may be kept in parts (`shard="fsdp"`, arXiv 1910.02054):
parameters are then gathered at the start of a step, and each device updates its own
part. Results are equal.

Trap: `step_fn` holds its own sums over the axis for pmap: see `training.steps` before
wrapping it in `shard_map`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from jaxseg.training.devices.mesh import batch_sharding, make_mesh, state_shardings

__all__ = [
    "Driver",
    "batch_sharding",
    "jit_driver",
    "make_mesh",
    "pmap_driver",
    "within_mesh",
]

KEPT = ("opt_state", "ema")  # parts of a state that a step needs only in parts

HostBatch = Mapping[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Driver:
    """A step bound to devices; call it like the step.

    Attributes:
      step: (state, batch) -> result; with donation the old state is used up.
      put_state: host or device tree -> on the devices, whole or in parts.
      put_batch: this process's part of a batch, numpy -> split over the devices.
      abstract: shapes of a state and of a global batch -> the same with the shardings
        that the two above give; None for pmap.
      gather: a tree of the state's arrays -> whole on all devices.
    """

    step: Callable[[Any, Any], Any]
    put_state: Callable[[Any], Any]
    put_batch: Callable[[HostBatch], dict[str, jax.Array]]
    abstract: Callable[[Any, Any], tuple[Any, Any]] | None = None
    gather: Callable[[Any], Any] = lambda tree: tree

    def __call__(self, state: Any, batch: Any) -> Any:
        """One step on a batch that `put_batch` has placed."""
        return self.step(state, batch)


def within_mesh(function: Callable, mesh: Mesh) -> Callable:
    """`function`, to be traced by `jax.jit` in the context of a mesh of `make_mesh`.

    So images of which devices share the rows can be predicted, for example. Arrays of
    the host are copied to the mesh's devices; `batch_sharding` divides them before.
    """

    def on_mesh(x):
        """As it lies; names the devices that the program runs on."""
        anyhow = P(*(P.UNCONSTRAINED,) * x.ndim)
        return jax.lax.with_sharding_constraint(x, NamedSharding(mesh, anyhow))

    def traced(*args, **kwargs):
        with jax.sharding.use_abstract_mesh(mesh.abstract_mesh):
            result = function(*args, **kwargs)
        return jax.tree.map(on_mesh, result)

    traced.__name__ = _name(function)
    return traced


def _name(function):
    """What programs are listed by, `functools.partial` or not."""
    return getattr(getattr(function, "func", function), "__name__", "step")


def jit_driver(
    step_fn: Callable, mesh: Mesh, *, donate: bool = True, shard: str = "none"
) -> Driver:
    """`step_fn` (axis_name None) under jit, batch sharded over the mesh.

    Args:
      donate: use the state's memory for the result; not for evaluation.
      shard: "fsdp" keeps large arrays of the state in parts, see `training.mesh`.
    """
    everywhere = NamedSharding(mesh, P())

    def step_in_parts(state, batch):
        result = step_fn(_needed_whole(state, everywhere), batch)
        places = state_shardings(mesh, result, shard)
        return jax.lax.with_sharding_constraint(result, places)

    step_in_parts.__name__ = _name(step_fn)
    step = jax.jit(
        within_mesh(step_fn if shard == "none" else step_in_parts, mesh),
        out_shardings=everywhere if shard == "none" else None,
        donate_argnums=(0,) if donate else (),
    )

    def put(name, value):
        value = np.asarray(value)
        sharding = batch_sharding(mesh, value.ndim)
        _check_split(name, value, sharding)
        return jax.make_array_from_process_local_data(sharding, value)

    return Driver(
        step=step,
        put_state=lambda s: jax.tree.map(_place, s, state_shardings(mesh, s, shard)),
        put_batch=lambda batch: {name: put(name, v) for name, v in batch.items()},
        abstract=lambda state, batch: (
            _with_sharding(state, state_shardings(mesh, state, shard)),
            _with_sharding(
                batch, jax.tree.map(lambda x: batch_sharding(mesh, x.ndim), batch)
            ),
        ),
        gather=(lambda tree: tree)
        if shard == "none"
        else jax.jit(lambda tree: tree, out_shardings=everywhere),
    )


def _with_sharding(shapes, shardings):
    return jax.tree.map(
        lambda x, sharding: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding),
        shapes,
        shardings,
    )


def _needed_whole(state, everywhere):
    """The state with every array gathered but those of the optimizer and averages."""

    def gathered(path, x):
        names = {getattr(key, "name", getattr(key, "key", None)) for key in path}
        if names & set(KEPT):
            return x
        return jax.lax.with_sharding_constraint(x, everywhere)

    return jax.tree_util.tree_map_with_path(gathered, state)


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


def _replicate(tree, sharding):
    return jax.tree.map(lambda x: _place(x, sharding), tree)


def _place(x, sharding):
    """A copy on the devices; never the caller's own buffers, which donation ends."""
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
        parts |= {1: axes["space"], 2: axes.get("columns", 1)}
    for axis, count in parts.items():
        if value.shape[axis] % count:
            raise ValueError(_uneven(name, axis, value.shape[axis], count))


def _uneven(name, axis, size, count):
    return (
        f"{name} has size {size} along axis {axis}; allowed are multiples of {count}, "
        "the number of devices that share it"
    )
