"""Reads the pickle programs that `torch.save` writes.

These programs build tensors and plain containers. Nothing in a program is executed. A
stack machine with strict checks (see `pickle_machine`) reads it, and this file defines
the few names that `torch.save` uses. Objects of training scripts become placeholders
(see `opaque`). Any other name is an error.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np

from jaxseg.text import printable
from jaxseg.weights.formats import opaque, pickle_machine
from jaxseg.weights.formats.containers import KEY, check_key
from jaxseg.weights.formats.opaque import Name, Unread
from jaxseg.weights.formats.pickle_instructions import Malformed

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
_BYTES = "torch.storage.UntypedStorage"  # Types without a storage class use it.
_STORAGES = {f"torch.{name}": dtype for name, dtype in DTYPES.items()} | {
    _BYTES: np.dtype(np.uint8)
}
_ADVICE = (
    "only tensors and plain containers are read. In PyTorch, save only the state dict "
    "with torch.save(model.state_dict(), path)."
)
_FOREIGN = {  # Kinds of tensors that are not read, and how to convert them.
    "torch._utils._rebuild_qtensor": ("quantized", "Call dequantize() on it"),
    "torch._utils._rebuild_sparse_tensor": ("sparse", "Call to_dense() on it"),
    "torch._utils._rebuild_nested_tensor": ("nested", "Split it into its parts"),
    "torch._utils._rebuild_meta_tensor_no_storage": (
        "on the meta device, where it has no values",
        "Load the weights into it",
    ),
}
_DIMENSIONS = 8  # Weights have at most 5, those of 3-D convolutions.
_LARGEST = 1 << 62  # The largest size or stride in elements.


@dataclasses.dataclass(frozen=True, slots=True)
class Storage:
    """Describes a storage: numbers in a checkpoint file that several tensors can share.

    Attributes:
      key: The name of the storage in the file.
      dtype: The type of the numbers.
      count: The number of elements.
    """

    key: str
    dtype: np.dtype
    count: int


@dataclasses.dataclass(frozen=True, slots=True)
class Tensor:
    """Describes a tensor in a file by its storage, offset, shape and strides.

    Attributes:
      storage: The storage, which contains the values.
      offset: The position of the first element in the storage, in elements.
      size: The shape.
      stride: The strides in elements.
    """

    storage: Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


def loads(data: bytes, path: str) -> Any:
    """Reads the object that a pickle program builds.

    Each tensor in the object becomes a `Tensor`.

    Args:
      data: The pickle program.
      path: The file, for messages.

    Raises:
      ValueError: If a name or an instruction is not allowed, or the bytes are not a
        complete pickle. The message starts with `path`.
    """
    return loads_from(data, 0, path)[0]


def loads_from(data: bytes, start: int, path: str) -> tuple[Any, int]:
    """Reads the object that a pickle program builds, which begins at a given position.

    Args:
      data: The bytes that contain the program.
      start: The position of the program in bytes.
      path: The file, for messages.

    Returns:
      The object and the position after the program.

    Raises:
      ValueError: If a name or an instruction is not allowed, or the program is not
        complete. The message starts with `path`.
    """
    try:
        return pickle_machine.run(data, start, _Torch())
    except Malformed as error:
        raise ValueError(f"{path}: {printable(error, limit=1000)}") from None


class _Torch:
    """Defines what the names in a file of `torch.save` mean."""

    def name(self, full: str) -> Name:
        """Returns the name itself, if it is allowed."""
        if full in _FOREIGN:
            kind, remedy = _FOREIGN[full]
            raise Malformed(
                f"a tensor is {kind}: expected a dense tensor with values. {remedy} "
                "and save the file again."
            )
        known = full in _CALLS or full in _STORAGES or full in opaque.GETATTR
        if known or opaque.is_listed(full):
            return Name(full)
        if full.startswith("torch.") and full.endswith("Storage"):
            raise Malformed(
                f"a tensor has the type {full[:100]}: expected a dense tensor of "
                "numbers"
            )
        raise Malformed(f"the file refers to {full[:100]}: {_ADVICE}")

    def call(self, function: Any, arguments: tuple) -> Any:
        """Returns a tensor, a dictionary or a placeholder."""
        full = function.full if type(function) is Name else type(function).__name__
        if full in opaque.GETATTR and type(function) is Name:
            found = opaque.attribute(*arguments) if len(arguments) == 2 else None
            if found is None:
                raise Malformed(f"the file refers to {full}: {_ADVICE}")
            return found
        if type(function) is not Name or full in _STORAGES:
            raise Malformed(
                f"the pickle program calls {full}: expected only functions that build "
                "tensors"
            )
        return _CALLS[full](*arguments) if full in _CALLS else Unread(full)

    def persistent(self, identity: Any) -> Storage:
        """Reads `("storage", type, key, location, count[, view])`, which torch
        writes.
        """
        if type(identity) is not tuple or len(identity) not in (5, 6):
            raise Malformed("a persistent ID does not describe a tensor storage")
        tag, kind, key, _, count = identity[:5]
        if type(tag) is not str or tag != "storage":
            raise Malformed("a persistent ID does not describe a tensor storage")
        if len(identity) == 6 and identity[5] is not None:
            raise Malformed(
                "a storage is a view (PyTorch before 0.4): expected whole storages. "
                "Load the file in PyTorch and save it again."
            )
        dtype = _STORAGES.get(kind.full) if type(kind) is Name else None
        named = type(key) is str and len(key) <= KEY
        if dtype is None or not named or not _natural(count):
            raise Malformed("the description of a storage is malformed")
        return Storage(key, dtype, count)


def _tensor(storage=None, offset=None, size=None, stride=None, *more) -> Tensor:
    """Checks the arguments of `_rebuild_tensor` and `_rebuild_tensor_v2`.

    Raises:
      Malformed: If the view exceeds its storage or repeats elements. A few bytes could
        otherwise claim any amount of memory. Also if PyTorch would change the stored
        values, for example invert their signs.
    """
    whole = type(storage) is Storage and _natural(offset)
    shaped = type(size) is tuple and type(stride) is tuple and len(size) == len(stride)
    if not (whole and shaped and len(size) <= _DIMENSIONS):
        raise Malformed("the description of a tensor is malformed")
    if not all(_natural(n) for n in (*size, *stride)):
        raise Malformed(
            "a tensor has a malformed size or stride: expected integers of 0 or more"
        )
    if len(more) > 2 and type(more[2]) is dict and any(more[2].values()):
        marks = ", ".join(map(str, more[2]))
        raise Malformed(
            f"the values of a tensor are marked by {marks}, so PyTorch negates or "
            "conjugates them when it reads them. Call resolve_neg() and resolve_conj() "
            "on the tensor and save the file again."
        )
    count, last = 1, offset
    for length, step in zip(size, stride, strict=True):
        count *= length
        last += (length - 1) * step
    if count and (last >= storage.count or count > storage.count):
        raise Malformed(
            f"a tensor of size {size}, stride {stride} and offset {offset} exceeds its "
            f"storage of {storage.count} elements, or contains some of them several "
            "times. Call contiguous() on expanded tensors and save the file again."
        )
    if not count and max(size) * storage.dtype.itemsize >= _LARGEST:
        raise Malformed(f"a tensor has the shape {size}: expected fewer elements")
    return Tensor(storage, offset=offset, size=size, stride=stride)


def _tensor_of_type(*arguments) -> Tensor:
    """Refuses `_rebuild_tensor_v3`, for types that have no storage class."""
    dtype = arguments[6] if len(arguments) > 6 else None
    name = dtype.full if type(dtype) is Name else "an unknown type"
    raise Malformed(
        f"a tensor has the type {name}: expected a type that NumPy supports. Convert "
        "it to float32, float16 or bfloat16 and save the file again."
    )


def _parameter(data=None, *_) -> Tensor:
    if type(data) is not Tensor:
        raise Malformed("a parameter is malformed: expected a tensor in it")
    return data


def _table(items=(), *_) -> dict:
    """Builds an OrderedDict.

    The arguments are empty, or `[[key, value], ...]` in files of Python 2.
    """
    table: dict[Any, Any] = {}
    for pair in items if type(items) in (list, tuple) else (None,):
        if type(pair) not in (list, tuple) or len(pair) != 2:
            raise Malformed(
                "an OrderedDict is malformed: expected pairs of a key and a value"
            )
        check_key(table, pair[0])
        table[pair[0]] = pair[1]
    return table


def _natural(value: Any) -> bool:
    return type(value) is int and value >= 0


_CALLS: dict[str, Callable[..., Any]] = {
    "collections.OrderedDict": _table,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _tensor_of_type,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_parameter_with_state": _parameter,
}
