"""Tests that a stored run opens, predicts and is evaluated from Python."""

import dataclasses
import json
import pathlib
import shlex
import shutil

import jax
import numpy as np
import pytest
from PIL import Image

import jaxseg
from jaxseg.cli.main import main
from jaxseg.config import Config, DataConfig, ModelConfig, TrainConfig
from jaxseg.config.wording import in_python, option_text, with_python_words
from jaxseg.data.refused import UnknownRange
from jaxseg.ops.preprocess import preprocess
from jaxseg.runs.config_file import take_options
from jaxseg.weights import SOURCES, to_torch, write
from jaxseg.weights.catalog.stated import flag
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
        r"^workdir='runs/rooms' is invalid: expected a run on images, but "
        r"point_transformer segments point clouds. Use `jaxseg predict CLOUD.npz "
        r"--workdir runs/rooms -o DIR`\.$"
    )
    with pytest.raises(ValueError, match=expected):
        clouds.predict("room.txt")


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(
        ValueError, match=r"^workdir='.*' is invalid: expected a run .* is missing"
    ):
        jaxseg.open_run(tmp_path)
    with pytest.raises(ValueError, match=r"data=\['paht'\] is invalid"):
        jaxseg.open_run(GOLDEN / "unet", data={"paht": "x"})
    with pytest.raises(ValueError, match=r"model.options.widht is invalid for"):
        jaxseg.open_run(GOLDEN / "unet", model_options={"widht": 3})


def test_errors_use_the_words_of_the_interface(run, tmp_path, capsys):
    Image.fromarray(np.zeros((32, 40, 3), np.uint8)).save(tmp_path / "a.png")
    small = jaxseg.open_run(GOLDEN / "unet", data={"max_pixels": 100})
    problem = (
        f"{tmp_path / 'a.png'}: The file has 32 x 40 pixels, more than "
        "data.max_pixels=100. If you trust the file, pass "
    )
    with pytest.raises(ValueError) as caught:
        small.predict(tmp_path / "a.png")
    assert str(caught.value) == problem + "data.max_pixels=1280."
    with pytest.raises(ValueError, match=r"pass data\.max_pixels=1280\.$"):
        small.segmenter.predict(tmp_path / "a.png")
    words = ["predict", str(tmp_path / "a.png"), f"--workdir={GOLDEN / 'unet'}"]
    assert main([*words, f"-o={tmp_path / 'o'}", "--data.max-pixels", "100"]) == 1
    assert "trust the file, pass --data.max-pixels 1280." in capsys.readouterr().err
    Image.fromarray(np.full((32, 40), 400, np.uint16)).save(tmp_path / "b.png")
    with pytest.raises(ValueError) as caught:
        run.predict(tmp_path / "b.png")
    assert str(caught.value) == (
        f"{tmp_path / 'b.png'}: The range of the file's 16-bit gray values (here 400 "
        "to 400) is not known. Pass the values of black and white by "
        "data.range=(LOW, HIGH), such as data.range=(0, 65535) for the full range of "
        "16 bits."
    )


def test_a_command_that_opens_a_run_as_python_does_keeps_its_words(tmp_path, capsys):
    damaged = shutil.copytree(GOLDEN / "unet", tmp_path / "run")
    shutil.copytree(damaged / "ckpt" / "4", damaged / "ckpt" / "8")
    shutil.rmtree(damaged / "ckpt" / "8" / "state")
    with pytest.raises(ValueError, match=r"is intact; pass checkpoint=4 to use it$"):
        jaxseg.open_run(damaged, checkpoint="latest")
    output = f"-o={tmp_path / 'a.stablehlo'}"
    words = ["export", str(damaged), "--checkpoint=latest", output]
    assert main(words) == 1
    error = capsys.readouterr().err.strip()
    assert error.endswith("is intact; pass --checkpoint 4 to use it")


@pytest.mark.parametrize(
    ("command_line", "python"),
    [
        ("Choose another --workdir, or", "Choose another workdir, or"),
        ("Set --train.init-from or", "Set train.init_from or"),
        ("Pass --data.backend grain.", "Pass data.backend='grain'."),
        ("--data.labels 0:void 255:0.", "data.labels=('0:void', '255:0')."),
        ("in --data.classes a or", "in data.classes=('a',) or"),
        ("--data.train-split 'a[:8]'.", "data.train_split='a[:8]'."),
        ("--data.pixels and --data.crop 8 9", "data.pixels and data.crop=(8, 9)"),
        ("--data.mix.1.data.flip true", "data.mix[1].data.flip=True"),
        ("Run `jaxseg eval --checkpoint 4`", "Run `jaxseg eval --checkpoint 4`"),
        ("Leave --verify out.", "Leave --verify out."),
        ("--data.name '8' --data.label b.", "data.name='8', data.label='b'."),
        ("--model.options.a None 2", "model.options.a=(None, 2)"),
    ],
)
def test_options_become_arguments(command_line, python):
    assert in_python(command_line) == python


def test_values_of_users_are_read_back_unchanged():
    names = ("a b", "b.", "in", "out", "x,y", "ROAD", "true", "3", "it's", '"q"', "-c")
    text = option_text("data.classes", *names)
    assert shlex.split(text) == ["--data.classes", *names]
    assert in_python(f"Pass {text}. Or") == f"Pass data.classes={names!r}. Or"
    assert option_text("data.classes", "road", "b") == "--data.classes road b"
    for value in (None, True, "true", "8", 8, (1, 2), (1,), (), "in", "conv 2", "X"):
        text = flag("rates", value)
        assert take_options(shlex.split(text))[0] == {
            "model": {"options": {"rates": value}}
        }
        assert in_python(f"Pass {text}.") == f"Pass model.options.rates={value!r}."


def test_the_same_error_is_raised_with_another_message():
    error = UnknownRange("The range is not known")
    error.path = "a.png"

    @with_python_words
    def fail():
        raise error

    with pytest.raises(UnknownRange, match=r"by data\.range=\(LOW, HIGH\)") as caught:
        fail()
    assert caught.value is error and error.path == "a.png"
    assert error.reason == "The range is not known"
    assert caught.traceback[-1].name == "fail"


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
