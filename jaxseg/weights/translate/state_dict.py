"""From what a checkpoint file holds to its state dict."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxseg.weights.formats.opaque import Unread

WRAPPERS = ("state_dict", "model")
NOTES = ("mask_values",)  # that milesial/Pytorch-UNet keeps among its tensors
_PREFIX = "module."  # of torch's DataParallel


def unwrap(tree: Any, path: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """(state dict, everything beside it).

    Looks into ``{"state_dict": ...}`` and ``{"model": ...}`` and takes a ``module.``
    off that stands before every name.

    Raises:
        ValueError: no state dict is found, or it holds something else than arrays.
    """
    if not isinstance(tree, Mapping):
        raise ValueError(f"{path} holds a {type(tree).__name__}, not a state dict")
    beside: dict[str, Any] = {}
    for name in WRAPPERS:
        if isinstance(tree.get(name), Mapping):
            beside = {key: value for key, value in tree.items() if key != name}
            tree = tree[name]
            break
    beside |= {key: tree[key] for key in NOTES if key in tree}
    tree = {key: value for key, value in tree.items() if key not in NOTES}
    wrong = [key for key, value in tree.items() if not _is_entry(key, value)]
    if wrong or not tree:
        shown = ", ".join(f"{repr(k)[:60]}: {_kind(tree[k])}" for k in wrong[:10])
        raise ValueError(
            f"{path} holds no state dict: {len(wrong)} of {len(tree)} entries are not "
            f"named tensors ({shown}); a state dict may lie under {WRAPPERS}"
        )
    return _strip(tree), beside


def _is_entry(key: Any, value: Any) -> bool:
    return isinstance(key, str) and isinstance(value, np.ndarray)


def _kind(value: Any) -> str:
    return repr(value) if isinstance(value, Unread) else type(value).__name__


def _strip(state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    while all(key.startswith(_PREFIX) for key in state):
        state = {key.removeprefix(_PREFIX): value for key, value in state.items()}
    return state
