"""Tests runs of jaxseg as a source of weights, as `jaxseg predict` reads them."""

import jax
import numpy as np
import pytest

from jaxseg import weights
from jaxseg.checkpoints.manager import Checkpoints
from jaxseg.cli import convert
from jaxseg.config import Config, ModelConfig, TrainConfig
from jaxseg.data.spec import DatasetSpec
from jaxseg.runs.directory import (
    build_model,
    load_variables,
    read_config,
    read_spec,
    write_run,
)
from jaxseg.weights.model_variables import variable_shapes

SPEC = DatasetSpec(
    "folder",
    ("ground", "tree"),
    ((9, 9, 9), (0, 200, 0)),
    mean=(0.1, 0.2, 0.3),
    std=(0.4, 0.5, 0.6),
    labels=((0, 0), (7, 1)),
)
BEST, NEWEST = 2, 4
NETWORK = ["--model", "unet", "--model.options.width", "4", "--model.options.depth=1"]
VALUES = {"params": 1.0, "ema": 2.0}  # plus the step


def make_run(folder, *, ema):
    """Makes a run whose arrays show the step and whether they are averages."""
    network = ModelConfig("unet", {"width": 4, "depth": 1})
    config = Config(model=network, train=TrainConfig(ema=0.9 if ema else None))
    write_run(folder, config, SPEC)
    shapes = variable_shapes(build_model(config, 2))

    def full(value):
        return jax.tree.map(
            lambda leaf: np.full(leaf.shape, value, leaf.dtype), shapes["params"]
        )

    with Checkpoints(folder / "ckpt") as checkpoints:
        for step, score in ((BEST, 0.9), (NEWEST, 0.1)):
            state = {name: full(value + step) for name, value in VALUES.items()}
            state["batch_stats"] = jax.tree.map(
                lambda leaf: np.ones(leaf.shape, leaf.dtype),
                shapes.get("batch_stats", {}),
            )
            if not ema:
                del state["ema"]
            checkpoints.save(step, state, meta={}, metrics={"mean_iou": score})
    return folder


def value_in(tree):
    """Returns the one value of all arrays of the parameters."""
    (value,) = {float(v) for leaf in jax.tree.leaves(tree) for v in np.unique(leaf)}
    return value


@pytest.mark.parametrize("ema", [False, True])
def test_a_converted_run_predicts_like_its_source(tmp_path, ema):
    run = make_run(tmp_path / "run", ema=ema)
    model = build_model(read_config(run), 2)
    _, expected = load_variables(run, model, ema=ema)
    assert value_in(expected["params"]) == VALUES["ema" if ema else "params"] + BEST
    assert convert.main([str(run), "-o", str(tmp_path / "copy")]) == 0
    config = read_config(tmp_path / "copy")
    _, found = load_variables(
        tmp_path / "copy", model, ema=config.train.ema is not None
    )
    assert jax.tree.all(jax.tree.map(np.array_equal, found, expected))
    assert read_spec(tmp_path / "copy") == SPEC


@pytest.mark.parametrize("place", ["run", "run/ckpt"])
def test_python_reads_the_step_that_prediction_takes(tmp_path, place):
    make_run(tmp_path / "run", ema=True)
    assert value_in(weights.read(tmp_path / place)["params"]) == VALUES["ema"] + BEST


def test_a_step_that_is_named_is_read(tmp_path):
    run = make_run(tmp_path / "run", ema=True)
    step = run / "ckpt" / str(NEWEST)
    assert value_in(weights.read(step)["params"]) == VALUES["ema"] + NEWEST
    assert convert.main([str(step), "-o", str(tmp_path / "copy"), *NETWORK]) == 0
    assert read_spec(tmp_path / "copy") == SPEC


def test_other_classes_keep_the_normalization(tmp_path):
    run = make_run(tmp_path / "run", ema=False)
    fresh = ["--num-classes", "3", "--allow-missing", "classifier/*"]
    fresh += ["--allow-unused", "classifier/*"]
    convert.main([str(run), "-o", str(tmp_path / "copy"), *fresh])
    found = read_spec(tmp_path / "copy")
    assert (found.mean, found.std) == (SPEC.mean, SPEC.std)
    assert len(found.classes) == 3 and found.labels == ()


def test_a_bare_file_says_that_its_normalization_is_unknown(tmp_path, capsys):
    run = make_run(tmp_path / "run", ema=False)
    convert.main([str(run), "-o", str(tmp_path / "a.npz")])
    convert.main([str(tmp_path / "a.npz"), "-o", str(tmp_path / "copy"), *NETWORK])
    assert "normalization is unknown" in capsys.readouterr().err
    assert "normalization is unknown" in weights.read_card(tmp_path / "copy").note
