"""Whether a run can fit into memory at all, before anything is computed."""

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
    """Returns the bytes of memory of this process's devices, or of the host for CPUs.

    Devices that are only described (`jaxseg plan`) have no limit here; the plan reports
    what fits.
    """
    present = set(jax.local_devices())
    local = [device for device in devices if device in present]
    if not local:
        return sys.maxsize
    limits = [(device.memory_stats() or {}).get("bytes_limit", 0) for device in local]
    return sum(limits) if limits and all(limits) else host_memory()


def host_memory() -> int:
    """Bytes of memory that the system, or the container, has in all."""
    sizes = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for name in _LIMITS:
        path = Path(name)
        text = path.read_text().strip() if path.is_file() else ""
        sizes += [int(text)] if text.isdigit() else []
    return min(size for size in sizes if size > 0)


def check_batch(
    config: Config, num_classes: int, devices: Sequence[jax.Device]
) -> None:
    """Raises ValueError when the images of a batch alone are larger than the memory.

    Counted are, for one micro-batch, the images and the logits in float32. A step needs
    several times as much, so a run that passes may still be too large.
    """
    processes = jax.process_count()
    rows = -(-config.train.batch_size // (processes * config.train.grad_accum_steps))
    pixels = rows * math.prod(config.data.crop)
    needed, there = pixels * 4 * (3 + num_classes), available(devices)
    if needed > there:
        raise ValueError(
            f"data.crop={config.data.crop} with train.batch_size="
            f"{config.train.batch_size} is invalid: images and logits of a batch take "
            f"{needed:,} bytes, and there are {there:,}. Use a smaller crop or batch"
        )


def check_evaluation(
    config: Config,
    sizes: Sequence[tuple[int, int]],
    num_classes: int,
    devices: Sequence[jax.Device],
    *,
    batch: tuple[str, int],
) -> None:
    """Raises ValueError when a batch of the largest image is larger than the memory.

    Args:
      config: The configuration.
      sizes: Heights and widths of the images.
      num_classes: Classes of the logits.
      devices: The devices of all processes.
      batch: The option that sets the number of images, and its value.
    """
    largest = max(sizes, key=math.prod)
    rows = -(-batch[1] // jax.process_count())
    scaled = math.prod(largest) * max(1.0, config.data.eval_scale**2)
    needed, there = int(rows * scaled * 4 * (3 + num_classes)), available(devices)
    if needed > there:
        raise ValueError(
            f"data.eval_scale={config.data.eval_scale} with {batch[0]}={batch[1]} is "
            f"invalid: a batch of the largest image, {largest[0]} x {largest[1]} "
            f"pixels, takes {needed:,} bytes, and there are {there:,}. Use a smaller "
            "scale or batch"
        )


def state_check(devices: Sequence[jax.Device]) -> Callable[[Any], None]:
    """A check of the shapes of a training state, see `create_state`."""

    def check(shapes: Any) -> None:
        needed = sum(
            math.prod(leaf.shape) * leaf.dtype.itemsize
            for leaf in jax.tree.leaves(shapes)
        )
        there = available(devices)
        if needed > there:
            raise ValueError(
                f"model.options is invalid: parameters and optimizer take {needed:,} "
                f"bytes, and there are {there:,}. Use a smaller network"
            )

    return check
