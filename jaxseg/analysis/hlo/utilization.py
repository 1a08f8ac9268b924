"""How busy the devices are: operations of a step, and what the devices can do at best.

Model FLOPs utilization as in PaLM (arXiv 2204.02311, appendix B). Operations are two
per multiply-accumulate of convolutions and products of forward and backward pass,
counted in the traced program by `jaxseg.analysis.jaxpr.cost`. Differs: what
rematerialization computes twice counts twice. The peak is that of dense bfloat16, for
float32 too.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax

from jaxseg.analysis.hlo.roofline import chip_of
from jaxseg.analysis.jaxpr.cost import jaxpr_cost

FURTHER = {  # device_kind -> operations per second of one device, by the makers' pages
    "TPU v2": 22.5e12,  # a core; 45e12 a chip
    "TPU v3": 61.5e12,  # a core; 123e12 a chip
    "NVIDIA A100-SXM4-40GB": 312e12,
    "NVIDIA A100-PCIE-40GB": 312e12,
    "NVIDIA A100 80GB PCIe": 312e12,
    "NVIDIA H100 PCIe": 756e12,
    "NVIDIA H100 NVL": 835e12,
    "NVIDIA L4": 121e12,
    "Tesla V100-SXM2-16GB": 125e12,  # float16: it has no bfloat16
    "Tesla V100-SXM2-32GB": 125e12,
    "Tesla V100-SXM3-32GB": 125e12,
}
logger = logging.getLogger(__name__)


def peak(devices: Sequence[jax.Device]) -> float | None:
    """Operations per second of all devices at best; None unless all are known."""
    each = [device_peak(device.device_kind) for device in devices]
    return None if None in each else sum(each)


def device_peak(kind: str) -> float | None:
    """Operations per second of one device by its `device_kind`; None when unknown."""
    chip = chip_of(kind)
    return FURTHER.get(kind) if chip is None else chip.peak


def counter(
    driver: Any, *, kind: str
) -> Callable[[Any, Mapping[str, Any]], int | None] | None:
    """(state, batch of this process) -> operations of one update over all devices.

    None under pmap, whose program cannot be traced without running it.
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
        except ValueError as error:  # not a reason to stop training
            logger.warning("operations of a step are not counted: %s", error)
            return None

    return count
