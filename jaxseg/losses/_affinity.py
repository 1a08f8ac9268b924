"""Adaptive affinity field loss (AAF; Ke, Hwang, Liu, Yu, arXiv 1803.10335).

Neighbors of one class should have like probabilities, neighbors of two classes
unlike ones, over 3x3, 5x5 and 7x7 fields whose importance per class is learned against
the network. Faithful to the authors' code: binary divergence per channel, clipped to
1e-4; margin 3; eight ring points; void excluded symmetrically; decay 10^(-step/total).

Differs: the paper takes the network's own probabilities, at 1/8 of the image. Outputs
here have the image's size; `stride=8` compares every eighth pixel, which is the same
field. The default, 1, compares neighboring pixels and suits unstrided networks.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from jaxseg.losses import mask
from jaxseg.losses.reduction import total
from jaxseg.ops.neighbors import ring

FLOOR = 1e-4
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
    """Loss of each pixel as center of its fields, and weight; both [B, h, w].

    A pair of pixels and a channel c is an edge entry where exactly one of the two has
    class c: max(0, margin - KL); otherwise KL. The weighted mean of the values is
    sum over sizes of edge_weight * mean(edge entries) + same_weight * mean(the
    others), each mean over the entries of the global batch, times 10^(-step / total).

    Args:
      sizes: distances of the neighbors, in units of `stride`.
      stride: compare every stride-th pixel; h = H / stride, rounded.
      anneal_steps: total of the decay, 0 for none.
      size_weights: (edge, same), each [K, len(sizes)], before a softmax over sizes; a
        pair takes the row of its center's class. Their gradient is reversed, so that
        the optimizer that makes the network better makes them worse for it. None
        weighs all sizes alike.
    """
    mask.check_shapes(logits, label)
    _check(logits, sizes, stride, anneal_steps, size_weights)
    wrong = mask.nan_on_invalid_label(label, logits.shape[-1], void).sum()
    start = stride // 2
    logits, label = (x[:, start::stride, start::stride] for x in (logits, label))
    count, known = logits.shape[-1], label != void
    scores = jnp.where(known[..., None], logits.astype(jnp.float32), 0.0)
    probability = jax.nn.softmax(scores)
    member = mask.one_hot(label, count) & known[..., None]
    if size_weights is None:
        size_weights = (jnp.zeros((count, len(sizes))),) * 2
    shares = [jax.nn.softmax(_reverse_gradient(w)) for w in size_weights]
    sums = [
        field(probability, member, known, size, margin=margin, shares=s)
        for size, *s in zip(sizes, *(w.T for w in shares), strict=True)
    ]
    known = known.astype(jnp.float32)
    labeled, value = total(known.sum(), axis_name), wrong
    for edge, edges, same, sames in sums:
        value += edge_weight * edge * _share(labeled, edges, axis_name)
        value += same_weight * same * _share(labeled, sames, axis_name)
    decay = 10.0 ** (-step / anneal_steps) if anneal_steps else 1.0
    return jnp.where(known > 0, decay * value, 0.0), known


def field(
    probability: jax.Array,
    member: jax.Array,
    known: jax.Array,
    size: int,
    *,
    margin: float,
    shares: Sequence[jax.Array],
) -> tuple[jax.Array, ...]:
    """One field: sums of edge entries, their number, sums of the others, their number.

    Args:
      probability, member: [B, h, w, K]; known: bool [B, h, w].
      shares: weights [K] of this size, for edges and for the others.

    Returns: four float32 [B, h, w], by center.
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


def binary_divergence(other: jax.Array, mine: jax.Array) -> jax.Array:
    """KL(other || mine) of two-way distributions (p, 1 - p), clipped to [1e-4, 1].

    Args:
      other: [8, ..., K]; mine: [..., K].
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
    """Factor that makes a mean over entries of a mean over labeled pixels."""
    return labeled / jnp.maximum(total(entries.sum(), axis_name), 1.0)


def _check(logits, sizes, stride, anneal_steps, size_weights):
    if stride < 1 or anneal_steps < 0 or not sizes:
        raise ValueError(
            f"stride is {stride}, anneal_steps is {anneal_steps}, sizes are {sizes}; "
            "allowed are 1 or more, 0 or more, and at least one size"
        )
    shape = (logits.shape[-1], len(sizes))
    if size_weights is not None and any(w.shape != shape for w in size_weights):
        raise ValueError(
            f"size_weights have shapes {[w.shape for w in size_weights]}; allowed is "
            f"{shape} twice"
        )
