"""Tests that hostile and broken .pth files are refused and nothing is executed."""

import io
import os
import pathlib
import pickle

import numpy as np
import pytest
import weight_files

from jaxseg.weights.formats import pickle_program as pickled
from jaxseg.weights.formats import torch_reader as torchfile
from jaxseg.weights.formats import torch_writer as torchwrite

ROOT = pathlib.Path(__file__).parents[2]
TENSOR = {"w": np.arange(6, dtype=np.float32).reshape(2, 3)}


class Call:
    """Pickles as a call of `function(*arguments)`."""

    def __init__(self, function, *arguments):
        self.what = function, arguments

    def __reduce__(self):
        return self.what


def archive(path, program, **members):
    path.write_bytes(weight_files.zipped(program, **members))
    return str(path)


def legacy(path, program):
    path.write_bytes(weight_files.legacy(program, {}, []))
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
    with pytest.raises(ValueError, match=rf"the file refers to \S*{name}"):
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
    with pytest.raises(ValueError, match=r"the file refers to|not a pickle"):
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
    with pytest.raises(
        ValueError,
        match=r"the pickle (program )?(sets|calls|appends)|expected a tensor in it",
    ):
        pickled.loads(program, "file")


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
    """Each file gives an array or a ValueError, and the CRC detects damaged numbers."""
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
        (b"not a checkpoint", "expected a zip file or a pickle"),
        (pickle.dumps([1, 2]), "torch.save did not write it"),
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
