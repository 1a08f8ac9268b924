"""`jaxseg eval --scores`: further scores from the same pass over the data."""

import json
import math

import numpy as np
import pytest

from jaxseg import open_run
from jaxseg.cli.main import main
from jaxseg.data import open_source
from jaxseg.metrics import boundary
from jaxseg.metrics.agreement import agreement_scores
from jaxseg.tasks.image_scores.groups import GROUPS
from jaxseg.tasks.image_scores.score_set import choose_scores
from jaxseg.viz import save_image

FOR_SHAPES = set(GROUPS) - {"category", "binary"}


def score(trained, tmp_path, *more):
    """The JSON that `jaxseg eval` writes."""
    output = tmp_path / "scores.json"
    assert main(["eval", str(trained), "-o", str(output), *map(str, more)]) == 0
    return json.loads(output.read_text())


def test_the_scores_are_those_of_single_predictions(trained, tmp_path, capsys):
    """Also of the library's functions on what `predict` returns."""
    found = score(trained, tmp_path, "--scores", "surface", "trimap", "image")
    text = capsys.readouterr().out
    for part in ("distances between boundaries", "hausdorff_95", "trimap_iou"):
        assert part in text
    run = open_run(trained)
    source = open_source(run.config.data, "validation[:5]")
    distances, images = [], []
    for example in (source[i] for i in range(5)):
        pair = boundary.label_pair(
            run.predict(example["image"]).labels, example["label"], num_classes=7
        )
        one = [d.hausdorff(95) for _, d in boundary.class_distances(pair)]
        known = [value for value in one if not math.isnan(value)]
        distances.append(np.mean(known))
        images.append(boundary.band_counts(pair))
    assert found["hausdorff_95"] == pytest.approx(np.mean(distances), rel=1e-6)
    bands = boundary.trimap_scores(images, 7)["trimap_iou"]
    np.testing.assert_allclose(found["trimap_iou"], bands, rtol=1e-6)
    assert 0 < found["image_iou"] < found["image_dice"] < 1
    assert "boundary_iou" not in found


@pytest.mark.slow
def test_batch_size_and_devices_do_not_change_a_digit(trained, tmp_path):
    options = ("--split=validation[:9]", "--scores", "all", "--distance.tolerance", 3)
    found = [
        score(trained, tmp_path, *options, f"--batch-size={b}", f"--devices={d}")
        for b, d in ((1, 1), (1, 8), (7, 8))
    ]
    assert {"boundary_f1", "trimap_iou", "cohen_kappa", "recall_small"} < set(found[0])
    assert all(one == found[0] for one in found)


@pytest.mark.slow
def test_the_curves_of_an_object(tmp_path):
    """A network with one logit: the areas, counted from the predictions."""
    random = np.random.default_rng(0)
    for split in ("train", "validation"):
        for kind in ("images", "masks"):
            (tmp_path / split / kind).mkdir(parents=True)
        for i in range(3):
            mask = np.zeros((16, 24), np.uint8)
            mask[4 : 8 + i, 6:18] = 255
            image = random.integers(0, 256, (16, 24, 3)).astype(np.uint8)
            image[..., 0] |= mask // 2
            save_image(tmp_path / split / "images" / f"{i}.png", image)
            save_image(tmp_path / split / "masks" / f"{i}.png", mask)
    run = tmp_path / "run"
    data = (f"--data.raw-dir={tmp_path}", f"--data.prepared-dir={tmp_path / 'data'}")
    data += ("--data.name=folder", "--data.labels=0/255", "--data.crop", "16", "24")
    small = ("--model.options.width=4", "--model.options.depth=1", "--devices=1")
    small += ("--train.batch-size=3", "--train.steps=2", "--train.eval-every=0")
    small += ("--train.num-overlays=0", "--train.report-images=0")
    words = ["train", f"--workdir={run}", *data, "--model.name=unet", *small]
    assert main([*words, "--model.output=sigmoid"]) == 0
    found = score(run, tmp_path, "--scores", "binary", "surface")
    opened = open_run(run)
    source = open_source(opened.config.data, "validation")
    pixels = []
    for example in (source[i] for i in range(3)):
        probability = opened.predict(example["image"]).probabilities[..., 1]
        pixels.append((probability.ravel(), example["label"].ravel()))
    value, label = map(np.concatenate, zip(*pixels, strict=True))
    above = value[label == 1][:, None] - value[label == 0][None]
    area = (above > 0).mean() + (above == 0).mean() / 2
    assert found["roc_auc"] == pytest.approx(area, abs=2e-3)
    assert len(found["precision_curve"]) == 101 and "hausdorff" in found


def test_refined_predictions_are_scored_too(trained, tmp_path, capsys):
    options = ("--class-thresholds", "background", "0.9")
    found = score(trained, tmp_path, *options, "--scores", "image", "agreement")
    assert "after refinement\nmeans over the images" in capsys.readouterr().out
    after = found["refined"]
    for scores in (found, after):
        matrix = np.array([*scores["confusion"], [0] * 7])
        kappa = agreement_scores(matrix)["cohen_kappa"]
        assert scores["cohen_kappa"] == pytest.approx(kappa, rel=1e-12)
    assert after["image_iou"] != found["image_iou"]
    # The images have equal sizes and nearly the same classes.
    assert after["image_iou"] == pytest.approx(after["mean_iou"], abs=0.03)


def test_all_selects_what_the_dataset_allows(trained):
    run = open_run(trained)
    assert set(choose_scores(["all"], run.config, run.spec).names) == FOR_SHAPES
    plain = choose_scores(["agreement"], run.config, run.spec)
    assert not plain.observers  # The matrix suffices.
    found = run.evaluate(scores=["agreement", "size"])
    assert set(found["specificity_per_class"].shape) == {7}
    assert found["objects_small"] > 0 and "mean_iou" in found


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--scores", "category"], "the record of the dataset has no categories"),
        (["--scores", "binary"], "they need two classes, and there are 7"),
        (["--distance.tolerance", "3"], "expected --scores surface or boundary"),
        (
            ["--scores", "surface", "--distance.spacing", "0", "1"],
            "distance.spacing=(0.0, 1.0) is invalid",
        ),
    ],
)
def test_errors_are_one_line(trained, capsys, more, message):
    assert main(["eval", str(trained), *more]) == 1
    text = capsys.readouterr().err
    assert message in text and text.count("\n") == 1


def test_an_unknown_name_lists_the_known_ones(trained):
    with pytest.raises(ValueError, match="expected all or names from the list bound"):
        open_run(trained).evaluate(scores=["dice"])
