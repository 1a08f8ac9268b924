"""Tests that files that are not checkpoints are described in one line."""

import os
import pickle
import zipfile

import numpy as np
import pytest
from PIL import Image
from weight_files import npy, npy_header, safetensors

from jaxseg import weights
from jaxseg.weights.formats import torch_writer

ONNX = b"\x08\x07\x12\x07pytorch\x1a\x032.1:\x10\n\x04main"
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 3\n"
HTML = b"<!DOCTYPE html>\n<html><head><title>Sign \x1b[1min</title></head></html>"
INDEX = b'{"metadata": {}, "weight_map": {"w": "model-00001-of-00002.safetensors"}}'
TAR = b"sys_info".ljust(257, b"\x00") + b"ustar\x0000".ljust(300, b"\x00")
FILES = {
    "empty": (b"", "is an empty file, not a checkpoint. Download"),
    "zeros": (bytes(5000), "is a file of zeros"),
    "HTML": (HTML, r"is an HTML page titled 'Sign \\x1b\[1min', .* Download the checkpoint"),
    "XML": (b"<?xml version='1.0'?><Error>AccessDenied</Error>", "is an XML document"),
    "LFS": (LFS, "is a Git LFS pointer, .* git lfs pull"),
    "JSON": (b'{"errors": ["not found"]}', "is a JSON file"),
    "index": (INDEX, "is the index of a checkpoint in several files"),
    "text": (b"Entry not found\n", r"is a text file \('Entry not found'\)"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(99), "is an HDF5 file .*Keras.* numpy.savez"),
    "ONNX": (ONNX, "is an ONNX model, .* state dict"),
    "TFLite": (b"\x1c\x00\x00\x00TFL3" + bytes(99), "is a TensorFlow Lite model"),
    "GGUF": (b"GGUF\x03\x00\x00\x00" + bytes(99), "is a GGUF file"),
    "gzip": (b"\x1f\x8b\x08\x00" + bytes(99), "is a gzip archive, .* Unpack it"),
    "old tar": (TAR, "is a tar file of a PyTorch version before 0.2"),
    "tar": (b"weights." + TAR[8:], "is a tar archive"),
    "NumPy": (npy(npy_header("'<f4'", "(1,)"), bytes(4)), "is a single NumPy array"),
    "pickle": (pickle.dumps({"w": [1, 2]}), "torch.save did not write it"),
    "noise": (b"\x00\x01\x02noise\xff", "expected a zip file or a pickle"),
}  # fmt: skip


@pytest.mark.parametrize("suffix", [".pth", ".bin"])
@pytest.mark.parametrize("name", FILES)
def test_what_a_file_is(tmp_path, name, suffix):
    content, error = FILES[name]
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    _refuses(path, error)


@pytest.mark.parametrize("name", [n for n in FILES if n not in ("pickle", "noise")])
@pytest.mark.parametrize("suffix", [".safetensors", ".npz", ".h5", ".onnx", ".ckpt"])
def test_the_content_counts_and_not_the_suffix(tmp_path, name, suffix):
    content, error = FILES[name]
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    _refuses(path, error)


def _refuses(path, error: str) -> None:
    with pytest.raises(ValueError, match=error) as caught:
        weights.read(path)
    text = str(caught.value)
    assert text.startswith(str(path)) and text.isprintable()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WebP"])
def test_an_image(tmp_path, kind):
    path = tmp_path / "a.pth"
    Image.new("RGB", (9, 9)).save(path, kind)
    _refuses(path, f"is a {kind} image, not a checkpoint. Pass the checkpoint")


@pytest.mark.parametrize(
    ("member", "error"),
    [
        ("archive/constants.pkl", r"TorchScript program\. .*torch\.jit\.load"),
        ("archive/models/model.json", r"exported PyTorch program .*\.pt2"),
        (
            "config.json",
            "torch.save did not write this zip file. It contains config.json",
        ),
        ("model.weights.h5", "Keras"),
        ("w.npy", "Rename it to end in .npz"),
    ],
)
def test_zip_files_of_other_programs(tmp_path, member, error):
    path = tmp_path / "a.pth"
    names = {member, *(["archive/data.pkl"] if "constants" in member else [])}
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, torch_writer.pickled_state({}))
    _refuses(path, error)


def test_suffixes_of_other_formats(tmp_path):
    arrays = {"w": np.ones(3, np.float32)}
    weights.write(tmp_path / "a.safetensors", arrays)
    weights.write(tmp_path / "b.npz", arrays)
    (tmp_path / "a.safetensors").rename(tmp_path / "a.bin")
    _refuses(tmp_path / "a.bin", "is a .safetensors file. Rename it")
    (tmp_path / "b.npz").rename(tmp_path / "b.safetensors")
    _refuses(
        tmp_path / "b.safetensors",
        r"is a zip file\. .* end in \.pth if .*, or in \.npz if ",
    )
    weights.write(tmp_path / "c.pth", arrays)
    (tmp_path / "c.pth").rename(tmp_path / "c.npz")
    _refuses(
        tmp_path / "c.npz",
        r"It is a file that torch\.save wrote\. Rename it to end in \.pth",
    )


@pytest.mark.parametrize("length", [0x4D42, 0x8B1F, 0x685A42])
def test_a_header_length_that_looks_like_another_format(tmp_path, length):
    """19,778 bytes of header make a .safetensors file start like a bitmap."""
    entry = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    data = safetensors({"w": entry}, np.float32(3).tobytes())
    text = data[8:-4].ljust(length)
    path = tmp_path / "a.safetensors"
    path.write_bytes(length.to_bytes(8, "little") + text + data[-4:])
    assert weights.read(path)["w"] == [3]


def test_what_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "a.pth")
    _refuses(tmp_path / "a.pth", "is not a regular file")
    (tmp_path / "d").mkdir()
    _refuses(tmp_path / "d", "an Orbax checkpoint")
    weights.write(tmp_path / "d" / "model.safetensors", {"w": np.ones(3, np.float32)})
    _refuses(tmp_path / "d", r"Pass one of its files: .*model\.safetensors")
