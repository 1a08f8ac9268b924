"""Tests that a stored run opens, predicts and is evaluated from Python."""

import dataclasses
import json
import pathlib
import shutil

import jax
import numpy as np
import pytest
from PIL import Image

import jaxseg
from jaxseg.cli.main import main
from jaxseg.config import Config, DataConfig, ModelConfig, TrainConfig
from jaxseg.ops.preprocess import preprocess
from jaxseg.weights import SOURCES, to_torch, write
from jaxseg.weights.model_variables import variable_shapes

GOLDEN = pathlib.Path(__file__).parent / "golden"
IMAGE = GOLDEN / "photos" / "validation" / "images" / "scene1.png"


@pytest.fixture(scope="module")
def run():
    """Trains a narrow U-Net for four steps."""
    return jaxseg.open_run(GOLDEN / "unet", checkpoint="latest")


def test_a_run_tells_what_it_is(run):
    assert run.step == 4
    assert run.spec.name == "shapes" and run.config.model.name == "unet"
    assert run.spec.num_classes == len(run.spec.classes) == 7


def test_opening_a_run_logs_no_warning_of_the_checkpoint_library(caplog):
    jaxseg.open_run(GOLDEN / "unet", checkpoint="latest")
    assert not [record for record in caplog.records if record.name == "absl"]


def test_prediction_of_a_file_equals_that_of_its_pixels_and_of_the_command(
    run, tmp_path
):
    found = run.predict(IMAGE)
    pixels = np.asarray(Image.open(IMAGE))
    np.testing.assert_array_equal(found.image, pixels)
    np.testing.assert_array_equal(run.predict(pixels).labels, found.labels)
    workdir = f"--workdir={GOLDEN / 'unet'}"
    assert main(["predict", str(IMAGE), workdir, f"-o={tmp_path}"]) == 0
    written = np.asarray(Image.open(tmp_path / "scene1.png"))
    np.testing.assert_array_equal(written, found.labels)
    blend = np.asarray(Image.open(tmp_path / "scene1_overlay.png"))
    np.testing.assert_array_equal(blend, found.overlay())


def test_probabilities_are_the_softmax_of_the_network(run):
    found = run.predict(IMAGE)
    padded = np.empty((1, 32, 64, 3), np.uint8)
    padded[:] = run.spec.mean_color
    padded[0, :30, :44] = found.image
    x = preprocess(padded, run.spec)
    logits = jax.jit(run.model.apply)(run.variables, x)["logits"]
    expected = np.asarray(jax.nn.softmax(logits))[0, :30, :44]
    np.testing.assert_allclose(found.probabilities, expected, atol=1e-6)
    np.testing.assert_array_equal(found.probabilities.argmax(-1), found.labels)


def test_averaged_labels_follow_the_averaged_probabilities(run):
    options = jaxseg.PredictOptions(scales=(0.5, 1.0), flip=True)
    found = run.make_segmenter(options).predict(IMAGE)
    np.testing.assert_array_equal(found.probabilities.argmax(-1), found.labels)
    assert np.abs(found.probabilities - run.predict(IMAGE).probabilities).max() > 1e-3


def test_a_prediction_is_saved(run, tmp_path):
    found = run.predict(IMAGE)
    written = found.save(tmp_path / "out", name="scene", probabilities=True)
    assert [path.name for path in written] == [
        "scene.png",
        "scene_overlay.png",
        "scene.npz",
    ]
    np.testing.assert_array_equal(np.asarray(Image.open(written[0])), found.labels)
    with np.load(written[2]) as stored:
        assert tuple(stored["classes"]) == run.spec.classes
        np.testing.assert_allclose(
            stored["probabilities"], found.probabilities, atol=1e-3
        )
    assert sorted(tmp_path.rglob("*.*")) == sorted(written)


@pytest.mark.slow
def test_scores_are_those_of_the_recorded_evaluation(run, drawn_data, monkeypatch):
    monkeypatch.setenv("JAXSEG_DATA_DIR", str(drawn_data))
    expected = json.loads((GOLDEN / "expected.json").read_text())["unet"]["evaluated"]
    assert run.evaluate()["mean_iou"] == expected["mean_iou"]


