"""Monte-Carlo dropout: a predictive distribution from sampled networks.

Kendall, Badrinarayanan, Cipolla, "Bayesian SegNet" (arXiv 1511.02680): dropout stays
on at test time, the softmax of the samples is averaged; the variance of the samples,
averaged over the classes, is the paper's map of uncertainty.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxseg.typing import Array


class Sampled(NamedTuple):
    """What sampling says of each pixel.

    mean: `[B, H, W, K]` average probability.
    entropy: `[B, H, W]` predictive entropy of the mean, in nats (0 ... log K).
    variance: `[B, H, W]` variance of the probability over the samples, class average.
    """

    mean: Array
    entropy: Array
    variance: Array


def entropy(probability: Array) -> Array:
    """Entropy `-sum p log p` over the last axis, in nats; `0 log 0` is 0."""
    return jnp.sum(jax.scipy.special.entr(probability), axis=-1)


def mc_dropout(
    apply: Callable[..., dict[str, Array]],
    variables: Any,
    image: Array,
    key: Array,
    samples: int = 40,
) -> Sampled:
    """Average the softmax of `samples` networks with random units dropped.

    Args:
      apply: `model.apply` of a model whose dropout is active when an rng named
        "dropout" is given; called as `apply(variables, image, rngs={"dropout": key})`.
      variables: the model's variables.
      image: `[B, H, W, C]`.
      key: one random key; the same key gives the same result.
      samples: how many networks; the paper sees no gain beyond about 40.

    Returns:
      Mean, predictive entropy and variance per pixel.

    Raises:
      ValueError: if `samples` is less than 1.
    """
    if samples < 1:
        raise ValueError(f"samples={samples} must be at least 1")

    def probability(sample_key):
        outputs = apply(variables, image, rngs={"dropout": sample_key})
        return jax.nn.softmax(outputs["logits"].astype(jnp.float32))

    def add(total, sample_key):
        # Welford's update: no cancellation when all samples agree.
        count, mean, spread = total
        value = probability(sample_key)
        shift = value - mean
        mean = mean + shift / (count + 1.0)
        return (count + 1.0, mean, spread + shift * (value - mean)), None

    keys = jax.random.split(key, samples)
    like = jax.eval_shape(probability, keys[0])
    zeros = jnp.zeros(like.shape, like.dtype)
    start = (jnp.zeros((), jnp.float32), zeros, zeros)
    (_, mean, spread), _ = jax.lax.scan(add, start, keys)
    return Sampled(mean, entropy(mean), jnp.mean(spread / samples, axis=-1))
