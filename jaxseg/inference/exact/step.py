"""Contains what an operation reads and writes for one tile.

Arrays are stored with one axis for each line (`jaxseg.analysis.regions.arrays`), so
that dimensions of size 1 have no axis, and merged dimensions have several.
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
    """Contains what an operation reads and writes for one tile.

    Attributes:
      node: The operation.
      have: The stored part of each operand.
      want: The part of each result that is needed, None if it is not needed.
      idle: The tiles that do not need each operand.
      tile: The tile.
      tiles: The number of tiles.
    """

    node: Node
    have: list[Spans]
    want: list[Spans | None]
    idle: list[Idle]
    tile: Tile
    tiles: Tiles

    @functools.cached_property
    def whole(self) -> bool:
        """Returns whether all operands are stored and all results needed as a whole."""
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
        """Returns the part of each operand that the wanted results need."""
        return needs(self.node, self.want, self.tiles)

    def part(self, i: int, x, spans: Spans, fill=None):
        """Returns a part of an operand."""
        spans = rested(self.node.ins[i], spans, self.idle[i])
        return fetch(self.tile, x, self.have[i], spans, fill)

    def by_dims(self, i: int, x, dims, out: int = 0, fill=None):
        """Returns the part of an operand that `accesses` describes, one axis per dim.

        Positions between those of the operand, and outside of it, have the value
        `fill`.
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
    """Runs the primitive on whole operands and cuts the needed parts of its results."""
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
