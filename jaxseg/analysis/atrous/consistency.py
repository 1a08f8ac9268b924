"""Measures shift consistency, atrous consistency and invariance to the output stride.

Shift consistency asks whether a pixel keeps its class when the camera moves (Zhang,
arXiv 1904.11486). Atrous consistency compares a network with strides to the dense
network in which atrous rates replace the strides: every n-th feature of the dense
network must equal the feature of the strided network (arXiv 1606.00915, section 3.1;
deeplab2's atrous consistency test).
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
    """Compares the predictions for two crops on the pixels that both crops contain.

    Attributes:
      offset: The distance between the crops in pixels, (rows, columns).
      agreement: The share of these pixels with the same predicted class in both crops.
      change: The root mean square difference of the logits, divided by their standard
        deviation.
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
    """Compares the outputs of `fn` for a crop of the image and for shifted crops.

    Args:
      fn: Maps images [B, h, w, C] to logits [B, h, w, K] at the same resolution.
      image: The images, [B, H, W, C].
      offsets: The shifts in pixels, pairs (rows, columns) of non-negative numbers.
      size: The size of the crops. size + offset must fit into the image.
      margin: Number of pixels to leave out at each border, where the outputs differ
        because of padding.

    Returns:
      A list with a `Shift` for each offset: the share of the pixels in both crops that
      have the same predicted class, and how much the logits of these pixels differ.

    Raises:
      ValueError: If a crop leaves the image, or nothing is left to compare.
    """
    run = jax.jit(fn)
    first = np.asarray(run(image[:, : size[0], : size[1]]), np.float32)
    if first.shape[1:3] != tuple(size):
        raise ValueError(
            f"fn is invalid: expected outputs with the height and width {size} of its "
            f"input, but their shape is {first.shape}."
        )
    found = []
    for down, right in offsets:
        if min(down, right) < 0 or (
            down + size[0] > image.shape[1] or right + size[1] > image.shape[2]
        ):
            raise ValueError(
                f"offset={(down, right)} is invalid: expected a crop of size {size} "
                f"within the image {image.shape[1:3]}."
            )
        crop = image[:, down : down + size[0], right : right + size[1]]
        moved = np.asarray(run(crop), np.float32)
        here = _inner(first[:, down:, right:], margin)
        there = _inner(moved[:, : size[0] - down, : size[1] - right], margin)
        agree = (here.argmax(-1) == there.argmax(-1)).mean()
        # A constant output has a deviation of 0, by which one cannot divide.
        change = np.sqrt(np.square(here - there).mean()) / max(first.std(), 1e-12)
        found.append(Shift((down, right), float(agree), float(change)))
    return found


def _inner(maps, margin):
    height, width = maps.shape[1:3]
    if min(height, width) <= 2 * margin:
        raise ValueError(
            f"margin={margin} is invalid: expected less than half of the {height} x "
            f"{width} pixels that both crops contain."
        )
    return maps[:, margin : height - margin, margin : width - margin]


def atrous_gap(dense: Array, strided: Array, factor: int) -> float:
    """Compares the features that a network computes at two output strides.

    The features at the smaller output stride are subsampled first. The result is the
    largest absolute difference, divided by the standard deviation of `strided`. It is
    about 1e-5 in float32 if the network replaces strides by atrous rates exactly.

    Args:
      dense: Features of the network with the smaller output stride, [B, H, W, C].
      strided: Features of the network with the larger output stride, [B, h, w, C].
      factor: The quotient of the output strides. Every factor-th row and column of
        `dense` is compared.

    Raises:
      ValueError: If the subsampled shapes differ.
    """
    fine = np.asarray(dense, np.float32)[:, ::factor, ::factor]
    coarse = np.asarray(strided, np.float32)
    if fine.shape != coarse.shape:
        raise ValueError(
            f"dense.shape={fine.shape} after subsampling by {factor} is invalid: "
            f"expected {coarse.shape}, which is strided.shape."
        )
    return float(np.abs(fine - coarse).max() / max(coarse.std(), 1e-12))


def output_stride_gaps(
    fns: Mapping[int, Callable[[Array], Array]], image: Array
) -> dict[tuple[int, int], float]:
    """Compares the features of a network for each pair of its output strides.

    Args:
      fns: Maps each output stride to the network with that output stride, as a function
        from image to features. All of them must have the same weights.
      image: The images, [B, H, W, C].

    Returns:
      A dictionary from each pair (smaller output stride, larger output stride) to the
      result of `atrous_gap`, a relative difference of the features.

    Raises:
      ValueError: If an output stride does not divide the next larger one.
    """
    maps = {stride: jax.jit(fn)(image) for stride, fn in fns.items()}
    order = sorted(maps)
    for fine, coarse in itertools.pairwise(order):
        if coarse % fine:
            raise ValueError(
                f"output strides={order} is invalid: expected each to divide the next, "
                f"but {fine} does not divide {coarse}."
            )
    return {
        (fine, coarse): atrous_gap(maps[fine], maps[coarse], coarse // fine)
        for i, fine in enumerate(order)
        for coarse in order[i + 1 :]
    }
