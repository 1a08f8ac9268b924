"""Marks the global operations of a network, such as global pooling.

A global operation combines values from the whole height or width of the image. Sums,
maxima and minima over the image, and matrix products that sum over its pixels, can be
combined from parts of the image: each part gives a partial result, and the results of
all parts are added, or their maximum or minimum is taken. Such an operation is called a
cut, because the operations that use its result need a further pass over the image. A
sum over rows and a later sum over columns form a single cut if the operations between
them are linear. All other global operations are called opaque: they need whole arrays.
"""

from __future__ import annotations

import dataclasses

from jaxseg.analysis.regions.accesses import has_rule
from jaxseg.analysis.regions.arrays import Node
from jaxseg.analysis.regions.layouts import REDUCTIONS

_COMBINED = {
    "reduce_sum": "sum",
    "dot_general": "sum",
    "reduce_max": "max",
    "reduce_min": "min",
}
# fmt: off
_LINEAR = frozenset((
    "transpose", "reshape", "squeeze", "broadcast_in_dim", "convert_element_type",
    "copy", "neg", "stop_gradient", "materialize", "reduce_sum", "merge", "order_after",
))
# fmt: on
_WORDS = {
    "reduce_sum": "a sum or mean over the image",
    "reduce_max": "a maximum over the image",
    "reduce_min": "a minimum over the image",
    "dot_general": "a matrix product that sums over the pixels",
    "scan": "a loop over the image",
    "while": "a loop over the image",
}


@dataclasses.dataclass(frozen=True)
class GlobalOperation:
    """Describes a global operation of a network, such as global pooling.

    Attributes:
      operation: What it computes, in words.
      module: The path of modules that contain it, such as "head/aspp/image_pooling".
      exact: Whether it can be computed from parts of the image.
      level: The number of the pass over the image that computes it, from 1.
    """

    operation: str
    module: str
    exact: bool
    level: int


def mark(node: Node) -> None:
    """Determines whether an operation is global, and whether it is a cut or opaque.

    The answer is stored in the attributes `reduced`, `cut` and `opaque` of the
    operation, and `level` and `partial` of its results.

    Args:
      node: The operation. `level` and `partial` of its operands are already set.
    """
    level = max((value.level for value in node.ins), default=0)
    partial = frozenset().union(*(value.partial for value in node.ins))
    node.reduced = _reduced(node)
    own = frozenset(
        value.lines[i].axis
        for value, lines in zip(node.ins, node.reduced, strict=False)
        for i in lines
    )
    for out in node.outs:
        out.level = level
    kind = _COMBINED.get(node.kind)
    if partial and not _linear(node):
        node.opaque = True
        return
    if not own and not partial:
        node.opaque = _loose(node)
        return
    if own and (kind is None or len(node.outs) != 1):
        node.opaque = True
        return
    (out,) = node.outs
    rest = {line.axis for line in out.lines} - {None}
    axes = partial | own
    if not rest:
        node.cut, out.level = True, level + 1
        node.params["axes_of_image"], node.params["combine"] = axes, kind or "sum"
    elif kind == "sum" or not own:
        out.partial = axes
    else:
        node.opaque = True


def _reduced(node: Node) -> tuple[tuple[int, ...], ...]:
    """Returns the indices of the rows and columns of the image that a node reduces."""
    if node.kind in REDUCTIONS:
        dims = [node.params["axes"]]
    elif node.kind == "dot_general" and node.params["band"] is None:
        dims = node.params["dimension_numbers"][0]
    else:
        return ()
    lines = [
        tuple(i for d in ds for i in value.places(d))
        for value, ds in zip(node.ins, dims, strict=True)
    ]
    tagged = {
        k
        for value, numbers in zip(node.ins, lines, strict=True)
        for k, i in enumerate(numbers)
        if value.lines[i].axis and value.from_image
    }
    return tuple(
        tuple(i for k, i in enumerate(numbers) if k in tagged) for numbers in lines
    )


def _linear(node: Node) -> bool:
    """Returns whether a result is linear in the operands that are sums over tiles."""
    if node.kind in _LINEAR:
        return True
    given = [value for value in node.ins if not value.partial]
    if node.kind in ("mul", "dot_general"):
        return len(given) == 1 and not given[0].from_image
    return node.kind == "div" and not node.ins[1].partial


def _loose(node: Node) -> bool:
    """Returns whether it is unknown which positions of the image a result needs."""
    tagged = any(
        value.from_image and any(line.axis for line in value.lines)
        for value in node.ins
    )
    return tagged and not has_rule(node)


def global_operations(nodes: list[Node]) -> list[GlobalOperation]:
    """Lists the global operations of a network, such as global pooling.

    Args:
      nodes: The operations of a network, in the order in which they run.

    Returns:
      A list of `GlobalOperation` in order, without duplicates: what each operation
      computes, the modules that contain it, and whether tiles can compute it exactly.
    """
    found = []
    for node in nodes:
        if node.cut or node.opaque:
            words = _WORDS.get(node.kind, f"the operation {node.kind}")
            if node.cut and any(value.known is not None for value in node.ins):
                words = _WORDS["reduce_sum"]  # a product with constant weights
            if node.opaque and node.reduced:
                words = f"{words} for each pixel"
            level = max(value.level for value in node.outs)
            one = GlobalOperation(words, _module(node), not node.opaque, level)
            if one not in found:
                found.append(one)
    return found


def _module(node: Node) -> str:
    """Returns the path of modules without the name of the network's own class."""
    path = [part for part in node.module.split("/") if "(" not in part]
    return "/".join(path[1:]) or node.module or "the network"