@pytest.mark.parametrize(
    "image",
    [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((1, 4, 4, 3), np.uint8)],
)
def test_arrays_that_are_no_image_are_refused(run, image):
    with pytest.raises(
        ValueError, match=r"^image=.* is invalid: expected an RGB image"
    ):
        run.predict(image)


def test_a_run_of_point_clouds_names_the_command_that_predicts(run):
    model = ModelConfig("point_transformer")
    config = dataclasses.replace(run.config, model=model)
    clouds = dataclasses.replace(run, config=config, workdir=pathlib.Path("runs/rooms"))
    expected = (
        r"^run='runs/rooms' is invalid: expected a run on images, but "
        r"point_transformer segments point clouds. Use `jaxseg predict CLOUD.npz "
        r"--workdir runs/rooms -o DIR`\.$"
    )
    with pytest.raises(ValueError, match=expected):
        clouds.predict("room.txt")


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(ValueError, match="is missing"):
        jaxseg.open_run(tmp_path)
    with pytest.raises(ValueError, match=r"data=\['paht'\] is invalid"):
        jaxseg.open_run(GOLDEN / "unet", data={"paht": "x"})
    with pytest.raises(ValueError, match=r"model.options.widht is invalid for"):
        jaxseg.open_run(GOLDEN / "unet", model_options={"widht": 3})


@pytest.mark.slow
def test_training_from_python_is_that_of_the_command(
    tmp_path, drawn_data, monkeypatch, capsys
):
    monkeypatch.setenv("JAXSEG_DATA_DIR", str(drawn_data))
    config = Config(
        model=ModelConfig("unet", {"width": 4, "depth": 1}),
        data=DataConfig(
            "shapes",
            train_split="train[:8]",
            eval_split="validation[:4]",
            crop=(32, 32),
        ),
        train=TrainConfig(
            steps=2, batch_size=8, eval_batch_size=8, num_overlays=0, report_images=0
        ),
    )
    trained = jaxseg.train(config, tmp_path / "run")
    assert capsys.readouterr().out == ""
    assert trained.best_step == 2 and trained.spec.name == "shapes"
    run = jaxseg.open_run(trained.workdir)
    assert run.step == 2 and run.config == config
    assert run.evaluate()["mean_iou"] == trained.scores["mean_iou"]
    workdir = f"--workdir={tmp_path / 'other'}"
    shutil.copytree(tmp_path / "run", tmp_path / "other", ignore=lambda *_: ["ckpt"])
    assert main(["train", workdir]) == 0
    again = jaxseg.open_run(tmp_path / "other")
    jax.tree.map(np.testing.assert_array_equal, again.variables, run.variables)


@pytest.mark.slow
def test_pretrained_weights_load_from_a_file_and_from_a_run(run, tmp_path):
    model, variables = jaxseg.load_pretrained(GOLDEN / "unet")
    assert model == run.model
    best = jaxseg.open_run(GOLDEN / "unet")
    jax.tree.map(np.testing.assert_array_equal, variables, best.variables)
    torchvision = jaxseg.create_model("lraspp_mobilenetv3", num_classes=5)
    shapes = variable_shapes(torchvision)
    filled = jax.tree.map(lambda x: np.full(x.shape, 0.5, x.dtype), shapes)
    rules = next(s for s in SOURCES if s.name.startswith("LR-ASPP")).rules
    write(tmp_path / "a.pth", to_torch(filled, rules))
    found = jaxseg.load_pretrained(tmp_path / "a.pth")
    jax.tree.map(np.testing.assert_array_equal, found.variables, filled)
    assert variable_shapes(found.model) == shapes
    with pytest.raises(ValueError, match=r"classifier|head"):
        jaxseg.load_pretrained(tmp_path / "a.pth", num_classes=7)
    (tmp_path / "page.pth").write_text("<html><title>404</title></html>")
    with pytest.raises(ValueError, match=r"page\.pth"):
        jaxseg.load_pretrained(tmp_path / "page.pth")
