"""Tests the format before torch 1.6 with files that are written byte by byte."""

import pickle
import struct

import numpy as np
import pytest

from jaxseg.weights.formats import torch_reader as torchfile
from jaxseg.weights.formats import torch_writer as torchwrite

STATE = {
    "a": np.arange(6, dtype=np.float32).reshape(2, 3),
    "b": np.array([1.5, -2], np.float16),
    "n": np.array(7, np.int64),
}


def write(path, state=STATE, *, cut=0, count=None):
    """Writes a legacy file of a state dict."""
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {}}
    head = [0x1950A86A20F9469CFC6C, 1001, system]
    parts = [pickle.dumps(value, 2) for value in head]
    parts.append(_with_view(torchwrite.pickled_state(state)))
    parts.append(pickle.dumps([str(n) for n in range(len(state))], 2))
    for array in state.values():
        parts += [struct.pack("<q", count or array.size), array.tobytes()]
    data = b"".join(parts)
    path.write_bytes(data[: len(data) - cut])
    return str(path)


def _with_view(program):
    """Adds the sixth field of legacy storages, the view, which is None here."""
    return program.replace(b"tQ", b"NtQ")


def test_values(tmp_path):
    tree = torchfile.read(write(tmp_path / "a.pth"))
    assert tree.keys() == STATE.keys()
    for key, array in STATE.items():
        assert tree[key].dtype == array.dtype and np.array_equal(tree[key], array)


@pytest.mark.parametrize("cut", [1, 8, 9, 30, 60, 200])
def test_cut_short(tmp_path, cut):
    with pytest.raises(ValueError, match="truncated"):
        torchfile.read(write(tmp_path / "a.pth", cut=cut))


@pytest.mark.parametrize("count", [-1, 5, 10**15])
def test_wrong_count(tmp_path, count):
    with pytest.raises(ValueError, match=r"truncated|elements"):
        torchfile.read(write(tmp_path / "a.pth", count=count))
