"""Tests training, evaluation and prediction on several datasets by command."""

import json
import shutil

import jax
import numpy as np
import pytest
from PIL import Image

import jaxseg
from jaxseg.cli.main import main
from jaxseg.data.mix.opening import open_mixed
from jaxseg.inference.image_network import ImageNetwork
from jaxseg.inference.segmenter import PredictOptions
from jaxseg.metrics import scores
from jaxseg.runs.directory import build_model, load_variables, read_config, read_spec

CONFIG = """
from jaxseg.config import (
    Config, DataConfig, MemberConfig, ModelConfig, OptimConfig, TrainConfig,
)

names = ("background", "disc", "box", "triangle", "ring", "pole", "wire")
shapes = DataConfig("shapes", train_split="train[:20]", eval_split="validation[:5]")
config = Config(
    ModelConfig("unet", {"width": 4, "depth": 1}),
    DataConfig(
        crop=(32, 48),
        classes=names,
        mix=(
            MemberConfig("all", shapes, weight=3),
            MemberConfig(
                "lines",
                shapes,
                class_map=(
                    *(f"{name} -> {name}" for name in names[:5]),
                    "pole -> pole | wire",
                    "wire -> void",
                ),
            ),
        ),
    ),
    OptimConfig(learning_rate=1e-3),
    train=TrainConfig(
        steps=6, batch_size=4, eval_batch_size=4, log_every=2, eval_every=3,
        save_every=2, num_overlays=1, report_images=0,
    ),
)
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("mix") / "both.py"
    path.write_text(CONFIG)
    return path


@pytest.fixture(scope="module")
def run(file, data_dir):
    """The run directory of a finished run."""
    workdir = file.parent / "run"
    where = [f"--data.prepared-dir={data_dir}", "--devices=2"]
    assert main(["train", str(file), f"--workdir={workdir}", *where]) == 0
    return workdir


def lines(workdir, kind):
    rows = (workdir / "metrics.jsonl").read_text().splitlines()
    return [row for row in map(json.loads, rows) if row["kind"] == kind]


def test_records_name_the_datasets_and_rank_by_their_mean(run):
    spec = read_spec(run)
    assert [member.name for member in spec.members] == ["all", "lines"]
    assert spec.union.merged == ((5, 6),)
    assert read_config(run).data.mix[1].weight == 1
    assert len(lines(run, "train")) == 3
    for row in lines(run, "eval"):
        means = [row["all/mean_iou"], row["lines/mean_iou"]]
        assert row["mean_iou"] == pytest.approx(np.mean(means), abs=1e-12)
        assert len(row["all/iou"]) == 7 and len(row["lines/iou"]) == 6
    names = sorted(p.name for p in (run / "overlays" / "00000006").iterdir())
    assert [name.split("_")[0] for name in names] == ["all", "lines"]


@pytest.mark.slow
def test_evaluation_is_that_of_summed_probabilities(run, capsys, tmp_path):
    """Compared with slow NumPy code on the probabilities of single images."""
    out = tmp_path / "scores.json"
    assert main(["eval", str(run), "-o", str(out), "--devices=1"]) == 0
    printed, found = capsys.readouterr().out, json.loads(out.read_text())
    assert "\nall\nclass" in printed and "\nlines\nclass" in printed
    assert "mean IoU over the datasets" in printed
    config, spec = read_config(run), read_spec(run)
    model = build_model(config, 7)
    _, variables = load_variables(run, model)
    network = ImageNetwork(model, spec)
    both = jax.jit(network.labels_and_probabilities)
    source = open_mixed(config.data, "validation")
    matrix = np.zeros((8, 7), int)
    for number in range(5):
        example = source.parts[1][number]
        p = np.array(both(variables, example["image"][None])[1][0])
        label = example["label"].copy()
        label[label == 6] = 255  # Wires go to void.
        p[..., 5] += p[..., 6]
        guess = p[..., :6].argmax(-1)
        np.add.at(matrix, (np.where(label == 255, 7, label), guess), 1)
    expected = scores(np.concatenate([matrix[:6, :6], matrix[7:, :6]]))
    for name in ("mean_iou", "pixel_accuracy", "iou", "pixels"):
        np.testing.assert_allclose(found[f"lines/{name}"], expected[name], rtol=1e-9)


@pytest.mark.slow
def test_prediction_is_in_the_union_or_in_the_classes_of_a_dataset(
    run, tmp_path, capsys
):
    source = open_mixed(read_config(run).data, "validation")
    image = source.parts[0][0]["image"]
    Image.fromarray(image).save(tmp_path / "scene.png")
    opened = jaxseg.open_run(run)
    union = opened.predict(image)
    own = opened.make_segmenter(PredictOptions(dataset="lines")).predict(image)
    assert own.spec.classes == ("background", "disc", "box", "triangle", "ring", "pole")
    p = union.probabilities
    expected = np.concatenate([p[..., :5], p[..., 5:6] + p[..., 6:]], axis=-1)
    np.testing.assert_allclose(own.probabilities, expected, rtol=1e-6)
    np.testing.assert_array_equal(own.labels, expected.argmax(-1))
    for mode in (["--flip"], ["--mode=slide", "--window", "32", "48"]):
        words = [str(tmp_path / "scene.png"), f"--workdir={run}", "--dataset=lines"]
        out = tmp_path / mode[0]
        more = ["--probabilities", "--write", "geojson"]
        assert main(["predict", *words, *mode, "-o", str(out), *more]) == 0
        found = np.load(out / "scene.npz")
        assert tuple(found["classes"]) == own.spec.classes
        assert found["probabilities"].shape == (96, 128, 6)
        written = np.asarray(Image.open(out / "scene.png"))
        regions = json.loads((out / "scene.geojson").read_text())["features"]
        named = {
            (each["properties"]["class"], each["properties"]["label"])
            for each in regions
        }
        assert named == {(own.spec.classes[k], k) for k in np.unique(written)}
        # The stored probabilities are rounded to float16.
        assert (written == found["probabilities"].argmax(-1)).mean() > 0.999
    capsys.readouterr()
    words[-1] = "--dataset=line"
    assert main(["predict", *words, "-o", str(tmp_path / "no")]) != 0
    assert (
        "dataset='line' is invalid: expected a known name, such as 'lines'."
        in capsys.readouterr().err
    )
    assert not (tmp_path / "no").exists()


def test_data_check_opens_all_datasets_together(file, data_dir, tmp_path, capsys):
    words = ["data", "check", str(file), f"--data.prepared-dir={data_dir}"]
    words += ["-o", str(tmp_path / "out")]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert printed.endswith("OK: all lines have 7 classes together.\n")
    assert main([*words, "--data.mix.1.class-map", "no.txt"]) == 1
    found = capsys.readouterr()
    assert "no.txt is not a file" in found.err and "REJECTED" in found.out


@pytest.mark.slow
def test_a_run_that_was_killed_continues_bit_for_bit(run, file, data_dir, tmp_path):
    again = tmp_path / "run"
    shutil.copytree(run, again)
    shutil.rmtree(again / "ckpt" / "6")  # As if the run had ended before.
    where = [f"--workdir={again}", f"--data.prepared-dir={data_dir}", "--devices=2"]
    assert main(["train", str(file), *where]) == 0
    model = build_model(read_config(run), 7)
    ends = [load_variables(one, model, checkpoint="latest") for one in (run, again)]
    assert [step for step, _ in ends] == [6, 6]
    jax.tree.map(np.testing.assert_array_equal, *(values for _, values in ends))
    assert lines(run, "eval") == lines(again, "eval")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--data.mix.1.weight=-1"], "data.mix[1].weight=-1.0 is invalid"),
        (["--data.mix.1.name=all"], "data.mix[0].name='all' is invalid"),
        (["--data.mix.0.data.crop", "8", "8"], "data.mix[0].data.crop=(8, 8)"),
        (["--data.mix.0.data.name=shape"], "data.mix[0].data.name='shape' is invalid"),
        (["--data.mix.0.data.train-split=spring"], "data.mix[0].data.train_split="),
        (["--data.name=camvid"], "data.name='camvid' is invalid: expected 'shapes'"),
        (["--data.backend=tf"], "data.backend='tf' is invalid"),
        (["--loss.name=dice"], "loss.name='dice' is invalid: expected cross_entropy"),
        (["--loss.class-weights=median_frequency"], "loss.class_weights="),
        (["--model.output=sigmoid"], "model.output='sigmoid' is invalid"),
        (["--model.name=prob_unet"], "model.name='prob_unet' is invalid"),
        (["--data.mix.1.class-map", "no.txt"], "no.txt is not a file"),
    ],
)
def test_wrong_mixes_are_refused_in_one_line(
    file, data_dir, tmp_path, capsys, options, words
):
    where = [f"--workdir={tmp_path / 'x'}", f"--data.prepared-dir={data_dir}"]
    assert main(["train", str(file), *where, "--devices=2", *options]) != 0
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1, error
    assert not (tmp_path / "x").exists()
