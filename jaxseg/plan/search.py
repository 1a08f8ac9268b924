"""Searches for the largest batch that fits, and lists cheaper configurations.

A cheaper configuration needs less memory or time. Memory grows linearly with the batch
size, until the compiler begins to recompute operations to save memory. The search
therefore compiles two batch sizes, extrapolates their memory linearly to the largest
batch size that fits, and compiles that one to check it.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

from jaxseg.analysis.hlo.roofline import largest_batch
from jaxseg.config import Config
from jaxseg.training.devices.mesh import space_pair

# Maps a batch size to whether it fits, and the bytes that it needs.
Attempt = Callable[[int], tuple[bool, float]]


@dataclasses.dataclass(frozen=True)
class Found:
    """Contains the outcome of a search for the largest batch size that fits.

    A batch size is a number of units. The caller of `search` decides how many images a
    unit has.

    Attributes:
      batch: The largest batch size that was compiled and fits, or 0.
      line: The two compiled batch sizes from whose memory the memory of larger batches
        was extrapolated, or None.
      refused: The smallest batch size that was compiled and does not fit, or None.
    """

    batch: int
    line: tuple[int, int] | None = None
    refused: int | None = None


def search(attempt: Attempt, start: int, room: float) -> Found:
    """Searches for the largest batch size whose memory is at most `room` bytes.

    The search halves `start` until the batch fits. From the memory of two batch sizes,
    it extrapolates linearly which batch size needs `room` bytes, and compiles this
    batch size. If it does not fit, the search compiles nine tenths of it.

    Args:
      attempt: Compiles the step with a batch size. Returns whether it fits, and the
        bytes that it needs on one device.
      start: The first batch size.
      room: The bytes that are available on one device.

    Returns:
      The largest batch size that fits, the two batch sizes from which the search
      extrapolated, and the smallest batch size that does not fit.
    """
    good: dict[int, float] = {}
    bad: list[int] = []

    def fits(batch: int) -> bool:
        if batch not in good and batch not in bad:
            ok, needs = attempt(batch)
            good.update({batch: needs} if ok else {})
            bad.extend([] if ok else [batch])
        return batch in good

    while not fits(start) and start > 1:
        start //= 2
    if not good:
        return Found(0, refused=1)
    if 2 * start in bad or not fits(2 * start):
        if start == 1:
            return Found(1, refused=min(bad))
        fits(start // 2)
    first, second = sorted(good)[:2]
    guess = largest_batch(((first, good[first]), (second, good[second])), room)
    for batch in (guess, guess * 9 // 10):
        if batch > max(good) and not (bad and batch >= min(bad)) and fits(batch):
            break
    return Found(max(good), (first, second), min(bad, default=None))


def image_devices(config: Config) -> int:
    """Returns the number of devices among which each image is split."""
    return math.prod(space_pair(config.train.spatial_shards))


def in_words(found: Found, unit: int, space: int) -> str:
    """Returns a phrase that states the largest batch size that a search found.

    Args:
      found: The outcome of the search. Its batch sizes are numbers of units.
      unit: The number of images in one unit.
      space: The number of devices among which each image is split.
    """
    if not found.batch:
        return f"none; {unit} images a step do not fit"
    each = f"{found.batch / space:g} a device"
    words = f"{found.batch * unit} images a step, {each}, compiled to check"
    if found.line:
        words += ", extrapolated from "
        words += " and ".join(str(batch * unit) for batch in found.line)
    if found.refused:
        words += f"; {found.refused * unit} do not fit"
    return words


def alternatives(config: Config, devices: int) -> dict[str, dict[str, Any]]:
    """Returns changes to a configuration that can reduce its time or memory.

    Args:
      config: The configuration.
      devices: Number of devices.

    Returns:
      A dictionary from the name of each change to the new values of the fields that it
      changes, as nested dictionaries such as {"train": {"dtype": "float32"}}.
    """
    run, style = config.train, dict(config.model.options.get("style", {}))
    other = "float32" if run.dtype == "bfloat16" else "bfloat16"
    rows: dict[str, dict[str, Any]] = {other: {"train": {"dtype": other}}}

    def styled(**fields):
        return {"model": {"options": {"style": fields}}}

    for kind in ("block", "stage") if run.remat == "none" else ("none",):
        rows[f"remat {kind}"] = {"train": {"remat": kind}}
    if style.get("norm", "batch") == "batch" and style.get("batch_groups", 1) == 1:
        groups = devices // image_devices(config)
        rows["batch norm per device"] = styled(batch_groups=groups)
    if image_devices(config) == 1 and devices > 1:
        rows["space 2"] = {"train": {"spatial_shards": 2}}
    if run.shard == "none" and devices > 1:
        rows["state in parts"] = {"train": {"shard": "fsdp"}}
    if style.get("impl", "auto") == "auto":
        rows["plain operators"] = styled(impl="lax")
    return rows
