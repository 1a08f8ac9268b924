"""Computes Dice, Jaccard and Tversky losses for sigmoid outputs.

`jaxseg.losses.region` defines the losses from the soft overlaps of each class. Here p
is the sigmoid of the logit of a class, and y is 1 where the class is present.

Two defaults are the same as for softmax outputs: the sums are over the pixels of each
image, and the mean is over the classes that are present. An image without any object
then has no loss. With `classes="all"`, a predicted object in such an image has a loss
too.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxseg.losses import region
from jaxseg.losses.reduction import total
from jaxseg.losses.region import Classes
from jaxseg.losses.sigmoid_pixels import check_sigmoid_shapes, known_scores


def binary_dice(
    logits: jax.Array,
    target: jax.Array,
    known: jax.Array,
    *,
    smooth: float = 1.0,
    classes: Classes = "present",
    per_image: bool = True,
    axis_name: str | None = None,
) -> tuple[jax.Array, jax.Array]:
    """Computes the Dice loss of each class, from sigmoid outputs.

    Args:
      logits: [B, H, W, K], of any float type.
      target: [B, H, W, K], 1 or True where the class is present, and 0 elsewhere.
      known: Booleans [B, H, W], False at pixels that do not count.
      smooth: A number that is added to the numerator and the denominator.
      classes: "present" averages over the classes that occur in the labels, "all" over
        all classes.
      per_image: Whether to compute a loss for each image instead of one for the batch.
      axis_name: The axis of pmap. With it, sums over the batch include all devices.

    Returns:
      The loss of each class and its weight in the mean, each [B, K] or, with
      `per_image=False`, [K].
    """
    sums, pixels = _overlaps(logits, target, known, per_image, axis_name)
    return _chosen(region.dice_value(sums, smooth), sums[2], pixels, classes)


def binary_jaccard(
    logits: jax.Array,
    target: jax.Array,
    known: jax.Array,
    *,
    smooth: float = 1.0,
    classes: Classes = "present",
    per_image: bool = True,
    axis_name: str | None = None,
) -> tuple[jax.Array, jax.Array]:
    """Computes the Jaccard loss of each class from sigmoid outputs.

    `jaxseg.losses.jaccard` states the formula. The arguments and the results are the
    same as those of `binary_dice`.
    """
    sums, pixels = _overlaps(logits, target, known, per_image, axis_name)
    return _chosen(region.jaccard_value(sums, smooth), sums[2], pixels, classes)


def binary_tversky(
    logits: jax.Array,
    target: jax.Array,
    known: jax.Array,
    *,
    alpha: float = 0.3,
    beta: float = 0.7,
    gamma: float = 1.0,
    smooth: float = 1.0,
    classes: Classes = "present",
    per_image: bool = True,
    axis_name: str | None = None,
) -> tuple[jax.Array, jax.Array]:
    """Computes the (focal) Tversky loss of each class from sigmoid outputs.

    `jaxseg.losses.tversky` states the formula and explains alpha, beta and gamma. The
    other arguments and the results are the same as those of `binary_dice`.
    """
    sums, pixels = _overlaps(logits, target, known, per_image, axis_name)
    value = region.tversky_value(
        sums, alpha=alpha, beta=beta, gamma=gamma, smooth=smooth
    )
    return _chosen(value, sums[2], pixels, classes)


def sigmoid_class_weight(
    target_sum: jax.Array, pixels: jax.Array, classes: Classes
) -> jax.Array:
    """Returns the weight of each class in the mean over classes, [B, K] or [K].

    The weights of the chosen classes are equal and sum to 1. Other weights are 0.

    Args:
      target_sum: The number of labeled pixels with each class, [B, K] or [K].
      pixels: The number of labeled pixels, [B, 1] or [1]. With "all", no class is
        chosen in an image without labeled pixels.
      classes: "present" chooses the classes that occur in the labels, "all" chooses all
        classes.

    Raises:
      ValueError: If the choice is unknown.
    """
    if classes not in ("present", "all"):
        raise ValueError(
            f"classes={classes!r} is invalid: expected 'present' or 'all'."
        )
    counted = target_sum if classes == "present" else pixels
    chosen = jnp.broadcast_to(counted > 0, target_sum.shape).astype(jnp.float32)
    return chosen / jnp.maximum(chosen.sum(-1, keepdims=True), 1.0)


def _overlaps(logits, target, known, per_image, axis_name):
    """Returns (intersection, pred_sum, target_sum) and the number of labeled pixels."""
    check_sigmoid_shapes(logits, target, known)
    probability = jax.nn.sigmoid(known_scores(logits, target, known))
    probability = jnp.where(known[..., None], probability, 0.0)
    present = target.astype(bool) & known[..., None]
    axes = (1, 2) if per_image else (0, 1, 2)
    sums = (
        jnp.where(present, probability, 0.0).sum(axes),
        probability.sum(axes),
        present.astype(jnp.float32).sum(axes),
    )
    pixels = known.astype(jnp.float32)[..., None].sum(axes)
    if per_image:
        return sums, pixels
    return tuple(total(x, axis_name) for x in sums), total(pixels, axis_name)


def _chosen(value, target_sum, pixels, classes):
    weight = sigmoid_class_weight(target_sum, pixels, classes)
    return jnp.where((weight > 0) | jnp.isnan(value), value, 0.0), weight
