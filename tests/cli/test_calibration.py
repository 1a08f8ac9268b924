"""`jaxseg calibrate`, and `eval` with several runs, scaled logits and calibration."""

import contextlib
import io
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from jaxseg import open_run
from jaxseg.cli.main import main
from jaxseg.config import Config, ModelConfig
from jaxseg.data import DatasetSpec, open_source
from jaxseg.runs.directory import write_run

SPLIT = "--split=validation[:3]"


@pytest.fixture(scope="module")
def run(trained, tmp_path_factory):
    """A copy of a finished run, with a fitted temperature."""
    workdir = tmp_path_factory.mktemp("calibrated") / "run"
    shutil.copytree(trained, workdir)
    assert main(["calibrate", str(workdir), "--pixels", "300", SPLIT]) == 0
    return workdir


def evaluated(tmp_path, *arguments):
    out = tmp_path / "scores.json"
    assert main(["eval", *map(str, arguments), SPLIT, "-o", str(out)]) == 0
    return json.loads(out.read_text())


@pytest.fixture(scope="module")
def plain(run, tmp_path_factory):
    """The scores of the run, its diagram, and what the command printed."""
    folder = tmp_path_factory.mktemp("plain")
    picture = folder / "reliability.png"
    given = ["--calibration", f"--calibration-diagram={picture}"]
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        found = evaluated(folder, run, *given)
    return found, picture, printed.getvalue()


def labeled(workdir):
    """The probabilities and the labels at all labeled pixels, from single images."""
    opened = open_run(workdir)
    source = open_source(opened.config.data, "validation[:3]", trained=opened.spec)
    examples = [source[i] for i in range(len(source))]
    p = [opened.predict(one["image"]).probabilities for one in examples]
    labels = [one["label"] for one in examples]
    valid = [label != opened.spec.void for label in labels]
    return (
        np.concatenate([a[v] for a, v in zip(p, valid, strict=True)]),
        np.concatenate([a[v] for a, v in zip(labels, valid, strict=True)]),
    )


@pytest.mark.slow
def test_calibration_scores_those_of_single_images(run, plain, tmp_path):
    scores, picture, shown = plain
    found = scores["calibration"]
    assert f"expected calibration error  {found['expected_error']:.4f}" in shown
    p, label = labeled(run)
    own = p[np.arange(len(label)), label].astype(np.float64)
    assert found["log_loss"] == pytest.approx(-np.log(own).mean(), rel=1e-5)
    squared = ((p - np.eye(p.shape[1])[label]) ** 2).sum(-1).mean()
    assert found["brier"] == pytest.approx(squared, rel=1e-5)
    confidence, right = p.max(-1), p.argmax(-1) == label
    place = np.minimum((confidence.astype(np.float64) * 15).astype(int), 14)
    gaps = [abs((right - confidence)[place == i].sum()) for i in range(15)]
    assert found["expected_error"] == pytest.approx(sum(gaps) / len(p), abs=1e-5)
    assert found["predictions"] == len(label)
    assert np.asarray(Image.open(picture)).shape[2] == 3
    given = ["--calibration", "--batch-size", "1"]
    again = evaluated(tmp_path, run, *given)["calibration"]
    assert again["log_loss"] == pytest.approx(found["log_loss"], rel=1e-6)
    assert again["predictions"] == found["predictions"]


@pytest.mark.slow
def test_the_scaling_is_used_when_asked(run, plain, tmp_path):
    stored = json.loads((run / "calibration.json").read_text())
    assert stored["method"] == "temperature" and stored["pixels"] == 900
    assert stored["after"]["log_loss"] < stored["before"]["log_loss"]
    plain, *_ = plain
    scaled = evaluated(tmp_path, run, "--calibration", "--calibrated")
    assert scaled["calibrated"] is True
    assert plain["mean_iou"] == scaled["mean_iou"]  # One factor changes no class.
    assert scaled["calibration"]["log_loss"] < plain["calibration"]["log_loss"]
    image = np.random.default_rng(0).integers(0, 256, (32, 48, 3), np.uint8)
    Image.fromarray(image).save(tmp_path / "x.png")
    where = [str(tmp_path / "x.png"), f"--workdir={run}", "-o", str(tmp_path / "out")]
    assert main(["predict", *where, "--calibrated", "--probabilities"]) == 0
    p = open_run(run).predict(image).probabilities.astype(np.float64)
    expected = p ** stored["weight"][0]
    expected /= expected.sum(-1, keepdims=True)
    found = np.load(tmp_path / "out/x.npz")["probabilities"]
    np.testing.assert_allclose(found, expected, atol=1e-3)


@pytest.mark.slow
def test_an_ensemble_is_scored_like_its_predictions(run, plain, trained, tmp_path):
    """A run averaged with itself has its scores."""
    alone, *_ = plain
    twice = evaluated(tmp_path, "--workdir", run, trained)
    assert twice["ensemble"] == [str(trained)]
    assert twice["confusion"] == alone["confusion"]


def test_a_scaling_of_other_weights_is_refused(run, trained, tmp_path, capsys):
    other = tmp_path / "run"
    shutil.copytree(trained, other)
    given = ["eval", str(other), "--calibrated", SPLIT]
    assert main(given) == 1
    assert "calibration.json, which does not exist. Run `jaxseg" in (
        capsys.readouterr().err
    )
    stored = json.loads((run / "calibration.json").read_text())
    for change, message in (
        ({"digest": "0"}, "expected a scaling that was fitted to these weights"),
        ({"weight": ["x"]}, "expected `weight` and `bias`"),
    ):
        (other / "calibration.json").write_text(json.dumps(stored | change))
        assert main(given) == 1
        assert message in capsys.readouterr().err


def test_a_receipt_needs_a_single_network(trained, tmp_path, capsys):
    given = [f"--receipt={tmp_path / 'r.json'}", "--dropout-samples", "2"]
    assert main(["eval", str(trained), *given]) == 1
    assert "expected the predictions of one network" in capsys.readouterr().err
    assert main(["eval", str(trained), "--dropout-samples", "2", SPLIT]) == 1
    assert "UNet has no dropout layer" in capsys.readouterr().err


def test_other_tasks_are_refused(tmp_path, capsys):
    config = Config(model=ModelConfig("prob_unet", {}))
    write_run(tmp_path, config, DatasetSpec("two", ("a", "b"), ((0, 0, 0), (9, 9, 9))))
    assert main(["calibrate", str(tmp_path)]) == 1
    assert "model.name='prob_unet' is invalid for calib" in capsys.readouterr().err
