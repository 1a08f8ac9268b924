"""The loss of Mask2Former, which compares queries with the classes of an image.

For each layer, `match` assigns a query to each class of an image. The loss of the layer
is the sum of three terms (arXiv 2112.01527, section 3.3 and appendix A):

- the cross entropy of the classes of the queries. The class of a query that is not
  assigned is "no object", whose weight is smaller.
- the binary cross entropy of the masks of the assigned queries, at random points.
- the Dice loss of these masks at the same points.

The first is a weighted mean over the queries of the global batch. The other two are
means over all pairs of an image of the global batch and a class in this image.
"""

from __future__ import annotations

import dataclasses
import functools

import jax
import jax.numpy as jnp

from jaxseg.losses.mask import check_shapes, nan_on_invalid_label, one_hot
from jaxseg.losses.mask_points import (
    class_shares,
    own_shares,
    point_keys,
    sample_each,
    uncertain_points,
    uniform_points,
)
from jaxseg.losses.matching import match, matching_costs
from jaxseg.losses.reduction import total
from jaxseg.ops.sampling import sample


def mask_classification(
    logits: jax.Array,
    label: jax.Array,
    *,
    query_classes: jax.Array,
    query_masks: jax.Array,
    void: int = 255,
    points: int = 12_544,
    oversampling: float = 3.0,
    importance: float = 0.75,
    weights: tuple[float, float, float] = (2.0, 5.0, 5.0),
    no_object: float = 0.1,
    step: jax.Array | int = 0,
    axis_name: str | None = None,
) -> tuple[jax.Array, jax.Array]:
    """Computes the loss of Mask2Former for the classes and masks of all queries.

    Differs: points next to void pixels do not count. In the authors' code, void pixels
    count as pixels outside of every mask.

    Args:
      logits: [B, H, W, K]. Only the shape is read.
      label: Integers [B, H, W]. An image that is entirely void has weight 0.
      query_classes: Logits of the classes and of "no object", [B, L, N, K + 1], for
        each of L layers.
      query_masks: Logits of the masks of the N queries, [B, L, h, w, N].
      void: The ignore index.
      points: The number of points at which masks are compared.
      oversampling: `oversampling` * `points` candidates for the points of the loss are
        drawn at random.
      importance: The fraction of the points that are chosen from the candidates: those
        whose mask logits are closest to 0. The other points are random.
      weights: Three factors, for the cross entropy of the classes, the binary cross
        entropy of the masks and the Dice loss of the masks. The same factors apply to
        the costs of assigning queries to classes.
      no_object: The weight of "no object" in the cross entropy of the classes.
      step: The training step, which seeds the random points.
      axis_name: The axis of pmap over which the means are computed.

    Returns:
      The loss and its weight in the mean, each float32 [B].

    Raises:
      ValueError: If the shapes do not match.

    References:
      Cheng et al., Mask2Former, arXiv 2112.01527, section 3.3 and appendix A.
    """
    _check(logits, label, query_classes, query_masks)
    setting = _Setting(
        void, points, oversampling, importance, tuple(weights), no_object, axis_name
    )
    return _losses(label, query_classes, query_masks, step, setting)


@dataclasses.dataclass(frozen=True)
class _Setting:
    """Contains the arguments of `mask_classification` with these names."""

    void: int
    points: int
    oversampling: float
    importance: float
    weights: tuple[float, ...]
    no_object: float
    axis_name: str | None


def _losses(label, query_classes, query_masks, step, setting):
    """Returns the loss of each image, summed over the layers, and its weight."""
    batch, layers, _, outcomes = query_classes.shape
    axis_name = setting.axis_name
    known = (label != setting.void).reshape(batch, -1)
    counted = jnp.any(known, axis=1)
    present = one_hot(label, outcomes - 1).reshape(batch, -1, outcomes - 1)
    present = jnp.any(present & known[..., None], axis=1)
    pairs = jnp.maximum(total(present.sum().astype(jnp.float32), axis_name), 1.0)
    first = 0 if axis_name is None else jax.lax.axis_index(axis_name) * batch
    keys = point_keys(step, first + jnp.arange(batch), layers)
    classes = jnp.moveaxis(query_classes.astype(jnp.float32), 1, 0)
    masks = jnp.moveaxis(query_masks.astype(jnp.float32), 1, 0)

    costs_of = functools.partial(_costs, label=label, setting=setting)
    fixed = jax.lax.stop_gradient((classes, masks))
    queries = match(jax.lax.map(costs_of, (*fixed, keys)), present)
    loss_of = functools.partial(
        _layer_loss, label=label, counted=counted, pairs=pairs, setting=setting
    )
    value = jax.lax.map(loss_of, (classes, masks, keys, queries)).sum(0)
    weight = counted.astype(jnp.float32)
    # The caller divides by the sum of the weights, and the terms are divided already.
    images = total(weight.sum(), axis_name)
    wrong = nan_on_invalid_label(label, outcomes - 1, setting.void)
    wrong = wrong.reshape(batch, -1).sum(1)
    return jnp.where(counted, value, 0.0) * images + wrong, weight


