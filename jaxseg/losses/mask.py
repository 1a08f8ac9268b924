"""Defines how all losses treat void pixels and invalid labels.

A pixel with the label `void` has weight 0, value 0 and gradient 0, whatever its logits
are. A label that is neither void nor a class makes the loss NaN. The data pipeline
already rejects such labels with an error. If a label reaches the loss nevertheless, the
NaN stops the run before it learns a wrong class.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp


def check_shapes(logits: jax.Array, label: jax.Array) -> None:
    """Raises ValueError unless logits and labels have the shapes that losses need.

    These are [B, H, W, K] for logits and [B, H, W] for labels, which must be integers.
    """
    if logits.ndim != 4 or label.shape != logits.shape[:3]:
        raise ValueError(
            f"logits.shape={logits.shape} with label.shape={label.shape} is invalid: "
            "expected [B, H, W, K] and [B, H, W]."
        )
    if not jnp.issubdtype(label.dtype, jnp.integer):
        raise ValueError(f"label.dtype={label.dtype} is invalid: expected integers.")


def labeled(label: jax.Array, void: int) -> jax.Array:
    """Returns a mask of the labeled pixels: 1.0 where labeled and 0.0 where void.

    The mask is float32 and has the shape of `label`.
    """
    return (label != void).astype(jnp.float32)


def nan_on_invalid_label(label: jax.Array, num_classes: int, void: int) -> jax.Array:
    """Returns NaN where the label is neither void nor a class, and 0.0 elsewhere.

    The result is a float32 array with the shape of `label`.
    """
    legal = ((label >= 0) & (label < num_classes)) | (label == void)
    return jnp.where(legal, 0.0, jnp.nan)


def one_hot(label: jax.Array, num_classes: int) -> jax.Array:
    """Converts labels to booleans [..., K]: entry k is True if the label is k.

    All entries of a void pixel are False, provided that void >= num_classes. For a
    smaller ignore index, the caller must mask the void pixels.
    """
    classes = jax.lax.broadcasted_iota(
        jnp.int32, (*label.shape, num_classes), label.ndim
    )
    return classes == label[..., None]


def per_pixel(label: jax.Array, class_values: jax.Array, void: int) -> jax.Array:
    """Returns for each pixel the value of its class, or 0 if the pixel is void.

    Args:
      label: Integers of any shape.
      class_values: The value of each class, [K].
      void: The ignore index.
    """
    known = jnp.clip(label, 0, class_values.shape[0] - 1)
    return jnp.where(label == void, 0.0, class_values[known])


def class_array(class_weights, num_classes: int) -> jax.Array:
    """Converts class weights to a float32 array [K].

    Raises:
      ValueError: If the number of weights is not K.
    """
    weights = jnp.asarray(class_weights, jnp.float32)
    if weights.shape != (num_classes,):
        raise ValueError(
            f"class_weights.shape={weights.shape} is invalid: expected "
            f"({num_classes},), one weight for each class of the logits."
        )
    return weights
