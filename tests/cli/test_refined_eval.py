"""Refinement and bootstrap intervals in `jaxseg eval`, and from Python."""

import json

import numpy as np
import pytest

from jaxseg import open_run
from jaxseg.cli.main import main
from jaxseg.data import open_source
from jaxseg.inference.refinement import CRF, Clean, GraphCut, Refinement
from jaxseg.inference.segmenter import PredictOptions
from jaxseg.metrics import scores

STEPS = ["--class-thresholds", "disc", "0.2", "--graphcut", "--graphcut.gamma=1"]
STEPS += ["--clean.min-size=9", "--clean.fill-holes=5"]
REFINEMENT = Refinement(None, (("disc", 0.2),), GraphCut(1.0), Clean(9, 5))


def evaluate(trained, tmp_path, *more):
    """The JSON that `jaxseg eval` writes."""
    output = tmp_path / "scores.json"
    assert main(["eval", str(trained), "-o", str(output), *map(str, more)]) == 0
    return json.loads(output.read_text())


@pytest.fixture(scope="module")
def plain(trained, tmp_path_factory):
    split = "--split=validation[:3]"
    options = [split, *STEPS, "--bootstrap=50", "--bootstrap-seed=3", "--devices=1"]
    return evaluate(trained, tmp_path_factory.mktemp("plain"), *options)


@pytest.mark.slow
def test_eval_scores_what_predict_writes(trained, plain):
    run = open_run(trained)
    segmenter = run.make_segmenter(PredictOptions(refinement=REFINEMENT))
    source = open_source(run.config.data, "validation[:3]")
    matrix = np.zeros((7, 7), int)
    for i in range(3):
        example = source[i]
        guess, known = segmenter.predict(example["image"]).labels, example["label"]
        legal = known != 255
        np.add.at(matrix, (known[legal], guess[legal]), 1)
    found = np.array(plain["refined"]["confusion"])
    assert np.abs(matrix - found).sum() <= 4  # near ties
    assert np.abs(found - np.array(plain["confusion"])).sum() > 50
    expected = scores(np.concatenate([found, np.zeros((1, 7), int)]))
    assert plain["refined"]["mean_iou"] == expected["mean_iou"]
    assert plain["refined"]["refinement"]["graphcut"] == {"gamma": 1.0}


@pytest.mark.slow
def test_batch_size_and_devices_do_not_change_a_digit(trained, tmp_path, plain):
    options = ["--split=validation[:3]", *STEPS, "--bootstrap=50", "--bootstrap-seed=3"]
    more = ["--batch-size=1", "--devices=2"]
    assert evaluate(trained, tmp_path, *options, *more) == plain


@pytest.mark.slow
def test_python_measures_the_same(trained, plain, tmp_path):
    run = open_run(trained)
    found = run.measure(split="validation[:3]", refinement=REFINEMENT)
    assert found.scores["mean_iou"] == plain["mean_iou"]
    assert found.refined_scores["mean_iou"] == plain["refined"]["mean_iou"]
    for name, refined in (("intervals", False), ("intervals_refined", True)):
        intervals = found.intervals(50, seed=3, refined=refined)
        assert intervals.low["mean_iou"] == plain[name]["low"]["mean_iou"]
        assert intervals.high["pixel_accuracy"] == plain[name]["high"]["pixel_accuracy"]
    low, high = (plain["intervals"][end]["mean_iou"] for end in ("low", "high"))
    assert low < plain["mean_iou"] < high
    bare = run.measure(split="validation[:1]", digests=False)
    with pytest.raises(ValueError, match="refinement=None is invalid"):
        bare.intervals(5, refined=True)
    with pytest.raises(ValueError, match="digests=False is invalid for a receipt"):
        bare.write_receipt(tmp_path / "a.json")


@pytest.mark.slow
def test_the_search_finds_the_setting_that_eval_then_scores(trained, tmp_path, capsys):
    grid = ["--crf.search-images=1", "--crf.search-color-weight", "0", "20"]
    grid += ["--crf.search-sigma-xy", "9", "--crf.search-sigma-rgb", "40"]
    common = ["--crf.iterations=2", "--clean.min-size=2", "--devices=1"]
    common += ["--class-thresholds", "disc", "0.125"]
    split = "--split=validation[:2]"
    found = evaluate(trained, tmp_path, split, "--crf.search", *grid, *common)
    tried = found["crf_search"]
    assert [one["color_weight"] for one in tried] == [0, 20]
    best = max(tried, key=lambda one: one["mean_iou"])
    assert tried[0]["mean_iou"] != tried[1]["mean_iou"]
    line = next(x for x in capsys.readouterr().out.splitlines() if x[:5] == "best:")
    words = line.split()
    assert words[1:4] == ["jaxseg", "eval", str(trained)]
    assert words[4:8] == ["--class-thresholds", "disc", "0.125", "--crf"]
    more = ["--split=validation[:1]", "--devices=1"]
    one = evaluate(trained, tmp_path, *more, *words[4:])
    assert one["refined"]["mean_iou"] == best["mean_iou"]
    assert one["refined"]["refinement"]["crf"] == {
        name: value for name, value in best.items() if name != "mean_iou"
    }
    assert CRF(**one["refined"]["refinement"]["crf"]).iterations == 2


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--crf.search", "--receipt=a.json"], "receipt='a.json' is invalid with"),
        (["--class-thresholds", "dics", "0.5"], "class_thresholds='dics' is invalid"),
        (["--class-thresholds", "disc", "1"], "class_thresholds disc=1.0 is invalid"),
        (["--clean.min-size=-1"], "clean.min_size=-1 is invalid"),
        (["--crf.search-sigma-xy", "0"], "crf.search_sigma_xy=(0.0,) is invalid"),
        (["--receipt=nowhere/a.json"], "receipt="),
    ],
)
def test_errors_are_one_line(trained, capsys, tmp_path, monkeypatch, more, message):
    (tmp_path / "nowhere").write_text("a file")
    monkeypatch.chdir(tmp_path)
    assert main(["eval", str(trained), *more]) == 1
    text = capsys.readouterr().err
    assert message in text and text.count("\n") == 1
