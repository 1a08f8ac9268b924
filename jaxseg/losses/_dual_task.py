"""Computes the losses of Gated-SCNN (arXiv 1907.05740) that combine classes and edges.

The loss of the paper is the sum of four terms: the cross entropy of the segmentation,
20 times the binary cross entropy of the edge map (`jaxseg.losses.edge`), the cross
entropy of the segmentation at pixels whose edge probability exceeds 0.8
(`edge_attention`), and a dual-task term (`dual_task`). The dual-task term compares the
boundaries of the predicted and the true class maps: with zeta(p) = ||grad(G * p)|| /
sqrt(2) for a smoothing filter G, it is |zeta(p) - zeta(one-hot label)|.

The implementation follows the paper's equations. Differs: in the authors' code, the
gradient function returns its input and the smoothing is skipped, so that the dual-task
term has no derivative.
"""

import jax
import jax.numpy as jnp
import numpy as np

from jaxseg.losses._cross_entropy import cross_entropy
from jaxseg.losses.mask import check_shapes, nan_on_invalid_label, one_hot

RADIUS = 4  # The radius of the triangle filter.
ACTIVE = 1e-3  # A weaker boundary counts as none.


def dual_task(
    logits: jax.Array,
    label: jax.Array,
    *,
    void: int = 255,
    temperature: float = 1.0,
    gumbel: bool = True,
    step: jax.Array | None = None,
) -> tuple[jax.Array, jax.Array]:
    """Computes how much predicted class boundaries differ in strength from true ones.

    Args:
      logits: [B, H, W, K], of any float type.
      label: Integers [B, H, W]. Void pixels have no class in either map.
      void: The ignore index.
      temperature: The temperature of the softmax; 1 in the paper, 0.5 in the authors'
        code.
      gumbel: Whether to sample the predicted class map by a Gumbel softmax. This needs
        `step`.
      step: The training step, which seeds the sampling. None turns the sampling off.

    Returns:
      The loss of each pixel and class, and its weight in the mean, each [B, H, W, K].
    """
    check_shapes(logits, label)
    logits, classes = logits.astype(jnp.float32), logits.shape[-1]
    if gumbel and step is not None:
        key = jax.random.fold_in(jax.random.key(0), step)
        logits = logits + jax.random.gumbel(key, logits.shape)
    known = (label != void)[..., None]
    logits = jnp.where(known, logits, 0.0)  # before the softmax: void may hold NaN
    share = jnp.where(known, jax.nn.softmax(logits / temperature, axis=-1), 0.0)
    truth = jnp.where(known, one_hot(label, classes), 0).astype(jnp.float32)
    ours, theirs = boundary_strength(share), boundary_strength(truth)
    active = (jax.lax.stop_gradient(ours) > ACTIVE) | (theirs > ACTIVE)
    weight = (active & known).astype(jnp.float32)
    wrong = nan_on_invalid_label(label, classes, void)[..., None]
    return jnp.abs(ours - theirs) * weight + wrong, weight


def boundary_strength(x: jax.Array, radius: int = RADIUS) -> jax.Array:
    """Computes boundary strength: the gradient magnitude of the smoothed class maps.

    The magnitude is divided by sqrt(2). The gradient is a central difference. Border
    pixels are repeated, so that a constant map has the strength 0. Where the strength
    is 0, its derivative is defined as 0.

    Args:
      x: The probability of each class, or its one-hot labels, [B, H, W, K].
      radius: The radius r of the triangle filter (1, 2, ..., r + 1, ..., 2, 1) / (r +
        1)^2. 0 turns the filter off.

    Returns:
      float32 [B, H, W, K].
    """
    square = sum(jnp.square(_difference(_smooth(x, radius), axis)) for axis in (1, 2))
    flat = square <= 1e-12  # The gradient of the root is infinite at 0.
    return jnp.where(flat, 0.0, jnp.sqrt(jnp.where(flat, 1.0, square) / 2))


def _smooth(x, radius):
    ramp = np.arange(1, radius + 2, dtype=np.float32)
    taps = np.concatenate([ramp, ramp[-2::-1]]) / (radius + 1) ** 2
    for axis in (1, 2):
        wide = _pad(x, axis, radius)
        size = x.shape[axis]
        parts = (
            tap * jax.lax.slice_in_dim(wide, i, i + size, axis=axis)
            for i, tap in enumerate(taps)
        )
        x = sum(parts)
    return x


def _difference(x, axis):
    """Returns (x[i + 1] - x[i - 1]) / 2, with the borders repeated."""
    wide, size = _pad(x, axis, 1), x.shape[axis]
    after = jax.lax.slice_in_dim(wide, 2, size + 2, axis=axis)
    before = jax.lax.slice_in_dim(wide, 0, size, axis=axis)
    return (after - before) / 2


def _pad(x, axis, width):
    pads = [(0, 0)] * x.ndim
    pads[axis] = (width, width)
    return jnp.pad(x, pads, mode="edge")


def image_class_weights(
    label: jax.Array, num_classes: int, *, void: int = 255
) -> jax.Array:
    """Computes a weight for each class in each image, larger for rarer classes.

    The weight of a class c that occurs in the image is 2 - h_c, where h_c is the part
    of the labeled pixels of the image that have the class. The weight of other classes
    is 1.

    Args:
      label: Integers [B, H, W].
      num_classes: The number of classes K.
      void: The ignore index.

    Returns:
      float32 [B, K].
    """
    counts = jnp.sum(one_hot(label, num_classes), axis=(1, 2)).astype(jnp.float32)
    known = jnp.sum(label != void, axis=(1, 2)).astype(jnp.float32)
    share = counts / jnp.maximum(known, 1.0)[:, None]
    return 1 + jnp.where(share > 0, 1 - share, 0.0)


def edge_attention(
    logits: jax.Array,
    label: jax.Array,
    *,
    edge: jax.Array,
    threshold: float = 0.8,
    void: int = 255,
) -> tuple[jax.Array, jax.Array]:
    """Computes the weighted cross entropy at the pixels where an edge is predicted.

    The class weights are those of `image_class_weights`. Pixels whose edge probability
    sigmoid(edge) is at most `threshold` have weight 0.

    Args:
      logits: [B, H, W, K], of any float type.
      label: Integers [B, H, W].
      edge: Edge logits [B, H, W, 1].
      threshold: The edge probability above which a pixel counts; 0.8 in the paper.
      void: The ignore index.

    Returns:
      The loss of each pixel and its weight in the mean, each [B, H, W].
    """
    value, weight = image_weighted_cross_entropy(logits, label, void=void)
    inside = jax.nn.sigmoid(edge[..., 0].astype(jnp.float32)) > threshold
    return value, weight * inside


def image_weighted_cross_entropy(
    logits: jax.Array, label: jax.Array, *, void: int = 255
) -> tuple[jax.Array, jax.Array]:
    """Computes the cross entropy of each pixel, multiplied by the weight of its class.

    `image_class_weights` computes the weights: a class that is rare in an image has a
    larger one.

    Returns:
      The loss of each pixel and its weight in the mean, each [B, H, W].
    """
    value, weight = cross_entropy(logits, label, void=void)
    weights = image_class_weights(label, logits.shape[-1], void=void)
    index = jnp.clip(label, 0, logits.shape[-1] - 1).reshape(label.shape[0], -1)
    factor = jnp.take_along_axis(weights, index, axis=1).reshape(label.shape)
    return value * factor, weight
