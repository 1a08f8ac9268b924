"""A restricted unpickler: tensors and plain containers, nothing that executes.

Pickle is a program for a small machine; ``torch.save`` uses little of it. The opcodes
are read first without running any (an unbounded memo index alone can exhaust
memory), then the program runs with inert names in place of Python's imports: torch's
own few, and empty tokens for what training scripts leave beside the tensors (see
``unread``). Any other global ends the reading with an error that names it.
"""

import io
import pickle
import pickletools
from typing import Any, BinaryIO, NamedTuple

import ml_dtypes
import numpy as np

from jaxseg.weights.formats import opaque as unread

DTYPES = {
    "FloatStorage": np.dtype(np.float32),
    "DoubleStorage": np.dtype(np.float64),
    "HalfStorage": np.dtype(np.float16),
    "BFloat16Storage": np.dtype(ml_dtypes.bfloat16),
    "LongStorage": np.dtype(np.int64),
    "IntStorage": np.dtype(np.int32),
    "ShortStorage": np.dtype(np.int16),
    "CharStorage": np.dtype(np.int8),
    "ByteStorage": np.dtype(np.uint8),
    "BoolStorage": np.dtype(np.bool_),
}
_REFUSED = {"EXT1", "EXT2", "EXT4", "PERSID", "NEXT_BUFFER", "READONLY_BUFFER"}
_ADVICE = (
    "only tensors and plain containers are read; with torch at hand, save the state "
    "dict alone: torch.save(model.state_dict(), path)"
)


class Storage(NamedTuple):
    """Where a tensor's numbers lie: a key in the file, a dtype, a count."""

    key: str
    dtype: np.dtype
    count: int


class Tensor(NamedTuple):
    """A view of a storage, not read yet. ``offset`` and ``stride`` in elements."""

    storage: Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


class _Table(dict):
    """Stands in for ``OrderedDict``; attributes set on it are ignored."""

    __slots__ = ()

    def __setstate__(self, state: Any) -> None:
        """Drops ``_metadata``, the version numbers that torch hangs on."""


class _Inert:
    """An allowed global: callable where torch calls it, and closed to writing."""

    __slots__ = ("_call", "name")

    def __init__(self, name: str, call) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "_call", call)

    def __call__(self, *args):
        return self._call(*args)

    def __setattr__(self, name: str, value: Any) -> None:
        raise _Refusal(f"the file sets {name} on {self.name}")

    def __setstate__(self, state: Any) -> None:
        raise _Refusal(f"the file sets a state on {self.name}")


def loads(data: bytes, path: str) -> Any:
    """The object in ``data``, with ``Tensor`` in place of tensors.

    Raises:
        ValueError: a global that is not allowed (named), a forbidden opcode, or bytes
            that are not a whole pickle.
    """
    scan(io.BytesIO(data), len(data), path)
    try:
        return _Unpickler(io.BytesIO(data), encoding="utf-8").load()
    except _Refusal as error:
        raise ValueError(f"{path}: {error}") from None
    except Exception as error:
        raise ValueError(f"{path}: not a readable pickle: {error}") from error


def scan(stream: BinaryIO, length: int, path: str) -> None:
    """Reads one pickle of a stream of ``length`` bytes to its end; runs nothing.

    Raises:
        ValueError: it is cut short, malformed, or uses an opcode that is refused.
    """
    try:
        for opcode, argument, _ in pickletools.genops(stream):
            if opcode.name in _REFUSED:
                raise _Refusal(f"refused pickle opcode {opcode.name}; {_ADVICE}")
            if "PUT" in opcode.name and int(argument) > length:
                raise _Refusal(f"pickle memo index {argument} is out of bounds")
    except _Refusal as error:
        raise ValueError(f"{path}: {error}") from None
    except Exception as error:
        raise ValueError(f"{path}: cut short, or not a pickle: {error}") from error


class _Refusal(Exception):
    """What the file asks for is not allowed."""


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str):
        """One of the inert names; never an import."""
        full = f"{module}.{name}"
        if module == "torch" and name in DTYPES:
            return _Inert(full, _not_callable(full))
        if full in unread.NAMES:
            return unread.token(full)
        if full in unread.GETATTR:
            return _Inert(full, _attribute)
        if full not in _CALLS:
            raise _Refusal(f"refused global {full}; {_ADVICE}")
        return _Inert(full, _CALLS[full])

    def persistent_load(self, pid: Any) -> Storage:
        """``("storage", type, key, location, count[, view])`` as written by torch."""
        if not (isinstance(pid, tuple) and len(pid) in (5, 6) and pid[0] == "storage"):
            raise _Refusal("a persistent id that is not a storage")
        _, kind, key, _, count = pid[:5]
        if len(pid) == 6 and pid[5] is not None:
            raise _Refusal("views of storages (torch < 0.4) are not read")
        name = getattr(kind, "name", "?").removeprefix("torch.")
        if name not in DTYPES or not isinstance(key, str) or not _natural(count):
            raise _Refusal(f"malformed storage of type {name}")
        return Storage(key, DTYPES[name], count)


def _tensor(storage, offset, size, stride, *_) -> Tensor:
    """The arguments of ``_rebuild_tensor`` and ``_rebuild_tensor_v2``, checked.

    Raises:
        _Refusal: the view does not lie inside its storage, or repeats elements
            (a few bytes could otherwise claim any amount of memory).
    """
    tensor = Tensor(storage, offset, size, stride)
    whole = isinstance(storage, Storage) and _natural(offset)
    shaped = isinstance(size, tuple) and isinstance(stride, tuple)
    if not (whole and shaped and len(size) == len(stride) <= 8):
        raise _Refusal("malformed tensor")
    if not all(_natural(n) for n in (*size, *stride)):
        raise _Refusal("a tensor's size and stride must be natural numbers")
    count = 1
    for length in size:
        count *= length
    last = offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True))
    if count and (last >= storage.count or count > storage.count):
        raise _Refusal(
            f"tensor of size {size}, stride {stride} and offset {offset} exceeds its "
            f"storage of {storage.count} elements"
        )
    return tensor


def _parameter(data, *_) -> Tensor:
    if not isinstance(data, Tensor):
        raise _Refusal("a parameter that holds no tensor")
    return data


def _table(items=()) -> _Table:
    """``OrderedDict()`` or ``OrderedDict([[key, value], ...])`` (Python 2 files)."""
    return _Table(items)


def _attribute(*arguments):
    """``getattr`` of the file, on tokens alone."""
    found = unread.attribute(*arguments) if len(arguments) == 2 else None
    if found is None:
        raise _Refusal(f"refused global builtins.getattr; {_ADVICE}")
    return found


def _not_callable(name: str):
    def call(*_):
        raise _Refusal(f"the file calls {name}")

    return call


def _natural(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


_CALLS = {
    "collections.OrderedDict": _table,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
}
