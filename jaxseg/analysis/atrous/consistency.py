"""Shift consistency, atrous consistency and invariance to the output stride.

Shift: does a pixel keep its class when the camera moves (Zhang, arXiv 1904.11486)?
Atrous: a dense network, subsampled, must hold the strided network's features exactly
(arXiv 1606.00915, section 3.1; deeplab2's atrous consistency test).
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Mapping, Sequence

import jax
import numpy as np

from jaxseg.typing import Array, Size


@dataclasses.dataclass(frozen=True)
class Shift:
    """Agreement of two crops of one image on the pixels that both see.

    Attributes:
      offset: rows and columns between the crops.
      agreement: share of pixels with the same best class.
      change: root mean square difference over the standard deviation of the maps.
    """

    offset: tuple[int, int]
    agreement: float
    change: float


def shift_consistency(
    fn: Callable[[Array], Array],
    image: Array,
    offsets: Sequence[tuple[int, int]],
    *,
    size: Size,
    margin: int = 0,
) -> list[Shift]:
    """Compares `fn` on a crop of the image with `fn` on crops moved by `offsets`.

    Args:
      fn: [B, h, w, C] -> [B, h, w, K], maps at the input's resolution.
      image: [B, H, W, C].
      offsets: rows and columns, not negative.
      size: of the crops; size + offset must fit into the image.
      margin: pixels left out at the borders, where padding differs by design.

    Raises: ValueError when a crop leaves the image, or nothing is left to compare.
    """
    run = jax.jit(fn)
    first = np.asarray(run(image[:, : size[0], : size[1]]), np.float32)
    if first.shape[1:3] != tuple(size):
        raise ValueError(f"maps {first.shape} must have the crops' size {size}")
    found = []
    for down, right in offsets:
        if min(down, right) < 0 or (
            down + size[0] > image.shape[1] or right + size[1] > image.shape[2]
        ):
            raise ValueError(
                f"offset {(down, right)} with size {size} leaves the image "
                f"{image.shape[1:3]}"
            )
        crop = image[:, down : down + size[0], right : right + size[1]]
        moved = np.asarray(run(crop), np.float32)
        here = _inner(first[:, down:, right:], margin)
        there = _inner(moved[:, : size[0] - down, : size[1] - right], margin)
        agree = (here.argmax(-1) == there.argmax(-1)).mean()
        change = np.sqrt(np.square(here - there).mean()) / max(first.std(), 1e-12)
        found.append(Shift((down, right), float(agree), float(change)))
    return found


def _inner(maps, margin):
    height, width = maps.shape[1:3]
    if min(height, width) <= 2 * margin:
        raise ValueError(f"margin {margin} leaves nothing of a map of {height}x{width}")
    return maps[:, margin : height - margin, margin : width - margin]


def atrous_gap(dense: Array, strided: Array, factor: int) -> float:
    """Largest difference of `dense[::factor]` and `strided`, over the latter's spread.

    About 1e-5 in float32 for an exact conversion of strides into rates.

    Raises: ValueError when the subsampled shapes differ.
    """
    dense = np.asarray(dense, np.float32)[:, ::factor, ::factor]
    strided = np.asarray(strided, np.float32)
    if dense.shape != strided.shape:
        raise ValueError(
            f"dense map subsampled by {factor} is {dense.shape}, strided map "
            f"{strided.shape}; want equal shapes"
        )
    return float(np.abs(dense - strided).max() / max(strided.std(), 1e-12))


def output_stride_gaps(
    fns: Mapping[int, Callable[[Array], Array]], image: Array
) -> dict[tuple[int, int], float]:
    """`atrous_gap` for each pair (finer, coarser) of output strides.

    `fns` maps an output stride to the network at it, all with the same weights.
    """
    maps = {stride: jax.jit(fn)(image) for stride, fn in fns.items()}
    order = sorted(maps)
    for fine, coarse in itertools.pairwise(order):
        if coarse % fine:
            raise ValueError(f"output strides {order}: {fine} does not divide {coarse}")
    return {
        (fine, coarse): atrous_gap(maps[fine], maps[coarse], coarse // fine)
        for i, fine in enumerate(order)
        for coarse in order[i + 1 :]
    }
