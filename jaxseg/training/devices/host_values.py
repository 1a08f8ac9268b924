"""Collects a few numbers from every process of a run without waiting for them."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from jaxseg.training.devices import processes


class HostValues:
    """Sends numbers of each process to all processes.

    All processes must call `start` and `read` in the same order. With one process,
    nothing is sent and `read` returns None.
    """

    def __init__(self) -> None:
        self._gather: jax.stages.Compiled | None = None
        self._sent: tuple[int, jax.Array] | None = None

    def start(self, step: int, values: Sequence[float]) -> None:
        """Starts to send the numbers of this process, and returns at once.

        The first call also compiles the exchange, and waits until all processes have
        compiled it.

        Args:
          step: The number of a training step, which `read` returns.
          values: The numbers. All processes must send the same count of them.
        """
        if jax.process_count() == 1:
            return
        shape = (jax.process_count(), jax.local_device_count())
        devices = sorted(jax.devices(), key=lambda one: (one.process_index, one.id))
        mesh = Mesh(np.array(devices).reshape(shape), ("host", "device"))
        local = np.asarray(values, np.float32)[None]
        array = jax.make_array_from_process_local_data(
            NamedSharding(mesh, P("host")), local
        )
        if self._gather is None:
            everywhere = NamedSharding(mesh, P())
            gather = jax.jit(lambda x: x, out_shardings=everywhere)
            self._gather = gather.lower(array).compile()
            processes.barrier("the times of the hosts")
        self._sent = (step, self._gather(array))

    def read(self) -> tuple[int, np.ndarray] | None:
        """Returns the numbers that all processes sent by their last calls of `start`.

        Returns:
          A pair: the step that was passed to `start`, and the numbers, float32
          [processes, values]. The result is None if `start` has not been called since
          the last call of `read`.
        """
        sent, self._sent = self._sent, None
        return None if sent is None else (sent[0], np.asarray(sent[1]))
