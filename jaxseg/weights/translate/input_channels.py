"""Fits a first convolution to another number of image channels.

Rule (timm's and segmentation_models.pytorch's): one channel takes the sum over the
source's C channels, so that a gray image gives what three equal channels gave; n
channels repeat the kernel, `new[..., i] = old[..., i % C] * C / n`, so that the mean
response stays.
"""

from collections.abc import Mapping

import numpy as np

from jaxseg.weights.translate.convert import flatten, translate
from jaxseg.weights.translate.rules import Rules

_IMAGE = (1, 3)  # channels of the images that source networks see


def adapt_kernel(weight: np.ndarray, channels: int) -> np.ndarray:
    """An OIHW kernel for `channels` inputs.

    >>> adapt_kernel(np.array([1.0, 2, 3]).reshape(1, 3, 1, 1), 1).ravel()
    array([6.], dtype=float32)

    Raises:
      ValueError: `channels` is not positive.
    """
    if channels < 1:
        raise ValueError(f"channels {channels} is not positive")
    have = weight.shape[1]
    if channels == have:
        return weight
    wide = weight.astype(np.float32)
    if channels == 1:
        return wide.sum(1, keepdims=True)
    return wide[:, np.arange(channels) % have] * np.float32(have / channels)


def adapt_input(
    state_dict: Mapping[str, np.ndarray], rules: Rules, shapes, channels: int
) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """The state dict with its first convolutions fitted, and their names.

    First is a kernel that sees 1 or 3 channels where the model has `channels`, and
    agrees otherwise. Every other disagreement is left for `convert` to report.
    """
    want, fitted = flatten(shapes), {}
    for key, array in state_dict.items():
        target, transform = translate(key, rules)
        if target not in want or array.ndim != 4 or transform not in (None, "conv"):
            continue
        shape = tuple(want[target].shape)
        out, have, height, width = array.shape
        first = have in _IMAGE and have != channels
        if first and shape == (height, width, channels, out):
            fitted[key] = adapt_kernel(array, channels)
    return {**state_dict, **fitted}, tuple(fitted)
