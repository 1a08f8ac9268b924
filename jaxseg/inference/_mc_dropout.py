"""Estimates the uncertainty of a prediction by Monte Carlo dropout.

Dropout stays on at test time, and the softmax is averaged over several samples. The
variance over the samples, averaged over the classes, is the uncertainty map of Kendall,
Badrinarayanan and Cipolla, "Bayesian SegNet" (arXiv 1511.02680).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxseg.typing import Array


class Sampled(NamedTuple):
    """Contains statistics over the sampled predictions, for each pixel.

    Attributes:
      mean: The mean probability, [B, H, W, K].
      entropy: The entropy of the mean in nats, from 0 to log K, [B, H, W].
      variance: The variance of the probability over the samples, averaged over the
        classes, [B, H, W].
    """

    mean: Array
    entropy: Array
    variance: Array


def entropy(probability: Array) -> Array:
    """Returns the entropy `-sum p log p` in nats, summed over the last axis.

    Terms with p = 0 are 0.

    Args:
      probability: The probabilities, [..., K].
    """
    return jnp.sum(jax.scipy.special.entr(probability), axis=-1)


def mc_dropout(
    apply: Callable[..., dict[str, Array]],
    variables: Any,
    image: Array,
    key: Array,
    samples: int = 40,
) -> Sampled:
    """Averages the softmax of a network over random dropout masks.

    Args:
      apply: `model.apply` of a model whose dropout is active when an rng named
        "dropout" is given. It is called as
        `apply(variables, image, rngs={"dropout": key})`.
      variables: The variables of the model.
      image: The normalized images, [B, H, W, C].
      key: The random key of all masks. The same key gives the same result.
      samples: The number of dropout masks. In the paper, accuracy does not improve
        beyond about 40 samples.

    Returns:
      The mean of the sampled probabilities, its entropy, and the variance over the
      samples, for each pixel, as `Sampled`.

    Raises:
      ValueError: If `samples` is less than 1.
    """
    if samples < 1:
        raise ValueError(f"samples={samples} is invalid: expected a number >= 1.")

    def probability(sample_key):
        outputs = apply(variables, image, rngs={"dropout": sample_key})
        return jax.nn.softmax(outputs["logits"].astype(jnp.float32))

    def add(total, sample_key):
        # Welford's update loses no digits when all samples agree.
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
