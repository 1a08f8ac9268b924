"""Defines `Spread`, a mask of the image rows that the elements of an array depend on.

A `Spread` belongs to one array and to the rows or the columns of the image. This text
describes it for the rows. Its attribute `dims` contains the dimensions of the array
along which the dependence varies. Its attribute `mask` has one axis for each of these
dimensions, and a last axis of length N. Along this last axis, the first N - 1 entries
stand for the image rows, and the last entry stands for padding. An entry of the mask is
True if the array elements at the indices of its other axes depend on that image row.

For example, a convolution with the result [B, h, w, C] has `dims == (1,)` and a mask
[h, N], because all elements of a row of the result depend on the same image rows. A
global mean has `dims == ()` and a mask [N].
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

Shape = Sequence[int]


@dataclasses.dataclass(frozen=True)
class Spread:
    """States which rows (or columns) of the image the elements of an array depend on.

    Attributes:
      dims: The dimensions of the array along which the dependence varies, sorted.
      mask: Booleans [*sizes of dims, N], where N is the number of image rows plus 1,
        because a virtual row at the end stands for padding.
    """

    dims: tuple[int, ...]
    mask: np.ndarray

    def without(self, removed: Iterable[int]) -> Spread:
        """Returns the `Spread` of a sum over some dimensions of the array.

        The sum, or another reduction over the dimensions `removed`, depends on each
        image row that one of the reduced elements depends on. The dimensions that
        remain keep their old numbers.
        """
        axes = tuple(i for i, dim in enumerate(self.dims) if dim in set(removed))
        kept = tuple(dim for i, dim in enumerate(self.dims) if i not in axes)
        return Spread(kept, np.any(self.mask, axes) if axes else self.mask)

    def renamed(self, names: Mapping[int, int]) -> Spread:
        """Returns the `Spread` of the array after its dimensions are renumbered.

        The `Spread` states which image rows the elements depend on. A transposition,
        for example, gives new numbers to the dimensions.

        Args:
          names: A dictionary from the old number of each dimension in `dims` to the new
            number.
        """
        new = [names[dim] for dim in self.dims]
        order = np.argsort(new, kind="stable")
        mask = self.mask.transpose(*order, len(new))
        return Spread(tuple(sorted(new)), mask)

    def over(self, dims: Sequence[int], shape: Shape) -> np.ndarray:
        """Returns the mask with one axis for each of the given dimensions of the array.

        Args:
          dims: The dimensions, sorted, which include `self.dims`.
          shape: The shape of the array.

        Returns:
          Booleans [*sizes of dims, N].
        """
        index = tuple(slice(None) if d in self.dims else None for d in dims)
        sizes = tuple(shape[d] for d in dims)
        return np.broadcast_to(self.mask[index], (*sizes, self.mask.shape[-1]))

    def along(self, dim: int, change: Callable[[np.ndarray], np.ndarray]) -> Spread:
        """Returns a `Spread` whose mask is changed along one dimension of the array.

        The mask states which image rows each element of the array depends on.

        Args:
          dim: The dimension of the array. If it is not in `dims`, the mask does not
            change.
          change: A function from a mask [n, ..., N], whose first axis belongs to
            `dim`, to a mask [m, ..., N].
        """
        if dim not in self.dims:
            return self
        axis = self.dims.index(dim)
        mask = np.moveaxis(change(np.moveaxis(self.mask, axis, 0)), 0, axis)
        return Spread(self.dims, mask)

    def pruned(self) -> Spread:
        """Returns this `Spread` without dimensions along which the mask is constant.

        Along such a dimension, all elements depend on the same image rows.
        """
        spread = self
        for dim in self.dims:
            axis = spread.dims.index(dim)
            first = spread.mask.take([0], axis)
            if spread.mask.shape[axis] and (spread.mask == first).all():
                kept = tuple(d for d in spread.dims if d != dim)
                spread = Spread(kept, first.squeeze(axis))
        return spread


def join(spreads: Sequence[Spread], shape: Shape) -> Spread:
    """Returns the `Spread` of the result of an elementwise operation.

    The result depends on each image row that one of the operands depends on.

    Args:
      spreads: The `Spread` of each operand, that is, the rows that it depends on.
      shape: The shape that all operands have.
    """
    first, *others = spreads
    if all(other is first for other in others):
        return first
    dims = tuple(sorted({dim for spread in spreads for dim in spread.dims}))
    masks = [spread.over(dims, shape) for spread in spreads]
    return Spread(dims, functools.reduce(np.logical_or, masks))


def nothing(like: Spread) -> Spread:
    """Returns the `Spread` of an array whose elements depend on no row of the image.

    Args:
      like: Another `Spread`, from which the number of image rows is taken.
    """
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
    """Computes which image rows the results of a sliding window depend on.

    The window slides as in `lax.conv_general_dilated`: `spread` - 1 entries that depend
    on nothing are inserted between two input positions, and padding may be negative.

    Args:
      mask: Booleans [n, ..., N]: whether input position i along the first axis depends
        on the image row of the last axis.
      taps: The number of positions that the window reads.
      stride: The step between windows.
      rate: The distance between the positions that the window reads (atrous rate).
      spread: The dilation of the input (`lhs_dilation`).
      padding: Number of padded entries before and after.

    Returns:
      Booleans [m, ..., N]: whether the result of window i depends on each image row.
    """
    mask = padded(mask, padding, spread - 1)
    count = (mask.shape[0] - rate * (taps - 1) - 1) // stride + 1
    end = stride * (count - 1) + 1
    parts = (mask[k * rate : k * rate + end : stride] for k in range(taps))
    return functools.reduce(np.logical_or, parts)


def padded(mask: np.ndarray, edges: tuple[int, int], interior: int = 0) -> np.ndarray:
    """Pads a mask along its first axis, as `lax.pad` pads an array.

    New entries at the edges depend on the virtual row of the padding. New entries
    between the old ones depend on nothing.

    Args:
      mask: Booleans [n, ..., N]; the last axis stands for the image rows.
      edges: Number of new entries before and after.
      interior: Number of new entries between two old ones.
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
    """Returns the `Spread` of an array after a reshape.

    Args:
      spread: The image rows that the array depends on before the reshape.
      old: The shape of the array before the reshape.
      new: The shape after the reshape.
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
    groups: list[tuple[list[int], list[int]]] = []
    i = j = 0
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
    """Returns the items of a list that are not None.

    The list has an item for each operand: its `Spread` if it depends on the image, else
    None.
    """
    return [spread for spread in spreads if spread is not None]


def everything(eqn, spreads: Sequence[Spread | None], known=()) -> list[Spread]:
    """Assumes that each result depends on every image row that any operand depends on.

    This is the rule for primitives that have no rule of their own. The function returns
    a list with the `Spread` of each result. The module
    `jaxseg.analysis.jaxpr.dependence_rules` describes the arguments.
    """
    spread = join([s.without(s.dims) for s in given(spreads)], ())
    return [spread] * len(eqn.outvars)
