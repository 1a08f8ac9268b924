"""Reads any supported file or directory as a tree of NumPy arrays, and writes files."""

import os
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxseg.storage import atomic
from jaxseg.text import printable
from jaxseg.weights.formats import (
    foreign,
    hub,
    npz,
    orbax,
    safe_tensors,
    torch_reader,
    torch_writer,
)
from jaxseg.weights.published import download, table

READERS = {
    ".pth": torch_reader.read,
    ".pt": torch_reader.read,
    ".bin": torch_reader.read,
    ".ckpt": torch_reader.read,  # Lightning writes this suffix.
    ".tar": torch_reader.read,  # timm and PyTorch's examples write .pth.tar.
    ".safetensors": safe_tensors.read,
    ".npz": npz.read,
}
WRITERS = {
    ".pth": torch_writer.write,
    ".pt": torch_writer.write,
    ".safetensors": safe_tensors.write,
    ".npz": npz.write,
}


def local(path: str | os.PathLike) -> str:
    """Returns the local path of a file, and downloads it if it is not a local one.

    If a local file or folder has the name of published weights, the local one is used.

    Args:
      path: A path, an `hf://` address, or a name of published weights such as
        "timm/resnet50.a1_in1k".
    """
    path = os.fspath(path)
    if path.startswith("hf://"):
        return hub.fetch(path)
    entry = None if os.path.exists(path) else table.find(path)
    return path if entry is None else download.fetch(entry)


def read(path: str | os.PathLike, *, verify: bool = True) -> Any:
    """Reads a file or an Orbax directory as a tree of NumPy arrays.

    Nothing in a file is executed, whatever it contains. Reading takes at most a few
    microseconds and 300 bytes of memory for each byte of the file, plus 64 MiB.
    Ordinary files of tensors need about as much memory as the size of the file.

    Args:
      path: A path, an `hf://` address or a name of published weights.
      verify: Whether the arrays of a training run are compared with their stored
        digest.

    Raises:
      FileNotFoundError: If `path` does not exist.
      ValueError: If the suffix is unknown, or the content of the file is not valid.
    """
    path = local(path)
    if not os.path.exists(path):
        named = table.suggestion(path) if "/" in path else ""
        hint = f" Published weights have names{named}." if named else ""
        if not named and not os.path.splitext(path)[1]:
            hint = " `jaxseg models --pretrained` lists the names of published weights."
        raise FileNotFoundError(f"{path} does not exist.{hint}")
    if os.path.isdir(path):
        return orbax.read(path, verify=verify)
    foreign.check(path)
    return _pick(READERS, path, "read")(path)


def write(path: str | os.PathLike, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes arrays by name to a file atomically. Its suffix selects the format.

    Args:
      path: The file to create or replace.
      arrays: The arrays by name.

    Raises:
      ValueError: If the suffix is unknown, or the format does not support the type of
        an array.
    """
    writer = _pick(WRITERS, os.fspath(path), "written")
    with atomic.replacing(os.fspath(path)) as temporary:
        writer(str(temporary), arrays)


def _pick(table: dict, path: str, verb: str):
    suffix = pathlib.Path(path).suffix
    if suffix not in table:
        raise ValueError(
            f"{printable(path)}: the suffix {suffix!r} cannot be {verb}: expected one "
            f"of {', '.join(table)}."
        )
    return table[suffix]
