"""Computes the frequency response of atrous stacks and of any linear map on images.

A layer of rate r with weights w has the response W(r f) along an axis. It is the
response of the plain kernel, repeated r times over the frequencies. Frequencies of the
input at these copies pass unattenuated. This is gridding in the frequency domain
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

    In two dimensions, a separable stack has the product of both axes' responses.

    Args:
      rates: The atrous rates of the layers.
      weights: The kernel of every layer. The default averages.
      points: Number of frequencies.

    Returns:
      Frequencies from 0 to 1/2 (cycles per pixel) and |response|, each [points].

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
      fn: Maps [1, H, W, channels] to [1, h, w, C].
      size: Height and width of the image.
      channels: Number of channels of the image.

    Returns:
      float64 [h, w], summed over the output channels.
    """
    zero = jnp.zeros((1, *size, channels))
    impulse = zero.at[:, size[0] // 2, size[1] // 2].set(1)
    return np.asarray(fn(impulse) - fn(zero), np.float64).sum(-1)[0]


def frequency_response(fn: Callable, size: Size, channels: int = 1) -> np.ndarray:
    """Returns |FFT| [h, w] of the impulse response, with frequency 0 in the middle."""
    return np.abs(np.fft.fftshift(np.fft.fft2(impulse_response(fn, size, channels))))


def passband_copies(
    rates: Sequence[int], kernel: int = 3, *, level: float = 0.5
) -> int:
    """Counts the bands in 0 to 1/2 in which an averaging stack passes `level` or more.

    A low-pass filter has 1. Every further band is a copy that lets a grid pass.
    """
    _, response = stack_response(rates, (1 / kernel,) * kernel, points=8193)
    above = np.concatenate([[False], response >= level])
    return int((above[1:] & ~above[:-1]).sum())
