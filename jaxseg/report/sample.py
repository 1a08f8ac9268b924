"""Selects the first images of a split as a slice that `jaxseg eval --split` accepts."""

from __future__ import annotations

import re
import types

from jaxseg.config import Config
from jaxseg.tasks.functions import training_of


def bounded_split(config: Config, available: int, images: int) -> str:
    """Returns the validation split, or a slice such as "val[:100]" of its first images.

    Args:
      config: The configuration of the run.
      available: The number of images of the whole validation split.
      images: The largest number of images in the slice. The name of the whole split is
        returned if the split has at most this number.

    Raises:
      ValueError: If the split consists of several slices and has more than `images`
        images.
    """
    split = config.data.eval_split
    if available <= images:
        return split
    found = re.fullmatch(r"([\w.-]+)(?:\[([^:\]]*):([^:\]]*)\])?", split)
    if found is None:
        raise ValueError(
            f"images={images} is invalid with data.eval_split={split!r}: expected at "
            f"least {available}, which is all its images, because a combination of "
            f"several splits cannot be shortened. Pass --images {available}."
        )
    name, first = found[1], found[2]
    start = _start(config, name, first)
    return f"{name}[{start or ''}:{start + images}]"


def _start(config: Config, name: str, first: str | None) -> int:
    """Returns the index in the split at which a slice of it begins."""
    if not first or first == "0":
        return 0
    if first.isdigit():
        return int(first)
    import tensorflow_datasets as tfds

    whole = len(training_of(config).open_source(config.data, name))
    instruction = tfds.core.ReadInstruction.from_spec(f"{name}[{first}:]")
    split = types.SimpleNamespace(num_examples=whole)  # All that it reads of the split.
    return instruction.to_absolute({name: split})[0].from_
