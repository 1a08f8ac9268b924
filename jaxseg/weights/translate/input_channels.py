"""Adapts the first convolution of a network to another number of image channels.

The rules are those of timm and segmentation_models.pytorch. For one channel, the kernel
is summed over its C channels, so a gray image gives the same result as an image of
three equal channels. For n channels, the channels of the kernel are repeated, `new[...,
i] = old[..., i % C] * C / n`, so the mean response does not change.
"""

from collections.abc import Callable, Mapping

import numpy as np

from jaxseg.weights.translate.convert import flatten, translate
from jaxseg.weights.translate.rules import Rules

_IMAGE = (1, 3)  # The channels of the images of source networks.


def adapt_kernel(weight: np.ndarray, channels: int) -> np.ndarray:
    """Converts a convolution kernel (OIHW) to another number of input channels.

    >>> adapt_kernel(np.array([1.0, 2, 3]).reshape(1, 3, 1, 1), 1).ravel()
    array([6.], dtype=float32)

    Args:
      weight: The kernel, OIHW.
      channels: The number of input channels.

    Raises:
      ValueError: If `channels` is not positive.
    """
    if channels < 1:
        raise ValueError(f"channels={channels} is invalid: expected 1 or more.")
    have = weight.shape[1]
    if channels == have:
        return weight
    wide = weight.astype(np.float32)
    if channels == 1:
        return wide.sum(1, keepdims=True)
    return wide[:, np.arange(channels) % have] * np.float32(have / channels)


def adapt_kernel_hwio(kernel: np.ndarray, channels: int) -> np.ndarray:
    """Converts a Flax convolution kernel (HWIO) to another number of input channels.

    Args:
      kernel: The kernel, HWIO.
      channels: The number of input channels.
    """
    adapted = adapt_kernel(kernel.transpose(3, 2, 0, 1), channels)
    return np.ascontiguousarray(adapted.transpose(2, 3, 1, 0), kernel.dtype)


def adapt_input(
    state_dict: Mapping[str, np.ndarray], rules: Rules, shapes, channels: int
) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Adapts the first convolutions of a state dict to the number of image channels.

    A kernel is adapted if all of these conditions hold:

    - It has 1 or 3 input channels. In weights of jaxseg, any number is accepted.
    - The corresponding kernel of the model has `channels` input channels.
    - All other dimensions of the two kernels are equal.

    `convert` reports all other differences in shape.

    Args:
      state_dict: Arrays by the source's names.
      rules: The import table.
      shapes: The shapes of the model's variables.
      channels: The number of image channels.

    Returns:
      The adapted state dict and the names of the adapted kernels.
    """
    want, fitted = flatten(shapes), {}
    for key, array in state_dict.items():
        target, transform = translate(key, rules)
        adapt: Callable[[np.ndarray, int], np.ndarray]
        if target not in want or array.ndim != 4:
            continue
        shape = tuple(want[target].shape)
        if transform == "identity":  # weights of jaxseg, HWIO
            height, width, have, out = array.shape
            first, adapt = have != channels, adapt_kernel_hwio
        elif transform in (None, "conv"):
            out, have, height, width = array.shape
            first, adapt = have in _IMAGE and have != channels, adapt_kernel
        else:
            continue
        if first and shape == (height, width, channels, out):
            fitted[key] = adapt(array, channels)
    return {**state_dict, **fitted}, tuple(fitted)
