"""Computes cross entropy only on hard pixels, selected by a threshold or a fraction.

`ohem_cross_entropy` is online hard example mining (arXiv 1604.03540) for pixels, as in
MMSegmentation's OHEMPixelSampler. `top_k_cross_entropy` is DeepLab's hard pixel mining
with its annealed fraction: the options `top_k_percent_pixels` and
`hard_example_mining_step` of the TensorFlow release. arXiv 1604.04339 calls the method
bootstrapping.

Hard pixels are chosen among all pixels of the global batch. Under pmap, this holds only
with `axis_name`; without it, each device chooses among its own pixels.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxseg.losses._cross_entropy import cross_entropy
from jaxseg.losses.reduction import gather


def ohem_cross_entropy(
    logits: jax.Array,
    label: jax.Array,
    *,
    void: int = 255,
    threshold: float = 0.7,
    min_kept: int = 100_000,
    class_weights=None,
    axis_name: str | None = None,
) -> tuple[jax.Array, jax.Array]:
    """Computes cross entropy on the pixels whose true class has a low probability.

    The loss keeps the pixels whose true class has a probability below `threshold`. If
    these are fewer than `min_kept` * B, it keeps the `min_kept` * B pixels with the
    lowest probabilities. The mean is over the kept pixels.

    Args:
      logits: [B, H, W, K], of any float type.
      label: Integers [B, H, W], 0 to K - 1 or `void`.
      void: The ignore index.
      threshold: The probability of the true class below which a pixel is kept.
      min_kept: The least number of pixels to keep per image.
      class_weights: [K], factors on the loss. They do not affect which pixels are kept.
      axis_name: The axis of pmap. With it, pixels are ranked over all devices.

    Returns:
      The loss of each pixel and its weight in the mean, each [B, H, W]. The weight is 1
      at kept pixels and 0 elsewhere.

    Raises:
      ValueError: If the shapes do not match or an option is out of range.
    """
    if not 0 < threshold <= 1 or min_kept < 0:
        raise ValueError(
            f"threshold={threshold}, min_kept={min_kept} is invalid: expected "
            "0 < threshold <= 1 and min_kept >= 0."
        )
    plain, valid = cross_entropy(logits, label, void=void)
    ranked = _descending(plain, valid, axis_name)
    images = label.shape[0] * (ranked.size // label.size)
    rank = min(min_kept * images, ranked.size)
    # Differs: MMSegmentation drops the easiest pixel when there are no more than
    # min_kept labeled ones; the appended -inf keeps them all.
    ranked = jnp.append(ranked, -jnp.inf)
    limit = jnp.minimum(-jnp.log(threshold), ranked[rank])
    kept = valid * ((plain > limit) | jnp.isnan(plain))
    value, _ = cross_entropy(logits, label, void=void, class_weights=class_weights)
    return value, jax.lax.stop_gradient(kept)


def top_k_cross_entropy(
    logits: jax.Array,
    label: jax.Array,
    *,
    void: int = 255,
    fraction: float = 0.25,
    anneal_steps: int = 0,
    step: jax.Array | int = 0,
    class_weights=None,
    axis_name: str | None = None,
) -> tuple[jax.Array, jax.Array]:
    """Computes cross entropy on the `fraction` of pixels with the largest loss.

    With `anneal_steps`, the fraction falls linearly from 1 at step 0 to `fraction`. If
    several pixels have the smallest loss that is kept, all of them are kept.

    Args:
      logits: [B, H, W, K], of any float type.
      label: Integers [B, H, W], 0 to K - 1 or `void`.
      void: The ignore index.
      fraction: The fraction of the labeled pixels to keep, in (0, 1].
      anneal_steps: The number of steps of the annealing. 0 turns it off.
      step: The training step.
      class_weights: [K], factors on the loss, applied before the ranking.
      axis_name: The axis of pmap. With it, pixels are ranked over all devices.

    Returns:
      The loss of each pixel and its weight in the mean, each [B, H, W]. The weight is 1
      at kept pixels and 0 elsewhere.

    Raises:
      ValueError: If the shapes do not match or an option is out of range.
    """
    if not 0 < fraction <= 1 or anneal_steps < 0:
        raise ValueError(
            f"fraction={fraction}, anneal_steps={anneal_steps} is invalid: expected "
            "0 < fraction <= 1 and anneal_steps >= 0."
        )
    value, valid = cross_entropy(logits, label, void=void, class_weights=class_weights)
    done = jnp.minimum(1.0, step / anneal_steps) if anneal_steps else 1.0
    share = done * fraction + (1 - done)
    ranked = _descending(value, valid, axis_name)
    # Differs: the release takes the fraction of all pixels, void ones included. Here it
    # is of the labeled ones, so that padding does not change what is learned.
    count = jnp.floor(share * (ranked > -jnp.inf).sum()).astype(jnp.int32)
    limit = ranked[jnp.maximum(count - 1, 0)]
    kept = valid * ((value >= limit) | jnp.isnan(value))
    return value, jax.lax.stop_gradient(kept)


def _descending(value, valid, axis_name):
    """Sorts the values of all devices' labeled pixels, -inf for void pixels last."""
    known = jnp.where(valid > 0, jax.lax.stop_gradient(value), -jnp.inf)
    return jnp.sort(gather(known.reshape(-1), axis_name), descending=True)
