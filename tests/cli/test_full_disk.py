"""A disk that is full: one line, and nothing half written."""

import contextlib
import resource
import signal

import numpy as np
import pytest
from PIL import Image

from jaxseg.cli.main import main


@contextlib.contextmanager
def no_file_beyond(size):
    """Real writes fail in the middle of a file, inside of libraries as well."""
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("output", ["run", "x.npz", "x.safetensors"])
def test_a_conversion_leaves_nothing(trained, tmp_path, capfd, output):
    with no_file_beyond(3000):
        assert main(["convert", str(trained), "-o", str(tmp_path / output)]) == 1
    error = capfd.readouterr().err.strip()
    assert error.startswith("jaxseg: ") and "File too large" in error
    assert str(tmp_path / output) in error and "\n" not in error
    assert list(tmp_path.iterdir()) == []
    assert main(["convert", str(trained), "-o", str(tmp_path / output)]) == 0


@pytest.mark.parametrize(
    ("size", "more", "lost"),
    [
        (900, [], "a.png"),
        (9000, ["--probabilities"], "a.npz"),
    ],
)
def test_a_prediction_leaves_no_half_of_a_file(
    trained, tmp_path, capfd, size, more, lost
):
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    out = tmp_path / "out"
    given = ["predict", str(tmp_path / "a.png"), f"--workdir={trained}", f"-o={out}"]
    assert (
        main([*given, *more, "--checkpoint=4"]) == 0
    )  # compiled before the disk is full
    whole = {path.name: path.read_bytes() for path in out.iterdir()}
    capfd.readouterr()
    with no_file_beyond(size):
        assert main([*given, *more, "--overwrite"]) == 1
    error = capfd.readouterr().err.strip()
    assert "\n" not in error and "File too large" in error and lost in error
    assert {path.name for path in out.iterdir()} == set(whole)
    assert (out / lost).read_bytes() == whole[lost]


@pytest.mark.slow
def test_data_that_cannot_be_prepared_are_one_line(trained, tmp_path, capfd):
    with no_file_beyond(60_000):
        given = ["eval", str(trained), f"--data.prepared-dir={tmp_path}", "--devices=1"]
        assert main(given) == 1
    error = capfd.readouterr().err.strip()
    assert "\n" not in error and "File too large" in error
    assert f"'shapes' cannot be prepared in {tmp_path}" in error
    assert list((tmp_path / "array_record").iterdir()) == []
