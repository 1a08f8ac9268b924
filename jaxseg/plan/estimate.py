"""Estimates the memory and the time of a training step from its trace.

A step is traced once for each batch size, number of micro-batches, rematerialization
and data type, as a program for one device. This trace suffices for the estimates of all
ways to shard the state and the images. They assume that every device holds an equal
part of the activations, and the whole of each gradient.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import jax
from jax.extend import core
from jax.interpreters import partial_eval

from jaxseg.analysis.hlo.roofline import Chip, Load, times
from jaxseg.analysis.jaxpr.cost import jaxpr_cost
from jaxseg.analysis.jaxpr.memory import temporary_bytes
from jaxseg.analysis.jaxpr.traffic import Traffic, jaxpr_traffic
from jaxseg.config import Config
from jaxseg.plan.abstract_step import abstract_step
from jaxseg.plan.cpu_time import CpuWork, bytes_moved, cpu_seconds
from jaxseg.plan.search import image_devices
from jaxseg.plan.setting import Setting
from jaxseg.plan.topology import Slice
from jaxseg.training.devices.mesh import LARGE

# Rates of an unknown accelerator. Only the order of the estimates matters.
UNKNOWN = Chip(("unknown",), 1e14, 0, 0, bandwidth=1e12, ici=1e11)


@dataclasses.dataclass(frozen=True)
class Estimate:
    """Contains the estimated memory and time of a training step on one device.

    Attributes:
      arguments: The bytes of the training state and the batch, which are exact.
      temporaries: The estimated bytes of activations and gradients.
      seconds: The estimated time of a step.
    """

    arguments: float
    temporaries: float
    seconds: float


@dataclasses.dataclass(frozen=True)
class _Trace:
    """Contains what the trace of a step says: operations, bytes and a count."""

    flops: float  # on all devices
    traffic: Traffic  # of one device
    temporaries: float  # on one device
    state: float  # on all devices, without copies
    divisible: float  # the part of the state that fsdp divides
    parameters: float
    gathered: float  # the part of the parameters that fsdp divides
    batch: float  # on all devices
    arrays: int  # of parameters
    gathered_arrays: int  # of the parameters that fsdp divides
    statistics: int  # arrays of running statistics


class Estimator:
    """Estimates training steps of one configuration under different settings.

    Args:
      config: The configuration.
      target: The devices.
    """

    def __init__(self, config: Config, target: Slice) -> None:
        self._config, self._target = config, target
        self._traces: dict[tuple[Any, ...], _Trace] = {}

    def estimate(self, setting: Setting) -> Estimate:
        """Returns the estimated memory and time of a step with a setting.

        The step is traced, unless this was done for a setting with the same batch size,
        number of micro-batches, rematerialization and data type.

        Args:
          setting: The training options, such as batch size and sharding.

        Raises:
          ValueError: If the options of the setting contradict the configuration.
        """
        trace = self._trace(setting)
        devices = len(self._target.devices)
        shared = image_devices(setting.applied(self._config))
        split = devices // shared if setting.shard == "fsdp" else 1
        state = trace.state - trace.divisible * (1 - 1 / split)
        temporaries = trace.temporaries
        if split > 1:
            temporaries += trace.gathered  # A step gathers them at its start.
        seconds = self._seconds(setting, trace, shared=shared, split=split)
        return Estimate(state + trace.batch / devices, temporaries, seconds)

    def _seconds(
        self, setting: Setting, trace: _Trace, *, shared: int, split: int
    ) -> float:
        """Returns the middle of the range in which the time of a step is expected."""
        devices, chip = len(self._target.devices), self._target.chip
        traffic, parts = trace.traffic, setting.grad_accum_steps
        # A ring sends every gradient twice, once for each micro-batch.
        sent = 2.0 * trace.parameters * parts if devices > 1 else 0.0
        exchanges = 0
        if devices > 1:
            # Each running average belongs to a sum forward and to one backward.
            exchanges = parts * (trace.arrays + 2 * trace.statistics)
        if split > 1:
            sent += trace.gathered
            exchanges += trace.gathered_arrays
        if shared > 1:
            sent += traffic.borders * shared
            exchanges += traffic.convolutions
        if self._is_cpu:
            return cpu_seconds(
                CpuWork(
                    trace.flops / devices,
                    traffic=traffic.moved,
                    operations=traffic.operations,
                    exchanges=exchanges,
                )
            )
        load = Load(
            trace.flops / devices,
            traffic=traffic.moved,
            sent=sent,
            exchanges=0,
            diameter=self._target.diameter,
        )
        expected = times(load, chip or UNKNOWN)
        return (expected.fast + expected.slow) / 2

    @property
    def _is_cpu(self) -> bool:
        return self._target.devices[0].platform == "cpu"

    def _trace(self, setting: Setting) -> _Trace:
        key = (setting.batch_size, setting.grad_accum_steps)
        key += (setting.remat, setting.dtype)
        if key not in self._traces:
            self._traces[key] = self._traced(setting)
        return self._traces[key]

    def _traced(self, setting: Setting) -> _Trace:
        plain = dataclasses.replace(setting, shard="none", spatial_shards=1)
        config, one = plain.applied(self._config), self._target.devices[:1]
        runner, state, batch = abstract_step(config, one, plain.batch_size)
        traced, *_ = runner.trace(state, batch)
        needed = _without_dead_code(traced.jaxpr)
        jaxpr = needed.jaxpr
        count = len(self._target.devices)
        shapes = {x.shape for x in jax.tree.leaves(state.params)}
        size_of = _sizes(shapes, count, _itemsize)
        moved = _sizes(shapes, count, bytes_moved) if self._is_cpu else size_of
        gathered = _divided(state.params, count)
        return _Trace(
            flops=float(jaxpr_cost(needed).flops),
            traffic=jaxpr_traffic(jaxpr, moved),
            temporaries=temporary_bytes(jaxpr, size_of),
            state=_bytes(state),
            divisible=_bytes(_divided(state, count)),
            parameters=_bytes(state.params),
            gathered=_bytes(gathered),
            batch=_bytes(batch),
            arrays=len(jax.tree.leaves(state.params)),
            gathered_arrays=len(gathered),
            statistics=len(jax.tree.leaves(state.batch_stats)),
        )


def _without_dead_code(closed: core.ClosedJaxpr) -> core.ClosedJaxpr:
    """Removes operations without use, which compilers remove as well.

    With micro-batches, a first pass over the images computes only weights of labels.
    """
    outputs = [True] * len(closed.jaxpr.outvars)
    jaxpr, _ = partial_eval.dce_jaxpr(closed.jaxpr, outputs, instantiate=True)
    return core.ClosedJaxpr(jaxpr, closed.consts)


def _sizes(
    whole: set[tuple[int, ...]], devices: int, item: Callable[[Any], int]
) -> Callable[[Any], float]:
    """Returns a function from a variable to its bytes on one of the devices.

    Variables with the shape of a parameter are gradients, which every device holds
    whole. The devices share all other variables. `item` returns the bytes of an
    element.
    """

    def size_of(variable: Any) -> float:
        aval = variable.aval
        size = math.prod(aval.shape) * item(aval)
        return size if aval.shape in whole else size / devices

    return size_of


def _itemsize(aval: Any) -> int:
    return getattr(aval.dtype, "itemsize", 8)


def _divided(tree: Any, devices: int) -> list[Any]:
    """Returns the arrays of a tree that fsdp divides among the devices."""
    return [
        x
        for x in jax.tree.leaves(tree)
        if x.size >= LARGE and any(size % devices == 0 for size in x.shape)
    ]


def _bytes(tree: Any) -> float:
    return float(sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(tree)))
