"""Hostile and damaged weight files, and what their readers must say of them.

`ROWS` holds one file under each name: its suffix, its bytes and a pattern of the error,
or `READ` where the file is whole. test_hostile_files.py reads them all.
"""

import json
import struct
import zipfile

import numpy as np
import weight_files
from weight_files import directory_field, npy, npy_header, npz, safetensors, tensor

from jaxseg.weights.formats import torch_writer

TENSOR = {"w": np.arange(6, dtype=np.float32).reshape(2, 3)}
DATA = TENSOR["w"].tobytes()
WHOLE = weight_files.zipped(torch_writer.pickled_state(TENSOR), **{"data/0": DATA})
NPZ = weight_files.saved(np.savez, TENSOR)
DEFLATED = weight_files.saved(np.savez_compressed, {"w": np.arange(500)})
READ = None  # in place of an error: the file is read
DAG = b")" + b"2\x86" * 60  # t = (t, t), sixty times
NESTED = b")" + b"\x85" * 200_000  # ((((),),),), and so on
TABLE = b"ccollections\nOrderedDict\n"


def integers(values) -> bytes:
    return b"".join(
        b"\x8a\x10" + value.to_bytes(16, "little", signed=True) + b"N"
        for value in values
    )


def orbit(bits: int) -> list[int]:
    """Returns integers that fill a dictionary in the order of its probe sequence."""
    size, place, chain = 1 << bits, 1, []
    for _ in range(size // 3):
        chain.append(place)
        place = (5 * place + 1) % size
    return chain + [chain[0] + size * k for k in range(1, size // 3)]


KEYS = {  # instructions that make the part before them a key
    "item": (b"}", b"Ns"),
    "items": (b"}(", b"Nu"),
    "dict": (b"(", b"Nd"),
    "ordered": (TABLE + b")R", b"Ns"),
    "pairs": (TABLE + b"](", b"N\x86e\x85R"),
    "placeholder": (b"}X\x01\x00\x00\x00acargparse\nNamespace\n)R", b"Nss"),
    "set": (b"\x8f(", b"\x90"),
    "frozenset": (b"(", b"\x91"),
    "old set": (b"c__builtin__\nset\n(](", b"etR"),
}
TAMED = ("placeholder", "set", "frozenset", "old set")  # nothing there is hashed
PROGRAMS = {
    f"{what} {kind}": (
        start + key + end + b".",
        READ if kind in TAMED else "a dictionary has a key of type tuple",
    )
    for what, key in (("dag", DAG), ("nested", NESTED))
    for kind, (start, end) in KEYS.items()
    if what == "dag" or kind in ("item", "set")
} | {
    "colliding": (
        b"}(" + integers(k * (2**61 - 1) for k in range(40_000)) + b"u.",
        "too large or too many",
    ),
    "orbit": (b"}(" + integers(orbit(13)) + b"u.", READ),
    "many integers": (b"}(" + integers(range(40_000)) + b"u.", "too large or too many"),
    "same key": (b"}(" + b"K\x01N" * 2 + b"u.", "contains a key twice"),
    "same pair": (TABLE + b"](" + b"K\x01N\x86" * 2 + b"e\x85R.", "contains a key twice"),
    "bytes": (b"}C\x01aNs.", "a key of type bytes"),
    "float": (b"}G" + bytes(8) + b"Ns.", "a key of type float"),
    "bool": (b"}\x88Ns.", "a key of type bool"),
    "long key": (b"}X\xd0\x07\x00\x00" + b"k" * 2000 + b"Ns.", "key has 2000 characters"),
    "laughs": (
        b"]q\x01" + b"".join(b"(" + b"h\x01" * 1000 + b"lq\x01" for _ in range(20)) + b".",
        "nested containers in the file have",
    ),
    "laughing params": (
        b"}q\x000" + b"}(X\x01\x00\x00\x00ah\x00X\x01\x00\x00\x00bh\x00uq\x000" * 30
        + b"}X\x06\x00\x00\x00paramsh\x00s.",
        "nested containers in the file have",
    ),
    "circle": (b"]q\x00h\x00a.", "nested more than 32 levels"),
    "circle of dicts": (b"}q\x00X\x01\x00\x00\x00ah\x00s.", "nested more than 32 levels"),
    "deep lists": (b"]" * 10**5 + b"a" * (10**5 - 1) + b".", "nested more than 32 levels"),
    "deep tuples": (NESTED + b".", "nested more than 32 levels"),
    "chained": (  # every chain alone is short enough
        b"]" + b"(]q\x00" + b"".join(b"]" * 20 + b"h\x00" + b"a" * 20 + b"q\x00" for _ in range(9)) + b"e.",
        "nested more than 32 levels",
    ),
    "marks": (b"(" * 200_000 + b".", "the stack is empty"),
    "memo index": (b"}r\xff\xff\xff\xff.", "memo entry 4294967295: expected a smaller"),
    "memoized": (b"]" + b"\x94" * 200_000 + b".", READ),
    "empty memo": (b"h\x07.", "memo entry 7, which"),
    "negative memo": (b"g-1\n.", "memo entry -1, which"),
    "long arguments": (TABLE + b"q\x00(" + b"N" * 100_000 + b"tq\x010" + b"h\x00h\x01R0" * 20_000 + b"N.", "malformed arguments"),
    "long pairs": (
        TABLE + b"q\x00](" + b"".join(b"X\x03\x00\x00\x00%03dN\x86" % k for k in range(999)) + b"e\x85q\x010"
        + b"h\x00h\x01R0" * 20_000 + b"N.",
        "the pickle program has more than .* steps",
    ),
    "long attribute": (
        b"X\x00\x00\x10\x00" + b"a" * (1 << 20) + b"q\x000cargparse\nNamespace\nq\x01c__builtin__\ngetattr\nh\x01h\x00\x86R.",
        "the file refers to __builtin__.getattr",
    ),
    "long global": (b"X\x00\x00\x10\x00" + b"a" * (1 << 20) + b"2\x93.", "a name that is too long"),
    "long line": (b"c" + b"a" * (1 << 20) + b"\nb\n.", "expected a line break"),
    "long integer": (b"\x8b\x00\x00\x10\x00" + b"\x7f" * (1 << 20) + b".", "has 1048576 bytes"),
    "long decimal": (b"I" + b"9" * 5000 + b"\n.", "expected a line break"),
    "lying string": (b"\x8e" + struct.pack("<Q", 1 << 62) + b"ab.", "truncated inside a string"),
    "negative string": (b"T\xff\xff\xff\xffab.", "truncated inside a string"),
    "lying buffer": (b"\x96" + struct.pack("<Q", 1 << 50) + b".", "truncated inside a string"),
    "extension": (b"\x82\x01.", "instruction EXT1 is not allowed"),
    "buffer": (b"\x97.", "instruction NEXT_BUFFER is not allowed"),
    "no end": (b"}", "the pickle program is truncated"),
    "empty stack": (b"R.", "the stack is empty"),
    "below a mark": (b"N(\x85.", "the stack is empty"),
    "surrogate": (b"cos\n\xed\xb2\x80\n.", "or it is damaged at byte"),
    "surrogate name": (b"\x8c\x02os\x8c\x03\xed\xb2\x80\x93.", r"the file refers to os\.\\udc80"),
    "escape": (b"cos\nsys\x1b[31mtem\n.", r"the file refers to os\.sys\\x1b\[31mtem"),
    "escaped key": (b"}X\x04\x00\x00\x00\x1b[2Jcos\nx\n.", r"near '\\x1b\[2J'"),
    "append to text": (b"U\x01aNa.", "appends to a str"),
    "items of a list": (b"]NNs.", "sets items of a list"),
    "odd items": (b"}(Nu.", "key has no value"),
    "build": (b"]Nb.", "sets attributes of a list"),
    "call of text": (b"U\x01a)R.", "program calls str"),
    "old view": (
        b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nU\x010U\x03cpuK\x06K\x01tQ.",
        "before 0.4",
    ),
}  # fmt: skip
TENSORS = {
    "plain": (tensor((2, 3), (3, 1)), READ),
    "stride": (tensor((2, 3), (2**62, 1)), "exceeds its storage"),
    "stride of one": (tensor((1, 6), (2**62, 1)), READ),
    "negative stride": (tensor((2, 3), (-3, 1)), "integers of 0 or more"),
    "negative offset": (tensor((2, 3), (3, 1), -1), "malformed"),
    "offset": (tensor((2, 3), (3, 1), 1), "exceeds its storage"),
    "far offset": (tensor((2, 3), (3, 1), 2**62), "exceeds its storage"),
    "expanded": (tensor((10**12,), (0,)), r"several times\. .*contiguous\(\)"),
    "absurd": (tensor((2**62, 2**62), (1, 1)), "exceeds its storage"),
    "empty and absurd": (tensor((0, 2**62), (1, 1)), "expected fewer elements"),
    "empty and large": (tensor((0, 2**40), (1, 1)), READ),
    "dimensions": (tensor((1,) * 9, (1,) * 9), "malformed"),
    "ranks": (tensor((2, 3), (1,)), "malformed"),
    "lacking": (tensor((2, 3), (3, 1), key=b"7"), "storage '7' is missing|belongs to no tensor"),
    "escape": (tensor((2, 3), (3, 1), key=b"\x1b[31m"), r"storage '\\x1b\[31m' is missing|belongs to no"),
    "count": (tensor((2, 3), (3, 1), count=7), "expected 7"),
    "other type": (tensor((2, 3), (3, 1), kind="DoubleStorage"), "48|6 numbers of type float64|truncated"),
    "negative bit": (tensor((2, 3), (3, 1), more=b"}X\x03\x00\x00\x00neg\x88s"), r"marked by neg, .*resolve_neg\(\)"),
    "conjugate": (tensor((2, 3), (3, 1), more=b"}X\x04\x00\x00\x00conj\x88s"), "marked by conj, "),
    "no mark": (tensor((2, 3), (3, 1), more=b"}X\x03\x00\x00\x00neg\x89s"), READ),
    "complex": (tensor((2, 3), (3, 1), kind="ComplexFloatStorage"), "ComplexFloatStorage: expected"),
    "quantized": (tensor((2, 3), (3, 1), kind="QUInt8Storage"), "QUInt8Storage: expected"),
    "mentioned often": (b"(" + tensor((2, 3), (3, 1)) + b"q\x05" + b"h\x05" * 9_000 + b"l", READ),
}  # fmt: skip
ZIPS = {
    "encrypted": (directory_field(WHOLE, "<H", 8, 1), "encrypted"),
    "shrunk": (directory_field(WHOLE, "<H", 10, 1), "is compressed"),
    "deflated": (directory_field(WHOLE, "<H", 10, 8), r"is compressed \(deflate\)"),
    "bzip2": (directory_field(WHOLE, "<H", 10, 12), r"is compressed \(bzip2\)"),
    "claim": (directory_field(WHOLE, "<I", 24, 10**9), "states two different lengths"),
    "two claims": (
        directory_field(directory_field(WHOLE, "<I", 24, 10**9), "<I", 20, 10**9),
        "ends after the end of the file",
    ),
    "overlap": (directory_field(WHOLE, "<I", 42, 0, nth=1), "overlap"),
    "far": (directory_field(WHOLE, "<I", 42, 2**31, nth=1), "ends after the end of the file"),
    "checksum": (directory_field(WHOLE, "<I", 16, 7), "member archive/data.pkl cannot be read"),
    "no name": (directory_field(WHOLE, "<H", 28, 0), "two members|cannot be read|did not write|complete zip"),
    "bombs": (npz({"a/data.pkl": bytes(10**6)}, zipfile.ZIP_DEFLATED), "is compressed"),
    "no program": (npz({"a\x1b[31m": b"", "b": b""}), r"It contains a\\x1b\[31m, b"),
}  # fmt: skip


def lying(method: int, content: bytes, claim: int) -> bytes:
    """Returns an .npz file with a member that states a smaller size than it has."""
    whole = npz({"w.npy": content}, method)
    return directory_field(whole, "<I", 24, claim)


NPZS = {
    "whole": (NPZ, READ),
    "bzip2": (npz({"w.npy": bytes(10**6)}, zipfile.ZIP_BZIP2), r"compressed \(bzip2\)"),
    "lzma": (npz({"w.npy": bytes(10**6)}, zipfile.ZIP_LZMA), r"compressed \(lzma\)"),
    "bzip2 lies": (lying(zipfile.ZIP_BZIP2, bytes(10**6), 1000), r"compressed \(bzip2\)"),
    "deflate lies": (lying(zipfile.ZIP_DEFLATED, bytes(10**8), 1000), "cannot be read|has"),
    "deflate claims": (lying(zipfile.ZIP_DEFLATED, b"", 10**6), "member w.npy"),
    "bomb": (npz({"w.npy": bytes(10**8)}, zipfile.ZIP_DEFLATED), "would unpack to 100000000"),
    "damaged": (DEFLATED[:60] + b"\xff" * 40 + DEFLATED[100:], "member w.npy cannot be read"),
    "objects": (npz({"w.npy": npy(npy_header("'|O'", "(1,)"), b"N.")}), "contains objects"),
    "records": (npz({"w.npy": npy(npy_header("[('a', '<f4')]", "(1,)"))}), "named fields"),
    "text": (npz({"w.npy": npy(npy_header("'<U9'", "(1,)"), bytes(36))}), "expected numbers"),
    "void": (npz({"w.npy": npy(npy_header("'|V0'", "(1000000000000,)"))}), "expected numbers"),
    "shape": (npz({"w.npy": npy(npy_header("'<f4'", "(1000000000000,)"))}), "has 0 bytes"),
    "huge shape": (npz({"w.npy": npy(npy_header("'<f4'", f"({2**63}, 0)"))}), "expected fewer elements"),
    "dimensions": (npz({"w.npy": npy(npy_header("'<f4'", f"({'1,' * 99})"), bytes(4))}), "99"),
    "negative": (npz({"w.npy": npy(npy_header("'<f4'", "(-1,)"))}), "malformed"),
    "float shape": (npz({"w.npy": npy(npy_header("'<f4'", "(1.5,)"))}), "malformed"),
    "parentheses": (npz({"w.npy": npy(npy_header("'<f4'", "(" * 3000))}), "malformed"),
    "digits": (npz({"w.npy": npy(npy_header("'<f4'", f"({'1' * 3000}x)"))}), "malformed"),
    "token": (npz({"w.npy": npy("{'descr': '<f4\n")}), "malformed"),
    "not a dict": (npz({"w.npy": npy("3")}), "malformed"),
    "a type that NumPy supports": (npz({"w.npy": npy(npy_header("'<f3'", "()"), b"abc")}), "a type that NumPy supports"),
    "not an array": (npz({"w.npy": b"something"}), "expected a NumPy array"),
    "long header": (npz({"w.npy": npy(b" " * 60_000)}), "too long"),
    "lying header": (npz({"w.npy": b"\x93NUMPY\x02\x00\xff\xff\xff\xff"}), "too long"),
    "escape": (npz({"a\x1b[31m.npy": b"x"}), r"member a\\x1b\[31m\.npy"),
    "overlap": (directory_field(npz({"a.npy": b"12", "b.npy": b"34"}), "<I", 42, 9, nth=1), "overlap"),
}  # fmt: skip
ENTRY = {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}
SAFETENSORS = {
    "whole": (safetensors({"w": ENTRY}, DATA), READ),
    **{
        kind: (safetensors({"w": ENTRY | {"dtype": kind}}, DATA), f"tensor w has the type {kind}")
        for kind in ("F8_E4M3", "F8_E5M2", "F8_E8M0", "F4", "F6_E2M3", "C64", "NEW")
    },
    "type": (safetensors({"w": ENTRY | {"dtype": ["F32"]}}, DATA), "tensor w has the type"),
    "short": (safetensors({"w": ENTRY}, DATA[:-1]), "states .* bytes, but there are"),
    "long": (safetensors({"w": ENTRY}, DATA + b"x"), "states .* bytes, but there are"),
    "hole": (safetensors({"w": ENTRY | {"data_offsets": [4, 28]}}, DATA + b"four"), "wrong position"),
    "overlap": (safetensors({"w": ENTRY, "v": ENTRY}, DATA), "tensor v has a wrong position"),
    "reversed": (safetensors({"w": ENTRY | {"data_offsets": [24, 0]}}, DATA), "has -24 bytes"),
    "negative": (safetensors({"w": ENTRY | {"data_offsets": [-4, 20]}}, DATA), "malformed"),
    "shape": (safetensors({"w": ENTRY | {"shape": [2**61, 3]}}, DATA), "bytes: expected"),
    "huge shape": (safetensors({"w": ENTRY | {"shape": [2**80, 3]}}, DATA), "malformed"),
    "zero times huge": (
        safetensors({"w": {"dtype": "F32", "shape": [0, 2**61], "data_offsets": [0, 0]}}),
        "expected fewer elements",
    ),
    "bool shape": (safetensors({"w": ENTRY | {"shape": [True]}}, DATA), "malformed"),
    "float shape": (safetensors({"w": ENTRY | {"shape": [6.0]}}, DATA), "malformed"),
    "dimensions": (safetensors({"w": ENTRY | {"shape": [1] * 99}}, DATA), "malformed"),
    "extra field": (safetensors({"w": ENTRY | {"x": 1}}, DATA), "description of tensor w"),
    "no field": (safetensors({"w": {}}, DATA), "description of tensor w"),
    "list": (safetensors(b'{"w": []}', DATA), "description of tensor w"),
    "twice": (
        safetensors(f'{{"w": {json.dumps(ENTRY)}, "w": 1}}'.encode(), DATA),
        "a name occurs twice",
    ),
    "nested": (safetensors(b'{"w":' + b"[" * 10**6), "header is malformed"),
    "digits": (safetensors(b'{"w":' + b"9" * 10**6 + b"}"), "header is malformed"),
    "no text": (safetensors(b'{"\xff": 1}'), "header is malformed"),
    "no length": (b"\x01\x02\x03", "header does not fit"),
    "length": (struct.pack("<Q", 2**63) + b"{}", "header does not fit"),
    "escape": (safetensors({"\x1b[2J": ENTRY | {"dtype": "F4"}}, DATA), r"tensor \\x1b\[2J has"),
}  # fmt: skip


def _rows() -> dict[str, tuple[str, bytes, str | None]]:
    """Returns the suffix, the content and the expected error of every file by name."""
    rows = {}
    for name, (program, error) in PROGRAMS.items():
        rows[f"zip: {name}"] = ".pth", weight_files.zipped(program), error
        rows[f"legacy: {name}"] = ".pth", weight_files.legacy(program, {}, []), error
    for name, (part, error) in TENSORS.items():
        program = b"}X\x01\x00\x00\x00w" + part + b"s."
        rows[f"zip tensor: {name}"] = (
            ".pth", weight_files.zipped(program, **{"data/0": DATA}), error,
        )  # fmt: skip
        rows[f"legacy tensor: {name}"] = (
            ".pth", weight_files.legacy(program, {"0": DATA}, [6]), error,
        )  # fmt: skip
    for suffix, table in (
        (".pth", ZIPS),
        (".npz", NPZS),
        (".safetensors", SAFETENSORS),
    ):
        for name, (content, error) in table.items():
            rows[f"{suffix[1:]}: {name}"] = suffix, content, error
    return rows


ROWS = _rows()
