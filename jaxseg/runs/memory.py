"""Estimates, before anything is computed, whether a run can fit into memory."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax

from jaxseg.config import Config

_LIMITS = (  # of a container: cgroup version 2, and version 1
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
)


def available(devices: Sequence[jax.Device]) -> int:
    """Returns the total memory, in bytes, of the given devices that this process owns.

    For CPUs, it is the memory of the host. If this process owns none of the devices,
    the result is `sys.maxsize`, so that no check fails. `jaxseg plan` needs this,
    because it plans for TPUs that this machine does not have.
    """
    present = set(jax.local_devices())
    local = [device for device in devices if device in present]
    if not local:
        return sys.maxsize
    limits = [(device.memory_stats() or {}).get("bytes_limit", 0) for device in local]
    return sum(limits) if limits and all(limits) else host_memory()


def host_memory() -> int:
    """Returns the total memory, in bytes, of the computer or of the container."""
    sizes = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for name in _LIMITS:
        path = Path(name)
        text = path.read_text().strip() if path.is_file() else ""
        sizes += [int(text)] if text.isdigit() else []
    return min(size for size in sizes if size > 0)


def check_batch(config: Config, planes: int, devices: Sequence[jax.Device]) -> None:
    """Checks that the images and logits of a batch fit into memory.

    The estimate counts the images and the float32 logits of one micro-batch. A step
    needs several times as much, so a run that passes this check may still be too large.

    Args:
      config: The configuration.
      planes: The number of channels of an image plus the number of logits per pixel.
      devices: The devices of all processes.

    Raises:
      ValueError: If the images and logits do not fit.
    """
    processes = jax.process_count()
    rows = -(-config.train.batch_size // (processes * config.train.grad_accum_steps))
    pixels = rows * math.prod(config.data.crop)
    needed, there = pixels * 4 * planes, available(devices)
    if needed > there:
        raise ValueError(
            f"data.crop={config.data.crop} with train.batch_size="
            f"{config.train.batch_size} is invalid: expected a batch that fits into "
            f"{there:,} bytes of memory, but its images and logits take {needed:,} "
            "bytes. Use a smaller crop or batch."
        )


def check_evaluation(
    config: Config,
    sizes: Sequence[tuple[int, int]],
    planes: int,
    devices: Sequence[jax.Device],
    *,
    batch: tuple[str, int],
) -> None:
    """Checks that an evaluation batch of images of the largest size fits into memory.

    Args:
      config: The configuration.
      sizes: Heights and widths of the images in pixels.
      planes: The number of channels of an image plus the number of logits per pixel.
      devices: The devices of all processes.
      batch: A pair: the name of the option that sets the batch size, and its value.

    Raises:
      ValueError: If the batch does not fit.
    """
    largest = max(sizes, key=math.prod)
    rows = -(-batch[1] // jax.process_count())
    scaled = math.prod(largest) * max(1.0, config.data.eval_scale**2)
    needed, there = int(rows * scaled * 4 * planes), available(devices)
    if needed > there:
        raise ValueError(
            f"data.eval_scale={config.data.eval_scale} with {batch[0]}={batch[1]} is "
            f"invalid: expected a batch that fits into {there:,} bytes of memory, but "
            f"a batch of images as large as the largest one ({largest[0]} x "
            f"{largest[1]} pixels) takes {needed:,} bytes. Use a smaller scale or "
            "batch."
        )


def state_check(devices: Sequence[jax.Device]) -> Callable[[Any], None]:
    """Returns a function that checks whether a training state fits into memory.

    The function takes the shapes of the state's arrays. It raises ValueError if the
    arrays need more memory than the devices have.
    """

    def check(shapes: Any) -> None:
        needed = sum(
            math.prod(leaf.shape) * leaf.dtype.itemsize
            for leaf in jax.tree.leaves(shapes)
        )
        there = available(devices)
        if needed > there:
            raise ValueError(
                "model.options is invalid: expected a network that fits into "
                f"{there:,} bytes of memory, but its parameters and optimizer state "
                f"take {needed:,} bytes. Use a smaller network."
            )

    return check
