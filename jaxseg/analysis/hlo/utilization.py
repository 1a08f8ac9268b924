"""Computes the utilization of devices: the operations of a step over their peak.

This is model FLOPs utilization as in PaLM (arXiv 2204.02311, appendix B). There are two
operations per multiply-accumulate in the convolutions and products of the forward and
the backward pass. `jaxseg.analysis.jaxpr.cost` counts them in the traced program.
Differs: operations that rematerialization repeats count twice. The peak is that of
dense bfloat16, for float32 too.
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
    """Returns the peak operations per second of all devices, None if one is unknown."""
    each = [device_peak(device.device_kind) for device in devices]
    return None if None in each else sum(each)


def device_peak(kind: str) -> float | None:
    """Returns the peak of one device by its `device_kind`, None if it is unknown."""
    chip = chip_of(kind)
    return FURTHER.get(kind) if chip is None else chip.peak


def counter(
    driver: Any, *, kind: str
) -> Callable[[Any, Mapping[str, Any]], int | None] | None:
    """Returns a function that counts the operations of one update on all devices.

    Args:
      driver: The driver of the training step.
      kind: "jit" or "pmap".

    Returns:
      A function (state, this process's batch) -> operations. None under pmap, whose
      program cannot be traced without running it.
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
        traced, *_ = driver.trace(state, whole)
        try:
            return jaxpr_cost(traced.jaxpr).flops
        except ValueError as error:  # Training can continue without the count.
            logger.warning("The operations of a step are not counted: %s", error)
            return None

    return count
