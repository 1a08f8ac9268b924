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
from jaxseg.plan.search import image_devices
from jaxseg.plan.setting import Setting
from jaxseg.plan.topology import Slice
from jaxseg.training.devices.mesh import LARGE

# Rates of one device whose chip is unknown, such as a simulated CPU. Only the order of
# the estimates matters, so that typical rates of a core suffice.
UNKNOWN = Chip(("unknown",), 5e10, 0, 0, bandwidth=1e10, ici=5e9)
EXCHANGE = 1e-4  # Seconds that CPU devices take to start one exchange.


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
    batch: float  # on all devices
    arrays: int  # of parameters


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
            temporaries += trace.parameters  # A step gathers them at its start.
        seconds = self._seconds(setting, trace, shared=shared, split=split)
        return Estimate(state + trace.batch / devices, temporaries, seconds)

    def _seconds(
        self, setting: Setting, trace: _Trace, *, shared: int, split: int
    ) -> float:
        """Returns the middle of the range in which the time of a step is expected."""
        devices, chip = len(self._target.devices), self._target.chip
        traffic = trace.traffic
        # A ring sends every gradient twice, once for each micro-batch.
        sent = 2.0 * trace.parameters * setting.grad_accum_steps if devices > 1 else 0.0
        exchanges = float(trace.arrays if devices > 1 else 0)
        if split > 1:
            sent += trace.parameters
            exchanges += trace.arrays
        if shared > 1:
            sent += traffic.borders * shared
            exchanges += traffic.convolutions
        load = Load(
            trace.flops / devices,
            traffic=traffic.moved,
            sent=sent,
            exchanges=0,
            diameter=self._target.diameter,
        )
        expected = times(load, chip or UNKNOWN)
        latency = 0.0 if chip else exchanges * EXCHANGE
        return (expected.fast + expected.slow) / 2 + latency

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
        size_of = _sizes({x.shape for x in jax.tree.leaves(state.params)}, count)
        large = [x for x in jax.tree.leaves(state) if x.size >= LARGE]
        return _Trace(
            flops=float(jaxpr_cost(needed).flops),
            traffic=jaxpr_traffic(jaxpr, size_of),
            temporaries=temporary_bytes(jaxpr, size_of),
            state=_bytes(state),
            divisible=_bytes([x for x in large if _divides(x, count)]),
            parameters=_bytes(state.params),
            batch=_bytes(batch),
            arrays=len(jax.tree.leaves(state.params)),
        )


def _without_dead_code(closed: core.ClosedJaxpr) -> core.ClosedJaxpr:
    """Removes operations without use, which compilers remove as well.

    With micro-batches, a first pass over the images computes only weights of labels.
    """
    outputs = [True] * len(closed.jaxpr.outvars)
    jaxpr, _ = partial_eval.dce_jaxpr(closed.jaxpr, outputs, instantiate=True)
    return core.ClosedJaxpr(jaxpr, closed.consts)


def _sizes(whole: set[tuple[int, ...]], devices: int) -> Callable[[Any], float]:
    """Returns a function from a variable to its bytes on one of the devices.

    Variables with the shape of a parameter are gradients, which every device holds
    whole. The devices share all other variables.
    """

    def size_of(variable: Any) -> float:
        aval = variable.aval
        size = math.prod(aval.shape) * getattr(aval.dtype, "itemsize", 8)
        return size if aval.shape in whole else size / devices

    return size_of


def _divides(array: Any, devices: int) -> bool:
    return any(size % devices == 0 for size in array.shape)


def _bytes(tree: Any) -> float:
    return float(sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(tree)))
