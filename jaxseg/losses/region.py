"""Region losses on soft overlaps: Dice, Jaccard, Tversky.

Dice: V-Net (arXiv 1606.04797; linear denominator as in arXiv 1707.03237); Jaccard:
arXiv 1608.01471; Tversky: arXiv 1706.05721. With p the softmax and y the membership,
per class k: I = sum p y, P = sum p, N = sum y over labelled pixels.

`per_image=True` (default) sums inside each image and returns [B, K]: such a loss
splits over devices by itself, each image counting once. `per_image=False` sums over
the batch and returns [K]: under jit that is the global batch; under pmap it is the
replica's part unless `axis_name` is given, which makes the sums global.
"""

from __future__ import annotations

from typing import Literal

import jax
import jax.numpy as jnp

from jaxseg.losses import mask
from jaxseg.losses.reduction import total

Classes = Literal["present", "all"]


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
    """1 - (2 I + smooth) / (P + N + smooth) and its weight, [B, K] or [K].

    `classes="present"` averages over classes that the labels hold, "all" over all.
    """
    both, soft, hard = overlaps(logits, label, void, per_image, axis_name)
    value = 1 - (2 * both + smooth) / _safe(soft + hard + smooth)
    return _masked(value, hard, classes)


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
    """1 - (I + smooth) / (P + N - I + smooth) and its weight, [B, K] or [K]."""
    both, soft, hard = overlaps(logits, label, void, per_image, axis_name)
    value = 1 - (both + smooth) / _safe(soft + hard - both + smooth)
    return _masked(value, hard, classes)


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
    """(1 - (I + s) / (I + alpha FP + beta FN + s))^gamma and its weight.

    FP = P - I, FN = N - I; alpha = beta = 0.5 is Dice with s / 2, alpha = beta = 1 is
    Jaccard. gamma != 1 is the focal Tversky loss (arXiv 1810.07842).
    """
    both, soft, hard = overlaps(logits, label, void, per_image, axis_name)
    wrong = alpha * (soft - both) + beta * (hard - both)
    value = 1 - (both + smooth) / _safe(both + wrong + smooth)
    if gamma != 1:
        value = jnp.maximum(value, 1e-7) ** gamma
    return _masked(value, hard, classes)


def overlaps(
    logits: jax.Array,
    label: jax.Array,
    void: int,
    per_image: bool,
    axis_name: str | None,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """I, P and N of the module docstring, each [B, K] (per image) or [K]."""
    mask.check_shapes(logits, label)
    known = (label != void)[..., None]
    # Masked before the softmax: its gradient at a void pixel is 0 even for inf.
    scores = jnp.where(known, logits.astype(jnp.float32), 0.0)
    soft = jnp.where(known, jax.nn.softmax(scores), 0.0)
    member = mask.membership(label, logits.shape[-1]) & known
    axes = (1, 2) if per_image else (0, 1, 2)
    wrong = mask.poison(label, logits.shape[-1], void)[..., None].sum(axes)
    sums = (
        jnp.where(member, soft, 0.0).sum(axes) + wrong,
        soft.sum(axes),
        member.astype(jnp.float32).sum(axes),
    )
    return sums if per_image else tuple(total(x, axis_name) for x in sums)


def class_weight(hard: jax.Array, classes: Classes) -> jax.Array:
    """Weight of each class, [B, K] or [K] as `hard`: the chosen ones share 1."""
    if classes not in ("present", "all"):
        raise ValueError(f"classes is {classes!r}; allowed: 'present', 'all'")
    filled = hard.sum(-1, keepdims=True) > 0
    chosen = (hard > 0) if classes == "present" else filled & (hard >= 0)
    chosen = chosen.astype(jnp.float32)
    return chosen / jnp.maximum(chosen.sum(-1, keepdims=True), 1.0)


def _masked(value, hard, classes):
    weight = class_weight(hard, classes)
    return jnp.where((weight > 0) | jnp.isnan(value), value, 0.0), weight


def _safe(denominator):
    """A sum of non-negative terms as divisor: 1 where all of them are 0."""
    return jnp.where(denominator > 0, denominator, 1.0)
