"""Softmax cross entropy per pixel, with a gradient that stores no softmax.

Reverse-mode differentiation of log_softmax keeps a [B, H, W, K] array besides the
logits. The rule here keeps the logits, which the network keeps anyway, and their
logsumexp [B, H, W]; backwards, softmax - target is formed anew in one fused pass.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Literal

import jax
import jax.numpy as jnp

from jaxseg.losses import mask


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def pixel_nll(
    logits: jax.Array, label: jax.Array, void: int = 255, smoothing: float = 0.0
) -> jax.Array:
    """Negative log likelihood [B, H, W] in float32; 0 on void pixels.

    logsumexp(z) - (1 - s) z[label] - s mean(z), s = smoothing. NaN at labels outside
    the classes.
    """
    return _forward(logits, label, void, smoothing)[0]


def _forward(logits, label, void, smoothing):
    scores = logits.astype(jnp.float32)
    lse = jax.nn.logsumexp(scores, axis=-1)
    known = jnp.clip(label, 0, logits.shape[-1] - 1)
    aim = jnp.take_along_axis(scores, known[..., None], axis=-1)[..., 0]
    if smoothing:
        aim = (1 - smoothing) * aim + smoothing * scores.mean(-1)
    nll = lse - aim + mask.nan_on_invalid_label(label, logits.shape[-1], void)
    return jnp.where(label == void, 0.0, nll), (logits, label, lse)


def _backward(void, smoothing, saved, cotangent):
    """(softmax - target) * cotangent, 0 on void pixels whatever their logits are.

    Void is taken care of per pixel: a selection by pixel among the values [B, H, W, K]
    would take half as long again on CPU. Exponents are at most 0; what is not so is
    NaN, which is dropped here and comes back by way of logsumexp in the weight.
    """
    logits, label, lse = saved
    weight = jnp.where(label == void, 0.0, cotangent + 0 * lse)[..., None]
    exponent = logits.astype(jnp.float32) - lse[..., None]
    exponent = jnp.where(exponent <= 0, exponent, -jnp.inf)
    hit = mask.one_hot(label, logits.shape[-1])
    off = smoothing / logits.shape[-1]
    target = jnp.where(hit, weight * (1 - smoothing + off), weight * off)
    return (jnp.exp(exponent) * weight - target).astype(logits.dtype), None


pixel_nll.defvjp(_forward, _backward)


def cross_entropy(
    logits: jax.Array,
    label: jax.Array,
    *,
    void: int = 255,
    class_weights: Sequence[float] | jax.Array | None = None,
    smoothing: float = 0.0,
    divide_by: Literal["pixels", "weights"] = "pixels",
) -> tuple[jax.Array, jax.Array]:
    """Cross entropy and weight per pixel, both [B, H, W] float32.

    Args:
      logits: [B, H, W, K], any float type; computed in float32.
      label: integers [B, H, W], 0..K-1 or `void`.
      class_weights: [K]; a pixel's loss is multiplied by its class's weight.
      smoothing: label smoothing in [0, 1) (arXiv 1512.00567); class weights multiply
        the whole smoothed loss.
      divide_by: what the mean divides by. "pixels": the number of labeled pixels,
        as SegNet's Caffe does; "weights": the sum of their class weights, as PyTorch.

    Raises:
      ValueError: on shapes that do not fit or an option outside its range.
    """
    mask.check_shapes(logits, label)
    if not 0 <= smoothing < 1:
        raise ValueError(f"smoothing is {smoothing}; allowed is 0 <= smoothing < 1")
    if divide_by not in ("pixels", "weights"):
        raise ValueError(f"divide_by is {divide_by!r}; allowed: 'pixels', 'weights'")
    value = pixel_nll(logits, label, void, smoothing)
    weight = mask.labeled(label, void)
    if class_weights is None:
        return value, weight
    weights = mask.class_array(class_weights, logits.shape[-1])
    scale = mask.per_pixel(label, weights, void)
    return (value * scale, weight) if divide_by == "pixels" else (value, scale)
