"""A prediction that was stopped continues; results of other commands are kept."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jaxseg.cli.main import main

RUN = Path(__file__).parents[1] / "golden" / "unet"
SLOW = """
import sys, time
from jaxseg.cli.main import main
from jaxseg.tasks import predict_images
quick = predict_images.read_batch
def slow(*given):
    time.sleep(0.4)
    return quick(*given)
predict_images.read_batch, predict_images.THREADS = slow, 1
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Eight images of two sizes."""
    folder = tmp_path_factory.mktemp("images")
    random = np.random.default_rng(0)
    for number in range(8):
        size = (24, 33 if number % 2 else 40, 3)
        pixels = random.integers(0, 256, size, np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def finished(images, tmp_path_factory):
    """The output folder of a command that was not interrupted; read only."""
    out = tmp_path_factory.mktemp("complete")
    assert main(command(images, out)) == 0
    return out


@pytest.fixture(scope="module")
def complete(finished):
    """The files that a command writes without an interruption, by name."""
    return contents(finished)


def command(images, out, *more):
    given = (f"--workdir={RUN}", f"--output={out}", "--batch-size=2", "--no-overlay")
    return ["predict", str(images), *given, *more]


def contents(out):
    """Returns the files without temporary ones, whose names begin with a dot."""
    return {path.name: path.read_bytes() for path in out.glob("[!.]*.png")}


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_stopped_command_continues(images, complete, tmp_path, capsys, number):
    out = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW, *command(images, out)],
        env=os.environ
        | {"JAX_PLATFORMS": "cpu", "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while not contents(out) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    if number == signal.SIGKILL:
        assert process.returncode == -number
    else:
        assert process.returncode == 128 + number
        *_, last = errors.splitlines()
        assert last.startswith("jaxseg: stopped after") and "Traceback" not in errors
        assert {path.name for path in out.iterdir() if path.name[0] == "."} == set()
    found = contents(out)
    assert 0 < len(found) < 8
    assert all(found[name] == complete[name] for name in found)
    times = {name: (out / name).stat().st_mtime_ns for name in found}
    recorded = (out / "predict.jsonl").read_text().count('"input"')
    capsys.readouterr()
    assert main(command(images, out)) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    before = f", {recorded} finished before" if recorded else ""
    assert last == f"{8 - recorded} images written to {out}{before}, 0 failed"
    assert contents(out) == complete and not list(out.glob(".*building*"))
    kept = [name for name in found if (out / name).stat().st_mtime_ns == times[name]]
    assert len(kept) == recorded


def test_only_what_is_missing_is_written(images, finished, complete, tmp_path, capsys):
    out = shutil.copytree(finished, tmp_path / "out")
    (out / "3.png").unlink()
    record = out / "predict.jsonl"
    lines = record.read_text().splitlines(keepends=True)
    kept = [line for line in lines if '"5"' not in line]
    record.write_text("".join(kept) + '{"input": "half')  # A line was cut off.
    capsys.readouterr()
    assert main(command(images, out)) == 0
    assert "2 images written to" in capsys.readouterr().out
    assert contents(out) == complete
    assert main(command(images, out)) == 0
    text = f"0 images written to {out}, 8 finished before, 0 failed"
    assert capsys.readouterr().out.splitlines()[-1] == text


def test_results_of_other_options_are_kept_unless_asked(
    images, finished, tmp_path, capsys
):
    out = shutil.copytree(finished, tmp_path / "out")
    before = contents(out)
    flipped = command(images, out, "--flip")
    assert main(flipped) == 1
    text = capsys.readouterr().err
    assert "those in the folder differ in options.segment.flip: not set there" in text
    assert "Choose another -o, or pass --overwrite" in text and text.count("\n") == 1
    assert contents(out) == before
    assert main([*flipped, "--overwrite"]) == 0
    assert contents(out) != before
    assert main(flipped) == 0
    assert "8 finished before" in capsys.readouterr().out


def test_files_that_no_record_names_are_kept(images, tmp_path, capsys):
    out = tmp_path / "out"
    out.mkdir()
    (out / "3.png").write_bytes(b"mine")
    assert main(command(images, out)) == 1
    assert f"{out / '3.png'} exists, and no record" in capsys.readouterr().err
    assert [path.name for path in out.iterdir()] == ["3.png"]
    assert (out / "3.png").read_bytes() == b"mine"


def test_a_changed_image_is_segmented_again_and_another_one_is_refused(
    images, tmp_path, capsys
):
    out, first, second = (tmp_path / name for name in ("out", "first", "second"))
    for folder, source in ((first, "1.png"), (second, "3.png")):
        folder.mkdir()
        (folder / "a.png").write_bytes((images / source).read_bytes())
    assert main(command(first, out)) == 0
    assert main(command(second, out)) == 1
    assert f"{second / 'a.png'} would replace it" in capsys.readouterr().err
    (first / "a.png").write_bytes((images / "5.png").read_bytes())
    assert main(command(first, out)) == 0
    assert "1 image written" in capsys.readouterr().out
