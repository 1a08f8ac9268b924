"""Augmentation and normalization on the device, inside the compiled step.

All randomness of an example comes from its own `batch["seed"]`: the result depends
neither on the batch it is in, nor on the device, nor on the number of hosts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxseg.ops.preprocess import normalize, preprocess


class Channels(NamedTuple):
    """The mean and standard deviation of each channel, for images in [0, 1]."""

    mean: Sequence[float]
    std: Sequence[float]


GRAY = (0.299, 0.587, 0.114)  # luma of RGB, ITU-R BT.601


def prepare_train(
    batch: Mapping[str, jax.Array],
    *,
    mean: Sequence[float],
    std: Sequence[float],
    flip: bool = True,
    color_jitter: float = 0.0,
) -> dict[str, jax.Array]:
    """uint8 batch -> the batch with image float32 normalized, label int32.

    Args:
      batch: image uint8 [B, H, W, C], label integer [B, H, W], seed uint32 [B].
      mean, std: per channel, of images in [0, 1].
      flip: mirror image and label together, with probability 1/2.
      color_jitter: strength s of the jitter: brightness, contrast and saturation are
      each
        multiplied by a factor from [1 - s, 1 + s], in this order.
    """
    if not 0 <= color_jitter <= 1:
        raise ValueError(
            f"color_jitter={color_jitter} is invalid: expected a number from 0 to 1."
        )

    def one(image, label, seed):
        flip_key, color_key = jax.random.split(jax.random.key(seed))
        image = image.astype(jnp.float32) / 255
        if flip:
            mirrored = jax.random.bernoulli(flip_key)
            image = jnp.where(mirrored, image[:, ::-1], image)
            label = jnp.where(mirrored, label[:, ::-1], label)
        if color_jitter:
            image = jitter(image, color_key, color_jitter)
        return image, label

    image, label = jax.vmap(one)(batch["image"], batch["label"], batch["seed"])
    return _ready(batch, normalize(image, Channels(mean, std)), label)


def prepare_eval(
    batch: Mapping[str, jax.Array], *, mean: Sequence[float], std: Sequence[float]
) -> dict[str, jax.Array]:
    """uint8 batch -> the batch with image float32 normalized, label int32."""
    image = preprocess(batch["image"], Channels(mean, std))
    return _ready(batch, image, batch["label"])


def jitter(image: jax.Array, key: jax.Array, strength: float) -> jax.Array:
    """Brightness, contrast, saturation of an image [H, W, C] in [0, 1].

    Blends with black, with the image's mean gray, and with its own gray version, each
    result cut to [0, 1]. Gray images ([H, W, 1]) have no saturation.
    """
    factors = jax.random.uniform(key, (3,), minval=1 - strength, maxval=1 + strength)
    image = _blend(image, 0.0, factors[0])
    image = _blend(image, gray(image).mean(), factors[1])
    return image if image.shape[-1] != 3 else _blend(image, gray(image), factors[2])


def gray(image: jax.Array) -> jax.Array:
    """Luma [H, W, 1] of an RGB image, the channels' mean of any other."""
    if image.shape[-1] != 3:
        return image.mean(-1, keepdims=True)
    return (image * jnp.array(GRAY).reshape(1, 1, 3)).sum(-1, keepdims=True)


def _blend(image, other, factor):
    return jnp.clip(factor * image + (1 - factor) * other, 0.0, 1.0)


def _ready(batch, image, label):
    return {**batch, "image": image, "label": label.astype(jnp.int32)}
