"""Any supported file or directory to a tree of numpy arrays, and back."""

import os
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxseg.weights.formats import archives, hub, orbax
from jaxseg.weights.formats import torch_reader as torchfile
from jaxseg.weights.formats import torch_writer as torchwrite

READERS = {
    ".pth": torchfile.read,
    ".pt": torchfile.read,
    ".bin": torchfile.read,
    ".ckpt": torchfile.read,  # Lightning
    ".tar": torchfile.read,  # .pth.tar, of timm and PyTorch's examples
    ".safetensors": archives.read_safetensors,
    ".npz": archives.read_npz,
}
WRITERS = {
    ".pth": torchwrite.write,
    ".pt": torchwrite.write,
    ".safetensors": archives.write_safetensors,
    ".npz": archives.write_npz,
}


def local(path: str | os.PathLike) -> str:
    """The path on this machine; ``hf://`` addresses are fetched."""
    path = os.fspath(path)
    return hub.fetch(path) if path.startswith("hf://") else path


def read(path: str | os.PathLike, *, verify: bool = True) -> Any:
    """The content of a file or an Orbax directory.

    Args:
        path: Where it lies; ``hf://`` addresses are fetched.
        verify: Whether to compare a run's arrays with the digest stored with them.

    Raises:
        FileNotFoundError: there is nothing at ``path``.
        ValueError: an unknown suffix, or what the format's reader refuses.
    """
    path = local(path)
    if not os.path.exists(path):
        raise FileNotFoundError(f"{path} does not exist")
    if os.path.isdir(path):
        return orbax.read(path, verify=verify)
    return _pick(READERS, path, "read")(path)


def write(path: str | os.PathLike, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes arrays by name in the format of the suffix, replacing the file whole.

    Raises:
        ValueError: an unknown suffix.
    """
    path = pathlib.Path(path)
    writer = _pick(WRITERS, str(path), "written")
    partial = path.with_name(f".{path.stem}.partial{path.suffix}")
    try:
        writer(str(partial), arrays)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _pick(table: dict, path: str, verb: str):
    suffix = pathlib.Path(path).suffix
    if suffix not in table:
        allowed = ", ".join(table)
        raise ValueError(
            f"{path}: suffix {suffix!r} cannot be {verb}; allowed: {allowed}"
        )
    return table[suffix]
