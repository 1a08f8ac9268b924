"""One masking contract for all losses.

A pixel whose label is `void` has weight 0, value 0 and gradient 0, whatever its
logits are. A label that is neither void nor a class makes the loss NaN: data loading
rejects such labels by name, and should one get past it the run stops at the NaN
instead of learning from a wrong class.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp


def check_shapes(logits: jax.Array, label: jax.Array) -> None:
    """Raise ValueError unless logits are [B, H, W, K] and label is int [B, H, W]."""
    if logits.ndim != 4 or label.shape != logits.shape[:3]:
        raise ValueError(
            f"logits of shape {logits.shape} and label of shape {label.shape} "
            "do not fit; allowed are [B, H, W, K] and [B, H, W]"
        )
    if not jnp.issubdtype(label.dtype, jnp.integer):
        raise ValueError(f"label has dtype {label.dtype}; allowed are integers")


def labeled(label: jax.Array, void: int) -> jax.Array:
    """1.0 where a pixel has a label, 0.0 where it is void; float32, label's shape."""
    return (label != void).astype(jnp.float32)


def nan_on_invalid_label(label: jax.Array, num_classes: int, void: int) -> jax.Array:
    """0.0, or NaN where the label is neither void nor in 0..num_classes-1."""
    legal = ((label >= 0) & (label < num_classes)) | (label == void)
    return jnp.where(legal, 0.0, jnp.nan)


def one_hot(label: jax.Array, num_classes: int) -> jax.Array:
    """Boolean [..., K]: is this pixel of class k (never, if void >= num_classes)?"""
    classes = jax.lax.broadcasted_iota(
        jnp.int32, (*label.shape, num_classes), label.ndim
    )
    return classes == label[..., None]


def per_pixel(label: jax.Array, class_values: jax.Array, void: int) -> jax.Array:
    """class_values [K] looked up by label; 0 on void pixels."""
    known = jnp.clip(label, 0, class_values.shape[0] - 1)
    return jnp.where(label == void, 0.0, class_values[known])


def class_array(class_weights, num_classes: int) -> jax.Array:
    """Class weights as float32 [K]; ValueError when their number is not K."""
    weights = jnp.asarray(class_weights, jnp.float32)
    if weights.shape != (num_classes,):
        raise ValueError(
            f"class_weights has shape {weights.shape}; logits need ({num_classes},)"
        )
    return weights
