"""The largest batch that fits, by a few compilations; and what else could be changed.

Memory is a line in the batch until the compiler begins to compute things twice to save
some. So a line through two compilations names a batch, and one more checks it.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

from jaxseg.analysis.hlo.roofline import largest_batch
from jaxseg.config import Config
from jaxseg.training.devices.mesh import space_pair

Attempt = Callable[[int], tuple[bool, float]]  # batch -> does it fit, bytes it needs


@dataclasses.dataclass(frozen=True)
class Found:
    """Outcome of a search.

    Attributes:
      batch: the largest that was seen to fit; 0 if none was.
      line: the two batches whose memory was drawn out, None without.
      refused: the smallest that was seen not to fit, None if all fitted.
    """

    batch: int
    line: tuple[int, int] | None = None
    refused: int | None = None


def search(attempt: Attempt, start: int, room: float) -> Found:
    """Halves `start` until it fits, then follows the line to `room` bytes.

    The batch on the line is compiled; if it is refused, nine tenths of it are.
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
    """Devices that share an image."""
    return math.prod(space_pair(config.train.space))


def in_words(found: Found, unit: int, space: int) -> str:
    """The outcome as a sentence; `unit` images per step for each of the search's."""
    if not found.batch:
        return f"none; {unit} images a step do not fit"
    each = f"{found.batch / space:g} a device"
    words = f"{found.batch * unit} images a step, {each}, compiled to check"
    if found.line:
        words += ", where the line through "
        words += " and ".join(str(batch * unit) for batch in found.line) + " led"
    if found.refused:
        words += f"; {found.refused * unit} do not fit"
    return words


def alternatives(config: Config, devices: int) -> dict[str, dict[str, Any]]:
    """Changes to a configuration that are worth knowing, as trees of its fields."""
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
        rows["space 2"] = {"train": {"space": 2}}
    if run.shard == "none" and devices > 1:
        rows["state in parts"] = {"train": {"shard": "batch"}}
    if style.get("impl", "auto") == "auto":
        rows["plain operators"] = styled(impl="lax")
    return rows
