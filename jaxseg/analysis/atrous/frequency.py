"""Frequency response of atrous stacks and of any linear map on images.

A layer of rate r with weights w has the response W(r f) along an axis: the response of
the plain kernel, repeated r times over the frequencies. What the input holds at the
copies comes through unattenuated, which is gridding seen from the other side
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
    """Frequencies 0 ... 1/2 (cycles per pixel) and |response| of a stack, one axis.

    `weights` are those of every layer; the default averages. In 2-D a separable stack
    responds with the product of both axes.
    """
    if not rates or min(rates) < 1:
        raise ValueError(f"rates {tuple(rates)} must be one or more numbers from 1 on")
    frequency = np.linspace(0, 0.5, points)
    taps = np.arange(len(weights))
    response = np.ones(points)
    for rate in rates:
        waves = np.exp(-2j * np.pi * rate * frequency[:, None] * taps)
        response *= np.abs(waves @ np.asarray(weights))
    return frequency, response


def impulse_response(fn: Callable, size: Size, channels: int = 1) -> np.ndarray:
    """fn(impulse) - fn(0) for a unit impulse in the middle, summed over channels.

    Args:
      fn: [1, H, W, channels] -> [1, h, w, C].

    Returns: float64 [h, w].
    """
    zero = jnp.zeros((1, *size, channels))
    impulse = zero.at[:, size[0] // 2, size[1] // 2].set(1)
    return np.asarray(fn(impulse) - fn(zero), np.float64).sum(-1)[0]


def frequency_response(fn: Callable, size: Size, channels: int = 1) -> np.ndarray:
    """|2-D FFT| of the impulse response, zero frequency in the middle, [h, w]."""
    return np.abs(np.fft.fftshift(np.fft.fft2(impulse_response(fn, size, channels))))


def passband_copies(
    rates: Sequence[int], kernel: int = 3, *, level: float = 0.5
) -> int:
    """Separate bands in 0 ... 1/2 in which an averaging stack passes at least `level`.

    1 for a low-pass filter; every further band is a copy that lets a grid through.
    """
    _, response = stack_response(rates, (1 / kernel,) * kernel, points=8193)
    above = np.concatenate([[False], response >= level])
    return int((above[1:] & ~above[:-1]).sum())
