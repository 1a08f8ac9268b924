"""Rematerialization: keep the inputs of blocks, compute their insides again backward.

Training memory without a second network: the forward pass runs again, block by block,
when its gradient is due (arXiv 1604.06174). It works for any network, which need not
know: blocks are found in the tree of its parameters, and each call of one goes through
`nn.remat`. Names, values and randomness stay as they are.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping
from typing import Any

import jax
from flax import linen as nn

KINDS = ("none", "block", "stage")
BLOCK = 8  # kernels; a bottleneck with its shortcut has 4, a block of Xception 7
SHARE = 3  # a stage has at most a third of the network's kernels

Path = tuple[str, ...]


def find_blocks(params: Mapping[str, Any], kind: str) -> frozenset[Path]:
    """Paths of the modules to recompute: the largest ones that are small enough.

    kind "block": at most 8 kernels, such as a residual block. kind "stage": at most a
    third of all kernels, such as a dense block of DenseNet or a module of HRNet; where
    a network's stages are no modules of their own (ResNet), the same as "block". A
    single layer is left alone, for its input is all that it keeps anyway.
    """
    if kind not in KINDS:
        raise ValueError(f"remat is {kind!r}; allowed: {KINDS}")
    if kind == "none":
        return frozenset()
    limit = BLOCK
    if kind == "stage":
        limit = max(BLOCK, math.ceil(_kernels(params) / SHARE))
    return frozenset(_largest(params, (), limit))


@contextlib.contextmanager
def recomputed(blocks: frozenset[Path]) -> Iterator[None]:
    """Within it, calls of the modules at these paths keep their inputs alone."""
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
    """`module(*args, **kwargs)` under `nn.remat`; only arrays pass through it.

    Sizes, flags and the like stay Python values on the way in and on the way out.
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
    """Arrays of two or more axes: what convolves or multiplies."""
    return sum(leaf.ndim > 1 for leaf in jax.tree.leaves(tree))
