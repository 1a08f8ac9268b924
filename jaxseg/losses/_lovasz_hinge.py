"""Computes the Lovasz hinge loss (arXiv 1705.08790), a surrogate of the binary IoU."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxseg.losses.lovasz import local_slopes
from jaxseg.losses.reduction import total
from jaxseg.losses.region import Classes
from jaxseg.losses.sigmoid_pixels import check_sigmoid_shapes, known_scores
from jaxseg.losses.sigmoid_region import sigmoid_class_weight


def lovasz_hinge(
    logits: jax.Array,
    target: jax.Array,
    known: jax.Array,
    *,
    classes: Classes = "all",
    per_image: bool = False,
    axis_name: str | None = None,
) -> tuple[jax.Array, jax.Array]:
    """Computes the Lovasz hinge loss of each class, a surrogate of 1 - IoU.

    It is the Lovasz extension of the Jaccard loss for hinge errors. The error of a
    pixel with the logit z is max(0, 1 - z) where the class is present and max(0, 1 + z)
    elsewhere.

    Args:
      logits: [B, H, W, K], of any float type.
      target: [B, H, W, K], 1 or True where the class is present, and 0 elsewhere.
      known: Booleans [B, H, W], False at pixels that do not count.
      classes: "present" averages over the classes that occur in the labels, "all" over
        all classes, as in the authors' code.
      per_image: Whether to compute one loss for each image. Otherwise, the pixels of
        all images form one loss.
      axis_name: The axis of pmap. With it, a loss over the batch uses the pixels of all
        devices. Without it, each device computes the loss of its own pixels.

    Returns:
      The loss of each class and its weight in the mean, each [B, K] with `per_image` or
      else [K].

    Raises:
      ValueError: If the shapes do not match.
    """
    check_sigmoid_shapes(logits, target, known)
    count = logits.shape[-1]
    present = target.astype(bool) & known[..., None]
    score = known_scores(logits, target, known)
    error = 1.0 - jnp.where(present, score, -score)
    # Pixels that do not count sort last, where they add nothing.
    error = jnp.where(known[..., None], error, -jnp.inf)
    images = logits.shape[0] if per_image else 1
    error, present = (
        x.reshape(images, -1, count).swapaxes(1, 2) for x in (error, present)
    )
    axis_name = None if per_image else axis_name
    slope = local_slopes(jax.lax.stop_gradient(error), present, axis_name)
    value = total((jnp.maximum(error, 0.0) * slope).sum(-1), axis_name)
    hard = total(present.astype(jnp.float32).sum(-1), axis_name)
    pixels = known.reshape(images, -1).astype(jnp.float32).sum(-1, keepdims=True)
    weight = sigmoid_class_weight(hard, total(pixels, axis_name), classes)
    return (value, weight) if per_image else (value[0], weight[0])
