"""Damaged and hostile weight files, drawn from a seed.

Every file starts as a whole one of some format. Half of the mutations work on the bytes
of the file; the others work inside it (on the pickle program, the header of an array,
the description of a tensor, the directory of a zip file) and make the checksums and
lengths around it right again, so that they reach the code behind those checks.
"""

import io
import json
import random
import struct
import zipfile
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import weight_files
from safetensors import numpy as safetensors

NUMBERS = (0, 1, 2, 127, 128, 255, 256, 65535, 1 << 31, (1 << 32) - 1, 1 << 62, (1 << 63) - 1)  # fmt: skip
ARRAYS = {
    "stem.conv.weight": np.arange(24, dtype=np.float32).reshape(2, 3, 4) / 7,
    "stem.norm.bias": np.array([1.5, -2], np.float16),
    "head.counter": np.array(7, np.int64),
    "head.empty": np.zeros((0, 3), np.float32),
    "head.mask": np.array([True, False, True]),
}
BESIDE = {
    "epoch": 3,
    "lr": [0.1, None, True],
    "meta": {"CLASSES": ("road", "car"), "PALETTE": [[0, 0, 0], [1, 2, 3]]},
    "optimizer": {"state": {0: {"step": 5}}, "param_groups": [{"params": [0, 1]}]},
}
FRAGMENTS = (  # of pickle programs: what torch and hostile files use
    b"(", b")", b"]", b"}", b"N", b"0", b"1", b"2", b"t", b"\x85", b"\x86", b"\x87",
    b"R", b"b", b"s", b"u", b"a", b"e", b"d", b"l", b"o", b"\x81", b"\x90", b"\x91",
    b"\x93", b"\x94", b"Q", b"K\x01", b"K\xff", b"X\x01\x00\x00\x00w", b"q\x01",
    b"h\x01", b"\x8a\x08" + b"\xff" * 7 + b"\x7f", b"\x8b\xff\xff\xff\x7f", b"\x8f",
    b"ccollections\nOrderedDict\n", b"ctorch._utils\n_rebuild_tensor_v2\n",
    b"ctorch\nFloatStorage\n", b"cos\nsystem\n", b"c__builtin__\ngetattr\n",
    b"cargparse\nNamespace\n", b"ctorch._utils\n_rebuild_parameter\n", b"I01\n", b".",
    b"r\xff\xff\xff\xff", b"G\x7f\xf0\x00\x00\x00\x00\x00\x00", b"F1e999\n", b"2\x86",
)  # fmt: skip


class Mutant(NamedTuple):
    """Holds a file to read: its format, its mutation, its suffix and its bytes."""

    format: str
    change: str
    suffix: str
    data: bytes


def mutants(seed: int) -> Iterator[Mutant]:
    """Yields files endlessly. Equal seeds give equal sequences."""
    draw = random.Random(seed)
    formats = _formats()
    while True:
        name = draw.choice(list(formats))
        suffix, whole, inside = formats[name]
        change = draw.choice([*BYTE_CHANGES, *[inside] * len(BYTE_CHANGES)])
        yield Mutant(name, change.__name__.strip("_"), suffix, change(draw, whole))


def _formats() -> dict[str, tuple[str, bytes, Callable]]:
    """Returns the suffix, a valid file and the inner mutation of each format."""
    program = _program()
    return {
        "zip": (".pth", _zipped(program), _zip_program),
        "zip directory": (".pth", _zipped(program), _directory),
        "legacy": (".pth", _legacy(program), _legacy_program),
        "npz": (".npz", weight_files.saved(np.savez, ARRAYS), _npy_header),
        "npz deflated": (
            ".npz",
            weight_files.saved(np.savez_compressed, ARRAYS),
            _directory,
        ),
        "safetensors": (".safetensors", safetensors.save(ARRAYS), _description),
    }


def _program() -> bytes:
    return weight_files.with_tensors(BESIDE, ARRAYS)


def _zipped(program: bytes) -> bytes:
    storages = {f"data/{n}": a.tobytes() for n, a in enumerate(ARRAYS.values())}
    return weight_files.zipped(program, byteorder=b"little", **storages)


def _legacy(program: bytes) -> bytes:
    storages = {str(n): a.tobytes() for n, a in enumerate(ARRAYS.values())}
    return weight_files.legacy(program, storages, [a.size for a in ARRAYS.values()])


# Changes of the bytes, whatever they mean.


def flip_bits(draw: random.Random, data: bytes) -> bytes:
    """Flips one to eight bits."""
    changed = bytearray(data)
    for _ in range(draw.choice((1, 1, 2, 8))):
        changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def cut(draw: random.Random, data: bytes) -> bytes:
    """Removes a part: the end, the start or something between."""
    start, end = sorted(draw.randrange(len(data) + 1) for _ in range(2))
    return draw.choice((data[:end], data[start:], data[:start] + data[end:]))


def repeat(draw: random.Random, data: bytes) -> bytes:
    """Repeats a part several times."""
    start = draw.randrange(len(data))
    part = data[start : start + draw.choice((1, 8, 40, 200))]
    return data[:start] + part * draw.choice((2, 3, 50)) + data[start:]


