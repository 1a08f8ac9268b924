"""Bookkeeping of dependence: which image rows each index of an array depends on.

A `Spread` holds, for one image axis, the array dimensions along which the dependence
varies and a mask over them: `mask[i, j, n]` says whether index (i, j) of `dims` depends
on image row n, and the last n stands for whatever padding the index may read. A
convolution's map has `dims == (1,)`, a global mean `dims == ()`.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

Shape = Sequence[int]


@dataclasses.dataclass(frozen=True)
class Spread:
    """Dependence on one image axis: sorted `dims`, mask bool [*sizes of dims, N]."""

    dims: tuple[int, ...]
    mask: np.ndarray

    def without(self, removed: Iterable[int]) -> Spread:
        """Dependence of any index along the removed dimensions; others keep theirs."""
        axes = tuple(i for i, dim in enumerate(self.dims) if dim in set(removed))
        kept = tuple(dim for i, dim in enumerate(self.dims) if i not in axes)
        return Spread(kept, self.mask.any(axes) if axes else self.mask)

    def renamed(self, names: Mapping[int, int]) -> Spread:
        """Dimensions under new numbers; all of them must be in `names`."""
        new = [names[dim] for dim in self.dims]
        order = np.argsort(new, kind="stable")
        mask = self.mask.transpose(*order, len(new))
        return Spread(tuple(sorted(new)), mask)

    def over(self, dims: Sequence[int], shape: Shape) -> np.ndarray:
        """The mask over `dims`, a superset of the own ones, bool [*sizes, N]."""
        index = tuple(slice(None) if d in self.dims else None for d in dims)
        sizes = tuple(shape[d] for d in dims)
        return np.broadcast_to(self.mask[index], (*sizes, self.mask.shape[-1]))

    def along(self, dim: int, change: Callable[[np.ndarray], np.ndarray]) -> Spread:
        """Applies [n, ..., N] -> [m, ..., N] along a dimension among `dims`."""
        if dim not in self.dims:
            return self
        axis = self.dims.index(dim)
        mask = np.moveaxis(change(np.moveaxis(self.mask, axis, 0)), 0, axis)
        return Spread(self.dims, mask)

    def pruned(self) -> Spread:
        """Without the dimensions along which nothing varies."""
        spread = self
        for dim in self.dims:
            axis = spread.dims.index(dim)
            first = spread.mask.take([0], axis)
            if spread.mask.shape[axis] and (spread.mask == first).all():
                kept = tuple(d for d in spread.dims if d != dim)
                spread = Spread(kept, first.squeeze(axis))
        return spread


def join(spreads: Sequence[Spread], shape: Shape) -> Spread:
    """The union over equally shaped arrays."""
    first, *others = spreads
    if all(other is first for other in others):
        return first
    dims = tuple(sorted({dim for spread in spreads for dim in spread.dims}))
    masks = [spread.over(dims, shape) for spread in spreads]
    return Spread(dims, functools.reduce(np.logical_or, masks))


def nothing(like: Spread) -> Spread:
    """No dependence at all, over the same image."""
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
    """Union over a sliding window along the first axis: [n, ...] -> [m, ...].

    `spread` - 1 independent entries stand between the old ones, as in
    `lax.conv_general_dilated`; padding may be negative.
    """
    mask = padded(mask, padding, spread - 1)
    count = (mask.shape[0] - rate * (taps - 1) - 1) // stride + 1
    end = stride * (count - 1) + 1
    parts = (mask[k * rate : k * rate + end : stride] for k in range(taps))
    return functools.reduce(np.logical_or, parts)


def padded(mask: np.ndarray, edges: tuple[int, int], interior: int = 0) -> np.ndarray:
    """`lax.pad` of a mask along its first axis.

    What is new at the edges depends on the virtual pixel outside the image, the last
    of the mask; what is new in between depends on nothing.
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
    """The spread of a reshaped array, by groups of dimensions with the same entries."""
    wanted, dims = [], []
    for before, after in _groups(old, new):
        if any(dim in spread.dims for dim in before):
            wanted += before
            dims += after
    mask = spread.over(wanted, old)
    mask = mask.reshape(*(new[dim] for dim in dims), mask.shape[-1])
    return Spread(tuple(dims), mask).pruned()


def _groups(old: Shape, new: Shape) -> list[tuple[list[int], list[int]]]:
    """Pairs of dimensions of both shapes with equal products, as fine as possible."""
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
    """Those of the operands that depend on the image."""
    return [spread for spread in spreads if spread is not None]


def everything(eqn, spreads: Sequence[Spread | None], known=()) -> list[Spread]:
    """A rule: each result may depend on all that any operand depends on."""
    spread = join([s.without(s.dims) for s in given(spreads)], ())
    return [spread] * len(eqn.outvars)
