"""Cross entropy on hard pixels only: by threshold, or by fraction.

`ohem_cross_entropy`: online hard example mining (arXiv 1604.03540) in the pixel form
of MMSegmentation's OHEMPixelSampler. `top_k_cross_entropy`: DeepLab's hard pixel
mining with its annealed fraction (`top_k_percent_pixels`, `hard_example_mining_step`
of the TensorFlow release; bootstrapping of arXiv 1604.04339).

Which pixels are hard is decided over the global batch: under pmap give `axis_name`.
Without it each replica chooses among its own pixels.
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
    """Cross entropy [B, H, W]; weight 1 where the true class's probability is low.

    Kept are pixels below `threshold`, and in any case the `min_kept` * B least
    probable ones. The mean runs over the kept pixels.
    """
    if not 0 < threshold <= 1 or min_kept < 0:
        raise ValueError(
            f"threshold is {threshold}, min_kept is {min_kept}; allowed are "
            "0 < threshold <= 1 and min_kept >= 0"
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
    """Cross entropy [B, H, W]; weight 1 on the `fraction` of pixels that lose most.

    With `anneal_steps` the fraction falls linearly from 1 at step 0 to `fraction`.
    Pixels that tie with the last one kept are kept too.
    """
    if not 0 < fraction <= 1 or anneal_steps < 0:
        raise ValueError(
            f"fraction is {fraction}, anneal_steps is {anneal_steps}; allowed are "
            "0 < fraction <= 1 and anneal_steps >= 0"
        )
    value, valid = cross_entropy(logits, label, void=void, class_weights=class_weights)
    done = jnp.minimum(1.0, step / anneal_steps) if anneal_steps else 1.0
    share = done * fraction + (1 - done)
    ranked = _descending(value, valid, axis_name)
    # Differs: the release takes the fraction of all pixels, void ones included; here
    # of the labeled ones, so that padding does not change what is learned.
    count = jnp.floor(share * (ranked > -jnp.inf).sum()).astype(jnp.int32)
    limit = ranked[jnp.maximum(count - 1, 0)]
    kept = valid * ((value >= limit) | jnp.isnan(value))
    return value, jax.lax.stop_gradient(kept)


def _descending(value, valid, axis_name):
    """Values of all devices' labeled pixels, largest first, then -inf for void."""
    known = jnp.where(valid > 0, jax.lax.stop_gradient(value), -jnp.inf)
    return jnp.sort(gather(known.reshape(-1), axis_name), descending=True)
