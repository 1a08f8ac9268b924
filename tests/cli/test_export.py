"""`jaxseg export`: a file per format that gives what `jaxseg predict` gives."""

import numpy as np
import pytest

import jaxseg
from jaxseg.checkpoints.manager import Checkpoints
from jaxseg.cli.main import main
from jaxseg.config import Config, ModelConfig
from jaxseg.data import DatasetSpec
from jaxseg.inference.export.formats import FORMATS
from jaxseg.runs.directory import build_model, write_run

SLOW = (".tflite",)  # TensorFlow takes seconds to start.
SUFFIXES = [
    pytest.param(suffix, marks=pytest.mark.slow) if suffix in SLOW else suffix
    for suffix in FORMATS
]
SPEC = DatasetSpec(
    name="three",
    classes=("red", "green", "blue"),
    palette=((200, 0, 0), (0, 200, 0), (0, 0, 200)),
    mean=(0.5, 0.4, 0.3),
    std=(0.25, 0.25, 0.25),
)
CONFIG = Config(model=ModelConfig("unet", {"width": 4, "depth": 1}))


@pytest.fixture(scope="module")
def workdir(tmp_path_factory, fill):
    """A run directory with a narrow U-Net for three classes."""
    folder = tmp_path_factory.mktemp("run")
    write_run(folder, CONFIG, SPEC)
    variables = fill(build_model(CONFIG, SPEC.num_classes), (1, 32, 32, 3))
    with Checkpoints(folder / "ckpt") as checkpoints:
        checkpoints.save(3, variables, meta={}, metrics={"mean_iou": 0.5})
        checkpoints.wait()
    return folder


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_fixed_size_file_gives_the_classes_of_predict(
    suffix, workdir, tmp_path, capsys
):
    for package in FORMATS[suffix].packages:
        pytest.importorskip(package)
    file = tmp_path / f"net{suffix}"
    command = ["export", str(workdir), "-o", str(file), "--size", "40", "50"]
    assert main([*command, "--argmax"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("40 x 50: 0 of the pixels have another class") == 3
    run, header = FORMATS[suffix].load(file)
    images = np.random.default_rng(3).integers(0, 256, (2, 40, 50, 3), np.uint8)
    count = header["input"]["shape"][0]
    assert count == (None if FORMATS[suffix].any_batch else 1)
    found = run(images) if count is None else [run(image[None])[0] for image in images]
    opened = jaxseg.open_run(workdir)
    for image, classes in zip(images, found, strict=True):
        assert classes.dtype == np.uint8
        np.testing.assert_array_equal(classes, opened.predict(image).labels)
    assert header["input"]["shape"][1:] == [40, 50, 3]
    assert header["classes"] == ["red", "green", "blue"] and header["step"] == 3
    assert header["palette"][0] == [200, 0, 0]
    assert header["input"]["mean"] == [0.5, 0.4, 0.3]


def test_an_any_size_file_gives_the_probabilities_of_predict(workdir, tmp_path, capsys):
    pytest.importorskip("flatbuffers")
    file = tmp_path / "net.stablehlo"
    assert main(["export", str(workdir), "-o", str(file), "--any-size"]) == 0
    printed = capsys.readouterr().out
    assert all(f"{size}: " in printed for size in ("64 x 96", "128 x 64", "91 x 129"))
    run, header = FORMATS[".stablehlo"].load(file)
    image = np.random.default_rng(3).integers(0, 256, (2, 64, 96, 3), np.uint8)
    expected = jaxseg.open_run(workdir).predict(image[1]).probabilities
    np.testing.assert_allclose(run(image)[1], expected, atol=1e-5)
    assert header["input"]["shape"] == [None, None, None, 3]
    assert header["multiple"] == 32
    assert header["output"]["shape"] == [None, None, None, 3]
    assert "6 months" in header["guarantee"]["rule"]


def test_the_operation_that_needs_the_size_is_named(
    workdir, tmp_path, capsys, monkeypatch
):
    pytest.importorskip("flatbuffers")
    monkeypatch.setattr("jaxseg.models.unet.any_below", lambda sizes, n: min(sizes) < n)
    command = ["export", str(workdir), "-o", str(tmp_path / "a.stablehlo")]
    assert main([*command, "--any-size"]) == 1
    error = capsys.readouterr().err
    assert "any_size=True is invalid for this network: jaxseg.models.unet" in error
    assert error.count("\n") == 1 and not list(tmp_path.iterdir())


def test_a_wrong_file_is_removed(workdir, tmp_path, capsys, monkeypatch):
    pytest.importorskip("flatbuffers")
    kind = FORMATS[".stablehlo"]

    def load(self, path):
        return lambda images: np.zeros((1, 32, 32, 3), np.float32), {}

    monkeypatch.setattr(type(kind), "load", load)
    file = tmp_path / "net.stablehlo"
    command = ["export", str(workdir), "-o", str(file), "--size", "32", "32"]
    assert main([*command, "--batch", "1"]) == 1
    assert "The StableHLO file is wrong and was removed" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "given, message",
    [
        (["-o", "net.pb"], "output='net.pb' is invalid: expected a file name that"),
        (["-o", "a.stablehlo", "--any-size", "--size", "8", "8"], "any_size=True is"),
        (["-o", "a.stablehlo", "--size", "0", "8"], "size=(0, 8) is invalid"),
    ],
)
def test_wrong_options_are_one_line(workdir, given, message, capsys):
    assert main(["export", str(workdir), *given]) == 1
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_a_missing_package_is_named_with_its_remedy(workdir, capsys, monkeypatch):
    kind = FORMATS[".stablehlo"]
    lacking = {".stablehlo": type(kind)("X", "none", ("no_such_package",), "pip in")}
    monkeypatch.setattr("jaxseg.inference.export.formats.FORMATS", lacking)
    assert main(["export", str(workdir), "-o", "a.stablehlo"]) == 1
    assert "no_such_package. Install them with: pip in" in capsys.readouterr().err
