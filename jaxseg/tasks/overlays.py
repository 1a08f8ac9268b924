"""Draws pictures of images, labels and predictions while a network is trained."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxseg.data import Source
from jaxseg.data.label_bits import unpack
from jaxseg.inference.image_network import ImageNetwork
from jaxseg.training.devices.placement import on_one_device
from jaxseg.viz import as_rgb, panel, save_image

FOLDER = "overlays"


def writer(
    workdir: Path, network: ImageNetwork, source: Source, *, count: int
) -> Callable[[int, Any], None] | None:
    """Returns a function `write(step, variables)` that draws predictions in training.

    The function segments `count` images that are evenly spaced in `source`, and writes
    them with their labels and predictions to the run directory.

    Returns:
      The function, or None if `count` is 0. On all processes other than the first, the
      result is None.
    """
    if count < 1 or jax.process_index() != 0:
        return None
    chosen = np.unique(np.linspace(0, len(source) - 1, count).astype(int))
    labels, spec = jax.jit(network.labels), network.output_spec

    def write(step: int, variables: Any) -> None:
        local = on_one_device(variables)
        for index in chosen:
            example = source[int(index)]
            label = example["label"]
            if spec.multilabel:
                label = unpack(label, spec.num_classes, spec.void)[0].astype(bool)
            picture = panel(
                as_rgb(example["image"], spec.value_range),
                label,
                np.asarray(labels(local, example["image"][None])[0]),
                spec.palette,
                names=spec.classes,
                void=spec.void,
            )
            path = workdir / FOLDER / f"{step:08d}" / file_name(example["id"])
            save_image(path, picture)

    return write


def file_name(name: str) -> str:
    """Returns the file name for the overlay of an image.

    Args:
      name: The name or the path of the image.
    """
    return re.sub(r"[^\w.-]+", "_", name) + ".png"
