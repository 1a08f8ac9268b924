"""Reads any supported file or directory as a tree of NumPy arrays, and writes them."""

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

READERS = {
    ".pth": torch_reader.read,
    ".pt": torch_reader.read,
    ".bin": torch_reader.read,
    ".ckpt": torch_reader.read,  # Lightning
    ".tar": torch_reader.read,  # .pth.tar, of timm and PyTorch's examples
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
    """The path on this machine; files at `hf://` addresses are downloaded."""
    path = os.fspath(path)
    return hub.fetch(path) if path.startswith("hf://") else path


def read(path: str | os.PathLike, *, verify: bool = True) -> Any:
    """The content of a file or of an Orbax directory.

    Whatever a file holds, nothing in it is executed. Reading takes at most a few
    microseconds and 300 bytes of memory for each byte of the file, and 64 MiB more;
    whole files of tensors take their own size.

    Args:
      path: Where it lies; `hf://` addresses are fetched.
      verify: Whether to compare a run's arrays with the digest stored with them.

    Raises:
      FileNotFoundError: There is nothing at `path`.
      ValueError: The suffix is unknown, or the reader of its format refuses the file.
    """
    path = local(path)
    if not os.path.exists(path):
        raise FileNotFoundError(f"{path} does not exist")
    if os.path.isdir(path):
        return orbax.read(path, verify=verify)
    foreign.check(path)
    return _pick(READERS, path, "read")(path)


def write(path: str | os.PathLike, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes arrays by name in the format of the suffix, replacing the file whole.

    Raises:
      ValueError: The suffix is unknown, or the format lacks the type of an array.
    """
    writer = _pick(WRITERS, os.fspath(path), "written")
    with atomic.replacing(path) as temporary:
        writer(str(temporary), arrays)


def _pick(table: dict, path: str, verb: str):
    suffix = pathlib.Path(path).suffix
    if suffix not in table:
        raise ValueError(
            f"{printable(path)}: suffix {suffix!r} cannot be {verb}; expected one of "
            f"{', '.join(table)}"
        )
    return table[suffix]
