"""Compiles the training step of a configuration, and runs it on arrays of zeros."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from jaxseg.config import Config
from jaxseg.plan.abstract_step import abstract_step
from jaxseg.plan.topology import Slice

Seconds = tuple[float, float]  # of the clock, and of the CPU in all threads


def timed_step(config: Config, target: Slice) -> tuple[Callable[[], Seconds], int]:
    """Compiles the training step of a configuration.

    Args:
      config: The configuration.
      target: The devices, which this computer must have.

    Returns:
      A pair: a function that runs one step on a state and images of zeros, and returns
      its seconds by the clock and its CPU seconds in all threads, both without those
      for placing the arguments; and the bytes that the compiled step needs on one
      device.
    """
    runner, state, batch = abstract_step(
        config, target.devices, config.train.batch_size
    )
    traced, state, batch = runner.trace(state, batch)
    executable = traced.lower().compile()
    stats = executable.memory_analysis()
    needs = stats.argument_size_in_bytes + stats.output_size_in_bytes
    needs += stats.temp_size_in_bytes - stats.alias_size_in_bytes
    needs += stats.generated_code_size_in_bytes

    def run() -> Seconds:
        arguments = jax.tree.map(_zeros, (state, batch))
        jax.block_until_ready(arguments)
        start, cpu = time.perf_counter(), time.process_time()
        jax.block_until_ready(executable(*arguments))
        return time.perf_counter() - start, time.process_time() - cpu

    run()
    return run, int(needs)


def _zeros(shape: Any) -> jax.Array:
    """Returns an array of zeros, or a random key, with the sharding of a shape."""
    if jax.dtypes.issubdtype(shape.dtype, jax.dtypes.prng_key):
        return jax.device_put(jax.random.key(0), shape.sharding)
    return jax.device_put(np.zeros(shape.shape, shape.dtype), shape.sharding)
