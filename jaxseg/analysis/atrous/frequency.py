"""Computes the frequency response of atrous stacks and of linear functions of images.

If W(f) is the frequency response of a kernel along one axis, then its response at
atrous rate r is W(r f): the same curve, compressed and repeated r times. An averaging
kernel with r > 1 therefore passes not only low frequencies, but also the high
frequencies around each repetition. This is gridding in the frequency domain
(arXiv 1705.09914, section 4).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax.numpy as jnp
import numpy as np

from jaxseg.typing import Size


def stack_response(
    rates: Sequence[int],
    weights: Sequence[float] = (1 / 3, 1 / 3, 1 / 3),
    *,
    points=513,
) -> tuple[np.ndarray, np.ndarray]:
    """Computes the frequency response of a stack of layers along one axis.

    The 2-D response of separable kernels is the product of the responses of both axes.

    Args:
      rates: The atrous rates of the layers.
      weights: The 1-D kernel of every layer. The default is the averaging kernel (1/3,
        1/3, 1/3).
      points: Number of frequencies.

    Returns:
      The frequencies from 0 to 1/2 in cycles per pixel, and the magnitude of the
      response at each of them, both [points].

    Raises:
      ValueError: If there is no rate or a rate is less than 1.
    """
    if not rates or min(rates) < 1:
        raise ValueError(
            f"rates={tuple(rates)} is invalid: expected one or more numbers >= 1."
        )
    frequency = np.linspace(0, 0.5, points)
    taps = np.arange(len(weights))
    response = np.ones(points)
    for rate in rates:
        waves = np.exp(-2j * np.pi * rate * frequency[:, None] * taps)
        response *= np.abs(waves @ np.asarray(weights))
    return frequency, response


def impulse_response(fn: Callable, size: Size, channels: int = 1) -> np.ndarray:
    """Computes fn(impulse) - fn(0) for a unit impulse in the middle of the image.

    Args:
      fn: Maps an image [1, H, W, channels] to features [1, h, w, C].
      size: Height and width of the image.
      channels: Number of channels of the image.

    Returns:
      float64 [h, w], summed over the output channels.
    """
    zero = jnp.zeros((1, *size, channels))
    impulse = zero.at[:, size[0] // 2, size[1] // 2].set(1)
    return np.asarray(fn(impulse) - fn(zero), np.float64).sum(-1)[0]


def frequency_response(fn: Callable, size: Size, channels: int = 1) -> np.ndarray:
    """Computes how strongly a linear function of images passes each 2-D frequency.

    The result is the magnitude of the Fourier transform of the impulse response.

    Args:
      fn: Maps an image [1, H, W, channels] to features [1, h, w, C].
      size: Height and width of the image.
      channels: Number of channels of the image.

    Returns:
      float64 [h, w], with frequency 0 in the middle.
    """
    return np.abs(np.fft.fftshift(np.fft.fft2(impulse_response(fn, size, channels))))


def passband_copies(
    rates: Sequence[int], kernel: int = 3, *, level: float = 0.5
) -> int:
    """Counts the frequency bands that a stack of atrous averaging layers passes.

    A band is a range of frequencies between 0 and 1/2 in which the response is at least
    `level`. A low-pass filter has one band. Every further band is a repetition that
    causes gridding.

    Args:
      rates: The atrous rate of each layer.
      kernel: The size of the averaging kernel, whose weights are all 1 / kernel.
      level: The smallest magnitude of the response inside a band.
    """
    _, response = stack_response(rates, (1 / kernel,) * kernel, points=8193)
    above = np.concatenate([[False], response >= level])
    return int((above[1:] & ~above[:-1]).sum())
