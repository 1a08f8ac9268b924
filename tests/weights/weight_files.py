"""Builds weight files of every format byte by byte, with any content."""

import io
import json
import pickle
import struct
import zipfile
from collections.abc import Callable, Mapping

import numpy as np

from jaxseg.weights.formats import torch_writer

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001  # of torch.save before torch 1.6


def zipped(program: bytes, **members: bytes) -> bytes:
    """Returns a zip file as `torch.save` writes it, with any program and members."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", program)
        for name, data in members.items():
            archive.writestr(f"archive/{name}", data)
    return file.getvalue()


def legacy(program: bytes, storages: Mapping[str, bytes], counts: list[int]) -> bytes:
    """Returns a file of the format before torch 1.6 with any program."""
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {}}
    parts = [pickle.dumps(value, 2) for value in (MAGIC, PROTOCOL, system)]
    parts += [program, pickle.dumps(list(storages), 2)]
    for data, count in zip(storages.values(), counts, strict=True):
        parts += [struct.pack("<q", count), data]
    return b"".join(parts)


def with_tensors(beside: Mapping, arrays: Mapping[str, np.ndarray]) -> bytes:
    """Returns the program of a checkpoint: a state dict of tensors and other
    entries.
    """
    rest = pickle.dumps(dict(beside), 2)
    state = torch_writer.pickled_state(arrays)[2:-1]
    return (
        b"\x80\x02"
        + rest[2:-1]
        + torch_writer.pickled_text("state_dict")
        + state
        + b"s."
    )


def tensor(
    size, stride, offset=0, *, key=b"0", kind="FloatStorage", count=6, more=b""
) -> bytes:
    """Returns the part of a program that pushes one tensor onto the stack."""
    integer, integers = torch_writer.pickled_integer, torch_writer.pickled_integers
    storage = [b"(", torch_writer.pickled_text("storage"), f"ctorch\n{kind}\n".encode()]
    storage += [
        torch_writer.pickled_text(key.decode()),
        torch_writer.pickled_text("cpu"),
    ]
    storage += [integer(count), b"tQ"]
    view = [integer(offset), integers(size), integers(stride)]
    hooks = b"\x89ccollections\nOrderedDict\n)R"
    function = b"ctorch._utils\n_rebuild_tensor_v2\n"
    return b"".join([function, b"(", *storage, *view, hooks, more, b"tR"])


def npy(header: bytes | str, data: bytes = b"") -> bytes:
    """Returns a member of an .npz file with any header."""
    text = header.encode() if isinstance(header, str) else header
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


def npy_header(kind: str, shape: str) -> str:
    """Returns the header of an array with any text as its type and shape."""
    return f"{{'descr': {kind}, 'fortran_order': False, 'shape': {shape}, }}\n"


def npz(members: Mapping[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """Returns an .npz file of any members."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def saved(save: Callable, arrays: Mapping[str, np.ndarray]) -> bytes:
    """What `numpy.savez` or `numpy.savez_compressed` writes."""
    file = io.BytesIO()
    save(file, **arrays)
    return file.getvalue()


def safetensors(header: Mapping | bytes, data: bytes = b"") -> bytes:
    """Returns a .safetensors file with any header."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def directory_field(data: bytes, form: str, place: int, value: int, *, nth=0) -> bytes:
    """Returns a zip file with another value in the directory entry of a member."""
    changed, entry = bytearray(data), -1
    for _ in range(nth + 1):
        entry = data.index(b"PK\x01\x02", entry + 1)
    struct.pack_into(form, changed, entry + place, value)
    return bytes(changed)
