"""Describes which parts of its arrays an operation reads and writes for one tile.

The stored arrays have no axis for a dimension of size 1, and several axes for a
dimension that a reshape has merged from several. Each axis is described by a `Line`
(`jaxseg.analysis.regions.arrays`).
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
    """Describes which parts of its arrays an operation reads and writes for one tile.

    A part of an array is given by one interval along each of its axes.

    Attributes:
      node: The operation.
      have: The stored part of each operand.
      want: The needed part of each result, or None for a result that is not needed.
      idle: For each operand, which rows and columns of tiles do not need it.
      tile: The tile.
      tiles: The numbers of rows and columns of tiles.
    """

    node: Node
    have: list[Spans]
    want: list[Spans | None]
    idle: list[Idle]
    tile: Tile
    tiles: Tiles

    @functools.cached_property
    def whole(self) -> bool:
        """Returns whether whole operands are stored and whole results are needed.

        Results that are not needed at all are ignored.
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
        """Returns the part of each operand that the results in `want` depend on."""
        return needs(self.node, self.want, self.tiles)

    def part(self, i: int, x, spans: Spans, fill=None):
        """Cuts a part out of the stored part of an operand.

        Args:
          i: The index of the operand.
          x: The stored part.
          spans: The interval along each axis that is returned.
          fill: The value of positions that are not stored, such as padding. None if
            all positions are stored.
        """
        spans = rested(self.node.ins[i], spans, self.idle[i])
        return fetch(self.tile, x, self.have[i], spans, fill)

    def by_dims(self, i: int, x, dims, out: int = 0, fill=None):
        """Returns the part of an operand that a convolution or similar operation reads.

        The operand is dilated and padded with `fill`, so that the operation can run on
        the part without dilation of the operand and without padding.

        Args:
          i: The index of the operand.
          x: The stored part of the operand.
          dims: For each dimension of the operand an `Access`, which states the
            positions that the operation reads, or None if it needs all positions.
          out: The index of the result.
          fill: The value of added positions.
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
    """Runs an operation on whole operands and cuts out the needed parts of its results.

    Args:
      step: The operation, and which parts of its results are needed.
      xs: The whole operands.

    Returns:
      The needed part of each result, or None for a result that is not needed.
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