def put_number(draw: random.Random, data: bytes) -> bytes:
    """Replaces some bytes by a special number."""
    form = draw.choice(("<B", "<H", "<I", "<Q"))
    size = struct.calcsize(form)
    start = draw.randrange(max(1, len(data) - size))
    number = draw.choice(NUMBERS) & ((1 << 8 * size) - 1)
    return data[:start] + struct.pack(form, number) + data[start + size :]


def put_noise(draw: random.Random, data: bytes) -> bytes:
    """Replaces a part by random bytes."""
    start, count = draw.randrange(len(data)), draw.choice((1, 4, 16, 64))
    return data[:start] + draw.randbytes(count) + data[start + count :]


BYTE_CHANGES = (flip_bits, cut, repeat, put_number, put_noise)


# Changes inside a file, with the checksums and lengths around them made right.


def _change_program(draw: random.Random, program: bytes) -> bytes:
    """Inserts, removes or repeats instructions, or writes a random program."""
    if draw.random() < 0.2:
        body = b"".join(
            draw.choice(FRAGMENTS) for _ in range(draw.choice((5, 50, 500)))
        )
        return b"\x80\x02" + body + b"."
    for _ in range(draw.choice((1, 1, 1, 3))):
        place = draw.randrange(2, len(program))
        part = draw.choice(FRAGMENTS) * draw.choice((1, 1, 2, 100))
        left = draw.choice((0, 0, 1, 2, 5))
        program = program[:place] + part + program[place + left :]
        if draw.random() < 0.3:
            program = draw.choice(BYTE_CHANGES)(draw, program)
    return program or b"."


def _zip_program(draw: random.Random, data: bytes) -> bytes:
    return _zipped(_change_program(draw, _program()))


def _legacy_program(draw: random.Random, data: bytes) -> bytes:
    return _legacy(_change_program(draw, _program()))


def _npy_header(draw: random.Random, data: bytes) -> bytes:
    """Changes the headers or the bytes of arrays and packs them again."""
    methods = (
        zipfile.ZIP_STORED,
        zipfile.ZIP_DEFLATED,
        zipfile.ZIP_BZIP2,
        zipfile.ZIP_LZMA,
    )
    method = draw.choices(methods, (4, 4, 1, 1))[0]
    file = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as old,
        zipfile.ZipFile(file, "w", method) as new,
    ):
        for name in old.namelist():
            content = old.read(name)
            if draw.random() < 0.5:
                content = draw.choice((_header_text, *BYTE_CHANGES))(draw, content)
            new.writestr(draw.choice((name, name, "\x1b[31m", "a/../b")), content)
    return file.getvalue()


def _header_text(draw: random.Random, content: bytes) -> bytes:
    new = draw.choice((
        b"<f4", b"|O", b"<V9", b"<U1000000", b"(1000000000000,)", b"(-1,)", b"((((", b"{}",
        b"(0, 4611686018427387904, 4611686018427387904)", b"9" * 5000, b"1" * 60 + b"x",
    ))  # fmt: skip
    old = draw.choice((b"<f4", b"(2, 3, 4)", b"(2,)", b"()", b"False", b"descr", b"'"))
    return content.replace(old, new)


def _description(draw: random.Random, data: bytes) -> bytes:
    """Changes fields of the header of a .safetensors file."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    for _ in range(draw.choice((1, 1, 2))):
        name = draw.choice(list(header))
        field = draw.choice(("dtype", "shape", "data_offsets", "name", "extra"))
        if field == "name":
            header[draw.choice(("", "\x1b[2J", "x" * 5000, "__metadata__"))] = header[
                name
            ]
        elif isinstance(header[name], dict):
            header[name][field] = draw.choice((
                "F8_E4M3", "F4", "F8_E8M0", "F64", "?", None, [], [1 << 62, 1 << 62], [-1],
                [0, 1 << 63], [True], [1.5], [[[]]], 10**400, [2, 3, 4], [0] * 1000, {},
            ))  # fmt: skip
        else:
            header[name] = draw.choice((None, [], "x", 3))
    text = json.dumps(header).encode()
    if draw.random() < 0.1:
        text = b"[" * 100_000
    return struct.pack("<Q", len(text)) + text + data[8 + length :]


def _directory(draw: random.Random, data: bytes) -> bytes:
    """Changes fields of the directory and the headers of a zip file."""
    changed = bytearray(data)
    for _ in range(draw.choice((1, 1, 2, 4))):
        marks = [b"PK\x01\x02", b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06"]
        mark = draw.choice(marks)
        places = [i for i in range(len(data) - 4) if data[i : i + 4] == mark]
        place = draw.choice(places) + draw.choice(
            (6, 8, 10, 16, 20, 24, 26, 28, 30, 42)
        )
        form = draw.choice(("<H", "<I"))
        number = draw.choice((*NUMBERS, 8, 9, 12, 14, 8, 12)) & 0xFFFF
        if form == "<I":
            number = draw.choice((*NUMBERS, draw.randrange(len(data)))) & 0xFFFFFFFF
        if place + 4 <= len(changed):
            struct.pack_into(form, changed, place, number)
    return bytes(changed)
