"""Computes the Lovasz-softmax loss (arXiv 1705.08790), a surrogate of the IoU.

The pixel errors of a class are sorted. For a given order, the Lovasz extension of the
Jaccard loss is linear in the errors, so differentiation treats its coefficients as
constants.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxseg.losses import mask
from jaxseg.losses.reduction import gather, total
from jaxseg.losses.region import Classes, class_weight


def lovasz_softmax(
    logits: jax.Array,
    label: jax.Array,
    *,
    void: int = 255,
    classes: Classes = "present",
    per_image: bool = False,
    axis_name: str | None = None,
) -> tuple[jax.Array, jax.Array]:
    """Computes the Lovasz-softmax loss of each class, a surrogate of 1 - IoU.

    Args:
      logits: [B, H, W, K], of any float type.
      label: Integers [B, H, W], 0 to K - 1 or `void`.
      void: The ignore index.
      classes: "present" averages over the classes that occur in the labels, "all" over
        all classes.
      per_image: Whether to compute one loss for each image. Otherwise, the pixels of
        all images form one loss.
      axis_name: The axis of pmap. With it, a loss over the batch uses the pixels of all
        devices. Without it, each device computes the loss of its own pixels.

    Returns:
      The loss of each class and its weight in the mean, each [B, K] with `per_image` or
      else [K].
    """
    mask.check_shapes(logits, label)
    batch, _, _, count = logits.shape
    known = (label != void)[..., None]
    scores = jnp.where(known, logits.astype(jnp.float32), 0.0)
    member = mask.one_hot(label, count) & known
    error = jnp.abs(member - jax.nn.softmax(scores))
    # Void pixels get error 0: they sort last, where they add nothing.
    error = jnp.where(known, error, 0.0)
    error = error + mask.nan_on_invalid_label(label, count, void)[..., None]
    images = batch if per_image else 1
    error = error.reshape(images, -1, count).swapaxes(1, 2)
    member = member.reshape(images, -1, count).swapaxes(1, 2)
    axis_name = None if per_image else axis_name
    slope = local_slopes(jax.lax.stop_gradient(error), member, axis_name)
    value = total((error * slope).sum(-1), axis_name)
    hard = total(member.astype(jnp.float32).sum(-1), axis_name)
    weight = class_weight(hard, classes)
    return (value, weight) if per_image else (value[0], weight[0])


def jaccard_slopes(error: jax.Array, member: jax.Array) -> jax.Array:
    """Computes the slopes of the Lovasz extension with respect to one class's errors.

    The pixels are sorted in descending order of error. Let J_i be the Jaccard loss if
    exactly the first i pixels are wrong: J_i = 1 - (n - inside_i) / (n + outside_i).
    Here n is the number of pixels of the class. Of the first i pixels, inside_i belong
    to the class and outside_i do not. The slope of pixel i is J_i - J_(i-1).

    Args:
      error: The error of each pixel, [N].
      member: Booleans [N], True for pixels of the class.

    Returns:
      float32 [N], in the order of `error`.
    """
    order = jnp.argsort(error, descending=True)
    truth = member[order].astype(jnp.float32)
    positives = truth.sum()
    missed = positives - jnp.cumsum(truth)
    union = positives + jnp.cumsum(1.0 - truth)
    loss = 1.0 - missed / jnp.maximum(union, 1.0)
    step = jnp.diff(loss, prepend=0.0)
    return jnp.zeros_like(step).at[order].set(step, unique_indices=True)


def local_slopes(
    error: jax.Array, member: jax.Array, axis_name: str | None
) -> jax.Array:
    """Computes the Lovasz slopes of this device's pixels.

    `jaccard_slopes` defines them. They depend on the rank of each pixel by its error
    among the pixels of all devices.

    Args:
      error: The error of each pixel for each class, [images, K, N].
      member: Booleans [images, K, N], True for pixels of the class.
      axis_name: The axis of pmap, or None to rank the pixels of this device only.

    Returns:
      float32 [images, K, N].
    """
    slopes = jax.vmap(jax.vmap(jaccard_slopes))
    if axis_name is None:
        return slopes(error, member)
    pixels = error.shape[-1]
    whole = slopes(gather(error, axis_name, axis=2), gather(member, axis_name, axis=2))
    start = jax.lax.axis_index(axis_name) * pixels
    return jax.lax.dynamic_slice_in_dim(whole, start, pixels, axis=2)
