"""Saves memory by recomputing the activations of blocks in the backward pass.

Only the inputs of blocks are stored. The forward pass of a block runs again when its
gradient is computed (arXiv 1604.06174). This works for any network without changes to
it: blocks are found in the tree of parameters, and each call of a block goes through
`nn.remat`. Names, values and randomness do not change.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
from flax import linen as nn

from jaxseg.text import one_of

KINDS = ("none", "block", "stage")
BLOCK = 8  # kernels; a bottleneck with its shortcut has 4, an Xception block 7
SHARE = 3  # a stage has at most a third of the network's kernels

Path = tuple[str, ...]


def find_blocks(params: Mapping[str, Any], kind: str) -> frozenset[Path]:
    """Selects the modules whose activations are recomputed in the backward pass.

    A module is selected if its number of kernels is within a limit and if it is not
    part of a larger selected module. If `kind` is "block", the limit is 8 kernels, and
    an example is a residual block. If `kind` is "stage", the limit is a third of all
    kernels of the network (but at least 8), and an example is a dense block of
    DenseNet. If the stages of a network are not modules (ResNet), "stage" has the
    effect of "block". Modules that consist of a single layer are not selected, because
    they only store their input anyway.

    Args:
      params: The parameters.
      kind: "none", "block" or "stage".

    Returns:
      The paths of the modules, tuples such as ("backbone", "layer1_0").
    """
    if kind not in KINDS:
        raise ValueError(f"train.remat={kind!r} is invalid{one_of(kind, KINDS)}")
    if kind == "none":
        return frozenset()
    limit = BLOCK
    if kind == "stage":
        limit = max(BLOCK, math.ceil(_kernels(params) / SHARE))
    return frozenset(_largest(params, (), limit))


def rematerialized(forward: Callable, kind: str) -> Callable:
    """Returns a function whose backward pass recomputes the activations of blocks.

    Args:
      forward: Maps parameters and further arguments to the outputs of a network.
      kind: Selects the modules that are recomputed: "none", "block" or "stage", see
        `find_blocks`.

    Returns:
      A function with the arguments and the results of `forward`.
    """

    def recomputing(params, *arguments):
        with recomputed(find_blocks(params, kind)):
            return forward(params, *arguments)

    return recomputing


@contextlib.contextmanager
def recomputed(blocks: frozenset[Path]) -> Iterator[None]:
    """Returns a context manager in which the given modules store only their inputs.

    Their other activations are recomputed in the backward pass. The context manager
    affects networks that are called in the body of the `with` statement.

    Args:
      blocks: The paths of the modules.
    """
    running: set[Path] = set()

    def intercept(call, args, kwargs, context):
        path = tuple(context.module.path)
        if context.method_name != "__call__" or path not in blocks or path in running:
            return call(*args, **kwargs)
        running.add(path)
        try:
            return _checkpointed(context.module, args, kwargs)
        finally:
            running.remove(path)

    if not blocks:
        yield
        return
    with nn.intercept_methods(intercept):
        yield


def _checkpointed(module, args, kwargs):
    """Calls a module under `nn.remat`, which only arrays pass through.

    Sizes and flags remain Python values on the way in and out.
    """
    leaves, inward = jax.tree.flatten((args, kwargs))
    traced = [isinstance(leaf, jax.Array) for leaf in leaves]
    seen = {}

    def body(module, *arrays):
        rest = iter(arrays)
        given = [
            next(rest) if is_array else leaf
            for leaf, is_array in zip(leaves, traced, strict=True)
        ]
        args, kwargs = jax.tree.unflatten(inward, given)
        seen["leaves"], seen["outward"] = jax.tree.flatten(module(*args, **kwargs))
        return [leaf for leaf in seen["leaves"] if isinstance(leaf, jax.Array)]

    arrays = [leaf for leaf, ok in zip(leaves, traced, strict=True) if ok]
    rest = iter(nn.remat(body)(module, *arrays))
    whole = [
        next(rest) if isinstance(leaf, jax.Array) else leaf for leaf in seen["leaves"]
    ]
    return jax.tree.unflatten(seen["outward"], whole)


def _largest(tree, path, limit):
    children = {name: sub for name, sub in tree.items() if isinstance(sub, Mapping)}
    for name, sub in children.items():
        layer = not any(isinstance(part, Mapping) for part in sub.values())
        if _kernels(sub) > limit:
            yield from _largest(sub, (*path, name), limit)
        elif not layer:
            yield (*path, name)


def _kernels(tree):
    """Counts the arrays with two or more axes, which are kernels."""
    return sum(leaf.ndim > 1 for leaf in jax.tree.leaves(tree))
