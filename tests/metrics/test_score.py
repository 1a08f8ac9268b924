"""Scores by hand, by a per-pixel second form, and as JSON and text."""

import json
import math

import numpy as np
import pytest

from jaxseg.metrics import scores, table, to_json

MATRIX = np.array(
    [[6, 2, 0, 0], [1, 3, 0, 0], [4, 0, 0, 0], [0, 0, 0, 0], [9, 9, 9, 9]]
)


def test_golden():
    """Class 2 is never predicted, class 3 in neither map, void counts nowhere."""
    got = scores(MATRIX)
    np.testing.assert_allclose(got["iou"], [6 / 13, 3 / 6, 0, np.nan])
    np.testing.assert_allclose(got["recall"], [6 / 8, 3 / 4, 0, np.nan])
    np.testing.assert_allclose(got["precision"], [6 / 11, 3 / 5, np.nan, np.nan])
    np.testing.assert_allclose(got["f1"], [12 / 19, 6 / 9, 0, np.nan])
    assert got["pixels"].tolist() == [8, 4, 4, 0]
    assert got["pixel_accuracy"] == pytest.approx(9 / 16)
    assert got["mean_accuracy"] == pytest.approx((6 / 8 + 3 / 4 + 0) / 3)
    assert got["mean_iou"] == pytest.approx((6 / 13 + 1 / 2 + 0) / 3)
    assert got["fw_iou"] == pytest.approx((8 * 6 / 13 + 4 / 2) / 16)
    assert got["mean_f1"] == pytest.approx((12 / 19 + 2 / 3) / 3)


def test_predicted_but_absent_class_scores_zero():
    got = scores(np.array([[3, 1], [0, 0], [0, 0]]))
    np.testing.assert_allclose(got["iou"], [3 / 4, 0])
    assert got["mean_iou"] == pytest.approx(3 / 8)
    assert got["fw_iou"] == pytest.approx(3 / 4)
    assert math.isnan(got["recall"][1]) and got["precision"][1] == 0


def test_no_labeled_pixel_is_nan_without_warnings(recwarn):
    got = scores(np.array([[0, 0], [0, 0], [5, 5]]))
    assert all(math.isnan(got[k]) for k in ("mean_iou", "fw_iou", "pixel_accuracy"))
    assert not recwarn.list


def test_equals_sets_of_pixels():
    random = np.random.default_rng(0)
    label, guess = random.integers(0, 4, (2, 500))
    matrix = np.zeros((5, 4), int)
    np.add.at(matrix, (label, guess), 1)
    got = scores(matrix)
    for k in range(4):
        true, found = set(np.flatnonzero(label == k)), set(np.flatnonzero(guess == k))
        both = len(true & found)
        assert got["iou"][k] == pytest.approx(both / len(true | found))
        precision, recall = both / len(found), both / len(true)
        harmonic = 2 * precision * recall / (precision + recall)
        assert got["f1"][k] == pytest.approx(harmonic)
    assert got["pixel_accuracy"] == pytest.approx((label == guess).mean())


def test_json_has_null_for_nan():
    text = json.dumps(to_json(scores(MATRIX)), allow_nan=False)
    back = json.loads(text)
    assert back["iou"] == [6 / 13, 0.5, 0.0, None]
    assert back["pixels"] == [8, 4, 4, 0]
    assert back["mean_iou"] == scores(MATRIX)["mean_iou"]


def test_table():
    lines = table(scores(MATRIX), ("sky", "road", "tree", "car")).splitlines()
    assert lines[0].split() == ["class", "iou", "precision", "recall", "f1", "pixels"]
    assert lines[2].split() == ["sky", "46.15", "54.55", "75.00", "63.16", "8"]
    assert lines[4].split() == ["tree", "0.00", "-", "0.00", "0.00", "4"]
    assert lines[5].split() == ["car", "-", "-", "-", "-", "0"]
    assert lines[7].split() == ["mean", "IoU", "32.05"]
    assert len({len(line) for line in lines[:7]}) == 1
    assert max(map(len, lines)) <= 88
    with pytest.raises(ValueError, match=r"len\(classes\)=1 is invalid: expected 4"):
        table(scores(MATRIX), ("sky",))


def test_wrong_matrix_is_named():
    with pytest.raises(
        ValueError, match=r"shape=\(2, 2\) is invalid: expected \[K \+ 1, K\]"
    ):
        scores(np.zeros((2, 2), int))
