"""`jaxseg predict` with pictures of attention and of the iterations of the CRF."""

import jax
import numpy as np
import pytest
from PIL import Image

from jaxseg import open_run
from jaxseg.checkpoints.manager import Checkpoints
from jaxseg.cli.main import main
from jaxseg.config import Config, ModelConfig
from jaxseg.data import DatasetSpec
from jaxseg.inference import attention_maps
from jaxseg.runs.directory import build_model, write_run

SPEC = DatasetSpec("two", ("a", "b"), ((0, 0, 0), (200, 0, 0)))
TINY = {"width": 4, "blocks": (1, 1, 1, 1), "features": 8}


@pytest.fixture(scope="module")
def runs(tmp_path_factory, fill):
    """A run of DANet, a run without attention, and an image."""
    root = tmp_path_factory.mktemp("runs")
    models = {"danet": ("danet_resnet50", TINY), "unet": ("unet", {"width": 2})}
    for name, (network, options) in models.items():
        config = Config(model=ModelConfig(network, options))
        write_run(root / name, config, SPEC)
        variables = fill(build_model(config, 2), (1, 32, 32, 3))
        with Checkpoints(root / name / "ckpt") as checkpoints:
            checkpoints.save(1, variables, meta={}, metrics={"mean_iou": 0.5})
            checkpoints.wait()
    pixels = np.random.default_rng(0).integers(0, 256, (32, 48, 3), np.uint8)
    Image.fromarray(pixels).save(root / "x.png")
    return root


def predict(runs, name, out, *more):
    words = ["predict", str(runs / "x.png"), f"--workdir={runs / name}", f"-o={out}"]
    return main([*words, *map(str, more)])


@pytest.mark.slow
def test_attention_and_steps_are_drawn(runs, tmp_path):
    point = (20, 31)
    more = ["--attention", *point, "--crf", "--crf.iterations", 2, "--crf-steps"]
    more += ["--crf.method", "exact"]
    assert predict(runs, "danet", tmp_path, *more) == 0
    run = open_run(runs / "danet")
    image = np.asarray(Image.open(runs / "x.png"))
    network = run.segmenter.network
    find = jax.jit(lambda v, pixels: attention_maps(network, v, pixels, point))
    (expected,) = find(run.variables, image[None]).values()
    stored = np.load(tmp_path / "x_attention.npz")["head_position_attention"]
    np.testing.assert_allclose(stored, expected.weights, rtol=1e-4)
    picture = np.asarray(Image.open(tmp_path / "x_attention.png"))
    assert picture.shape[0] > 32 and picture.shape[1] > 2 * 48
    steps = np.asarray(Image.open(tmp_path / "x_crf.png"))
    assert steps.shape[1] > 3 * 160  # before, and after each of two iterations
    assert (steps == (200, 0, 0)).all(-1).any()


REFUSALS = {
    "no attention": ("unet", ["--attention", 1, 2], "for the network UNet"),
    "outside": ("danet", ["--attention", 32, 0], "expected a row below 32"),
    "windows": (
        "danet",
        ["--attention", 1, 2, "--mode", "slide", "--window", 32, 32],
        "expected mode='whole'",
    ),
    "no CRF": ("unet", ["--crf-steps"], "crf_steps=True is invalid without --crf"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_pictures_that_cannot_be_drawn_are_refused(runs, tmp_path, case, capsys):
    name, more, message = REFUSALS[case]
    assert predict(runs, name, tmp_path / "out", *more) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
