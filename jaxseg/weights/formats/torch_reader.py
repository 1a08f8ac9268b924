"""Reads `.pth` and `.pt` files without torch, in the zip format of torch 1.6 and later.

`torch_legacy` reads the older format. The bytes of tensors are not compressed, so the
tensors never need more memory than the length of the file.
"""

import os
from typing import Any

from jaxseg.text import printable
from jaxseg.weights.formats import (
    foreign,
    pickle_program,
    torch_legacy,
    zip_members,
)
from jaxseg.weights.formats.pickle_program import Storage
from jaxseg.weights.formats.tensor_tree import resolve
from jaxseg.weights.formats.zip_members import Members


def read(path: str) -> Any:
    """Reads the object that `torch.save` stored in a file, in its zip format.

    Tensors become NumPy arrays.

    Args:
      path: The file.

    Raises:
      ValueError: If the content is not allowed, or the file is truncated or of another
        kind. The message starts with `path`.
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size == 0:
            raise ValueError(f"{path} is empty. Download or copy it again.")
        zipped = file.read(4) == b"PK\x03\x04"
    try:
        if not zipped:
            return torch_legacy.read(path)
        with zip_members.opened(path, size, deflated=False) as archive:
            return _read_zip(archive, size)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _read_zip(archive: Members, size: int) -> Any:
    root = _root(archive)
    if f"{root}constants.pkl" in archive.entries:
        raise _other_program(archive)
    order = f"{root}byteorder"
    if order in archive.entries and archive.read(order).strip() != b"little":
        raise ValueError(
            "the byte order of the file is not little-endian. Save it again on a "
            "little-endian machine."
        )
    name = f"{root}data.pkl"
    program = archive.read(name)
    tree = pickle_program.loads(program, printable(name))
    contents: dict[str, bytes] = {}

    def content(storage: Storage) -> bytes:
        if storage.key not in contents:
            contents[storage.key] = _storage(archive, root, storage.key)
        data = contents[storage.key]
        if len(data) != storage.count * storage.dtype.itemsize:
            raise ValueError(
                f"storage {storage.key!r} has {len(data)} bytes: expected "
                f"{storage.count} numbers of type {storage.dtype}."
            )
        return data

    return resolve(tree, content, program=len(program), file=size)


def _storage(archive: Members, root: str, key: str) -> bytes:
    name = f"{root}data/{key}"
    if name not in archive.entries:
        raise ValueError(f"storage {key!r} is missing from the file.")
    return archive.read(name)


def _root(archive: Members) -> str:
    """Returns the folder inside the zip file that contains everything."""
    for name in archive.entries:
        if name == "data.pkl" or name.endswith("/data.pkl"):
            return name.removesuffix("data.pkl")
    raise _other_program(archive)


def _other_program(archive: Members) -> ValueError:
    kind = foreign.describe_members(archive.entries)
    return ValueError(f"torch.save did not write this zip file. {kind}")
