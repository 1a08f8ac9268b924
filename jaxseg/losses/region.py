"""Computes the region losses Dice, Jaccard and Tversky from soft overlaps.

References:
  Dice: V-Net (arXiv 1606.04797), with the linear denominator of arXiv 1707.03237.
  Jaccard: arXiv 1608.01471. Tversky: arXiv 1706.05721.

Let p be the softmax and y the one-hot label. For each class, over labeled pixels:

  intersection = sum(p * y),  pred_sum = sum(p),  target_sum = sum(y).

With `per_image=True` (the default), the sums are over the pixels of each image, and the
result is [B, K]. Such a loss needs no communication between devices, and all images
have equal weight. With `per_image=False`, the sums are over the pixels of the batch,
and the result is [K]. Under jit this is the global batch. Under pmap it is the batch of
one device, unless `axis_name` is given.
"""

from __future__ import annotations

from typing import Literal

import jax
import jax.numpy as jnp

from jaxseg.losses import mask
from jaxseg.losses.reduction import total

Classes = Literal["present", "all"]
Sums = tuple[jax.Array, jax.Array, jax.Array]  # intersection, pred_sum and target_sum


def dice(
    logits: jax.Array,
    label: jax.Array,
    *,
    void: int = 255,
    smooth: float = 1.0,
    classes: Classes = "present",
    per_image: bool = True,
    axis_name: str | None = None,
) -> tuple[jax.Array, jax.Array]:
    """Computes the Dice loss of each class.

    It is 1 - (2 intersection + smooth) / (pred_sum + target_sum + smooth).

    Args:
      logits: [B, H, W, K], of any float type.
      label: Integers [B, H, W], 0 to K - 1 or `void`.
      void: The ignore index.
      smooth: A number that is added to the numerator and the denominator.
      classes: "present" averages over the classes that occur in the labels, "all" over
        all classes.
      per_image: Whether to compute a loss for each image instead of one for the batch.
      axis_name: The axis of pmap. With it, sums over the batch include all devices.

    Returns:
      The loss of each class and its weight in the mean, each [B, K] or, with
      `per_image=False`, [K].
    """
    sums = overlaps(logits, label, void, per_image, axis_name)
    return _masked(dice_value(sums, smooth), sums[2], classes)


def jaccard(
    logits: jax.Array,
    label: jax.Array,
    *,
    void: int = 255,
    smooth: float = 1.0,
    classes: Classes = "present",
    per_image: bool = True,
    axis_name: str | None = None,
) -> tuple[jax.Array, jax.Array]:
    """Computes the Jaccard loss of each class.

    It is 1 - (intersection + smooth) / (union + smooth) with
    union = pred_sum + target_sum - intersection. The arguments and the results are the
    same as those of `dice`.
    """
    sums = overlaps(logits, label, void, per_image, axis_name)
    return _masked(jaccard_value(sums, smooth), sums[2], classes)


def tversky(
    logits: jax.Array,
    label: jax.Array,
    *,
    void: int = 255,
    alpha: float = 0.3,
    beta: float = 0.7,
    gamma: float = 1.0,
    smooth: float = 1.0,
    classes: Classes = "present",
    per_image: bool = True,
    axis_name: str | None = None,
) -> tuple[jax.Array, jax.Array]:
    """Computes the Tversky loss or the focal Tversky loss of each class.

    It is (1 - (intersection + s) / (intersection + alpha FP + beta FN + s))^gamma with
    s = smooth, FP = pred_sum - intersection and FN = target_sum - intersection. With
    alpha = beta = 0.5 and gamma = 1, it equals the Dice loss with smooth = 2 s. With
    alpha = beta = 1 and gamma = 1, it equals the Jaccard loss.

    Args:
      logits: [B, H, W, K], of any float type.
      label: Integers [B, H, W], 0 to K - 1 or `void`.
      void: The ignore index.
      alpha: Weight of the false positives.
      beta: Weight of the false negatives.
      gamma: Exponent; other values than 1 give the focal Tversky loss (arXiv
        1810.07842).
      smooth: A number that is added to the numerator and the denominator.
      classes: "present" averages over the classes that occur in the labels, "all" over
        all classes.
      per_image: Whether to compute a loss for each image instead of one for the batch.
      axis_name: The axis of pmap. With it, sums over the batch include all devices.

    Returns:
      The loss of each class and its weight in the mean, each [B, K] or, with
      `per_image=False`, [K].
    """
    sums = overlaps(logits, label, void, per_image, axis_name)
    value = tversky_value(sums, alpha=alpha, beta=beta, gamma=gamma, smooth=smooth)
    return _masked(value, sums[2], classes)


