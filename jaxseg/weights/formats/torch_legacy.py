"""Reads the format of `torch.save` before torch 1.6.

The file contains three header pickles, the object, the list of its storages, and then
the length and the bytes of each storage.
"""

import pathlib
import struct
from typing import Any

from jaxseg.weights.formats import pickle_program
from jaxseg.weights.formats.pickle_program import Storage, Tensor
from jaxseg.weights.formats.tensor_tree import resolve

_MAGIC = 0x1950A86A20F9469CFC6C  # MAGIC_NUMBER of torch.serialization.
_PROTOCOL = 1001  # PROTOCOL_VERSION of torch.serialization.
_LENGTH = struct.Struct("<q")


def read(path: str) -> Any:
    """Reads the object in a file that `torch.save` wrote before torch 1.6.

    Tensors become NumPy arrays.

    Args:
      path: The file.

    Raises:
      ValueError: If the content is not allowed, or the file is truncated or of another
        kind.
    """
    data = pathlib.Path(path).read_bytes()
    start = _skip_header(data)
    tree, middle = pickle_program.loads_from(data, start, "the object")
    keys, end = pickle_program.loads_from(data, middle, "the list of storages")
    if type(keys) is not list or not all(type(key) is str for key in keys):
        raise ValueError(
            "the list of storages is malformed: expected a list of strings."
        )
    places = _places(data, position=end, keys=keys, sizes=_item_sizes(tree))

    def content(storage: Storage) -> memoryview:
        if storage.key not in places:
            raise ValueError(f"storage {storage.key!r} is missing from the file.")
        start, count = places[storage.key]
        if count != storage.count:
            raise ValueError(
                f"storage {storage.key!r} has {count} elements: expected "
                f"{storage.count}."
            )
        return memoryview(data)[start : start + count * storage.dtype.itemsize]

    return resolve(tree, content, program=middle - start, file=len(data))


def _skip_header(data: bytes) -> int:
    """Returns the position of the object.

    The magic number, the protocol and the system come before it.
    """
    try:
        magic, position = pickle_program.loads_from(data, 0, "its start")
    except ValueError as error:
        raise ValueError(
            "expected a zip file or a pickle, as torch.save writes them "
            f"({str(error).removesuffix('.')}). Check that the file is a checkpoint "
            "and that its download is complete."
        ) from None
    if type(magic) is not int or magic != _MAGIC:
        raise ValueError(
            "the file is a pickle, but torch.save did not write it. In PyTorch, load "
            "it and save the state dict with torch.save(state_dict, path)."
        )
    protocol, position = pickle_program.loads_from(data, position, "the protocol")
    system, position = pickle_program.loads_from(data, position, "the system")
    if type(protocol) is not int or protocol != _PROTOCOL:
        raise ValueError("the file is a pickle of an unknown version of torch.save.")
    if type(system) is not dict or system.get("little_endian") is not True:
        raise ValueError(
            "the byte order of the file is not little-endian. Save it again on a "
            "little-endian machine."
        )
    return position


def _item_sizes(tree: Any) -> dict[str, int]:
    """Returns the bytes per element of every storage that a tree mentions."""
    sizes: dict[str, int] = {}
    seen: set[int] = set()
    stack = [tree]
    while stack:
        value = stack.pop()
        if type(value) is Tensor:
            size = value.storage.dtype.itemsize
            if sizes.setdefault(value.storage.key, size) != size:
                raise ValueError(
                    f"storage {value.storage.key!r} is used with two types: expected "
                    "one."
                )
        elif type(value) in (dict, list, tuple) and id(value) not in seen:
            seen.add(id(value))
            stack += value.values() if type(value) is dict else value
    return sizes


def _places(
    data: bytes, position: int, keys: list[str], sizes: dict[str, int]
) -> dict[str, tuple[int, int]]:
    """Returns the position and the number of elements of each storage."""
    places: dict[str, tuple[int, int]] = {}
    for key in keys:
        if key not in sizes or key in places:
            raise ValueError(
                f"storage {key!r} belongs to no tensor, or is listed twice."
            )
        if position + _LENGTH.size > len(data):
            raise ValueError(f"the file is truncated before storage {key!r}.")
        (count,) = _LENGTH.unpack_from(data, position)
        position += _LENGTH.size
        end = position + count * sizes[key]
        if count < 0 or end > len(data):
            raise ValueError(f"the file is truncated inside storage {key!r}.")
        places[key] = (position, count)
        position = end
    return places
