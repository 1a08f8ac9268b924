"""Augments and normalizes images on the device, inside the compiled step.

All randomness of an example comes from its own `batch["seed"]`. The result therefore
does not depend on the batch, on the device or on the number of hosts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxseg.ops.preprocess import normalize, to_unit

EIGHT_BITS = (0, 255)  # The range of pixel values, unless the dataset states another.


class Channels(NamedTuple):
    """Contains the numbers with which the pixel values of images are normalized.

    Attributes:
      mean: The mean of each channel of images that are scaled to [0, 1].
      std: The standard deviation of each channel of these images.
      value_range: The two pixel values that are scaled to 0 and 1.
    """

    mean: Sequence[float]
    std: Sequence[float]
    value_range: tuple[float, float] = EIGHT_BITS


GRAY = (0.299, 0.587, 0.114)  # luma of RGB, ITU-R BT.601


def prepare_train(
    batch: Mapping[str, jax.Array],
    *,
    mean: Sequence[float],
    std: Sequence[float],
    value_range: tuple[float, float] = EIGHT_BITS,
    flip: bool = True,
    color_jitter: float = 0.0,
) -> dict[str, jax.Array]:
    """Augments a batch. Returns it with normalized float32 images and int32 labels.

    Args:
      batch: A dictionary with "image" [B, H, W, C] of any number type, "label" [B, H,
        W] of integers, and "seed" uint32 [B].
      mean, std: The mean and standard deviation of each channel, for images
        in [0, 1].
      value_range: The pixel values that are mapped to 0 and 1.
      flip: Whether to mirror image and label together with probability 1/2.
      color_jitter: The strength s of the jitter. Brightness, contrast and saturation
        are each multiplied by a random factor from [1 - s, 1 + s], in this order.
    """
    if not 0 <= color_jitter <= 1:
        raise ValueError(
            f"color_jitter={color_jitter} is invalid: expected a number from 0 to 1."
        )

    def one(image, label, seed):
        flip_key, color_key = keys(seed)
        image = to_unit(image, value_range)
        if flip:
            mirrored = is_mirrored(flip_key)
            image = jnp.where(mirrored, image[:, ::-1], image)
            label = jnp.where(mirrored, label[:, ::-1], label)
        if color_jitter:
            image = jitter(image, color_key, color_jitter)
        return image, label

    image, label = jax.vmap(one)(batch["image"], batch["label"], batch["seed"])
    return _ready(batch, normalize(image, Channels(mean, std)), label)


def keys(seed: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Returns two random keys from the seed of an example: for flip and for colors."""
    flip_key, color_key = jax.random.split(jax.random.key(seed))
    return flip_key, color_key


def is_mirrored(flip_key: jax.Array) -> jax.Array:
    """Draws a random boolean that says whether to mirror an image."""
    return jax.random.bernoulli(flip_key)


def color_factors(color_key: jax.Array, strength: float) -> jax.Array:
    """Draws factors of brightness, contrast and saturation, float32 [3].

    They are uniform in [1 - strength, 1 + strength].
    """
    low, high = 1 - strength, 1 + strength
    return jax.random.uniform(color_key, (3,), minval=low, maxval=high)


def jitter(image: jax.Array, key: jax.Array, strength: float) -> jax.Array:
    """Changes brightness, contrast and saturation of an image [H, W, C] in [0, 1].

    The image is blended with black, with its mean gray value and with its gray version,
    and clipped to [0, 1] each time. Gray images ([H, W, 1]) have no saturation."""
    factors = color_factors(key, strength)
    image = _blend(image, 0.0, factors[0])
    image = _blend(image, gray(image).mean(), factors[1])
    return image if image.shape[-1] != 3 else _blend(image, gray(image), factors[2])


def gray(image: jax.Array) -> jax.Array:
    """Returns the luma [H, W, 1] of an RGB image, or the mean of other channels."""
    if image.shape[-1] != 3:
        return image.mean(-1, keepdims=True)
    return (image * jnp.array(GRAY).reshape(1, 1, 3)).sum(-1, keepdims=True)


def _blend(image, other, factor):
    return jnp.clip(factor * image + (1 - factor) * other, 0.0, 1.0)


def _ready(batch, image, label):
    return {**batch, "image": image, "label": label.astype(jnp.int32)}
