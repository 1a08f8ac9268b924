"""Hostile and broken .pth files: refused with the reason, nothing executed."""

import io
import os
import pathlib
import pickle
import struct
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from jaxseg.weights.formats import pickle_program as pickled
from jaxseg.weights.formats import torch_reader as torchfile
from jaxseg.weights.formats import torch_writer as torchwrite

ROOT = pathlib.Path(__file__).parents[2]
TENSOR = {"w": np.arange(6, dtype=np.float32).reshape(2, 3)}


class Call:
    """Pickles as a call of ``function(*arguments)``."""

    def __init__(self, function, *arguments):
        self.what = function, arguments

    def __reduce__(self):
        return self.what


def archive(path, program, **entries):
    """A zip file as torch.save writes it, with any program inside."""
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("archive/data.pkl", program)
        for name, data in entries.items():
            file.writestr(f"archive/{name}", data)
    return str(path)


def legacy(path, program, tail=b""):
    """A file of the format before torch 1.6."""
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {}}
    head = [0x1950A86A20F9469CFC6C, 1001, system]
    path.write_bytes(b"".join(pickle.dumps(v, 2) for v in head) + program + tail)
    return str(path)


@pytest.mark.parametrize("writer", [archive, legacy])
@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("victim", ["system", "eval", "getattr", "callable"])
def test_calls_are_refused_and_not_made(tmp_path, writer, protocol, victim):
    mark = tmp_path / "executed"
    attack, name = {
        "system": (Call(os.system, f"touch {mark}"), f"{os.name}.system"),
        "eval": (Call(eval, f"open({str(mark)!r}, 'w')"), "eval"),
        "getattr": (Call(getattr, os, "system"), "getattr"),
        "callable": (Call(io.open, str(mark), "w"), "open"),
    }[victim]
    if victim == "getattr":
        attack = Call(getattr, "text", "upper")
    path = writer(tmp_path / "a.pth", pickle.dumps({"w": attack}, protocol))
    with pytest.raises(ValueError, match=rf"refused global \S*{name}"):
        torchfile.read(path)
    assert not mark.exists()


@pytest.mark.parametrize(
    "program",
    [
        b"cos\nsystem\n(S'touch pwned'\ntR.",  # REDUCE
        b"(S'touch pwned'\nios\nsystem\n.",  # INST
        b"(cos\nsystem\nS'touch pwned'\no.",  # OBJ
        b"\x80\x02cos\nsystem\n)\x81.",  # NEWOBJ
        b"\x80\x04\x8c\x02os\x8c\x06system\x93.",  # STACK_GLOBAL
        b"\x80\x04\x8c\x10torch._utils\x8c\x00\x93.",
        b"ctorch._utils\n_rebuild_tensor_v2.__globals__\n.",
        b"ctorch\nnn\n.",
    ],
)
def test_every_way_to_a_global_is_closed(tmp_path, monkeypatch, program):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"refused global|cut short"):
        pickled.loads(program, "file")
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize(
    "program",
    [
        b"ctorch\nFloatStorage\n}S'name'\nS'x'\nsb.",  # BUILD with a dict
        b"ctorch._utils\n_rebuild_tensor_v2\n}b.",
        b"ctorch\nFloatStorage\n)R.",  # a storage type called
        b"ctorch._utils\n_rebuild_parameter\n(I1\ntR.",
    ],
)
def test_allowed_names_are_inert(program):
    with pytest.raises(ValueError, match=r"the file (sets|calls)|holds no tensor"):
        pickled.loads(program, "file")


def test_memo_bomb_and_extension_codes():
    with pytest.raises(ValueError, match="memo index 4294967295 is out of bounds"):
        pickled.loads(b"\x80\x02}r\xff\xff\xff\xff.", "file")
    with pytest.raises(ValueError, match="opcode EXT1"):
        pickled.loads(b"\x80\x02\x82\x01.", "file")
    with pytest.raises(ValueError, match="cut short"):
        pickled.loads(b"\x80\x05\x96" + struct.pack("<Q", 1 << 50) + b".", "file")


def test_nested_mentions_do_not_multiply(tmp_path):
    value = ["x"]
    for _ in range(24):
        value = [value] * 1000
    tree = torchfile.read(archive(tmp_path / "a.pth", pickle.dumps({"a": value}, 2)))
    assert tree["a"][0] is tree["a"][999]
    for _ in range(20):
        value = [value]
    with pytest.raises(ValueError, match="nested deeper than 32"):
        torchfile.read(archive(tmp_path / "b.pth", pickle.dumps({"a": value}, 2)))


