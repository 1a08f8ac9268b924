"""Describes which parts of its operands an operation reads to compute one tile.

A part of an array is an interval along each of its axes. These axes are not exactly the
dimensions of the array in JAX. A dimension of size 1 has no axis. If a reshape has
merged several dimensions into one, this one has an axis for each of them.
"""

from __future__ import annotations

import dataclasses
import functools

import jax.numpy as jnp
from jax import lax

from jaxseg.analysis.regions.accesses import span_of
from jaxseg.analysis.regions.arrays import Node, Span, Value, full
from jaxseg.analysis.regions.needs import needs
from jaxseg.analysis.regions.tiles import Tiles
from jaxseg.analysis.regions.windows import Idle, rested
from jaxseg.inference.exact.boxes import Tile, fetch

Spans = list[Span]


@dataclasses.dataclass(frozen=True)
class Step:
    """Describes an operation and the parts of its arrays that one tile uses.

    A part of an array is a list with one interval along each axis of the array.

    Attributes:
      node: The operation.
      have: For each operand, the part that is in memory.
      want: For each result, the part that the tile needs, or None if it needs no part.
      idle: For each operand, a dictionary with the optional keys "rows" and "columns".
        The value of "rows" is a boolean array with one entry for each row of tiles. An
        entry is True if this row of tiles does not need the operand. The value of
        "columns" is such an array for the columns of tiles.
      tile: The position of the tile.
      tiles: The number of rows of tiles and the number of columns of tiles.
    """

    node: Node
    have: list[Spans]
    want: list[Spans | None]
    idle: list[Idle]
    tile: Tile
    tiles: Tiles

    @functools.cached_property
    def whole(self) -> bool:
        """Returns whether the operation can run on whole operands, as without tiles.

        This is the case if all operands are in memory as a whole, and the tile needs
        each result as a whole or not at all.
        """
        groups = [
            *zip(self.node.ins, self.have, strict=True),
            *(g for g in zip(self.node.outs, self.want, strict=True) if g[1]),
        ]
        return all(
            span.length == line.size
            for value, spans in groups
            for span, line in zip(spans, value.lines, strict=True)
        )

    @functools.cached_property
    def needed(self) -> list[Spans | None]:
        """Returns for each operand the part on which the results in `want` depend.

        It is None for an operand on which they do not depend.
        """
        return needs(self.node, self.want, self.tiles)

    def part(self, i: int, x, spans: Spans, fill=None):
        """Cuts a part of an operand out of the part that is in memory.

        Args:
          i: The index of the operand.
          x: The part of the operand that is in memory.
          spans: The interval along each axis that is returned.
          fill: The value of returned positions that are not in `x`, such as padding.
            None if `x` contains all of them.
        """
        spans = rested(self.node.ins[i], spans, self.idle[i])
        return fetch(self.tile, x, self.have[i], spans, fill)

    def by_dims(self, i: int, x, dims, out: int = 0, fill=None):
        """Returns the part of an operand that a convolution or similar operation reads.

        The part is already dilated and padded with `fill`, so that the operation can
        run on it without padding and without dilation of its operand.

        Args:
          i: The index of the operand.
          x: The part of the operand that is in memory.
          dims: For each dimension of the operand, None if the operation reads all
            positions. Otherwise an `Access`, which describes the positions that one
            entry of the result reads.
          out: The index of the result.
          fill: The value of positions that dilation and padding add.
        """
        value, result, spans = self.node.ins[i], self.node.outs[out], self.want[out]
        have, want, pads = [], [], []
        for dim, access in enumerate(dims):
            own = span_of(value, self.have[i], dim)
            size = value.shape[dim]
            gap = 1 if access is None else access.spread
            pads.append((0, 0, gap - 1))
            length = (own.length - 1) * gap + 1
            have.append(Span(own.axis, own.start * gap, length, own.live))
            if access is None:
                want.append(full(size))
                continue
            wide = access.interval(span_of(result, spans, access.out))
            line = Value((value.dims[dim],), value.dtype, from_image=True)
            want += rested(line, [wide], self.idle[i]) if line.lines else [wide]
        x = x.reshape(
            [span_of(value, self.have[i], d).length for d in range(len(dims))]
        )
        if any(p[2] for p in pads):
            x = lax.pad(x, jnp.asarray(fill, x.dtype), pads)
        return fetch(self.tile, x, have, want, fill)


def lengths(spans: Spans) -> list[int]:
    return [span.length for span in spans]


def bind_whole(step, xs):
    """Runs an operation on whole operands, and cuts its results for one tile.

    Args:
      step: The operation, and which parts of its results the tile needs.
      xs: The whole operands.

    Returns:
      The part of each result that the tile needs, or None if it needs no part of the
      result.
    """
    node = step.node
    whole = [x.reshape(v.shape) for x, v in zip(xs, node.ins, strict=True)]
    found = bind(node, whole, node.eqn.params)
    results = []
    for value, spans, x in zip(node.outs, step.want, found, strict=True):
        if spans is None:
            results.append(None)
            continue
        lines = value.lines
        x = x.reshape([line.size for line in lines])
        results.append(fetch(step.tile, x, [full(n.size) for n in lines], spans))
    return results


def bind(node, xs, params):
    primitive = node.eqn.primitive
    found = primitive.bind(*xs, **primitive.get_bind_params(params))
    return found if primitive.multiple_results else [found]
