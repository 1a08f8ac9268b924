"""Writes a state dict in PyTorch's zip format, without torch.

`torch.load(path, weights_only=True)` reads the file. It contains an `OrderedDict` of
tensors with one storage each.
"""

import struct
import zipfile
from collections.abc import Mapping

import ml_dtypes
import numpy as np

from jaxseg.weights.formats.pickle_program import DTYPES

_KINDS = {dtype: name for name, dtype in DTYPES.items()}


def write(path: str, state_dict: Mapping[str, np.ndarray]) -> None:
    """Writes a state dict to a file that `torch.load` can read.

    Args:
      path: The file to create.
      state_dict: The arrays by PyTorch name.

    Raises:
      ValueError: If `torch.save` has no storage for the type of an array.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("archive/data.pkl", pickled_state(state_dict))
        archive.writestr("archive/byteorder", b"little")
        for number, array in enumerate(state_dict.values()):
            archive.writestr(f"archive/data/{number}", _little(array).tobytes())
        archive.writestr("archive/version", b"3\n")


def _little(array: np.ndarray) -> np.ndarray:
    if array.dtype == ml_dtypes.bfloat16:
        return array
    return np.asarray(array, array.dtype.newbyteorder("<"))


def pickled_state(state_dict: Mapping[str, np.ndarray]) -> bytes:
    """Returns a pickle (protocol 2) that builds an `OrderedDict` of PyTorch tensors.

    Args:
      state_dict: The arrays by name.

    Raises:
      ValueError: If `torch.save` has no storage for the type of an array.
    """
    parts = [b"\x80\x02", _global("collections", "OrderedDict"), b")R"]
    for number, (key, array) in enumerate(state_dict.items()):
        parts += [pickled_text(key), _tensor(number, array), b"s"]
    return b"".join([*parts, b"."])


def _tensor(number: int, array: np.ndarray) -> bytes:
    """Returns `_rebuild_tensor_v2(storage, 0, size, stride, False, OrderedDict())`."""
    if array.dtype not in _KINDS:
        raise ValueError(
            f"dtype={array.dtype} is invalid for .pth files: expected one of "
            f"{', '.join(str(dtype) for dtype in _KINDS)}."
        )
    storage = [
        b"(" + pickled_text("storage"),
        _global("torch", _KINDS[array.dtype]),
        pickled_text(str(number)) + pickled_text("cpu"),
        pickled_integer(array.size) + b"tQ",
    ]
    stride = [1]
    for length in reversed(array.shape[1:]):
        stride.insert(0, stride[0] * length)
    return b"".join(
        [
            _global("torch._utils", "_rebuild_tensor_v2"),
            b"(",
            *storage,
            pickled_integer(0),
            pickled_integers(array.shape),
            pickled_integers(stride[: array.ndim]),
            b"\x89" + _global("collections", "OrderedDict") + b")R",
            b"tR",
        ]
    )


def _global(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


def pickled_text(value: str) -> bytes:
    """Returns the pickle opcodes that push a string onto the stack."""
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def pickled_integer(value: int) -> bytes:
    """Returns the pickle opcodes that push an integer onto the stack.

    They are nine bytes long: the opcode LONG1 and its argument.
    """
    return b"\x8a\x09" + int(value).to_bytes(9, "little", signed=True)


def pickled_integers(values) -> bytes:
    """Returns the pickle opcodes that push a tuple of integers onto the stack."""
    return b"(" + b"".join(pickled_integer(value) for value in values) + b"t"
