"""Tests that damaged and hostile .npz files of the user end in one line."""

import io
import os
import struct
import zipfile

import numpy as np
import pytest

from jaxseg.tasks.predict_point_clouds import read_cloud
from jaxseg.tasks.refinement import read_probabilities

READERS = {  # the reader, and the array that is hostile
    "probabilities": (read_probabilities, "probabilities"),
    "cloud": (read_cloud, "points"),
}


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def with_header(text):
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


HUGE = "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 3), }"
MEMBERS = {  # the bytes of the array, and its compression
    "bzip2": (npy(np.zeros(10)), zipfile.ZIP_BZIP2),
    "lzma": (npy(np.zeros(10)), zipfile.ZIP_LZMA),
    "objects": (npy(np.array([{}], object)), zipfile.ZIP_STORED),
    "text": (npy(np.array(["a"])), zipfile.ZIP_STORED),
    "cut header": (with_header("{'descr': '<f4', 'shape': (2,"), zipfile.ZIP_STORED),
    "odd header": (with_header("{[]: 1}"), zipfile.ZIP_STORED),
    "huge": (with_header(HUGE), zipfile.ZIP_STORED),
    "bomb": (npy(np.zeros(2**26, np.uint8)), zipfile.ZIP_DEFLATED),
    "scalar": (npy(np.float32(1)), zipfile.ZIP_STORED),
}


def write(path, what, name):
    if what == "empty":
        path.write_bytes(b"")
    elif what == "single array":
        path.write_bytes(npy(np.zeros(4)))
    elif what == "pipe":
        os.mkfifo(path)
    elif what == "other arrays":
        np.savez(path, other=np.zeros(3))
    else:
        data, method = MEMBERS[what]
        with zipfile.ZipFile(path, "w", method) as file:
            file.writestr(f"{name}.npy", data)
            file.writestr("color.npy", npy(np.zeros((1, 3), np.uint8)))


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    "what", [*MEMBERS, "empty", "single array", "pipe", "other arrays"]
)
def test_hostile_files_are_refused_in_one_line(tmp_path, reader, what):
    read, name = READERS[reader]
    path = tmp_path / "file.npz"
    write(path, what, name)
    with pytest.raises(ValueError) as caught:
        read(path)
    message = str(caught.value)
    assert message.isprintable() and f"{path} is invalid: expected" in message


@pytest.mark.parametrize("value", [-0.5, 1.5, np.nan, np.inf])
def test_probabilities_are_within_0_and_1(tmp_path, value):
    path = tmp_path / "file.npz"
    array = np.full((2, 3, 4), 0.25, np.float16)
    np.savez(path, probabilities=array, classes=["a", "b", "c", "d"])
    np.testing.assert_array_equal(read_probabilities(path), array)
    array[1, 2, 3] = value
    np.savez(path, probabilities=array)
    with pytest.raises(ValueError, match="not between 0 and 1"):
        read_probabilities(path)
