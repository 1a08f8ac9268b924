"""Runs a step on devices, with `jax.jit` on a mesh or with `jax.pmap`.

Both backends compile a function `step(state, batch) -> result`. The batch is split over
the devices, and every process can read the result. The results of both backends are
equal. `jit` is the main backend. JAX keeps `pmap` only for compatibility and implements
it with `jit` and `shard_map`.

Do not wrap a training step in `shard_map` with its default `check_vma=True`;
`jaxseg.training.step.steps` gives the reason.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from jaxseg.training.devices.local_rows import local_rows
from jaxseg.training.devices.mesh import batch_sharding, state_shardings, within_mesh
from jaxseg.training.devices.placement import (
    HostBatch,
    check_even,
    check_split,
    copy_to,
)

AXIS = "batch"  # the axis name that steps, losses and models get under pmap
STAYS_SHARDED = ("opt_state", "ema")  # a step reads these arrays in shards only


@dataclasses.dataclass(frozen=True)
class JitBackend:
    """Runs steps under `jax.jit`, with the batch sharded over a mesh.

    A step is traced inside the context of the mesh, so that
    `jaxseg.ops.spatial.layout` knows that devices share the rows of an image.

    Attributes:
      mesh: A mesh of `jaxseg.training.devices.mesh.make_mesh`.
      shard: "none" replicates the state on all devices. "fsdp" splits its large arrays
        into one shard for each device (ZeRO, arXiv 1910.02054), see `state_sharding`. A
        step gathers the parameters at its start, and each device updates its own shard.
    """

    mesh: Mesh
    shard: str = "none"

    def compile(
        self, step: Callable, *, donate: bool = True, by_example: bool = False
    ) -> Callable:
        """Compiles a step whose state and batch are already on the devices.

        Args:
          step: A function of state and batch. Its argument `axis_name` must be None.
          donate: Whether the result reuses the memory of the state, which is then
            deleted. Pass False for evaluation.
          by_example: Whether the step returns a pair whose second part has one entry
            for each example. Each device then keeps the entries of its examples, and
            `rows` reads them.

        Returns:
          The compiled function.
        """
        whole = self.shard == "none"
        places = self._everywhere if whole else None
        if by_example:
            places = (places, NamedSharding(self.mesh, P("batch")))
        return jax.jit(
            within_mesh(step if whole else self._on_shards(step), self.mesh),
            out_shardings=places,
            donate_argnums=(0,) if donate else (),
        )

    def put_state(self, state: Any) -> Any:
        """Copies a training state to the devices, replicated or split (see `shard`)."""
        return jax.tree.map(copy_to, state, self._shardings(state))

    def put_batch(self, batch: HostBatch) -> dict[str, jax.Array]:
        """Copies this process's part of a batch to the devices of this process.

        The examples are divided among the devices. If several devices share an image,
        its rows are divided as well.

        Returns:
          The arrays of the global batch, which all processes share.
        """
        return {name: self._put(name, value) for name, value in batch.items()}

    def rows(self, array: jax.Array) -> np.ndarray:
        """Copies this process's part of an array to host memory.

        The result is a NumPy array with one entry for each example of this process.
        """
        return local_rows(array)

    def gather(self, tree: Any) -> Any:
        """Copies every array of a tree to all devices, so that each holds it whole."""
        return tree if self.shard == "none" else self._gather(tree)

    def abstract(self, state: Any, batch: Any) -> tuple[Any, Any]:
        """Returns the shapes and shardings of a training state and a global batch.

        The result is a pair of trees like `state` and `batch`, with a
        `jax.ShapeDtypeStruct` in place of each array. From these, a step can be traced
        and compiled without any array on a device.
        """
        places = jax.tree.map(lambda x: batch_sharding(self.mesh, x.ndim), batch)
        return (
            jax.tree.map(_with_sharding, state, self._shardings(state)),
            jax.tree.map(_with_sharding, batch, places),
        )

    @property
    def _everywhere(self):
        return NamedSharding(self.mesh, P())

    @functools.cached_property
    def _gather(self):
        return jax.jit(lambda tree: tree, out_shardings=self._everywhere)

    def _shardings(self, state):
        return state_shardings(self.mesh, state, self.shard)

    def _on_shards(self, step):
        """Returns the step for a state in shards: it gathers what the step reads."""

        def gathered(path, x):
            names = {getattr(key, "name", getattr(key, "key", None)) for key in path}
            if names & set(STAYS_SHARDED):
                return x
            return jax.lax.with_sharding_constraint(x, self._everywhere)

        @functools.wraps(getattr(step, "func", step), ("__name__",), ())
        def sharded_step(state, batch):
            result = step(jax.tree_util.tree_map_with_path(gathered, state), batch)
            return jax.lax.with_sharding_constraint(result, self._shardings(result))

        return sharded_step

    def _put(self, name, value):
        value = np.asarray(value)
        sharding = batch_sharding(self.mesh, value.ndim)
        check_split(name, value, sharding)
        return jax.make_array_from_process_local_data(sharding, value)


@dataclasses.dataclass(frozen=True)
class PmapBackend:
    """Runs steps under `jax.pmap`, with the interface and the results of `JitBackend`.

    The arrays of a state have no additional axis for the devices. The loss and the
    model of a step must use the axis name `AXIS`, so that their results are equal on
    all devices.

    Attributes:
      devices: The devices of all processes.
    """

    devices: Sequence[jax.Device]

    def compile(
        self, step: Callable, *, donate: bool = True, by_example: bool = False
    ) -> Callable:
        """Compiles a step whose state and batch are already on the devices.

        Args:
          step: A function of state, batch and `axis_name`.
          donate: Whether the result reuses the memory of the state, which is then
            deleted. Pass False for evaluation.
          by_example: Whether the step returns a pair whose second part has one entry
            for each example, which `rows` reads.

        Returns:
          The compiled function.
        """
        return jax.pmap(
            functools.partial(step, axis_name=AXIS),
            axis_name=AXIS,
            in_axes=(None, 0),
            out_axes=(None, 0) if by_example else None,
            devices=list(self.devices),
            donate_argnums=(0,) if donate else (),
        )

    def put_state(self, state: Any) -> Any:
        """Copies the arrays of a training state to every device."""
        everywhere = NamedSharding(Mesh(np.array(self.devices), (AXIS,)), P())
        return jax.tree.map(lambda x: copy_to(x, everywhere), state)

    def put_batch(self, batch: HostBatch) -> dict[str, jax.Array]:
        """Copies this process's part of a batch to the devices of this process.

        The examples are divided among the devices.

        Arrays [B, ...] become [devices, B / devices, ...].
        """
        here = jax.process_index()
        local = [device for device in self.devices if device.process_index == here]
        split = NamedSharding(Mesh(np.array(local), (AXIS,)), P(AXIS))

        def put(name, value):
            value = np.asarray(value)
            check_even(name, axis=0, size=value.shape[0], count=len(local))
            value = value.reshape(len(local), -1, *value.shape[1:])
            return jax.device_put(value, split)

        return {name: put(name, value) for name, value in batch.items()}

    def rows(self, array: jax.Array) -> np.ndarray:
        """Copies this process's part of an array to host memory.

        The result is a NumPy array with one entry for each example of this process.
        """
        found = local_rows(array)  # [devices, examples of each device, ...]
        return found.reshape(-1, *found.shape[2:])

    def gather(self, tree: Any) -> Any:
        """Returns the tree unchanged, because every device already holds all arrays."""
        return tree

    def abstract(self, state: Any, batch: Any) -> tuple[Any, Any]:
        """Raises ValueError, because pmap cannot trace a program from shapes alone."""
        raise ValueError(
            "parallel_backend='pmap' is invalid: expected 'jit', because pmap cannot "
            "trace a program from the shapes of arrays alone."
        )


Backend = JitBackend | PmapBackend


def _with_sharding(shape, sharding):
    return jax.ShapeDtypeStruct(shape.shape, shape.dtype, sharding=sharding)
