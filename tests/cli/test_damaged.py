"""Commands that read a run refuse damaged weights in one line, with the remedy."""

import shutil

import numpy as np
import pytest
from PIL import Image

from jaxseg import weights
from jaxseg.checkpoints.compatibility import named_leaves
from jaxseg.checkpoints.manager import Checkpoints
from jaxseg.checkpoints.reading import read_everything
from jaxseg.cli.main import main

INTACT = 4


@pytest.fixture
def damaged(trained, tmp_path):
    """A copy of the finished run in which step 4 alone is as it was stored."""
    run = shutil.copytree(trained, tmp_path / "run")
    for step in (run / "ckpt").iterdir():
        if step.name != str(INTACT):
            shutil.rmtree(step / "state")
            shutil.copytree(run / "ckpt" / str(INTACT) / "state", step / "state")
    return run


@pytest.fixture
def image(tmp_path):
    """A small picture."""
    path = tmp_path / "image.png"
    pixels = np.random.default_rng(0).integers(0, 256, (24, 24, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def command(name, run, tiny, image, tmp_path):
    """A command line that reads the weights of `run`."""
    return {
        "train": tiny(run, "--devices=1"),
        "init from": tiny(tmp_path / "new", "--devices=1", f"--train.init-from={run}"),
        "eval": ["eval", str(run), "--devices=1"],
        "predict": [
            "predict",
            str(image),
            f"--workdir={run}",
            f"-o={tmp_path / 'out'}",
        ],
        "convert": ["convert", str(run), f"-o={tmp_path / 'out'}"],
    }[name]


REMEDIES = {
    "train": "`jaxseg train --skip-damaged` continues from it",
    "init from": "move the damaged folder away to take it",
    "eval": "pass --checkpoint 4 to use it",
    "predict": "pass --checkpoint 4 to use it",
    "convert": "{run}/ckpt/4 reads it",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", REMEDIES)
def test_damage_is_refused_with_the_remedy(
    damaged, tiny, image, tmp_path, name, capsys
):
    assert main(command(name, damaged, tiny, image, tmp_path)) == 1
    error = capsys.readouterr().err.strip()
    assert error.startswith("jaxseg: ") and "\n" not in error
    assert f"the checkpoint {damaged}/ckpt/" in error and " is damaged (" in error
    remedy = REMEDIES[name].format(run=damaged)
    assert error.endswith(f"; step {INTACT} is intact; {remedy}")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("way", ["--checkpoint=4", "--no-digest"])
def test_it_is_read_when_asked(damaged, tiny, image, tmp_path, way):
    given = command("predict", damaged, tiny, image, tmp_path)
    assert main([*given, way]) == 0
    assert (tmp_path / "out" / "image.png").is_file()


@pytest.fixture(scope="module")
def diverged(trained, tmp_path_factory):
    """A copy of the finished run whose weights hold a NaN and an infinity."""
    run = shutil.copytree(trained, tmp_path_factory.mktemp("diverged") / "run")
    state = read_everything(run / "ckpt" / "6")
    state["params"]["classifier"]["bias"][[0, 2]] = np.nan, np.inf
    shutil.rmtree(run / "ckpt")
    with Checkpoints(run / "ckpt") as checkpoints:
        checkpoints.save(6, state, meta={})
    return run


@pytest.mark.parametrize("name", ["init from", "eval", "predict", "convert"])
def test_weights_that_are_no_numbers_are_refused(
    diverged, tiny, image, tmp_path, name, capsys
):
    assert main(command(name, diverged, tiny, image, tmp_path)) == 1
    error = capsys.readouterr().err.strip()
    assert "\n" not in error
    assert "2 values of params/classifier/bias are NaN or infinite" in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("suffix", [".npz", ".safetensors", ".pth"])
def test_files_of_weights_that_are_no_numbers_are_refused(
    diverged, tmp_path, suffix, capsys
):
    state = read_everything(diverged / "ckpt" / "6")
    parts = {name: state[name] for name in ("params", "batch_stats")}
    source = tmp_path / f"weights{suffix}"
    weights.write(source, {name: np.asarray(x) for name, x in named_leaves(parts)})
    network = ["--model=unet", "--model.options.width=4", "--model.options.depth=1"]
    assert main(["convert", str(source), f"-o={tmp_path / 'out'}", *network]) == 1
    error = capsys.readouterr().err.strip()
    assert "2 values of params/classifier/bias are NaN or infinite" in error
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_training_continues_from_the_intact_step_when_asked(
    damaged, trained, tiny, capsys
):
    given = tiny(damaged, "--devices=2", "--skip-damaged")
    assert main(given) == 0
    assert f"resuming at step {INTACT} of 6" in capsys.readouterr().out
    assert (damaged / "ckpt" / "damaged-6" / "state").is_dir()
    ours, theirs = (
        {k: np.asarray(v).tobytes() for k, v in named_leaves(tree)}
        for tree in (read_everything(run / "ckpt" / "6") for run in (damaged, trained))
    )
    assert ours == theirs
