"""Compares the names and shapes of a checkpoint's arrays with those of a model."""

from __future__ import annotations

from typing import Any

import jax

Shapes = dict[str, tuple[int, ...]]  # of arrays, by path
SHOWN = 8  # the largest number of names per kind of difference


def leaves(tree: Any) -> Shapes:
    """Returns a dictionary from the path of each array in a tree to its shape.

    An example of the result is `{"params/conv/bias": (64,)}`.
    """
    return {name: _shape(leaf) for name, leaf in named_leaves(tree)}


def named_leaves(tree: Any) -> list[tuple[str, Any]]:
    """Returns a list of pairs (path, array) for all arrays in a tree.

    An example of a path is "params/conv/kernel".
    """
    flat, _ = jax.tree_util.tree_flatten_with_path(tree)
    return [("/".join(_name(key) for key in path), leaf) for path, leaf in flat]


def difference(stored: Shapes, wanted: Shapes) -> str:
    """Describes in one line how a checkpoint's arrays differ from those of a model.

    The optimizer state contains arrays of the same shapes as the parameters. If
    parameters differ, the corresponding differences in the optimizer state are omitted.

    Args:
      stored: A dictionary from the path of each array in the checkpoint to its shape.
      wanted: A dictionary from the path of each array of the model to its shape.

    Returns:
      The description, or empty text if there is no difference.
    """
    missing = [f"{name} {wanted[name]}" for name in wanted if name not in stored]
    extra = [f"{name} {stored[name]}" for name in stored if name not in wanted]
    other = [
        f"{name} is stored as {stored[name]} but needs {wanted[name]}"
        for name in wanted
        if name in stored and stored[name] != wanted[name]
    ]
    kinds = (
        ("missing in the checkpoint", missing),
        ("only in the checkpoint", extra),
        ("other shape", other),
    )
    if any(name.startswith("params/") for _, names in kinds for name in names):
        kinds = tuple((kind, _without_copies(names)) for kind, names in kinds)
    return "; ".join(_listed(kind, names) for kind, names in kinds if names)


def _without_copies(names: list[str]) -> list[str]:
    return [name for name in names if not name.startswith(("opt_state/", "ema/"))]


def _listed(kind: str, names: list[str]) -> str:
    more = f", and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{kind} ({len(names)}): {', '.join(names[:SHOWN])}{more}"


def _name(key: Any) -> str:
    for attribute in ("key", "name", "idx"):
        if hasattr(key, attribute):
            return str(getattr(key, attribute))
    return str(key)


def _shape(leaf: Any) -> tuple[int, ...]:
    if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):  # stored as integers
        leaf = jax.eval_shape(jax.random.key_data, leaf)
    return tuple(leaf.shape)
