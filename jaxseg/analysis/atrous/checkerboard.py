"""Measures checkerboard artifacts of transposed convolutions and other upsampling.

If the kernel size of a transposed convolution is not a multiple of its stride, its
output pixels are sums of different numbers of products. This number is called the
overlap, and its variation causes checkerboard artifacts (Odena et al., Distill 2016,
doi 10.23915/distill.00003). `overlap` computes it from the shapes alone. `spectrum`,
`phase_energy`, `grid_energy` and `ripple` look for a regular grid in the feature maps
of a network, before or after training.

An output phase is the set of all pixels whose coordinates have equal remainders modulo
the stride. There are stride x stride output phases in 2-D.
"""

from __future__ import annotations

import numpy as np

from jaxseg.typing import Array


def overlap(
    size: int, kernel: int, stride: int, *, padding: int = 0, output_padding: int = 0
) -> np.ndarray:
    """Counts the products that are summed at each output pixel along one axis.

    The count of a 2-D output pixel is the product of the counts of its row and column.

    Args:
      size: Number of input pixels.
      kernel: The kernel size.
      stride: The stride.
      padding: Number of output pixels that are cropped at each end.
      output_padding: Number of output pixels that are added at the far end.

    Returns:
      The counts, integers [(size - 1) * stride + kernel - 2 * padding +
      output_padding].

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
    """Counts the products that are summed in each output phase along one axis.

    An output phase is the set of output pixels whose index has the same remainder
    modulo the stride. The result is a tuple with one count for each remainder from 0
    to stride - 1. Pixels near the border receive fewer products and are not considered.

    >>> overlap_phases(3, 2), overlap_phases(4, 2)
    ((2, 1), (2, 2))
    """
    if min(kernel, stride) < 1:
        raise ValueError(
            f"kernel={kernel}, stride={stride} is invalid: expected 1 or more for both."
        )
    return tuple(len(range(phase, kernel, stride)) for phase in range(stride))


def unevenness(kernel: int, stride: int) -> float:
    """Returns how uneven the overlap of a transposed convolution is in 2-D.

    The overlap of an output pixel is the number of products that are summed there. The
    result is the largest overlap divided by the smallest one: 1 if all pixels have
    equal overlap, and infinite if some pixels receive no product.
    """
    phases = overlap_phases(kernel, stride)
    return float("inf") if not min(phases) else (max(phases) / min(phases)) ** 2


def spectrum(maps: np.ndarray | Array) -> np.ndarray:
    """Computes the 2-D power spectrum of maps, averaged over examples and channels.

    The mean of each map is subtracted first, so that a bright map does not hide a grid.

    Args:
      maps: Feature maps [H, W] or [B, H, W, C].

    Returns:
      The power, float64 [H, W], with frequency zero in the middle.
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
            f"maps.shape={maps.shape} is invalid: expected [H, W] or [B, H, W, C]."
        )
    return maps


def phase_energy(maps: np.ndarray | Array, stride: int) -> np.ndarray:
    """Computes the mean square of each output phase, relative to that of all pixels.

    An output phase is the set of pixels whose coordinates have equal remainders modulo
    the stride.

    Every entry is 1 if the maps show no grid, that is, no periodic pattern. For a
    transposed convolution with random weights, the entries are proportional to the
    number of products that are summed in each output phase (`overlap_phases`).

    Args:
      maps: Feature maps [H, W] or [B, H, W, C].
      stride: The period of the grid in pixels.

    Returns:
      float64 [stride, stride]. Entry [i, j] belongs to the pixels whose row has the
      remainder i and whose column has the remainder j modulo the stride.
    """
    maps = _maps(maps)
    height, width = (n // stride * stride for n in maps.shape[1:3])
    if not height or not width:
        raise ValueError(
            f"maps.shape={maps.shape} is invalid: expected at least {stride} rows and "
            f"columns, because the stride is {stride}."
        )
    cut = maps[:, :height, :width] ** 2
    cells = cut.reshape(
        len(maps), height // stride, stride, width // stride, stride, -1
    )
    energy = cells.mean((0, 1, 3, 5))
    return np.asarray(energy / energy.mean())


def grid_energy(maps: np.ndarray | Array, stride: int) -> float:
    """Computes the spectral power of a grid, relative to that of white noise.

    A grid is a periodic pattern. If its period is `stride` pixels, it has its power at
    the multiples of the frequency 1 / stride. The result is the mean power at these
    frequencies divided by the mean power at all frequencies: 1 for white noise, near 0
    for a smooth map, and large for a map with a grid.

    Args:
      maps: Feature maps [H, W] or [B, H, W, C].
      stride: The period of the grid in pixels, at least 2.

    Raises:
      ValueError: If the maps are constant or the stride is less than 2.
    """
    maps = _maps(maps)
    height, width = (n // stride * stride for n in maps.shape[1:3])
    power = np.fft.ifftshift(spectrum(maps[:, :height, :width]))
    grid = power[:: height // stride, :: width // stride]
    total, cells = power.sum(), stride**2 - 1
    if not total or not cells:
        raise ValueError(
            f"maps or stride={stride} is invalid: expected a stride of 2 or more, and "
            "maps whose values are not all equal, because only these can contain a "
            "periodic pattern."
        )
    return float((grid.sum() - grid[0, 0]) / total * (power.size - 1) / cells)


def ripple(maps: np.ndarray | Array) -> float:
    """Computes var(x) / mean(x**2) of each channel x, averaged over all channels.

    Variance and mean are over the pixels of a channel of one example. To test an
    upsampling method, upsample a constant image, remove the border, and apply this
    function. The result is 0 if the method causes no grid.

    Args:
      maps: Feature maps [H, W] or [B, H, W, C].

    Raises:
      ValueError: If a channel is zero everywhere.
    """
    maps = _maps(maps)
    square = np.square(maps).mean((1, 2))
    if not square.all():
        raise ValueError(
            "maps is invalid: expected a nonzero value in each channel, but a channel "
            "is zero everywhere."
        )
    return float((maps.var((1, 2)) / square).mean())
