"""Reads ``.pth`` and ``.pt`` files, zip and legacy, without torch.

Tensors are read-only numpy views of the file's storages, so that no file can claim
more memory than its own length.
"""

import mmap
import os
import struct
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

from jaxseg.weights.formats import pickle_program as pickled
from jaxseg.weights.formats.pickle_program import Storage, Tensor

_MAGIC = 0x1950A86A20F9469CFC6C  # of the format before torch 1.6
_PROTOCOL = 1001
_BROKEN = (
    zipfile.BadZipFile,
    EOFError,
    RuntimeError,
    ValueError,
    OSError,
    struct.error,
)
_DEPTH = 32  # containers inside containers


def read(path: str) -> Any:
    """The object of a file, with numpy arrays in place of tensors.

    Raises:
        ValueError: refused content, or a file that is cut short or of another kind.
    """
    with open(path, "rb") as file:
        if os.fstat(file.fileno()).st_size == 0:
            raise ValueError(f"{path} is empty")
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    if data[:4] == b"PK\x03\x04":
        return _read_zip(path, data)
    return _read_legacy(path, data)


def _read_zip(path: str, data: mmap.mmap) -> Any:
    try:
        archive = zipfile.ZipFile(path)
    except _BROKEN as error:
        raise ValueError(f"{path} is cut short or not a zip file: {error}") from error
    with archive:
        entries = _entries(path, archive, len(data))
        root = _root(path, entries)
        if f"{root}constants.pkl" in entries:
            raise ValueError(f"{path} is a TorchScript program; save its state_dict()")
        order = entries.get(f"{root}byteorder")
        if order is not None and _member(path, archive, order).strip() != b"little":
            raise ValueError(f"{path} is not little-endian")
        tree = pickled.loads(_member(path, archive, entries[f"{root}data.pkl"]), path)
        cache: dict[Storage, np.ndarray] = {}

        def storage(wanted: Storage) -> np.ndarray:
            if wanted not in cache:
                entry = entries.get(f"{root}data/{wanted.key}")
                if entry is None:
                    raise ValueError(f"{path} lacks storage {wanted.key!r}")
                cache[wanted] = _numbers(path, _member(path, archive, entry), wanted)
            return cache[wanted]

        return _fill(tree, storage)


def _entries(path: str, archive: zipfile.ZipFile, length: int) -> dict:
    """Entries by name; torch stores them uncompressed, so they fit into the file.

    Raises:
        ValueError: compressed or overlapping entries, which could unpack to anything.
    """
    entries = {entry.filename: entry for entry in archive.infolist()}
    for entry in entries.values():
        if entry.compress_type != zipfile.ZIP_STORED:
            raise ValueError(
                f"{path}: entry {entry.filename!r} is compressed, torch.save does not"
            )
    total = sum(entry.file_size for entry in archive.infolist())
    if total > length:
        raise ValueError(f"{path} claims {total} bytes inside a file of {length}")
    return entries


def _root(path: str, entries: dict) -> str:
    for name in entries:
        if name == "data.pkl" or name.endswith("/data.pkl"):
            return name.removesuffix("data.pkl")
    raise ValueError(f"{path} is a zip file without data.pkl, not one of torch.save")


def _member(path: str, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    try:
        return archive.read(entry)
    except _BROKEN as error:
        raise ValueError(f"{path}: {entry.filename} is broken: {error}") from error


def _numbers(path: str, data: bytes, storage: Storage) -> np.ndarray:
    if len(data) != storage.count * storage.dtype.itemsize:
        raise ValueError(
            f"{path}: storage {storage.key!r} has {len(data)} bytes, "
            f"{storage.count} x {storage.dtype} expected"
        )
    return np.frombuffer(data, storage.dtype)


def _read_legacy(path: str, data: mmap.mmap) -> Any:
    """Three header pickles, the object, the storages' keys, then count and bytes."""
    head, position = [], 0
    for _ in range(3):
        value, position = _next_pickle(path, data, position)
        head.append(value)
    if head[0] != _MAGIC or head[1] != _PROTOCOL:
        raise ValueError(f"{path} is a pickle, but not one of torch.save")
    if not isinstance(head[2], dict) or head[2].get("little_endian") is not True:
        raise ValueError(f"{path} is not little-endian")
    tree, position = _next_pickle(path, data, position)
    keys, position = _next_pickle(path, data, position)
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise ValueError(f"{path}: the list of storages is malformed")
    places = _places(path, data, position, keys, _sizes(tree))

    def storage(wanted: Storage) -> np.ndarray:
        if wanted.key not in places:
            raise ValueError(f"{path} lacks storage {wanted.key!r}")
        start, count = places[wanted.key]
        if count != wanted.count:
            raise ValueError(
                f"{path}: storage {wanted.key!r} has {count} elements, "
                f"{wanted.count} expected"
            )
        return np.frombuffer(data, wanted.dtype, count, start)

    return _fill(tree, storage)


def _next_pickle(path: str, data: mmap.mmap, start: int) -> tuple[Any, int]:
    data.seek(start)
    pickled.scan(data, len(data), path)
    end = data.tell()
    return pickled.loads(data[start:end], path), end


def _sizes(tree: Any) -> dict[str, int]:
    """Bytes per element of every storage that the object mentions."""
    sizes: dict[str, int] = {}

    def note(tensor: Tensor) -> None:
        sizes[tensor.storage.key] = tensor.storage.dtype.itemsize

    _walk(tree, note)
    return sizes


def _places(path, data, position, keys, sizes) -> dict[str, tuple[int, int]]:
    """(first byte, count) of each storage behind the pickles."""
    places = {}
    for key in keys:
        if key not in sizes:
            raise ValueError(f"{path}: storage {key!r} belongs to no tensor")
        if position + 8 > len(data):
            raise ValueError(f"{path} is cut short at storage {key!r}")
        (count,) = struct.unpack_from("<q", data, position)
        end = position + 8 + count * sizes[key]
        if count < 0 or end > len(data):
            raise ValueError(f"{path} is cut short in storage {key!r}")
        places[key] = (position + 8, count)
        position = end
    return places


def _fill(tree: Any, storage: Callable[[Storage], np.ndarray]) -> Any:
    """The tree with arrays in place of ``Tensor``."""

    def view(tensor: Tensor) -> np.ndarray:
        flat = storage(tensor.storage)
        if 0 in tensor.size:
            return np.zeros(tensor.size, flat.dtype)
        strides = tuple(s * flat.itemsize for s in tensor.stride)
        return np.lib.stride_tricks.as_strided(
            flat[tensor.offset :], tensor.size, strides, writeable=False
        )

    return _walk(tree, view)


def _walk(tree: Any, change: Callable[[Tensor], Any]) -> Any:
    """A copy of dicts, lists and tuples with every tensor changed.

    A container that is mentioned many times is copied once: nested mentions would
    otherwise multiply.

    Raises:
        ValueError: containers nested deeper than any checkpoint's, or in a circle.
    """
    done: dict[int, Any] = {}

    def visit(value: Any, depth: int) -> Any:
        if isinstance(value, Tensor):
            return change(value)
        if isinstance(value, Storage) or not isinstance(value, dict | list | tuple):
            return value
        if depth > _DEPTH:
            raise ValueError(f"containers are nested deeper than {_DEPTH}")
        if id(value) not in done:
            if isinstance(value, dict):
                copy = {key: visit(item, depth + 1) for key, item in value.items()}
            else:
                copy = [visit(item, depth + 1) for item in value]
            done[id(value)] = tuple(copy) if isinstance(value, tuple) else copy
        return done[id(value)]

    return visit(tree, 0)
