"""`jaxseg predict` on files that are read and written in windows."""

import dataclasses
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from jaxseg.checkpoints.manager import Checkpoints
from jaxseg.cli import predict
from jaxseg.config import Config, DataConfig, ModelConfig
from jaxseg.data import DatasetSpec
from jaxseg.runs.directory import build_model, write_run

tifffile = pytest.importorskip("tifffile")
SPEC = DatasetSpec(
    name="three",
    classes=("red", "green", "blue"),
    palette=((200, 0, 0), (0, 200, 0), (0, 0, 200)),
    mean=(0.5, 0.5, 0.5),
    std=(0.25, 0.25, 0.25),
)
CONFIG = Config(
    model=ModelConfig("unet", {"width": 4, "depth": 1}),
    data=DataConfig(max_pixels=40_000),
)
PIXELS = np.random.default_rng(0).integers(0, 256, (150, 260, 3), np.uint8)
WINDOWS = ("--mode", "slide", "--window", "64", "48", "--stride", "40", "48")
KILLED = """
import os, signal, sys
from jaxseg.data.large.rows_file import RowsFile
from jaxseg.cli import predict
write, calls = RowsFile.write, []
def counted(self, first, rows):
    for top in range(0, len(rows), 20):
        write(self, first + top, rows[top : top + 20])
        calls.append(top)
        if len(calls) == 3:
            os.kill(os.getpid(), signal.SIGKILL)
RowsFile.write = counted
predict.main(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def workdir(tmp_path_factory, fill):
    workdir = tmp_path_factory.mktemp("large") / "run"
    write_workdir(workdir, CONFIG, SPEC, fill)
    return workdir


def write_workdir(workdir, config, spec, fill):
    write_run(workdir, config, spec)
    model = build_model(config, spec.num_classes)
    with Checkpoints(workdir / "ckpt") as checkpoints:
        variables = fill(model, (1, 32, 32, 3))
        checkpoints.save(1, variables, meta={}, metrics={"mean_iou": 0.5})
        checkpoints.wait()


@pytest.fixture(scope="module")
def expected(workdir, tmp_path_factory):
    """The classes that windows in memory give, from a file below the limit."""
    folder = tmp_path_factory.mktemp("small")
    Image.fromarray(PIXELS).save(folder / "a.png")
    assert run(workdir, folder / "a.png", folder / "out", *WINDOWS) == 0
    with Image.open(folder / "out/a.png") as image:
        return np.asarray(image)


def run(workdir, image, output, *more):
    return predict.main(arguments(workdir, image, output, *more))


def arguments(workdir, image, output, *more):
    return [str(image), "--workdir", str(workdir), "-o", str(output), *more]


def write_tiled(path):
    tifffile.imwrite(path, PIXELS, tile=(32, 64), compression="zlib", photometric="rgb")
    return path


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_large_tiff_gives_the_classes_of_windows_in_memory(
    workdir, expected, tmp_path, capsys
):
    image = write_tiled(tmp_path / "scene.tif")
    more = ("--large-above", "1000", "--devices", "2", "--accumulate", "file")
    assert run(workdir, image, tmp_path / "out", *WINDOWS, *more) == 0
    printed = capsys.readouterr().out
    assert (
        "150 x 260 pixels in 24 windows of 64 x 48, 8 per call on 2 devices" in printed
    )
    assert "sums of 0.00 GB in a file" in printed
    assert names(tmp_path / "out") == [
        "predict.jsonl",
        "scene.tif",
        "scene_overlay.png",
    ]
    with tifffile.TiffFile(tmp_path / "out/scene.tif") as file:
        assert file.pages[0].is_tiled and file.pages[0].photometric.name == "PALETTE"
        np.testing.assert_array_equal(file.asarray(), expected)
    with Image.open(tmp_path / "out/scene_overlay.png") as overlay:
        assert overlay.size == (260, 150)


def test_an_array_gives_an_array_and_centers_need_no_sums(workdir, tmp_path, capsys):
    np.save(tmp_path / "scene.npy", PIXELS)
    Image.fromarray(PIXELS).save(tmp_path / "small.png")
    more = (*WINDOWS, "--blend", "center", "--no-overlay", "--devices", "1")
    images = tmp_path / "scene.npy", tmp_path / "out"
    assert run(workdir, *images, *more, "--large-above", "1000") == 0
    assert "without sums" in capsys.readouterr().out
    assert names(tmp_path / "out") == ["predict.jsonl", "scene.npy"]
    assert run(workdir, tmp_path / "small.png", tmp_path / "out", *more) == 0
    with Image.open(tmp_path / "out/small.png") as small:
        found = np.load(tmp_path / "out/scene.npy")
        np.testing.assert_array_equal(found, np.asarray(small))


@pytest.mark.slow
def test_exact_tiles_of_a_large_file_give_the_classes_of_the_whole_image(
    workdir, tmp_path
):
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    image, out = write_tiled(tmp_path / "scene.tif"), tmp_path / "out"
    exact = ("--mode", "exact", "--window", "96", "96", "--large-above", "1000")
    assert run(workdir, tmp_path / "a.png", out) == 0
    assert run(workdir, image, tmp_path / "exact", *exact) == 0
    with Image.open(out / "a.png") as whole:
        found = tifffile.imread(tmp_path / "exact/scene.tif")
        np.testing.assert_array_equal(found, np.asarray(whole))


@pytest.mark.slow
def test_classes_that_overlap_have_a_channel_each(tmp_path, fill):
    spec = dataclasses.replace(SPEC, multilabel=True)
    config = dataclasses.replace(
        CONFIG, model=dataclasses.replace(CONFIG.model, output="sigmoid")
    )
    write_workdir(tmp_path / "run", config, spec, fill)
    image, out = write_tiled(tmp_path / "scene.tif"), tmp_path / "out"
    assert run(tmp_path / "run", image, out, *WINDOWS, "--large-above", "1000") == 0
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    assert run(tmp_path / "run", tmp_path / "a.png", tmp_path / "two", *WINDOWS) == 0
    found = tifffile.imread(out / "scene.tif")
    assert found.shape == (150, 260, 3)
    for k, name in enumerate(spec.classes):
        with Image.open(tmp_path / "two" / name / "a.png") as one:
            np.testing.assert_array_equal(found[..., k], np.asarray(one))


def test_what_needs_the_whole_image_is_refused(workdir, tmp_path, capsys):
    np.save(tmp_path / "a.npy", np.zeros((200, 201, 3), np.uint8))
    image = tmp_path / "a.npy"
    assert run(workdir, image, tmp_path / "out") == 1
    assert "Pass --mode slide and --window HEIGHT WIDTH" in capsys.readouterr().err
    for more, message in (
        ("--flip", "flip=True is invalid for an image that is read in windows"),
        ("--crf", "crf, graphcut, class_thresholds or clean is invalid"),
        ("--probabilities", "probabilities is invalid for"),
        ("--write=coco", "is invalid for"),
        ("--maps=entropy", "maps=.* is invalid for"),
    ):
        with pytest.raises(ValueError, match=message):
            run(workdir, image, tmp_path / "out", *WINDOWS, more)
    with pytest.raises(ValueError, match="would replace an image"):
        run(workdir, image, tmp_path, *WINDOWS)
    assert not list(tmp_path.rglob("a.part*"))


@pytest.mark.slow
def test_a_killed_prediction_continues_where_it_stopped(
    workdir, expected, tmp_path, capsys
):
    image, out = write_tiled(tmp_path / "scene.tif"), tmp_path / "out"
    more = (*WINDOWS, "--large-above", "1000")
    command = arguments(workdir, image, out, *more)
    done = subprocess.run(
        [sys.executable, "-c", KILLED, *command],
        env=os.environ | {"JAX_DISABLE_MOST_OPTIMIZATIONS": "1"},
        check=False,
    )
    assert done.returncode == -9
    assert names(out) == ["predict.jsonl", "scene.part", "scene.part.json"]
    assert json.loads((out / "scene.part.json").read_text())["rows"] == 60
    other = ("--blend", "cosine")
    assert run(workdir, image, out, *more, *other) == 1
    error = capsys.readouterr().err
    assert "segment.blend='cosine', found options.segment.blend=None" in error
    assert run(workdir, image, out, *more) == 0
    assert "continues after row 60 of 150" in capsys.readouterr().out
    assert names(out) == ["predict.jsonl", "scene.tif", "scene_overlay.png"]
    np.testing.assert_array_equal(tifffile.imread(out / "scene.tif"), expected)
    assert run(workdir, image, out, *more) == 0
    assert "1 finished before" in capsys.readouterr().out
