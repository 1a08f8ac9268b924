"""Checkerboards: overlap of transposed convolutions, and grids in a network's output.

A transposed convolution whose stride does not divide its kernel adds a different number
of products at different output pixels (Odena et al., Distill 2016,
doi 10.23915/distill.00003). Overlap follows from the shapes alone. The spectrum and the
energy of each phase show whether a network has a grid, before or after training.
"""

from __future__ import annotations

import numpy as np

from jaxseg.typing import Array


def overlap(
    size: int, kernel: int, stride: int, *, padding: int = 0, output_padding: int = 0
) -> np.ndarray:
    """Counts the products that are added at each output pixel along one axis.

    In two dimensions, the counts are the outer product of both axes.

    Args:
      size: Number of input pixels.
      kernel: The kernel size.
      stride: The stride.
      padding: The pixels that are cropped at each end.
      output_padding: The pixels that are added at the end.

    Returns:
      Integers [(size - 1) * stride + kernel - 2 * padding + output_padding].

    Raises:
      ValueError: If an argument is out of range.
    """
    if min(size, kernel, stride) < 1:
        raise ValueError(
            f"size={size}, kernel={kernel}, stride={stride} is invalid: expected 1 or "
            "more for each."
        )
    counts = np.zeros((size - 1) * stride + kernel + output_padding, int)
    for position in range(size):
        counts[position * stride : position * stride + kernel] += 1
    if 2 * padding >= counts.size:
        raise ValueError(
            f"padding={padding} is invalid: expected less than half of the "
            f"{counts.size} output pixels."
        )
    return counts[padding : counts.size - padding]


def overlap_phases(kernel: int, stride: int) -> tuple[int, ...]:
    """Counts the products of each output phase, away from the border.

    >>> overlap_phases(3, 2), overlap_phases(4, 2)
    ((2, 1), (2, 2))
    """
    if min(kernel, stride) < 1:
        raise ValueError(
            f"kernel={kernel}, stride={stride} is invalid: expected 1 or more for both."
        )
    return tuple(len(range(phase, kernel, stride)) for phase in range(stride))


def unevenness(kernel: int, stride: int) -> float:
    """Returns the largest over the smallest overlap in 2-D: 1 if even, inf if holes."""
    phases = overlap_phases(kernel, stride)
    return float("inf") if not min(phases) else (max(phases) / min(phases)) ** 2


def spectrum(maps: np.ndarray | Array) -> np.ndarray:
    """Computes the mean power spectrum, with frequency zero in the middle.

    The mean of each map is subtracted first, so that a bright map does not hide a grid.

    Args:
      maps: [H, W] or [B, H, W, C].

    Returns:
      float64 [H, W].
    """
    maps = _maps(maps)
    power = np.abs(np.fft.fft2(maps - maps.mean((1, 2), keepdims=True), axes=(1, 2)))
    return np.fft.fftshift((power**2).mean((0, 3)))


def _maps(maps):
    maps = np.asarray(maps, np.float64)
    if maps.ndim == 2:
        maps = maps[None, :, :, None]
    if maps.ndim != 4:
        raise ValueError(
            f"maps of shape {maps.shape} is invalid: expected [H, W] or [B, H, W, C]."
        )
    return maps


def phase_energy(maps: np.ndarray | Array, stride: int) -> np.ndarray:
    """Computes the mean square of each output phase, relative to their mean.

    The result is all ones without a grid. For a transposed convolution with random
    weights it follows the overlap counts.

    Args:
      maps: [H, W] or [B, H, W, C].
      stride: The period of the grid in pixels.

    Returns:
      float64 [stride, stride].
    """
    maps = _maps(maps)
    height, width = (n // stride * stride for n in maps.shape[1:3])
    if not height or not width:
        raise ValueError(
            f"maps of shape {maps.shape} is invalid: expected at least {stride} rows "
            "and columns, the stride."
        )
    cut = maps[:, :height, :width] ** 2
    cells = cut.reshape(
        len(maps), height // stride, stride, width // stride, stride, -1
    )
    energy = cells.mean((0, 1, 3, 5))
    return energy / energy.mean()


def grid_energy(maps: np.ndarray | Array, stride: int) -> float:
    """Computes the power at multiples of 1 / stride, relative to white noise.

    The result is 1 for noise, 0 for a smooth map, and large for a map with a grid of
    period `stride`.
    """
    maps = _maps(maps)
    height, width = (n // stride * stride for n in maps.shape[1:3])
    power = np.fft.ifftshift(spectrum(maps[:, :height, :width]))
    grid = power[:: height // stride, :: width // stride]
    total, cells = power.sum(), stride**2 - 1
    if not total or not cells:
        raise ValueError(
            f"maps or stride={stride} is invalid: expected maps that are not constant "
            "and a stride of 2 or more. Otherwise there is no grid."
        )
    return float((grid.sum() - grid[0, 0]) / total * (power.size - 1) / cells)


def ripple(maps: np.ndarray | Array) -> float:
    """Computes the variance over the pixels relative to the mean square.

    The result is averaged over maps and channels. For the enlargement of a flat image,
    away from its border, it is 0 without a grid.
    """
    maps = _maps(maps)
    square = np.square(maps).mean((1, 2))
    if not square.all():
        raise ValueError(
            "maps with a channel that is zero everywhere is invalid: expected a "
            "nonzero value in each channel."
        )
    return float((maps.var((1, 2)) / square).mean())
