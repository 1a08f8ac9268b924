"""Runs the training step and the evaluation step of a run on its devices."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax

from jaxseg.training.devices import processes
from jaxseg.training.devices.backends import Backend, JitBackend, PmapBackend
from jaxseg.training.devices.compile_log import log_compilations, shapes
from jaxseg.training.devices.mesh import Space, make_mesh, space_pair
from jaxseg.training.devices.placement import HostBatch
from jaxseg.training.devices.void_rows import fill_rows


class StepRunner:
    """Runs a training step and an evaluation step on devices.

    Every batch that it takes is this process's part of a global batch, as NumPy arrays.

    Attributes:
      programs: Descriptions of the programs compiled so far, such as "train_step: image
        uint8[8,96,128,3], ...".
    """

    def __init__(
        self,
        train_step: Callable | None,
        eval_step: Callable,
        *,
        kind: str,
        devices: Sequence[jax.Device],
        space: Space = 1,
        shard: str = "none",
    ) -> None:
        """Chooses the devices on which the steps run; nothing is compiled yet.

        Args:
          train_step: Maps state and batch to a state and metrics, see
            `jaxseg.training.step.steps`. None for a runner that only evaluates.
          eval_step: Maps variables and batch to confusion counts.
          kind: The backend, "jit" or "pmap".
          devices: The devices of all processes.
          space: Number of devices that share the rows (and columns) of one image.
          shard: "fsdp" splits the parameters, the optimizer state and the moving
            averages over the devices; "none" copies them to each device.

        Raises:
          ValueError: If the backend is unknown, or pmap gets `space` or `shard`.
        """
        self.programs: list[str] = []
        self._compiled: set[tuple[str, str]] = set()
        self._backend = _backend(kind, devices=devices, space=space, shard=shard)
        # Evaluation takes whole arrays: `variables` gathers those of a state in shards.
        evaluation = _backend(kind, devices, space, shard="none")
        counted = log_compilations(eval_step, "eval_step", self.programs)
        self._steps: dict[str, Any] = {
            "eval_step": evaluation.compile(counted, donate=False)
        }
        self._evaluation, self._eval_step = evaluation, eval_step
        if train_step is not None:
            updated = log_compilations(train_step, "train_step", self.programs)
            self._steps["train_step"] = self._backend.compile(updated)
        groups = len(devices) // math.prod(space_pair(space))
        self._local_groups = max(1, groups // jax.process_count())

    def place(self, state: Any) -> Any:
        """Copies a training state, or variables for evaluation, to the devices."""
        return self._backend.put_state(state)

    def train(self, state: Any, batch: HostBatch) -> tuple[Any, dict[str, jax.Array]]:
        """Starts a training step and returns before the devices have finished it.

        Returns:
          The new state, which reuses the memory of the old one, and a dictionary from
          the name of a metric to its value. Reading a value waits until the step is
          finished.
        """
        return self._run("train_step", state, batch)

    def variables(self, state: Any) -> Any:
        """Returns the variables for evaluation, with every array whole on every device.

        They consist of the parameters and the running statistics of normalization. The
        moving average of the parameters replaces the parameters if the state has one.
        """
        return self._backend.gather(state.variables())

    def count(self, variables: Any, batch: HostBatch) -> jax.Array:
        """Returns the confusion matrix of the global batch, int32 [K + 1, K].

        The rows are the K classes of the labels, followed by void. The columns are the
        predicted classes.

        The batch may have any number of examples. Examples without labels are added
        until it splits evenly over the devices.
        """
        filled = fill_rows(batch, self._local_groups)
        return self._run("eval_step", variables, filled)

    def observe(
        self, variables: Any, batch: HostBatch
    ) -> tuple[jax.Array, Callable[[], HostBatch]]:
        """Returns the confusion matrix of a batch and a function for its predictions.

        Returns:
          The matrix that `count` returns, and a function without arguments. The
          function copies arrays of this process's part of the batch to the host and
          returns them in a dictionary: "label", "prediction" and, if the evaluation
          step computes them, "probabilities".
        """
        if "observed_step" not in self._steps:
            keeping = functools.partial(self._eval_step, keep=True)
            named = log_compilations(keeping, "observed_step", self.programs)
            self._steps["observed_step"] = self._evaluation.compile(
                named, donate=False, by_example=True
            )
        filled = fill_rows(batch, self._local_groups)
        matrix, kept = self._run("observed_step", variables, filled)
        count = len(batch["index"])

        def read() -> HostBatch:
            return {k: self._evaluation.rows(v)[:count] for k, v in kept.items()}

        return matrix, read

    def trace(self, state: Any, batch: Any) -> tuple[jax.stages.Traced, Any, Any]:
        """Traces the training step from the shapes of a state and of a global batch.

        Returns:
          The traced step, and the shapes of state and batch with their shardings.

        Raises:
          ValueError: If the backend is pmap, which cannot trace a step from shapes.
        """
        state, batch = self._backend.abstract(state, batch)
        return self._steps["train_step"].trace(state, batch), state, batch

    def _run(self, name, state, batch):
        """Runs a step; a new program waits until all processes have compiled it.

        Collectives on CPU wait only 30 seconds for one another, and the processes'
        compilers may differ by more than that.
        """
        step, placed = self._steps[name], self._backend.put_batch(batch)
        program = (name, shapes(batch))
        if jax.process_count() > 1 and program not in self._compiled:
            self._compiled.add(program)
            step.lower(state, placed).compile()
            processes.barrier("compiled")
        return step(state, placed)


def _backend(kind, devices, space, shard) -> Backend:
    if kind == "jit":
        return JitBackend(make_mesh(space=space, devices=devices), shard)
    if kind != "pmap":
        raise ValueError(
            f"parallel_backend={kind!r} is invalid: expected 'jit' or 'pmap'."
        )
    if space_pair(space) != (1, 1) or shard != "none":
        raise ValueError(
            f"space={space} with shard={shard!r} is invalid under pmap: expected "
            "space=1 and shard='none'. Use parallel_backend='jit'."
        )
    return PmapBackend(tuple(devices))
