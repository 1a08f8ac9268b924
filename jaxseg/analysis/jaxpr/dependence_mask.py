"""Masks of dependence: which image rows each index of an array depends on.

For one image axis, a `Spread` holds the array dimensions along which the dependence
varies, and a mask over them: `mask[i, j, n]` says whether index (i, j) of `dims`
depends on image row n. The last n is a virtual row that represents padding. The map of
a convolution has `dims == (1,)`, a global mean has `dims == ()`.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

Shape = Sequence[int]


@dataclasses.dataclass(frozen=True)
class Spread:
    """Contains the dependence on one image axis.

    Attributes:
      dims: The dimensions along which the dependence varies, sorted.
      mask: Booleans [*sizes of dims, N].
    """

    dims: tuple[int, ...]
    mask: np.ndarray

    def without(self, removed: Iterable[int]) -> Spread:
        """Merges all indices along the removed dimensions into one dependence."""
        axes = tuple(i for i, dim in enumerate(self.dims) if dim in set(removed))
        kept = tuple(dim for i, dim in enumerate(self.dims) if i not in axes)
        return Spread(kept, self.mask.any(axes) if axes else self.mask)

    def renamed(self, names: Mapping[int, int]) -> Spread:
        """Renumbers the dimensions; all of them must be in `names`."""
        new = [names[dim] for dim in self.dims]
        order = np.argsort(new, kind="stable")
        mask = self.mask.transpose(*order, len(new))
        return Spread(tuple(sorted(new)), mask)

    def over(self, dims: Sequence[int], shape: Shape) -> np.ndarray:
        """Returns the mask over `dims`, a superset of its own, booleans [*sizes, N]."""
        index = tuple(slice(None) if d in self.dims else None for d in dims)
        sizes = tuple(shape[d] for d in dims)
        return np.broadcast_to(self.mask[index], (*sizes, self.mask.shape[-1]))

    def along(self, dim: int, change: Callable[[np.ndarray], np.ndarray]) -> Spread:
        """Applies a change [n, ..., N] -> [m, ..., N] along one of the dimensions."""
        if dim not in self.dims:
            return self
        axis = self.dims.index(dim)
        mask = np.moveaxis(change(np.moveaxis(self.mask, axis, 0)), 0, axis)
        return Spread(self.dims, mask)

    def pruned(self) -> Spread:
        """Drops the dimensions along which the dependence does not vary."""
        spread = self
        for dim in self.dims:
            axis = spread.dims.index(dim)
            first = spread.mask.take([0], axis)
            if spread.mask.shape[axis] and (spread.mask == first).all():
                kept = tuple(d for d in spread.dims if d != dim)
                spread = Spread(kept, first.squeeze(axis))
        return spread


def join(spreads: Sequence[Spread], shape: Shape) -> Spread:
    """Returns the union over arrays of equal shape."""
    first, *others = spreads
    if all(other is first for other in others):
        return first
    dims = tuple(sorted({dim for spread in spreads for dim in spread.dims}))
    masks = [spread.over(dims, shape) for spread in spreads]
    return Spread(dims, functools.reduce(np.logical_or, masks))


def nothing(like: Spread) -> Spread:
    """Returns a spread without any dependence, for the same image."""
    return Spread((), np.zeros(like.mask.shape[-1], bool))


def window(
    mask: np.ndarray,
    *,
    taps: int,
    stride: int = 1,
    rate: int = 1,
    spread: int = 1,
    padding: tuple[int, int] = (0, 0),
) -> np.ndarray:
    """Computes the union over a sliding window along the first axis.

    As in `lax.conv_general_dilated`, `spread` - 1 independent entries are inserted
    between the old ones, and padding may be negative.

    Args:
      mask: [n, ...].
      taps: The size of the window.
      stride: The step between windows.
      rate: The atrous rate.
      spread: The dilation of the mask.
      padding: Entries before and after.

    Returns:
      [m, ...].
    """
    mask = padded(mask, padding, spread - 1)
    count = (mask.shape[0] - rate * (taps - 1) - 1) // stride + 1
    end = stride * (count - 1) + 1
    parts = (mask[k * rate : k * rate + end : stride] for k in range(taps))
    return functools.reduce(np.logical_or, parts)


def padded(mask: np.ndarray, edges: tuple[int, int], interior: int = 0) -> np.ndarray:
    """Applies `lax.pad` to a mask along its first axis.

    New entries at the edges depend on the virtual pixel outside the image, the last one
    of the mask. New entries in between depend on nothing.
    """
    size = mask.shape[0]
    if interior and size:
        wide = np.zeros(((size - 1) * (interior + 1) + 1, *mask.shape[1:]), bool)
        wide[:: interior + 1] = mask
        mask = wide
    low, high = edges
    parts = [mask[max(-low, 0) : mask.shape[0] - max(-high, 0)]]
    outside = np.zeros((1, *mask.shape[1:]), bool)
    outside[..., -1] = True
    if low > 0:
        parts.insert(0, outside.repeat(low, 0))
    if high > 0:
        parts.append(outside.repeat(high, 0))
    return np.concatenate(parts) if len(parts) > 1 else parts[0]


def reshaped(spread: Spread, old: Shape, new: Shape) -> Spread:
    """Returns the spread of a reshaped array.

    It works on groups of dimensions that contain the same entries before and after.
    """
    wanted, dims = [], []
    for before, after in _groups(old, new):
        if any(dim in spread.dims for dim in before):
            wanted += before
            dims += after
    mask = spread.over(wanted, old)
    mask = mask.reshape(*(new[dim] for dim in dims), mask.shape[-1])
    return Spread(tuple(dims), mask).pruned()


def _groups(old: Shape, new: Shape) -> list[tuple[list[int], list[int]]]:
    """Pairs dimensions of both shapes with equal products, as finely as possible."""
    groups, i, j = [], 0, 0
    while i < len(old) or j < len(new):
        if i < len(old) and old[i] == 1:
            groups.append(([i], []))
            i += 1
        elif j < len(new) and new[j] == 1:
            groups.append(([], [j]))
            j += 1
        else:
            before, after, left, right = [i], [j], old[i], new[j]
            while left != right:
                if left < right:
                    before.append(before[-1] + 1)
                    left *= old[before[-1]]
                else:
                    after.append(after[-1] + 1)
                    right *= new[after[-1]]
            groups.append((before, after))
            i, j = before[-1] + 1, after[-1] + 1
    return groups


def given(spreads: Sequence[Spread | None]) -> list[Spread]:
    """Returns the spreads of the operands that depend on the image."""
    return [spread for spread in spreads if spread is not None]


def everything(eqn, spreads: Sequence[Spread | None], known=()) -> list[Spread]:
    """Makes each result depend on all that any operand depends on. (This is a rule.)"""
    spread = join([s.without(s.dims) for s in given(spreads)], ())
    return [spread] * len(eqn.outvars)
