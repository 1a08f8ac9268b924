"""Compiles the training step for devices that this machine need not have."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import math
import os
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

import jax

from jaxseg.analysis.hlo.roofline import CHIPS, GIB, Chip, chip_of, diameter
from jaxseg.analysis.jaxpr.cost import jaxpr_cost
from jaxseg.config import Config
from jaxseg.plan.image_pixels import planned_spec
from jaxseg.runs.config_file import overridden
from jaxseg.tasks.functions import training_of
from jaxseg.tasks.table import task_of
from jaxseg.training.devices.selection import check_batch, check_space

FORMS = "'local', 'cpu:8' or a TPU such as 'v5e:16x16' (v4, v5e, v5p or v6e)"
# Without these, libtpu queries the cloud about its machine and prints complaints.
QUIET = {
    "TPU_SKIP_MDS_QUERY": "1",
    "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",  # Safe, because no chip is used.
    "TPU_ACCELERATOR_TYPE": "v5litepod-4",
    "TPU_WORKER_HOSTNAMES": "localhost",
}


@dataclasses.dataclass(frozen=True)
class Slice:
    """Describes the devices for which a training step is compiled.

    Attributes:
      name: The name on the command line, such as "v5e:16x16".
      devices: JAX devices: real ones, or descriptions of TPU devices that need not
        exist on this machine.
      chip: The memory and the peak rates of the chip, or None if they are unknown.
      diameter: Number of links on the path between the two most distant devices.
    """

    name: str
    devices: tuple[jax.Device, ...]
    chip: Chip | None
    diameter: int


def described(name: str) -> Slice:
    """Returns the devices that a topology on the command line names.

    Args:
      name: "local", "cpu:N", or a TPU topology such as "v5e:16x16".

    Raises:
      ValueError: If the topology is unknown, or if it is a TPU topology and libtpu is
        not installed.
    """
    kind, _, layout = name.partition(":")
    if name == "local" or kind == "cpu":
        devices = jax.devices() if name == "local" else _cpus(name, layout)
        return Slice(name, tuple(devices), chip_of(devices[0].device_kind), 1)
    chip = CHIPS.get(kind)
    if chip is None or not chip.kinds[0].startswith("TPU") or not layout:
        raise ValueError(f"topology={name!r} is invalid: expected {FORMS}.")
    if importlib.util.find_spec("libtpu") is None:
        raise ValueError(
            f"topology={name!r} is invalid without the TPU compiler: expected libtpu. "
            "Install it with pip install 'jaxseg[plan]'."
        )
    sides = [int(side) for side in re.findall(r"\d+", layout)]
    # The sides of smaller slices are not closed to a ring.
    closed = 4 if len(sides) == 3 else 16
    length = sum(diameter([side], side % closed == 0) for side in sides)
    return Slice(name, _tpus(name, chip), chip, length)


def _cpus(name: str, layout: str) -> list[jax.Device]:
    """Returns simulated CPUs; JAX can add some only before it is initialized."""
    count = int(layout) if layout.isdecimal() else 0
    if count > jax.config.jax_num_cpu_devices:
        with contextlib.suppress(RuntimeError):
            jax.config.update("jax_num_cpu_devices", count)
    devices = jax.devices("cpu")
    if not 1 <= count <= len(devices):
        raise ValueError(
            f"topology={name!r} is invalid: expected cpu:1 to cpu:{len(devices)} here."
        )
    return devices[:count]


def _tpus(name: str, chip: Chip) -> tuple[jax.Device, ...]:
    from jax.experimental import topologies

    for variable, value in QUIET.items():
        os.environ.setdefault(variable, value)
    options = {"chip_config_name": chip.config} if chip.config else {}
    try:
        slice_ = topologies.get_topology_desc(name, platform="tpu", **options)
    except jax.errors.JaxRuntimeError as error:
        raise ValueError(
            f"topology={name!r} is invalid: expected {FORMS}. The compiler "
            f"says: {_first(error)}"
        ) from error
    return tuple(slice_.devices)


@dataclasses.dataclass(frozen=True)
class ProgramMemory:
    """Contains the memory that a compiled step needs on one device, in bytes.

    Attributes:
      arguments: The training state and the batch.
      output: The results of the step.
      alias: The part of the results that reuses the memory of the arguments.
      temporaries: Activations, gradients and other values within a step.
      code: The program itself.
    """

    arguments: int
    output: int
    alias: int
    temporaries: int
    code: int

    @property
    def total(self) -> int:
        """Returns the peak memory of the step on one device in bytes."""
        return self.arguments + self.output - self.alias + self.temporaries + self.code


@dataclasses.dataclass(frozen=True)
class Program:
    """Describes a compiled training step. Memory and costs are those of one device.

    Attributes:
      batch: Images per step on all devices.
      seconds: The seconds that tracing and compiling took.
      parts: The bytes of each part of the arguments, such as "params", by name.
      memory: The memory, or None if compilation failed for lack of memory.
      refusal: The error message of the compiler if compilation failed for lack of
        memory, or "".
      wanted: The bytes that the program needs according to `refusal`.
      flops: The arithmetic operations according to XLA's cost analysis.
      accessed: The bytes read and written according to XLA's cost analysis.
      text: The text of the compiled program.
    """

    batch: int
    seconds: float
    parts: Mapping[str, int]
    memory: ProgramMemory | None = None
    refusal: str = ""
    wanted: float = 0.0
    flops: float = 0.0
    accessed: float = 0.0
    text: str = ""

    def needs(self) -> float:
        """Returns the bytes that the step needs on one device.

        If compilation failed for lack of memory, they are read from the error message.
        """
        return self.memory.total if self.memory else self.wanted


def compiled(config: Config, target: Slice, *, batch: int | None = None) -> Program:
    """Compiles the training step of a configuration for given devices.

    Args:
      config: The configuration.
      target: The devices to compile for.
      batch: Images per step; the default is `config.train.batch_size`.

    Raises:
      ValueError: If the batch or the image cannot be divided evenly among the devices.
    """
    batch = config.train.batch_size if batch is None else batch
    space, devices = config.train.spatial_shards, target.devices
    check_space("train.spatial_shards", space, config.data.crop, devices)
    check_batch("train.batch_size", batch, devices, space=space)
    start = time.perf_counter()
    runner, state, shapes = _abstract(config, target.devices, batch)
    traced, state, shapes = runner.trace(state, shapes)
    parts = _parts(state, shapes)
    try:
        with without_cache(target):
            program = traced.lower().compile()
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        seconds = time.perf_counter() - start
        refusal = str(error)
        return Program(
            batch, seconds, parts, refusal=_first(error), wanted=wanted_bytes(refusal)
        )
    cost = program.cost_analysis() or {}
    return Program(
        batch,
        time.perf_counter() - start,
        parts,
        memory=_memory(program),
        flops=cost.get("flops", 0.0),
        accessed=cost.get("bytes accessed", 0.0),
        text=program.as_text(),
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
    """Counts the arithmetic operations of a training step on all devices.

    A multiply-add counts as 2 operations. Operators are counted in the version with
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
    runner, state, shapes = _abstract(plain, jax.devices("cpu")[:1], batch)
    traced, *_ = runner.trace(state, shapes)
    return jaxpr_cost(traced.jaxpr).flops


def _abstract(config: Config, devices: Sequence[jax.Device], batch: int):
    """Returns the runner of the task, and the shapes of its state and global batch."""
    kind, task = task_of(config).kind, training_of(config)
    spec = task.spec(planned_spec(config.data, kind))
    pixels = (1,) * spec.num_classes
    runner, new_state, _ = task.build(config, spec, devices, class_pixels=pixels)
    return runner, jax.eval_shape(new_state), task.batch_shapes(config, batch, spec)


def _parts(state: Any, batch: Any) -> dict[str, int]:
    """Returns bytes per device of the state's fields and the batch, without tiling."""
    parts = {
        field.name: _bytes(getattr(state, field.name))
        for field in dataclasses.fields(state)
    }
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
    """Returns the first size in bytes in a text like "needs 18.3G of 15.75G", or 0."""
    found = re.search(r"([\d.]+)([KMG])", message)
    scale = {"K": 2**10, "M": 2**20, "G": GIB}
    return float(found[1]) * scale[found[2]] if found else 0.0


def _first(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
