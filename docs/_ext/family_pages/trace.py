"""Finds the blocks of a network, their maps and their connections by tracing it.

The network is traced to a jaxpr and never run. Flax writes the path of the module into
every equation. Equations whose paths have the same beginning form one block; all other
equations, such as sums, concatenations and resizing, connect the blocks.
"""

import dataclasses
import re
from collections.abc import Iterator

import jax
import jax.numpy as jnp
from flax import linen as nn

IMAGE, LOGITS = "image", "logits"
CHANNELS = (3, 4, 1)  # Color; color and depth; gray.
SIZE = (512, 1024)


@dataclasses.dataclass
class Block:
    """Is one box of the picture.

    Attributes:
      name: The common beginning of the paths of its modules.
      shape: Height, width and channels of its output, or None if it is no map. For a
        point cloud, the number of points, 1 and channels.
      rates: The atrous rates above 1 of its convolutions.
      attends: Whether it has a product of two maps, as attention has.
      sources: The names of the blocks that it reads, in order.
    """

    name: str
    shape: tuple[int, int, int] | None = None
    rates: set[int] = dataclasses.field(default_factory=set)
    attends: bool = False
    sources: dict[str, None] = dataclasses.field(default_factory=dict)


def trace_blocks(model: nn.Module, rules: tuple[tuple[str, str], ...]) -> list[Block]:
    """Returns the blocks on which the logits depend, in the order of computation.

    Args:
      model: The network.
      rules: Pairs of a regular expression and a replacement. The first expression that
        matches the beginning of a path gives the name of the block; an empty
        replacement makes the equation a connection. Blocks whose names have the same
        text before a colon work side by side; connections between them are left out.
    """
    jaxpr = _jaxpr(model)
    blocks: dict[str, Block] = {IMAGE: Block(IMAGE)}
    origin: dict = {}  # The blocks from which a variable comes.
    image = jaxpr.invars[-1]
    origin[image] = {IMAGE: None}
    blocks[IMAGE].shape = _map_shape(image.aval)
    cloud = len(image.aval.shape) == 3  # Points instead of pixels.
    is_map = _is_features if cloud else _is_map
    for equation in jaxpr.eqns:
        read = [v for v in equation.invars if hasattr(v, "count") or not _literal(v)]
        sources = {name: None for v in read for name in origin.get(v, ())}
        name = block_name(str(equation.source_info.name_stack), rules)
        followed = [v for v in equation.outvars if not cloud or is_map(v.aval)]
        if not name or not (sources or name in blocks):
            for v in followed:
                origin[v] = sources
                _note_map(blocks, sources, v.aval)
            continue
        block = blocks.setdefault(name, Block(name))
        stage = name.partition(":")[0]
        new = {s: None for s in sources if s.partition(":")[0] != stage}
        block.sources.update(new)
        _describe(block, equation)
        for v in followed:
            origin[v] = {name: None}
            if is_map(v.aval):
                block.shape = _map_shape(v.aval)
    last = jaxpr.outvars[0]
    blocks[LOGITS] = Block(LOGITS, _map_shape(last.aval), sources=origin[last])
    return _needed(blocks)


def block_name(stack: str, rules: tuple[tuple[str, str], ...]) -> str:
    """Returns the name of the block to which an equation belongs, or "".

    >>> block_name("Net/backbone/layer1_0/conv1", (("(backbone/layer.)", r"\\1"),))
    'backbone/layer1'

    Args:
      stack: The name stack of the equation. Its first part is the class of the network;
        parts with a dot are names of methods.
      rules: See `trace_blocks`.
    """
    path = "/".join(part for part in stack.split("/")[1:] if "." not in part)
    for pattern, replacement in rules:
        if found := re.match(pattern, path):
            return found.expand(replacement)
    return ""


def _is_map(result):
    """Whether an array has the proportions of the image, unlike heads of attention."""
    if len(result.shape) != 4 or result.dtype == bool:
        return False
    return abs(result.shape[2] / result.shape[1] - SIZE[1] / SIZE[0]) < 0.5


def _is_features(result):
    """Whether an array has features of points, unlike their positions and neighbors."""
    shape = result.shape
    return len(shape) == 3 and shape[2] > 3 and result.dtype == jnp.float32


def _map_shape(result):
    """The shape of a map, or that of features of points as [points, 1, channels]."""
    size = result.shape[1:-1]
    return (*size, *(1,) * (2 - len(size)), result.shape[-1])


def _note_map(blocks, sources, result):
    """Gives blocks of tokens the shape of the map that is made from them."""
    if _is_map(result):
        for name in sources:
            if blocks[name].shape is None:
                blocks[name].shape = _map_shape(result)


def _jaxpr(model):
    key, refused = jax.eval_shape(lambda: jax.random.key(0)), None
    for inputs in _inputs(model):
        try:
            variables = jax.eval_shape(
                lambda key, *xs: model.init(key, *xs, train=False), key, *inputs
            )
            return jax.make_jaxpr(
                lambda v, *xs: model.apply(v, *xs, train=False)["logits"]
            )(variables, *inputs).jaxpr
        except ValueError as error:
            refused = error
    raise refused


def _inputs(model):
    """The inputs to try: a cloud of points, or images of some numbers of channels."""
    stated = model.example_inputs() if hasattr(model, "example_inputs") else ()
    if stated and len(stated[0].shape) == 3:
        return [stated]
    return [
        [jax.ShapeDtypeStruct((1, *SIZE, channels), jnp.float32)]
        for channels in CHANNELS
    ]


def _literal(variable):
    return not hasattr(variable, "suffix") and hasattr(variable, "val")


def _describe(block, equation):
    """Adds the rates of convolutions, and notes products of two maps."""
    for inner in _equations(equation):
        if inner.primitive.name == "conv_general_dilated":
            rates = inner.params["rhs_dilation"]
            kernel = inner.invars[1].aval.shape
            if max(kernel[:2]) > 1 and max(rates) > 1:
                block.rates.add(max(rates))
        if inner.primitive.name == "dot_general":
            (_, _), (batch, _) = inner.params["dimension_numbers"]
            block.attends |= bool(batch)


def _equations(equation) -> Iterator:
    yield equation
    for value in equation.params.values():
        inner = getattr(value, "jaxpr", value)
        for nested in getattr(inner, "eqns", ()):
            yield from _equations(nested)


def _needed(blocks):
    """Drops the blocks that do not reach the logits, such as auxiliary heads."""
    needed, open_ = {LOGITS}, [LOGITS]
    while open_:
        for source in blocks[open_.pop()].sources:
            if source not in needed:
                needed.add(source)
                open_.append(source)
    return [block for name, block in blocks.items() if name in needed]
