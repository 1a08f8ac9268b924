"""Computes the softmax cross entropy of each pixel without storing the softmax.

Automatic differentiation of log_softmax stores an array [B, H, W, K] in addition to the
logits. The custom gradient here stores only the logits, which the network stores
anyway, and their logsumexp [B, H, W]. The backward pass computes softmax - target in
one fused loop.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Literal

import jax
import jax.numpy as jnp

from jaxseg.losses import mask
from jaxseg.losses._merged import Merged, merged_nll


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def pixel_nll(
    logits: jax.Array, label: jax.Array, void: int = 255, smoothing: float = 0.0
) -> jax.Array:
    """Computes the negative log-likelihood of each pixel.

    For the logits z of a pixel, it is logsumexp(z) - (1 - s) z[label] - s mean(z) with
    s = smoothing.

    Args:
      logits: [B, H, W, K], of any float type.
      label: Integers [B, H, W], 0 to K - 1 or `void`.
      void: The ignore index.
      smoothing: The part s of the target distribution that is divided equally among all
        classes (label smoothing).

    Returns:
      float32 [B, H, W]; 0 at void pixels and NaN at labels that are not a class.
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
    """Returns (softmax - target) * cotangent; 0 at void pixels whatever their logits.

    Void is masked in the weight [B, H, W]. Selecting among values [B, H, W, K] would
    take half as long again on a CPU. Exponents are at most 0. Any other exponent comes
    from a NaN or inf; it is dropped here and returns as NaN through the logsumexp in
    the weight.
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
    merged: Merged = (),
    smoothing: float = 0.0,
    divide_by: Literal["pixels", "weights"] = "pixels",
) -> tuple[jax.Array, jax.Array]:
    """Computes the cross entropy of each pixel.

    Args:
      logits: [B, H, W, K], of any float type. The computation is in float32.
      label: Integers [B, H, W], 0 to K - 1 or `void`, or K to K + G - 1 for the G
        labels of `merged`.
      void: The ignore index.
      class_weights: [K]. The loss of a pixel is multiplied by the weight of its class.
      merged: For each label K + g, the classes that a pixel with this label may have.
        Their probabilities are summed.
      smoothing: Label smoothing in [0, 1) (arXiv 1512.00567). Class weights multiply
        the whole smoothed loss.
      divide_by: The divisor of the mean over the batch. "pixels" is the number of
        labeled pixels, as in the Caffe version of SegNet. "weights" is the sum of the
        class weights of the labeled pixels, as in PyTorch.

    Returns:
      The loss of each pixel and its weight in the mean, each float32 [B, H, W].

    Raises:
      ValueError: If the shapes do not match or an option is out of range.
    """
    mask.check_shapes(logits, label)
    if not 0 <= smoothing < 1:
        raise ValueError(
            f"smoothing={smoothing} is invalid: expected 0 <= smoothing < 1."
        )
    if divide_by not in ("pixels", "weights"):
        raise ValueError(
            f"divide_by={divide_by!r} is invalid: expected 'pixels' or 'weights'."
        )
    if merged and class_weights is not None:
        raise ValueError(
            f"class_weights={class_weights} is invalid: expected None, because "
            "`merged` is given. Leave out one of the two."
        )
    if merged:
        value = merged_nll(logits, label, merged, void, smoothing)
    else:
        value = pixel_nll(logits, label, void, smoothing)
    weight = mask.labeled(label, void)
    if class_weights is None:
        return value, weight
    weights = mask.class_array(class_weights, logits.shape[-1])
    scale = mask.per_pixel(label, weights, void)
    return (value * scale, weight) if divide_by == "pixels" else (value, scale)
