"""Draws the label of an example over its image."""

from __future__ import annotations

import numpy as np

from jaxseg.data import DatasetSpec
from jaxseg.data.label_bits import unpack
from jaxseg.viz import overlay, overlay_present


def label_overlay(
    pixels: np.ndarray, label: np.ndarray, spec: DatasetSpec
) -> np.ndarray:
    """Blends the color of the class of each pixel into an image.

    Args:
      pixels: The image, uint8 [H, W, 3].
      label: Integers [H, W]: class indices. If the classes can overlap, bit k says
        whether class k is present.
      spec: The classes, which exclude each other or can overlap.

    Returns:
      The image with the colors of the classes, uint8 [H, W, 3].
    """
    if not spec.multilabel:
        return overlay(pixels, label, spec.palette, void=spec.void)
    present, _ = unpack(label, spec.num_classes, spec.void)
    return overlay_present(pixels, present.astype(bool), spec.palette)
