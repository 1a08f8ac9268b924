"""Replaces descriptions of tensors with arrays in the content of a checkpoint file."""

from collections.abc import Callable
from typing import Any

import numpy as np

from jaxseg.weights.formats.pickle_program import Storage, Tensor

DEPTH = 32  # The most levels of nested containers.
MENTIONS = 4  # The most entries of the tree per byte of its program.
SHARED = 64  # The most bytes of all tensors per byte of the file.
FREE = 1 << 26  # The number of bytes of tensors that every file may have.
FREE_MENTIONS = 10_000  # The number of entries that every file may have.

_VISITED = (Tensor, dict, list, tuple)
Content = Callable[[Storage], bytes | memoryview]


def resolve(tree: Any, content: Content, *, program: int, file: int) -> Any:
    """Copies nested dicts, lists and tuples, and replaces each `Tensor` with an array.

    The arrays are read-only. An object that occurs many times is copied once. A small
    file can contain nested references that expand to a huge tree, or many tensors that
    share one storage. The function therefore limits the size of the expanded tree and
    the total size of the tensors.

    Args:
      tree: The result of `pickle_program.loads`.
      content: A function that maps a `Storage` to its bytes.
      program: The length of the pickle program in bytes.
      file: The length of the file in bytes.

    Returns:
      The copy.

    Raises:
      ValueError: If containers are nested too deeply or contain themselves, if the tree
        is much larger than the program, or if the tensors are much larger than the
        file.
    """
    limits = _Limits(MENTIONS * program + FREE_MENTIONS, SHARED * file + FREE)
    return _Copier(content, limits).visit(tree, 0)[0]


class _Limits:
    """Counts how many entries and bytes are still allowed."""

    def __init__(self, mentions: int, bytes_: int) -> None:
        self.mentions, self.bytes = mentions, bytes_

    def take_bytes(self, count: int) -> None:
        self.bytes -= count
        if self.bytes < 0:
            raise ValueError(
                "the tensors in the file share storages and would need more than "
                f"{SHARED} times the bytes of the file."
            )


class _Copier:
    """Copies a tree and visits every container once."""

    def __init__(self, content: Content, limits: _Limits) -> None:
        self.content, self.limits = content, limits
        self.done: dict[int, tuple[Any, int, int]] = {}

    def visit(self, value: Any, depth: int) -> tuple[Any, int, int]:
        """Returns the copy, the height and the number of entries of a value."""
        if type(value) is Tensor:
            if id(value) not in self.done:
                self.done[id(value)] = self.array(value), 0, 1
            return self.done[id(value)]
        if type(value) not in _VISITED:
            return value, 0, 1
        found = self.done.get(id(value))
        if depth + (found[1] if found else 0) > DEPTH:
            raise ValueError(
                f"the containers in the file are nested more than {DEPTH} levels deep."
            )
        if found is None:
            found = self.done[id(value)] = self.copy(value, depth)
        return found

    def copy(self, value: Any, depth: int) -> tuple[Any, int, int]:
        items = list(value.values()) if type(value) is dict else list(value)
        height, size = 0, 1 + len(items)
        for place, item in enumerate(items):
            if type(item) in _VISITED:
                items[place], below, entries = self.visit(item, depth + 1)
                height, size = max(height, below), size + entries - 1
        if size > self.limits.mentions:
            raise ValueError(
                f"the nested containers in the file have {size:,} entries in all: "
                f"expected at most {self.limits.mentions:,}."
            )
        if type(value) is dict:
            return dict(zip(value, items, strict=True)), 1 + height, size
        return (items if type(value) is list else tuple(items)), 1 + height, size

    def array(self, tensor: Tensor) -> np.ndarray:
        dtype = tensor.storage.dtype
        data = self.content(tensor.storage)
        if 0 in tensor.size:
            return np.zeros(tensor.size, dtype)
        pairs = list(zip(tensor.size, tensor.stride, strict=True))
        strides = tuple(
            s * dtype.itemsize if n > 1 else dtype.itemsize for n, s in pairs
        )
        offset = tensor.offset * dtype.itemsize
        view = np.ndarray(tensor.size, dtype, data, offset, strides)
        self.limits.take_bytes(view.nbytes)
        return view
