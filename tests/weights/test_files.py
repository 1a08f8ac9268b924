"""Tests file formats: exact round trips, errors for broken files, the hub's cache."""

import socket
import sys
import time
import zipfile

import ml_dtypes
import numpy as np
import pytest

from jaxseg import weights
from jaxseg.weights.formats import files, hub, orbax, zip_members

ARRAYS = {
    "params/a/kernel": np.arange(24, dtype=np.float32).reshape(2, 3, 4) / 7,
    "params/a/bias": np.array([1, -2], np.float16),
    "params/n": np.array(3.5, np.float32),
    "params/none": np.zeros((0, 3), np.float32),
}


@pytest.mark.parametrize("suffix", [".npz", ".safetensors", ".pth", ".pt"])
def test_there_and_back(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    weights.write(path, ARRAYS)
    got = weights.read(path)
    assert got.keys() == ARRAYS.keys()
    for key, array in ARRAYS.items():
        assert got[key].dtype == array.dtype and got[key].shape == array.shape
        assert np.array_equal(got[key], array)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_bfloat16(tmp_path, suffix):
    array = np.array([1.5, -3e30], ml_dtypes.bfloat16)
    weights.write(tmp_path / f"a{suffix}", {"w": array})
    got = weights.read(tmp_path / f"a{suffix}")["w"]
    assert got.dtype == array.dtype and (got == array).all()


def test_orbax(tmp_path, fill):
    tree = {"params": {"a": {"kernel": np.ones((2, 3), np.float32)}}}
    orbax.write(str(tmp_path / "w"), tree)
    got = files.read(tmp_path / "w")
    assert list(got) == ["params"]
    assert np.array_equal(got["params"]["a"]["kernel"], np.ones((2, 3)))
    with pytest.raises(ValueError, match="exists"):
        orbax.write(str(tmp_path / "w"), tree)
    with pytest.raises(ValueError, match="expected an Orbax checkpoint"):
        files.read(tmp_path)


def test_a_damaged_orbax_directory(tmp_path):
    orbax.write(str(tmp_path / "w"), {"params": {"a": np.ones(3, np.float32)}})
    for path in (tmp_path / "w").rglob("*"):
        if path.is_file() and path.name != "_METADATA":
            path.unlink()
    with pytest.raises(ValueError, match="cannot be read"):
        files.read(tmp_path / "w")


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_cut_short(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    weights.write(path, ARRAYS)
    data = path.read_bytes()
    for end in (0, 5, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:end])
        with pytest.raises(ValueError, match=r"a\.(npz|safetensors)"):
            weights.read(path)


def test_objects_in_npz_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", w=np.array([print], object), allow_pickle=True)
    with pytest.raises(ValueError, match="contains objects"):
        weights.read(tmp_path / "a.npz")


def test_npz_bombs(tmp_path, monkeypatch):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, w=np.zeros(10**6, np.float32))
    assert weights.read(path)["w"].shape == (10**6,)
    monkeypatch.setattr(zip_members, "FREE", 1000)
    with pytest.raises(ValueError, match=r"would unpack to 4000\d\d\d"):
        weights.read(path)
    header = b"\x93NUMPY\x01\x00\x46\x00" + (
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }"
    ).ljust(70)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("w.npy", header + bytes(8))
    with pytest.raises(ValueError, match="has 8 bytes"):
        weights.read(path)


def test_unknown_suffix_and_absent_file(tmp_path):
    (tmp_path / "a.h5").write_bytes(b"\x00x")
    with pytest.raises(ValueError, match=r"suffix '\.h5' cannot be read: expected"):
        weights.read(tmp_path / "a.h5")
    with pytest.raises(ValueError, match="cannot be written"):
        weights.write(tmp_path / "b.bin", ARRAYS)
    with pytest.raises(FileNotFoundError):
        weights.read(tmp_path / "absent.pth")


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.pth"
    weights.write(path, {"w": np.ones(2, np.float32)})
    with pytest.raises(ValueError, match="dtype=complex64"):
        weights.write(path, {"w": np.ones(2, np.complex64)})
    assert weights.read(path)["w"].sum() == 2
    assert len(list(tmp_path.iterdir())) == 1


def test_hub_addresses():
    assert hub.parse("hf://a/b/c/d.pth") == ("a/b", None, "c/d.pth")
    assert hub.parse("hf://a/b@v1.0/d.pth") == ("a/b", "v1.0", "d.pth")
    for wrong in ("hf://a", "hf://a/b", "hf://a/b@/x", "http://a/b/c"):
        with pytest.raises(ValueError, match="is invalid: expected"):
            hub.parse(wrong)


def test_hub_from_a_local_cache(tmp_path, monkeypatch):
    reason = "needs jaxseg[hub]"
    hf = pytest.importorskip("huggingface_hub.constants", reason=reason)
    commit = "0123456789abcdef0123456789abcdef01234567"
    folder = tmp_path / "models--org--net"
    (folder / "snapshots" / commit).mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(commit)
    weights.write(folder / "snapshots" / commit / "w.safetensors", ARRAYS)
    monkeypatch.setattr(hf, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(hf, "HF_HUB_OFFLINE", True)
    for address in ("hf://org/net", "hf://org/net@main", f"hf://org/net@{commit}"):
        assert weights.read(f"{address}/w.safetensors").keys() == ARRAYS.keys()
    with pytest.raises(ValueError, match="cannot be downloaded"):
        weights.read("hf://org/net/absent.pth")


def test_hub_without_a_network_fails_soon_and_in_one_line(
    tmp_path, monkeypatch, capfd, caplog
):
    hf = pytest.importorskip("huggingface_hub.constants", reason="needs jaxseg[hub]")
    with socket.socket() as closed:  # nobody listens at its port
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    pages = "{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(
        hf, "HUGGINGFACE_CO_URL_TEMPLATE", f"http://127.0.0.1:{port}/{pages}"
    )
    monkeypatch.setattr(hf, "HF_HUB_CACHE", str(tmp_path))
    start = time.monotonic()
    with pytest.raises(ValueError, match="the hub cannot be reached") as caught:
        weights.read("hf://org/net/w.safetensors")
    assert time.monotonic() - start < 3
    assert "\n" not in str(caught.value)
    assert not caplog.records and capfd.readouterr() == ("", "")


def test_hub_without_the_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ValueError, match=r"pip install 'jaxseg\[hub\]'"):
        weights.read("hf://org/net/w.pth")
