"""Random points at which the losses of masks are computed (arXiv 2112.01527).

A mask loss at a few thousand points needs less memory than one at all pixels (section
3.3 of the paper). The points of the matching are uniformly distributed. The points of
the loss are mostly those at which the prediction is least certain, as in PointRend
(arXiv 1912.08193). All points depend only on the training step, the index of the image
in the global batch and the index of the layer.
"""

import jax
import jax.numpy as jnp

from jaxseg.losses.mask import one_hot
from jaxseg.ops.sampling import corners, sample


def point_keys(step: jax.Array | int, images: jax.Array, layers: int) -> jax.Array:
    """Returns random keys for the points of each layer and image.

    Args:
      step: The training step.
      images: The indices of the images in the global batch, integers [B].
      layers: The number of layers L.

    Returns:
      Keys [L, B, 3]. The first key is for the points of the matching. The second and
      the third one are for the candidates and for the other points in
      `uncertain_points`.
    """
    base = jax.random.fold_in(jax.random.key(0), step)
    fold = jax.vmap(jax.random.fold_in, in_axes=(None, 0))
    keys = fold(base, images)
    keys = jax.vmap(lambda key: fold(key, jnp.arange(layers)), out_axes=1)(keys)
    return jax.vmap(jax.vmap(lambda key: jax.random.split(key, 3)))(keys)


def uniform_points(keys: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Draws points (x, y) that are uniformly distributed in the unit square.

    Args:
      keys: One key for each image, [B].
      shape: The shape of the points of one image.

    Returns:
      float32 [B, *shape, 2].
    """
    return jax.vmap(lambda key: jax.random.uniform(key, (*shape, 2)))(keys)


def uncertain_points(
    masks: jax.Array,
    keys: jax.Array,
    *,
    points: int,
    oversampling: float,
    importance: float,
) -> jax.Array:
    """Draws points at which the masks are uncertain, that is, have a logit close to 0.

    For each mask, `oversampling` * `points` uniformly distributed candidates are drawn.
    The `importance` * `points` candidates with the logits closest to 0 are chosen. The
    other points are uniformly distributed. There is no gradient.

    Args:
      masks: Logits, [B, h, w, S]. Each of the S masks has points of its own.
      keys: Two keys for each image, [B, 2].
      points: The number of points of each mask.
      oversampling: The ratio of the number of candidates to `points`.
      importance: The fraction of the points that are chosen from the candidates.

    Returns:
      Points (x, y), float32 [B, S, points, 2].
    """
    count = masks.shape[-1]
    chosen = int(importance * points)
    candidates = uniform_points(keys[:, 0], (count, int(points * oversampling)))
    values = sample_each(jax.lax.stop_gradient(masks), candidates)
    _, index = jax.lax.top_k(-jnp.abs(values), chosen)
    best = jnp.take_along_axis(candidates, index[..., None], axis=2)
    rest = uniform_points(keys[:, 1], (count, points - chosen))
    return jnp.concatenate([best, rest], axis=2)


def sample_each(masks: jax.Array, points: jax.Array) -> jax.Array:
    """Samples each of S masks bilinearly at P points of its own.

    Args:
      masks: Logits or values of the masks, [B, h, w, S].
      points: Points (x, y) in the unit square that each mask covers, [B, S, P, 2].

    Returns:
      The samples, [B, S, P].
    """
    batch, height, width, count = masks.shape
    flat = jnp.moveaxis(masks, -1, 1).reshape(batch * count, height, width, 1)
    found = sample(flat, points.reshape(batch * count, -1, 2))
    return found.reshape(batch, count, -1)


def class_shares(
    label: jax.Array, points: jax.Array, num_classes: int, *, void: int
) -> tuple[jax.Array, jax.Array]:
    """Samples the masks of all classes at points, without storing these masks.

    Args:
      label: Integers [B, H, W].
      points: Points (x, y) of each image, from (0, 0), its upper left corner, to
        (1, 1), its lower right corner, [B, P, 2].
      num_classes: Number of classes K.
      void: The ignore index.

    Returns:
      The bilinear samples of the mask of each class, float32 [B, P, K], and booleans
      [B, P] that are False at points whose surrounding pixels include void.
    """
    shares, known = jnp.float32(0), jnp.bool_(True)
    for value, weight in _labels_around(label, points):
        shares = shares + weight[..., None] * one_hot(value, num_classes)
        known = known & ((value != void) | (weight == 0))
    return shares, known


def own_shares(
    label: jax.Array, points: jax.Array, *, void: int
) -> tuple[jax.Array, jax.Array]:
    """Samples the mask of class k at the k-th of K groups of points.

    Args:
      label: Integers [B, H, W].
      points: Points (x, y), from (0, 0), the upper left corner of the image, to (1, 1),
        its lower right corner, [B, K, P, 2].
      void: The ignore index.

    Returns:
      The bilinear samples, float32 [B, K, P], and booleans [B, K, P] that are False at
      points whose surrounding pixels include void.
    """
    batch, classes, count, _ = points.shape
    shape = (batch, classes, count)
    number = jnp.arange(classes)[None, :, None]
    shares, known = jnp.float32(0), jnp.bool_(True)
    for value, weight in _labels_around(label, points.reshape(batch, -1, 2)):
        value, weight = value.reshape(shape), weight.reshape(shape)
        shares = shares + weight * (value == number)
        known = known & ((value != void) | (weight == 0))
    return shares, known


def _labels_around(label, points):
    """Returns the labels of the four pixels around points [B, P, 2], with weights."""
    flat = label.reshape(label.shape[0], -1)
    return [
        (jnp.take_along_axis(flat, corner.pixel, axis=1), corner.weight)
        for corner in corners(points, *label.shape[1:])
    ]
