"""Converts a photo and its label map to the input and the target of pix2pix.

The input of the generator is called the condition. The condition and the target are
arrays [B, H, W, C] with values from -1 to 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp

TO_LABELS, TO_PHOTO = "photo_to_labels", "labels_to_photo"


def label_picture(label: jax.Array, num_classes: int) -> jax.Array:
    """Converts labels [B, H, W] to arrays [B, H, W, K] with one channel for each class.

    At each pixel, the channel of its class is 1 and all other channels are -1. At void
    pixels, all channels are -1."""
    return 2 * jax.nn.one_hot(label, num_classes, dtype=jnp.float32) - 1


def paired(
    batch: Mapping[str, jax.Array],
    *,
    prepare: Callable,
    direction: str,
    num_classes: int,
    void: int = 255,
) -> dict[str, jax.Array]:
    """Converts a batch of images and labels to a training batch of pix2pix.

    The entry "image" is the condition, and "target" is the array that the generator
    should produce. "known", bool [B, H, W], is True where the target is known: at all
    pixels if the target is a photo, and at pixels that are not void if the target is a
    label map. Unknown pixels of the target are -1 in all channels. The entry
    "label" exists only if the target is a label map.

    Args:
      batch: A batch of images and labels.
      prepare: Maps a batch to float32 images with values from -1 to 1 and int32 labels.
      direction: "photo_to_labels" or "labels_to_photo".
      num_classes: The number of classes.
    """
    if direction not in (TO_LABELS, TO_PHOTO):
        raise ValueError(
            f"direction={direction!r} is invalid: expected {TO_LABELS!r} or "
            f"{TO_PHOTO!r}."
        )
    batch = dict(prepare(batch))
    photo, label = batch["image"], batch.pop("label")
    labels = label_picture(label, num_classes)
    if direction == TO_LABELS:
        given = {"image": photo, "target": labels, "known": label != void}
        return {**batch, **given, "label": label}
    known = jnp.ones(label.shape, bool)
    return {**batch, "image": labels, "target": photo, "known": known}
