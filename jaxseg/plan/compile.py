"""Compiles the training step for devices that this machine need not have."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import re
import time
from typing import Any

import jax

from jaxseg.analysis.hlo.roofline import GIB
from jaxseg.analysis.jaxpr.cost import jaxpr_cost
from jaxseg.config import Config
from jaxseg.ops.lowering.portable import portable
from jaxseg.plan.abstract_step import abstract_step
from jaxseg.plan.program import Program, ProgramMemory
from jaxseg.plan.program_cache import ProgramCache
from jaxseg.plan.topology import Slice
from jaxseg.runs.config_file import overridden
from jaxseg.training.devices.selection import check_batch, check_space


def compiled(
    config: Config,
    target: Slice,
    *,
    batch: int | None = None,
    cache: ProgramCache | None = None,
) -> Program:
    """Compiles a configuration's training step and returns its memory and costs.

    Args:
      config: The configuration.
      target: The devices to compile for.
      batch: The number of images per step; by default `config.train.batch_size`.
      cache: Results of earlier compilations. If it contains the program of this step,
        nothing is compiled, and the result lacks the text of the program. By default
        the step is always compiled.

    Raises:
      ValueError: If the batch or the image cannot be divided evenly among the devices.
    """
    batch = config.train.batch_size if batch is None else batch
    space, devices = config.train.spatial_shards, target.devices
    check_space("train.spatial_shards", space, config.data.crop, devices)
    check_batch("train.batch_size", batch, devices, space=space)
    start = time.perf_counter()
    runner, state, shapes = abstract_step(config, target.devices, batch)
    traced, state, shapes = runner.trace(state, shapes)
    parts = _parts(state, shapes)
    lowered = traced.lower()
    if cache is not None and (known := cache.read(lowered, target)) is not None:
        return dataclasses.replace(known, seconds=time.perf_counter() - start)
    made = _compile(lowered, target, Program(batch, 0.0, parts))
    made = dataclasses.replace(made, seconds=time.perf_counter() - start)
    if cache is not None:
        cache.write(lowered, target, made)
    return made


def _compile(lowered: Any, target: Slice, program: Program) -> Program:
    """Compiles a lowered step; returns `program` with the memory and the costs."""
    try:
        with without_cache(target):
            executable = lowered.compile()
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        message = str(error)
        return dataclasses.replace(
            program, refusal=_first(error), wanted=wanted_bytes(message)
        )
    cost = executable.cost_analysis() or {}
    return dataclasses.replace(
        program,
        memory=_memory(executable),
        flops=cost.get("flops", 0.0),
        accessed=cost.get("bytes accessed", 0.0),
        text=executable.as_text(),
    )


@contextlib.contextmanager
def without_cache(target: Slice):
    """Returns a context manager that stops JAX from caching compiled programs.

    It does so because JAX cannot load programs for absent devices from the cache.
    """
    name = "jax_persistent_cache_min_compile_time_secs"
    before = getattr(jax.config, name)
    here = target.devices[0] in jax.devices()
    jax.config.update(name, before if here else math.inf)
    try:
        yield
    finally:
        jax.config.update(name, before)


def step_flops(config: Config, *, batch: int | None = None) -> int:
    """Returns the number of arithmetic operations in a training step, over all devices.

    A multiply-add counts as 2 operations. The count is that of the network with
    `BlockConfig(impl="lax")`. Operations that rematerialization repeats count once.
    """
    batch = config.train.batch_size if batch is None else batch
    plain = overridden(
        config,
        {
            "train": {
                "spatial_shards": 1,
                "shard": "none",
                "remat": "none",
                "grad_accum_steps": 1,
            },
            "model": {"options": {"style": {"impl": "lax", "batch_groups": 1}}},
        },
    )
    runner, state, shapes = abstract_step(plain, jax.devices("cpu")[:1], batch)
    # Portable: on a CPU, the norm of the gradient would be computed by products.
    traced, *_ = portable(runner.trace)(state, shapes)
    return jaxpr_cost(traced.jaxpr).flops


def _parts(state: Any, batch: Any) -> dict[str, int]:
    """Returns bytes per device of the state's fields and the batch, without tiling."""
    parts = {
        field.name: _bytes(getattr(state, field.name))
        for field in dataclasses.fields(state)
    }
    # Smaller fields are counters and keys, which no one needs to see.
    return {name: size for name, size in parts.items() if size > 64} | {
        "batch": _bytes(batch)
    }


def _bytes(tree: Any) -> int:
    return sum(
        math.prod(leaf.sharding.shard_shape(leaf.shape)) * leaf.dtype.itemsize
        for leaf in jax.tree.leaves(tree)
    )


def _memory(program) -> ProgramMemory:
    stats = program.memory_analysis()
    return ProgramMemory(
        stats.argument_size_in_bytes,
        stats.output_size_in_bytes,
        stats.alias_size_in_bytes,
        stats.temp_size_in_bytes,
        stats.generated_code_size_in_bytes,
    )


def wanted_bytes(message: str) -> float:
    """Returns the first size, as a number of bytes, that an error message contains.

    For the text "needs 18.3G of 15.75G", it is 18.3 GiB. It is 0 if there is no size.
    """
    found = re.search(r"([\d.]+)([KMG])", message)
    scale = {"K": 2**10, "M": 2**20, "G": GIB}
    return float(found[1]) * scale[found[2]] if found else 0.0


def _first(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
