"""`jaxseg eval`: the same score whatever the batch size and the devices."""

import json

import jax
import numpy as np
import pytest

from jaxseg.cli.eval import parse
from jaxseg.cli.main import main
from jaxseg.data import open_source
from jaxseg.ops.resize import resize
from jaxseg.runs.directory import build_model, load_variables, read_config
from jaxseg.training.run.metric_reader import read_metrics


def score(trained, tmp_path, *more):
    """The JSON that `jaxseg eval` writes."""
    output = tmp_path / "scores.json"
    assert main(["eval", str(trained), "-o", str(output), *map(str, more)]) == 0
    return json.loads(output.read_text())


def test_the_score_of_the_last_step_is_that_of_training(trained, tmp_path):
    found = score(trained, tmp_path, "--checkpoint=6")
    line = read_metrics(trained, "eval")[-1]
    for name in ("mean_iou", "iou", "pixel_accuracy", "fw_iou", "f1"):
        assert found[name] == line[name]


@pytest.mark.slow
def test_batch_size_and_devices_do_not_change_a_digit(trained, tmp_path):
    split = "--split=validation[:9]"
    found = [
        score(trained, tmp_path, split, f"--batch-size={size}", f"--devices={count}")
        for size, count in ((1, 1), (1, 8), (4, 2), (7, 8))
    ]
    assert found[0]["images"] == 9
    assert all(one == found[0] for one in found)


@pytest.mark.slow
@pytest.mark.parametrize("scale", [1.0, 0.75])
def test_the_matrix_is_that_of_a_plain_count(trained, tmp_path, scale, data_dir):
    found = score(
        trained, tmp_path, "--checkpoint=latest", f"--data.eval-scale={scale}"
    )
    config = read_config(trained)
    source = open_source(config.data, "validation[:5]")
    model = build_model(config, 7)
    _, variables = load_variables(trained, model, checkpoint="latest")
    matrix = np.zeros((7, 7), int)
    mean, std = (np.asarray(v, np.float32) for v in (source.spec.mean, source.spec.std))

    @jax.jit
    def classes(variables, image):
        size = tuple(round(side * scale) for side in image.shape[:2])
        small = resize(image[None], size, antialias=True)
        logits = model.apply(variables, small)["logits"]
        return resize(logits, image.shape[:2])[0].argmax(-1)

    for i in range(5):
        example = source[i]
        image = (example["image"].astype(np.float32) / 255 - mean) / std
        guess = np.asarray(classes(variables, image))
        known = example["label"] != 255
        np.add.at(matrix, (example["label"][known], guess[known]), 1)
    assert np.abs(matrix - np.array(found["confusion"])).sum() <= 4  # near ties
    assert matrix.sum() == np.array(found["confusion"]).sum()


def test_the_table_is_printed(trained, tmp_path, capsys):
    score(trained, tmp_path)
    text = capsys.readouterr().out
    for part in ("unet at step", "5 images of shapes validation[:5]", "mean IoU"):
        assert part in text


@pytest.mark.slow
def test_averaged_weights_are_scored_where_they_were_trained(averaged, tmp_path):
    found = score(averaged, tmp_path, "--checkpoint=6")
    assert found["mean_iou"] == read_metrics(averaged, "eval")[-1]["mean_iou"]
    model = build_model(read_config(averaged), 7)
    _, average = load_variables(averaged, model, checkpoint=6, ema=True)
    _, plain = load_variables(averaged, model, checkpoint=6, ema=False)
    pairs = zip(jax.tree.leaves(average), jax.tree.leaves(plain), strict=True)
    assert any((a != b).any() for a, b in pairs)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--checkpoint=5"], "checkpoint='5' is invalid"),
        (["--split=nowhere"], "nowhere"),
        (
            ["--model.options.width=6"],
            "expected the arrays of this model. Differences: other shape",
        ),
        (["--model.options.widht=6"], "model.options.widht is invalid for"),
        (["--devices=9"], "devices=9 is invalid"),
    ],
)
def test_errors_are_one_line(trained, capsys, more, message):
    assert main(["eval", str(trained), *more]) == 1
    text = capsys.readouterr().err
    assert message in text and text.count("\n") == 1


def test_the_run_directory_may_be_named_as_in_other_commands(trained, capsys):
    for words in (["--workdir", str(trained)], [f"--workdir={trained}"]):
        arguments, _ = parse(["--batch-size", "3", *words])
        assert (arguments.workdir, arguments.batch_size) == (str(trained), 3)
    with pytest.raises(SystemExit, match="2"):
        main(["eval", "--batch-size", "3"])
    assert "An argument is missing: Run directory." in capsys.readouterr().err


def test_a_folder_that_is_no_run(tmp_path, capsys):
    assert main(["eval", str(tmp_path)]) == 1
    assert (
        f"workdir={str(tmp_path)!r} is invalid: expected a run directory"
        in capsys.readouterr().err
    )


def test_a_broken_config_is_named(tmp_path, capsys):
    (tmp_path / "config.json").write_text('{"model": ')
    assert main(["eval", str(tmp_path)]) == 1
    assert "config.json is invalid: expected JSON" in capsys.readouterr().err
