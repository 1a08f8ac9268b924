"""Computes the two terms of the MFU: operations per step and peak rate of the devices.

The model FLOPs utilization (MFU) is the number of operations per second of a training
step, divided by the peak rate of the devices (PaLM, arXiv 2204.02311, appendix B). Each
multiply-accumulate in the convolutions and matrix products of the forward and the
backward pass counts as two operations. `jaxseg.analysis.jaxpr.cost` counts them in the
traced program.
Differs: operations that rematerialization repeats count twice, whereas the paper counts
them once. The peak rate is that of dense bfloat16 arithmetic, even if the network
computes in float32.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax

from jaxseg.analysis.hlo.roofline import chip_of
from jaxseg.analysis.jaxpr.cost import jaxpr_cost

# Operations per second of one device by `device_kind`, from the makers' pages.
FURTHER = {
    "TPU v2": 22.5e12,  # A core; 45e12 per chip.
    "TPU v3": 61.5e12,  # A core; 123e12 per chip.
    "NVIDIA A100-SXM4-40GB": 312e12,
    "NVIDIA A100-PCIE-40GB": 312e12,
    "NVIDIA A100 80GB PCIe": 312e12,
    "NVIDIA H100 PCIe": 756e12,
    "NVIDIA H100 NVL": 835e12,
    "NVIDIA L4": 121e12,
    "Tesla V100-SXM2-16GB": 125e12,  # float16, because it has no bfloat16.
    "Tesla V100-SXM2-32GB": 125e12,
    "Tesla V100-SXM3-32GB": 125e12,
}
logger = logging.getLogger(__name__)


def peak(devices: Sequence[jax.Device]) -> float | None:
    """Returns the peak arithmetic rate of several devices together.

    The rate is in operations per second. The result is None if the rate of one of the
    devices is unknown.
    """
    each = [device_peak(device.device_kind) for device in devices]
    return None if None in each else sum(each)


def device_peak(kind: str) -> float | None:
    """Returns the peak arithmetic rate of one device whose `device_kind` is `kind`.

    The rate is in operations per second. The result is None if the rate is unknown.
    """
    chip = chip_of(kind)
    return FURTHER.get(kind) if chip is None else chip.peak


def counter(
    runner: Any, *, kind: str
) -> Callable[[Any, Mapping[str, Any]], int | None] | None:
    """Returns a function that counts the arithmetic operations of one training update.

    The operations of all devices are counted together.

    Args:
      runner: The `StepRunner`, which runs the training step on the devices.
      kind: The parallel backend, "jit" or "pmap".

    Returns:
      A function from the training state and this process's part of the batch to the
      number of operations, or to None if they cannot be counted. For "pmap", the result
      is None instead of a function, because its program cannot be traced without
      running it.
    """
    if kind != "jit":
        return None

    def count(state: Any, batch: Mapping[str, Any]) -> int | None:
        processes = jax.process_count()
        whole = {
            name: jax.ShapeDtypeStruct(
                (processes * value.shape[0], *value.shape[1:]), value.dtype
            )
            for name, value in batch.items()
        }
        traced, *_ = runner.trace(state, whole)
        try:
            return jaxpr_cost(traced.jaxpr).flops
        except ValueError as error:  # Training can continue without the count.
            logger.warning(
                "The log will not contain the utilization of the devices, because the "
                "FLOPs of a training step cannot be counted: %s",
                error,
            )
            return None

    return count
