"""Converts a photo and its label map to the condition and the target of pix2pix.

Both are pictures with values in -1 ... 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp

TO_LABELS, TO_PHOTO = "photo_to_labels", "labels_to_photo"


def label_picture(label: jax.Array, num_classes: int) -> jax.Array:
    """Converts labels [B, H, W] to pictures [B, H, W, K].

    The channel of the class is 1 and all others are -1. Void pixels are -1 in all
    channels."""
    return 2 * jax.nn.one_hot(label, num_classes, dtype=jnp.float32) - 1


def paired(
    batch: Mapping[str, jax.Array],
    *,
    prepare: Callable,
    direction: str,
    num_classes: int,
    void: int = 255,
) -> dict[str, jax.Array]:
    """Returns a batch with the condition, the target and a mask of known pixels.

    "image" is the condition, "target" is the picture to generate and "known", bool [B,
    H, W], states where the target is given: everywhere for photos, and at pixels that
    are not void for labels. Unknown target pixels are -1 in all channels. "label" is
    present only if labels are the target.

    Args:
      batch: A batch of images and labels.
      prepare: Maps a batch to images float32 in -1 ... 1 and labels int32.
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