def test_views_outside_their_storage(tmp_path):
    good = tmp_path / "good.pth"
    torchwrite.write(str(good), TENSOR)
    assert np.array_equal(torchfile.read(str(good))["w"], TENSOR["w"])
    program = torchwrite.pickled_state(TENSOR)
    size, stride = (
        torchwrite.pickled_integers((2, 3)),
        torchwrite.pickled_integers((3, 1)),
    )
    for old, new in [
        (size, torchwrite.pickled_integers((2, 4))),
        (stride, torchwrite.pickled_integers((4, 1))),
        (stride, torchwrite.pickled_integers((-3, 1))),
        (
            size + stride,
            torchwrite.pickled_integers((10**12, 3))
            + torchwrite.pickled_integers((0, 1)),
        ),
        (b"Q" + torchwrite.pickled_integer(0), b"Q" + torchwrite.pickled_integer(1)),
    ]:
        assert program.count(old) == 1
        data = {"data/0": TENSOR["w"].tobytes()}
        path = archive(tmp_path / "bad.pth", program.replace(old, new), **data)
        with pytest.raises(ValueError, match=r"exceeds its storage|natural numbers"):
            torchfile.read(path)


def test_storage_of_another_length(tmp_path):
    path = archive(
        tmp_path / "a.pth", torchwrite.pickled_state(TENSOR), **{"data/0": b"1234"}
    )
    with pytest.raises(ValueError, match="'0' has 4 bytes, 6 x float32 expected"):
        torchfile.read(path)
    path = archive(tmp_path / "b.pth", torchwrite.pickled_state(TENSOR))
    with pytest.raises(ValueError, match="lacks storage '0'"):
        torchfile.read(path)


def test_zip_bombs(tmp_path):
    path = tmp_path / "a.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("archive/data.pkl", bytes(10**7))
    with pytest.raises(ValueError, match="is compressed"):
        torchfile.read(str(path))
    torchwrite.write(str(path), TENSOR)
    whole = bytearray(path.read_bytes())
    entry = whole.rindex(b"PK\x01\x02", 0, whole.rindex(b"archive/data/0"))
    whole[entry + 20 : entry + 28] = struct.pack("<II", 10**9, 10**9)
    path.write_bytes(whole)
    with pytest.raises(ValueError, match="claims 1000000"):
        torchfile.read(str(path))


def test_every_truncation_is_a_clear_error(tmp_path):
    whole = tmp_path / "whole.pth"
    torchwrite.write(str(whole), TENSOR)
    data = whole.read_bytes()
    cut = tmp_path / "cut.pth"
    for end in range(0, len(data), 7):
        cut.write_bytes(data[:end])
        with pytest.raises(ValueError, match=r"cut\.pth"):
            torchfile.read(str(cut))


def test_flipped_bytes_never_crash(tmp_path):
    """Fuzz: an array, or a ValueError; and damaged numbers are noticed (CRC)."""
    whole, path = tmp_path / "whole.pth", tmp_path / "fuzz.pth"
    torchwrite.write(str(whole), TENSOR)
    data, random = whole.read_bytes(), np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        broken = bytearray(data)
        broken[random.integers(len(data))] ^= 1 << random.integers(8)
        path.write_bytes(broken)
        try:
            tree = torchfile.read(str(path))
        except ValueError:
            refused += 1
        else:
            assert np.array_equal(tree["w"], TENSOR["w"])
    assert refused > 150


def test_other_files(tmp_path):
    path = tmp_path / "a.pth"
    for data, text in [
        (b"", "is empty"),
        (b"not a checkpoint", "cut short, or not a pickle"),
        (pickle.dumps([1, 2]), "not one of torch.save|cut short"),
    ]:
        path.write_bytes(data)
        with pytest.raises(ValueError, match=text):
            torchfile.read(str(path))
    script = archive(path, torchwrite.pickled_state(TENSOR), **{"constants.pkl": b"N."})
    with pytest.raises(ValueError, match="TorchScript"):
        torchfile.read(script)
    big = archive(path, torchwrite.pickled_state(TENSOR), byteorder=b"big")
    with pytest.raises(ValueError, match="not little-endian"):
        torchfile.read(big)


def test_torch_is_not_imported(tmp_path):
    """In a fresh interpreter, where torch may well be installed."""
    path = tmp_path / "a.pth"
    torchwrite.write(str(path), TENSOR)
    program = (
        "import sys; import jaxseg.weights as w; "
        f"assert list(w.read({str(path)!r})) == ['w']; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)