def dice_value(sums: Sums, smooth: float) -> jax.Array:
    """Returns the Dice loss of each class from its sums over pixels.

    Args:
      sums: The result of `overlaps`: intersection, pred_sum and target_sum.
      smooth: A number that is added to the numerator and the denominator.
    """
    intersection, pred_sum, target_sum = sums
    score = (2 * intersection + smooth) / _nonzero(pred_sum + target_sum + smooth)
    return 1 - score


def jaccard_value(sums: Sums, smooth: float) -> jax.Array:
    """Returns the Jaccard loss of each class from its sums over pixels.

    Args:
      sums: The result of `overlaps`: intersection, pred_sum and target_sum.
      smooth: A number that is added to the numerator and the denominator.
    """
    intersection, pred_sum, target_sum = sums
    union = pred_sum + target_sum - intersection
    return 1 - (intersection + smooth) / _nonzero(union + smooth)


def tversky_value(
    sums: Sums, *, alpha: float, beta: float, gamma: float, smooth: float
) -> jax.Array:
    """Returns the Tversky loss of each class from its sums over pixels.

    Args:
      sums: The result of `overlaps`: intersection, pred_sum and target_sum.
      alpha: Weight of the false positives.
      beta: Weight of the false negatives.
      gamma: Exponent; other values than 1 give the focal Tversky loss.
      smooth: A number that is added to the numerator and the denominator.
    """
    intersection, pred_sum, target_sum = sums
    wrong = alpha * (pred_sum - intersection) + beta * (target_sum - intersection)
    value = 1 - (intersection + smooth) / _nonzero(intersection + wrong + smooth)
    if gamma != 1:
        # The floor keeps the gradient of the power finite at 0.
        value = jnp.maximum(value, 1e-7) ** gamma
    return value


def overlaps(
    logits: jax.Array,
    label: jax.Array,
    void: int,
    per_image: bool,
    axis_name: str | None,
) -> Sums:
    """Computes the sums over pixels that the region losses need for each class.

    Region losses are the Dice, Jaccard and Tversky losses.

    Returns:
      Three arrays: intersection = sum(p * y), pred_sum = sum(p) and target_sum =
      sum(y), for the probability p and the one-hot label y of a class. Each is [B, K]
      with `per_image` or else [K].
    """
    mask.check_shapes(logits, label)
    known = (label != void)[..., None]
    # Masked before the softmax: its gradient at a void pixel is 0 even for inf.
    scores = jnp.where(known, logits.astype(jnp.float32), 0.0)
    probability = jnp.where(known, jax.nn.softmax(scores), 0.0)
    num_classes = logits.shape[-1]
    target = mask.one_hot(label, num_classes) & known
    axes = (1, 2) if per_image else (0, 1, 2)
    invalid = mask.nan_on_invalid_label(label, num_classes, void)[..., None].sum(axes)
    sums = (
        jnp.where(target, probability, 0.0).sum(axes) + invalid,
        probability.sum(axes),
        target.astype(jnp.float32).sum(axes),
    )
    return sums if per_image else total(sums, axis_name)


def class_weight(target_sum: jax.Array, classes: Classes) -> jax.Array:
    """Returns the weight of each class in the mean over classes, [B, K] or [K].

    The weights of the chosen classes are equal and sum to 1. Other weights are 0.

    Args:
      target_sum: Number of labeled pixels of each class, [B, K] or [K].
      classes: "present" chooses the classes that occur in the labels, "all" chooses all
        classes.
    """
    if classes not in ("present", "all"):
        raise ValueError(
            f"classes={classes!r} is invalid: expected 'present' or 'all'."
        )
    labeled = target_sum.sum(-1, keepdims=True) > 0
    chosen = target_sum > 0 if classes == "present" else labeled & (target_sum >= 0)
    chosen = chosen.astype(jnp.float32)
    return chosen / jnp.maximum(chosen.sum(-1, keepdims=True), 1.0)


def _masked(value, target_sum, classes):
    weight = class_weight(target_sum, classes)
    return jnp.where((weight > 0) | jnp.isnan(value), value, 0.0), weight


def _nonzero(denominator):
    """Replaces a denominator of 0 by 1; it is a sum of terms that are not negative."""
    return jnp.where(denominator > 0, denominator, 1.0)
