"""`jaxseg predict --mode tile` on a run of the unpadded U-Net."""

import numpy as np
import pytest
from PIL import Image

from jaxseg.checkpoints.manager import Checkpoints
from jaxseg.cli.main import main
from jaxseg.config import Config, ModelConfig
from jaxseg.data import DatasetSpec
from jaxseg.models.unet_valid import valid_sizes
from jaxseg.runs.directory import build_model, write_run

SPEC = DatasetSpec("two", ("dark", "light"), ((0, 0, 0), (255, 255, 255)))
CONFIG = Config(model=ModelConfig("unet_valid", {"width": 4, "depth": 2}))


@pytest.fixture(scope="module")
def valid_run(tmp_path_factory, fill):
    """A work directory of a small unpadded U-Net that was never trained."""
    workdir = tmp_path_factory.mktemp("valid") / "run"
    write_run(workdir, CONFIG, SPEC)
    variables = fill(build_model(CONFIG, 2), (1, 64, 64, 3))
    with Checkpoints(workdir / "ckpt") as checkpoints:
        checkpoints.save(1, variables, meta={})
    return workdir


def predicted(workdir, image, output, *more):
    arguments = [f"--workdir={workdir}", f"-o={output}", "--no-overlay", *more]
    assert main(["predict", str(image), *arguments]) == 0
    with Image.open(output / f"{image.stem}.png") as label:
        return np.asarray(label)


def test_tiles_give_the_mirrored_whole(valid_run, tmp_path):
    """Tiles without padding, two by three, against one pass with mirrored borders."""
    pixels = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    image = tmp_path / "noise.png"
    Image.fromarray(pixels).resize((96, 64)).save(image)
    whole = predicted(valid_run, image, tmp_path / "whole")
    (height, _), (width, _) = valid_sizes(33, 2), valid_sizes(37, 2)
    window = ("--mode=tile", "--window", str(height), str(width))
    padless = ("--model.options.pad", "none")
    tiled = predicted(valid_run, image, tmp_path / "tiled", *window, *padless)
    assert tiled.shape == (64, 96) and len(np.unique(whole)) == 2
    assert (tiled == whole).mean() > 0.999


def test_a_window_that_does_not_fit_is_named(valid_run, tmp_path, capsys):
    image = tmp_path / "gray.png"
    Image.fromarray(np.full((64, 64, 3), 90, np.uint8)).save(image)
    arguments = [
        "predict", str(image), f"--workdir={valid_run}", f"-o={tmp_path / 'out'}",
        "--mode=tile", "--window", "65", "64", "--model.options.pad", "none",
    ]  # fmt: skip
    assert main(arguments) == 1
    assert (
        "side=65 is invalid: expected a number of pixels that fits"
        in capsys.readouterr().err
    )
