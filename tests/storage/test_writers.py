"""Tests that every writer leaves complete files when the disk is full."""

import errno
import os
import pathlib
import re

import numpy as np
import pytest
from PIL import Image

import jaxseg
from jaxseg import viz, weights
from jaxseg.bench import report as bench_report
from jaxseg.checkpoints.manager import Checkpoints
from jaxseg.data import class_frequencies
from jaxseg.data.spec import DatasetSpec
from jaxseg.inference.prediction import Prediction
from jaxseg.lab import page as lab_page
from jaxseg.storage import atomic, json_file
from jaxseg.tasks.samples import write_samples
from jaxseg.viz.ply import write_ply

PIXELS = np.zeros((4, 6, 3), np.uint8)
LABEL = np.ones((4, 6), np.uint8)
SPEC = DatasetSpec("drawn", ("a", "b"), ((0, 0, 0), (9, 9, 9)))
ARRAYS = {"params/a": np.arange(6, dtype=np.float32)}
CARD = weights.Card("m", 2, {}, "s", "", "lib", "none", weights.Normalization())


class Labeled:
    """Contains one label map."""

    spec, split = SPEC, "train"

    def __init__(self, folder):
        self.folder = folder

    def __len__(self):
        return 1

    def label(self, index):
        return LABEL


def prediction(folder):
    share = np.full((4, 6, 2), 0.5, np.float32)
    made = Prediction(PIXELS, LABEL, SPEC, lambda: share)
    made.save(folder, name="x", overlay=True, probabilities=True)


WRITERS = {
    "image of pixels": lambda f: viz.save_image(f / "x.png", PIXELS),
    "image of pillow": lambda f: viz.save_image(f / "x.jpg", Image.fromarray(PIXELS)),
    "points": lambda f: write_ply(f / "x.ply", np.zeros((2, 3)), PIXELS[0, :2]),
    "samples": lambda f: write_samples(f / "x", LABEL[None], np.ones((4, 6)), SPEC),
    "prediction": prediction,
    "card": CARD.write,
    "text": lambda f: atomic.write_text(f / "x", "text"),
    "json": lambda f: json_file.write_json(f / "x", {"a": 1}),
    "lines": lambda f: json_file.write_lines(f / "x", [{"a": 1}]),
    "appended line": lambda f: json_file.append_line(f / "x", {"a": 1}),
    "class frequencies": lambda f: class_frequencies(Labeled(f)),
    "lab": lambda f: lab_page.write(
        lab_page.LabReport("title", "command", figures={"x": b"\x89PNG\r\n\x1a\n"}), f
    ),
    "bench": lambda f: bench_report.write([], f, "command"),
    **{
        f"weights{suffix}": lambda f, suffix=suffix: weights.write(
            f / f"x{suffix}", ARRAYS
        )
        for suffix in (".npz", ".safetensors", ".pth")
    },
}


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_leaves_the_old_files(name, tmp_path, monkeypatch):
    """A failed write changes only a temporary file, so the old file stays."""
    WRITERS[name](tmp_path)
    written = contents(tmp_path)
    assert written
    if name == "class frequencies":
        written = {}
        for path in tmp_path.iterdir():  # it is not written again while it is there
            path.unlink()
    for path in tmp_path.iterdir():
        path.write_bytes(b"old")

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(atomic.os, "replace", full)
    with pytest.raises(OSError, match=rf"No space left on device: .*{tmp_path.name}"):
        WRITERS[name](tmp_path)
    assert contents(tmp_path) == dict.fromkeys(written, b"old")


