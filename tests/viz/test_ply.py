"""PLY files hold the points and colors, row by row."""

import numpy as np
import pytest

from jaxseg.viz.ply import write_ply


def test_rows_follow_the_header(tmp_path):
    random = np.random.default_rng(0)
    points = random.normal(size=(5, 3)).astype(np.float32)
    color = random.integers(0, 256, (5, 3)).astype(np.uint8)
    write_ply(tmp_path / "a.ply", points, color)
    header, _, body = (tmp_path / "a.ply").read_bytes().partition(b"end_header\n")
    lines = header.decode().splitlines()
    assert lines[:3] == ["ply", "format binary_little_endian 1.0", "element vertex 5"]
    assert lines[3] == "property float x" and lines[8] == "property uchar blue"
    rows = np.frombuffer(body, np.uint8).reshape(5, 15)
    np.testing.assert_array_equal(rows[:, :12].copy().view("<f4"), points)
    np.testing.assert_array_equal(rows[:, 12:], color)


def test_refusals(tmp_path):
    points = np.zeros((4, 3), np.float32)
    with pytest.raises(ValueError, match=r"color.shape=\(3, 3\) is invalid"):
        write_ply(tmp_path / "a.ply", points, np.zeros((3, 3), np.uint8))
    with pytest.raises(ValueError, match=r"color\.dtype=float32 is invalid"):
        write_ply(tmp_path / "a.ply", points, points)
