"""Compiles the training step of a configuration, and runs it on arrays of zeros.

The memory of the process during a step is read from /proc, so that it can only be
measured on Linux.
"""

from __future__ import annotations

import ctypes
import re
import time
from collections.abc import Callable
from pathlib import Path
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
    executable, shapes = _compiled(config, target)
    stats = executable.memory_analysis()
    needs = stats.argument_size_in_bytes + stats.output_size_in_bytes
    needs += stats.temp_size_in_bytes - stats.alias_size_in_bytes
    needs += stats.generated_code_size_in_bytes

    def run() -> Seconds:
        arguments = jax.tree.map(_zeros, shapes)
        jax.block_until_ready(arguments)
        start, cpu = time.perf_counter(), time.process_time()
        jax.block_until_ready(executable(*arguments))
        return time.perf_counter() - start, time.process_time() - cpu

    run()
    return run, int(needs)


def resident_growth(config: Config, target: Slice) -> int:
    """Returns how many bytes the memory of this process grows during a training step.

    The arguments of the step are not counted, because they are placed before. Their
    memory holds the new state.

    Args:
      config: The configuration.
      target: The devices, which this computer must have.
    """
    executable, shapes = _compiled(config, target)
    jax.block_until_ready(executable(*jax.tree.map(_zeros, shapes)))
    arguments = jax.tree.map(_zeros, shapes)
    jax.block_until_ready(arguments)
    ctypes.CDLL(None).malloc_trim(0)
    before = _status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # The peak starts again from here.
    jax.block_until_ready(executable(*arguments))
    return _status("VmHWM") - before


def _status(field: str) -> int:
    """Returns a field of the status of this process in bytes."""
    text = Path("/proc/self/status").read_text()
    return 1024 * int(re.findall(rf"{field}:\s*(\d+) kB", text)[0])


def _compiled(config: Config, target: Slice) -> tuple[Any, Any]:
    """Returns the compiled step, and the shapes of its arguments."""
    runner, state, batch = abstract_step(
        config, target.devices, config.train.batch_size
    )
    traced, state, batch = runner.trace(state, batch)
    return traced.lower().compile(), (state, batch)


def _zeros(shape: Any) -> jax.Array:
    """Returns an array of zeros, or a random key, with the sharding of a shape."""
    if jax.dtypes.issubdtype(shape.dtype, jax.dtypes.prng_key):
        return jax.device_put(jax.random.key(0), shape.sharding)
    return jax.device_put(np.zeros(shape.shape, shape.dtype), shape.sharding)
