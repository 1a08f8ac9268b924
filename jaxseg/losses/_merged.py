"""Computes the cross entropy for labels that stand for any of several classes.

The datasets on which a network is trained can have labels of different detail. For
example, a dataset may have only the label "vehicle", while the network distinguishes
cars and trucks. The loss of a pixel with this label is -log(p(car) + p(truck)), the
negative log-likelihood of the merged label. Labels below K are classes. The label K + g
stands for any of the classes `merged[g]`.
"""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np

from jaxseg.losses import mask

Merged = tuple[tuple[int, ...], ...]


def member_table(merged: Merged, num_classes: int) -> np.ndarray:
    """Returns which classes each label stands for, booleans [K + G, K].

    The labels below K are the classes. The other G labels are merged labels, each of
    which stands for any of several classes.

    Args:
      merged: For each merged label, the classes that a pixel with this label may have.
      num_classes: The number of classes K.

    Raises:
      ValueError: If a merged label has no class or a class that does not exist.
    """
    table = np.eye(num_classes + len(merged), num_classes, dtype=bool)
    for row, classes in enumerate(merged, start=num_classes):
        if not classes or not all(0 <= k < num_classes for k in classes):
            raise ValueError(
                f"merged={merged} is invalid: expected one or more classes from 0 to "
                f"{num_classes - 1} for each merged label."
            )
        table[row, list(classes)] = True
    return table


def members_of(label: jax.Array, merged: Merged, num_classes: int) -> jax.Array:
    """Returns for each pixel which classes its label stands for, booleans [..., K].

    Args:
      label: Integers of any shape, 0 to K + G - 1, or other values.
      merged: For each label K + g, the classes that a pixel with this label may have.
      num_classes: The number of classes K.

    Returns:
      Entry k of a pixel is True if the label stands for class k. All entries are False
      where the label is out of range.
    """
    table = jnp.asarray(member_table(merged, num_classes))
    known = (label >= 0) & (label < len(table))
    return table[jnp.where(known, label, 0)] & known[..., None]


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3, 4))
def merged_nll(
    logits: jax.Array,
    label: jax.Array,
    merged: Merged,
    void: int = 255,
    smoothing: float = 0.0,
) -> jax.Array:
    """Computes the negative log-likelihood of labels that can merge several classes.

    For the logits z of a pixel whose label stands for any of the classes S, it is
    logsumexp(z) - (1 - s) logsumexp(z[S]) - s mean(z) with s = smoothing. For a label
    that is a class, it equals the result of `pixel_nll`.

    Args:
      logits: [B, H, W, K], of any float type.
      label: Integers [B, H, W], 0 to K + G - 1 or `void`.
      merged: For each label K + g, the classes that a pixel with this label may have, G
        tuples.
      void: The ignore index.
      smoothing: The part s of the target distribution that is divided equally among all
        classes (label smoothing).

    Returns:
      float32 [B, H, W]; 0 at void pixels and NaN at labels out of range.
    """
    return _forward(logits, label, merged, void, smoothing)[0]


def _forward(logits, label, merged, void, smoothing):
    num_classes = logits.shape[-1]
    scores = logits.astype(jnp.float32)
    lse = jax.nn.logsumexp(scores, axis=-1)
    legal = (label >= 0) & (label < num_classes + len(merged))
    members = members_of(label, merged, num_classes) | ~legal[..., None]
    inner = jax.nn.logsumexp(jnp.where(members, scores, -jnp.inf), axis=-1)
    aim = inner
    if smoothing:
        aim = (1 - smoothing) * inner + smoothing * scores.mean(-1)
    nll = lse - aim
    nll += mask.nan_on_invalid_label(label, num_classes + len(merged), void)
    return jnp.where(label == void, 0.0, nll), (logits, label, lse, inner)


def _backward(merged, void, smoothing, saved, cotangent):
    """Returns (softmax - target) * cotangent; 0 at void pixels whatever their logits.

    The target is the softmax over the classes of the label. As in `pixel_nll`, a NaN or
    an infinite logit returns as NaN through the logsumexp in the weight.
    """
    logits, label, lse, inner = saved
    num_classes = logits.shape[-1]
    scores = logits.astype(jnp.float32)
    weight = jnp.where(label == void, 0.0, cotangent + 0 * lse)[..., None]
    members = members_of(label, merged, num_classes)
    share = jnp.where(members, _exp(scores, inner), 0.0)
    target = (1 - smoothing) * share + smoothing / num_classes
    gradient = (_exp(scores, lse) - target) * weight
    return gradient.astype(logits.dtype), None


def _exp(scores, total):
    exponent = scores - total[..., None]
    return jnp.exp(jnp.where(exponent <= 0, exponent, -jnp.inf))


merged_nll.defvjp(_forward, _backward)
