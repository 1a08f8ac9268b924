"""Photo and label map as pictures in -1 ... 1, one the condition, one the target."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp

TO_LABELS, TO_PHOTO = "photo_to_labels", "labels_to_photo"


def label_picture(label: jax.Array, num_classes: int) -> jax.Array:
    """Label [B, H, W] as [B, H, W, K]: 1 in the channel of the class, -1 elsewhere.

    Void pixels are -1 in all channels.
    """
    return 2 * jax.nn.one_hot(label, num_classes, dtype=jnp.float32) - 1


def paired(
    batch: Mapping[str, jax.Array],
    *,
    prepare: Callable,
    direction: str,
    num_classes: int,
    void: int = 255,
) -> dict[str, jax.Array]:
    """A batch with "image" the condition, "target" the picture to make, and "known".

    Only where labels are the target is there "label".

    Args:
      prepare: gives image float32 in -1 ... 1 and label int32.
      direction: "photo_to_labels" or "labels_to_photo".

    `known`, bool [B, H, W], says where the target is given: everywhere for a photo, off
    void for labels. Unknown target pixels are -1 in all channels.
    """
    if direction not in (TO_LABELS, TO_PHOTO):
        raise ValueError(
            f"direction is {direction!r}; allowed: {TO_LABELS!r}, {TO_PHOTO!r}"
        )
    batch = dict(prepare(batch))
    photo, label = batch["image"], batch.pop("label")
    labels = label_picture(label, num_classes)
    if direction == TO_LABELS:
        given = {"image": photo, "target": labels, "known": label != void}
        return {**batch, **given, "label": label}
    known = jnp.ones(label.shape, bool)
    return {**batch, "image": labels, "target": photo, "known": known}
