"""`jaxseg predict` with several runs, dropout samples and maps of uncertainty."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from jaxseg import open_run
from jaxseg.checkpoints.manager import Checkpoints
from jaxseg.cli.main import main
from jaxseg.config import Config, ModelConfig
from jaxseg.data import DatasetSpec
from jaxseg.inference import Averaging
from jaxseg.inference.segmenter import PredictOptions
from jaxseg.runs.directory import build_model, write_run

SPEC = DatasetSpec(
    name="three",
    classes=("red", "green", "blue"),
    palette=((200, 0, 0), (0, 200, 0), (0, 0, 200)),
    mean=(0.5, 0.5, 0.5),
    std=(0.25, 0.25, 0.25),
)
UNET = Config(model=ModelConfig("unet", {"width": 4, "depth": 1}))
SEGNET = Config(model=ModelConfig("bayesian_segnet_basic", {"width": 2}))
MAPS = ("entropy", "mutual_information", "variation_ratio")


def write(workdir, config, spec, fill, seed):
    write_run(workdir, config, spec)
    variables = fill(build_model(config, spec.num_classes), (1, 32, 32, 3), seed=seed)
    with Checkpoints(workdir / "ckpt") as checkpoints:
        checkpoints.save(10, variables, meta={}, metrics={"mean_iou": 0.5})
        checkpoints.wait()
    return workdir


@pytest.fixture(scope="module")
def runs(tmp_path_factory, fill):
    """Two runs with different networks, one with other classes, and an image."""
    root = tmp_path_factory.mktemp("runs")
    other = dataclasses.replace(SPEC, classes=("red", "green", "brown"))
    write(root / "a", UNET, SPEC, fill, 1)
    write(root / "b", SEGNET, SPEC, fill, 2)
    write(root / "c", UNET, other, fill, 3)
    pixels = np.random.default_rng(0).integers(0, 256, (32, 48, 3), np.uint8)
    Image.fromarray(pixels).save(root / "x.png")
    return root


def predict(runs, out, *more):
    return main(["predict", *map(str, more), "-o", str(out), str(runs / "x.png")])


@pytest.mark.slow
def test_two_runs_are_averaged_and_their_maps_written(runs, tmp_path):
    given = ["--workdir", runs / "a", runs / "b", "--probabilities"]
    assert predict(runs, tmp_path, *given, "--maps", *MAPS) == 0
    single = [open_run(runs / name).predict(runs / "x.png") for name in "ab"]
    mean = np.mean([one.probabilities for one in single], axis=0)
    stored = np.load(tmp_path / "x.npz")["probabilities"]
    np.testing.assert_allclose(stored, mean, atol=1e-3)
    np.testing.assert_array_equal(
        np.asarray(Image.open(tmp_path / "x.png")), mean.argmax(-1)
    )
    both = open_run(runs / "a").make_segmenter(others=[open_run(runs / "b")])
    found = both.predict(runs / "x.png").probabilities
    np.testing.assert_allclose(found, mean, atol=1e-5)
    with Image.open(tmp_path / "x_uncertainty_entropy.tiff") as image:
        assert image.mode == "F" and "nats" in image.tag_v2[270]
        values = np.asarray(image)
    expected = -(mean * np.log(np.maximum(mean, 1e-30))).sum(-1)
    np.testing.assert_allclose(values, expected, atol=1e-4)
    with Image.open(tmp_path / "x_uncertainty_variation_ratio.tiff") as image:
        differs = single[0].labels != single[1].labels
        np.testing.assert_array_equal(np.asarray(image), np.where(differs, 0.5, 0))
    picture = np.asarray(Image.open(tmp_path / "x_uncertainty_mutual_information.png"))
    assert picture.shape[0] > 32 and picture.shape[1] > 48


@pytest.mark.slow
def test_dropout_samples_equal_those_of_python(runs, tmp_path):
    given = [f"--workdir={runs / 'b'}", "--dropout-samples", "3", "--dropout-seed", "4"]
    files = ["--maps", "mutual_information", "--map-format", "npy"]
    assert predict(runs, tmp_path, *given, *files) == 0
    averaging = Averaging(dropout_samples=3, seed=4, maps=("mutual_information",))
    segmenter = open_run(runs / "b").make_segmenter(PredictOptions(averaging=averaging))
    expected = segmenter.predict(runs / "x.png").uncertainty["mutual_information"]
    stored = np.load(tmp_path / "x_uncertainty_mutual_information.npy")
    assert stored.dtype == np.float32 and stored.max() > 1e-3
    np.testing.assert_allclose(stored, expected, atol=1e-6)


REFUSALS = {
    "other classes": (["a", "c"], [], "expected the classes of the first network"),
    "no dropout": (["a"], ["--dropout-samples", "2"], "UNet has no dropout layer"),
    "one prediction": (["a"], ["--maps", "variation_ratio"], "expected only 'entropy'"),
    "options": (["a", "b"], ["--model.options.width", "3"], "Leave out --model.opt"),
    "samples": (["a"], ["--dropout-samples", "-1"], "expected a whole number from 0"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_does_not_fit_is_refused_before_anything_is_written(
    runs, tmp_path, case, capsys
):
    names, more, message = REFUSALS[case]
    directories = [runs / name for name in names]
    out = tmp_path / "out"
    assert predict(runs, out, *more, "--workdir", *directories) == 1
    assert message in capsys.readouterr().err
    assert not out.exists()