def test_a_line_is_added_after_one_that_a_crash_cut(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text('{"a": 1}\n{"a"')
    json_file.append_line(path, {"a": 2})
    assert path.read_text() == '{"a": 1}\n{"a"\n{"a": 2}\n'


@pytest.mark.parametrize("length", [200, 251])
def test_long_names_are_written(tmp_path, length):
    name = "ä" * (length // 2) + ".txt"  # of `length` + 4 bytes or less
    atomic.write_text(tmp_path / name, "text")
    assert contents(tmp_path) == {name: b"text"}


def test_a_converted_run_appears_whole(tmp_path, monkeypatch):
    state = {"params": {"a": np.ones(3, np.float32)}, "batch_stats": {}}
    with (
        pytest.raises(OSError, match=f"{tmp_path / 'run'} was not written: full"),
        atomic.building(tmp_path / "run") as folder,
    ):
        with Checkpoints(folder / "ckpt") as checkpoints:
            checkpoints.save(0, state, meta={})
        raise OSError("full")
    assert contents(tmp_path) == {}


def test_a_failed_folder_goes_though_threads_still_write_into_it(tmp_path, monkeypatch):
    """The threads of the storage library continue to write after one has failed."""
    waits = []
    with (
        pytest.raises(OSError, match="full"),
        atomic.building(tmp_path / "run") as folder,
    ):

        def write_meanwhile(seconds):
            waits.append(seconds)
            if len(waits) in (1, 2, 4):
                folder.mkdir(exist_ok=True)
                (folder / "late").touch()

        monkeypatch.setattr(atomic.time, "sleep", write_meanwhile)
        raise OSError("full")
    assert len(waits) >= 4 and contents(tmp_path) == {}


WRITING = re.compile(
    r"\.write_text\(|\.write_bytes\(|open\([^)]*[\"'][wax]b?[\"']|np\.savez|\.save\(|"
    r"save_file\(|shutil\.copy"
)
ALLOWED = {  # who writes in another way, and why a reader never sees half of it
    "checkpoints/manager.py": "orbax renames a step when it is complete",
    "checkpoints/separate.py": "calls Checkpoints.save",
    "weights/formats/orbax.py": "orbax does so for a single folder as well",
    "weights/formats/npz.py": "called by files.write with a temporary name",
    "weights/formats/safe_tensors.py": "called by files.write with a temporary name",
    "weights/published/download.py": "to the temporary name of storage.atomic",
    "weights/formats/foreign.py": "the text of a message",
    "weights/formats/torch_writer.py": "called by files.write with a temporary name",
    "training/run/loop.py": "calls the manager of checkpoints",
    "training/run/goodput.py": "lines are appended; readers skip a cut one",
    "training/run/metric_writer.py": "lines are appended; readers skip a cut one",
    "training/run/event_writer.py": "records are appended; readers stop at a cut one",
    "lab/sweeps/execution.py": "the log of a child process",
    "runs/conversion.py": "inside a folder that is renamed when it is complete",
    "tasks/image_results.py": "calls Prediction.save",
    "tasks/extra_files.py": "by storage.atomic",
    "tasks/picture_files.py": "by storage.atomic",
    "tasks/finished.py": "lines are appended; readers skip a cut one",
    "tasks/large_image.py": "to the temporary name of storage.atomic",
    "data/large/rows_file.py": "a record of finished rows says which are complete",
    "inference/export/iree.py": "to the temporary name of storage.atomic",
    "inference/export/onnx.py": "to the temporary name of storage.atomic",
    "inference/export/tflite.py": "to the temporary name of storage.atomic",
    "inference/export/web/page.py": "inside a folder that is renamed when complete",
    "cli/convert.py": "inside a folder that is renamed when it is complete",
    "_api.py": "an example that calls Prediction.save",
    "data/bucket_copy.py": "an empty file that is locked",
    "runs/remote/reading.py": "empty files that are locked, and a temporary folder",
    "runs/lock.py": "a lock is linked to its name when it is complete",
    "bench/memory.py": "a switch of the kernel",
    "data/rasters.py": "into memory",
    "audit/page.py": "into memory",
    "audit/ranking/page.py": "into memory",
    "data/augment/degradation.py": "into memory",
    "viz/charts/_figure.py": "into memory",
    "viz/log_maps.py": "into memory",
    "report/pictures.py": "into memory",
    "health/self_test.py": "into a temporary folder",
    "serve/answers.py": "into memory",
    "serve/cutting.py": "into memory",
    "serve/upload.py": "a temporary file of one request",
    "weights/formats/pickle_program.py": "the text of a message",
    "weights/formats/torch_legacy.py": "the text of a message",
    "viz/_image_file.py": "to the temporary name of storage.atomic",
    "inference/prediction.py": "to the temporary name of storage.atomic",
    "tasks/predict_point_clouds.py": "to the temporary name of storage.atomic",
}


def test_no_other_file_of_the_package_writes_directly():
    package = pathlib.Path(jaxseg.__file__).parent
    found = set()
    for path in package.rglob("*.py"):
        name = str(path.relative_to(package))
        lines = path.read_text().splitlines()
        direct = [row for row in lines if WRITING.search(row) and "atomic." not in row]
        if direct and not name.startswith("storage/"):
            found.add(name)
    assert found <= ALLOWED.keys(), found - ALLOWED.keys()
