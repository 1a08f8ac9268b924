"""Measures whether a mask region would fit the prediction better if it were moved."""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy import signal

from jaxseg.audit.ranking.colors import color_ratios
from jaxseg.audit.ranking.grid import Grid

SMALLEST = 150  # in grid points
LARGEST = 0.3  # as a share of the grid
LEAST = 1e-3  # Probabilities below this value count as this value.
LIMIT = 2.0  # Log-ratios of probabilities are clipped to this absolute value.
NEAREST = 3.0  # Smaller displacements, in grid points, are not told from noise.


@dataclasses.dataclass(frozen=True)
class Displacement:
    """Describes the displacement with which a mask region fits the prediction best.

    Attributes:
      offset: The rows and columns in pixels by which the region must be moved.
      gain: The increase of the evidence for the region, summed over its grid points and
        divided by the square root of the number of grid points that change. The
        evidence is the log-ratio between the probabilities of its class and of the most
        probable other class, plus the log-ratio between the frequencies of the color
        inside and around the region.
      fit: The mean evidence in the displaced region, at least 0.
    """

    offset: tuple[int, int]
    gain: float
    fit: float

    @property
    def score(self) -> float:
        """Returns how strongly the prediction and the colors suggest a displacement.

        The score is `gain` times `fit`, at least 0. It is 0 for a region that fits the
        prediction nowhere, because the networks do not recognize it.
        """
        return self.gain * self.fit


def log_ratios(grid: Grid) -> np.ndarray:
    """Returns how much more probable each class is than any other class, [h, w, K].

    The result is log(probability of the class / largest probability of another class)
    at each grid point, clipped so that its absolute value is at most `LIMIT`.

    Args:
      grid: The prediction of an example on a coarse grid of pixels.
    """
    logs = np.log(np.maximum(grid.probabilities, LEAST))
    second, best = np.moveaxis(np.partition(logs, -2, axis=-1)[..., -2:], -1, 0)
    others = np.where(logs >= best[..., None], second[..., None], best[..., None])
    return np.clip(logs - others, -LIMIT, LIMIT)


def displacement(
    grid: Grid, ratios: np.ndarray, number: int, slices: tuple[slice, slice]
) -> Displacement | None:
    """Finds the displacement with which a region of the mask fits the prediction best.

    Args:
      grid: The mask and the prediction of an example on a coarse grid of pixels.
      ratios: How much more probable each class is than any other class, [h, w, K], as
        `log_ratios` returns it.
      number: The number of the region in the array `grid.regions[0]`.
      slices: The rows and the columns of the grid that contain the region.

    Returns:
      A `Displacement`, or None if the region is too small or too large, or fits best
      where it is.
    """
    numbers, reach = grid.regions[0], grid.reach
    area = int((numbers[slices] == number).sum())
    if not SMALLEST <= area <= LARGEST * numbers.size:
        return None
    window = tuple(
        slice(max(0, part.start - reach), min(size, part.stop + reach))
        for part, size in zip(slices, numbers.shape, strict=True)
    )
    region = numbers[window] == number
    own = grid.given[window][region][0]
    # Other regions of the same class do not count for or against a displacement.
    counts = grid.valid[window] & ((grid.given[window] != own) | region)
    evidence = np.where(counts, ratios[window][..., own], 0.0)
    evidence += color_ratios(grid.colors[window], region, counts, reach)
    mask = region.astype(np.float32)
    fits = _correlation(evidence, mask, reach)
    overlap = _correlation(mask, mask, reach)
    gains = fits - fits[reach, reach]
    changed = np.maximum(2 * (area - overlap), 1.0)
    rows, columns = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    distance = np.hypot(rows, columns)
    allowed = (distance >= NEAREST) & (distance <= reach)
    if not allowed.any():
        return None
    best = np.unravel_index(np.where(allowed, gains, -np.inf).argmax(), gains.shape)
    if gains[best] <= 0:
        return None
    return Displacement(
        offset=(int(rows[best]) * grid.stride, int(columns[best]) * grid.stride),
        gain=float(gains[best] / np.sqrt(changed[best])),
        fit=float(max(fits[best] / area, 0)),
    )


def _correlation(field: np.ndarray, mask: np.ndarray, reach: int) -> np.ndarray:
    """Returns the sum of a field over a mask at each displacement, [2r + 1, 2r + 1]."""
    padded = np.pad(field, reach)
    return signal.fftconvolve(padded, mask[::-1, ::-1], mode="valid")
