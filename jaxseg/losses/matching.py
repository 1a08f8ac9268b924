"""Assigns the queries of Mask2Former to the classes of an image (arXiv 2112.01527).

In semantic segmentation, the mask of a class consists of all pixels with this label.
Each class of an image gets a query of its own, so that the sum of the costs is as small
as possible (bipartite matching, as in DETR, arXiv 2005.12872). SciPy computes the
assignment on the host.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import linear_sum_assignment


def matching_costs(
    classes: jax.Array,
    masks: jax.Array,
    shares: jax.Array,
    known: jax.Array,
    *,
    weights: tuple[float, float, float] = (2.0, 5.0, 5.0),
) -> jax.Array:
    """Computes the cost of assigning each query to each class.

    The cost is a sum of three terms: minus the probability of the class, the mean
    binary cross entropy of the mask, and the Dice loss of the mask.

    Args:
      classes: Logits of the classes and of "no object", [B, N, K + 1].
      masks: Logits of the masks at points, [B, P, N].
      shares: The true mask of each class at these points, [B, P, K].
      known: Which points count, booleans [B, P].
      weights: The factors of the three terms, in the order above.

    Returns:
      float32 [B, N, K].

    References:
      Cheng et al., MaskFormer, arXiv 2107.06278, section 3.2, with the terms of
      Mask2Former, arXiv 2112.01527, section 3.3.
    """
    by_class, by_mask, by_dice = weights
    odds = jax.nn.softmax(classes.astype(jnp.float32), axis=-1)[..., :-1]
    counted = known[..., None].astype(jnp.float32)
    count = jnp.maximum(counted.sum(1, keepdims=True), 1.0)
    masks = masks.astype(jnp.float32)
    truth = shares * counted
    over = lambda x, y: jnp.einsum("bpn,bpk->bnk", x, y)
    entropy = over(jax.nn.softplus(-masks), truth)
    entropy = entropy + over(jax.nn.softplus(masks), counted - truth)
    inside = jax.nn.sigmoid(masks) * counted
    sizes = inside.sum(1)[:, :, None] + truth.sum(1)[:, None]
    dice = 1 - (2 * over(inside, truth) + 1) / (sizes + 1)
    return by_dice * dice + by_mask * entropy / count - by_class * odds


def match(costs: jax.Array, present: jax.Array) -> jax.Array:
    """Assigns a query to each class of each image, and minimizes the total cost.

    SciPy runs on the host, in one call for all layers and images. There is no gradient.

    Args:
      costs: The cost of assigning each query to each class, [L, B, N, K] for L layers.
        NaN and infinite costs count as the largest number.
      present: Which classes each image contains, booleans [B, K].

    Returns:
      The query of each class, int32 [L, B, K]; -1 for classes that are absent, or that
      get no query because an image has more classes than there are queries.
    """
    layers, batch, _, classes = costs.shape
    result = jax.ShapeDtypeStruct((layers, batch, classes), jnp.int32)
    costs, present = jax.lax.stop_gradient((costs, present))
    return jax.pure_callback(_assign, result, costs, present)


def _assign(costs, present) -> np.ndarray:
    """Does the work of `match` on the host."""
    largest = float(np.finfo(np.float32).max)
    costs = np.asarray(costs, np.float64)
    costs = np.nan_to_num(costs, nan=largest, posinf=largest, neginf=largest)
    layers, batch, _, classes = costs.shape
    found = np.full((layers, batch, classes), -1, np.int32)
    for image, here in enumerate(np.asarray(present)):
        numbers = np.flatnonzero(here)
        for layer in range(layers):
            queries, columns = linear_sum_assignment(costs[layer, image][:, numbers])
            found[layer, image, numbers[columns]] = queries
    return found
