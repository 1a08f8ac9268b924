"""Computes the adaptive affinity field loss (AAF; Ke et al., arXiv 1803.10335).

Neighboring pixels of one class should have similar probabilities, and neighboring
pixels of two classes should have different ones. Each pixel is compared with its eight
neighbors at distances 1, 2 and 3, that is, in fields of 3x3, 5x5 and 7x7 pixels. The
weight of each field for each class is learned adversarially: the weights are trained to
increase the loss, while the network is trained to decrease it.

These details follow the authors' code:

- The divergence for a class with the probability p is the Kullback-Leibler divergence
  of the distributions (p, 1 - p). Probabilities are clipped to [1e-4, 1].
- The margin is 3.
- A pair of pixels counts only if both are labeled.
- The loss decays as 10^(-step / total steps) if `anneal_steps` is the number of steps.

Differs: the paper compares probabilities at 1/8 of the image size. Logits here have the
size of the image. With `stride=8`, every eighth pixel is compared, so that the fields
cover the image area of the paper. The default, 1, compares adjacent pixels and suits
networks whose logits have the resolution of the image.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from jaxseg.losses import mask
from jaxseg.losses.reduction import total
from jaxseg.ops.neighbors import ring

FLOOR = 1e-4  # As in the authors' code; keeps logarithms and gradients bounded.
SizeWeights = tuple[jax.Array, jax.Array]


def affinity(
    logits: jax.Array,
    label: jax.Array,
    *,
    void: int = 255,
    sizes: Sequence[int] = (1, 2, 3),
    margin: float = 3.0,
    edge_weight: float = 1.0,
    same_weight: float = 1.0,
    stride: int = 1,
    anneal_steps: int = 0,
    step: jax.Array | int = 0,
    size_weights: SizeWeights | None = None,
    axis_name: str | None = None,
) -> tuple[jax.Array, jax.Array]:
    """Computes the affinity loss between each pixel and its neighbors.

    The loss has an entry for each pair of a pixel and a neighbor and each class.
    `field` defines the values of the edge entries and of the other entries. For each
    size, edge_weight * mean(edge entries) + same_weight * mean(other entries) is
    computed, with means over the global batch. The loss is the sum over the sizes,
    times 10^(-step / anneal_steps).

    Args:
      logits: [B, H, W, K], of any float type.
      label: Integers [B, H, W], 0 to K - 1 or `void`.
      void: The ignore index.
      sizes: Distances of the neighbors, in units of `stride`.
      margin: The smallest divergence at which the value of an edge entry is 0.
      edge_weight: The weight of the edge entries.
      same_weight: The weight of the other entries.
      stride: Only pixels in every `stride`-th row and column are compared. h is H /
        stride, rounded.
      anneal_steps: Steps in which the loss decays to a tenth. With 0, it is constant.
      step: The training step.
      size_weights: Two arrays of learned scores [K, len(sizes)], for edge entries and
        for other entries. The softmax of row c weights the sizes for pixels of class c.
        Training maximizes the loss over the scores. None stands for equal weights.
      axis_name: The axis of pmap over which entries are counted.

    Returns:
      The loss of each compared pixel and its weight in the mean, each [B, h, w].

    Raises:
      ValueError: If the shapes do not match or an option is out of range.
    """
    _check(logits, label, sizes, stride, anneal_steps, size_weights)
    wrong = mask.nan_on_invalid_label(label, logits.shape[-1], void).sum()
    start = stride // 2
    logits, label = (x[:, start::stride, start::stride] for x in (logits, label))
    probability, member, known = _distributions(logits, label, void)
    shares = _shares(size_weights, logits.shape[-1], sizes)
    sums = [
        field(probability, member, known, size, margin=margin, shares=s)
        for size, *s in zip(sizes, *shares, strict=True)
    ]
    known = known.astype(jnp.float32)
    value = _add_fields(wrong, sums, known, (edge_weight, same_weight), axis_name)
    decay = 10.0 ** (-step / anneal_steps) if anneal_steps else 1.0
    return jnp.where(known > 0, decay * value, 0.0), known


def _distributions(logits, label, void):
    """Returns probabilities, membership [B, h, w, K] and the labeled pixels."""
    known = label != void
    scores = jnp.where(known[..., None], logits.astype(jnp.float32), 0.0)
    probability = jax.nn.softmax(scores)
    member = mask.one_hot(label, logits.shape[-1]) & known[..., None]
    return probability, member, known


def _shares(size_weights, count, sizes):
    """Returns the weights of the sizes [len(sizes), K] for both kinds of entries."""
    if size_weights is None:
        size_weights = (jnp.zeros((count, len(sizes))),) * 2
    shares = [jax.nn.softmax(_reverse_gradient(w)) for w in size_weights]
    return [w.T for w in shares]


def field(
    probability: jax.Array,
    member: jax.Array,
    known: jax.Array,
    size: int,
    *,
    margin: float,
    shares: Sequence[jax.Array],
) -> tuple[jax.Array, ...]:
    """Sums the loss between each pixel and its eight neighbors at one distance.

    The loss has an entry for each pair of pixels and each class. If exactly one of the
    two pixels has the class, the entry is an edge entry, and its value is
    max(0, margin - KL). Otherwise, its value is KL. KL is the divergence between the
    probabilities of the class at the two pixels, see `binary_divergence`.

    Args:
      probability: [B, h, w, K].
      member: Booleans [B, h, w, K], True for the class of a labeled pixel.
      known: Booleans [B, h, w], True at labeled pixels.
      size: The distance of the neighbors in pixels.
      margin: The smallest divergence at which the value of an edge entry is 0.
      shares: The weights of this distance: an array [K] for edge entries and one for
        other entries. The class of the center pixel selects one of the K weights.

    Returns:
      The weighted sum of the edge entries, their number, the weighted sum of the other
      entries and their number, each float32 [B, h, w] for the center pixels.
    """
    around = ring(known, size, fill=False)
    # A pair counts only if the pixel opposite to the neighbor is labeled too.
    pair = (known[None] & around & around[::-1])[..., None]
    differ = ring(member, size, fill=False) != member[None]
    divergence = binary_divergence(ring(probability, size, fill=1.0), probability)
    weights = [(member * w.reshape(1, 1, 1, -1)).sum(-1) for w in shares]
    parts = []
    for weight, entry, value in (
        (weights[0], pair & differ, jnp.maximum(0.0, margin - divergence)),
        (weights[1], pair & ~differ, divergence),
    ):
        parts.append(weight * jnp.where(entry, value, 0.0).sum((0, -1)))
        parts.append(entry.astype(jnp.float32).sum((0, -1)))
    return tuple(parts)


def _add_fields(value, sums, known, weights, axis_name):
    """Adds the means of both kinds of entries of all fields to a value."""
    labeled = total(known.sum(), axis_name)
    for edge, edges, same, sames in sums:
        value += weights[0] * edge * _share(labeled, edges, axis_name)
        value += weights[1] * same * _share(labeled, sames, axis_name)
    return value


def binary_divergence(other: jax.Array, mine: jax.Array) -> jax.Array:
    """Computes KL(other || mine) between distributions (p, 1 - p).

    Each center pixel is compared with its eight neighbors. Probabilities are clipped to
    [1e-4, 1].

    Args:
      other: The probability p of each class at the neighbors, [8, ..., K].
      mine: The probability p of each class at the centers, [..., K].

    Returns:
      The divergence for each neighbor and class, [8, ..., K].
    """

    def logs(p):
        return jnp.clip(p, FLOOR, 1.0), jnp.log(jnp.clip(p, FLOOR, 1.0))

    inside = [logs(p) for p in (other, 1 - other)]
    center = [logs(p)[1][None] for p in (mine, 1 - mine)]
    return sum(p * (log - c) for (p, log), c in zip(inside, center, strict=True))


@jax.custom_vjp
def _reverse_gradient(x):
    return x


_reverse_gradient.defvjp(lambda x: (x, None), lambda _, grad: (-grad,))


def _share(labeled, entries, axis_name):
    """Returns the factor that turns a mean over labeled pixels into one over entries.

    The objective divides by the number of labeled pixels, the paper by that of entries.
    """
    return labeled / jnp.maximum(total(entries.sum(), axis_name), 1.0)


def _check(logits, label, sizes, stride, anneal_steps, size_weights):
    mask.check_shapes(logits, label)
    if stride < 1 or anneal_steps < 0 or not sizes:
        raise ValueError(
            f"stride={stride}, anneal_steps={anneal_steps}, sizes={sizes} is invalid: "
            "expected stride >= 1, anneal_steps >= 0 and at least one size."
        )
    shape = (logits.shape[-1], len(sizes))
    if size_weights is not None and any(w.shape != shape for w in size_weights):
        raise ValueError(
            f"size_weights with shapes={[w.shape for w in size_weights]} is invalid: "
            f"expected two arrays of shape {shape}, (classes, sizes)."
        )