def _costs(layer, label, setting):
    """Returns the costs of a layer, [B, N, K]."""
    classes, masks, keys = layer
    place = uniform_points(keys[:, 0], (setting.points,))
    truth, known = class_shares(label, place, classes.shape[-1] - 1, void=setting.void)
    found = sample(masks, place)
    return matching_costs(classes, found, truth, known, weights=setting.weights)


def _layer_loss(layer, label, counted, pairs, setting):
    """Returns the part of each image in the loss of a layer, [B]."""
    classes, masks, keys, queries = layer
    by_class = _class_loss(classes, queries, counted, setting)
    chosen = jnp.take_along_axis(masks, jnp.maximum(queries, 0)[:, None, None], axis=3)
    place = uncertain_points(
        chosen,
        keys[:, 1:],
        points=setting.points,
        oversampling=setting.oversampling,
        importance=setting.importance,
    )
    truth, known = own_shares(label, place, void=setting.void)
    entropy, dice = _mask_losses(sample_each(chosen, place), truth, known)
    by_mask = setting.weights[1] * entropy + setting.weights[2] * dice
    by_mask = jnp.where(queries >= 0, by_mask, 0.0).sum(1) / pairs
    return setting.weights[0] * by_class + by_mask


def _class_loss(classes, queries, counted, setting):
    """Returns the part of each image in the cross entropy of the classes, [B]."""
    taken = one_hot(queries, classes.shape[1])  # [B, K, N]
    truth = jnp.moveaxis(taken, 1, 2).astype(jnp.float32)
    weight = jnp.where(jnp.any(taken, axis=1), 1.0, setting.no_object)
    weight = weight * counted[:, None]
    nothing = 1 - truth.sum(-1, keepdims=True)
    truth = jnp.concatenate([truth, nothing], axis=-1)
    entropy = -(truth * jax.nn.log_softmax(classes, axis=-1)).sum(-1)
    sums = total(weight.sum(), setting.axis_name)
    return (weight * entropy).sum(1) / jnp.where(sums > 0, sums, 1.0)


def _mask_losses(masks, truth, known):
    """Returns the binary cross entropy and the Dice loss of each mask, [B, K] each.

    All arguments have the shape [B, K, P].
    """
    counted = known.astype(jnp.float32)
    masks = jnp.where(known, masks, 0.0)
    entropy = jax.nn.softplus(masks) - masks * truth
    entropy = (entropy * counted).sum(-1) / jnp.maximum(counted.sum(-1), 1.0)
    inside, truth = jax.nn.sigmoid(masks) * counted, truth * counted
    sizes = inside.sum(-1) + truth.sum(-1)
    return entropy, 1 - (2 * (inside * truth).sum(-1) + 1) / (sizes + 1)


def _check(logits, label, query_classes, query_masks) -> None:
    """Raises ValueError unless the shapes match."""
    check_shapes(logits, label)
    batch, classes = logits.shape[0], logits.shape[-1]
    found, masks = query_classes.shape, query_masks.shape
    if len(found) != 4 or found[0] != batch or found[-1] != classes + 1:
        raise ValueError(
            f"query_classes.shape={found} is invalid: expected ({batch}, layers, "
            f"queries, {classes + 1}), the logits of the classes and of 'no object'."
        )
    if len(masks) != 5 or (*masks[:2], masks[-1]) != found[:3]:
        raise ValueError(
            f"query_masks.shape={masks} is invalid: expected (batch, layers, height, "
            f"width, queries) with {found[:2]} for batch and layers, and {found[2]} "
            "queries."
        )
