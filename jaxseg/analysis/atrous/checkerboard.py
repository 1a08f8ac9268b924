"""Checkerboards: overlap of transposed convolutions, and grids in a network's output.

A transposed convolution whose stride does not divide its kernel adds a different number
of products at different output pixels (Odena et al., Distill 2016,
doi 10.23915/distill.00003). Overlap is a property of the shape; whether a network shows
a grid, before or after training, is read off the spectrum and the energy by phase.
"""

from __future__ import annotations

import numpy as np

from jaxseg.typing import Array


def overlap(
    size: int, kernel: int, stride: int, *, padding: int = 0, output_padding: int = 0
) -> np.ndarray:
    """Products added at each output pixel along one axis, int [out].

    out = (size - 1) * stride + kernel - 2 * padding + output_padding; in 2-D the outer
    product of both axes.
    """
    if min(size, kernel, stride) < 1:
        raise ValueError(
            f"size {size}, kernel {kernel} and stride {stride} must be at least 1"
        )
    counts = np.zeros((size - 1) * stride + kernel + output_padding, int)
    for position in range(size):
        counts[position * stride : position * stride + kernel] += 1
    if 2 * padding >= counts.size:
        raise ValueError(f"padding {padding} leaves nothing of {counts.size} pixels")
    return counts[padding : counts.size - padding]


def overlap_phases(kernel: int, stride: int) -> tuple[int, ...]:
    """Products per output phase, away from the border.

    >>> overlap_phases(3, 2), overlap_phases(4, 2)
    ((2, 1), (2, 2))
    """
    if min(kernel, stride) < 1:
        raise ValueError(f"kernel {kernel} and stride {stride} must be at least 1")
    return tuple(len(range(phase, kernel, stride)) for phase in range(stride))


def unevenness(kernel: int, stride: int) -> float:
    """Largest over smallest overlap in 2-D: 1 when even, inf with holes."""
    phases = overlap_phases(kernel, stride)
    return float("inf") if not min(phases) else (max(phases) / min(phases)) ** 2


def spectrum(maps: np.ndarray | Array) -> np.ndarray:
    """Mean power spectrum of [H, W] or [B, H, W, C], zero frequency in the middle.

    Each map loses its mean first, so that a bright map does not hide the grid.
    """
    maps = _maps(maps)
    power = np.abs(np.fft.fft2(maps - maps.mean((1, 2), keepdims=True), axes=(1, 2)))
    return np.fft.fftshift((power**2).mean((0, 3)))


def _maps(maps):
    maps = np.asarray(maps, np.float64)
    if maps.ndim == 2:
        maps = maps[None, :, :, None]
    if maps.ndim != 4:
        raise ValueError(f"maps {maps.shape} must be [H, W] or [B, H, W, C]")
    return maps


def phase_energy(maps: np.ndarray | Array, stride: int) -> np.ndarray:
    """Mean square by output phase, float [stride, stride], over their mean.

    All ones without a grid. With random weights a transposed convolution's follows its
    overlap counts.
    """
    maps = _maps(maps)
    height, width = (n // stride * stride for n in maps.shape[1:3])
    if not height or not width:
        raise ValueError(f"maps {maps.shape} are smaller than the stride {stride}")
    cut = maps[:, :height, :width] ** 2
    cells = cut.reshape(
        len(maps), height // stride, stride, width // stride, stride, -1
    )
    energy = cells.mean((0, 1, 3, 5))
    return energy / energy.mean()


def grid_energy(maps: np.ndarray | Array, stride: int) -> float:
    """Power at the multiples of 1 / stride, over what white noise would have there.

    1 for noise, 0 for a smooth map, large for a map with a grid of period `stride`.
    """
    maps = _maps(maps)
    height, width = (n // stride * stride for n in maps.shape[1:3])
    power = np.fft.ifftshift(spectrum(maps[:, :height, :width]))
    grid = power[:: height // stride, :: width // stride]
    total, cells = power.sum(), stride**2 - 1
    if not total or not cells:
        raise ValueError(f"maps are constant or stride {stride} is 1; no grid to find")
    return float((grid.sum() - grid[0, 0]) / total * (power.size - 1) / cells)


def ripple(maps: np.ndarray | Array) -> float:
    """Variance over the pixels, over the mean square: mean of maps and channels.

    Of an enlargement of a flat image, away from its border: 0 without a grid.
    """
    maps = _maps(maps)
    square = np.square(maps).mean((1, 2))
    if not square.all():
        raise ValueError("maps hold a channel that is zero everywhere")
    return float((maps.var((1, 2)) / square).mean())
